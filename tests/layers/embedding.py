"""Embedding."""

import numpy as np

from .base import LayerSpec

ROWS = [
    LayerSpec(
        "Embedding",
        (6, 3),
        [
            lambda _rng: [np.array([[4, 1, 4], [0, 0, 5]])],  # without the padding row, whose gradient is 0 by decree
            lambda rng: [rng.integers(0, 6, (2, 3, 4))],
            lambda _rng: [np.array(2)],
        ],
        {"padding_idx": [None, 2, -4]},
    ),
]
