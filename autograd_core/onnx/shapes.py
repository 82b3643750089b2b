"""How ops that move elements are written: shapes, joining, indexing."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .agree import Size
from .build import Builder, Value, is_static, row

__all__: list[str] = []

G: TypeAlias = Builder
Name: TypeAlias = Any
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@row("reshape")
def _reshape(g: G, y: Value, x: Value, _shape: Any, order: str) -> Name:
    if order != "F":
        return g.reshape(x, y.shape)
    turned = g.reshape(g.transpose(x, range(x.ndim)[::-1]), y.shape[::-1])  # columns first: rows of the transposed
    return g.transpose(turned, range(y.ndim)[::-1])


@row("transpose")
def _transpose(g: G, y: Value, x: Value, axes: Any) -> Name:
    order = range(x.ndim)[::-1] if axes is None else [axis % x.ndim for axis in axes]
    return g.op("Transpose", x, perm=list(order)) if x.ndim else g.op("Identity", x)


@row("broadcast_to")
def _broadcast_to(g: G, y: Value, x: Value, _shape: Any) -> Name:
    return g.op("Expand", x, g.sizes(y.shape))


@row("concatenate")
def _concatenate(g: G, y: Value, axis: int, _starts: Any, *xs: Value) -> Name:
    return g.op("Concat", *[g.cast(x, y.dtype) for x in xs], axis=axis)


@row("stack")
def _stack(g: G, y: Value, axis: int, *xs: Value) -> Name:
    return g.op("Concat", *[g.unsqueeze(g.cast(x, y.dtype), [axis]) for x in xs], axis=axis)


@row("roll")
def _roll(g: G, y: Value, x: Value, shift: Any, axis: Any) -> Name:
    if axis is None:
        flat = Value((math.prod(x.shape),), x.dtype, g.op("Reshape", x, np.array([-1]))) if is_static(x.shape) else None
        return g.reshape(_rolled(g, flat, flat, [(shift, 0)]), y.shape) if flat else _refused("roll over all elements")
    shifts, axes = np.broadcast_arrays(shift, axis)
    return _rolled(g, x, x, zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True))


def _rolled(g: G, name: Any, x: Value, moves: Any) -> Name:
    for shift, axis in moves:
        n = x.shape[axis]
        if isinstance(n, Size):
            _refused("roll along the batch")
        elif n and shift % n:
            cut = n - shift % n
            name = g.op("Concat", g.slice(name, axis, cut, _LAST), g.slice(name, axis, 0, cut), axis=axis)
    return g.name(name)


def _refused(what: str) -> Any:
    raise NotImplementedError(f"{what} is not written, because its length depends on the batch")


# Indexing


class _Plan(NamedTuple):
    """An index taken apart: where an axis is cut, and which axes have numbers."""

    slices: dict[int, slice]
    numbers: dict[int, Any]  # by axis: an integer, or an array of integers
    layout: list[Any]  # of the result: an axis that stays, None for a new one, "numbers" for those of the arrays
    arrays: bool  # whether there are arrays among the numbers, which then go together


def _items(index: Any, ndim: int) -> list[Any]:
    """One entry per axis or new axis: the ellipsis filled in, masks as numbers."""
    items = list(index) if isinstance(index, tuple) else [index]
    found: list[Any] = []
    for item in items:
        if isinstance(item, Value) and item.dtype == bool:
            if item.array is None:
                raise NotImplementedError("the shape of a selection by a computed mask depends on values: use where")
            if not item.ndim:
                raise NotImplementedError("an index of True or False")
            found += np.nonzero(item.array)
        elif isinstance(item, bool):
            raise NotImplementedError("an index of True or False")
        else:
            found.append(item)
    used = sum(item is not None and item is not Ellipsis for item in found)
    at = next((k for k, item in enumerate(found) if item is Ellipsis), len(found))
    return found[:at] + [slice(None)] * (ndim - used) + found[at + 1 :]


def _planned(index: Any, ndim: int) -> _Plan:
    items = _items(index, ndim)
    arrays = any(isinstance(item, (np.ndarray, Value)) for item in items)
    plan = _Plan({}, {}, [], arrays)
    places: list[int] = []
    axis = 0
    for place, item in enumerate(items):
        if item is None:
            plan.layout.append(None)
            continue
        if isinstance(item, slice):
            plan.layout.append(axis)
            if item != slice(None):
                plan.slices[axis] = item
        else:
            plan.numbers[axis] = item
            if arrays and not places:
                plan.layout.append("numbers")
            places.append(place)
        axis += 1
    if arrays and places != list(range(places[0], places[-1] + 1)):  # apart: NumPy puts their axes in front
        plan.layout.remove("numbers")
        plan.layout.insert(0, "numbers")
    return plan


def _sliced(g: G, x: Any, slices: dict[int, slice]) -> Any:
    if not slices:
        return x
    steps = [1 if part.step is None else part.step for part in slices.values()]
    starts = [
        part.start if part.start is not None else 0 if s > 0 else _LAST for part, s in zip(slices.values(), steps, strict=True)
    ]
    stops = [
        part.stop if part.stop is not None else _LAST if s > 0 else _FIRST
        for part, s in zip(slices.values(), steps, strict=True)
    ]
    return g.op("Slice", x, g.sizes(starts), g.sizes(stops), g.sizes([*slices]), g.sizes(steps))


def _numbers(g: G, x: Any) -> Name:
    if isinstance(x, Size):
        return g._scalar(x)
    return g.cast(x, np.int64) if isinstance(x, Value) else g.name(np.asarray(x, np.int64))


def _ndim(x: Any) -> int:
    return x.ndim if isinstance(x, (Value, np.ndarray)) else 0


def gathered(g: G, x: Any, ndim: int, index: Any) -> Name:
    """x[index], for any index that does not select by computed masks."""
    plan = _planned(index, ndim)
    name = _sliced(g, x, plan.slices)
    wide = max([_ndim(i) for i in plan.numbers.values()], default=0)
    kept = [axis for axis in range(ndim) if axis not in plan.numbers]
    if len(plan.numbers) == 1 or not plan.arrays:
        for axis in sorted(plan.numbers, reverse=True):
            name = g.op("Gather", name, _numbers(g, plan.numbers[axis]), axis=axis)
        order: list[Any] = [axis for axis in range(ndim) if axis in kept or plan.arrays]
    else:
        name = _gathered_together(g, name, plan.numbers, kept)
        order = ["numbers", *kept]
    if plan.arrays:
        only = next(iter(plan.numbers))
        order = ["numbers" if axis in ("numbers", only) else axis for axis in order]
        name = _arranged(g, name, order, [axis for axis in plan.layout if axis is not None], wide)
    places = [(wide if axis == "numbers" else 1) for axis in plan.layout]
    new = [sum(places[:k]) for k, axis in enumerate(plan.layout) if axis is None]
    return g.name(g.unsqueeze(name, new))


def _gathered_together(g: G, name: Any, numbers: dict[int, Any], kept: list[int]) -> Name:
    """Numbers of several axes, broadcast against one another, select elements of those axes, which come first."""
    name = g.transpose(name, [*numbers, *kept])
    found = [_numbers(g, i) for i in numbers.values()]
    zero = np.int64(0)
    common = found[0]
    for other in found[1:]:
        common = g.op("Add", common, other)
    common = g.op("Mul", common, zero)  # zeros of the shape to which they broadcast
    columns = [g.op("Unsqueeze", g.op("Add", i, common), np.array([-1])) for i in found]
    return g.op("GatherND", name, g.op("Concat", *columns, axis=-1))


def _arranged(g: G, name: Any, order: list[Any], wanted: list[Any], wide: int) -> Any:
    """Transpose axes from one order to another, where "numbers" stands for several."""
    places: dict[Any, list[int]] = {}
    start = 0
    for axis in order:
        width = wide if axis == "numbers" else 1
        places[axis] = list(range(start, start + width))
        start += width
    return g.transpose(name, [place for axis in wanted for place in places[axis]])


@row("getitem")
def _getitem(g: G, y: Value, x: Value, index: Any) -> Name:
    if x.parts and type(index) is int:
        return x.parts[index]
    name = gathered(g, x, x.ndim, index)
    return g.op("Identity", x) if name == x.name else name


def _places(g: G, shape: tuple[Any, ...], index: Any) -> Name:
    """The numbers, in the flattened array, of the elements that an index selects, in one axis."""
    if is_static(shape):
        every: Any = np.arange(math.prod(shape)).reshape(shape)
    else:
        count = g.op("ReduceProd", g.sizes(shape), np.array([0]), keepdims=0)
        every = g.reshape(g.op("Range", np.int64(0), count, np.int64(1)), shape)
    return g.op("Reshape", gathered(g, every, len(shape), index), np.array([-1]))


def _written(g: G, into: Any, y: Value, value: Any, index: Any, **how: Any) -> Name:
    flat = g.op("Reshape", into, np.array([-1]))
    found = g.op("ScatterElements", flat, _places(g, y.shape, index), g.op("Reshape", value, np.array([-1])), axis=0, **how)
    return g.reshape(found, y.shape)


@row("setitem")
def _setitem(g: G, y: Value, x: Value, value: Any, index: Any) -> Name:
    if isinstance(index, Value) and index.dtype.kind == "b" and index.array is None and _ndim(value) == 0:
        mask = g.unsqueeze(index, range(index.ndim, y.ndim))
        return g.where(mask, g.cast(value, y.dtype), g.cast(x, y.dtype))
    # the value broadcasts to the selection: take its shape from a selection of x itself
    chosen = gathered(g, g.cast(x, y.dtype), x.ndim, index)
    value = g.cast(value, y.dtype)
    value = g.op("Expand", value, g.op("Shape", chosen))
    return _written(g, g.cast(x, y.dtype), y, value, index)


@row("scatter")
def _scatter(g: G, y: Value, x: Value, index: Any, _shape: Any) -> Name:
    zeros = g.op("Expand", np.zeros((), y.dtype), g.sizes(y.shape))
    return _written(g, zeros, y, g.cast(x, y.dtype), index, reduction="add")


@row("sliding_window_view")
def _sliding_window_view(g: G, y: Value, x: Value, window: Any, axes: Any) -> Name:
    name, order = x, list(range(x.ndim))
    for k, (width, axis) in enumerate(zip(window, axes, strict=True)):
        at = order.index(axis)
        n = y.shape[axis]
        if isinstance(n, Size):
            _refused("sliding_window_view along the batch")
        if axis in axes[:k]:
            raise NotImplementedError("two windows along one axis")
        name = g.op("Gather", name, np.arange(n)[:, None] + np.arange(width), axis=at)
        order.insert(at + 1, x.ndim + k)
    return g.transpose(name, [order.index(axis) for axis in range(y.ndim)])


# Products


@row("matmul")
def _matmul(g: G, y: Value, a: Value, b: Value) -> Name:
    return g.op("MatMul", g.cast(a, y.dtype), g.cast(b, y.dtype))


@row("contract")
def _contract(g: G, y: Value, a: Value, b: Value, spec: Any) -> Name:
    of_a, of_b, out = spec
    return g.op("Einsum", g.cast(a, y.dtype), g.cast(b, y.dtype), equation=f"{of_a},{of_b}->{out}")


@row("det")
def _det(g: G, y: Value, a: Value) -> Name:
    return g.op("Det", g.cast(a, y.dtype))


@row("cross")
def _cross(g: G, y: Value, a: Value, b: Value) -> Name:
    first, second = np.array([1, 2, 0]), np.array([2, 0, 1])
    u, v = (g.cast(x, y.dtype) for x in (a, b))
    turned = [g.op("Gather", x, order, axis=-1) for x, order in ((u, first), (v, second), (u, second), (v, first))]
    return g.op("Sub", g.op("Mul", *turned[:2]), g.op("Mul", *turned[2:]))


@row("convolve")
def _convolve(g: G, y: Value, a: Value, v: Value) -> Name:
    n = v.shape[0]
    if isinstance(n, Size):
        _refused("convolve")
    x, kernel = (g.unsqueeze(g.cast(z, y.dtype), [0, 1]) for z in (a, v))
    kernel = g.op("Slice", kernel, *[np.array([k]) for k in (_LAST, _FIRST, 2, -1)])
    return g.op("Squeeze", g.op("Conv", x, kernel, pads=[n - 1, n - 1]), np.array([0, 1]))
