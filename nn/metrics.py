"""How good predictions are: plain numbers, without gradients. They take arrays or Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import to_host, values_of

__all__ = ["accuracy", "binary_accuracy", "confusion_matrix", "top_k_accuracy"]


def _values(x: Any) -> Any:
    values = np.asarray(to_host(values_of(x)))
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(
            f"NaN among {values.size} predictions or targets of shape {values.shape}: no class can be read from it"
        )
    return values


def _classes(x: Any) -> Any:
    """Class numbers: integers and booleans as they are; of floating-point scores the largest along the last axis."""
    values = _values(x)
    if values.dtype.kind == "f" and not values.ndim:
        raise ag.ShapeError("scores have the classes along their last axis; got a single number")
    return values.argmax(axis=-1) if values.dtype.kind == "f" else values


def _pair(found: Any, expected: Any, name: str) -> None:
    if found.shape != expected.shape:
        raise ag.ShapeError(f"{name} compares sample by sample: predictions of shape {found.shape}, targets {expected.shape}")
    if not found.size:
        raise ag.ShapeError(f"{name} of no samples: predictions have shape {found.shape}")


def accuracy(input: Any, target: Any) -> float:
    """The share of samples whose class is right.

    Args:
        input: scores (..., classes) in floating point, such as logits or probabilities: the largest counts (the first
            of equal ones); or class numbers (...).
        target: class numbers (...), or probabilities (..., classes).

    Raises:
        ShapeError: the shapes do not fit, or there are no samples.
        ValueError: NaN.

    >>> accuracy([[0.1, 0.9], [2.0, -1.0], [0.3, 0.2]], [1, 0, 1])
    0.6666666666666666
    """
    found, expected = _classes(input), _classes(target)
    _pair(found, expected, "accuracy")
    return float(np.mean(found == expected))


def top_k_accuracy(input: Any, target: Any, k: int = 5) -> float:
    """The share of samples whose class is among the k with the largest scores; of equal scores the right one comes last.

    Args:
        input: scores (..., classes).
        target: class numbers (...).
        k: at least 1.

    Raises:
        ShapeError: the shapes do not fit, or there are no samples.
        BoundsError: a class number is out of range.
        ValueError: k is below 1, or NaN.

    >>> top_k_accuracy([[0.1, 0.9, 0.3], [2.0, -1.0, 0.0]], [2, 1], k=2)
    0.5
    """
    if k < 1:
        raise ValueError(f"k counts the classes that are looked at, at least 1; got {k}")
    scores, expected = _values(input), _classes(target)
    _pair(scores[..., 0] if scores.ndim else scores, expected, "top_k_accuracy")
    _in_range(expected, scores.shape[-1])
    own = np.take_along_axis(scores, expected[..., None], axis=-1)
    return float(np.mean((scores >= own).sum(axis=-1) <= k))


def binary_accuracy(input: Any, target: Any, threshold: float = 0.5) -> float:
    """The share of samples on the right side of a threshold.

    Args:
        input: probabilities of class 1, of any shape. For logits give `threshold=0`.
        target: 0 and 1 (or probabilities: above 1/2 is class 1), of the same shape.
        threshold: above it the class is 1; at it 0.

    Raises:
        ShapeError: the shapes differ, or there are no samples.
        ValueError: NaN.

    >>> binary_accuracy([0.2, 0.7, 0.5], [0, 1, 1])
    0.6666666666666666
    """
    found, expected = _values(input), _values(target)
    _pair(found, expected, "binary_accuracy")
    return float(np.mean((found > threshold) == (expected > 0.5)))


def confusion_matrix(input: Any, target: Any, num_classes: int | None = None) -> Any:
    """How often which class is taken for which.

    Args:
        input: scores or class numbers, as for `accuracy`.
        target: class numbers or probabilities.
        num_classes: by default those that occur, or that there are scores for.

    Returns:
        Integers (num_classes, num_classes): row the true class, column the predicted one.

    Raises:
        ShapeError: the shapes do not fit.
        BoundsError: a class number is out of range.

    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    found, expected = _classes(input), _classes(target)
    _pair(found, expected, "confusion_matrix")
    if num_classes is None:
        scores = [x.shape[-1] for x in (_values(input), _values(target)) if x.dtype.kind == "f"]
        num_classes = max([int(found.max()) + 1, int(expected.max()) + 1, *scores])
    for classes in (found, expected):
        _in_range(classes, num_classes)
    pairs = expected.reshape(-1).astype(np.intp) * num_classes + found.reshape(-1).astype(np.intp)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _in_range(classes: Any, num_classes: int) -> None:
    wrong = classes[(classes < 0) | (classes >= num_classes)]
    if wrong.size:
        raise ag.BoundsError(f"class numbers of {num_classes} classes are 0 to {num_classes - 1}; got {wrong.flat[0]}")
