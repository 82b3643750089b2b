"""Spec rows: elementwise functions."""

import numpy as np

import autograd_core as ag

from .base import ABOVE_ONE, CHOICE, INF, NAN, POSITIVE, UNIT, binary, general, raw, unary

ELEMENTWISE = [
    binary("add"),
    binary("subtract"),
    binary("multiply"),
    binary("divide", (-2.0, 2.0), POSITIVE),
    binary(
        "power",
        POSITIVE,
        (-2.0, 2.0),
        points=[
            (([0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0]), ([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])),
            (([2.0, -2.0], [0.0, 0.0]), ([0.0, 0.0], [np.log(2), NAN])),
        ],
    ),
    unary("power_2", f=lambda x: x**2, points=[(([0.0, -1.0],), ([0.0, -2.0],))]),
    unary("power_0", f=lambda x: x**0, points=[(([0.0, -1.0],), ([0.0, 0.0],))]),
    unary("power_3.5", POSITIVE, f=lambda x: x**3.5),
    unary("power_base", f=lambda x: 2.5**x),
    binary("float_power", POSITIVE, (-2.0, 2.0), keeps_float32=False),
    unary("negative"),
    unary("copy"),
    unary("positive"),
    unary("exp", points=[(([-INF, 0.0, 700.0],), ([0.0, 1.0, np.exp(700.0)],))]),
    unary("exp2"),
    unary("expm1", points=[(([0.0, -800.0],), ([1.0, 0.0],))]),
    unary("log", POSITIVE, points=[(([0.5, 1e-100],), ([2.0, 1e100],))]),
    unary("log2", POSITIVE),
    unary("log10", POSITIVE),
    unary("log1p", (-0.7, 2.0), points=[(([0.0],), ([1.0],))]),
    unary("sqrt", POSITIVE, points=[(([0.0, 4.0],), ([INF, 0.25],))]),
    unary("cbrt", analytic=False, points=[(([8.0, -8.0, 0.0],), ([1 / 12, 1 / 12, INF],))]),
    unary("square"),
    unary("reciprocal", POSITIVE),
    unary("sin"),
    unary("cos"),
    unary("tan", (-1.2, 1.2)),
    unary("arcsin", UNIT),
    unary("arccos", UNIT),
    unary("arctan"),
    unary("sinh"),
    unary("cosh"),
    unary("tanh", points=[(([1000.0, -1000.0],), ([0.0, 0.0],))]),
    unary("arcsinh"),
    unary("arccosh", ABOVE_ONE),
    unary("arctanh", UNIT),
    unary("absolute", **CHOICE, points=[(([0.0, -0.0, -2.0],), ([0.0, 0.0, -1.0],))]),
    unary("sign", **CHOICE, points=[(([0.0, 3.0],), ([0.0, 0.0],))]),
    unary("conjugate", analytic=False),
    unary("real", analytic=False),
    unary("imag", analytic=False),
    unary("complex_parts", f=lambda x: np.real(np.exp(1j * x)) + np.imag(x * x * (2 + 1j)), analytic=False),
    binary("maximum", **CHOICE, points=[(([1.0, 1.0, 3.0], [1.0, 2.0, 2.0]), ([0.5, 0.0, 1.0], [0.5, 1.0, 0.0]))]),
    binary("minimum", **CHOICE, points=[(([1.0, 1.0, 3.0], [1.0, 2.0, 2.0]), ([0.5, 1.0, 0.0], [0.5, 0.0, 1.0]))]),
    binary("fmax", **CHOICE, points=[(([NAN, 1.0, 1.0], [1.0, NAN, 1.0]), ([0.0, 1.0, 0.5], [1.0, 0.0, 0.5]))]),
    binary("fmin", **CHOICE, points=[(([NAN, 1.0, 1.0], [1.0, NAN, 1.0]), ([0.0, 1.0, 0.5], [1.0, 0.0, 0.5]))]),
    binary("where", f=lambda a, b: np.where(np.real(raw(a) + raw(b)) > 0.1, a, b), **CHOICE),
    unary("clip", f=lambda x: np.clip(x, -1.0, 0.5), **CHOICE, points=[(([-1.0, 0.5, 0.0, 0.6],), ([1.0, 1.0, 1.0, 0.0],))]),
    general(
        "clip_bounds", np.clip, [(4,), (), (4,)], [(2, 1), (3,), ()], **CHOICE, points=[((3.0, 1.0, 2.0), (0.0, 0.0, 1.0))]
    ),
    unary("astype", f=lambda x: ag.astype(x, np.float64), analytic=False, keeps_float32=False),
    unary("sigmoid", f=ag.sigmoid, **CHOICE, points=[(([0.0, 1000.0, -1000.0],), ([0.25, 0.0, 0.0],))]),
    unary("softplus", f=ag.softplus, **CHOICE, points=[(([0.0, 1000.0, -1000.0],), ([0.5, 1.0, 0.0],))]),
    unary("relu", f=ag.relu, **CHOICE, points=[(([0.0, 1.0, -1.0],), ([0.0, 1.0, 0.0],))]),
]
