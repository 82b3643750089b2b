"""PyTorch eager, all cores."""

import torch

from benchmarks.workloads import CHAIN, LR, chain_inputs, mlp_data


def chain(name):
    x0, w0 = map(torch.tensor, chain_inputs(name))

    def run():
        x, w = x0.clone().requires_grad_(), w0.clone().requires_grad_()
        y = x
        for _ in range(CHAIN):
            y = torch.tanh(y * w) + y
        if name != "chain_0d_forward":
            y.sum().backward()
        return y.sum().item()

    return run


def mlp(name):
    layers, x, labels = mlp_data(name)
    modules = []
    for weight, bias in layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
        modules += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules[:-1])
    adam = torch.optim.Adam(net.parameters(), lr=LR)
    loss_of = torch.nn.CrossEntropyLoss()
    x, labels = torch.tensor(x), torch.tensor(labels)

    def run():
        adam.zero_grad()
        loss = loss_of(net(x), labels)
        loss.backward()
        adam.step()
        return loss.item()

    return run
