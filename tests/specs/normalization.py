"""Spec rows: normalization over axes."""

import autograd_core as ag

from .base import CHOICE, general

NORMALIZATION = [
    # constant input gives 0, with the gradient (g - mean g) / sqrt(eps)
    general("normalize", ag.normalize, (3,), (2, 4), **CHOICE, points=[(([[2.0, 2.0, 2.0]],), ([[0.0, 0.0, 0.0]],))]),
    general("normalize_batch", lambda x: ag.normalize(x, (0, 2), eps=0.1), (3, 2, 2), **CHOICE),
    general("normalize_rms", lambda x: ag.normalize(x, (-1, -2), center=False), (2, 2, 3), **CHOICE),
    general("normalize_first", lambda x: ag.normalize(x, 0, returned=True)[0], (4, 2), **CHOICE),
    general(
        "scale_shift", ag.scale_shift, [(2, 3), (3,), (3,)], [(2, 3, 2), (3, 1), (3, 1)], [(2, 1), (1, 1), (1,)], [(), (), ()]
    ),
    general("scale_shift_weight", lambda x, w: ag.scale_shift(x, w), [(2, 3), (2, 1)], [(0, 2), (2,)], [(3,), (3,)]),
    general("scale_shift_bias", lambda x, b: ag.scale_shift(x, bias=b), [(2, 3), (2, 1)]),
]
