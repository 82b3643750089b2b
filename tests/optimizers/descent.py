"""Gradient descent with momentum."""

import numpy as np

from .base import OptimizerSpec


def sgd(lr=1e-3, momentum=0.0, dampening=0.0, nesterov=False):
    """Sutskever et al. 2013, with PyTorch's sign and dampening."""
    change = None
    v = None
    while True:
        g = yield change
        if momentum:
            v = g if v is None else momentum * v + (1 - dampening) * g
            d = g + momentum * v if nesterov else v
        else:
            d = g
        change = -lr * d


def averaged(lr=1e-2, momentum=0.9, bias_correction=False, nesterov=False):
    """The average as a sum over all gradients so far, with explicit weights."""
    change = None
    seen = []
    while True:
        seen.append((yield change))
        ahead = [*seen, seen[-1]] if nesterov else seen  # looking ahead counts the last gradient once more
        weights = np.array([(1 - momentum) * momentum ** (len(ahead) - 1 - k) for k in range(len(ahead))])
        if bias_correction:
            weights = weights / weights.sum()
        change = -lr * sum(w * g for w, g in zip(weights, ahead, strict=True))


ROWS = [
    OptimizerSpec(
        "SGD",
        sgd,
        {"lr": [0.05], "weight_decay": [0.0, 0.1], "maximize": [False, True]},
        [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3}, {"momentum": 0.9, "nesterov": True}],
        scheduled={"lr": 0.05, "momentum": 0.8, "dampening": 0.2, "weight_decay": 0.1},
        reaches={
            "parabola": ({"lr": 0.1, "momentum": 0.8}, 300),
            "rosenbrock": ({"lr": 5e-4, "momentum": 0.95}, 5000),
            "beale": ({"lr": 5e-3, "momentum": 0.9}, 3000),
        },
    ),
    OptimizerSpec(
        "Momentum",
        averaged,
        {
            "lr": [0.05],
            "weight_decay": [0.0, 0.1],
            "maximize": [False, True],
            "bias_correction": [False, True],
            "nesterov": [False, True],
        },
        in_torch=False,
        scheduled={"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1},
        reaches={
            "parabola": ({"lr": 0.5, "momentum": 0.8}, 300),
            "rosenbrock": ({"lr": 1e-2, "momentum": 0.95}, 5000),
            "beale": ({"lr": 5e-2, "momentum": 0.9}, 3000),
        },
    ),
]
