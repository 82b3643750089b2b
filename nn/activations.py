"""Activation layers: each is one function of `autograd_core` as a module."""

from __future__ import annotations

from typing import Any

import autograd_core as ag

from .module import Module

__all__ = ["ReLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """max(x, 0), elementwise; derivative 0 at 0."""

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return ag.relu(x)


class Tanh(Module):
    """Hyperbolic tangent, elementwise."""

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return ag.tanh(x)


class Sigmoid(Module):
    """1/(1 + e^-x), elementwise."""

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return ag.sigmoid(x)


class Softmax(Module):
    """e^x / sum e^x along an axis."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """x of any shape; sums to 1 along the axis."""
        return ag.softmax(x, self.axis)
