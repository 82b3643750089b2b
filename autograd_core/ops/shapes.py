"""Rows that move elements without changing them: every rule is the inverse or the transpose of the move."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..arrays import beside, foreign, to_host
from ..dual import bare
from ..errors import DTypeError
from ..graph import unbroadcast
from ..record import implements, primitive
from .derived import as_operand, derived, refuse_out
from .elementwise import astype
from .indexing import scatter

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_to",
    "concatenate",
    "diag",
    "diagflat",
    "diagonal",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "ravel",
    "repeat",
    "reshape",
    "resize",
    "roll",
    "rollaxis",
    "rot90",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
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
_roll = primitive("roll", np.roll, lambda g, _y, _x, shift, axis: np.roll(g, np.negative(shift).tolist(), axis), kind="linear")
# `starts` says where each operand begins: a rule that added up the lengths would cost O(n^2) for n operands.
_concatenate = primitive(
    "concatenate",
    lambda axis, _starts, *xs: np.concatenate(xs, axis),
    lambda k, g, _y, axis, starts, *_xs: g[at(axis, slice(starts[k], starts[k + 1]))],
    kind="linear",
    variadic=True,
    first=2,
)
_stack = primitive(
    "stack",
    lambda axis, *xs: np.stack(xs, axis),
    lambda k, g, _y, axis, *_xs: g[at(axis, k)],
    kind="linear",
    variadic=True,
    first=1,
)


def _inverse(axes: Sequence[int], ndim: int) -> list[int]:
    inverse = [0] * ndim
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return inverse


def ndim_of(x: Any) -> int:
    """The number of axes of an array, a Tensor or a number."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array, a Tensor or a number."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


def fits_into(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    """Whether an array of one shape broadcasts to another one without making it larger."""
    return len(shape) <= len(into) and all(n in (1, m) for n, m in zip(shape[::-1], into[::-1], strict=False))


def at(axis: int, index: Any) -> tuple[Any, ...]:
    """The index that takes this along one axis, and everything along those before and behind it."""
    return (*(slice(None),) * axis, index)


# The same elements in another shape


@implements(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    """The same elements in another shape; one axis may be -1.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.reshape(a, (2, 2))[1, 0])(np.zeros(4))
    array([0., 0., 1., 0.])
    """
    return _reshape(a, shape, _settled(a, order) if order == "A" else order)


def _settled(a: Any, order: str) -> str:
    """The order that "A" or "K" stands for: the gradient has a memory layout of its own, and would read it differently."""
    flags = bare(as_operand(a)).flags
    return "F" if order == "A" and flags.f_contiguous and not flags.c_contiguous else "C"


@derived(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """The elements in one axis: in index order ("C", "F"), or as they lie in memory ("A", "K").

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.ravel(a)[2])(np.zeros((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    if order == "K" and ndim_of(a) > 1:
        strides = bare(as_operand(a)).strides
        a = transpose(a, sorted(range(len(strides)), key=lambda axis: -abs(strides[axis])))
    return _reshape(a, -1, _settled(a, order) if order in {"A", "K"} else order)


@derived(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Axes of length one removed: all, or those given.

    >>> import numpy as np, autograd_core as ag
    >>> ag.squeeze(np.ones((2, 1, 3, 1))).shape
    (2, 3)
    >>> ag.grad(lambda a: ag.squeeze(a)[1])(np.ones((1, 3)))
    array([[0., 1., 0.]])
    """
    shape = shape_of(a)
    if axis is None:
        return reshape(a, tuple(n for n in shape if n != 1))
    axes = normalize_axis_tuple(axis, len(shape))
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"axis {axis} of shape {shape} is not of length 1")
    return reshape(a, tuple(n for i, n in enumerate(shape) if i not in axes))


@derived(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """Axes of length one put in, at these places of the result.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: (ag.expand_dims(a, 0) * np.ones((4, 1))).sum())(np.ones(3))
    array([4., 4., 4.])
    """
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    old = iter(shape_of(a))
    total = ndim_of(a) + len(axes)
    axes = normalize_axis_tuple(axes, total)
    return reshape(a, tuple(1 if i in axes else next(old) for i in range(total)))


def _each(function: Any, arys: tuple[Any, ...]) -> Any:
    """What NumPy's atleast functions return: the result for one array, a tuple for several."""
    results = tuple(function(as_operand(a)) for a in arys)
    return results[0] if len(results) == 1 else results


@derived(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Each array with an axis, if it has none; the gradient takes it away again.

    >>> import numpy as np, autograd_core as ag
    >>> ag.atleast_1d(3.0), ag.grad(lambda a: ag.atleast_1d(a)[0] ** 2)(3.0)
    (array([3.]), 6.0)
    """
    return _each(lambda a: reshape(a, a.shape or (1,)), arys)


@derived(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """Each array with at least two axes, new ones in front; the gradient takes them away again.

    >>> import numpy as np, autograd_core as ag
    >>> ag.atleast_2d(np.arange(3.0)).shape, ag.grad(lambda a: ag.atleast_2d(a)[0, 0] ** 2)(3.0)
    ((1, 3), 6.0)
    """
    return _each(lambda a: reshape(a, (1,) * (2 - a.ndim) + a.shape), arys)


@derived(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """Each array with at least three axes: n becomes (1, n, 1) and (m, n) becomes (m, n, 1), as in NumPy.

    >>> import numpy as np, autograd_core as ag
    >>> ag.atleast_3d(np.arange(3.0)).shape, ag.grad(lambda a: ag.atleast_3d(a).sum() ** 2)(3.0)
    ((1, 3, 1), 6.0)
    """
    return _each(lambda a: reshape(a, (1,) * (2 - a.ndim) + a.shape + (1,) * (a.ndim < 3)), arys)


# Axes in another order


@implements(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    """The axes permuted; reversed when `axes` is None.

    >>> import numpy as np, autograd_core as ag
    >>> ag.transpose(np.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    >>> ag.grad(lambda a: ag.transpose(a)[0, 1])(np.zeros((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    return _transpose(a, axes if axes is None or np.ndim(axes) else (axes,))


@derived(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.matrix_transpose(a)[0, 1])(np.ones((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    return swapaxes(x, -1, -2)


@derived(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> import numpy as np, autograd_core as ag
    >>> ag.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    >>> ag.grad(lambda a: ag.swapaxes(a, 0, 1)[0, 1])(np.ones((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    axes = list(range(ndim_of(a)))
    i, j = normalize_axis_index(axis1, len(axes)), normalize_axis_index(axis2, len(axes))
    axes[i], axes[j] = axes[j], axes[i]
    return _transpose(a, tuple(axes))


@derived(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Axes moved to new places; the others keep their order.

    >>> import numpy as np, autograd_core as ag
    >>> ag.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    >>> ag.grad(lambda a: ag.moveaxis(a, 0, 1)[0, 1])(np.ones((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    sources = normalize_axis_tuple(source, ndim_of(a))
    targets = normalize_axis_tuple(destination, ndim_of(a))
    axes = [axis for axis in range(ndim_of(a)) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        axes.insert(target, axis)
    return _transpose(a, tuple(axes))


@derived(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """An axis moved to stand before axis `start`; `moveaxis` says the same more clearly.

    >>> import numpy as np, autograd_core as ag
    >>> ag.rollaxis(np.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    >>> ag.grad(lambda a: ag.rollaxis(a, 1)[0, 1])(np.ones((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    n = ndim_of(a)
    axis = normalize_axis_index(axis, n)
    start = normalize_axis_index(start, n + 1) if start >= 0 else start + n
    return moveaxis(a, axis, start - (axis < start))


@derived(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """The elements in reverse order along axes (all if None); so is the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.flip(a)[0])(np.ones(3))
    array([0., 0., 1.])
    """
    m = as_operand(m)
    axes = normalize_axis_tuple(range(m.ndim) if axis is None else axis, m.ndim)
    return m[tuple(slice(None, None, -1 if i in axes else 1) for i in range(m.ndim))] if m.ndim else reshape(m, ())


@derived(np.fliplr)
def fliplr(m: Any) -> Any:
    """The second axis in reverse order; so is the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.fliplr(a)[0, 0])(np.ones((2, 2)))
    array([[0., 1.],
           [0., 0.]])
    """
    return flip(m, 1)


@derived(np.flipud)
def flipud(m: Any) -> Any:
    """The first axis in reverse order; so is the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.flipud(a)[0, 0])(np.ones((2, 2)))
    array([[0., 0.],
           [1., 0.]])
    """
    return flip(m, 0)


@derived(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k quarters from the first of two axes towards the second; the gradient is turned back.

    >>> import numpy as np, autograd_core as ag
    >>> ag.rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [1., 3.]])
    >>> ag.grad(lambda a: ag.rot90(a)[0, 0])(np.ones((2, 2)))
    array([[0., 1.],
           [0., 0.]])
    """
    m = as_operand(m)
    first, second = normalize_axis_tuple(axes, m.ndim)
    if k % 2 == 0:
        return flip(m, (first, second)) if k % 4 else flip(m, ())
    return swapaxes(flip(m, second), first, second) if k % 4 == 1 else flip(swapaxes(m, first, second), second)


@derived(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Elements moved along axes, those pushed out at the end coming in at the start; the gradient moves back.

    >>> import numpy as np, autograd_core as ag
    >>> ag.roll(np.arange(4.0), 1)
    array([3., 0., 1., 2.])
    >>> ag.grad(lambda a: ag.roll(a, 1)[0])(np.arange(4.0))
    array([0., 0., 0., 1.])
    """
    return _roll(a, np.asarray(to_host(bare(shift))).tolist(), axis)


# Elements repeated


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """The array repeated along new and length-one axes to this shape; the gradient sums over them.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.broadcast_to(a, (4, 2)).sum())(np.ones(2))
    array([4., 4.])
    """
    return _broadcast_to(array, (shape,) if np.ndim(shape) == 0 else tuple(shape))


@derived(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Each array repeated to the shape that all of them broadcast to; the gradient sums over what was repeated.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.broadcast_arrays(a, np.ones((4, 2)))[0].sum())(np.ones(2))
    array([4., 4.])
    """
    shape = np.broadcast_shapes(*[shape_of(x) for x in args])
    return tuple(broadcast_to(x, shape) for x in args)


@derived(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Coordinates of all points of a grid, one array for each axis; the gradient sums over the points that share one.

    >>> import numpy as np, autograd_core as ag
    >>> x, y = ag.meshgrid([0.0, 1.0, 2.0], [5.0, 6.0])
    >>> x.shape, ag.grad(lambda a: ag.meshgrid(a, [5.0, 6.0])[0].sum())(np.ones(3))
    ((2, 3), array([2., 2., 2.]))
    """
    if indexing not in {"xy", "ij"}:
        raise ValueError(f"indexing has to be 'xy' or 'ij'; got {indexing!r}")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[:2][::-1]  # the first array runs along the second axis
    grids = tuple(reshape(x, at(0, -1) + (1,) * (len(xi) - 1 - k)) for x, k in zip(xi, axes, strict=True))
    return grids if sparse else broadcast_arrays(*grids)


@derived(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """The array laid side by side `reps` times along each axis; the gradient sums over the copies.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.tile(a, 3).sum())(np.ones(2))
    array([3., 3.])
    """
    A = as_operand(A)
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = (1,) * (len(reps) - A.ndim) + A.shape
    reps = (1,) * (len(shape) - len(reps)) + reps
    pairs = [(int(r), n) for r, n in zip(reps, shape, strict=True)]
    laid = broadcast_to(reshape(A, [m for _, n in pairs for m in (1, n)]), [m for pair in pairs for m in pair])
    return reshape(laid, tuple(r * n for r, n in pairs))


@derived(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element (or slice along an axis) several times in a row; the gradient sums over the copies.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.repeat(a, [1, 3]).sum())(np.ones(2))
    array([1., 3.])
    """
    a = ravel(a) if axis is None else as_operand(a)
    axis = normalize_axis_index(axis or 0, a.ndim)
    repeats = np.asarray(to_host(bare(repeats)))
    if repeats.size != 1:
        return a[at(axis, np.repeat(np.arange(a.shape[axis]), repeats))]
    before, n, behind = a.shape[:axis], a.shape[axis], a.shape[axis + 1 :]
    count = int(repeats.item())
    copies = broadcast_to(reshape(a, (*before, n, 1, *behind)), (*before, n, count, *behind))
    return reshape(copies, (*before, n * count, *behind))


@derived(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """The elements, repeated or cut off to fill a shape; the gradient sums over the copies.

    >>> import numpy as np, autograd_core as ag
    >>> ag.resize(np.array([1.0, 2.0, 3.0]), (5,))
    array([1., 2., 3., 1., 2.])
    >>> ag.grad(lambda a: ag.resize(a, (5,)).sum())(np.ones(3))
    array([2., 2., 1.])
    """
    new_shape = (new_shape,) if np.ndim(new_shape) == 0 else tuple(new_shape)
    if any(n < 0 for n in new_shape):
        raise ValueError(f"the new shape {new_shape} has a negative length")
    a, size = ravel(a), int(np.prod(new_shape, dtype=int))
    if a.size == 0:
        return reshape(scatter(a, slice(0, 0), (size,)), new_shape)
    return reshape(tile(a, -(-size // a.size))[:size], new_shape)


# Diagonals and triangles


@derived(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the matrices in two axes, along a last axis; the gradient is 0 beside them.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.diagonal(a).sum())(np.ones((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    a = moveaxis(as_operand(a), (axis1, axis2), (-2, -1))
    *batch, m, n = a.shape
    count = max(min(m + min(offset, 0), n - max(offset, 0)), 0)
    start = offset if offset >= 0 else -offset * n
    return reshape(a, (*batch, m * n))[..., start : start + count * (n + 1) : n + 1]


@derived(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Any:
    """The sum of a diagonal; derivative 1 on it, 0 beside it.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.trace)(np.array([[1.0, 2.0], [3.0, 4.0]]))
    (5.0, array([[1., 0.],
           [0., 1.]]))
    """
    refuse_out("trace", out)
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@derived(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """The k-th diagonal of a matrix; or the matrix of zeros that has a vector there. Each is the other's gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.diag([1.0, 2.0])
    array([[1., 0.],
           [0., 2.]])
    >>> ag.grad(lambda v: ag.diag(v).sum())(np.ones(2))
    array([1., 1.])
    """
    v = as_operand(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("a vector or a matrix is needed")
    n = v.size + abs(k)
    start = k if k >= 0 else -k * n
    return reshape(scatter(v, slice(start, start + v.size * (n + 1), n + 1), (n * n,)), (n, n))


@derived(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """The matrix of zeros that has the elements on its k-th diagonal; the gradient is read from there.

    >>> import numpy as np, autograd_core as ag
    >>> ag.diagflat([1.0, 2.0], 1)
    array([[0., 1., 0.],
           [0., 0., 2.],
           [0., 0., 0.]])
    >>> ag.grad(lambda v: ag.diagflat(v).sum())(np.ones(2))
    array([1., 1.])
    """
    return diag(ravel(v), k)


def _triangle(m: Any, k: int, lower: bool) -> Any:
    m = as_operand(m)
    if not m.ndim:
        raise ValueError("an array with at least one axis is needed")
    rows, columns = (m.shape[-1:] + m.shape)[-2:]  # a vector stands for as many equal rows
    mask = beside(np.tri(rows, columns, k, dtype=bool), m)
    zero = np.zeros(1, m.dtype, like=foreign(m))
    return np.where(mask, m, zero) if lower else np.where(mask, zero, m)


@derived(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """Zero above the k-th diagonal of the last two axes; the gradient too.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.tril(a).sum())(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return _triangle(m, k, lower=True)


@derived(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """Zero below the k-th diagonal of the last two axes; the gradient too.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.triu(a).sum())(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return _triangle(m, k - 1, lower=False)


# Joining (what is composed of these two stands in `joining`)


def _operands(arrays: Any, dtype: Any, casting: Any) -> list[Any]:
    """What is to be joined, of one dtype if one is asked for."""
    operands = [as_operand(x, *arrays) for x in arrays]
    if dtype is None:
        return operands
    for x in operands:
        if not np.can_cast(x.dtype, dtype, casting):
            raise DTypeError(f"cannot join {x.dtype} to a result of dtype {np.dtype(dtype)} with casting={casting!r}")
    return [astype(x, dtype) for x in operands]


@derived(np.concatenate)
def concatenate(
    arrays: Any, /, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Arrays joined along an axis that they have (flattened first when axis is None); each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.concatenate([a, a * a]).sum())(np.array([1.0, 2.0]))
    array([3., 5.])
    """
    refuse_out("concatenate", out)
    operands = _operands(arrays, dtype, casting)
    if axis is None:
        operands, axis = [ravel(x) for x in operands], 0
    if not operands:
        raise ValueError("at least one array is needed")
    axis = normalize_axis_index(axis, operands[0].ndim)
    starts = accumulate((x.shape[axis] if x.ndim > axis else 0 for x in operands), initial=0)
    return _concatenate(axis, tuple(starts), *operands)


@derived(np.stack)
def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Arrays of one shape joined along a new axis; each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.stack([a, a * a])[1].sum())(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    refuse_out("stack", out)
    operands = _operands(arrays, dtype, casting)
    return _stack(normalize_axis_index(axis, operands[0].ndim + 1) if operands else 0, *operands)
