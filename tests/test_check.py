"""What the checkers take, say and return; `test_check_wrong.py` and `test_check_right.py` are their controls."""

import linecache
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag

X = np.array([[0.3, -1.2], [0.8, 2.0]])
wrong_at_one = ag.custom_op("wrong at one", np.sin, lambda g, _y, x: g * np.cos(x) * np.array([[1.0, 1.0], [1.0, 1.1]]))
half = ag.custom_op(
    "product with half a rule", np.multiply, lambda g, _y, a, b: g * b, lambda g, _y, a, b: g * raw(a), kind="elementwise"
)


def raw(x):
    while hasattr(x, "_data"):
        x = x._data
    return x


# gradcheck


def test_gradcheck_names_input_and_index():
    report = ag.check.gradcheck(lambda a, b: a.sum() + wrong_at_one(b), X, X)
    assert [row.where for row in report.rows if not row.ok] == ["input 1", "input 1[1, 1]"]
    assert "input 1[1, 1]" in str(report)
    assert "WRONG" in str(report)


def test_gradcheck_names_the_path_in_a_tree():
    report = ag.check.gradcheck(lambda p: p["w"].sum() + wrong_at_one(p["b"][1]), {"w": X, "b": [X, X]})
    assert [row.where for row in report.rows] == ["input 0['w']", "input 0['b'][0]", "input 0['b'][1]", "input 0['b'][1][1, 1]"]
    assert [row.ok for row in report.rows] == [True, True, False, False]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_right_gradients_pass_at_any_scale(scale):
    assert ag.check.gradcheck(lambda x: np.tanh(x / scale) * x, X * scale, order=2)


def test_single_precision_is_converted_and_integers_are_refused():
    assert ag.check.gradcheck(np.sin, X.astype(np.float32))
    with pytest.raises(ag.DTypeError, match="input 0 has dtype int64"):
        ag.check.gradcheck(np.sin, np.array([1, 2]))
    with pytest.raises(ag.DTypeError, match=r"returned float32 for inputs in double precision.*astype\(float\)"):
        ag.check.gradcheck(lambda x: np.sin(x).astype(np.float32), X)
    with pytest.raises(ag.ShapeError, match="one output at a time"):
        ag.check.gradcheck(lambda x: (x, x), X)


def test_inputs_are_not_changed():
    x = X.copy()
    ag.check.gradcheck(np.exp, x, order=2)
    ag.check.hvpcheck(lambda x: np.exp(x).sum(), x)
    ag.check.taylor_test(np.exp, x)
    ag.check.check_graph(np.exp, x)
    np.testing.assert_array_equal(x, X)


def notes(f, *inputs):
    return [row.note for row in ag.check.gradcheck(f, *inputs).rows]


def test_complex_step_is_used_where_every_op_is_analytic_there():
    cube = ag.custom_op("own cube", lambda x: x**3, lambda g, _y, x: 3 * g * x**2)
    modulus = ag.custom_op("own modulus", lambda x: np.sqrt((x * x.conj()).real), lambda g, _y, x: g * np.sign(x))
    assert notes(lambda x: np.log(1 + np.exp(x)) @ X, X) == ["complex step"]
    assert notes(lambda x: cube(x).sum() * np.maximum(x, 0.5), X) == ["complex step"]
    for other in (np.abs, ag.relu, modulus, lambda x: np.abs(np.fft.fft(x)), np.linalg.norm):
        assert notes(lambda x, other=other: other(np.sin(x)), X) == [""]
    assert notes(lambda x: np.sin(x) * float(x[0, 0] > 0), X) == ["complex step"]


def test_complex_step_sees_what_differences_cannot():
    nearly = ag.custom_op("nearly sine", np.sin, lambda g, _y, x: g * np.cos(x) * (1 + 1e-11))
    row = ag.check.gradcheck(nearly, X).rows[0]
    assert not row.ok
    assert row.tolerance < 1e-11
    assert ag.check.gradcheck(np.sin, X).max_error < 1e-14


def test_kinks_are_named_with_their_slopes():
    report = ag.check.gradcheck(ag.relu, np.zeros(1), mode="full")
    assert report
    assert report.rows[0].note.startswith("kink, slopes from ")
    outside = ag.custom_op("relu with 2 at 0", lambda x: np.maximum(x, 0), lambda g, _y, x: g * ((x > 0) + 2 * (x == 0)))
    assert not ag.check.gradcheck(outside, np.zeros(1))


def test_wild_functions_are_refused_rather_than_passed():
    assert ag.check.gradcheck(lambda x: np.sin(1e9 * np.abs(x)), np.array([0.3]))  # shorter steps are tried
    assert not ag.check.gradcheck(lambda x: np.sin(1e14 * np.abs(x)), np.array([0.3]))  # there are none short enough
    root = ag.custom_op("odd root", lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda g, _y, x: g * 0.0)
    report = ag.check.gradcheck(root, np.zeros(1))  # of infinite slope
    assert not report
    assert "give another step=" in str(report)


def test_infinite_gradients_do_not_pass():
    infinite = ag.custom_op("infinite", np.sin, lambda g, _y, x: g * np.inf)
    assert not ag.check.gradcheck(infinite, X)
    assert not ag.check.check_graph(infinite, X)


def test_symmetry_at_second_order():
    report = ag.check.gradcheck(lambda x: half(x[0], np.exp(x[1])), X, order=2)
    assert "u'Hv = v'Hu" in [row.where for row in report.failures]


# hvpcheck


def test_hvpcheck_rejects_an_unsymmetric_hessian_and_modes_that_differ():
    report = ag.check.hvpcheck(lambda x: half(x[0], np.exp(x[1])).sum(), X)
    assert not report
    assert not any(row.ok for row in report.rows if row.where == "u'Hv = v'Hu, reverse-over-reverse")
    misled = ag.custom_op("misled", np.exp, lambda g, y, _x: g * y, jvp=lambda t, y, _x: 1.001 * t[0] * y)
    failed = [row.where for row in ag.check.hvpcheck(lambda p: misled(p["x"]).sum(), {"x": X}).failures]
    assert "both modes, input 0['x']" in failed
    assert not any("reverse-over-reverse" in where for where in failed)


# taylor_test


def test_orders_and_exact_polynomials():
    np.testing.assert_allclose(ag.check.taylor_test(np.exp, X).orders, [1, 2, 3], atol=0.05)
    assert ag.check.taylor_test(lambda x: 3 * x, X).orders[1:] == [np.inf, np.inf]
    quadratic = ag.check.taylor_test(lambda p: (p["a"] * p["b"]).sum(), {"a": X, "b": X})
    np.testing.assert_allclose(quadratic.orders, [1, 2, np.inf], atol=0.05)
    assert ag.check.taylor_test(lambda x: 3.0, X).orders == [np.inf] * 3
    with pytest.raises(ag.DTypeError, match="real inputs"):
        ag.check.taylor_test(np.exp, X + 1j)


def test_taylor_plot_is_drawn(tmp_path):
    report = ag.check.taylor_test(np.exp, X)
    figure = report.plot(tmp_path / "taylor.png")
    assert (tmp_path / "taylor.png").stat().st_size > 10_000
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    assert len(figure.axes[0].get_legend().get_texts()) == 4
    ag.check.taylor_test(lambda x: 3 * x, X).plot()


# check_graph


def network(x):
    h = np.tanh(x @ X + x)
    return ag.logsumexp(np.concatenate([wrong_at_one(h) * 2.0, np.exp(-h)])).sum()


@pytest.mark.parametrize("watched", [True, False])
def test_check_graph_of_an_output(watched):
    x = ag.Tensor(X, requires_grad=True)
    if watched:
        with ag.detect_anomaly(check_nan=False):
            y = network(x)
    else:
        y = network(x)
    report = ag.check.check_graph(y)
    assert {row.op for row in report.failures} == {"wrong at one"}
    assert all(row.source.endswith("wrong_at_one(h) * 2.0, np.exp(-h)])).sum()") is watched for row in report.failures)
    assert {row.op for row in report.rows} >= {"matmul", "add", "tanh", "multiply", "negative", "exp", "concatenate", "sum"}
    y.backward()  # nothing was consumed


def test_values_that_nobody_kept_are_said_to_be_unknown():
    x = ag.Tensor(X, requires_grad=True)
    y = np.concatenate([x, np.ones((1, 2))])
    report = ag.check.check_graph(np.exp(y.sum(axis=0)))
    assert {row.op for row in report.failures} == {"concatenate", "sum", "exp"}
    assert not any(row.checked for row in report.failures)
    y = np.exp(x)
    y.backward(np.ones((2, 2)))
    report = ag.check.check_graph(y)  # freed, and computed again from the leaf
    assert report
    del x
    report = ag.check.check_graph(np.sin(y) + 0.0)
    assert not report
    assert "detect_anomaly(check_nan=False)" in report.failures[0].verdict
    assert "not checked" in str(report)


def test_check_graph_needs_a_graph():
    with pytest.raises(ag.GraphError, match="needs a recorded graph"):
        ag.check.check_graph(ag.Tensor(1.0))
    with pytest.raises(ag.GraphError, match="needs a recorded graph"):
        ag.check.check_graph(lambda x: 3.0, X)


def test_the_first_culprit_stands_first():
    def f(x):
        for _ in range(3):
            x = wrong_at_one(np.tanh(x))
        return x

    report = ag.check.check_graph(f, X)
    positions = [row.position for row in report.failures]
    assert positions == sorted(positions)
    assert len(set(positions)) == 3
    assert sum(line.lstrip().startswith("tanh, 3 nodes") for line in str(report).splitlines()) == 1


def test_check_graph_of_a_deep_graph_is_iterative():
    def f(x):
        for _ in range(3000):
            x = -x
        return x

    assert ag.check.check_graph(f, np.array(1.0))


# Reports


def test_report_carries_numbers_and_prints():
    report = ag.check.gradcheck(np.exp, X)
    assert report.max_error < 1e-9
    assert report.rows[0].analytic == pytest.approx(report.rows[0].numeric)
    assert bool(report)
    assert report.failures == []
    assert report.raise_if_failed() is report
    assert len(list(report)) == len(report.rows) + len(report.properties)
    assert len({len(line) for line in str(report).splitlines()[1:]}) > 1
    assert not ag.check.Report("empty")


def test_report_as_html_is_escaped():
    html = ag.check.gradcheck(lambda x: wrong_at_one(x), X)._repr_html_()
    assert html.startswith("<table>")
    assert "&lt;lambda&gt;" in html
    assert html.count("<tr>") == 1 + 2 + 7


def test_a_nan_never_passes():
    row = ag.check.Row("here", np.nan, np.nan, np.inf)
    assert not row.ok
    assert "no numeric value" in ag.check.Row("here", 1.0, np.nan, 1.0).verdict


# The page


def shape_of(text):
    """A printed table without its numbers, spacing and source lines."""
    text = re.sub(r"example\.py:.*", "LINE", text)
    return [re.sub(r"-?\d+(\.\d+)?(e[+-]\d+)?", "#", line).split() for line in text.strip().splitlines()]


def test_the_page_shows_what_its_code_prints(capsys):
    page = (Path(__file__).parent.parent / "docs" / "checking.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", page, re.DOTALL)
    assert sum(bool(text) for _, text in shown) == 4
    names = {}
    for code, text in shown:
        linecache.cache["example.py"] = (len(code), None, code.splitlines(keepends=True), "example.py")
        exec(compile(code, "example.py", "exec"), names)  # noqa: S102
        assert shape_of(capsys.readouterr().out) == shape_of(text)
