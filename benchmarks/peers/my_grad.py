"""MyGrad."""

import mygrad as mg
import numpy as np
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data


def chain(name):
    x0, w0 = chain_inputs(name)

    def run():
        x, w = mg.tensor(x0), mg.tensor(w0)
        y = x
        for _ in range(CHAIN):
            y = mg.tanh(y * w) + y
        total = y.sum()
        if name != "chain_0d_forward":
            total.backward()
        return total.item()

    return run


def mlp(name):
    layers, x, labels = mlp_data(name)
    params = [mg.tensor(a) for pair in layers for a in pair]
    m, v, t = [np.zeros_like(p.data) for p in params], [np.zeros_like(p.data) for p in params], [0]

    def run():
        h = x
        for i in range(0, len(params), 2):
            h = mg.matmul(h, params[i].T) + params[i + 1]
            if i + 2 < len(params):
                h = mg.maximum(h, 0)
        loss = softmax_crossentropy(h, labels)
        loss.backward()
        t[0] += 1
        for p, a, b in zip(params, m, v, strict=True):
            g = p.grad
            a *= 0.9
            a += 0.1 * g
            b *= 0.999
            b += 0.001 * g * g
            p.data -= LR / (1 - 0.9 ** t[0]) * a / (np.sqrt(b / (1 - 0.999 ** t[0])) + 1e-8)
        return loss.item()

    return run
