"""The checkers pass right derivatives and reject wrong ones, naming where."""

import numpy as np
import pytest

import autograd_core as ag

X = np.array([[0.3, -1.2], [0.8, 2.0]])


def wrong(name, rule, forward=np.sin):
    op = ag.primitive(name, forward, rule)
    return lambda x: op(x) * 2.0


WRONG = {
    "sign": lambda g, _y, x: -g * np.cos(x),
    "factor of 1.0005": lambda g, _y, x: g * np.cos(x) * 1.0005,
    "cotangent ignored": lambda g, _y, x: np.cos(x) * np.ones_like(g),
    "transposed": lambda g, _y, x: (g * np.cos(x)).T,
    "wrong at one element": lambda g, _y, x: g * np.cos(x) * np.array([[1.0, 1.0], [1.0, 1.1]]),
    "too small by an absolute 1e-6": lambda g, _y, x: g * np.cos(x) - 1e-6,
    "NaN": lambda g, _y, x: g * np.nan,
}


@pytest.mark.parametrize("name", WRONG)
def test_gradcheck_rejects(name):
    report = ag.check.gradcheck(wrong(f"wrong {name}", WRONG[name]), X)
    assert not report
    with pytest.raises(ag.check.CheckError, match="FAILED"):
        report.raise_if_failed()


def test_gradcheck_names_input_and_index():
    f = wrong("wrong at one", WRONG["wrong at one element"])
    report = ag.check.gradcheck(lambda a, b: a.sum() + f(b), X, X)
    failed = [row.where for row in report.rows if not row.ok]
    assert failed == ["input 1", "input 1[1, 1]"]
    assert "input 1[1, 1]" in str(report)
    assert "WRONG" in str(report)


def test_gradients_below_1e_6_are_checked_as_sharply():
    op = ag.primitive("tiny", lambda x: 1e-9 * np.sin(x), lambda g, _y, x: g * 1.01e-9 * np.cos(x))
    assert not ag.check.gradcheck(op, X)


def test_rule_wrong_only_at_second_order():
    def rule(g, _y, x):
        return g * np.asarray(np.cos(x.numpy() if isinstance(x, ag.Tensor) else x))  # cuts the graph of x

    f = wrong("cut", rule)
    assert ag.check.gradcheck(f, X)
    assert not ag.check.gradcheck(f, X, order=2)


def test_hvpcheck_rejects_a_wrong_second_derivative():
    op = ag.primitive("first right, second wrong", np.sin, lambda g, _y, x: g * _wrong_cos(x))
    assert ag.check.gradcheck(op, X)
    assert not ag.check.hvpcheck(lambda x: op(x).sum(), X)


_wrong_cos = ag.primitive("cos with the sign of its derivative wrong", np.cos, lambda g, _y, x: g * np.sin(x))


def test_hvpcheck_rejects_an_unsymmetric_hessian():
    half = ag.primitive("product with half a rule", np.multiply, lambda g, _y, a, b: g * b, lambda g, _y, a, b: g * raw(a))
    report = ag.check.hvpcheck(lambda x: half(x[0], np.exp(x[1])).sum(), X)
    assert not report


def raw(x):
    return x.numpy() if isinstance(x, ag.Tensor) else x


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_right_gradients_pass_at_any_scale(scale):
    assert ag.check.gradcheck(lambda x: np.tanh(x / scale) * x, X * scale, order=2)


def test_float32_and_integers():
    assert ag.check.gradcheck(np.sin, X.astype(np.float32))
    with pytest.raises(ag.DTypeError, match="input 0 has dtype int64"):
        ag.check.gradcheck(np.sin, np.array([1, 2]))
    with pytest.raises(ag.ShapeError, match="one output at a time"):
        ag.check.gradcheck(lambda x: (x, x), X)


def test_inputs_are_not_changed():
    x = X.copy()
    ag.check.gradcheck(np.exp, x, order=2)
    ag.check.hvpcheck(lambda x: np.exp(x).sum(), x)
    np.testing.assert_array_equal(x, X)


def test_report_carries_numbers():
    report = ag.check.gradcheck(np.exp, X)
    assert report.max_error < 1e-9
    assert report.rows[0].analytic == pytest.approx(report.rows[0].numeric)
    assert bool(report)
    assert not ag.check.Report("empty")
