"""Rows that move elements without changing them: every rule is the inverse or the transpose of the move."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..graph import unbroadcast
from ..record import implements, primitive

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "matrix_transpose",
    "moveaxis",
    "ravel",
    "reshape",
    "squeeze",
    "stack",
    "swapaxes",
    "transpose",
]

_reshape: Any = primitive(
    "reshape",
    lambda x, shape, order: np.reshape(x, shape, order=order),
    lambda g, _y, x_shape, _shape, order: _reshape(g, x_shape, order),
    kind="linear",
)
_transpose = primitive(
    "transpose",
    np.transpose,
    lambda g, _y, _x, axes: np.transpose(g, None if axes is None else _inverse(axes, g.ndim)),
    kind="linear",
)
_broadcast_to = primitive(
    "broadcast_to", np.broadcast_to, lambda g, _y, x_shape, _shape: unbroadcast(g, x_shape), kind="linear"
)
_concatenate = primitive(
    "concatenate",
    lambda axis, *xs: np.concatenate(xs, axis),
    lambda k, g, _y, axis, *xs_shape: g[_part(k, axis, xs_shape)],
    kind="linear",
    variadic=True,
    first=1,
)
_stack = primitive(
    "stack",
    lambda axis, *xs: np.stack(xs, axis),
    lambda k, g, _y, axis, *_xs: g[(slice(None),) * axis + (k,)],
    kind="linear",
    variadic=True,
    first=1,
)


def _inverse(axes: Sequence[int], ndim: int) -> list[int]:
    inverse = [0] * ndim
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return inverse


def _part(k: int, axis: int, shapes: Any) -> tuple[slice, ...]:
    """Where operand k of a concatenation stands in the result."""
    start = sum(shape[axis] for shape in shapes[:k])
    return (slice(None),) * axis + (slice(start, start + shapes[k][axis]),)


def ndim_of(x: Any) -> int:
    """The number of axes of an array, a Tensor or a number."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array, a Tensor or a number."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


@implements(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    """The same elements in another shape; one axis may be -1."""
    return _reshape(a, shape, order)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """The elements in one axis."""
    return _reshape(a, -1, order)


@implements(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    """The axes permuted; reversed when `axes` is None."""
    return _transpose(a, None if axes is None else normalize_axis_tuple(axes, ndim_of(a)))


@implements(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    axes = list(range(ndim_of(a)))
    i, j = normalize_axis_index(axis1, len(axes)), normalize_axis_index(axis2, len(axes))
    axes[i], axes[j] = axes[j], axes[i]
    return _transpose(a, tuple(axes))


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Axes moved to new places; the others keep their order."""
    sources = normalize_axis_tuple(source, ndim_of(a))
    targets = normalize_axis_tuple(destination, ndim_of(a))
    axes = [axis for axis in range(ndim_of(a)) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        axes.insert(target, axis)
    return _transpose(a, tuple(axes))


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Axes of length one removed: all, or those given."""
    shape = shape_of(a)
    if axis is None:
        return reshape(a, tuple(n for n in shape if n != 1))
    axes = normalize_axis_tuple(axis, len(shape))
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: axis {axis} of shape {shape} is not of length 1")
    return reshape(a, tuple(n for i, n in enumerate(shape) if i not in axes))


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """Axes of length one put in, at these places of the result."""
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    old = iter(shape_of(a))
    total = ndim_of(a) + len(axes)
    axes = normalize_axis_tuple(axes, total)
    return reshape(a, tuple(1 if i in axes else next(old) for i in range(total)))


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """The array repeated along new and length-one axes to this shape; the gradient sums over them."""
    return _broadcast_to(array, (shape,) if np.ndim(shape) == 0 else tuple(shape))


@implements(np.concatenate)
def concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Any:
    """Arrays joined along an axis that they have (flattened first when axis is None)."""
    arrays = list(arrays)
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    if dtype is not None:
        arrays = [x.astype(dtype) for x in arrays]
    return _concatenate(normalize_axis_index(axis, ndim_of(arrays[0])) if arrays else 0, *arrays)


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    """Arrays of one shape joined along a new axis."""
    arrays = [x if dtype is None else x.astype(dtype) for x in arrays]
    return _stack(normalize_axis_index(axis, ndim_of(arrays[0]) + 1) if arrays else 0, *arrays)
