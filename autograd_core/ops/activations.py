"""Activations with rows of their own: measured, they take a fraction of what their compositions take.

A row's forward function is a family f, f', f'' ... in closed form, and its rule asks for the next member: so each order
of differentiation costs one evaluation. They work in place, block by block, so that what is between stays in the cache.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import is_foreign
from ..errors import DTypeError
from ..fused import Parts, fused
from ..record import primitive
from .blocks import by_blocks, constant, positive_part
from .derived import as_operand

__all__ = ["gelu", "hardtanh", "nonpositive_part", "silu", "softsign"]


def _floating(name: str, x: Any) -> Any:
    x = as_operand(x)
    if x.dtype.kind == "c":
        raise DTypeError(f"'{name}' takes real numbers; got {x.dtype}")
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _evaluated(kernel: Callable[..., None], x: Any, outputs: int = 1) -> list[Any]:
    # far out an exponential overflows to inf, or a power vanishes: both are meant
    with np.errstate(over="ignore", under="ignore"):
        return [y[()] for y in by_blocks(kernel, x if is_foreign(x) else np.asarray(x), outputs)]


def _horner(coefficients: tuple[float, ...], s: Any) -> Any:
    """The polynomial with these coefficients, the constant one first."""
    y = np.full_like(s, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= s
        y += c
    return y


# GELU: x P(x) with the normal distribution P and its density p. Its derivatives are P + x p, and p (2 - x^2) and so on.

# For a >= 0, P(-a) = e^(-a^2/2) t q(2t - 1) with t = 3/(3 + a): q fitted by a Chebyshev series, within 2e-15 and 3e-7.
_TAIL = (
    0.2430278967111244,
    0.16977732730583042,
    0.07667257332485677,
    0.01575434171426704,
    -0.0034876223404762398,
    -0.0023242070784419617,
    0.0003425307393418774,
    0.00034860951591488367,
    -8.552496463936443e-05,
    -5.1464612919232357e-05,
    2.6269926680462494e-05,
    4.414260673934883e-06,
    -6.892513089183352e-06,
    1.1762320689547166e-06,
    1.2032071270285208e-06,
    -7.603217183473789e-07,
    2.033264801936903e-08,
    2.095715029606891e-07,
    -1.1140817244921111e-07,
    -2.514401018490856e-08,
    4.664653551344391e-08,
    -2.438410494450535e-09,
    -1.0813093173857098e-08,
    9.283368187959858e-10,
    1.2180622250170318e-09,
)
_TAIL_SINGLE = (
    0.243027898,
    0.169777383,
    0.0766724471,
    0.0157532327,
    -0.00348610422,
    -0.00231797039,
    0.00033574918,
    0.000334322472,
    -7.1425818e-05,
    -3.73522522e-05,
    1.18168795e-05,
)
_ROOT_TWO_PI = 2.5066282746310002
_FAR = 40.0  # e^(-a^2/2) is 0 from here on, in double precision too: also for inf


def _normal_tail(x: Any) -> tuple[Any, Any, Any]:
    """a = |x|, e^(-a^2/2), and the probability P(-a) of values below -a."""
    a = np.abs(x)
    np.minimum(a, constant(_FAR, a), out=a)
    density = a * a
    density *= -0.5
    np.exp(density, out=density)
    t = a + 3
    np.divide(3, t, out=t)
    tail = _horner(_TAIL if x.dtype.itemsize >= 8 else _TAIL_SINGLE, 2 * t - 1)
    tail *= t
    tail *= density
    return a, density, tail


def _gelu_value(x: Any, out: Any) -> None:
    a, _, tail = _normal_tail(x)
    a *= tail
    positive_part(x, out)
    out -= a  # x - x P(-x) on the right, x P(x) on the left


def _gelu_slope(x: Any, out: Any, value: Any = None) -> None:
    """The slope, and the value too if there is an array for it."""
    a, density, tail = _normal_tail(x)
    density *= a
    density /= _ROOT_TWO_PI
    density -= tail  # |x| p - P(-|x|): the slope is 1 plus this on the right, minus this on the left
    np.multiply(density, 2, out=out)
    out += 1
    out *= x > 0
    out -= density
    if value is not None:
        a *= tail
        positive_part(x, value)
        value -= a


def _gelu_higher(order: int) -> Callable[[Any, Any], None]:
    p = [2.0, 0.0, -1.0]  # f'' is the density times 2 - x^2; the derivative of density times p has p' - x p
    for _ in range(order - 2):
        slope = [*[k * c for k, c in enumerate(p)][1:], 0.0, 0.0]
        p = [c - d for c, d in zip(slope, [0.0, *p], strict=True)]

    def kernel(x: Any, out: Any) -> None:
        z = np.clip(x, -_FAR, _FAR)
        np.exp(z * z * -0.5, out=out)
        out *= _horner((*p,), z)
        out /= _ROOT_TWO_PI

    return kernel


def _gelu_forward(x: Any, order: int) -> Any:
    kernel = (_gelu_value, _gelu_slope)[order] if order < 2 else _gelu_higher(order)
    return _evaluated(kernel, _floating("gelu", x))[0]


# One op: on (512, 1024) in float32, forward and backward take an eighth of the time of x * erfc(-x / sqrt 2) / 2.
_gelu_family: Any = primitive(
    "gelu_derivative", _gelu_forward, lambda g, _y, x, order: g * _gelu_family(x, order + 1), kind="elementwise"
)


def _gelu_with_slope(x: Any) -> tuple[Any, Any]:
    slope, value = _evaluated(_gelu_slope, _floating("gelu", x), 2)
    return value, slope


def _gelu_backward(g: Any, slope: Any, _x: Any) -> Parts:
    return (lambda: g * slope,)


# Value and slope have all but a few passes in common: kept from the forward pass, the slope costs a tenth of another one.
_gelu = fused("gelu", lambda x: _gelu_family(x, 0), _gelu_with_slope, _gelu_backward, ruled=1)


def gelu(x: Any) -> Any:
    """x P(x) with the normal distribution function P; derivative P(x) + x p(x) with its density p.

    Args:
        x: real, any shape.

    Returns:
        The same shape and dtype; exact to rounding also far out on the left, where 1 + erf would cancel.

    Raises:
        DTypeError: x is complex.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> import numpy as np, autograd_core as ag
    >>> ag.gelu(np.array([-1000.0, 0.0, 1.0])).round(6)
    array([0.      , 0.      , 0.841345])
    """
    return _gelu(x)


# SiLU: x s(x) with the sigmoid s. Its n-th derivative is x s^(n) + n s^(n-1), where s^(n) is a polynomial in s.


def _sigmoid_polynomial(order: int) -> tuple[float, ...]:
    """The order-th derivative of s as a polynomial in s: s' = s - s^2, and so on by the chain rule."""
    p = [0.0, 1.0]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(p)][1:]
        p = [a - b for a, b in zip([0.0, *slope, 0.0], [0.0, 0.0, *slope], strict=True)]
    return (*p,)


def _inverse_sigmoid_of_negative(x: Any, out: Any) -> None:
    """1 + e^-x: what to divide by. It becomes inf far out on the left."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1


def _silu_value(x: Any, out: Any) -> None:
    z = np.maximum(x, -1000)  # inf would become inf/inf
    _inverse_sigmoid_of_negative(z, out)
    np.divide(z, out, out=out)


def _silu_slope(x: Any, out: Any) -> None:
    z = np.clip(x, -1000, 1000)
    _inverse_sigmoid_of_negative(z, out)
    np.divide(1, out, out=out)
    t = 1 - out
    t *= z
    t += 1
    out *= t  # s (1 + x (1 - s))


def _silu_higher(order: int) -> Callable[[Any, Any], None]:
    this, before = _sigmoid_polynomial(order), _sigmoid_polynomial(order - 1)

    def kernel(x: Any, out: Any) -> None:
        z = -np.minimum(np.abs(x), 1000)  # f^(n)(x) = (-1)^n f^(n)(-x): on the left s is small, and nothing cancels
        _inverse_sigmoid_of_negative(z, out)
        s = 1 / out
        np.multiply(z, _horner(this, s), out=out)
        out += order * _horner(before, s)
        if order % 2:
            out *= 1 - 2.0 * (x > 0)

    return kernel


def _silu_forward(x: Any, order: int) -> Any:
    kernel = (_silu_value, _silu_slope)[order] if order < 2 else _silu_higher(order)
    return _evaluated(kernel, _floating("silu", x))[0]


# One op: on (512, 1024) in float32, forward takes a third of the time of x * sigmoid(x), with backward 0.6.
_silu: Any = primitive("silu", _silu_forward, lambda g, _y, x, order: g * _silu(x, order + 1), kind="elementwise")


def silu(x: Any) -> Any:
    """x s(x) with the sigmoid s, also called swish; derivative s (1 + x (1 - s)).

    Args:
        x: real, any shape.

    Returns:
        The same shape and dtype.

    Raises:
        DTypeError: x is complex.

    Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", Neural Networks 107, 2018.

    >>> import numpy as np, autograd_core as ag
    >>> ag.silu(np.array([-1000.0, 0.0, 1.0])).round(6)
    array([-0.      ,  0.      ,  0.731059])
    """
    return _silu(x, 0)


# One op, not for speed: the derivative of the quotient would be a difference, of which far out little is left.
_softsign = primitive(
    "softsign",
    lambda x: _floating("softsign", x) / (1 + np.abs(x)),
    lambda g, _y, x: g / (1 + np.abs(x)) / (1 + np.abs(x)),
    kind="elementwise",
)


def softsign(x: Any) -> Any:
    """x/(1 + |x|); derivative 1/(1 + |x|)^2.

    Args:
        x: real, any shape.

    Returns:
        The same shape and dtype.

    Raises:
        DTypeError: x is complex.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    >>> import numpy as np, autograd_core as ag
    >>> ag.softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    return _softsign(x)


# Pieces of straight lines. Masks are multiplied by: choosing with a random mask takes ten times as long.

_hardtanh = primitive(
    "hardtanh",
    lambda x, low, high: np.clip(_floating("hardtanh", x), low, high),
    lambda g, _y, x, low, high: g * ((x > low) & (x < high)),
    kind="elementwise",
)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x limited to [min_val, max_val]; derivative 1 inside, 0 at the bounds (where `clip` has 1) and outside.

    Args:
        x: real, any shape.
        min_val: a number.
        max_val: a number, not below min_val.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: the bounds are in the wrong order.

    Source: Collobert, "Large scale machine learning", thesis, Paris VI, 2004.

    >>> import numpy as np, autograd_core as ag
    >>> ag.hardtanh(np.array([-3.0, 0.5, 2.0]))
    array([-1. ,  0.5,  1. ])
    """
    if not min_val <= max_val:
        raise ValueError(f"'hardtanh' limits to [min_val, max_val]; got min_val={min_val}, max_val={max_val}")
    return _hardtanh(x, min_val, max_val)


_nonpositive_part = primitive(
    "nonpositive_part",
    lambda x: np.minimum(_floating("nonpositive_part", x), 0),
    lambda g, _y, x: g * (x <= 0),
    kind="elementwise",
)


def nonpositive_part(x: Any) -> Any:
    """min(x, 0); derivative 1 for x <= 0, else 0: with `relu` it adds up to x, and the derivatives to 1, also at 0.

    Args:
        x: real, any shape.

    Returns:
        The same shape and dtype.

    >>> import numpy as np, autograd_core as ag
    >>> ag.nonpositive_part(np.array([-3.0, 0.5]))
    array([-3.,  0.])
    """
    return _nonpositive_part(x)
