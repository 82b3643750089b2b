"""HIPS autograd."""

import autograd
import autograd.numpy as np

from benchmarks import workloads
from benchmarks.peers.numpy_adam import adam
from benchmarks.workloads import LR, STATES


def chain(workload):
    size = workload.size
    inputs = workloads.chain_inputs(workload)

    def forward(xw):
        x, w = xw
        for _ in range(size.links):
            x = np.tanh(x * w) + x
        return np.sum(x)

    if not size.backward:  # records, without the backward pass
        return lambda: float(autograd.core.make_vjp(forward, inputs)[1])
    both = autograd.value_and_grad(forward)
    return lambda: float(both(inputs)[0])


def cross_entropy(h, labels):
    h = h - np.max(h, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(h), axis=1)) - h[np.arange(len(labels)), labels])


def train(workload, loss_of):
    params = list(workloads.weights(workload).values())
    both, step = autograd.value_and_grad(loss_of), adam(params)

    def run():
        loss, grads = both(params)
        step(grads)
        return float(loss)

    return run


def perceptron(workload):
    """Its loss as a function of its weights."""
    x, labels = workloads.inputs(workload)

    def loss(params):
        h = x
        for k in range(0, len(params), 2):
            h = np.dot(np.maximum(h, 0) if k else h, params[k].T) + params[k + 1]
        return cross_entropy(h, labels)

    return loss


def mlp(workload):
    return train(workload, perceptron(workload))


def gradient(workload):
    params, both = list(workloads.weights(workload).values()), autograd.value_and_grad(perceptron(workload))
    return lambda: both(params)[1]


def hvp(workload):
    params, v = (list(given(workload).values()) for given in (workloads.weights, workloads.direction))
    slopes = autograd.grad(perceptron(workload))  # its own hessian_vector_product takes one array only
    product = autograd.grad(lambda params: sum(np.sum(g * d) for g, d in zip(slopes(params), v, strict=True)))
    return lambda: product(params)


def sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1)


def lstm(workload):
    x, labels = workloads.inputs(workload)

    def loss(params):
        w_ih, w_hh, b_ih, b_hh, w, b = params
        a = np.dot(x, w_ih.T) + b_ih + b_hh
        h = c = np.zeros((x.shape[1], STATES), x.dtype)
        for t in range(len(x)):
            i, f, g, o = np.split(a[t] + np.dot(h, w_hh.T), 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        return cross_entropy(np.dot(h, w.T) + b, labels)

    return train(workload, loss)


def logistic(workload):
    x, target = workloads.inputs(workload)
    params = list(workloads.weights(workload).values())

    def loss_of(params):
        z = np.dot(x, params[0].T) + params[1]
        return np.mean(np.logaddexp(0, z) - target * z)

    both = autograd.value_and_grad(loss_of)

    def run():
        loss, grads = both(params)
        for p, g in zip(params, grads, strict=True):
            p -= LR * g
        return float(loss)

    return run
