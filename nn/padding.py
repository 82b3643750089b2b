"""Padding layers: elements added at the ends of the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_core as ag

from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ZeroPad1d",
    "ZeroPad2d",
    "pad",
]

# PyTorch's names and numpy.pad's
MODES = {"constant": "constant", "zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Any:
    """Add elements at the ends of the last axes.

    Args:
        input: any shape.
        pad: numbers in pairs (before, behind), from the last axis on: (left, right, top, bottom). Negative ones take away.
        mode: "constant", "reflect" (without the end itself), "replicate" (the end again) or "circular".
        value: of the added elements, for "constant".

    Raises:
        ShapeError: more pairs than axes, or an axis too short for the mode.

    >>> pad(np.array([1.0, 2.0, 3.0]), (1, 2), "reflect")
    array([2., 1., 2., 3., 2., 1.])
    """
    if mode not in MODES:
        raise ValueError(f"mode is {', '.join(map(repr, MODES))}; got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ag.ShapeError(f"pad takes pairs (before, behind) for the last axes of shape {input.shape}; got {tuple(pad)}")
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    for (before, behind), n in zip(pairs, input.shape, strict=True):
        longest = {"reflect": n - 1, "circular": n}.get(mode, max(before, behind))
        if max(before, behind) > max(longest, 0) or n + min(before, 0) + min(behind, 0) < 0:
            raise ag.ShapeError(f"pad by {(before, behind)} with mode {mode!r} does not fit an axis of length {n}")
    if any(n < 0 for pair in pairs for n in pair):
        inside = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, input.shape, strict=True))
        input, pairs = input[inside], [(max(a, 0), max(b, 0)) for a, b in pairs]
    options = {"constant_values": value} if MODES[mode] == "constant" else {}
    return ag.pad(input, pairs, MODES[mode], **options)


class _Pad(Module):
    axes: int
    mode = "constant"
    value = 0.0

    def __init__(self, padding: int | Sequence[int]) -> None:
        sides = (padding,) * (2 * self.axes) if isinstance(padding, (int, np.integer)) else tuple(padding)
        if len(sides) != 2 * self.axes:
            raise ValueError(
                f"{type(self).__name__} takes one number or {2 * self.axes}, (before, behind) from the last axis on"
            )
        self.padding = sides

    def forward(self, x: Any) -> Any:
        """x (..., *positions)."""
        return pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """The numbers of added elements."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """A constant at both ends of the last axis: `padding` is a number or (left, right).

    >>> ConstantPad1d((1, 0), 7.0)(np.ones((1, 2)))
    array([[7., 1., 1.]])
    """

    axes = 1

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """The numbers of added elements, and the constant."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """A constant around images: `padding` is a number or (left, right, top, bottom).

    >>> ConstantPad2d((1, 0, 0, 1), 7.0)(np.ones((1, 2, 2)))
    array([[[7., 1., 1.],
            [7., 1., 1.],
            [7., 7., 7.]]])
    """

    axes = 2


class ZeroPad1d(_Pad):
    """Zeros at both ends of the last axis.

    >>> ZeroPad1d(1)(np.ones((1, 2)))
    array([[0., 1., 1., 0.]])
    """

    axes = 1


class ZeroPad2d(_Pad):
    """Zeros around images.

    >>> ZeroPad2d((0, 0, 1, 0))(np.ones((1, 1, 2)))
    array([[[0., 0.],
            [1., 1.]]])
    """

    axes = 2


class ReflectionPad1d(_Pad):
    """The elements behind each end, mirrored; the end itself is not repeated.

    >>> ReflectionPad1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[3., 2., 1., 2., 3., 2., 1.]])
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(ReflectionPad1d):
    """The elements behind each border of images, mirrored.

    >>> ReflectionPad2d((1, 0, 1, 0))(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[[4., 3., 4.],
            [2., 1., 2.],
            [4., 3., 4.]]])
    """

    axes = 2


class ReplicationPad1d(_Pad):
    """The end, repeated.

    >>> ReplicationPad1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 1., 1., 2., 3., 3., 3.]])
    """

    axes, mode = 1, "replicate"


class ReplicationPad2d(ReplicationPad1d):
    """The borders of images, repeated.

    >>> ReplicationPad2d((1, 0, 1, 0))(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[[1., 1., 2.],
            [1., 1., 2.],
            [3., 3., 4.]]])
    """

    axes = 2


class CircularPad1d(_Pad):
    """What stands at the other end.

    >>> CircularPad1d((2, 0))(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 3., 1., 2., 3.]])
    """

    axes, mode = 1, "circular"


class CircularPad2d(CircularPad1d):
    """What stands at the opposite border of images.

    >>> CircularPad2d((1, 0, 1, 0))(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[[4., 3., 4.],
            [2., 1., 2.],
            [4., 3., 4.]]])
    """

    axes = 2
