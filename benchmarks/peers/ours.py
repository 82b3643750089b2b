"""This package."""

from itertools import pairwise

import autograd_core as ag  # before NumPy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np

import nn
import optim
from benchmarks import workloads
from benchmarks.workloads import BLOCKS, HEADS, LR, STATES, STEPS, VOCABULARY

set_num_threads = ag.set_num_threads


def chain(workload):
    size = workload.size
    x0, w0 = workloads.chain_inputs(workload)

    def run():
        x, w = ag.Tensor(x0, requires_grad=True), ag.Tensor(w0, requires_grad=True)
        y = x
        for _ in range(size.links):
            y = ag.tanh(y * w) + y
        total = y.sum()
        if size.backward:
            total.backward()
        return total.item()

    return run


deep_chain = chain


def train(workload, net, loss_of=nn.functional.cross_entropy, optimizer=optim.Adam):
    net.load_state_dict(workloads.weights(workload))
    x, target = workloads.inputs(workload)
    steps = optimizer(net.parameters(), lr=LR)

    def run():
        steps.zero_grad()
        loss = loss_of(net(x), target)
        loss.backward()
        steps.step()
        return loss.item()

    return run


def perceptron(workload):
    widths, _ = workload.size
    modules = []
    for n, m in pairwise(widths):
        modules += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def mlp(workload):
    return train(workload, perceptron(workload))


def cnn(workload):
    return train(
        workload,
        nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(800, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        ),
    )


class GPT(nn.Module):
    def __init__(self):
        self.embedding = nn.Embedding(VOCABULARY, STATES)
        self.positions = nn.Parameter(np.zeros((STEPS, STATES), np.float32))
        block = nn.TransformerEncoderLayer(STATES, HEADS, 4 * STATES, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, BLOCKS, nn.LayerNorm(STATES))
        self.head = nn.Linear(STATES, VOCABULARY)

    def forward(self, tokens):
        return self.head(self.blocks(self.embedding(tokens) + self.positions, is_causal=True))


def gpt(workload):
    def loss_of(scores, target):
        return nn.functional.cross_entropy(scores.reshape(-1, VOCABULARY), target.reshape(-1))

    return train(workload, GPT(), loss_of, optim.AdamW)


class Reader(nn.Module):
    """An LSTM whose last output is classified."""

    def __init__(self):
        self.lstm = nn.LSTM(STATES, STATES)
        self.head = nn.Linear(STATES, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][-1])


def lstm(workload):
    return train(workload, Reader())


def logistic(workload):
    net = nn.Sequential(nn.Linear(workload.size[1], 1))
    return train(workload, net, nn.functional.binary_cross_entropy_with_logits, optim.SGD)


def loss_of_weights(workload):
    """The small network's loss as a function of its weights, as transforms want it."""
    x, labels = workloads.inputs(workload)
    layers = list(range(0, 2 * len(workload.size[0]) - 2, 2))

    def loss(weights):
        h = x
        for k in layers:
            h = ag.linear(ag.relu(h) if k else h, weights[f"{k}.weight"], weights[f"{k}.bias"])
        return nn.functional.cross_entropy(h, labels)

    return loss


def gradient(workload):
    both, weights = ag.value_and_grad(loss_of_weights(workload)), workloads.weights(workload)
    return lambda: list(both(weights)[1].values())


def hvp(workload):
    loss, weights, v = loss_of_weights(workload), workloads.weights(workload), workloads.direction(workload)
    return lambda: list(ag.hvp(loss, (weights,), (v,))[0].values())
