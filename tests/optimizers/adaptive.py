"""Adagrad, Adadelta and RMSprop."""

import numpy as np

from .base import OptimizerSpec


def adagrad(lr=1e-2, lr_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    """Duchi, Hazan and Singer 2011, diagonal."""
    change = None
    seen = []
    while True:
        seen.append((yield change))
        size = np.sqrt(initial_accumulator_value + np.sum(np.square(seen), axis=0))
        change = -lr / (1 + (len(seen) - 1) * lr_decay) * seen[-1] / (size + eps)


def adadelta(lr=1.0, rho=0.9, eps=1e-6):
    """Zeiler 2012, algorithm 1."""
    change = None
    gradients, steps = 0.0, 0.0
    rms = lambda x: np.sqrt(x + eps)
    while True:
        g = yield change
        gradients = rho * gradients + (1 - rho) * g**2
        d = -rms(steps) / rms(gradients) * g
        steps = rho * steps + (1 - rho) * d**2
        change = lr * d


def rmsprop(lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, eps_inside_root=False):
    """Hinton 2012; centered: Graves 2013."""
    change = None
    seen, v = [], 0.0
    while True:
        seen.append((yield change))
        weights = [(1 - alpha) * alpha ** (len(seen) - 1 - k) for k in range(len(seen))]
        square = sum(w * g**2 for w, g in zip(weights, seen, strict=True))
        if centered:
            square = square - sum(w * g for w, g in zip(weights, seen, strict=True)) ** 2
        v = momentum * v + seen[-1] / (np.sqrt(square + eps) if eps_inside_root else np.sqrt(square) + eps)
        change = -lr * v


COMMON = {"weight_decay": [0.0, 0.1], "maximize": [False, True]}

ROWS = [
    OptimizerSpec(
        "Adagrad",
        adagrad,
        COMMON | {"lr_decay": [0.0, 0.1], "initial_accumulator_value": [0.0, 0.5]},
        [{}, {"lr": 0.1, "eps": 1e-3}],
        scheduled={"lr": 0.05, "lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-4},
        reaches={"parabola": ({"lr": 1.0}, 500), "rosenbrock": ({"lr": 0.5}, 8000), "beale": ({"lr": 0.5}, 3000)},
    ),
    OptimizerSpec(
        "Adadelta",
        adadelta,
        COMMON,
        [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-3}],
        scheduled={"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "eps": 1e-4},
        # its steps have one size near the optimum
        reaches=dict.fromkeys(("parabola", "rosenbrock", "beale"), ({"lr": lambda step: 0.9998**step}, 10000)),
    ),
    OptimizerSpec(
        "RMSprop",
        rmsprop,
        COMMON | {"centered": [False, True], "momentum": [0.0, 0.8], "eps_inside_root": [False, True]},
        [{}, {"lr": 0.005, "alpha": 0.9, "eps": 1e-3}],
        not_in_torch=frozenset({"eps_inside_root"}),
        scheduled={"lr": 0.05, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1, "eps": 1e-4},
        # near the optimum its steps have about the size of the learning rate
        reaches={
            "parabola": ({"lr": lambda step: 0.1 * 0.99**step}, 1500),
            "rosenbrock": ({"lr": lambda step: 0.02 * 0.999**step}, 8000),
            "beale": ({"lr": lambda step: 0.05 * 0.998**step}, 5000),
        },
    ),
]
