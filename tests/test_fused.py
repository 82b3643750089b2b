"""Ops with fast functions of their own: equal to the compositions that define them, to second order, in every mode."""

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.fused import fused
from autograd_core.ops import recurrent
from autograd_core.record import OPS


def sequence(rng, dtype=float, steps=4, samples=3, inputs=2, hidden=2):
    shapes = [(steps, samples, inputs), (4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), *[(samples, hidden)] * 2]
    return tuple(rng.normal(size=shape).astype(dtype) for shape in shapes)


ROWS = {"lstm": (recurrent._lstm, recurrent._lstm_composed, sequence)}


@pytest.fixture(params=ROWS)
def row(request):
    return ROWS[request.param]


def test_values_and_gradients_are_those_of_the_composition(rng, row):
    fast, composed, draw = row
    args = draw(rng)
    (y, pull), (expected, pull_composed) = (ag.vjp(f, *args) for f in (fast, composed))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)
    g = rng.normal(size=y.shape)
    for c, e in zip(pull(g), pull_composed(g), strict=True):
        np.testing.assert_allclose(c, e, rtol=1e-10, atol=1e-13)


def test_second_derivatives_are_those_of_the_composition(rng, row):
    fast, composed, draw = row
    args = draw(rng)
    weights = rng.normal(size=fast(*args).shape)
    directions = tuple(rng.normal(size=a.shape) for a in args)
    one, other = (ag.hvp(lambda *a, f=f: (weights * f(*a) ** 2).sum(), args, directions) for f in (fast, composed))
    for c, e in zip(one, other, strict=True):
        np.testing.assert_allclose(c, e, rtol=1e-9, atol=1e-12)


def test_tangents_are_those_of_the_composition(rng, row):
    fast, composed, draw = row
    args = draw(rng)
    directions = tuple(rng.normal(size=a.shape) for a in args)
    np.testing.assert_allclose(ag.jvp(fast, args, directions)[1], ag.jvp(composed, args, directions)[1], rtol=1e-11, atol=1e-13)


def test_float32_stays_and_nothing_given_is_written_to(rng, row):
    fast, composed, draw = row
    args = draw(rng, np.float32)
    copies = [a.copy() for a in args]
    y, pull = ag.vjp(fast, *args)
    g = rng.normal(size=y.shape).astype(np.float32)
    kept = g.copy()
    cotangents, again = pull(g), pull(g)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, composed(*args), rtol=1e-5, atol=1e-6)
    for a, b, c, d in zip(args, copies, cotangents, again, strict=True):
        assert c.dtype == np.float32
        assert c.shape == a.shape
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(c, d)
        assert not np.shares_memory(c, d)
    np.testing.assert_array_equal(g, kept)


def test_only_the_cotangents_that_are_wanted_are_computed():
    asked = []

    def backward(g, _kept, a, b):
        return lambda: (asked.append("a"), g * b)[1], lambda: (asked.append("b"), g * a)[1]

    product = fused("product_of_two", lambda a, b: a * b, lambda a, b: (a * b, None), backward, 2)
    del OPS["product_of_two"]  # which other tests would take for one of the engine's
    x = ag.Tensor(2.0, requires_grad=True)
    product(x, np.float64(3.0)).backward()
    assert (x.grad.item(), asked) == (3.0, ["a"])
    y = ag.Tensor(5.0, requires_grad=True)
    product(x, y).backward()
    assert (x.grad.item(), y.grad.item(), asked) == (8.0, 2.0, ["a", "a", "b"])


def test_a_retained_graph_serves_each_cotangent(rng):
    args = [ag.Tensor(a, requires_grad=True) for a in sequence(rng)]
    y, _, c = ag.lstm(*args)
    for scale in (1.0, -2.0, 1.0):
        first = ag.gradients([y, c], args, [np.full(y.shape, scale), np.full(c.shape, scale)], retain_graph=True)
        expected = ag.gradients((scale * (y.sum() + c.sum())), args, retain_graph=True)
        for a, b in zip(first, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_shapes_that_do_not_fit_are_refused(rng):
    x, *rest = sequence(rng)
    with pytest.raises(ag.ShapeError, match=r"'lstm' takes x \(steps, samples, inputs\)"):
        ag.lstm(x[:, :2], *rest)
    with pytest.raises(ag.ShapeError, match="at least one step"):
        ag.lstm(x[:0], *rest)
