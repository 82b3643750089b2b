"""Fully connected layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd_core as ag

from . import init
from .module import Module, Parameter

__all__ = ["Linear"]


class Linear(Module):
    """`x @ weight.T + bias`.

    Args:
        in_features: size of the last axis of the input.
        out_features: size of the last axis of the output.
        bias: whether to add one.
        dtype: of the parameters.
        rng: generator for the initial values: uniform in +-1/sqrt(in_features), as in PyTorch.

    >>> Linear(3, 2).weight.shape
    (2, 3)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features) if in_features > 0 else 0.0
        self.weight = init.uniform_(Parameter(np.empty((out_features, in_features), dtype)), -bound, bound, rng)
        self.bias = init.uniform_(Parameter(np.empty(out_features, dtype)), -bound, bound, rng) if bias else None

    def forward(self, x: Any) -> Any:
        """x (..., in_features) to (..., out_features)."""
        return ag.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes and bias."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
