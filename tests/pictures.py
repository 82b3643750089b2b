"""Graphs of all kinds, for tests of their pictures."""

from functools import cache

import numpy as np

import autograd_core as ag
import nn


def scalar_expression():
    x = ag.Tensor(0.5, requires_grad=True, name="x")
    y = ag.Tensor(2.0, requires_grad=True, name="y")
    return [np.sin(x * y) + 3 * x**2], {"names": {"x": x, "y": y}}


def shared_subexpression():
    x = ag.Tensor([0.5, -1.0], requires_grad=True, name="x")
    shared = np.exp(x)
    return [(shared * np.tanh(shared)).sum() + shared.mean()], {"names": {"x": x}}


def traced(model, x, loss, **options):
    x = ag.Tensor(x, requires_grad=True, name="x")
    with ag.viz.trace(model):
        y = loss(model(x))
    return [y], {"names": {**dict(model.named_parameters()), **dict(model.named_buffers()), "x": x}, **options}


def images(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def mlp():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    y = nn.functional.cross_entropy(net(images(5, 4)), np.array([0, 1, 2, 0, 1]))  # without a trace
    return [y], {"names": net}


def batch_norm_net():
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))
    return traced(net, images(5, 4), lambda y: (y**2).mean())


def cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    return traced(net, images(2, 1, 8, 8), lambda y: nn.functional.cross_entropy(y, np.array([3, 7])))


class Block(nn.Module):
    def __init__(self, n):
        self.norm = nn.LayerNorm(n)
        self.inner = nn.Linear(n, n)

    def forward(self, x):
        return x + np.tanh(self.inner(self.norm(x)))


def residual_net():
    net = nn.Sequential(nn.Linear(3, 4), *[Block(4) for _ in range(12)], nn.Linear(4, 1))
    return traced(net, images(5, 3), lambda y: (y**2).mean())


def lstm_step():
    x, h, c = (ag.Tensor(images(2, 3), requires_grad=True, name=name) for name in "xhc")
    weight = ag.Tensor(images(12, 6), requires_grad=True, name="weight")
    gates = np.concatenate([x, h], axis=1) @ weight.T
    i, f, g, o = (gates[:, 3 * k : 3 * k + 3] for k in range(4))
    new_c = ag.sigmoid(f) * c + ag.sigmoid(i) * np.tanh(g)
    new_h = ag.sigmoid(o) * np.tanh(new_c)
    new_h.name, new_c.name = "new h", "new c"
    return [new_h, new_c], {"names": {"x": x, "h": h, "c": c, "weight": weight}}


def attention_block():
    block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    return traced(block, images(2, 5, 8), lambda y: (y**3).mean())


def hessian_graph():
    x = ag.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = (x**3).sum() * x[0]
    (g,) = ag.gradients(y, [x], create_graph=True)
    g.name = "gradient"
    return [g], {"forward": y, "names": {"x": x}}


@cache
def long_chain():
    x = ag.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for _ in range(100_000):
        y = np.sin(y)
    return [y], {"names": {"x": x}}


GRAPHS = [
    scalar_expression,
    shared_subexpression,
    mlp,
    batch_norm_net,
    cnn,
    residual_net,
    lstm_step,
    attention_block,
    hessian_graph,
    long_chain,
]
