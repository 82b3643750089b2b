"""Forward mode: jvp, its structures, and how it nests with reverse mode."""

from itertools import product

import numpy as np
import pytest

import autograd_core as ag


def d_reverse(f):
    return ag.grad(f)


def d_forward(f):
    return lambda x: ag.jvp(f, (x,), (1.0,))[1]


MODES = pytest.mark.parametrize(
    ("outer", "inner"),
    [(a, b) for a in (d_reverse, d_forward) for b in (d_reverse, d_forward)],
    ids=lambda f: f.__name__.removeprefix("d_"),
)


@MODES
def test_no_perturbation_confusion(outer, inner):
    """d/dx [x d/dy (x + y)] at y = 1 is 1, and d/dx [x d/dy (x y)] is 2x; confused perturbations give other numbers."""
    assert float(outer(lambda x: x * inner(lambda y: x + y)(1.0))(5.0)) == 1.0
    assert float(outer(lambda x: x * inner(lambda y: x * y)(1.0))(5.0)) == 10.0


@MODES
def test_inner_derivative_at_the_outer_variable(outer, inner):
    np.testing.assert_allclose(
        outer(inner(lambda x: np.sin(x) * x**2))(0.7), -np.sin(0.7) * 0.49 + 4 * 0.7 * np.cos(0.7) + 2 * np.sin(0.7)
    )


@pytest.mark.parametrize("depth", range(1, 5))
def test_forward_mode_nests_in_itself(depth):
    f = np.exp
    for _ in range(depth):
        f = d_forward(f)
    np.testing.assert_allclose(f(0.3), np.exp(0.3), rtol=1e-14)


def test_three_levels_in_every_mixture():
    f = lambda x: np.sin(x) * np.exp(2 * x)
    expected = ag.grad(ag.grad(ag.grad(f)))(0.4)
    for a in (d_reverse, d_forward):
        for b in (d_reverse, d_forward):
            for c in (d_reverse, d_forward):
                np.testing.assert_allclose(a(b(c(f)))(0.4), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "modes", list(product((d_reverse, d_forward), repeat=3)), ids=lambda m: "".join(f.__name__[2] for f in m)
)
def test_three_levels_that_use_each_others_variables(modes):
    """d/dx [d/dy [x y^2 d/dz [x y z^3] at z = y] at y = x] is 90 x^5."""
    a, b, c = modes
    f = a(lambda x: b(lambda y: x * y**2 * c(lambda z: x * y * z**3)(y))(x))
    np.testing.assert_allclose(f(1.3), 90 * 1.3**5, rtol=1e-13)


def test_structures_and_kinds():
    y, t = ag.jvp(
        lambda p: {"s": p["a"] @ p["b"], "n": 3.0},
        ({"a": np.ones(2), "b": np.arange(2.0)},),
        ({"b": np.ones(2), "a": np.ones(2)},),
    )
    assert y["s"] == 1.0
    assert t["s"] == 3.0
    assert (y["n"], t["n"]) == (3.0, 0.0)
    y, t = ag.jvp(np.tanh, (ag.Tensor([0.0]),), (np.ones(1),))
    assert isinstance(y, ag.Tensor)


def test_tangent_of_a_tracked_closure_can_be_differentiated():
    w = ag.Tensor(3.0, requires_grad=True)
    y, t = ag.jvp(lambda x: x * x * w, (2.0,), (1.0,))
    assert ag.gradients(t, w, retain_graph=True)[0].item() == 4.0
    assert ag.gradients(y, w)[0].item() == 4.0


def test_hessian_vector_product_by_forward_over_reverse(rng):
    x, v, w = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(4, 4))
    f = lambda x: ag.logsumexp(np.tanh(w @ x) * x)
    np.testing.assert_allclose(ag.jvp(ag.grad(f), (x,), (v,))[1], ag.hvp(f, x, v), rtol=1e-12)


def test_index_assignment_carries_tangents():
    def f(x):
        y = np.zeros(3) * x[0]
        y[1] = x[0] * x[1]
        return y

    _, t = ag.jvp(f, (np.array([2.0, 3.0]),), (np.array([1.0, 10.0]),))
    np.testing.assert_allclose(t, [0.0, 23.0, 0.0])


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (lambda: ag.jvp(np.sin, 1.0, 1.0), ag.ShapeError, r"jvp\(f, \(x,\), \(v,\)\)"),
        (lambda: ag.jvp(np.sin, (1,), (1.0,)), ag.DTypeError, "primal 0 has dtype int64"),
        (lambda: ag.jvp(np.sin, (np.ones(2),), (np.ones(3),)), ag.ShapeError, r"shape \(2,\), its tangent \(3,\)"),
        (lambda: ag.jvp(np.sin, (1.0,), (1.0, 2.0)), ag.ShapeError, "needs 1 items; got 2"),
        (lambda: ag.jvp(np.asarray, (1.0,), (1.0,)), ag.GraphError, "silently cut the tangent"),
        (lambda: ag.jvp(np.i0, (1.0,), (1.0,)), ag.NoRuleError, "'i0'"),
    ],
)
def test_bad_input(do, error, message):
    with pytest.raises(error, match=message):
        do()
