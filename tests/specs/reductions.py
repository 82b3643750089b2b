"""Spec rows: reductions and scans."""

import numpy as np

import autograd_core as ag

from .base import CHOICE, INF, NAN, general, reduction

MASK = np.array([[[True], [False], [True]], [[False], [True], [True]]])

REDUCTIONS = [
    reduction("sum", variants=[{"where": MASK}, {"initial": 2.0, "axis": 1}]),
    reduction("sum_dtype", lambda x, **k: np.sum(x, dtype=np.float64, **k), analytic=False, keeps_float32=False),
    reduction("mean", empty=False, variants=[{"where": MASK}]),
    reduction("var", empty=False, variants=[{"ddof": 1, "axis": 1}, {"where": MASK}], analytic=False),
    reduction(
        "std",
        empty=False,
        variants=[{"ddof": 1, "axis": 1}, {"where": MASK}],
        analytic=False,
        points=[(([3.0, 3.0, 3.0], 0), ([0.0, 0.0, 0.0],))],
    ),
    reduction(
        "max",
        empty=False,
        variants=[{"initial": 0.5}, {"where": MASK, "initial": -9.0}],
        **CHOICE,
        points=[(([1.0, 5.0, 5.0, 5.0, 5.0], 0), ([0.0, 0.25, 0.25, 0.25, 0.25],)), (([1.0, NAN], 0), ([0.0, 1.0],))],
    ),
    reduction("min", empty=False, **CHOICE, points=[(([1.0, 1.0, 5.0], 0), ([0.5, 0.5, 0.0],))]),
    reduction(
        "prod",
        variants=[{"where": MASK}, {"initial": 2.0}],
        points=[(([0.0, 2.0, 3.0], 0), ([6.0, 0.0, 0.0],)), (([0.0, 2.0, 0.0], 0), ([0.0, 0.0, 0.0],))],
    ),
    reduction(
        "logsumexp",
        ag.logsumexp,
        **CHOICE,
        points=[
            (([-INF, 0.0, 0.0], 0), ([0.0, 0.5, 0.5],)),
            (([-INF, -INF], 0), ([0.0, 0.0],)),
            (([1e4, -1e4], 0), ([1.0, 0.0],)),
            (([INF, 0.0], 0), ([1.0, 0.0],)),
        ],
    ),
    general("softmax", ag.softmax, (3,), (2, 3), (0, 2), **CHOICE, points=[(([-INF, 0.0],), ([0.0, 0.0],))]),
    general("softmax_axis", lambda x: ag.softmax(x, axis=(0, 1)), (2, 3, 2), **CHOICE, points=[(([[-INF]],), ([[0.0]],))]),
    general("log_softmax", ag.log_softmax, (3,), (2, 3), (0, 2), **CHOICE, points=[(([1e4, -1e4],), ([-1.0, 1.0],))]),
]
