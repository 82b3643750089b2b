"""MyGrad."""

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.layers import conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks import workloads
from benchmarks.peers.numpy_adam import adam
from benchmarks.workloads import LR, STATES


def chain(workload):
    size = workload.size
    x0, w0 = workloads.chain_inputs(workload)

    def run():
        x, w = mg.tensor(x0), mg.tensor(w0)
        y = x
        for _ in range(size.links):
            y = mg.tanh(y * w) + y
        total = y.sum()
        if size.backward:
            total.backward()
        return total.item()

    return run


def train(workload, net):
    params = {name: mg.tensor(a) for name, a in workloads.weights(workload).items()}
    x, labels = workloads.inputs(workload)
    step = adam([p.data for p in params.values()])

    def run():
        loss = softmax_crossentropy(net(params, x), labels)
        loss.backward()
        step([p.grad for p in params.values()])
        return loss.item()

    return run


def linear(p, name, x):
    return mg.matmul(x, p[f"{name}.weight"].T) + p[f"{name}.bias"]


def perceptron(p, x):
    for k in range(0, len(p), 2):
        x = linear(p, str(k), relu(x) if k else x)
    return x


def mlp(workload):
    return train(workload, perceptron)


def gradient(workload):
    params = {name: mg.tensor(a) for name, a in workloads.weights(workload).items()}
    x, labels = workloads.inputs(workload)

    def run():
        softmax_crossentropy(perceptron(params, x), labels).backward()
        return [p.grad for p in params.values()]

    return run


def cnn(workload):
    def conv(p, name, x, padding):
        y = conv_nd(x, p[f"{name}.weight"], stride=1, padding=padding) + p[f"{name}.bias"].reshape(1, -1, 1, 1)
        return max_pool(relu(y), (2, 2), 2)

    def net(p, x):
        x = conv(p, "3", conv(p, "0", x, 2), 0).reshape(len(x), -1)
        return linear(p, "11", relu(linear(p, "9", relu(linear(p, "7", x)))))

    return train(workload, net)


def lstm(workload):
    def net(p, x):
        a = mg.matmul(x, p["lstm.weight_ih_l0"].T) + p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]
        h = c = np.zeros((x.shape[1], STATES), x.dtype)
        parts = [slice(k * STATES, (k + 1) * STATES) for k in range(4)]
        for t in range(len(x)):
            z = a[t] + mg.matmul(h, p["lstm.weight_hh_l0"].T)
            i, f, g, o = (z[:, part] for part in parts)
            c = sigmoid(f) * c + sigmoid(i) * mg.tanh(g)
            h = sigmoid(o) * mg.tanh(c)
        return linear(p, "head", h)

    return train(workload, net)


def logistic(workload):
    params = {name: mg.tensor(a) for name, a in workloads.weights(workload).items()}
    x, target = workloads.inputs(workload)

    def run():
        z = linear(params, "0", x)
        loss = mg.mean(mg.logaddexp(0, z) - target * z)
        loss.backward()
        for p in params.values():
            p.data -= LR * p.grad
        return loss.item()

    return run
