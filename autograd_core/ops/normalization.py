"""The one row under every normalization layer: centre, and divide by the root mean square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_foreign
from ..dual import bare
from ..errors import ShapeError
from ..piece import dense
from ..record import primitive
from .derived import as_operand
from .reductions import mean
from .shapes import fits_into, shape_of

__all__ = ["normalize", "scale_shift"]

Axes = tuple[int, ...]


def _mean_of_products(a: Any, b: Any, axes: Axes) -> Any:
    """The mean of a * b over axes, kept as ones, without an array of the products (in a third of its time)."""
    if axes == (a.ndim - 1,) and not is_foreign(a):
        return (np.vecdot(a, b) / a.shape[-1])[..., None]
    every = range(a.ndim)
    kept = [k for k in every if k not in axes]
    total = np.einsum(a, [*every], b, [*every], kept)
    return np.reshape(total / math.prod(a.shape[k] for k in axes), [1 if k in axes else n for k, n in enumerate(a.shape)])


def _mean(a: Any, axes: Axes) -> Any:
    """The mean over axes, kept as ones; of the last one as a product of a matrix and a vector, in a quarter of the time."""
    if axes == (a.ndim - 1,) and a.shape[-1] and not is_foreign(a):
        return (a @ np.ones(a.shape[-1], a.dtype) / a.shape[-1])[..., None]
    return a.mean(axis=axes, keepdims=True)


def _scale(x: Any, axes: Axes, eps: float, center: bool) -> Any:
    """1 / sqrt(mean (x - mean)^2 + eps), recorded: what higher derivatives see of it."""
    deviation = x - mean(x, axes, keepdims=True) if center else x
    return 1 / np.sqrt(mean(deviation * deviation, axes, keepdims=True) + eps)


class _Statistics:
    """What one pass over x finds, with the axes kept as ones: mean, variance, 1 / sqrt(variance + eps)."""

    __slots__ = ("mean", "scale", "variance")

    mean: Any
    variance: Any
    scale: Any


def _forward(x: Any, axes: Axes, eps: float, center: bool, found: _Statistics) -> Any:
    found.mean = _mean(x, axes) if center else None
    deviation = x - found.mean if center else x
    found.variance = _mean_of_products(deviation, deviation, axes)
    found.scale = 1 / np.sqrt(found.variance + eps)
    return np.multiply(deviation, found.scale, out=deviation if center else None)


def _rule(g: Any, y: Any, x: Any, axes: Axes, eps: float, center: bool, found: _Statistics) -> Any:
    g = dense(g)
    if type(g) is type(x) is np.ndarray:
        c: Any = y * -_mean_of_products(g, y, axes)
        c += g
        if center:
            c -= _mean(g, axes)
        c *= found.scale
        return c
    scale = found.scale if bare(x) is x else _scale(x, axes, eps, center)
    c = g - y * mean(g * y, axes, keepdims=True)
    return (c - mean(g, axes, keepdims=True) if center else c) * scale


# One row instead of six (mean, subtract, square, mean, sqrt, divide): forward and backward of a (64, 32, 28, 28) float32
# array take half of their time. What the forward pass finds of x goes into the last argument, so that neither the rule
# nor running averages need another pass.
_normalize = primitive("normalize", _forward, _rule)


def normalize(x: Any, axis: Any = -1, eps: float = 1e-5, center: bool = True, returned: bool = False) -> Any:
    """`(x - mean) / sqrt(var + eps)` over axes: batch, layer, group and instance normalization are this.

    Args:
        x: real floats; integers are converted.
        axis: the axis or axes over which mean and variance (divided by the count) are taken.
        eps: added to the variance, so that constant input gives 0 and not 0/0.
        center: False leaves the mean in, and divides by the root of the mean square: RMS normalization.
        returned: also give the statistics.

    Returns:
        An array like x. With `returned`, the triple (y, mean, variance): plain arrays, with the axes kept as ones; without
        `center` the mean is None.

    Raises:
        AxisError: x has no such axis.

    The derivative is `(g - mean(g) - y mean(g y)) / sqrt(var + eps)`: mean and variance depend on x too. After
    S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015.

    >>> import numpy as np, autograd_core as ag
    >>> ag.normalize(np.array([[1.0, 3.0], [5.0, 5.0]]), eps=0.01).round(3)
    array([[-0.995,  0.995],
           [ 0.   ,  0.   ]])
    """
    x = as_operand(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    axes = normalize_axis_tuple(axis, x.ndim)
    found = _Statistics()
    y = _normalize(x, axes, float(eps), center, found)
    return (y, found.mean, found.variance) if returned else y


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    y = x * weight
    if bias is None:
        return y
    return np.add(y, bias, out=y) if y.dtype == bias.dtype and y.ndim else y + bias  # y is ours: no second array


def _weight_rule(g: Any, _y: Any, x: Any, weight: Any, _bias: Any) -> Any:
    g = dense(g)
    if not type(g) is type(x) is np.ndarray:
        return g * x  # summed over what was broadcast by the engine
    every = range(x.ndim)
    shape = (1,) * (x.ndim - weight.ndim) + weight.shape
    kept = [k for k in every if shape[k] != 1]
    return np.einsum(g, [*every], x, [*every], kept).reshape(weight.shape)


# One op instead of two, with no array of the products for the weight's gradient: 0.8 of their time on a
# (64, 32, 28, 28) float32 array.
_scale_shift = primitive(
    "scale_shift",
    _scaled,
    lambda g, _y, _x, weight, _bias: g * weight,
    _weight_rule,
    lambda g, _y, _x, _weight, _bias: g,
    core=0,
)


def scale_shift(x: Any, weight: Any = None, bias: Any = None) -> Any:
    """`x * weight + bias`, as it follows a normalization.

    Args:
        x: array.
        weight: of a shape that broadcasts to that of x; None for 1.
        bias: likewise; None for 0.

    Returns:
        An array of the shape of x.

    Raises:
        ShapeError: weight or bias would make x larger.

    >>> import numpy as np, autograd_core as ag
    >>> ag.scale_shift(np.ones((2, 2)), np.array([2.0, 3.0]), np.array([0.5, 0.0]))
    array([[2.5, 3. ],
           [2.5, 3. ]])
    """
    x = as_operand(x)
    for operand in (weight, bias):
        if operand is not None and not fits_into(shape_of(operand), x.shape):
            raise ShapeError(f"'scale_shift' takes arrays that broadcast to the shape of x, {x.shape}; got {shape_of(operand)}")
    if weight is None:
        return x if bias is None else x + bias
    return _scale_shift(x, as_operand(weight), bias if bias is None else as_operand(bias))
