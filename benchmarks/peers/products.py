"""Only the matrix products of a training step, by NumPy's BLAS: no step on this machine can be faster with this BLAS."""

import numpy as np

import autograd_core  # noqa: F401  for its settings
from benchmarks.workloads import mlp_data


def chain(name):
    raise SystemExit("a chain has no matrix products")


def mlp(name):
    layers, x, _ = mlp_data(name)
    weights = [w for w, _ in layers]
    inputs = [x]
    for w in weights:
        inputs.append(inputs[-1] @ w.T)
    outputs = [np.ones_like(a) for a in inputs[1:]]

    def run():
        for a, w in zip(inputs, weights, strict=False):
            a @ w.T
        for i in reversed(range(len(weights))):
            outputs[i].T @ inputs[i]
            if i:
                outputs[i] @ weights[i]
        return float("nan")

    return run
