"""This package."""

import autograd_core as ag
import nn
import optim
from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data


def chain(name):
    x0, w0 = chain_inputs(name)

    def forward(x, w):
        for _ in range(CHAIN):
            x = ag.tanh(x * w) + x
        return x

    def run():
        x, w = ag.Tensor(x0, requires_grad=True), ag.Tensor(w0, requires_grad=True)
        y = forward(x, w)
        if name != "chain_0d_forward":
            y.sum().backward()
        return y.sum().item()

    return run


def mlp(name):
    layers, x, labels = mlp_data(name)
    modules = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": bias})
        modules += [linear, nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    adam = optim.Adam(net.parameters(), lr=LR)
    loss_of = nn.CrossEntropyLoss()

    def run():
        adam.zero_grad()
        loss = loss_of(net(x), labels)
        loss.backward()
        adam.step()
        return loss.item()

    return run
