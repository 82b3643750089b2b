"""HIPS autograd."""

import autograd
import autograd.numpy as np

from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data


def chain(name):
    x0, w0 = chain_inputs(name)

    def forward(xw):
        x, w = xw
        for _ in range(CHAIN):
            x = np.tanh(x * w) + x
        return np.sum(x)

    if name == "chain_0d_forward":
        # recording forward without the backward pass
        return lambda: float(autograd.core.make_vjp(forward, (x0, w0))[1])
    both = autograd.value_and_grad(forward)
    return lambda: float(both((x0, w0))[0])


def mlp(name):
    layers, x, labels = mlp_data(name)
    params = [a for pair in layers for a in pair]
    rows = np.arange(len(labels))

    def loss_of(params):
        h = x
        for i in range(0, len(params), 2):
            h = np.dot(h, params[i].T) + params[i + 1]
            if i + 2 < len(params):
                h = np.maximum(h, 0)
        h = h - np.max(h, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(h), axis=1)) - h[rows, labels])

    both = autograd.value_and_grad(loss_of)
    m, v, t = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], [0]

    def run():
        loss, grads = both(params)
        t[0] += 1
        for p, g, a, b in zip(params, grads, m, v, strict=True):
            a *= 0.9
            a += 0.1 * g
            b *= 0.999
            b += 0.001 * g * g
            p -= LR / (1 - 0.9 ** t[0]) * a / (np.sqrt(b / (1 - 0.999 ** t[0])) + 1e-8)
        return float(loss)

    return run
