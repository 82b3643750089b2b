"""Modules, layers, losses and initializers against closed forms."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import functional as F  # noqa: N812  as everywhere


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def mlp(*sizes, activation=nn.Tanh, dtype=np.float64):
    layers = []
    for n, m in pairwise(sizes):
        layers += [nn.Linear(n, m, dtype=dtype), activation()]
    return nn.Sequential(*layers[:-1])


# The closed forms of a three-layer network


@pytest.mark.parametrize("output", ["sigmoid with BCE", "linear with half MSE"])
def test_three_layer_network_has_the_closed_form_gradients(output, rng):
    m = 7
    x, target = rng.normal(size=(m, 4)), rng.integers(0, 2, (m, 1)).astype(float)
    net = mlp(4, 5, 3, 1, activation=nn.ReLU)
    w1, b1, w2, b2, w3, b3 = (p.numpy() for p in net.parameters())
    if output.startswith("sigmoid"):
        loss = F.binary_cross_entropy_with_logits(net(x), target)
    else:
        loss = 0.5 * F.mse_loss(net(x), target)
    loss.backward()

    z1 = x @ w1.T + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ w2.T + b2
    a2 = np.maximum(z2, 0)
    z3 = a2 @ w3.T + b3
    dz3 = ((sigmoid(z3) if output.startswith("sigmoid") else z3) - target) / m
    dz2 = dz3 @ w3 * (z2 > 0)
    dz1 = dz2 @ w2 * (z1 > 0)
    expected = [dz1.T @ x, dz1.sum(0), dz2.T @ a1, dz2.sum(0), dz3.T @ a2, dz3.sum(0)]
    for p, g in zip(net.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-12, atol=1e-15)


def test_second_derivatives_of_a_network_agree_with_differences(rng):
    x, labels = rng.normal(size=(5, 3)), rng.integers(0, 4, 5)
    net = mlp(3, 6, 4)

    def loss(w0, b0, w1, b1):
        return F.cross_entropy(F.linear(np.tanh(F.linear(x, w0, b0)), w1, b1), labels)

    point = [p.numpy() for p in net.parameters()]
    ag.check.gradcheck(loss, *point, order=2).raise_if_failed()
    ag.check.hvpcheck(loss, *point).raise_if_failed()


# Modules


def test_parameters_are_found_by_name_and_shared_ones_once():
    net = mlp(2, 3, 1)
    both = nn.Module()
    both.net, both.tied, both.own = net, net[0], nn.Parameter([1.0])
    assert [n for n, _ in both.named_parameters()] == ["own", "net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"]
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [n for n, _ in net.named_modules()] == ["", "0", "1", "2"]
    assert len(net) == 3
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"]


def test_parameters_are_float32_by_default_and_stay_so():
    net = mlp(2, 3, 1, dtype=np.float32)
    y = net(np.ones((4, 2), np.float32))
    assert y.dtype == np.float32
    y.sum().backward()
    assert {p.grad.dtype for p in net.parameters()} == {np.dtype(np.float32)}
    net.astype(np.float64)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}


def test_state_dict_round_trip_and_its_errors():
    a, b = mlp(2, 3, 1), mlp(2, 3, 1)
    b.load_state_dict(a.state_dict())
    x = np.ones((1, 2))
    np.testing.assert_array_equal(a(x).numpy(), b(x).numpy())
    state = a.state_dict()
    state["0.weight"][:] = 0  # a copy
    assert a[0].weight.numpy().any()
    state.pop("0.bias")
    state["extra"] = np.ones(1)
    with pytest.raises(KeyError, match=r"missing: 0.bias\n  unexpected: extra"):
        b.load_state_dict(state)
    b.load_state_dict(state, strict=False)
    assert not b[0].weight.numpy().any()
    with pytest.raises(ag.ShapeError, match=r"2.weight \(has \(1, 3\), given \(3, 1\)\)"):
        b.load_state_dict({**a.state_dict(), "2.weight": np.ones((3, 1))})


def test_train_eval_zero_grad_apply():
    net = mlp(2, 3, 1)
    assert not net.eval()[1].training
    assert net.train()[1].training
    net(np.ones((1, 2))).sum().backward()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Tanh", "Linear", "Sequential"]


def test_modules_copy_and_pickle():
    net = mlp(2, 3, 1)
    x = np.ones((1, 2))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):  # noqa: S301
        np.testing.assert_array_equal(net(x).numpy(), other(x).numpy())
        assert not np.shares_memory(other[0].weight.numpy(), net[0].weight.numpy())
        assert isinstance(other[0].weight, nn.Parameter)


def test_activations_identity_and_missing_forward():
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(nn.ReLU()(x), [0, 0, 2])
    np.testing.assert_allclose(nn.Sigmoid()(x), sigmoid(x))
    np.testing.assert_allclose(nn.Tanh()(x), np.tanh(x))
    np.testing.assert_allclose(nn.Softmax()(x).sum(), 1.0)
    assert nn.Identity()(x) is x
    with pytest.raises(NotImplementedError, match="Module defines no forward"):
        nn.Module()(x)
