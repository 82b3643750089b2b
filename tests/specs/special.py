"""Spec rows: special functions, rounding and remainders."""

import numpy as np

import autograd_core as ag

from .base import CHOICE, INF, POSITIVE, Spec, binary, general, unary

SPECIAL: list[Spec] = [
    unary("erf", f=ag.erf, **CHOICE, points=[(([0.0, 30.0, -INF],), ([2 / np.sqrt(np.pi), 0.0, 0.0],))]),
    unary("erf_wide", (-5.0, 5.0), f=ag.erf, **CHOICE),
    unary("erfc", f=ag.erfc, **CHOICE),
    unary("erfc_wide", (-5.0, 8.0), f=ag.erfc, **CHOICE),
    unary("expit", f=ag.expit, **CHOICE),
    unary("gammaln", POSITIVE, f=ag.gammaln, **CHOICE),
    unary("gammaln_large", (3.0, 40.0), f=ag.gammaln, **CHOICE),
    unary("gammaln_negative", (-0.8, -0.2), f=ag.gammaln, **CHOICE),
    unary("digamma", POSITIVE, f=ag.digamma, **CHOICE, points=[(([1.0],), ([np.pi**2 / 6],))]),
    unary("polygamma", POSITIVE, f=lambda x: ag.polygamma(2, x), **CHOICE),
    unary("logit", (0.1, 0.9), f=ag.logit),
    binary("xlogy", (-2.0, 2.0), POSITIVE, f=ag.xlogy, points=[(([0.0, 0.0], [0.0, 2.0]), ([0.0, np.log(2)], [0.0, 0.0]))]),
    binary("xlog1py", (-2.0, 2.0), (-0.6, 2.0), f=ag.xlog1py, points=[(([0.0], [-1.0]), ([0.0], [0.0]))]),
    *(
        unary(name, **CHOICE, points=[(([0.0, 1.0, 1.5],), ([0.0, 0.0, 0.0],))])
        for name in ("floor", "ceil", "trunc", "rint", "fix")
    ),
    unary("round", f=lambda x: np.round(x, 1), **CHOICE),
    binary("floor_divide", (-2.0, 2.0), (0.31, 3.0), **CHOICE),
    binary("remainder", (-2.0, 2.0), (2.5, 3.0), **CHOICE, points=[((-7.0, 3.0), (1.0, 3.0))]),
    binary("mod", (-2.0, 2.0), (2.5, 3.0), **CHOICE),
    binary("fmod", (-2.0, 2.0), (2.5, 3.0), **CHOICE, points=[((-7.0, 3.0), (1.0, 2.0))]),
    unary("divmod", f=lambda x: sum(np.divmod(x, 5.0)), **CHOICE),
    unary("modf", (0.1, 0.9), lambda x: np.modf(x)[0], **CHOICE),
    unary("frexp", (0.55, 0.95), lambda x: np.frexp(x)[0], **CHOICE),
    unary("ldexp", f=lambda x: np.ldexp(x, 3), **CHOICE),
    binary("copysign", **CHOICE, points=[(([0.0, -2.0, -2.0], [1.0, 1.0, -1.0]), ([0.0, -1.0, 1.0], [0.0, 0.0, 0.0]))]),
    binary("heaviside", **CHOICE, points=[(([0.0, 1.0], [0.5, 0.5]), ([0.0, 0.0], [1.0, 0.0]))]),
    unary("fabs", **CHOICE, points=[(([0.0, -1.0],), ([0.0, -1.0],))]),
    unary("deg2rad", analytic=False),
    unary("rad2deg", analytic=False),
    unary("radians", analytic=False),
    unary("degrees", analytic=False),
    unary("angle", f=lambda x: np.angle(x * (1 + 2j) + 3j), analytic=False),
    unary("real_if_close", analytic=False),
    general("unwrap", lambda x: np.unwrap(x * 4), (5,), (2, 4), **CHOICE),
    unary("nan_to_num", **CHOICE, points=[(([np.nan, INF, 2.0],), ([0.0, 0.0, 1.0],))]),
    binary("arctan2", **CHOICE, points=[(([0.0, 1.0], [0.0, 0.0]), ([0.0, 0.0], [0.0, -1.0]))]),
    binary("hypot", **CHOICE, points=[(([0.0, 3.0], [0.0, 4.0]), ([0.0, 0.6], [0.0, 0.8]))]),
    binary(
        "logaddexp",
        **CHOICE,
        points=[(([-INF, -INF, 1e4, INF], [-INF, 0.0, 0.0, 0.0]), ([0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]))],
    ),
    binary("logaddexp2", **CHOICE, points=[(([-INF, 2.0], [-INF, 2.0]), ([0.0, 0.5], [0.0, 0.5]))]),
    unary("sinc", points=[(([0.0, 1.0],), ([0.0, -1.0],))], analytic=False),
    unary("sinc_near_0", (-0.03, 0.04), np.sinc, analytic=False),
    unary("sinc_far", (2.0, 9.0), np.sinc, analytic=False),
]
