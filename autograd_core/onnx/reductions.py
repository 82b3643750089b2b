"""How reductions, running sums and softmax are written."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .build import Builder, Value, row

__all__: list[str] = []

G: TypeAlias = Builder
Name: TypeAlias = Any


def axes_of(axis: Any, ndim: int) -> list[int]:
    """The axes of a reduction, from 0."""
    return list(range(ndim)) if axis is None else list(normalize_axis_tuple(axis, ndim))


def _reduction(kind: str) -> Any:
    def write(g: G, y: Value, x: Value, axis: Any = None, keepdims: Any = False) -> Name:
        return g.reduce(kind, g.cast(x, y.dtype), axes_of(axis, x.ndim), keepdims)

    return write


for _name, _kind in {"sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min"}.items():
    row(_name)(_reduction(_kind))


def deviation(g: G, x: Name, axes: list[int]) -> Name:
    """x less its mean."""
    return g.op("Sub", x, g.reduce("Mean", x, axes))


def _variance(g: G, y: Value, x: Value, axis: Any, ddof: Any, keepdims: Any) -> Name:
    axes = axes_of(axis, x.ndim)
    d = deviation(g, g.cast(x, y.dtype), axes)
    squares = g.op("Mul", d, d)
    if not ddof:
        return g.reduce("Mean", squares, axes, keepdims)
    count = g.reduce("Sum", g.op("Add", g.op("Mul", d, 0.0), 1.0), axes, keepdims)  # which may depend on the batch
    return g.op("Div", g.reduce("Sum", squares, axes, keepdims), g.op("Sub", count, float(ddof)))


row("var")(_variance)


@row("std")
def _std(g: G, y: Value, x: Value, axis: Any, ddof: Any, keepdims: Any) -> Name:
    return g.op("Sqrt", _variance(g, y, x, axis, ddof, keepdims))


@row("norm")
def _norm(g: G, y: Value, x: Value, axis: Any, keepdims: Any) -> Name:
    return g.reduce("L2", g.cast(x, y.dtype), axes_of(axis, x.ndim), keepdims)


@row("p_norm")
def _p_norm(g: G, y: Value, x: Value, axis: Any, keepdims: Any, p: float) -> Name:
    powers = g.op("Pow", g.op("Abs", g.cast(x, y.dtype)), p)
    return g.op("Pow", g.reduce("Sum", powers, axes_of(axis, x.ndim), keepdims), 1 / p)


# Softmax and its relatives


def _finite(g: G, top: Name) -> Name:
    """0 in place of infinite maxima, so that inf - inf does not occur."""
    return g.where(g.op("IsInf", top), 0.0, top)


@row("logsumexp")
def _logsumexp(g: G, y: Value, x: Value, axis: Any, keepdims: Any) -> Name:
    x_name, axes = g.cast(x, y.dtype), axes_of(axis, x.ndim)
    top = _finite(g, g.reduce("Max", x_name, axes))
    total = g.reduce("Sum", g.op("Exp", g.op("Sub", x_name, top)), axes)
    found = g.op("Add", g.op("Log", total), top)
    return found if keepdims or not axes else g.op("Squeeze", found, np.array(axes))


@row("softmax")
def softmax(g: G, y: Value, x: Value, axis: Any) -> Name:
    """Rows of -inf alone give NaN, as in every framework but this."""
    name = g.cast(x, y.dtype)
    if isinstance(axis, int):
        return g.op("Softmax", name, axis=axis)
    axes = axes_of(axis, x.ndim)
    e = g.op("Exp", g.op("Sub", name, _finite(g, g.reduce("Max", name, axes))))
    return g.op("Div", e, g.reduce("Sum", e, axes))


@row("log_softmax")
def log_softmax(g: G, y: Value, x: Value, axis: Any) -> Name:
    """z - log(sum e^z) with z less the maximum."""
    name = g.cast(x, y.dtype)
    if isinstance(axis, int):
        return g.op("LogSoftmax", name, axis=axis)
    axes = axes_of(axis, x.ndim)
    z = g.op("Sub", name, _finite(g, g.reduce("Max", name, axes)))
    return g.op("Sub", z, g.op("Log", g.reduce("Sum", g.op("Exp", z), axes)))


@row("cumsum")
def _cumsum(g: G, y: Value, x: Value, axis: int) -> Name:
    return g.op("CumSum", g.cast(x, y.dtype), np.int64(axis))


# Without a gradient


def _place(kind: str) -> Any:
    def write(g: G, _y: Value, x: Value, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Name:
        name = g.cast(x, np.int32 if x.dtype == bool else x.dtype)
        if axis is None:
            found = g.op(kind, g.op("Reshape", name, np.array([-1])), axis=0, keepdims=0)
            return g.reshape(found, (1,) * x.ndim) if keepdims is True else found
        return g.op(kind, name, axis=axis, keepdims=int(keepdims is True))

    return write


row("argmax")(_place("ArgMax"))
row("argmin")(_place("ArgMin"))


def _truth(kind: str) -> Any:
    def write(g: G, _y: Value, x: Value, axis: Any = None, out: None = None, keepdims: Any = False) -> Name:
        flags = g.op("Cast", g.cast(x, bool), to=g.code(np.int32))
        return g.op("Cast", g.reduce(kind, flags, axes_of(axis, x.ndim), keepdims), to=g.code(bool))

    return write


row("any")(_truth("Max"))
row("all")(_truth("Min"))
