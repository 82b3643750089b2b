"""Double backward through whole networks: the gradient of a gradient penalty, against PyTorch and against differences."""

import numpy as np
import pytest

import autograd_core as ag
import nn

try:
    import torch
except ImportError:
    torch = None


def network(package, **dtype):
    return package.Sequential(
        package.Conv2d(2, 3, 3, padding=1, **dtype),
        package.BatchNorm2d(3, **dtype),
        package.Tanh(),
        package.MaxPool2d(2),
        package.Conv2d(3, 4, 2, stride=2, **dtype),
        package.ELU(),
        package.AvgPool2d(2, 1),
        package.Flatten(),
        package.LayerNorm(4, **dtype),
        package.Linear(4, 3, **dtype),
    )


def inputs(rng):
    return rng.normal(size=(5, 2, 8, 8)), rng.integers(0, 3, 5)


def penalised(net, x, labels):
    """Cross entropy plus the squared norm of its gradient with respect to the images."""
    x = ag.Tensor(x, requires_grad=True)
    loss = nn.functional.cross_entropy(net(x), labels)
    (slope,) = ag.gradients(loss, x, create_graph=True)
    return loss + (slope**2).sum() * 10


def test_gradient_penalty_agrees_with_differences(rng):
    x, labels = inputs(rng)
    net = network(nn, dtype=float)
    names = [name for name, _ in net.named_parameters()]

    def f(*values):
        with nn.substituted(net, dict(zip(names, values, strict=True))):
            return penalised(net, x, labels)

    ag.check.gradcheck(f, *[p.numpy().copy() for p in net.parameters()], rng=rng).raise_if_failed()


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
def test_gradient_penalty_agrees_with_pytorch(rng):
    x, labels = inputs(rng)
    ours, theirs = network(nn, dtype=float), network(torch.nn).double()
    theirs.load_state_dict({name: torch.tensor(value) for name, value in ours.state_dict().items()})
    penalised(ours, x, labels).backward()
    t = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(theirs(t), torch.tensor(labels))
    (slope,) = torch.autograd.grad(loss, t, create_graph=True)
    (loss + (slope**2).sum() * 10).backward()
    expected = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(p.grad, expected[name].grad.numpy(), rtol=1e-8, atol=1e-12, err_msg=name)
