"""How elementwise ops are written. What ONNX lacks is composed, so that nothing cancels or overflows."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from .agree import Size
from .build import Builder, Value, elementwise, row

__all__: list[str] = []

G: TypeAlias = Builder
Name: TypeAlias = Any

_DIRECT = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "negative": "Neg",
    "positive": "Identity",
    "identity": "Identity",
    "conjugate": "Identity",  # of real numbers: others do not come here
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "cosh": "Cosh",
    "tanh": "Tanh",
    "absolute": "Abs",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "rint": "Round",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "erf": "Erf",
}
_OF_TRUTH = {"Add": "Or", "Max": "Or", "Mul": "And", "Min": "And"}


def _direct(kind: str) -> Any:
    def write(g: G, y: Value, *xs: Any) -> Name:
        return g.op(_OF_TRUTH.get(kind, kind) if y.dtype.kind == "b" else kind, *[g.cast(x, y.dtype) for x in xs])

    return write


for _name, _kind in _DIRECT.items():
    row(_name)(_direct(_kind))

for _name, _factor in {"deg2rad": math.pi / 180, "rad2deg": 180 / math.pi}.items():
    elementwise(_name)(lambda g, x, factor=_factor: g.op("Mul", x, factor))

for _name, _base in {"log2": 2.0, "log10": 10.0}.items():
    elementwise(_name)(lambda g, x, base=_base: g.op("Div", g.op("Log", x), math.log(base)))


@row("copy")
def _copy(g: G, _y: Value, x: Value, _order: str) -> Name:
    return g.op("Identity", x)


@row("astype")
def _astype(g: G, _y: Value, x: Value, dtype: Any) -> Name:
    return g.op("Cast", x, to=g.code(dtype))


@elementwise("square")
def _square(g: G, x: Name) -> Name:
    return g.op("Mul", x, x)


@elementwise("exp2")
def _exp2(g: G, x: Name) -> Name:
    return g.op("Pow", 2.0, x)


@elementwise("cbrt")
def _cbrt(g: G, x: Name) -> Name:
    return g.op("Mul", g.op("Sign", x), g.op("Pow", g.op("Abs", x), 1 / 3))


@elementwise("trunc")
def _trunc(g: G, x: Name) -> Name:
    return g.op("Mul", g.op("Sign", x), g.op("Floor", g.op("Abs", x)))


# Near 0, where the plain formulas lose digits


@elementwise("expm1")
def expm1(g: G, x: Name) -> Name:
    """e^x - 1 = tanh(x/2) (e^x + 1)."""
    return g.op("Mul", g.op("Tanh", g.op("Mul", x, 0.5)), g.op("Add", g.op("Exp", x), 1.0))


@elementwise("log1p")
def log1p(g: G, x: Name) -> Name:
    """log(1 + x) = x log(u)/(u - 1) with u = 1 + x as it is rounded (Kahan)."""
    u = g.op("Add", x, 1.0)
    rounded = g.op("Sub", u, 1.0)
    same = g.op("Equal", rounded, 0.0)
    near = g.op("Mul", g.op("Log", u), g.op("Div", x, g.where(same, 1.0, rounded)))
    return g.where(same, x, g.where(g.op("Less", g.op("Abs", x), 0.5), near, g.op("Log", u)))


@elementwise("sinh")
def _sinh(g: G, x: Name) -> Name:
    e = expm1(g, g.op("Abs", x))  # (e + e/(e + 1))/2, with e/(e + 1) as 1 - 1/(e + 1), also where e is inf
    inverse = g.op("Sub", 1.0, g.op("Reciprocal", g.op("Add", e, 1.0)))
    near = g.where(g.op("Less", e, 1.0), g.op("Div", e, g.op("Add", e, 1.0)), inverse)
    return g.op("Mul", g.op("Sign", x), g.op("Mul", g.op("Add", e, near), 0.5))


@elementwise("arcsinh")
def _arcsinh(g: G, x: Name) -> Name:
    a = g.op("Abs", x)
    small = g.op("Min", a, 1e4)  # beyond it a^2 + 1 is a^2: log(2 a)
    root = g.op("Sqrt", g.op("Add", g.op("Mul", small, small), 1.0))
    near = log1p(g, g.op("Add", small, g.op("Div", g.op("Mul", small, small), g.op("Add", root, 1.0))))
    far = g.op("Add", g.op("Log", g.op("Max", a, 1.0)), math.log(2))
    return g.op("Mul", g.op("Sign", x), g.where(g.op("Less", a, 1e4), near, far))


@elementwise("arccosh")
def _arccosh(g: G, x: Name) -> Name:
    t = g.op("Sub", g.op("Min", x, 1e4), 1.0)
    near = log1p(g, g.op("Add", t, g.op("Sqrt", g.op("Mul", t, g.op("Add", t, 2.0)))))
    far = g.op("Add", g.op("Log", g.op("Max", x, 1.0)), math.log(2))
    return g.where(g.op("Less", x, 1e4), near, far)


@elementwise("arctanh")
def _arctanh(g: G, x: Name) -> Name:
    return g.op("Mul", g.op("Sub", log1p(g, x), log1p(g, g.op("Neg", x))), 0.5)


@elementwise("softplus")
def softplus(g: G, x: Name) -> Name:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    return g.op("Add", g.op("Max", x, 0.0), log1p(g, g.op("Exp", g.op("Neg", g.op("Abs", x)))))


@elementwise("logit")
def _logit(g: G, p: Name) -> Name:
    return g.op("Sub", g.op("Log", p), log1p(g, g.op("Neg", p)))


@elementwise("erfc")
def _erfc(g: G, x: Name) -> Name:
    return g.op("Sub", 1.0, g.op("Erf", x))  # to the accuracy of erf, not relative to tiny results


@row("sinc")
def _sinc(g: G, y: Value, x: Value, order: int) -> Name:
    if order:
        raise NotImplementedError("derivatives of sinc have no ONNX form")
    zero = g.op("Equal", g.cast(x, y.dtype), 0.0)
    u = g.where(zero, 1.0, g.op("Mul", g.cast(x, y.dtype), math.pi))
    return g.where(zero, 1.0, g.op("Div", g.op("Sin", u), u))


# Of two arguments


@elementwise("hypot")
def _hypot(g: G, a: Name, b: Name) -> Name:
    a, b = g.op("Abs", a), g.op("Abs", b)
    long = g.op("Max", a, b)
    ratio = g.op("Div", g.op("Min", a, b), g.where(g.op("Equal", long, 0.0), 1.0, long))  # squares would overflow
    return g.op("Mul", long, g.op("Sqrt", g.op("Add", g.op("Mul", ratio, ratio), 1.0)))


@elementwise("arctan2")
def _arctan2(g: G, a: Name, b: Name) -> Name:
    half = g.op("Atan", g.op("Div", a, g.where(g.op("Equal", b, 0.0), 1.0, b)))
    turned = g.op("Add", half, g.where(_is_negative(g, a), -math.pi, math.pi))
    upright = g.op("Mul", g.op("Sign", a), math.pi / 2)
    on_axis = g.where(g.op("Equal", a, 0.0), g.where(_is_negative(g, b), turned, a), upright)
    return g.where(g.op("Equal", b, 0.0), on_axis, g.where(g.op("Less", b, 0.0), turned, half))


def _is_negative(g: G, x: Name) -> Name:
    """Also for -0, whose reciprocal is -inf."""
    return g.op("Less", g.where(g.op("Equal", x, 0.0), g.op("Reciprocal", x), x), 0.0)


def _summed(g: G, a: Name, b: Name, base: float) -> Name:
    """log(base^a + base^b) to this base: the larger one, and what the smaller one adds."""
    same = g.op("Equal", a, b)  # also inf, whose difference is NaN
    apart = g.where(same, 0.0, g.op("Abs", g.op("Sub", a, b)))
    added = log1p(g, g.op("Exp", g.op("Mul", apart, -math.log(base))))
    return g.op("Add", g.op("Max", a, b), g.op("Div", added, math.log(base)))


elementwise("logaddexp")(lambda g, a, b: _summed(g, a, b, math.e))
elementwise("logaddexp2")(lambda g, a, b: _summed(g, a, b, 2.0))

for _name, _kind in {"fmax": "Max", "fmin": "Min"}.items():
    elementwise(_name)(lambda g, a, b, kind=_kind: g.where(g.op("IsNaN", a), b, g.where(g.op("IsNaN", b), a, g.op(kind, a, b))))


@row("remainder")
def _remainder(g: G, y: Value, a: Any, b: Any) -> Name:
    a, b = g.cast(a, y.dtype), g.cast(b, y.dtype)
    if y.dtype.kind in "iu":
        return g.op("Mod", a, b)
    r = g.op("Mod", a, b, fmod=1)  # has the sign of a; Python's has that of b
    other = g.op("Less", g.op("Mul", g.op("Sign", r), g.op("Sign", b)), 0.0)
    return g.where(other, g.op("Add", r, b), r)


@row("floor_divide")
def _floor_divide(g: G, y: Value, a: Any, b: Any) -> Name:
    rest = _remainder(g, y, a, b)
    quotient = g.op("Div", g.op("Sub", g.cast(a, y.dtype), rest), g.cast(b, y.dtype))
    return quotient if y.dtype.kind in "iu" else g.op("Round", quotient)


@elementwise("fmod")
def _fmod(g: G, a: Name, b: Name) -> Name:
    return g.op("Mod", a, b, fmod=1)


@elementwise("copysign")
def _copysign(g: G, a: Name, b: Name) -> Name:
    size = g.op("Abs", a)
    return g.where(_is_negative(g, b), g.op("Neg", size), size)


@elementwise("heaviside")
def _heaviside(g: G, a: Name, b: Name) -> Name:
    step = g.where(g.op("Less", a, 0.0), 0.0, g.where(g.op("Equal", a, 0.0), b, 1.0))
    return g.where(g.op("IsNaN", a), a, step)


@elementwise("ldexp")
def _ldexp(g: G, x: Name, i: Name) -> Name:
    return g.op("Mul", x, g.op("Pow", 2.0, i))


def _log_times(log: Any, pole: float) -> Any:
    """x log(y), and 0 where x is 0, whatever y; but NaN where y is."""

    def write(g: G, x: Name, y: Name) -> Name:
        free = g.op("And", g.op("Equal", x, 0.0), g.op("Not", g.op("IsNaN", y)))
        return g.op("Mul", x, log(g, g.where(free, 1.0 - pole, y)))

    return write


elementwise("xlogy")(_log_times(lambda g, y: g.op("Log", y), 0.0))
elementwise("xlog1py")(_log_times(log1p, 1.0))

# Choosing, rounding, limiting


@row("where")
def _where(g: G, y: Value, condition: Any, a: Any, b: Any) -> Name:
    return g.where(g.cast(condition, bool), g.cast(a, y.dtype), g.cast(b, y.dtype))


@elementwise("clip", "hardtanh")
def _clip(g: G, x: Name, low: Name, high: Name) -> Name:
    x = x if low is None else g.op("Max", x, low)
    return g.op("Identity", x) if high is None and low is None else x if high is None else g.op("Min", x, high)


@row("round")
def _round(g: G, y: Value, x: Value, decimals: int) -> Name:
    if y.dtype.kind != "f" or not decimals:
        return g.op("Round" if y.dtype.kind == "f" else "Identity", x)
    scale = 10.0 ** abs(decimals)
    before, after = ("Mul", "Div") if decimals > 0 else ("Div", "Mul")
    return g.op(after, g.op("Round", g.op(before, x, scale)), scale)


@row("nan_to_num")
def _nan_to_num(g: G, y: Value, x: Value, nan: float, posinf: float | None, neginf: float | None) -> Name:
    if y.dtype.kind != "f":
        return g.op("Identity", x)
    ends = np.finfo(y.dtype)
    z = g.where(g.op("IsNaN", x), nan, x)
    z = g.where(g.op("IsInf", z, detect_negative=0), float(ends.max) if posinf is None else posinf, z)
    return g.where(g.op("IsInf", z, detect_positive=0), float(ends.min) if neginf is None else neginf, z)


# Activations


@row("gelu_derivative")
def _gelu(g: G, y: Value, x: Value, order: int) -> Name:
    if order:
        raise NotImplementedError("derivatives of gelu have no ONNX form")
    return g.op("Gelu", g.cast(x, y.dtype))


@row("silu")
def _silu(g: G, y: Value, x: Value, order: int) -> Name:
    if order:
        raise NotImplementedError("derivatives of silu have no ONNX form")
    return g.op("Mul", g.cast(x, y.dtype), g.op("Sigmoid", g.cast(x, y.dtype)))


@elementwise("softsign")
def _softsign(g: G, x: Name) -> Name:
    return g.op("Div", x, g.op("Add", g.op("Abs", x), 1.0))


@elementwise("nonpositive_part")
def _nonpositive_part(g: G, x: Name) -> Name:
    return g.op("Min", x, 0.0)


# Without a gradient: truth values


def _common(*xs: Any) -> Any:
    """The dtype in which operands are compared; Python's numbers adapt."""
    found = np.result_type(*[x.dtype if isinstance(x, Value) else 0 if isinstance(x, Size) else x for x in xs])
    return np.dtype(np.int64) if found.kind == "b" else found


def _compared(kind: str, negated: bool = False) -> Any:
    def write(g: G, _y: Value, a: Any, b: Any) -> Name:
        dtype = _common(a, b)
        found = g.op(kind, g.cast(a, dtype), g.cast(b, dtype))
        return g.op("Not", found) if negated else found

    return write


row("equal", "eq")(_compared("Equal"))
row("not_equal", "ne")(_compared("Equal", negated=True))
row("less", "lt")(_compared("Less"))
row("less_equal", "le")(_compared("LessOrEqual"))
row("greater", "gt")(_compared("Greater"))
row("greater_equal", "ge")(_compared("GreaterOrEqual"))

for _names, _kind in {
    ("logical_and", "bitwise_and"): "And",
    ("logical_or", "bitwise_or"): "Or",
    ("logical_xor", "bitwise_xor"): "Xor",
}.items():

    @row(*_names)
    def _logical(g: G, y: Value, a: Any, b: Any, kind: str = _kind) -> Name:
        if y.dtype != bool:
            return g.op(f"Bitwise{kind}", g.cast(a, y.dtype), g.cast(b, y.dtype))
        return g.op(kind, g.cast(a, bool), g.cast(b, bool))


@row("logical_not", "invert")
def _not(g: G, y: Value, x: Value) -> Name:
    return g.op("Not", g.cast(x, bool)) if y.dtype == bool else g.op("BitwiseNot", x)


@row("isnan")
def _isnan(g: G, _y: Value, x: Value) -> Name:
    return g.op("IsNaN", x)


@row("isinf")
def _isinf(g: G, _y: Value, x: Value) -> Name:
    return g.op("IsInf", x)


@row("isfinite")
def _isfinite(g: G, _y: Value, x: Value) -> Name:
    return g.op("Not", g.op("Or", g.op("IsNaN", x), g.op("IsInf", x)))


@row("signbit")
def _signbit(g: G, _y: Value, x: Value) -> Name:
    g.dtype = x.dtype
    return _is_negative(g, x)
