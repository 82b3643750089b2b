"""What the losses share: shapes that have to agree, weights, and the reduction."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, one_kind, values_of

Reduction = Literal["mean", "sum", "none"]


def reduced(loss: Any, reduction: Reduction) -> Any:
    if reduction == "mean":
        return ag.mean(loss)
    if reduction == "sum":
        return ag.sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"reduction is 'mean', 'sum' or 'none'; got {reduction!r}")


def check_same_shape(input: Any, target: Any, name: str) -> None:
    if np.shape(input) != np.shape(target):
        raise ag.ShapeError(
            f"{name} compares element by element: input has shape {np.shape(input)} and target {np.shape(target)}. "
            "Bring them to one shape (reshape, squeeze); broadcasting would average over pairs that do not belong together."
        )


def paired(input: Any, target: Any, name: str) -> Any:
    """The target, if it has the input's shape. What has no floating-point dtype gets the input's, so that float32 stays."""
    check_same_shape(input, target, name)
    dtype = getattr(input, "dtype", np.dtype(object))
    if dtype.kind != "f" or (np.ndim(target) == 0 and not hasattr(target, "dtype")):  # a plain number decides no dtype
        return target
    target = target if hasattr(target, "dtype") else beside(np.array(target, dtype), input)
    return target.astype(dtype) if target.dtype.kind in "biu" else target


def targets_of(target: Any, input: Any, name: str) -> Any:
    """What is not differentiated (labels, weights), as an array of the input's library; a list is moved there.

    Raises:
        ArrayKindError: it is an array of another library, such as labels on the host for scores on a GPU.
    """
    values = values_of(target) if hasattr(target, "dtype") else beside(values_of(target), input)
    one_kind(name, input, values)
    return values


def class_numbers(target: Any, input: Any, name: str) -> Any:
    """Labels as an array."""
    labels = targets_of(target, input, name)
    if labels.dtype.kind not in "iu":
        raise ag.DTypeError(f"{name} takes class numbers as integer targets; got {labels.dtype} of shape {labels.shape}")
    return labels


def weighted(loss: Any, weight: Any, name: str) -> Any:
    """Elements times a weight that may be broadcast to them, but neither broadcasts nor widens them."""
    if weight is None:
        return loss
    if np.broadcast_shapes(np.shape(weight), loss.shape) != loss.shape:
        raise ag.ShapeError(f"{name}: weight {np.shape(weight)} does not broadcast to the input's shape {loss.shape}")
    return loss * (weight.astype(loss.dtype) if hasattr(weight, "dtype") else beside(np.array(weight, loss.dtype), loss))


def class_weights(weight: Any, input: Any, classes: int, name: str) -> Any:
    weight = targets_of(weight, input, name)
    if weight.shape != (classes,):
        raise ag.ShapeError(f"{name} takes one weight for each of {classes} classes; got shape {weight.shape}")
    return weight
