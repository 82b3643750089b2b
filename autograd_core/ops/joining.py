"""Rows that join arrays and take them apart; and padding, which joins an array with what is made of its ends."""

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..arrays import beside, to_host
from ..dual import bare
from ..errors import DTypeError, NoRuleError
from .derived import as_operand, derived
from .elementwise import astype, positive
from .indexing import getitem, scatter
from .shapes import at, atleast_1d, atleast_2d, atleast_3d, broadcast_to, concatenate, flip, moveaxis, ravel, reshape

__all__ = [
    "append",
    "array_split",
    "block",
    "column_stack",
    "concat",
    "delete",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "insert",
    "pad",
    "split",
    "unstack",
    "vsplit",
    "vstack",
]

# Joining

concat = concatenate


@derived(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Arrays (vectors as rows) joined along the first axis; each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.vstack([a, 2 * a])[1].sum())(np.ones(3))
    array([2., 2., 2.])
    """
    return concatenate([atleast_2d(x) for x in tup], 0, dtype=dtype, casting=casting)


@derived(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Arrays joined along the second axis, vectors along their only one; each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.hstack([a, 2 * a]).sum())(np.ones(3))
    array([3., 3., 3.])
    """
    arrays = [atleast_1d(x) for x in tup]
    return concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@derived(np.dstack)
def dstack(tup: Any) -> Any:
    """Arrays joined along the third axis; each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.dstack([np.ones((2, 3)), np.zeros((2, 3))]).shape
    (2, 3, 2)
    >>> ag.grad(lambda a: ag.dstack([a, 2 * a]).sum())(np.ones(3))
    array([3., 3., 3.])
    """
    return concatenate([atleast_3d(x) for x in tup], 2)


@derived(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Vectors as columns, and matrices, side by side; each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.column_stack([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 3.],
           [2., 4.]])
    >>> ag.grad(lambda a: ag.column_stack([a, a**2]).sum())(np.ones(3))
    array([3., 3., 3.])
    """
    arrays = [as_operand(x, *tup) for x in tup]
    return concatenate([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in arrays], 1)


@derived(np.block)
def block(arrays: Any) -> Any:
    """An array put together from nested lists of blocks, as a matrix is written; each block gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.jacobian(lambda a: ag.block([[a, 0.0], [0.0, 2 * a]]))(3.0)
    array([[1., 0.],
           [0., 2.]])
    """
    depth = _depth(arrays)
    ndim = max(depth, *(x.ndim for x in _leaves(arrays)))

    def joined(x: Any, level: int) -> Any:
        if level < depth:
            return concatenate([joined(part, level + 1) for part in x], level - depth)
        x = as_operand(x)
        return reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return positive(joined(arrays, 0)) if depth == 0 else joined(arrays, 0)


def _depth(arrays: Any) -> int:
    """How deep the lists of a block are nested; the same everywhere."""
    if isinstance(arrays, tuple):
        raise DTypeError("blocks stand in lists; a tuple could mean an index or an array")
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise ValueError("an empty list of blocks" if not depths else f"the lists are nested to different depths {depths}")
    return 1 + depths.pop()


def _leaves(arrays: Any) -> Any:
    if isinstance(arrays, list):
        for part in arrays:
            yield from _leaves(part)
    else:
        yield as_operand(arrays)


@derived(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Values joined on at the end of an axis (both flattened if None); each gets its part of the gradient.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: (ag.append(a, [5.0]) ** 2).sum())(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return concatenate([arr, values], axis)


@derived(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Values put in before these places of an axis; each gets its part of the gradient.

    The two are joined and then put in order, by what NumPy's insert does to the numbers of the slices.

    >>> import numpy as np, autograd_core as ag
    >>> ag.insert(np.array([1.0, 3.0]), 1, 2.0)
    array([1., 2., 3.])
    >>> ag.grad(lambda v: ag.insert(np.array([1.0, 3.0]), 1, v)[1])(2.0)
    1.0
    """
    arr = ravel(arr) if axis is None else as_operand(arr)
    axis = normalize_axis_index(-1 if axis is None else axis, arr.ndim)
    values, obj = _held(as_operand(values, arr), arr.dtype), bare(obj)
    values = reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if isinstance(obj, slice) or np.ndim(obj):
        count = np.insert(np.arange(arr.shape[axis]), obj, -1).size - arr.shape[axis]
    else:
        values, count = moveaxis(values, 0, axis), 1  # as NumPy reads the values for a single place
    count = values.shape[axis] if count == 1 else count
    values = broadcast_to(values, (*arr.shape[:axis], count, *arr.shape[axis + 1 :]))
    n = arr.shape[axis]
    order = np.insert(np.arange(n), obj, np.arange(n, n + count))
    return getitem(concatenate([arr, values], axis), at(axis, order))


def _held(values: Any, dtype: Any) -> Any:
    """Values in the dtype of the array that is to hold them, if it can hold them and their gradient."""
    values = as_operand(values)
    if not np.can_cast(values.dtype, dtype, "same_kind") and values.dtype.kind not in "iu":
        raise DTypeError(f"an array of dtype {dtype} cannot hold {values.dtype} values: use astype on one of them")
    return astype(values, dtype, copy=False)


@derived(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """The array without these slices of an axis; their gradient is 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.delete(a, 1).sum())(np.ones(3))
    array([1., 0., 1.])
    """
    arr = ravel(arr) if axis is None else as_operand(arr)
    axis = normalize_axis_index(-1 if axis is None else axis, arr.ndim)
    return getitem(arr, at(axis, np.delete(np.arange(arr.shape[axis]), bare(obj))))


# Taking apart


@derived(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts of an axis: so many of nearly equal length, or cut at these places; gradients go to where a part came from.

    >>> import numpy as np, autograd_core as ag
    >>> ag.array_split(np.arange(5.0), 2)
    [array([0., 1., 2.]), array([3., 4.])]
    >>> ag.grad(lambda a: ag.array_split(a, 2)[0].sum())(np.arange(5.0))
    array([1., 1., 1., 0., 0.])
    """
    ary = as_operand(ary)
    axis = normalize_axis_index(axis, ary.ndim)
    n, places = ary.shape[axis], bare(indices_or_sections)
    if np.ndim(places):
        cuts = [0, *map(int, places), n]
    else:
        if places < 1:
            raise ValueError(f"the number of sections has to be positive; got {places}")
        each, longer = divmod(n, int(places))
        cuts = list(accumulate([each + 1] * longer + [each] * (int(places) - longer), initial=0))
    return [ary[at(axis, slice(start, stop))] for start, stop in pairwise(cuts)]


@derived(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As `array_split`, but a number of sections has to divide the axis equally.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.split(a, [1, 3])[1].sum())(np.arange(4.0))
    array([0., 1., 1., 0.])
    """
    ary, places = as_operand(ary), bare(indices_or_sections)
    if np.ndim(places) == 0 and places > 0 and ary.shape[normalize_axis_index(axis, ary.ndim)] % places:
        raise ValueError(f"axis {axis} of shape {ary.shape} cannot be divided into {places} equal sections")
    return array_split(ary, places, axis)


@derived(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis, of a vector along its only one.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.hsplit(a, 2)[1].sum())(np.ones((2, 4)))
    array([[0., 0., 1., 1.],
           [0., 0., 1., 1.]])
    """
    ary = as_operand(ary)
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@derived(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis of an array with at least two.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.vsplit(a, 2)[1].sum())(np.ones((2, 3)))
    array([[0., 0., 0.],
           [1., 1., 1.]])
    """
    return split(_with_axes(ary, 2), indices_or_sections, 0)


@derived(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.dsplit(a, 2)[1].sum())(np.ones((1, 2, 2)))
    array([[[0., 1.],
            [0., 1.]]])
    """
    return split(_with_axes(ary, 3), indices_or_sections, 2)


def _with_axes(ary: Any, ndim: int) -> Any:
    ary = as_operand(ary)
    if ary.ndim < ndim:
        raise ValueError(f"an array with at least {ndim} axes is needed; its shape is {ary.shape}")
    return ary


@derived(*([np.unstack] if hasattr(np, "unstack") else []))  # NumPy has it since 2.1
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis, as a tuple; `stack` joins them again, and their gradients.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.unstack(a)[1].sum())(np.ones((2, 3)))
    array([[0., 0., 0.],
           [1., 1., 1.]])
    """
    x = moveaxis(_with_axes(x, 1), axis, 0)
    return tuple(x[i] for i in range(x.shape[0]))


# Padding


@derived(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """The array with more elements at both ends of its axes, made from it as `numpy.pad` says for the mode.

    All modes but "constant" and "empty" (zeros here) are functions of the elements, so that the gradient of the added
    ones goes back to what they were made of. A constant or an end value of a ramp may be a Tensor of the shape (), (2,)
    or (ndim, 2).

    >>> import numpy as np, autograd_core as ag
    >>> ag.pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    >>> ag.grad(lambda a: ag.pad(a, 1, mode="edge").sum())(np.array([1.0, 2.0]))
    array([2., 2.])
    """
    x = as_operand(array)
    if callable(mode):
        raise NoRuleError("'pad' with a function as mode is not recorded: join the parts with concatenate")
    np.pad(np.zeros(()), 0, mode, **dict.fromkeys(kwargs))  # NumPy checks the mode and the names of its options
    widths = _widths(pad_width, x.ndim)
    if x.dtype.kind not in "fc":
        y = np.pad(bare(x), widths, mode, **kwargs)  # no gradient; NumPy rounds means and ramps of integers
        return y if bare(x) is x else type(x)(y)
    value = kwargs.get("constant_values", 0)
    if mode == "empty" or (mode == "constant" and value.__class__ in {int, float} and value == 0):
        middle = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
        return scatter(x, middle, tuple(before + n + after for (before, after), n in zip(widths, x.shape, strict=True)))
    for axis, (before, after) in enumerate(widths):
        x = x if before == after == 0 else _extended(x, axis, before, after, mode, kwargs)
    return positive(x) if x is array else x


def _extended(x: Any, axis: int, before: int, after: int, mode: str, options: Any) -> Any:
    made = _ENDS[mode]
    first = [made(x, axis, 0, before, mode, options)] if before else []
    last = [made(x, axis, 1, after, mode, options)] if after else []
    return concatenate([*first, x, *last], axis)


def _widths(pad_width: Any, ndim: int) -> list[list[int]]:
    """Numbers of elements to add, (before, after) for each axis."""
    if isinstance(pad_width, dict):
        widths = np.zeros((ndim, 2), int)
        for axis, width in pad_width.items():
            widths[axis] = width
    else:
        widths = np.broadcast_to(np.asarray(to_host(bare(pad_width))), (ndim, 2))
    if widths.dtype.kind not in "iu":
        raise DTypeError(f"pad_width has to be of integers; got {widths.dtype}")
    if (widths < 0).any():
        raise ValueError("pad_width is negative: to cut elements off, use a slice")
    return widths.tolist()


def _option(value: Any, axis: int, end: int, x: Any) -> Any:
    """The value of an option for one end (0 or 1) of an axis of x."""
    return broadcast_to(as_operand(value, x), (x.ndim, 2))[axis, end]


# What is put before (end 0) or behind (end 1) an axis: n slices, from `(x, axis, end, n, mode, options)`


def _constant(x: Any, axis: int, end: int, n: int, mode: str, options: Any) -> Any:
    value = _held(_option(options.get("constant_values", 0), axis, end, x), x.dtype)
    return broadcast_to(value, (*x.shape[:axis], n, *x.shape[axis + 1 :]))


def _statistic(x: Any, axis: int, end: int, n: int, mode: str, options: Any) -> Any:
    """The mean (median, maximum, minimum) of so many slices at that end."""
    length, size = options.get("stat_length"), x.shape[axis]
    length = size if length is None else min(int(_option(length, axis, end, np.empty([0] * x.ndim))), size)
    if not length:
        raise ValueError(f"mode '{mode}' needs at least one element along axis {axis}, and a stat_length of at least 1")
    function: Any = {"mean": np.mean, "median": np.median, "maximum": np.max, "minimum": np.min}[mode]
    value = function(x[at(axis, slice(size - length, size) if end else slice(length))], axis=axis, keepdims=True)
    return broadcast_to(value, (*x.shape[:axis], n, *x.shape[axis + 1 :]))


def _ramp(x: Any, axis: int, end: int, n: int, mode: str, options: Any) -> Any:
    """A straight line between the edge and an end value."""
    far = _held(_option(options.get("end_values", 0), axis, end, x), x.dtype)
    share = beside((np.arange(n) / n).astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis)), x)
    edge = x[at(axis, slice(-1, None) if end else slice(0, 1))]
    return far + (edge - far) * (share[::-1] if end else share)


def _copy(x: Any, axis: int, end: int, n: int, mode: Any, options: Any) -> Any:
    """The slices whose numbers NumPy's pad puts there; with reflect_type="odd" reflected in the edge, value and place."""
    size = x.shape[axis]
    if options.get("reflect_type", "even") == "even" or size == 1:
        order = np.pad(np.arange(size), (0, n) if end else (n, 0), mode)
        return getitem(x, at(axis, order[size:] if end else order[:n]))
    x = flip(x, axis) if end else x
    skip = int(mode == "reflect")  # the edge itself is not repeated
    added = 0
    while added < n:
        edge, part = x[at(axis, slice(0, 1))], x[at(axis, slice(skip, size))]
        x, added = concatenate([flip(2 * edge - part, axis), x], axis), added + size - skip
    part = x[at(axis, slice(added - n, added))]
    return flip(part, axis) if end else part


_ENDS: dict[str, Any] = {
    "constant": _constant,
    "linear_ramp": _ramp,
    **dict.fromkeys(["mean", "median", "maximum", "minimum"], _statistic),
    **dict.fromkeys(["edge", "reflect", "symmetric", "wrap"], _copy),
}
