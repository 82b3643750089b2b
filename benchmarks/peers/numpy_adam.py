"""Adam on a list of NumPy arrays, as most people write it: for the peers that bring none."""

import numpy as np

from benchmarks.workloads import LR


def adam(params):
    """A function that takes the gradients and moves the parameters, in place."""
    m, v, t = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], 0

    def step(grads):
        nonlocal t
        t += 1
        for p, g, a, b in zip(params, grads, m, v, strict=True):
            a *= 0.9
            a += 0.1 * g
            b *= 0.999
            b += 0.001 * g * g
            p -= LR / (1 - 0.9**t) * a / (np.sqrt(b / (1 - 0.999**t)) + 1e-8)

    return step
