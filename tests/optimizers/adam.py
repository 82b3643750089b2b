"""Adam and its relatives."""

import numpy as np

from .base import OptimizerSpec


def moments(gradients, b1, b2):
    """Both moments without correction, as sums over all gradients so far."""
    n = len(gradients)
    first = sum((1 - b1) * b1 ** (n - 1 - k) * g for k, g in enumerate(gradients))
    second = sum((1 - b2) * b2 ** (n - 1 - k) * g**2 for k, g in enumerate(gradients))
    return first, second


def adam(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
    """Kingma and Ba 2015, algorithm 1; amsgrad as in PyTorch, of the uncorrected second moment."""
    change = None
    (b1, b2), seen, largest = betas, [], 0.0
    while True:
        seen.append((yield change))
        t = len(seen)
        m, v = moments(seen, b1, b2)
        largest = np.maximum(largest, v)
        v_hat = (largest if amsgrad else v) / (1 - b2**t)
        change = -lr * (m / (1 - b1**t)) / (np.sqrt(v_hat) + eps)


def adamax(lr=2e-3, betas=(0.9, 0.999), eps=1e-8):
    """Kingma and Ba 2015, algorithm 2, the maximum over all gradients so far."""
    change = None
    (b1, b2), seen = betas, []
    while True:
        seen.append((yield change))
        t = len(seen)
        m = moments(seen, b1, b2)[0]
        u = np.max([b2 ** (t - 1 - k) * (np.abs(g) + eps) for k, g in enumerate(seen)], axis=0)
        change = -lr / (1 - b1**t) * m / u


def nadam(lr=2e-3, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3):
    """Dozat 2016, algorithm 8, with its schedule of mu."""
    change = None
    (b1, b2), seen = betas, []
    mu = lambda t: b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    while True:
        seen.append((yield change))
        t = len(seen)
        m, v = moments(seen, b1, b2)
        so_far = np.prod([mu(k) for k in range(1, t + 1)])
        m_hat = mu(t + 1) * m / (1 - so_far * mu(t + 1)) + (1 - mu(t)) * seen[-1] / (1 - so_far)
        change = -lr * m_hat / (np.sqrt(v / (1 - b2**t)) + eps)


def radam(lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """Liu et al. 2020, algorithm 2."""
    change = None
    (b1, b2), seen = betas, []
    n = 2 / (1 - b2) - 1
    while True:
        seen.append((yield change))
        t = len(seen)
        m, v = moments(seen, b1, b2)
        m_hat = m / (1 - b1**t)
        n_t = n - 2 * t * b2**t / (1 - b2**t)
        if n_t > 5:
            adaptive = np.sqrt(1 - b2**t) / (np.sqrt(v) + eps)
            r = np.sqrt(((n_t - 4) * (n_t - 2) * n) / ((n - 4) * (n - 2) * n_t))
            change = -lr * m_hat * r * adaptive
        else:
            change = -lr * m_hat


def lion(lr=1e-4, betas=(0.9, 0.99)):
    """Chen et al. 2023, algorithm 2."""
    change = None
    (b1, b2), m = betas, 0.0
    while True:
        g = yield change
        change = -lr * np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g


COMMON = {"weight_decay": [0.0, 0.1], "maximize": [False, True]}
BETAS = [{}, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}]
SCHEDULED = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}


def reaching(rosenbrock, beale, steps=3000, **options):
    return {
        "parabola": ({"lr": 0.1, **options}, 1000),
        "rosenbrock": ({"lr": rosenbrock, **options}, steps),
        "beale": ({"lr": beale, **options}, steps),
    }


WARM = lambda step: 1e-4 if step < 6 else 0.05
FALLING = lambda lr: lambda step: lr * 0.995**step

ROWS = [
    OptimizerSpec(
        "Adam",
        adam,
        COMMON | {"amsgrad": [False, True], "decoupled_weight_decay": [False, True]},
        BETAS,
        scheduled=SCHEDULED,
        reaches=reaching(0.05, 0.05),
    ),
    OptimizerSpec(
        "AdamW",
        adam,
        {"weight_decay": [0.01, 0.1], "maximize": [False, True], "amsgrad": [False, True]},
        BETAS,
        scheduled=SCHEDULED,
        reaches=reaching(0.05, 0.05, weight_decay=0.0),
        decoupled=True,
    ),
    OptimizerSpec("Adamax", adamax, COMMON, BETAS, scheduled=SCHEDULED, reaches=reaching(0.1, 0.1)),
    OptimizerSpec(
        "NAdam",
        nadam,
        COMMON | {"momentum_decay": [4e-3, 0.1], "decoupled_weight_decay": [False, True]},
        BETAS,
        scheduled=SCHEDULED | {"momentum_decay": 0.02},
        reaches=reaching(0.01, 0.05, steps=5000),
    ),
    OptimizerSpec(
        "RAdam",
        radam,
        COMMON | {"decoupled_weight_decay": [False, True]},
        BETAS,
        scheduled=SCHEDULED,
        reaches=reaching(WARM, WARM),  # its first five steps are not adaptive
    ),
    OptimizerSpec(
        "Lion",
        lion,
        COMMON,
        [{"lr": 0.01}, {"lr": 0.01, "betas": (0.8, 0.95)}],
        in_torch=False,
        scheduled={"lr": 0.5, "betas": (0.8, 0.95), "weight_decay": 0.1},
        # its steps have one size: they have to shrink
        reaches={
            "parabola": ({"lr": FALLING(0.1)}, 1500),
            "rosenbrock": ({"lr": lambda step: 0.02 * 0.9985**step}, 6000),
            "beale": ({"lr": lambda step: 0.02 * 0.9985**step}, 6000),
        },
        decoupled=True,
    ),
]
