"""grad, value_and_grad, vjp and hvp: structures, kinds, nesting."""

from typing import NamedTuple

import numpy as np
import pytest

import autograd_core as ag


class Pair(NamedTuple):
    w: object
    b: object


def test_kind_in_is_kind_out():
    f = lambda x: (x * x).sum()
    assert type(ag.grad(f)(2.0)) is float
    assert type(ag.grad(f)(np.array(2.0))) is np.ndarray
    assert type(ag.grad(f)(np.float32(2.0))) is np.float32
    assert type(ag.grad(f)(np.ones(2))) is np.ndarray
    g = ag.grad(f)(ag.Tensor(np.ones(2)))
    assert isinstance(g, ag.Tensor)
    assert not g.requires_grad
    assert ag.grad(f)(ag.Tensor(np.ones(2), requires_grad=True)).requires_grad


def test_nested_containers_keep_their_structure():
    p = {"layers": [(np.ones((2, 3)), np.zeros(2)), Pair(np.full(2, 3.0), None)], "scale": 2.0}

    def f(p):
        (w, b), pair = p["layers"]
        return p["scale"] * (w.sum() + b.sum()) + (pair.w**2).sum()

    value, g = ag.value_and_grad(f)(p)
    assert value == 30.0
    assert type(value) is float
    np.testing.assert_array_equal(g["layers"][0][0], np.full((2, 3), 2.0))
    assert type(g["layers"][1]) is Pair
    np.testing.assert_array_equal(g["layers"][1].w, [6.0, 6.0])
    assert g["layers"][1].b is None
    assert g["scale"] == 6.0


def test_argnums_and_keywords():
    f = lambda a, b, *, c: a * b * c
    assert ag.grad(f, argnums=1)(2.0, 3.0, c=5.0) == 10.0
    assert ag.grad(f, argnums=(0, -1))(2.0, 3.0, c=5.0) == (15.0, 10.0)


def test_aux_is_handed_through_untracked():
    (value, aux), g = ag.value_and_grad(lambda x: ((x**2).sum(), {"twice": x * 2, "n": 7}), has_aux=True)(np.ones(2))
    assert value == 2.0
    assert aux["n"] == 7
    assert type(aux["twice"]) is np.ndarray
    np.testing.assert_array_equal(g, [2.0, 2.0])
    g, aux = ag.grad(lambda x: ((x**2).sum(), 7), has_aux=True)(np.ones(2))
    assert aux == 7


def test_input_that_is_not_used_gets_zeros():
    assert ag.grad(lambda a, b: a * 2, argnums=1)(1.0, 3.0) == 0.0
    np.testing.assert_array_equal(ag.grad(lambda x: 3.0)(np.ones(2)), [0.0, 0.0])


def test_no_perturbation_confusion():
    """d/dx [x d/dy (x + y)] is 1; confusing the two derivatives gives 2."""
    assert ag.grad(lambda x: x * ag.grad(lambda y: x + y)(1.0))(5.0) == 1.0
    assert ag.grad(lambda x: x * ag.grad(lambda y: x * y)(1.0))(5.0) == 10.0


def test_grad_works_under_no_grad_and_restores_it():
    w = ag.Tensor(1.0, requires_grad=True)
    with ag.no_grad():
        assert ag.grad(lambda x: x * x)(3.0) == 6.0
        assert not (w * w).requires_grad


def test_grad_leaves_tensors_of_the_closure_alone():
    w = ag.Tensor(2.0, requires_grad=True)
    h = w * w
    assert ag.grad(lambda x: x * h)(3.0) == 4.0
    h.backward()
    assert w.grad.item() == 4.0


def test_result_can_be_differentiated_by_the_tape_outside():
    w = ag.Tensor(2.0, requires_grad=True)
    g = ag.grad(lambda x: x**3)(w)
    (g * w).backward()
    assert w.grad.item() == 3 * 3 * 2.0**2


def test_vjp_pullback_can_be_called_again():
    y, pullback = ag.vjp(lambda a, b: (a @ b, a.sum()), np.ones((2, 3)), np.ones(3))
    assert y[0].shape == (2,)
    for scale in (1.0, 2.0):
        ga, gb = pullback((np.array([1.0, 2.0]) * scale, 10.0 * scale))
        np.testing.assert_array_equal(ga, scale * (np.array([[1.0], [2.0]]) + 10) * np.ones((2, 3)))
        np.testing.assert_array_equal(gb, scale * np.full(3, 3.0))


def test_vjp_inside_grad():
    def f(x):
        _, pullback = ag.vjp(np.sin, x)
        return pullback(np.array(1.0))[0] * x

    np.testing.assert_allclose(ag.grad(f)(0.5), np.cos(0.5) - 0.5 * np.sin(0.5))


def test_hvp_of_several_arguments():
    rng = np.random.default_rng(0)
    a, b, u, v = (rng.normal(size=3) for _ in range(4))
    ha, hb = ag.hvp(lambda a, b: (a * a * b).sum(), (a, b), (u, v))
    np.testing.assert_allclose(ha, 2 * b * u + 2 * a * v)
    np.testing.assert_allclose(hb, 2 * a * u)


def test_hvp_of_a_linear_function_is_zero():
    np.testing.assert_array_equal(ag.hvp(lambda x: x.sum() * 3, np.ones(2), np.ones(2)), [0.0, 0.0])


def test_grad_of_hvp():
    g = ag.grad(lambda x: ag.hvp(lambda y: (y**4).sum(), x, np.array([1.0, 0.0])).sum())(np.array([2.0, 3.0]))
    np.testing.assert_allclose(g, [24 * 2.0, 0.0])


@pytest.mark.parametrize("depth", range(1, 6))
def test_high_order_derivatives(depth):
    f = np.sin
    for _ in range(depth):
        f = ag.grad(f)
    expected = [np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin][(depth - 1) % 4](0.3)
    np.testing.assert_allclose(f(0.3), expected, rtol=1e-14)
