"""PyTorch eager; all cores, unless the worker says otherwise."""

from itertools import pairwise

import torch
from torch import nn

from benchmarks import workloads
from benchmarks.workloads import BLOCKS, HEADS, LR, STATES, STEPS, VOCABULARY

set_num_threads = torch.set_num_threads


def chain(workload):
    size = workload.size
    x0, w0 = map(torch.tensor, workloads.chain_inputs(workload))

    def run():
        x, w = x0.clone().requires_grad_(), w0.clone().requires_grad_()
        y = x
        for _ in range(size.links):
            y = torch.tanh(y * w) + y
        total = y.sum()
        if size.backward:
            total.backward()
        return total.item()

    return run


deep_chain = chain


def tensors(arrays):
    return {name: torch.from_numpy(a) for name, a in arrays.items()}


def train(workload, net, loss_of=nn.functional.cross_entropy, optimizer=torch.optim.Adam):
    net.load_state_dict(tensors(workloads.weights(workload)))
    x, target = map(torch.from_numpy, workloads.inputs(workload))
    steps = optimizer(net.parameters(), lr=LR)

    def run():
        steps.zero_grad()
        loss = loss_of(net(x), target)
        loss.backward()
        steps.step()
        return loss.item()

    return run


def mlp(workload):
    widths, _ = workload.size
    modules = []
    for n, m in pairwise(widths):
        modules += [nn.Linear(n, m), nn.ReLU()]
    return train(workload, nn.Sequential(*modules[:-1]))


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
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, STATES)
        self.positions = nn.Parameter(torch.zeros(STEPS, STATES))
        block = nn.TransformerEncoderLayer(STATES, HEADS, 4 * STATES, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, BLOCKS, nn.LayerNorm(STATES), enable_nested_tensor=False)
        self.head = nn.Linear(STATES, VOCABULARY)
        self.mask = nn.Transformer.generate_square_subsequent_mask(STEPS)

    def forward(self, tokens):
        return self.head(self.blocks(self.embedding(tokens) + self.positions, mask=self.mask, is_causal=True))


def gpt(workload):
    def loss_of(scores, target):
        return nn.functional.cross_entropy(scores.reshape(-1, VOCABULARY), target.reshape(-1))

    return train(workload, GPT(), loss_of, torch.optim.AdamW)


class Reader(nn.Module):
    """An LSTM whose last output is classified."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(STATES, STATES)
        self.head = nn.Linear(STATES, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][-1])


def lstm(workload):
    return train(workload, Reader())


def logistic(workload):
    net = nn.Sequential(nn.Linear(workload.size[1], 1))
    return train(workload, net, nn.functional.binary_cross_entropy_with_logits, torch.optim.SGD)


def small_network(workload):
    """Its weights, and the loss as a function without arguments."""
    x, labels = map(torch.from_numpy, workloads.inputs(workload))
    params = [p.requires_grad_() for p in tensors(workloads.weights(workload)).values()]

    def loss():
        h = x
        for k in range(0, len(params), 2):
            h = nn.functional.linear(torch.relu(h) if k else h, params[k], params[k + 1])
        return nn.functional.cross_entropy(h, labels)

    return params, loss


def gradient(workload):
    params, loss = small_network(workload)
    return lambda: torch.autograd.grad(loss(), params)


def hvp(workload):
    params, loss = small_network(workload)
    v = list(tensors(workloads.direction(workload)).values())
    return lambda: torch.autograd.grad(torch.autograd.grad(loss(), params, create_graph=True), params, v)
