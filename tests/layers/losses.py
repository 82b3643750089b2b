"""Losses, over their options."""

import numpy as np

from .base import LossSpec, normal

REDUCTION = {"reduction": ["mean", "sum", "none"]}

ROWS = [
    LossSpec(
        "MSELoss",
        "mse_loss",
        [normal((4, 3), (4, 3))],
        {"reduction": ["mean", "sum", "none"]},
        differentiable=2,
    ),
    LossSpec(
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        [lambda rng: [rng.normal(size=(4, 3)), rng.uniform(size=(4, 3))]],
        REDUCTION,
    ),
    LossSpec(
        "CrossEntropyLoss",
        "cross_entropy",
        [
            lambda rng: [rng.normal(size=(5, 3)), rng.integers(0, 3, 5)],
            lambda rng: [rng.normal(size=3), np.array(1)],
            lambda rng: [rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 4)],
        ],
        REDUCTION,
    ),
]
