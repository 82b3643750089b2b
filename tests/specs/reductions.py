"""Spec rows: reductions and scans."""

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .base import CHOICE, INF, NAN, Spec, general, reduction

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
    reduction("ptp", empty=False, **CHOICE),
    general("average", lambda x, w: np.average(x, axis=0, weights=w), [(3, 2), (3, 2)], [(3, 2), (3,)], domain=(0.3, 2.0)),
    general("average_plain", lambda x: np.average(x), (3, 2)),
    *(
        reduction(f"{name}_all", getattr(np, name), empty=False, analytic=False)
        for name in ("nansum", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanprod")
    ),
    general("nansum", lambda x: np.nansum(_holes(x), axis=0), (3, 2), **CHOICE),
    general("nanmean", lambda x: np.nanmean(_holes(x), axis=0), (3, 2), **CHOICE),
    general("nanvar", lambda x: np.nanvar(_holes(x), axis=0, ddof=0.5), (3, 2), **CHOICE),
    general("nanstd", lambda x: np.nanstd(_holes(x), axis=0), (3, 2), **CHOICE),
    general("nanmax", lambda x: np.nanmax(_holes(x), axis=0), (3, 2), **CHOICE),
    general("nanmin", lambda x: np.nanmin(_holes(x), axis=0), (3, 2), **CHOICE),
    general("nanprod", lambda x: np.nanprod(_holes(x), axis=0), (3, 2), **CHOICE),
    general("cov", np.cov, (3, 4), (5,), [(2, 4), (3, 4)], analytic=False),
    general(
        "cov_weights", lambda x: np.cov(x, aweights=[1.0, 2.0, 1.5], fweights=[1, 2, 1], rowvar=False), (3, 2), analytic=False
    ),
    general("corrcoef", np.corrcoef, (3, 4), analytic=False),
]

SCANS = [
    general("cumsum", lambda x: np.cumsum(x, axis=-1), (3,), (2, 3), (2, 0)),
    general("cumsum_flat", np.cumsum, (2, 3), ()),
    general("cumprod", lambda x: np.cumprod(x, axis=0), (5,), (4, 2), (1, 2), (0, 2)),
    Spec("cumprod_zeros", np.cumprod, lambda rng: iter([(np.array([2.0, 0.0, 3.0, 0.0, 5.0]),)])),
    general("nancumsum", lambda x: np.nancumsum(_holes(x)), (3, 2), **CHOICE),
    general("nancumprod", lambda x: np.nancumprod(_holes(x), axis=0), (3, 2), **CHOICE),
    general("diff", lambda x: np.diff(x, 2), (5,), (2, 4)),
    general("diff_ends", lambda x, e: np.diff(x, axis=0, prepend=0.0, append=e), [(3, 2), (1, 2)]),
    general("ediff1d", lambda x: np.ediff1d(x, to_end=[1.0]), (2, 3)),
    general("trapezoid", np.trapezoid, (5,), (2, 3)),
    general("trapezoid_x", lambda y, x: np.trapezoid(y, x, axis=0), [(3, 2), (3,)], [(3, 2), (3, 2)]),
    general("gradient", lambda x: np.gradient(x, 0.5), (5,), (2,)),
    general("gradient_axes", lambda x: np.stack(np.gradient(x, edge_order=2)), (3, 4)),
    general(
        "gradient_uneven", lambda x: np.gradient(x, beside(np.array([0.0, 1.0, 1.5, 4.0]), x), axis=1, edge_order=2), (2, 4)
    ),
    general("sort", lambda x: np.sort(x, axis=0), (4,), (3, 2), **CHOICE),
    general("partition", lambda x: np.partition(x, 1), (4,), (2, 3), **CHOICE),
    general("median", lambda x: np.median(x, axis=0), (4,), (3, 2), (2, 2, 2), **CHOICE),
    general("median_all", lambda x: np.median(x, keepdims=True), (4,), (3, 2), (), **CHOICE),
    general("nanmedian", lambda x: np.nanmedian(_holes(x), axis=0), (4, 2), **CHOICE),
    general("quantile", lambda x: np.quantile(x, [0.0, 0.3, 1.0], axis=(0, 2)), (2, 3, 2), **CHOICE),
    *(
        general(f"quantile_{m}", lambda x, m=m: np.quantile(x, 0.37, axis=-1, method=m), (2, 7), **CHOICE)
        for m in ("lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "interpolated_inverted_cdf")
    ),
    general("nanquantile", lambda x: np.nanquantile(_holes(x), 0.3, axis=0), (4, 2), **CHOICE),
    general("percentile", lambda x: np.percentile(x, 30), (4, 2), **CHOICE),
    general("nanpercentile", lambda x: np.nanpercentile(_holes(x), 30, axis=0), (4, 2), **CHOICE),
    *(
        general(
            f"{name}_{mode}",
            lambda a, v, f=name, m=mode: getattr(np, f)(a, v, m),
            [(5,), (3,)],
            [(3,), (5,)],
            [(4,), (4,)],
            [(4,), (1,)],
            analytic=name == "convolve",  # correlate conjugates
        )
        for name in ("convolve", "correlate")
        for mode in ("full", "same", "valid")
    ),
    general("interp", lambda x, f: np.interp(x, [-1.5, -0.6, 0.3, 1.6], f), [(3, 2), (4,)], **CHOICE, keeps_float32=False),
    general("interp_period", lambda x: np.interp(x, [0.1, 0.7], [1.0, 3.0], period=1.0), (5,), **CHOICE, keeps_float32=False),
    general("polyval", np.polyval, [(3,), (2, 2)], [(4,), ()]),
]


def _holes(x: Any) -> Any:
    """x with some elements NaN."""
    return np.where(beside(np.arange(x.size).reshape(x.shape) % 3 == 1, x), np.nan, x)
