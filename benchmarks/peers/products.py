"""Only the matrix products of a training step, by NumPy's BLAS: what no engine can go below with this BLAS."""

from itertools import pairwise

import autograd_core  # noqa: F401  for its settings

# isort: split
import numpy as np

from benchmarks.workloads import BLOCKS, HEADS, STATES, STEPS, VOCABULARY


def products(layers):
    """Layers of y = x w with (copies, rows, inputs, outputs): y, the gradient of w, and that of x where `wanted`."""
    rng = np.random.default_rng(0)
    drawn = lambda *shape: rng.normal(size=shape).astype(np.float32)
    work = []
    for copies, n, k, m, wanted in layers:
        x, w, g = drawn(n, k), drawn(m, k), drawn(n, m)
        if copies > 1:
            x, w, g = (np.stack([a] * copies) for a in (x, w, g))
        work.append((x, w, g, wanted))

    def run():
        for x, w, g, wanted in work:
            x @ w.mT
            g.mT @ x
            if wanted:
                g @ w
        return float("nan")

    return run


def mlp(workload):
    widths, batch = workload.size
    return products([(1, batch, n, m, k > 0) for k, (n, m) in enumerate(pairwise(widths))])


gradient = mlp


def cnn(workload):
    n = workload.size
    layers = [(1, n * 28 * 28, 25, 16, False), (1, n * 10 * 10, 400, 32, True)]
    return products([*layers, *((1, n, a, b, True) for a, b in pairwise((800, 120, 84, 10)))])


def gpt(workload):
    rows, heads = workload.size * STEPS, workload.size * HEADS
    linear = [(1, rows, STATES, 3 * STATES, True), (1, rows, STATES, STATES, True)]
    linear += [(1, rows, STATES, 4 * STATES, True), (1, rows, 4 * STATES, STATES, True)]
    attention = [(heads, STEPS, STATES // HEADS, STEPS, True), (heads, STEPS, STEPS, STATES // HEADS, True)]
    return products([*(linear + attention) * BLOCKS, (1, rows, STATES, VOCABULARY, True)])


def lstm(workload):
    batch, gates = workload.size, 4 * STATES
    whole = products([(1, STEPS * batch, STATES, gates, False)])
    h, w = np.ones((batch, STATES), np.float32), np.ones((gates, STATES), np.float32)
    rows, states = np.ones((STEPS * batch, gates), np.float32), np.ones((STEPS * batch, STATES), np.float32)

    def run():
        for t in range(STEPS):
            h @ w.T
            rows[t * batch : (t + 1) * batch] @ w
        rows.T @ states
        return whole()

    return run


def logistic(workload):
    return products([(1, *workload.size, 1, False)])
