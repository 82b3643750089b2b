"""Convolution, pooling and unfolding."""

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside
from autograd_core.ops import windows

from .base import CHOICE, general

A, B = [(2, 3, 7), (4, 3, 3)], [(2, 2, 5, 6), (3, 2, 2, 3)]

PLACES = np.arange(24.0).reshape(2, 2, 6)


def _places(x):
    """An array with its maxima in every second place, and these."""
    return beside(PLACES, x), beside(PLACES[:, :, 1::2], x)


PAIRS = windows.Windows((2,), (2,), ((0, 0),), (1,))
# of equal elements the first gets the cotangent; NaN and -inf
TIES = [
    (([[[1.0, 1.0, 0.0, 0.0]]],), ([[[1.0, 0.0, 1.0, 0.0]]],)),
    (([[[np.nan, 1.0, -np.inf, -np.inf]]],), ([[[1.0, 0.0, 1.0, 0.0]]],)),
]

WINDOWS = [
    general("conv", ag.conv, A, B, [(0, 3, 7), (4, 3, 3)], [(2, 1, 1), (1, 1, 1)]),
    general("conv_options", lambda x, w: ag.conv(x, w, (2, 1), ((1, 2), (0, 1)), (1, 2)), [(2, 2, 5, 6), (3, 2, 2, 2)]),
    general("conv_groups", lambda x, w: ag.conv(x, w, groups=2, padding=1), [(2, 4, 5), (6, 2, 3)]),
    general("conv_transpose", ag.conv_transpose, [(2, 4, 5), (4, 3, 3)], [(2, 3, 2, 3), (3, 2, 2, 2)], [(0, 4, 5), (4, 3, 3)]),
    general(
        "conv_transpose_options",
        lambda x, w: ag.conv_transpose(x, w, (2, 3), (1, 0), (1, 2), 2, (1, 2)),
        [(2, 4, 3, 2), (4, 2, 3, 2)],
    ),
    general("max_pool", lambda x: ag.max_pool(x, 2), (2, 2, 5), (1, 2, 4, 5), (0, 1, 4), **CHOICE, points=TIES),
    general("max_pool_options", lambda x: ag.max_pool(x, (3, 2), (1, 2), (1, 0), (1, 2)), (2, 2, 4, 5), **CHOICE),
    general("max_pool_gather", lambda t: windows._max_gather(t, *_places(t), PAIRS), (2, 2, 6)),
    general("max_pool_scatter", lambda g: windows._max_scatter(g, *_places(g), PAIRS), (2, 2, 3)),
    general("window_spread", lambda g: windows._window_spread(g, PAIRS, (2, 2, 6)), (2, 2, 3)),
    general("window_sum", lambda x: ag.window_sum(x, 2, 1, 1), (2, 2, 5), (1, 2, 3, 4)),
    general("unfold", lambda x: ag.unfold(x, 2, padding=1), (2, 2, 4), (1, 2, 3, 4), (0, 1, 4)),
    general("fold", lambda x: ag.fold(x, (4, 3), 2), (2, 8, 6)),
]
