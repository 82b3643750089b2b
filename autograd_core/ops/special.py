"""Special functions, in NumPy alone; scipy.special's ufuncs of the same names record here too when given Tensors."""

import math
from typing import Any

import numpy as np

from ..dual import bare
from ..record import binary, primitive, unary
from ..tensor import NAMED
from .derived import as_operand
from .elementwise import sigmoid

__all__ = ["digamma", "erf", "erfc", "expit", "gammaln", "logit", "polygamma", "xlog1py", "xlogy"]

# The error function. Chebyshev series, fitted in 40 digits: erf(x)/x in x^2 on [0, 1], and (x + 1) e^(x^2) erfc(x) in
# 3/(3 + x) on [1, inf).

_ERF = (
    0.9754769393826541,
    -0.14226120510371365,
    0.010035582187599796,
    -0.0005768764699767485,
    2.741993125219606e-05,
    -1.1043175507344507e-06,
    3.8488755420345036e-08,
    -1.1808582533875466e-09,
    3.2334215826050907e-11,
    -7.991015947004549e-13,
    1.7990725113961456e-14,
    -3.718635487818693e-16,
    7.103599003714253e-18,
    -1.2612455119155226e-19,
)
_ERFCX = (
    0.6873405916446703,
    0.14404530986804623,
    0.022760366247929462,
    0.0016214327422514046,
    -0.0003874953450771965,
    -0.0001742485572837601,
    -3.5102721776376816e-05,
    -3.775702338035266e-06,
    1.074513009777613e-09,
    6.67181866749297e-08,
    7.234282026463991e-09,
    -6.894400734116689e-10,
    -2.0992385690934044e-10,
    2.3631548898980173e-12,
    5.197789889481587e-12,
    1.4986187739614655e-13,
    -1.3369517713098608e-13,
    -6.7931695322443235e-15,
    3.787612737741805e-15,
    2.083500357863115e-16,
    -1.189571586482122e-16,
    -4.8470314791306506e-18,
)
_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)


def _chebyshev(coefficients: tuple[float, ...], x: Any) -> Any:
    """Sum c_k T_k(x) by Clenshaw's recurrence."""
    b1 = b2 = 0.0
    for c in coefficients[:0:-1]:
        b1, b2 = 2 * x * b1 - b2 + c, b1
    return x * b1 - b2 + coefficients[0]


def _erfc_of_large(x: Any) -> Any:
    """erfc(x) for x >= 1; the square is split, so that rounding it costs no accuracy far out."""
    head = np.floor(x * 16) / 16
    t = 3 / (3 + x)
    return _chebyshev(_ERFCX, t * (8 / 3) - 1) / (x + 1) * np.exp(-head * head) * np.exp(-(x - head) * (x + head))


def _erf_parts(x: Any) -> tuple[Any, Any, Any, Any]:
    """x as float64, |x| where it is small, and erf near 0 and erfc of |x| far from it."""
    z = as_operand(x).astype(np.float64)
    size = np.abs(z)
    near = np.minimum(size, 1.0)
    far = np.clip(size, 1.0, 30.0)
    return z, size, near * _chebyshev(_ERF, 2 * near * near - 1), _erfc_of_large(far)


def _dtype(x: Any) -> Any:
    x = as_operand(x)
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)


def _erf(x: Any) -> Any:
    z, size, near, far = _erf_parts(x)
    y = np.where(np.isnan(z), z, np.copysign(np.where(size < 1, near, 1 - far), z))
    return y.astype(_dtype(x))[()]


def _erfc(x: Any) -> Any:
    z, size, near, far = _erf_parts(x)
    y = np.where(size < 1, 1 - np.copysign(near, z), np.where(z > 0, far, 2 - far))
    return np.where(np.isnan(z), z, np.where(z > 30, 0, y)).astype(_dtype(x))[()]


erf = unary(
    "erf", _erf, lambda g, _y, x: g * (_TWO_BY_ROOT_PI * np.exp(-x * x)), doc="Error function; derivative 2/sqrt(pi) e^(-x^2)."
)
erfc = unary(
    "erfc",
    _erfc,
    lambda g, _y, x: g * (-_TWO_BY_ROOT_PI * np.exp(-x * x)),
    doc="1 - erf(x), exact for large x; derivative -2/sqrt(pi) e^(-x^2).",
)

# The gamma family: arguments are shifted up to 10, where the asymptotic series is exact to rounding

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_LARGE = 10


def _gammaln(x: Any) -> Any:
    x = as_operand(x)
    z = x.astype(np.float64)
    low = z < 0.5
    z = np.where(low, 1 - z, z)  # reflection: gamma(x) gamma(1 - x) = pi / sin(pi x)
    shift = np.zeros_like(z)
    for _ in range(_LARGE):
        small = z < _LARGE
        shift += np.log(np.where(small, z, 1))
        z = z + small
    series = sum(b / (2 * k * (2 * k - 1)) * z ** (1 - 2 * k) for k, b in enumerate(_BERNOULLI, start=1))
    y = (z - 0.5) * (np.log(z) - 1) - 0.5 + 0.5 * math.log(2 * math.pi) + series - shift
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(low, math.log(math.pi) - np.log(np.abs(np.sin(math.pi * x))) - y, y)
    y = np.where((x <= 0) & (np.floor(x) == x), np.inf, y)
    return y.astype(_dtype(x))[()]


def _polygamma(n: int, x: Any) -> Any:
    z = as_operand(x).astype(np.float64)
    z = np.where((z <= 0) & (np.floor(z) == z), np.nan, z)  # the poles
    total = np.zeros_like(z)
    sign = -1.0 if n % 2 else 1.0
    reflected = z < -_LARGE if n == 0 else np.zeros_like(z, bool)  # digamma(1 - x) - digamma(x) = pi / tan(pi x)
    z = np.where(reflected, 1 - z, z)
    while (small := z < _LARGE).any():
        total -= np.where(small, sign * math.factorial(n) / np.where(small, z, 1) ** (n + 1), 0)
        z = z + small
    if n == 0:
        y = np.log(z) - 0.5 / z - sum(b / (2 * k) * z ** (-2 * k) for k, b in enumerate(_BERNOULLI, start=1))
    else:
        y = math.factorial(n - 1) * z ** (-n) + math.factorial(n) / 2 * z ** (-n - 1)
        for k, b in enumerate(_BERNOULLI, start=1):
            y = y + b * (math.factorial(2 * k + n - 1) / math.factorial(2 * k)) * z ** (-2 * k - n)
        y = -sign * y
    y = y + total
    if reflected.any():
        y = np.where(reflected, y - math.pi / np.tan(math.pi * np.where(reflected, x, 0.5)), y)
    return y.astype(_dtype(x))[()]


_polygamma_op: Any = primitive(
    "polygamma",
    lambda x, n: _polygamma(n, x),
    lambda g, _y, x, n: g * _polygamma_op(x, n + 1),
    kind="elementwise",
)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma; its own derivative is the (n+1)-th. For x > -1000; NaN at the poles.

    >>> import autograd_core as ag
    >>> float(ag.polygamma(1, 1.0).round(6))  # pi^2 / 6
    1.644934
    """
    order = int(bare(n))
    if order < 0 or order != bare(n):
        raise ValueError(f"the order of polygamma is a whole number from 0; got {n}")
    return _polygamma_op(x, order)


gammaln = unary("gammaln", _gammaln, lambda g, _y, x: g * digamma(x), doc="log |gamma(x)|; derivative digamma(x).")


def digamma(x: Any) -> Any:
    """The derivative of gammaln; NaN at the poles 0, -1, -2 ...

    >>> import autograd_core as ag
    >>> float(ag.digamma(1.0).round(6))
    -0.577216
    """
    return _polygamma_op(x, 0)


# Logarithms of probabilities

expit = sigmoid
logit = unary(
    "logit",
    lambda p: np.log(p) - np.log1p(-p),
    lambda g, _y, p: g / (p * (1 - p)),
    doc="log(p/(1 - p)), the inverse of sigmoid; derivative 1/(p (1 - p)).",
)


def _x_times(log: Any) -> Any:
    """x log(y), and 0 where x is 0, whatever y."""
    return lambda x, y: x * log(np.where((x == 0) & ~np.isnan(y), np.ones_like(y), y))


xlogy = binary(
    "xlogy",
    _x_times(np.log),
    lambda g, _y, a, b: g * np.log(np.where((a == 0) & (b <= 0), np.ones_like(b), b)),
    lambda g, _y, a, b: g * (a / np.where((a == 0) & (b == 0), np.ones_like(b), b)),
    doc="a log(b), 0 where a = 0; derivatives log b (0 where a = 0 and b <= 0) and a/b (0 where a = 0).",
)
xlog1py = binary(
    "xlog1py",
    _x_times(np.log1p),
    lambda g, _y, a, b: g * np.log1p(np.where((a == 0) & (b <= -1), np.zeros_like(b), b)),
    lambda g, _y, a, b: g * (a / np.where((a == 0) & (b == -1), np.ones_like(b), 1 + b)),
    doc="a log(1 + b), 0 where a = 0; derivatives log(1 + b) and a/(1 + b), 0 as for xlogy.",
)

# What scipy.special calls them
NAMED |= {
    ("scipy.special", name): function
    for name, function in {
        "erf": erf,
        "erfc": erfc,
        "gammaln": gammaln,
        "psi": digamma,
        "expit": expit,
        "logit": logit,
        "xlogy": xlogy,
        "xlog1py": xlog1py,
    }.items()
}
