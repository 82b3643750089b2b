"""NumPy with the gradient written by hand."""

import numpy as np

from benchmarks import workloads
from benchmarks.peers.numpy_adam import adam
from benchmarks.workloads import LR, STATES


def chain(workload):
    size = workload.size
    x0, w0 = workloads.chain_inputs(workload)

    def run():
        x, w, saved = x0, w0, []
        for _ in range(size.links):
            y = np.tanh(x * w)
            saved.append((x, y))
            x = y + x
        if size.backward:
            g, gw = np.ones_like(x), np.zeros_like(w)
            for before, y in reversed(saved):
                d = g * (1 - y * y)
                gw = gw + d * before
                g = g + d * w
        return float(x.sum())

    return run


deep_chain = chain


def softmax(h):
    e = np.exp(h - h.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(h, labels):
    """The loss, and its gradient with respect to h."""
    rows, p = np.arange(len(labels)), softmax(h)
    loss = float(-np.log(p[rows, labels]).mean())
    p[rows, labels] -= 1
    return loss, p / len(labels)


def forward(params, x):
    """What each layer is given, and the last output."""
    inputs = [x]
    for i in range(0, len(params), 2):
        h = inputs[-1] @ params[i].T + params[i + 1]
        inputs.append(np.maximum(h, 0) if i + 2 < len(params) else h)
    return inputs[:-1], inputs[-1]


def loss_and_gradients(params, x, labels):
    inputs, h = forward(params, x)
    loss, g = cross_entropy(h, labels)
    grads = [None] * len(params)
    for i in reversed(range(0, len(params), 2)):
        grads[i], grads[i + 1] = g.T @ inputs[i // 2], g.sum(axis=0)
        if i:
            g = (g @ params[i]) * (inputs[i // 2] > 0)
    return loss, grads


def train(params, evaluate):
    step = adam(params)

    def run():
        loss, grads = evaluate(params)
        step(grads)
        return loss

    return run


def mlp(workload):
    x, labels = workloads.inputs(workload)
    return train(list(workloads.weights(workload).values()), lambda params: loss_and_gradients(params, x, labels))


def gradient(workload):
    x, labels = workloads.inputs(workload)
    params = list(workloads.weights(workload).values())
    return lambda: loss_and_gradients(params, x, labels)[1]


def hvp(workload):
    """The derivative of `loss_and_gradients` along v, line by line; a capital letter is the derivative of the small one."""
    x, labels = workloads.inputs(workload)
    params, v = (list(given(workload).values()) for given in (workloads.weights, workloads.direction))

    def run():
        inputs, h = forward(params, x)
        moved = [np.zeros_like(x)]
        for i in range(0, len(params), 2):
            H = moved[-1] @ params[i].T + inputs[i // 2] @ v[i].T + v[i + 1]
            moved.append(H * (inputs[i // 2 + 1] > 0) if i + 2 < len(params) else H)
        p = softmax(h)
        G = p * (H - (p * H).sum(axis=1, keepdims=True)) / len(labels)
        g = cross_entropy(h, labels)[1]
        found = [None] * len(params)
        for i in reversed(range(0, len(params), 2)):
            found[i], found[i + 1] = G.T @ inputs[i // 2] + g.T @ moved[i // 2], G.sum(axis=0)
            if i:
                alive = inputs[i // 2] > 0
                g, G = (g @ params[i]) * alive, (G @ params[i] + g @ v[i]) * alive
        return found

    return run


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(workload):
    x, labels = workloads.inputs(workload)
    states = [slice(k * STATES, (k + 1) * STATES) for k in range(4)]  # the parts of the gates: i, f, g, o

    def evaluate(params):
        w_ih, w_hh, b_ih, b_hh, w, b = params
        a = x @ w_ih.T + b_ih + b_hh
        h = c = np.zeros((x.shape[1], STATES), x.dtype)
        saved = []
        for t in range(len(x)):
            z = a[t] + h @ w_hh.T
            i, f, g, o = sigmoid(z[:, states[0]]), sigmoid(z[:, states[1]]), np.tanh(z[:, states[2]]), sigmoid(z[:, states[3]])
            before, c = (h, c), f * c + i * g
            y = np.tanh(c)
            h = o * y
            saved.append((*before, i, f, g, o, y))
        loss, gh = cross_entropy(h @ w.T + b, labels)
        gw, gb = gh.T @ h, gh.sum(axis=0)
        gh, gc, gw_hh, ga = gh @ w, 0, np.zeros_like(w_hh), np.empty_like(a)
        for t in reversed(range(len(x))):
            h, c, i, f, g, o, y = saved[t]
            gc = gc + gh * o * (1 - y * y)
            ga[t, :, states[0]] = gc * g * i * (1 - i)
            ga[t, :, states[1]] = gc * c * f * (1 - f)
            ga[t, :, states[2]] = gc * i * (1 - g * g)
            ga[t, :, states[3]] = gh * y * o * (1 - o)
            gw_hh += ga[t].T @ h
            gh, gc = ga[t] @ w_hh, gc * f
        rows = ga.reshape(-1, 4 * STATES)
        bias = rows.sum(axis=0)
        return loss, [rows.T @ x.reshape(len(rows), -1), gw_hh, bias, bias, gw, gb]

    return train(list(workloads.weights(workload).values()), evaluate)


def logistic(workload):
    x, target = workloads.inputs(workload)
    w, b = workloads.weights(workload).values()

    def run():
        z = x @ w.T + b
        loss = float((np.logaddexp(0, z) - target * z).mean())
        g = (sigmoid(z) - target) / len(x)
        w[:] -= LR * (g.T @ x)
        b[:] -= LR * g.sum(axis=0)
        return loss

    return run
