"""NumPy with the gradient written by hand."""

import numpy as np

from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data


def chain(name):
    x0, w0 = chain_inputs(name)

    def run():
        x, w, saved = x0, w0, []
        for _ in range(CHAIN):
            y = np.tanh(x * w)
            saved.append((x, y))
            x = y + x
        if name != "chain_0d_forward":
            g, gw = np.ones_like(x), np.zeros_like(w)
            for before, y in reversed(saved):
                d = g * (1 - y * y)
                gw = gw + d * before
                g = g + d * w
        return float(x.sum())

    return run


def mlp(name):
    layers, x, labels = mlp_data(name)
    params = [a for pair in layers for a in pair]
    rows = np.arange(len(labels))
    m, v, t = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], [0]

    def run():
        h, saved = x, []
        for i in range(0, len(params), 2):
            saved.append(h)
            h = h @ params[i].T + params[i + 1]
            if i + 2 < len(params):
                h = np.maximum(h, 0)
        h = h - h.max(axis=1, keepdims=True)
        e = np.exp(h)
        total = e.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(total[:, 0]) - h[rows, labels]))
        g = e / total
        g[rows, labels] -= 1
        g /= len(labels)
        grads = [None] * len(params)
        for i in reversed(range(0, len(params), 2)):
            grads[i], grads[i + 1] = g.T @ saved[i // 2], g.sum(axis=0)
            if i:
                g = (g @ params[i]) * (saved[i // 2] > 0)
        t[0] += 1
        for p, g, a, b in zip(params, grads, m, v, strict=True):
            a *= 0.9
            a += 0.1 * g
            b *= 0.999
            b += 0.001 * g * g
            p -= LR / (1 - 0.9 ** t[0]) * a / (np.sqrt(b / (1 - 0.999 ** t[0])) + 1e-8)
        return loss

    return run
