"""Running sums and products, differences, sorting and what is read off a sorted axis."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..arrays import beside
from ..dual import bare
from ..errors import NoRuleError
from ..record import implements, primitive
from .derived import as_operand, refuse_out
from .elementwise import where
from .indexing import getitem
from .shapes import broadcast_to, concatenate, moveaxis, ndim_of, ravel, reshape, shape_of

__all__ = [
    "convolve",
    "correlate",
    "cumprod",
    "cumsum",
    "diff",
    "ediff1d",
    "gradient",
    "interp",
    "median",
    "nancumprod",
    "nancumsum",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "partition",
    "percentile",
    "polyval",
    "quantile",
    "sort",
    "trapezoid",
]

Axis = Any


def _flattened(x: Any, axis: int | None) -> tuple[Any, int]:
    """The array and the axis to run along: all elements in one when axis is None."""
    x = as_operand(x)
    if axis is None:
        return ravel(x), 0
    return x, normalize_axis_index(axis, ndim_of(x))


def _part(x: Any, axis: int, *slices: Any) -> Any:
    """x with an index along one axis."""
    return x[(slice(None),) * axis + slices]


def _turned(x: Any, axis: int) -> Any:
    return _part(x, axis, slice(None, None, -1))


# Running sums and products

_cumsum: Any = primitive(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, _y, _x, axis: _turned(_cumsum(_turned(g, axis), axis), axis),
    kind="linear",
)


@implements(np.cumsum)
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Running sum along an axis (of all elements when it is None); the gradient is a running sum from the end.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.cumsum(a).sum())(np.ones(3))
    array([3., 2., 1.])
    """
    refuse_out("cumsum", out)
    a, axis = _flattened(a, axis)
    return _cumsum(a if dtype is None else a.astype(dtype), axis)


@implements(np.cumprod)
def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Running product along an axis, by doubling: log2(n) products of shifted arrays, so that zeros are exact to any order.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.cumprod(a).sum())(np.array([2.0, 0.0, 3.0]))
    array([1., 8., 0.])
    """
    refuse_out("cumprod", out)
    a, axis = _flattened(a, axis)
    a = a if dtype is None else a.astype(dtype)
    if not hasattr(a, "_data"):
        return np.cumprod(a, axis=axis)
    shift, n = 1, shape_of(a)[axis]
    while shift < n:
        moved = _part(a, axis, slice(shift, None)) * _part(a, axis, slice(None, -shift))
        a = concatenate([_part(a, axis, slice(None, shift)), moved], axis=axis)
        shift *= 2
    return a


def _without_nan(a: Any, neutral: float) -> Any:
    a = as_operand(a)
    return where(np.isnan(a), neutral, a)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """`cumsum` with NaN as 0; NaN elements get gradient 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.nancumsum(np.array([1.0, np.nan, 3.0])), ag.grad(lambda a: ag.nancumsum(a)[-1])(np.array([1.0, np.nan, 3.0]))
    (array([1., 1., 4.]), array([1., 0., 1.]))
    """
    return cumsum(_without_nan(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """`cumprod` with NaN as 1; NaN elements get gradient 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.nancumprod(a)[-1])(np.array([2.0, np.nan, 3.0]))
    array([3., 0., 2.])
    """
    return cumprod(_without_nan(a, 1), axis, dtype, out)


def _with_initial(scan: Any, neutral: int) -> Any:
    def call(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False) -> Any:
        if axis is None and ndim_of(x) > 1:
            raise ValueError(f"axis has to be given for an array of {ndim_of(x)} axes")
        axis = axis or 0
        y = scan(x, axis, dtype, out)
        if not include_initial:
            return y
        first = np.full_like(bare(_part(y, axis % y.ndim, slice(0, 1))), neutral)
        return concatenate([first, y], axis=axis)

    return call


for _name, _scan, _neutral in (("cumulative_sum", cumsum, 0), ("cumulative_prod", cumprod, 1)):
    if hasattr(np, _name):  # NumPy 2.1
        implements(getattr(np, _name))(_with_initial(_scan, _neutral))


# Differences


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along an axis, n times.

    >>> import numpy as np, autograd_core as ag
    >>> ag.diff(np.array([1.0, 4.0, 9.0])), ag.grad(lambda a: (ag.diff(a) ** 2).sum())(np.array([1.0, 4.0, 9.0]))
    (array([3., 5.]), array([-6., -4., 10.]))
    """
    if n < 0:
        raise ValueError(f"diff: n is at least 0; got {n}")
    a, axis = _flattened(a, axis)
    ends = [_end(e, a, axis) for e in (prepend, append)]
    parts = [p for p in (ends[0], a, ends[1]) if p is not None]
    a = concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        after, before = _part(a, axis, slice(1, None)), _part(a, axis, slice(None, -1))
        a = after != before if a.dtype == bool else after - before
    return a


def _end(value: Any, a: Any, axis: int) -> Any:
    if value is None or ndim_of(value):
        return value
    shape = shape_of(a)
    value = value if hasattr(value, "_data") else beside(np.asarray(value, bare(a).dtype), a)
    return broadcast_to(value, (*shape[:axis], 1, *shape[axis + 1 :]))


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours of the flattened array, with further values before and behind.

    >>> import numpy as np, autograd_core as ag
    >>> ag.ediff1d(np.array([1.0, 4.0, 9.0]), to_end=0.0)
    array([3., 5., 0.])
    >>> ag.grad(lambda a: ag.ediff1d(a)[0])(np.array([1.0, 4.0, 9.0]))
    array([-1.,  1.,  0.])
    """
    inner = diff(ravel(as_operand(ary)))
    parts = [
        p if hasattr(p, "dtype") else beside(np.asarray(p, inner.dtype), inner)
        for p in (to_begin, inner, to_end)
        if p is not None
    ]
    return concatenate([ravel(p) for p in parts])


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of y over x by the trapezoidal rule.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.trapezoid)(np.array([1.0, 2.0, 4.0]))
    (4.5, array([0.5, 1. , 0.5]))
    """
    y, axis = _flattened(y, axis)
    if x is not None:
        dx = diff(x, axis=axis if ndim_of(x) > 1 else 0)
        if ndim_of(x) == 1:
            dx = reshape(dx, (-1,) + (1,) * (ndim_of(y) - axis - 1))
    return ((_part(y, axis, slice(1, None)) + _part(y, axis, slice(None, -1))) * dx / 2).sum(axis=axis)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """Second-order central differences inside and one-sided ones at the ends, as `np.gradient`; one array per axis.

    >>> import numpy as np, autograd_core as ag
    >>> ag.gradient(np.array([1.0, 2.0, 4.0, 7.0]))
    array([1. , 1.5, 2.5, 3. ])
    >>> ag.grad(lambda a: ag.gradient(a)[1])(np.array([1.0, 2.0, 4.0, 7.0]))
    array([-0.5,  0. ,  0.5,  0. ])
    """
    f = as_operand(f)
    axes = normalize_axis_tuple(range(ndim_of(f)) if axis is None else axis, ndim_of(f))
    spacings = list(varargs) if len(varargs) == len(axes) else list(varargs or (1.0,)) * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"gradient takes one spacing, or one for each of {len(axes)} axes; got {len(varargs)}")
    found = [_gradient(f, h, a, edge_order) for a, h in zip(axes, spacings, strict=True)]
    return found[0] if len(axes) == 1 else tuple(found)


def _gradient(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n, rest = shape_of(f)[axis], (1,) * (ndim_of(f) - axis - 1)
    if n < edge_order + 1:
        raise ValueError(
            f"gradient with edge_order={edge_order} needs at least {edge_order + 1} elements along axis {axis}; got {n}"
        )
    if not ndim_of(h):
        h = h if hasattr(h, "_data") else beside(np.asarray(h, np.result_type(bare(f), 0.0)), f)
    steps = diff(h) if ndim_of(h) else broadcast_to(h, (n - 1,))
    if shape_of(steps) != (n - 1,):
        raise ValueError(f"gradient: {shape_of(h)[0]} coordinates for {n} elements along axis {axis}")
    steps = reshape(steps, (n - 1, *rest))
    steps = steps if steps.dtype == f.dtype or f.dtype.kind not in "fc" else steps.astype(f.dtype)  # as NumPy: f's dtype

    def at(i: Any) -> Any:
        return _part(f, axis, slice(i, i + 1) if i >= 0 else slice(i, i + 1 or None))

    a, b = steps[:-1], steps[1:]
    left, middle, right = (_part(f, axis, slice(i, n - 2 + i)) for i in range(3))
    inner = -b / (a * (a + b)) * left + (b - a) / (a * b) * middle + a / (b * (a + b)) * right
    if edge_order == 1:
        first, last = (at(1) - at(0)) / steps[:1], (at(-1) - at(-2)) / steps[-1:]
    else:
        (p, q), (r, s) = (steps[:1], steps[1:2]), (steps[-2:-1], steps[-1:])
        first = -(2 * p + q) / (p * (p + q)) * at(0) + (p + q) / (p * q) * at(1) - p / (q * (p + q)) * at(2)
        last = s / (r * (r + s)) * at(-3) - (r + s) / (r * s) * at(-2) + (2 * s + r) / (s * (r + s)) * at(-1)
    return concatenate([first, inner, last], axis=axis)


# Sorting: a gather along the stable permutation


def _gathered(x: Any, order: Any, axis: int) -> Any:
    """x[..., order, ...] with an order for each place of the other axes."""
    index = [np.arange(n).reshape((-1,) + (1,) * (order.ndim - i - 1)) for i, n in enumerate(shape_of(x))]
    index[axis] = order
    return getitem(x, tuple(index))


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Any:
    """The elements in ascending order; the gradient follows the stable permutation.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: (ag.sort(a) * [1.0, 10.0, 100.0]).sum())(np.array([3.0, 1.0, 2.0]))
    array([100.,   1.,  10.])
    """
    a, axis = _flattened(a, axis)
    return _gathered(a, np.argsort(bare(a), axis=axis, kind="stable"), axis)


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Any:
    """The elements in an order in which the k-th stands where sorting would put it.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.partition(a, 0)[0])(np.array([3.0, 1.0, 2.0]))
    array([0., 1., 0.])
    """
    a, axis = _flattened(a, axis)
    return _gathered(a, np.argpartition(bare(a), kth, axis=axis), axis)


_VIRTUAL = {  # alpha and beta of Hyndman and Fan, The American Statistician 50 (1996)
    "linear": (1.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
    "interpolated_inverted_cdf": (0.0, 1.0),
}
_CHOSEN: dict[str, Any] = {
    "lower": np.floor,
    "higher": np.ceil,
    "nearest": np.rint,
    "midpoint": lambda i: (np.floor(i) + np.ceil(i)) / 2,
}


def _quantile(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, skip_nan: bool) -> Any:
    a = as_operand(a)
    q = as_operand(bare(q), a).astype(np.float64)
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError("quantiles are between 0 and 1 (percentiles between 0 and 100)")
    ndim, shape = ndim_of(a), shape_of(a)
    axes = normalize_axis_tuple(range(ndim) if axis is None else axis, ndim)
    rest = tuple(n for i, n in enumerate(shape) if i not in axes)
    rows = reshape(moveaxis(a, axes, range(ndim - len(axes), ndim)), (*rest, -1))
    rows = rows if rows.dtype.kind == "f" else rows.astype(np.float64)
    if not shape_of(rows)[-1]:  # of nothing: NaN
        rows = concatenate([rows, beside(np.full((*rest, 1), np.nan, rows.dtype), rows)], axis=-1)
    rows = sort(rows)  # NaN comes last
    bad = np.isnan(bare(rows))
    counts = (~bad).sum(axis=-1) if skip_nan else beside(np.full(rest, shape_of(rows)[-1]), rows)
    missing = (counts == 0) | (False if skip_nan else bad.any(axis=-1))
    place = _place(q.reshape((-1,) + (1,) * len(rest)), np.maximum(counts, 1), method)
    low = np.floor(place).astype(int)
    fraction = (place - low).astype(rows.dtype)
    mesh = tuple(np.indices(rest, sparse=True))
    below, above = (getitem(rows, (*mesh, i)) for i in (low, np.minimum(low + 1, np.maximum(counts, 1) - 1)))
    y = below * (1 - fraction) + above * fraction  # a weight of exactly 0 or 1 leaves the other neighbour out
    if missing.any():
        y = where(missing, np.nan, y)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else rest
    return reshape(y, (*q.shape, *kept)) if y.ndim else y


def _place(q: Any, n: Any, method: str) -> Any:
    """Where in the sorted axis, from 0, the quantile stands."""
    if method in _CHOSEN:
        return _CHOSEN[method](q * (n - 1))
    if method not in _VIRTUAL:
        raise NoRuleError(f"quantile on a Tensor knows the methods {', '.join([*_VIRTUAL, *_CHOSEN])}; got '{method}'")
    alpha, beta = _VIRTUAL[method]
    return np.clip(n * q + (alpha + q * (1 - alpha - beta)) - 1, 0, n - 1)


def _quantiles(numpy_function: Any, percent: bool, skip_nan: bool, doc: str) -> Any:
    """One of NumPy's four functions that differ in the unit of q and in what NaN means."""

    def call(
        a: Any,
        q: Any,
        axis: Axis = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        weights: None = None,
        interpolation: None = None,
    ) -> Any:
        if weights is not None or out is not None or interpolation is not None:
            raise NoRuleError(f"'{numpy_function.__name__}' on a Tensor does not take weights=, out= or interpolation=")
        if hasattr(q, "_data") and getattr(q, "_node", q) is not None:
            raise NoRuleError(f"'{numpy_function.__name__}' has no derivative with respect to q: pass its values (q.numpy())")
        fraction = as_operand(bare(q), a) / 100 if percent else q
        return _quantile(a, fraction, axis, method, keepdims, skip_nan)

    name, q, first = numpy_function.__name__, 50 if percent else 0.5, "np.nan" if skip_nan else 4.0
    example = f"ag.value_and_grad(lambda a: ag.{name}(a, {q}))(np.array([{first}, 1.0, 2.0, 9.0]))"
    shown = "(2.0, array([0., 0., 1., 0.]))" if skip_nan else "(3.0, array([0.5, 0. , 0.5, 0. ]))"
    call.__doc__ = f"{doc}\n\n>>> import numpy as np, autograd_core as ag\n>>> {example}\n{shown}"
    call.__name__ = name
    return implements(numpy_function)(call)


quantile = _quantiles(
    np.quantile,
    False,
    False,
    "The q-th quantile, interpolated between its two neighbours, which share the gradient; q has none.",
)
percentile = _quantiles(np.percentile, True, False, "`quantile` with q in percent.")
nanquantile = _quantiles(np.nanquantile, False, True, "`quantile` of the elements that are not NaN; the others get gradient 0.")
nanpercentile = _quantiles(np.nanpercentile, True, True, "`nanquantile` with q in percent.")


@implements(np.median)
def median(a: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The middle element; of an even number the mean of the two in the middle, which get half the gradient each.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.median)(np.array([4.0, 1.0, 2.0, 9.0]))
    (3.0, array([0.5, 0. , 0.5, 0. ]))
    """
    refuse_out("median", out)
    return _quantile(a, 0.5, axis, "linear", keepdims, skip_nan=False)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """`median` of the elements that are not NaN; the others get gradient 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.nanmedian)(np.array([4.0, np.nan, 2.0]))
    (3.0, array([0.5, 0. , 0.5]))
    """
    refuse_out("nanmedian", out)
    return _quantile(a, 0.5, axis, "linear", keepdims, skip_nan=True)


# Sums of shifted products, and tables

_convolve: Any = primitive(
    "convolve",
    np.convolve,
    lambda g, _y, _a, v: _convolve(g, v[::-1])[v.shape[0] - 1 : g.shape[0]],
    lambda g, _y, a, _v: _convolve(g, a[::-1])[a.shape[0] - 1 : g.shape[0]],
    kind="multilinear",
)


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Discrete convolution of two vectors.

    >>> import numpy as np, autograd_core as ag
    >>> ag.convolve(np.array([1.0, 2.0]), np.array([1.0, 0.0, 3.0]))
    array([1., 2., 3., 6.])
    >>> ag.grad(lambda a: ag.convolve(a, np.array([1.0, 0.0, 3.0])).sum())(np.array([1.0, 2.0]))
    array([4., 4.])
    """
    a, v = as_operand(a), as_operand(v)
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"convolve: mode is 'full', 'same' or 'valid'; got '{mode}'")
    y = _convolve(a, v)
    short, long = sorted((shape_of(a)[0], shape_of(v)[0]))
    start, count = {"full": (0, short + long - 1), "same": ((short - 1) // 2, long), "valid": (short - 1, long - short + 1)}[
        mode
    ]
    return y if mode == "full" else y[start : start + count]


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Cross-correlation of two vectors, the second conjugated.

    >>> import numpy as np, autograd_core as ag
    >>> ag.correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]))
    array([3.5])
    >>> ag.grad(lambda a: ag.correlate(a, np.array([0.0, 1.0, 0.5]))[0])(np.ones(3))
    array([0. , 1. , 0.5])
    """
    a, v = as_operand(a), as_operand(v)
    if shape_of(a)[0] < shape_of(v)[0] and mode == "same":  # NumPy exchanges them, and turns the result round
        return convolve(v[::-1].conj(), a, mode)[::1] if not shape_of(a)[0] else convolve(a[::-1], v.conj(), mode)[::-1]
    return convolve(a, v[::-1].conj(), mode)


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """Piecewise linear interpolation through the points (xp, fp); differentiable in all three.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(lambda x: ag.interp(x, [0.0, 1.0, 2.0], [0.0, 10.0, 40.0]))(1.5)
    (25.0, 30.0)
    """
    x, xp, fp = (as_operand(part, x, xp, fp) for part in (x, xp, fp))
    if period is not None:
        x, xp = x % period, xp % period
        order = np.argsort(bare(xp), kind="stable")
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    values, knots = bare(x), bare(xp)
    last = len(knots) - 1
    i = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, max(last - 1, 0))
    j = np.minimum(i + 1, last)
    width = np.where(knots[j] == knots[i], 1, xp[j] - xp[i])
    inside = (values >= knots[0]) & (values <= knots[-1])
    y = fp[i] + (fp[j] - fp[i]) * (where(inside, x, knots[0]) - xp[i]) / width
    y = where(values < knots[0], fp[0] if left is None else left, y)
    return where(values > knots[-1], fp[-1] if right is None else right, y)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial with coefficients p, highest power first, at x (Horner).

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(lambda x: ag.polyval([1.0, 0.0, 3.0], x))(2.0)  # x^2 + 3
    (7.0, 4.0)
    """
    p = as_operand(p)
    y: Any = 0 * as_operand(x)
    for k in range(shape_of(p)[0]):
        y = y * x + p[k]
    return y
