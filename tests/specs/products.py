"""Spec rows: products of matrices."""

import numpy as np

import autograd_core as ag

from .base import general

PRODUCTS = [
    general(
        "matmul",
        np.matmul,
        [(2, 3), (3, 2)],
        [(3,), (3, 2)],
        [(2, 3), (3,)],
        [(3,), (3,)],
        [(4, 2, 3), (3, 2)],
        [(2, 1, 2, 3), (4, 3, 1)],
        [(3,), (2, 3, 2)],
        [(0, 3), (3, 2)],
        [(2, 0), (0, 2)],
    ),
    general(
        "dot",
        np.dot,
        [(3,), (3,)],
        [(2, 3), (3, 2)],
        [(2, 3), ()],
        [(2, 3, 2), (2,)],
        [(2, 3), (4, 3, 2)],
        [(3,), (2, 1, 3, 2)],
    ),
    general(
        "linear", ag.linear, [(2, 3), (4, 3), (4,)], [(2, 5, 3), (1, 3), (1,)], [(3,), (2, 3), (2,)], [(0, 3), (2, 3), (2,)]
    ),
    general("linear_no_bias", ag.linear, [(2, 3), (4, 3)]),
]
