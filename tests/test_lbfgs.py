"""L-BFGS against dense matrices, and its line search against the conditions that it promises."""

import math

import numpy as np
import pytest

import autograd_core as ag
import optim
from optim.line_search import Point, strong_wolfe


def dense_direction(g, history):
    """-H g with the inverse Hessian as a matrix (Nocedal and Wright 2006, equation 6.17)."""
    if not history:
        return -g
    s, y = history[-1]
    identity = np.eye(len(g))
    h = (s @ y) / (y @ y) * identity
    for s, y in history:
        r = 1 / (y @ s)
        h = (identity - r * np.outer(s, y)) @ h @ (identity - r * np.outer(y, s)) + r * np.outer(s, s)
    return -h @ g


@pytest.mark.parametrize("history_size", [1, 3, 100])
def test_directions_are_those_of_the_dense_formula(history_size, rng):
    a, b = rng.normal(size=(5, 5)), rng.normal(size=5)
    gradient = lambda x: a.T @ np.tanh(a @ x) + 0.1 * x - b
    x0 = rng.normal(size=5)
    p = ag.Tensor(x0, requires_grad=True)
    lbfgs = optim.LBFGS([p], lr=0.3, max_iter=1, history_size=history_size)
    x, history, last = x0.copy(), [], None
    for step in range(12):

        def closure():
            p.grad = gradient(p.numpy())
            return 0.0

        lbfgs.step(closure)
        g = gradient(x)
        if last is not None and (g - last[1]) @ (x - last[0]) > 1e-10:
            history = [*history, (x - last[0], g - last[1])][-history_size:]
        last = x, g
        d = dense_direction(g, history)
        x = x + (min(1.0, 1 / np.abs(g).sum()) if step == 0 else 1.0) * 0.3 * d
        np.testing.assert_allclose(p.numpy(), x, rtol=1e-9)


def test_a_quadratic_is_solved_in_as_many_iterations_as_it_has_eigenvalues(rng):
    """With exact enough line searches L-BFGS is the conjugate gradient method."""
    q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a = (q * [1.0, 1.0, 4.0, 4.0, 9.0, 9.0]) @ q.T
    p = ag.Tensor(rng.normal(size=6), requires_grad=True)
    lbfgs = optim.LBFGS([p], max_iter=30, max_eval=200, line_search_fn="strong_wolfe", tolerance_grad=1e-10, tolerance_change=0)

    def closure():
        lbfgs.zero_grad()
        loss = 0.5 * (p @ a @ p)
        loss.backward()
        return loss

    lbfgs.step(closure)
    np.testing.assert_allclose(p.numpy(), 0.0, atol=1e-8)
    assert lbfgs.memory["n_iter"] < 20


FUNCTIONS = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "far away": (lambda t: (t - 300) ** 2 / 300, lambda t: 2 * (t - 300) / 300),
    "steep wall": (lambda t: -t + math.exp(min(8 * t - 4, 700)), lambda t: -1 + 8 * math.exp(min(8 * t - 4, 700))),
    "waves": (lambda t: -t - 0.3 * math.sin(5 * t) + 0.05 * t * t, lambda t: -1 - 1.5 * math.cos(5 * t) + 0.1 * t),
    "More and Thuente 1": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
    "More and Thuente 2": (
        lambda t: (t + 0.004) ** 5 - 2 * (t + 0.004) ** 4,
        lambda t: 5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("c2", [0.9, 0.1])
def test_the_step_meets_the_strong_wolfe_conditions(name, first, c2):
    f, slope = FUNCTIONS[name]
    evaluated = []

    def evaluate(t):
        evaluated.append(t)
        return Point(t, f(t), None, slope(t))

    start = Point(0.0, f(0.0), None, slope(0.0))
    assert start.slope < 0
    found, count = strong_wolfe(evaluate, start, first, 1.0, 1e-9, 60, c2=c2)
    assert count == len(evaluated)
    assert found.t in evaluated
    assert found.value <= f(0.0) + 1e-4 * found.t * slope(0.0)
    assert abs(slope(found.t)) <= c2 * abs(slope(0.0))


def test_a_loss_that_is_not_finite_shortens_the_step():
    """log(x) is NaN where the first step goes; the search comes back."""
    x = ag.Tensor([0.1], requires_grad=True)
    lbfgs = optim.LBFGS([x], lr=100.0, line_search_fn="strong_wolfe")

    def closure():
        value = x.numpy()[0]
        x.grad = np.array([1 - 1 / value if value > 0 else math.nan])
        return value - math.log(value) if value > 0 else math.nan

    for _ in range(5):
        lbfgs.step(closure)
    np.testing.assert_allclose(x.numpy(), 1.0, rtol=1e-5)


def test_the_closure_is_not_called_more_often_than_allowed():
    x = ag.Tensor(np.array([-1.2, 1.0]), requires_grad=True)
    calls = []

    def closure():
        calls.append(1)
        lbfgs.zero_grad()
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        loss.backward()
        return loss

    for most in (1, 2, 7):
        lbfgs = optim.LBFGS([x], max_eval=most, line_search_fn="strong_wolfe")
        calls.clear()
        lbfgs.step(closure)
        assert len(calls) <= most + 1  # the point where the search begins is always evaluated once more
        assert lbfgs.memory["func_evals"] == len(calls)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_ends_where_its_bracket_has_no_width_left(dtype):
    x = ag.Tensor(np.array([1.0, 2.0], dtype), requires_grad=True)
    lbfgs = optim.LBFGS(
        [x], max_iter=200, max_eval=2000, tolerance_change=0.0, tolerance_grad=0.0, line_search_fn="strong_wolfe"
    )

    def closure():
        lbfgs.zero_grad()
        loss = (np.exp(x) + x * x).sum()
        loss.backward()
        return loss

    for _ in range(5):
        lbfgs.step(closure)
    np.testing.assert_allclose(x.data, -0.35173371124919584, atol=1e-8 if dtype is np.float64 else 5e-4)  # -W(1/2)
