"""Formulas that are printed wrong in course notes: a checker or an oracle rejects the printed form and passes the right one."""

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim

RNG = np.random.default_rng(7)
M, N = 5, 3
Z, T = RNG.normal(size=(M, N)), RNG.normal(size=(M, N))
W, B = RNG.normal(size=(N, N)), RNG.normal(size=N)
LABELS = np.eye(N)[RNG.integers(0, N, M)]


def checked(name, forward, rule, *point):
    """The report of gradcheck for a formula (forward) with its printed derivative (rule)."""
    return ag.check.gradcheck(ag.custom_op(name, forward, rule), *point)


# The error of a hidden layer: s'(z) W^T d, without 1/m (which is in d already) and without the bias


def hidden_loss(z):
    """1/m sum 1/2 (a - t)^2 of a linear output layer over a = tanh(z)."""
    return 0.5 * np.sum((np.tanh(z) @ W.T + B - T) ** 2) / M


def output_error(z):
    return (np.tanh(z) @ W.T + B - T) / M


HIDDEN_ERRORS = {
    "right": lambda g, _y, z: g * (1 - np.tanh(z) ** 2) * (output_error(z) @ W),
    "a further 1/m": lambda g, _y, z: g * (1 - np.tanh(z) ** 2) * (output_error(z) @ W) / M,
    "the bias added": lambda g, _y, z: g * (1 - np.tanh(z) ** 2) * (output_error(z) @ W + B),
    "both": lambda g, _y, z: g * (1 - np.tanh(z) ** 2) * (output_error(z) @ W + B) / M,
}


@pytest.mark.parametrize("form", HIDDEN_ERRORS)
def test_hidden_error(form):
    assert bool(checked(f"hidden error, {form}", hidden_loss, HIDDEN_ERRORS[form], Z)) is (form == "right")


# Batch normalization: mean and variance depend on the input

GAMMA = RNG.uniform(0.5, 2.0, N)


def batch_norm(x):
    return GAMMA * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


def batch_norm_rule(g, _y, x):
    sigma = np.sqrt(np.var(x, axis=0) + 1e-5)
    normal = (x - np.mean(x, axis=0)) / sigma
    return GAMMA / sigma * (g - np.mean(g, axis=0) - normal * np.mean(g * normal, axis=0))


def test_batch_norm_backward():
    assert checked("batch norm", batch_norm, batch_norm_rule, Z)
    printed = lambda g, _y, x: g * GAMMA / np.sqrt(np.var(x, axis=0) + 1e-5)
    assert not checked("batch norm as printed", batch_norm, printed, Z)
    composed = lambda x: GAMMA * (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-5)
    assert ag.check.check_graph(composed, Z, order=2)


# He initialization: 2/n is the variance, and n the fan-in


def has_variance(values, variance):
    """Within five standard errors of the variance of that many normal numbers."""
    return abs(values.var() / variance - 1) < 5 * np.sqrt(2 / values.size)


@pytest.mark.parametrize(
    ("form", "deviation"),
    [
        ("right", np.sqrt(2 / 300)),
        ("2/n as the deviation", 2 / 300),
        ("root as the variance", (2 / 300) ** 0.25),
        ("fan-out", 0.1),
    ],
)
def test_he_initialization(form, deviation, rng):
    fan_out, fan_in = 200, 300
    drawn = rng.normal(0.0, deviation, (fan_out, fan_in))
    assert bool(has_variance(drawn, 2 / fan_in)) is (form == "right")
    # what it is for: the mean square of the activations stays level through a ReLU layer
    x = rng.normal(size=(500, fan_in))
    level = np.mean(ag.relu(x @ drawn.T) ** 2)
    assert bool(abs(level - 1) < 0.1) is (form == "right")


def test_our_he_initializer_is_the_right_one():
    weight = nn.init.kaiming_normal_(nn.Parameter(np.empty((200, 300))), nonlinearity="relu").numpy()
    assert has_variance(weight, 2 / 300)


# Losses and norms


def log_softmax(z):
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def cross_entropy_rule(g, _y, z):
    return g * (np.exp(log_softmax(z)) - LABELS) / M


def test_cross_entropy_has_a_minus():
    assert checked("cross entropy", lambda z: -np.sum(LABELS * log_softmax(z)) / M, cross_entropy_rule, Z)
    assert not checked("cross entropy without minus", lambda z: np.sum(LABELS * log_softmax(z)) / M, cross_entropy_rule, Z)
    ours = ag.grad(lambda z: nn.functional.cross_entropy(z, LABELS))(Z)
    np.testing.assert_allclose(ours, cross_entropy_rule(1.0, None, Z), rtol=1e-12, atol=1e-15)


def test_the_root_of_the_l2_norm_stands_outside_of_the_sum():
    rule = lambda g, _y, w: g * w / np.sqrt(np.sum(w**2))
    assert checked("L2 norm", lambda w: np.sqrt(np.sum(w**2)), rule, Z)
    assert not checked("L2 norm, root inside", lambda w: np.sum(np.sqrt(w**2)), rule, Z)


# Moments: Adam and RMSprop do not depend on the scale of the gradient, and a corrected average of a constant is that constant

SECOND_MOMENTS = {"g^2": lambda g: g**2, "g": lambda g: g}
ROOTS = {"S": lambda s: np.sqrt(s), "S^2": lambda s: np.sqrt(s**2)}


def rms_steps(gradients, moment, root, b=0.9):
    s, steps = 0.0, []
    for g in gradients:
        s = b * s + (1 - b) * SECOND_MOMENTS[moment](g)
        steps.append(g / ROOTS[root](s))
    return np.array(steps)


@pytest.mark.parametrize("moment", SECOND_MOMENTS)
@pytest.mark.parametrize("root", ROOTS)
def test_second_moment_holds_squares_once(moment, root):
    gradients = RNG.uniform(0.5, 2.0, (6, 3))
    plain, scaled = (rms_steps(c * gradients, moment, root) for c in (1.0, 100.0))
    right = moment == "g^2" and root == "S"
    # g under S^2 is scaled right too, but forgets that signs alternate: noise does not make its steps smaller
    if (moment, root) == ("g", "S^2"):
        alternating = gradients * np.array([1, -1, 1, -1, 1, -1])[:, None]
        assert np.max(np.abs(rms_steps(alternating, moment, root))) > 5
        assert np.max(np.abs(rms_steps(alternating, "g^2", "S"))) < 1 / np.sqrt(1 - 0.9)
    else:
        assert np.allclose(plain, scaled, rtol=1e-12) is right


@pytest.mark.parametrize(("power", "right"), [("t", True), ("2", False)])
def test_bias_correction(power, right):
    b, v, corrected = 0.9, 0.0, []
    for t in range(1, 6):
        v = b * v + (1 - b) * 3.0
        corrected.append(v / (1 - b ** (t if power == "t" else 2)))
    assert np.allclose(corrected, 3.0, rtol=1e-12) is right


@pytest.mark.parametrize(
    ("form", "moment", "root", "power"),
    [("right", "g^2", "S", "t"), ("g", "g", "S^2", "t"), ("squared twice", "g^2", "S^2", "t"), ("b^2", "g^2", "S", "2")],
)
def test_our_adam_has_the_right_form(form, moment, root, power):
    x = ag.Tensor([1.0, -2.0], requires_grad=True)
    adam = optim.Adam([x], lr=0.1, eps=0.0)
    p, m, s, apart = np.array([1.0, -2.0]), 0.0, 0.0, 0.0
    for t in range(1, 6):
        g = 4 * p**3
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * SECOND_MOMENTS[moment](g)
        b1, b2 = (0.9**t, 0.999**t) if power == "t" else (0.9**2, 0.999**2)
        p = p - 0.1 * (m / (1 - b1)) / ROOTS[root](s / (1 - b2))
        adam.zero_grad()
        (x**4).sum().backward()
        adam.step()
        apart = max(apart, float(np.max(np.abs(x.numpy() - p))))
    assert (apart < 1e-12) is (form == "right")


# A linear activation can be backpropagated; it adds no power


def test_linear_activation_is_differentiated_and_adds_no_power():
    right = ag.custom_op("linear activation", lambda z: 2.0 * z, lambda g, _y, _z: 2.0 * g)
    none = ag.custom_op("linear activation without gradient", lambda z: 2.0 * z, lambda g, _y, _z: 0.0 * g)
    net = lambda activation: lambda x, w: np.sum((activation(x @ w) @ W - T) ** 2)
    assert ag.check.gradcheck(net(right), Z, B * W, order=2)
    report = ag.check.check_graph(net(none), Z, B * W)
    assert {row.op for row in report.failures} == {"linear activation without gradient"}
    assert not ag.check.gradcheck(net(none), Z, B * W)
    np.testing.assert_allclose(right(Z @ (B * W)) @ W, Z @ (2.0 * (B * W) @ W), rtol=1e-12)  # one linear map
