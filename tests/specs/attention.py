"""Spec rows: attention."""

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .base import CHOICE, INF, general

CAUSAL = np.triu(np.full((3, 3), -INF), 1)
ANGLES = np.array([[0.3, 1.1], [-0.7, 2.0], [4.0, 0.0]])

ATTENTION = [
    general(
        "attention_weights",
        lambda x: ag.attention_weights(x, beside(CAUSAL, x), 0.7),
        (3, 3),
        (2, 2, 3, 3),
        (0, 3, 3),
        **CHOICE,
    ),
    general(
        "attention_weights_biased",
        ag.attention_weights,
        [(2, 3, 4), (3, 4)],
        [(2, 3, 4), (4,)],
        [(2, 3), (2, 1)],
        [(3, 0), ()],
        **CHOICE,
    ),
    general(
        "attention_weights_far_apart",
        lambda x: ag.attention_weights(x)[..., 0],
        (2, 3),
        domain=(-4000.0, 4000.0),
        points=[
            (([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]],), ([[0.0, 0.0, 0.0], [2 / 9, -1 / 9, -1 / 9]],)),
            (([[-INF, -INF], [0.0, -INF]],), ([[0.0, 0.0], [0.0, 0.0]],)),
        ],
        **CHOICE,
    ),
    general("rotate_pairs", lambda x: ag.rotate_pairs(x, ANGLES), (3, 4), (2, 3, 4), (4,), **CHOICE),
]
