"""Spec rows: activations that have rows of their own."""

import numpy as np

import autograd_core as ag

from .base import CHOICE, INF, unary

_P = 0.8413447460685429  # P(1) of the normal distribution, and its density there
_D = np.exp(-0.5) / np.sqrt(2 * np.pi)
_S = 1 / (1 + np.exp(-1.0))

ACTIVATIONS = [
    unary(
        "gelu", f=ag.gelu, **CHOICE, points=[(([-INF, -1000.0, 0.0, 1.0, 1000.0, INF],), ([0.0, 0.0, 0.5, _P + _D, 1.0, 1.0],))]
    ),
    unary("gelu_wide", (-9.0, 9.0), f=ag.gelu, **CHOICE),
    unary(
        "silu",
        f=ag.silu,
        **CHOICE,
        points=[(([-INF, -1000.0, 0.0, 1.0, 1000.0, INF],), ([0.0, 0.0, 0.5, _S + _S * (1 - _S), 1.0, 1.0],))],
    ),
    unary("silu_wide", (-20.0, 20.0), f=ag.silu, **CHOICE),
    unary("softsign", f=ag.softsign, **CHOICE, points=[(([-3.0, 0.0, 1000.0],), ([1 / 16, 1.0, 1001.0**-2],))]),
    unary("hardtanh", f=ag.hardtanh, **CHOICE, points=[(([-1.0, 0.0, 1.0, 1000.0],), ([0.0, 1.0, 0.0, 0.0],))]),
    unary("hardtanh_bounds", f=lambda x: ag.hardtanh(x, -0.6, 1.5), **CHOICE),
    unary("nonpositive_part", f=ag.nonpositive_part, **CHOICE, points=[(([-1.0, 0.0, 1.0],), ([1.0, 1.0, 0.0],))]),
]
