"""Negative controls: wrong rules of every kind are rejected, also buried in a circuit of right ones; and named there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

W = np.array([[0.4, -0.7, 0.2], [0.1, 0.9, -0.3], [-0.5, 0.3, 0.8]])
X = np.array([[0.3, -1.2, 0.7], [0.8, 2.0, -0.4], [1.1, -0.6, 0.5]])


def raw(x):
    while hasattr(x, "_data"):
        x = x._data
    return x


@dataclass
class Wrong:
    forward: Any
    rules: tuple
    apply: Any = lambda op, x: op(x)  # how the op is used on a (3, 3) array
    kind: str = ""
    order: int = 1
    point: Any = None  # where it shows, if not everywhere
    by: str = "gradcheck"  # "gradcheck", or "check_graph" where the engine mends the gradient itself


SIN = lambda rule, **options: Wrong(np.sin, (rule,), **options)
SCRATCH = np.empty((3, 3))
NOISE = np.random.default_rng(0)
wrong_cosine = ag.custom_op("cosine with a wrong derivative", np.cos, lambda g, _y, x: g * np.sin(x))


def into_scratch(g, _y, x):
    return np.multiply(g, np.cos(x), out=SCRATCH) if g.shape == (3, 3) and not isinstance(g, ag.Tensor) else g * np.cos(x)


def changes_argument(g, _y, x):
    c = np.array(np.cos(x))
    x *= 1.5
    return g * c


def changes_output(g, y, _x):
    c = g * y
    y += 1.0
    return c


def changes_cotangent(g, _y, x):
    g *= np.cos(x)
    return g


WRONG = {
    "sign": SIN(lambda g, _y, x: -g * np.cos(x)),
    "factor of 1.0005": SIN(lambda g, _y, x: 1.0005 * g * np.cos(x)),
    "offset of 1e-6": SIN(lambda g, _y, x: g * np.cos(x) - 1e-6),
    "factor of 1 + 1e-8": SIN(lambda g, _y, x: g * np.cos(x) * (1 + 1e-8)),
    "gradients below 1e-6": Wrong(lambda x: 1e-9 * np.sin(x), (lambda g, _y, x: 1.01e-9 * g * np.cos(x),)),
    "transposed": SIN(lambda g, _y, x: (g * np.cos(x)).T),
    "cotangent ignored": SIN(lambda g, _y, x: np.cos(x) * np.ones_like(g)),
    "cotangent squared": SIN(lambda g, _y, x: g * np.abs(g) * np.cos(x)),
    "wrong at one element": SIN(lambda g, _y, x: g * np.cos(x) * (1 + 0.1 * np.eye(3)[1])),
    "clipped": Wrong(lambda x: 3 * x, (lambda g, _y, _x: np.clip(3 * g, -2, 2),)),
    "NaN": SIN(lambda g, _y, x: g * np.nan),
    "zero": SIN(lambda g, _y, x: g * 0.0),
    "integer": Wrong(lambda x: 2.5 * x, (lambda g, _y, _x: (2.5 * g).astype(int),)),
    "arguments exchanged": Wrong(
        np.multiply, (lambda g, _y, a, _b: g * a, lambda g, _y, _a, b: g * b), lambda op, x: op(x, np.cos(x)), "elementwise"
    ),
    "broadcasting not undone": Wrong(np.add, (lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g), lambda op, x: op(x, x[0])),
    "broadcasting undone along the wrong axis": Wrong(
        np.add, (lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g.sum(axis=1)), lambda op, x: op(x, x[0])
    ),
    "another shape": Wrong(lambda x: x.sum(axis=0), (lambda g, _y, _x: g,), lambda op, x: op(x) * x),
    "mean for a sum": Wrong(
        lambda x: x.sum(axis=0), (lambda g, _y, x: np.broadcast_to(g, np.shape(x)) / 3,), lambda op, x: op(x) * x
    ),
    "scan in the wrong direction": Wrong(lambda x: np.cumsum(x, axis=0), (lambda g, _y, _x: np.cumsum(g, axis=0),)),
    "matrix of a product not transposed": Wrong(lambda x: x @ W, (lambda g, _y, _x: g @ W,)),
    "not the same twice": SIN(lambda g, _y, x: g * np.cos(x) * (1 + 1e-5 * NOISE.normal())),
    "changes its argument": SIN(changes_argument),
    "changes its output": Wrong(np.exp, (changes_output,)),
    "changes its cotangent": SIN(changes_cotangent),
    "hands out its scratch memory": SIN(into_scratch),
    "every tied maximum gets all": Wrong(
        lambda x: x.max(axis=0), (lambda g, y, x: g * (x == y),), lambda op, x: op(x) * x, point=np.round(X)
    ),
    "wrong at zero": Wrong(np.square, (lambda g, _y, x: g * (2 * x + 1.0 * (x == 0)),), point=np.round(X)),
    "not between the slopes of a kink": Wrong(np.abs, (lambda g, _y, x: g * (np.sign(x) + 1.2 * (x == 0)),), point=np.round(X)),
    "wrong at second order": SIN(lambda g, _y, x: g * wrong_cosine(x), order=2),
    "cut at second order": SIN(lambda g, _y, x: g * np.cos(raw(x)), order=2),
    "wrong conjugation": Wrong(
        lambda x: np.exp(1j * x), (lambda g, _y, x: g * -1j * np.exp(-1j * x),), lambda op, x: np.real(op(x) * (1 + 2j))
    ),
    "double precision": SIN(lambda g, _y, x: np.multiply(g, np.cos(x), dtype=np.float64), by="check_graph"),
    "said to be linear": Wrong(
        lambda x: np.sin(x) + x, (lambda g, _y, x: g * (np.cos(x) + 1),), kind="linear", by="check_graph"
    ),
    "returns its argument": Wrong(lambda x: 0.5 * np.sum(x * x), (lambda _g, _y, x: x,), lambda op, x: op(x) * x),
}
NAMES = list(WRONG)


def used(name, wrong):
    op = ag.custom_op(f"wrong: {name}", wrong.forward, *wrong.rules, kind=wrong.kind)
    return lambda x: wrong.apply(op, x)


def rejected(check, *args, **options):
    """A report that is falsy, or the error with which the engine refused the rule while it was checked."""
    try:
        report = check(*args, **options)
    except (ag.AutogradError, ValueError) as error:
        return "rule" in str(error) or "read-only" in str(error)
    with pytest.raises(ag.check.CheckError, match=r"FAILED[\s\S]*WRONG"):
        report.raise_if_failed()
    return not report


@pytest.mark.parametrize("name", [name for name in NAMES if WRONG[name].by == "gradcheck"])
def test_gradcheck_rejects_a_rule_that_is(name):
    wrong = WRONG[name]
    with np.errstate(all="ignore"):
        assert rejected(ag.check.gradcheck, used(name, wrong), X if wrong.point is None else wrong.point, order=wrong.order)


def circuit(part, point=None):
    """Many right ops around one that may be wrong."""

    def f(x):
        h = np.tanh(x @ W) * 1.5 + np.exp(-(x**2))
        h = np.where(h > 0.2, h, 0.3 * h) / (1.0 + np.abs(x).sum())
        h = part(h if point is None else 0.0 * h + point) + h.max() - np.linalg.norm(h, axis=0)  # here
        return ag.logsumexp(h * ag.sigmoid(h), axis=0).sum() + (h**2).mean() + np.cumsum(h, axis=1)[0, 1:].prod()

    return f


@pytest.mark.parametrize("name", NAMES)
def test_check_graph_names_the_op_and_the_line_in_a_circuit_of_right_ones(name):
    wrong = WRONG[name]
    report = ag.check.check_graph(circuit(used(name, wrong), wrong.point), X, order=wrong.order)
    assert not report
    assert {row.op for row in report.failures} == {f"wrong: {name}"}
    assert all("test_check_wrong.py" in row.source for row in report.failures)
    assert f"wrong: {name}" in str(report).splitlines()[2]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cotangent ignored", "not zero for a zero cotangent; not linear in the cotangent"),
        ("not the same twice", "another value when called again"),
        ("changes its argument", "changes argument 0"),
        ("changes its output", "changes the output"),
        ("changes its cotangent", "read-only"),
        ("returns its argument", "returns memory of argument 0"),
        ("double precision", "returns float64 where everything is float32"),
        ("broadcasting not undone", r"returned shape \(3, 3\) for an argument of shape \(3,\)"),
    ],
)
def test_check_graph_says_what_a_rule_does(name, words):
    wrong = WRONG[name]
    with pytest.raises(ag.check.CheckError, match=words):
        ag.check.check_graph(used(name, wrong), X).raise_if_failed()


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("not the same twice", "deterministic"),
        ("cotangent ignored", "zero cotangent gives zero"),
        ("cotangent squared", "linear in the cotangent"),
    ],
)
def test_gradcheck_names_the_property(name, row):
    report = ag.check.gradcheck(used(name, WRONG[name]), X)
    assert row in [failure.where for failure in report.failures]


def test_the_circuit_itself_is_right():
    part = lambda x: np.sin(x)
    assert ag.check.check_graph(circuit(part), X, order=2)
    assert ag.check.gradcheck(circuit(part), X, order=2)
    assert ag.check.hvpcheck(circuit(part), X)
    assert ag.check.taylor_test(circuit(part), X)


@pytest.mark.parametrize("name", ["sign", "factor of 1.0005", "offset of 1e-6", "wrong at one element", "zero"])
def test_taylor_test_rejects_a_wrong_gradient(name):
    report = ag.check.taylor_test(circuit(used(name, WRONG[name])), X)
    assert not report
    assert report.rows[0].ok
    assert not report.rows[1].ok


@pytest.mark.parametrize("name", ["wrong at second order", "cut at second order"])
def test_taylor_test_and_hvpcheck_reject_a_wrong_hessian(name):
    f = circuit(used(name, WRONG[name]))
    report = ag.check.taylor_test(f, X)
    assert [row.ok for row in report.rows] == [True, True, False]
    assert report.orders[2] == pytest.approx(2, abs=0.1)
    assert not ag.check.hvpcheck(f, X)
