"""Piecewise constant and piecewise linear functions: rounding, remainders, signs; and functions derived from them."""

import math
from typing import Any

import numpy as np

from ..dual import bare
from ..record import binary, implements, primitive, unary
from .elementwise import arctan2, imag, real

__all__ = [
    "angle",
    "ceil",
    "copysign",
    "deg2rad",
    "degrees",
    "divmod",
    "fabs",
    "fix",
    "floor",
    "floor_divide",
    "fmod",
    "frexp",
    "heaviside",
    "ldexp",
    "mod",
    "modf",
    "nan_to_num",
    "rad2deg",
    "radians",
    "real_if_close",
    "remainder",
    "rint",
    "round",
    "trunc",
    "unwrap",
]


def _flat(g: Any, *_: Any) -> Any:
    """The rule of a function that is constant between its jumps."""
    return np.zeros_like(g)


def _step(name: str, forward: Any) -> Any:
    return unary(name, forward, _flat, forward, f"`numpy.{name}`; derivative 0, also at the jumps.")


floor, ceil, trunc, rint = (_step(f.__name__, f) for f in (np.floor, np.ceil, np.trunc, np.rint))
_round = primitive("round", np.round, _flat, kind="elementwise")


@implements(np.round)
def round(a: Any, decimals: int = 0, out: None = None) -> Any:
    """Rounded to this many decimals; derivative 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(lambda x: ag.round(x, 1))(2.64)
    (2.6, 0.0)
    """
    return _round(a, decimals)


@implements(np.fix)
def fix(x: Any) -> Any:
    """Rounded towards zero; derivative 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.fix)(-2.6)
    (-2.0, 0.0)
    """
    return trunc(x)


# Remainders: a = quotient b + remainder, with a quotient that is constant between its jumps

floor_divide = binary(
    "floor_divide",
    np.floor_divide,
    _flat,
    _flat,
    np.floor_divide,
    "floor(a / b); derivatives 0.",
)
remainder = binary(
    "remainder",
    np.remainder,
    lambda g, _y, _a, _b: g,
    lambda g, _y, a, b: -g * np.floor_divide(a, b),
    np.remainder,
    "a - floor(a/b) b, as Python's %; derivatives 1 and -floor(a/b).",
)
fmod = binary(
    "fmod",
    np.fmod,
    lambda g, _y, _a, _b: g,
    lambda g, y, a, b: -g * np.rint((a - y) / b),  # not trunc(a / b), whose quotient may round up to the next
    np.fmod,
    "a - trunc(a/b) b, as C's fmod; derivatives 1 and -trunc(a/b).",
)
mod = remainder


@implements(np.divmod)
def divmod(a: Any, b: Any) -> Any:
    """`(a // b, a % b)`.

    >>> import numpy as np, autograd_core as ag
    >>> q, r = ag.divmod(7.0, 2.0)
    >>> float(q), float(r), ag.grad(lambda a, b: ag.divmod(a, b)[1], argnums=(0, 1))(7.0, 2.0)
    (3.0, 1.0, (1.0, -3.0))
    """
    return floor_divide(a, b), remainder(a, b)


@implements(np.modf)
def modf(x: Any) -> Any:
    """The part of x behind the point, with derivative 1, and the whole part.

    >>> import numpy as np, autograd_core as ag
    >>> fraction, whole = ag.modf(2.5)
    >>> float(fraction), float(whole), ag.grad(lambda x: ag.modf(x)[0])(2.5)
    (0.5, 2.0, 1.0)
    """
    whole = trunc(x)
    return x - whole, whole


@implements(np.frexp)
def frexp(x: Any) -> Any:
    """`(mantissa, exponent)` with x = mantissa 2^exponent; the exponent is a plain integer array.

    >>> import numpy as np, autograd_core as ag
    >>> mantissa, exponent = ag.frexp(6.0)  # 0.75 * 2**3
    >>> float(mantissa), int(exponent), ag.grad(lambda x: ag.frexp(x)[0])(6.0)
    (0.75, 3, 0.125)
    """
    exponent = np.frexp(bare(x))[1]
    return ldexp(x, -exponent), exponent


_ldexp: Any = primitive("ldexp", np.ldexp, lambda g, _y, _x, i: _ldexp(g, i), kind="elementwise")


@implements(np.ldexp)
def ldexp(x: Any, i: Any) -> Any:
    """x 2^i for whole numbers i; derivative 2^i.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(lambda x: ag.ldexp(x, 3))(0.75)
    (6.0, 8.0)
    """
    return _ldexp(x, bare(i))


# Signs

copysign = binary(
    "copysign",
    np.copysign,
    lambda g, _y, a, b: g * np.where(np.signbit(bare(b)), -np.sign(a), np.sign(a)),
    _flat,
    np.copysign,
    "|a| with the sign of b; derivatives sign(a) sign(b), 0 at a = 0, and 0.",
)
heaviside = binary(
    "heaviside",
    np.heaviside,
    _flat,
    lambda g, _y, a, _b: np.where(bare(a) == 0, g, 0),
    np.heaviside,
    "0 for a < 0, b at 0, 1 for a > 0; derivative 0 in a.",
)


@implements(np.fabs)
def fabs(x: Any) -> Any:
    """|x| of a real x; derivative sign(x), 0 at 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.value_and_grad(ag.fabs)(-2.0)
    (2.0, -1.0)
    """
    return abs(x)


# Angles

_PER_DEGREE = math.pi / 180
deg2rad = unary("deg2rad", np.deg2rad, lambda g, _y, _x: g * _PER_DEGREE, np.deg2rad, "Degrees to radians; derivative pi/180.")
rad2deg = unary("rad2deg", np.rad2deg, lambda g, _y, _x: g / _PER_DEGREE, np.rad2deg, "Radians to degrees; derivative 180/pi.")
radians = implements(np.radians)(deg2rad)
degrees = implements(np.degrees)(rad2deg)


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """The argument of a complex number, in radians or degrees; derivative 0 at 0.

    >>> import numpy as np, autograd_core as ag
    >>> print(f"{ag.grad(lambda x: ag.angle(1 + 1j * x))(1.0):.6f}")  # the slope of atan x
    0.500000
    """
    a = arctan2(imag(z), real(z))
    return rad2deg(a) if deg else a


@implements(np.unwrap)
def unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    """Jumps of more than half a period removed by adding periods; derivative 1.

    >>> import numpy as np, autograd_core as ag
    >>> ag.unwrap(np.array([0.0, 3.0, 6.0, 9.0 - 2 * np.pi]))
    array([0., 3., 6., 9.])
    >>> ag.grad(lambda p: ag.unwrap(p)[-1])(np.array([0.0, 3.0, -1.0]))
    array([0., 0., 1.])
    """
    value = bare(p)
    return p + (np.unwrap(value, discont, axis, period=period) - value)


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part, if all imaginary parts are within rounding of 0; else a.

    >>> import numpy as np, autograd_core as ag
    >>> ag.real_if_close(np.array([1 + 1e-18j]))
    array([1.])
    >>> ag.grad(lambda x: ag.real_if_close(x * (1 + 0j)))(2.0)
    1.0
    """
    return a if np.iscomplexobj(np.real_if_close(bare(a), tol)) else real(a)


_nan_to_num = primitive(
    "nan_to_num",
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda g, _y, x, _nan, _posinf, _neginf: np.where(np.isfinite(bare(x)), g, 0),
    kind="elementwise",
)


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """NaN and infinities replaced by numbers; derivative 1 where x is finite, else 0.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda x: ag.nan_to_num(x).sum())(np.array([1.0, np.nan, np.inf]))
    array([1., 0., 0.])
    """
    return _nan_to_num(x, nan, posinf, neginf)
