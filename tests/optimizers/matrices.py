"""Muon, which needs matrices, and L-BFGS, which needs a closure."""

import numpy as np

from .base import OptimizerSpec


def muon(
    lr=1e-3, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.7750, 2.0315), ns_steps=5, adjust_lr_fn=None, eps=1e-7
):
    """Jordan et al. 2024: the polynomial acts on the singular values."""
    change = None
    v = 0.0
    a, b, c = ns_coefficients
    while True:
        g = yield change
        rows, columns = g.shape
        scale = 0.2 * np.sqrt(max(rows, columns)) if adjust_lr_fn == "match_rms_adamw" else np.sqrt(max(1, rows / columns))
        v = momentum * v + (1 - momentum) * g
        u = momentum * v + (1 - momentum) * g if nesterov else v
        left, values, right = np.linalg.svd(u, full_matrices=False)
        values = values / max(np.sqrt(np.sum(values**2)), eps)
        for _ in range(ns_steps):
            values = a * values + b * values**3 + c * values**5
        change = -lr * scale * (left * values) @ right


SHRINKING = lambda lr, rate: {"lr": lambda step: lr * rate**step, "weight_decay": 0.0}

ROWS = [
    OptimizerSpec(
        "Muon",
        muon,
        {
            "weight_decay": [0.0, 0.1],
            "nesterov": [True, False],
            "adjust_lr_fn": [None, "original", "match_rms_adamw"],
            "maximize": [False, True],
        },
        [{"lr": 0.02}, {"lr": 0.02, "momentum": 0.8, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3, "ns_steps": 7}],
        not_in_torch=frozenset({"maximize"}),
        scheduled={"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1, "eps": 10.0, "ns_coefficients": (2.0, -1.5, 0.5)},
        shapes=((3, 4), (5, 2), (3, 3)),
        # a step of 1 x 2 has the length of the learning rate: it has to shrink
        reaches={
            "parabola": (SHRINKING(0.1, 0.99), 1500),
            "rosenbrock": (SHRINKING(0.02, 0.9985), 6000),
            "beale": (SHRINKING(0.02, 0.9985), 6000),
        },
        decoupled=True,
    ),
    OptimizerSpec(
        "LBFGS",
        None,
        {"line_search_fn": [None, "strong_wolfe"], "history_size": [100, 3], "max_iter": [20, 4]},
        [{"lr": 0.1}, {"lr": 0.5, "max_eval": 9}, {"lr": 0.2, "tolerance_grad": 1e-3, "tolerance_change": 1e-4}],
        scheduled={
            "lr": 0.1,
            "tolerance_grad": 1e-9,
            "tolerance_change": 1e-9,
            "max_iter": 4,
            "history_size": 3,
            "max_eval": 9,
        },
        schedules={"tolerance_grad": 1.0, "tolerance_change": 0.1, "max_iter": 1, "history_size": 1, "max_eval": 2},
        reaches={
            "parabola": ({"line_search_fn": "strong_wolfe"}, 5),
            "rosenbrock": ({"line_search_fn": "strong_wolfe"}, 10),
            "beale": ({"line_search_fn": "strong_wolfe"}, 10),
        },
        closure=True,
    ),
]
