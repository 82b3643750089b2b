"""What is measured: sizes and data, the same for every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Workload:
    """One row of the table. `ops` is what a time is divided by: operations for chains, 1 for a training step."""

    name: str
    title: str
    ops: int = 1
    unit: str = "ms/step"


CHAIN = 300  # links of three ops each

WORKLOADS = [
    Workload("chain_0d_forward", "0-d chain, forward", 3 * CHAIN, "us/op"),
    Workload("chain_0d", "0-d chain, forward + backward", 3 * CHAIN, "us/op"),
    Workload("chain_64", "64x64 chain, forward + backward", 3 * CHAIN, "us/op"),
    Workload("mlp_small", "MLP 784-256-128-10, batch 64, Adam"),
    Workload("mlp_large", "MLP 784-1024-1024-10, batch 512, Adam"),
]
SIZES = {"mlp_small": ((784, 256, 128, 10), 64), "mlp_large": ((784, 1024, 1024, 10), 512)}
LR = 1e-3


def chain_inputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The two inputs of x = tanh(x * w) + x, repeated."""
    rng = np.random.default_rng(0)
    shape = {"chain_0d": (), "chain_0d_forward": (), "chain_64": (64, 64)}[name]
    return np.asarray(rng.uniform(0.1, 0.5, shape)), np.asarray(rng.uniform(-0.9, -0.5, shape))


def mlp_data(name: str) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, np.ndarray]:
    """float32 weights (out, in) and biases, a batch of inputs and its labels."""
    sizes, batch = SIZES[name]
    rng = np.random.default_rng(0)
    layers = [
        ((rng.normal(size=(m, n)) * np.sqrt(2 / n)).astype(np.float32), np.zeros(m, np.float32)) for n, m in pairwise(sizes)
    ]
    return layers, rng.normal(size=(batch, sizes[0])).astype(np.float32), rng.integers(0, sizes[-1], batch)
