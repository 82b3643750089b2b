"""Losses: functions in `nn.functional`, and the same as modules. A loss never broadcasts prediction and target."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import autograd_core as ag

from .module import Module

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "MSELoss",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "mse_loss",
]

Reduction = Literal["mean", "sum", "none"]


def _reduce(loss: Any, reduction: Reduction) -> Any:
    if reduction == "mean":
        return ag.mean(loss)
    if reduction == "sum":
        return ag.sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"reduction is 'mean', 'sum' or 'none'; got {reduction!r}")


def _same_shape(input: Any, target: Any, name: str) -> None:
    if np.shape(input) != np.shape(target):
        raise ag.ShapeError(
            f"{name} compares element by element: input has shape {np.shape(input)} and target {np.shape(target)}. "
            "Bring them to one shape (reshape, squeeze); broadcasting would average over pairs that do not belong together."
        )


def mse_loss(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """(input - target)^2, mean over all elements; derivative 2/m (input - target).

    Some texts put 1/2 in front: that is `0.5 * mse_loss(...)`.

    Raises:
        ShapeError: shapes differ.

    >>> import numpy as np
    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    _same_shape(input, target, "mse_loss")
    return _reduce((input - target) ** 2, reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """-t log s(z) - (1 - t) log(1 - s(z)) of logits z, computed as t softplus(-z) + (1 - t) softplus(z).

    Args:
        input: logits.
        target: probabilities in [0, 1], of the same shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: shapes differ.

    >>> import numpy as np
    >>> float(binary_cross_entropy_with_logits(np.array([1000.0]), np.array([1.0])))
    0.0
    """
    _same_shape(input, target, "binary_cross_entropy_with_logits")
    return _reduce(ag.softplus(-input) * target + ag.softplus(input) * (1 - target), reduction)


def cross_entropy(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """-log softmax(input) at the target class; derivative (softmax - onehot)/m.

    Args:
        input: logits (n, classes), or (classes,) for one sample.
        target: class numbers (n,), or probabilities of the shape of `input`.
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ShapeError: the target is neither.
        BoundsError: a class number is out of range.

    >>> import numpy as np
    >>> float(cross_entropy(np.zeros((1, 4)), np.array([2])).round(6))
    1.386294
    """
    labels = target.numpy() if isinstance(target, ag.Tensor) else np.asarray(target)
    shape = input.shape if hasattr(input, "shape") else np.shape(input)
    if labels.dtype.kind in "iu" and labels.shape == shape[:-1]:
        return _reduce(ag.softmax_cross_entropy(input, labels), reduction)
    if shape == labels.shape and labels.dtype.kind == "f":
        return _reduce(-(ag.log_softmax(input) * target).sum(axis=-1), reduction)
    raise ag.ShapeError(
        f"cross_entropy takes logits (n, classes) with integer targets (n,), or "
        f"floating-point probabilities of the same shape; got logits {shape} and {labels.dtype} targets {labels.shape}"
    )


class _Loss(Module):
    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction: Reduction = reduction


class MSELoss(_Loss):
    """`mse_loss` as a module."""

    def forward(self, input: Any, target: Any) -> Any:
        """Arrays of one shape."""
        return mse_loss(input, target, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`binary_cross_entropy_with_logits` as a module."""

    def forward(self, input: Any, target: Any) -> Any:
        """Arrays of one shape."""
        return binary_cross_entropy_with_logits(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """`cross_entropy` as a module."""

    def forward(self, input: Any, target: Any) -> Any:
        """Logits (n, classes), targets (n,)."""
        return cross_entropy(input, target, self.reduction)
