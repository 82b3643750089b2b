"""Reductions. The rules bring the cotangent back to the kept axes and spread it over the reduced ones."""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_foreign
from ..dual import bare
from ..errors import NoRuleError, ShapeError
from ..record import implements, primitive
from ..tensor import wrap
from .derived import as_operand
from .elementwise import sqrt, where
from .shapes import broadcast_to, moveaxis, ndim_of, reshape, shape_of

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "min",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "prod",
    "ptp",
    "softmax",
    "std",
    "sum",
    "var",
]

Axis = Any  # int, tuple of ints, or None for all


def _kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape after a reduction with keepdims=True."""
    if axis is None:
        return (1,) * len(shape)
    axes = normalize_axis_tuple(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into one result."""
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[i] for i in normalize_axis_tuple(axis, len(shape)))


def _spread(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Repeat the cotangent of a reduction over the reduced axes."""
    return broadcast_to(g if keepdims else reshape(g, _kept(shape, axis)), shape)


_add: Any = np.add.reduce  # what np.sum calls, in half the time


def _mean_forward(x: Any, axis: Axis, keepdims: bool) -> Any:
    if x.dtype.kind not in "fc" or x.dtype.itemsize < 4 or not x.size:
        return np.mean(x, axis=axis, keepdims=keepdims)
    return _add(x, axis=axis, keepdims=keepdims) / _count(x.shape, axis)  # as np.mean, in a third of the time


_sum = primitive(
    "sum",
    lambda x, axis, keepdims: _add(x, axis=axis, keepdims=keepdims),
    lambda g, _y, x_shape, axis, keepdims: _spread(g, x_shape, axis, keepdims),
    kind="linear",
)
_mean = primitive(
    "mean",
    _mean_forward,
    lambda g, _y, x_shape, axis, keepdims: _spread(g / _count(x_shape, axis), x_shape, axis, keepdims),
    kind="linear",
)
_var = primitive(
    "var",
    lambda x, axis, ddof, keepdims: np.var(x, axis=axis, ddof=ddof, keepdims=keepdims),
    lambda g, _y, x, axis, ddof, keepdims: (
        _spread(g * 2 / (_count(x.shape, axis) - ddof), x.shape, axis, keepdims) * _deviation(x, axis)
    ),
)
_std = primitive(
    "std",
    lambda x, axis, ddof, keepdims: np.std(x, axis=axis, ddof=ddof, keepdims=keepdims),
    lambda g, y, x, axis, ddof, keepdims: (
        # a constant input has y = 0 and deviations that are exactly 0: then the result is 0, not 0/0
        _spread(g / (np.where(y == 0, 1, y) * (_count(x.shape, axis) - ddof)), x.shape, axis, keepdims)
        * np.where(_spread(bare(y) == 0, x.shape, axis, keepdims), 0, _deviation(x, axis))
    ),
)


def _deviation(x: Any, axis: Axis) -> Any:
    return (
        np.conj(x - np.mean(x, axis=axis, keepdims=True)) if x.dtype.kind == "c" else x - np.mean(x, axis=axis, keepdims=True)
    )


def _extremum_rule(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    kept = _kept(x.shape, axis)
    x, y = bare(x), bare(y).reshape(kept)
    chosen = x == y
    if np.isnan(y).any():
        chosen |= np.isnan(x) & np.isnan(y)
    ties = chosen.sum(axis=axis, keepdims=True)  # counted in integers: float32 cannot count beyond 2**24
    return reshape(g, kept) / ties.astype(g.dtype) * chosen


_max = primitive("max", lambda x, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims), _extremum_rule)
_min = primitive("min", lambda x, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims), _extremum_rule)


def _prepared(a: Any, dtype: Any, out: Any, name: str) -> Any:
    if out is not None:
        raise NoRuleError(f"'{name}' on a Tensor does not take out=: use the value that it returns")
    return a if dtype is None else a.astype(dtype)


@implements(np.sum)
def sum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Sum over axes; every element gets the cotangent of its sum.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.sum(a**2))(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """
    if dtype is not None or out is not None or where is not True:
        a = _masked(_prepared(a, dtype, out, "sum"), where, 0)
    y = _sum(a, axis, keepdims)
    return y if initial is None else y + initial


def _masked(a: Any, mask: Any, neutral: Any) -> Any:
    """Put a neutral value where a reduction's where= leaves elements out."""
    return a if mask is True else where(mask, a, neutral)


@implements(np.mean)
def mean(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Any:
    """Mean over axes; every element gets 1/n of the cotangent.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.mean)(np.array([1.0, 2.0, 6.0, 7.0]))
    (4.0, array([0.25, 0.25, 0.25, 0.25]))
    """
    if dtype is not None or out is not None:
        a = _prepared(a, dtype, out, "mean")
    if where is True:
        return _mean(a, axis, keepdims)
    return sum(a, axis, keepdims=keepdims, where=where) / _selected(a, axis, keepdims, where)


_average = mean  # `var` and `std` have an argument of that name


def _selected(a: Any, axis: Axis, keepdims: bool, mask: Any) -> Any:
    """How many elements a reduction's where= leaves in, in the dtype of the result."""
    count = np.broadcast_to(mask, a.shape).sum(axis=axis, keepdims=keepdims)
    return count.astype(a.dtype) if a.dtype.kind in "fc" else count


@implements(np.var)
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """Variance over axes, with `ddof` taken off the count; derivative 2 (x - mean)/(n - ddof).

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.var)(np.array([1.0, 3.0]))
    (1.0, array([-1.,  1.]))
    """
    a = _prepared(a, dtype, out, "var")
    ddof = ddof if correction is None else correction
    if where is True and mean is None:
        return _var(a, axis, ddof, keepdims)
    a = _masked(a, where, 0)  # else a NaN left out would come back as 0 * NaN in the gradient
    centre = _average(a, axis, keepdims=True, where=where) if mean is None else mean
    deviation = a - centre
    # not abs(deviation)**2, whose second derivative is 0 where the deviation is
    squares = np.real(deviation * np.conj(deviation)) if deviation.dtype.kind == "c" else deviation * deviation
    return sum(squares, axis, keepdims=keepdims, where=where) / (_selected(squares, axis, keepdims, where) - ddof)


@implements(np.std)
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """Standard deviation over axes; derivative (x - mean)/((n - ddof) std), 0 for constant input.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.std)(np.array([1.0, 3.0])), ag.grad(ag.std)(np.ones(2))
    ((1.0, array([-0.5,  0.5])), array([0., 0.]))
    """
    a = _prepared(a, dtype, out, "std")
    ddof = ddof if correction is None else correction
    if where is True and mean is None:
        return _std(a, axis, ddof, keepdims)
    v = var(a, axis, ddof=ddof, keepdims=keepdims, where=where, mean=mean)
    constant = bare(v) == 0
    return _masked(sqrt(_masked(v, ~constant, 1)), ~constant, 0)


@implements(np.max, np.amax)
def max(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Largest element over axes; ties share the cotangent equally.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.max)(np.array([3.0, 1.0, 3.0]))
    (3.0, array([0.5, 0. , 0.5]))
    """
    return _extremum(_max, np.maximum, _prepared(a, None, out, "max"), axis, keepdims, initial, where)


@implements(np.min, np.amin)
def min(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Smallest element over axes; ties share the cotangent equally.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.min)(np.array([3.0, 1.0, 3.0]))
    (1.0, array([0., 1., 0.]))
    """
    return _extremum(_min, np.minimum, _prepared(a, None, out, "min"), axis, keepdims, initial, where)


def _extremum(op: Any, pairwise: Any, a: Any, axis: Axis, keepdims: bool, initial: Any, mask: Any) -> Any:
    if mask is not True:
        if initial is None:
            raise ValueError("a maximum or minimum with where= needs initial=")
        a = where(mask, a, initial)
    if initial is not None and not _count(shape_of(a), axis):
        return sum(a, axis, keepdims=keepdims) + initial
    return op(a, axis, keepdims) if initial is None else pairwise(op(a, axis, keepdims), initial)


@implements(np.prod)
def prod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Product over axes, by a tree of pairwise products: exact gradients of any order with any number of zeros.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.prod)(np.array([0.0, 2.0, 3.0]))
    (0.0, array([6., 0., 0.]))
    """
    a = _masked(_prepared(a, dtype, out, "prod"), where, 1)
    if not hasattr(a, "_data"):
        y = np.prod(a, axis=axis, keepdims=keepdims)
    elif a.dtype.kind in "biu":  # no gradient, but NumPy's wider dtype
        y = wrap(np.prod(bare(a), axis=axis, keepdims=keepdims))
    else:
        shape = shape_of(a)
        axes = normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
        rest = tuple(n for i, n in enumerate(shape) if i not in axes)
        y = reshape(moveaxis(a, axes, range(len(axes))), (_count(shape, axis), *rest))
        if not y.shape[0]:
            y = y.sum(axis=0) + 1
        else:
            while y.shape[0] > 1:
                half = y.shape[0] // 2
                pairs = y[:half] * y[half : 2 * half]
                y = pairs if y.shape[0] % 2 == 0 else np.concatenate([pairs, y[-1:]])
            y = y[0]
        if keepdims:
            y = reshape(y, _kept(shape, axis))
    return y if initial is None else y * initial


@implements(np.ptp)
def ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Largest less smallest element.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.ptp)(np.array([3.0, 1.0, 2.0]))
    (2.0, array([ 1., -1.,  0.]))
    """
    return max(a, axis, out, keepdims) - min(a, axis, out, keepdims)


@implements(np.average)
def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Mean with weights; with `returned` also their sum. Differentiable in both.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(lambda a: ag.average(a, weights=[3.0, 1.0]))(np.array([1.0, 5.0]))
    (2.0, array([0.75, 0.25]))
    """
    a = as_operand(a)
    if weights is None:
        y = mean(a, axis, keepdims=keepdims)
        return (y, np.full_like(bare(y), _count(shape_of(a), axis))) if returned else y
    weights = as_operand(weights, a)
    if shape_of(weights) != shape_of(a):
        axes = normalize_axis_tuple(axis, ndim_of(a)) if axis is not None else ()
        if shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
            raise ShapeError(
                f"average: weights of shape {shape_of(weights)} for an array of shape {shape_of(a)} and axis {axis}"
            )
        weights = reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(shape_of(a))))
        weights = broadcast_to(weights, shape_of(a))
    total = sum(weights, axis, keepdims=keepdims)
    y = sum(a * weights, axis, keepdims=keepdims) / total
    return (y, broadcast_to(total, shape_of(y))) if returned else y


# Without NaN: they are replaced by a neutral value, and so get gradient 0


def _known(a: Any, mask: Any = True) -> Any:
    """Where an element takes part."""
    return ~np.isnan(a) & bare(mask)


def _ignoring_nan(numpy_function: Any, reduction: Any, example: str) -> Any:
    """A reduction over what is not NaN: as if `where=` had left the rest out. The example is of (4, NaN, 2)."""

    def call(a: Any, *args: Any, where: Any = True, **options: Any) -> Any:
        a = as_operand(a)
        return reduction(a, *args, where=_known(a, where), **options)

    call.__name__ = name = numpy_function.__name__
    doc = f"`{reduction.__name__}` of the elements that are not NaN; the others get gradient 0."
    call.__doc__ = _of_nan(doc, name, example)
    return implements(numpy_function)(call)


def _of_nan(doc: str, name: str, shown: str) -> str:
    call = f"ag.value_and_grad(ag.{name})(np.array([4.0, np.nan, 2.0]))"
    return f"{doc}\n\n>>> import numpy as np, autograd_core as ag\n>>> {call}\n{shown}"


nansum = _ignoring_nan(np.nansum, sum, "(6.0, array([1., 0., 1.]))")
nanprod = _ignoring_nan(np.nanprod, prod, "(8.0, array([2., 0., 4.]))")
nanmean = _ignoring_nan(np.nanmean, mean, "(3.0, array([0.5, 0. , 0.5]))")
nanvar = _ignoring_nan(np.nanvar, var, "(1.0, array([ 1., 0., -1.]))")
nanstd = _ignoring_nan(np.nanstd, std, "(1.0, array([ 0.5, 0. , -0.5]))")


def _known_extremum(extremum: Any, worst: float) -> Any:
    def call(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
        known = _known(a, where)
        y = extremum(_masked(a, known, worst), axis, out, keepdims, initial)
        nothing = ~known.any(axis=axis, keepdims=keepdims)
        return _masked(y, ~nothing, np.nan) if initial is None and nothing.any() else y

    return call


nanmax = implements(np.nanmax)(_known_extremum(max, -np.inf))
nanmin = implements(np.nanmin)(_known_extremum(min, np.inf))
for _call, _name, _shown in ((nanmax, "max", "(4.0, array([1., 0., 0.]))"), (nanmin, "min", "(2.0, array([0., 0., 1.]))")):
    _doc = f"`{_name}` of the elements that are not NaN; NaN where there is none."
    _call.__doc__ = _of_nan(_doc, f"nan{_name}", _shown)


# Covariance


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: float | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Covariance matrix of the variables in the rows of m (and y), from the samples in the columns.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.cov)(np.array([1.0, 2.0, 3.0]))
    (1.0, array([-1.,  0.,  1.]))
    """
    x = _samples(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _samples(y, rowvar)])
    x = x if dtype is None else x.astype(dtype)
    w = None if fweights is None else as_operand(fweights, x).astype(float)
    if aweights is not None:
        aweights = as_operand(aweights, x).astype(float)
        w = aweights if w is None else w * aweights
    ddof = (0 if bias else 1) if ddof is None else ddof
    if w is None:
        count, centred = float(shape_of(x)[1]), x - x.mean(axis=1, keepdims=True)
        weighted = centred
    else:
        w = w.astype(x.dtype)
        count = float(w.sum())
        centred = x - (x * w).sum(axis=1, keepdims=True) / count
        weighted = centred * w
        if ddof and aweights is not None:
            ddof = ddof * float((w * aweights).sum() / w.sum())
    c = weighted @ np.conj(centred).T if centred.dtype.kind == "c" else weighted @ centred.T
    return np.squeeze(c / (count - ddof))


def _samples(m: Any, rowvar: bool) -> Any:
    m = as_operand(m)
    if ndim_of(m) > 2:
        raise ShapeError(f"cov takes one or two axes, variables and samples; got shape {shape_of(m)}")
    if ndim_of(m) < 2:
        return reshape(m, (1, -1))
    return m if rowvar else m.T


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Correlation matrix: the covariance divided by the standard deviations.

    >>> import numpy as np, autograd_core as ag
    >>> ag.corrcoef([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).round(4)
    array([[1.   , 0.982],
           [0.982, 1.   ]])
    >>> ag.grad(lambda a: ag.corrcoef(a, [1.0, 2.0, 4.0])[0, 1])(np.array([1.0, 2.0, 3.0])).round(4)
    array([ 0.0546, -0.1091,  0.0546])
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if not ndim_of(c):
        return c / c
    each = np.arange(shape_of(c)[0])
    d = sqrt(np.real(c[each, each]))
    return c / d[:, None] / d[None, :]


# The neural ones among them: shifted by the maximum, so that huge values and -inf are exact


def _largest(x: Any, axis: Axis) -> Any:
    """The maximum, -inf of nothing."""
    if not is_foreign(x):
        return x.max(axis=axis, keepdims=True, initial=-np.inf)
    return x.max(axis=axis, keepdims=True) if _count(x.shape, axis) else np.full_like(x, -np.inf, shape=_kept(x.shape, axis))


def _shifted(x: Any, axis: Axis) -> tuple[Any, Any, bool]:
    """x less its maximum, the maximum, and whether all maxima are finite (then every sum of e^z is at least 1).

    Where the maximum is infinite, elements become 0 (weight 1) where they are inf, and -inf (weight 0) elsewhere.
    """
    top = _largest(x, axis)
    if not is_foreign(top) and np.isfinite(top).all():  # on a GPU, reading the answer would stop its queue of work
        return x - top, top, True
    with np.errstate(invalid="ignore"):
        z = x - top
    z = np.where(np.isinf(top), np.where((x == top) & (top > 0), 0, -np.inf), z).astype(z.dtype)
    return z, top, False


def _softmax_forward(x: Any, axis: Axis) -> Any:
    z, _, finite = _shifted(x, axis)
    e = np.exp(z)
    total = e.sum(axis=axis, keepdims=True)
    return e / (total if finite else np.where(total == 0, 1, total))


def _logsumexp_forward(x: Any, axis: Axis, keepdims: bool) -> Any:
    z, top, finite = _shifted(x, axis)
    total = np.exp(z).sum(axis=axis, keepdims=True)
    y = np.log(total) + top if finite else np.where(np.isinf(top), top, np.log(np.where(total == 0, 1, total)) + top)
    return y if keepdims else y.reshape(_drop(x.shape, axis))[()]


def _drop(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    axes = normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _log_softmax_forward(x: Any, axis: Axis) -> Any:
    z, _, finite = _shifted(x, axis)
    total = np.exp(z).sum(axis=axis, keepdims=True)
    return z - np.log(total if finite else np.where(total == 0, 1, total))


_softmax = primitive("softmax", _softmax_forward, lambda g, y, _x, axis: y * (g - (g * y).sum(axis=axis, keepdims=True)))
_log_softmax = primitive(
    "log_softmax", _log_softmax_forward, lambda g, y, _x, axis: g - np.exp(y) * g.sum(axis=axis, keepdims=True)
)
_logsumexp = primitive(
    "logsumexp",
    _logsumexp_forward,
    lambda g, _y, x, axis, keepdims: _spread(g, x.shape, axis, keepdims) * softmax(x, axis),
)


def _float(x: Any) -> Any:
    x = as_operand(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """e^x / sum e^x along an axis; Jacobian s_i (d_ij - s_j). All of -inf gives zeros.

    >>> import autograd_core as ag
    >>> ag.softmax([0.0, 0.0])
    array([0.5, 0.5])
    """
    return _softmax(_float(x), axis)


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """The logarithm of softmax, exact where softmax would round to 0 or 1.

    >>> import autograd_core as ag
    >>> ag.log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """
    return _log_softmax(_float(x), axis)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum e^x) over axes, without overflow; derivative softmax(x), 0 where all elements are -inf.

    >>> import autograd_core as ag
    >>> float(ag.logsumexp([1000.0, 1000.0]).round(3))
    1000.693
    """
    return _logsumexp(_float(x), axis, keepdims)
