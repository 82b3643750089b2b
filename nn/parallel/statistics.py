"""Sums over ranks that gradients go through, and normalization by the statistics of all ranks' batches."""

from __future__ import annotations

from typing import Any

import autograd_core as ag

from .launch import Ranks

__all__ = ["Batch", "all_sum"]

# Each rank's output depends on all ranks' inputs by 1: so the transpose of the sum is the same sum, of cotangents.
_all_sum: Any = ag.custom_op(
    "all_sum", lambda x, ranks: ranks.sum(x)[()], lambda g, _y, _x, ranks: _all_sum(g, ranks), kind="linear"
)


def all_sum(x: Any, ranks: Ranks) -> Any:
    """The sum of the ranks' arrays, differentiable: the gradient is that of the sum of all ranks' losses.

    Args:
        x: of the same shape and dtype on all ranks, each of which has to call this.
        ranks: those that take part.

    >>> all_sum(2.0, Ranks())  # alone
    2.0
    """
    return x if ranks.size == 1 else _all_sum(x, ranks)


class Batch:
    """The batches of all ranks as one: what a batch normalization layer takes its statistics of.

    Args:
        ranks: those that take part; each may have any number of samples, also 0.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def count(self, own: int) -> int:
        """How many values of each channel all ranks have."""
        return int(self.ranks.sum(own))

    def normalize(self, x: Any, axes: tuple[int, ...], eps: float, count: int) -> tuple[Any, Any, Any]:
        """`(x - mean) / sqrt(var + eps)`; mean and variance as plain arrays. Second pass for the variance: no cancellation."""
        mean = all_sum(x.sum(axis=axes, keepdims=True), self.ranks) / count
        centred = x - mean
        variance = all_sum((centred * centred).sum(axis=axes, keepdims=True), self.ranks) / count
        y = centred / ag.sqrt(variance + eps)
        return y, *(v.numpy() if isinstance(v, ag.Tensor) else v for v in (mean, variance))
