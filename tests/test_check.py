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


def test_kinks_whose_slopes_are_not_known_do_not_pass():
    wrong_abs = ag.custom_op("abs with 1.2 at 0", np.abs, lambda g, _y, x: g * (np.sign(x) + 1.2 * (x == 0)))
    # beside 0 the second element leaves the domain, so that nothing is seen of other slopes nearby
    rows = ag.check.gradcheck(
        lambda x: wrong_abs(x[0]) + np.arcsin(1e6 * x[1]) + x[2], np.array([0.0, 0.0, 1.0]), mode="full"
    ).rows
    assert next(row.note for row in rows if not row.ok and row.where == "input 0[0]").startswith("kink, slopes from")


def test_infinite_gradients_do_not_pass():
    infinite = ag.custom_op("infinite", np.sin, lambda g, _y, x: g * np.inf)
    assert not ag.check.gradcheck(infinite, X)
    assert not ag.check.check_graph(infinite, X)


def test_symmetry_at_second_order():
    report = ag.check.gradcheck(lambda x: half(x[0], np.exp(x[1])), X, order=2)
    assert "u'Hv = v'Hu" in [row.where for row in report.failures]


def test_a_rule_that_writes_into_its_cotangent_is_a_failed_row():
    def in_place(g, _y, x):
        g *= np.cos(x)
        return g

    op = ag.custom_op("sine in place", np.sin, in_place)
    for report in (ag.check.gradcheck(op, X), ag.check.hvpcheck(lambda x: op(x).sum(), X)):
        assert not report
        assert re.search(r"nothing given is changed .*WRONG: in_place, test_check\.py:\d+: writes into", str(report))
    with pytest.raises(ValueError, match="of its own"):
        ag.check.gradcheck(ag.custom_op("raises", np.sin, lambda g, _y, x: refuse()), X)


def refuse():
    raise ValueError("an error of its own")


@pytest.mark.parametrize("guard", [ag.no_grad, ag.enable_grad, lambda: ag.detect_anomaly(check_nan=False)])
def test_checkers_record_also_where_recording_is_off(guard):
    f = lambda x: (np.sin(x) * x).sum()
    recording = lambda: (ag.Tensor(1.0, requires_grad=True) * 2.0).requires_grad
    with guard():
        before = recording()
        assert ag.check.gradcheck(f, X, order=2)
        assert ag.check.hvpcheck(f, X)
        assert ag.check.taylor_test(f, X).orders == pytest.approx([1, 2, 3], abs=0.05)
        assert ag.check.check_graph(f, X, order=2)
        with pytest.raises(ag.DTypeError):
            ag.check.gradcheck(f, np.array([1, 2]))
        assert recording() is before


def test_nothing_is_printed_by_the_probe_for_the_complex_step(recwarn):
    takes_real_part = ag.custom_op("real part", lambda x: np.asarray(x).astype(float), lambda g, _y, _x: g)
    assert notes(takes_real_part, X) == [""]
    assert [str(w.message) for w in recwarn] == []


# hvpcheck


def test_hvpcheck_names_the_element_and_the_input():
    cosine = ag.custom_op(
        "cosine", np.cos, lambda g, _y, x: -g * np.sin(x) * np.array([[1.0, 1.0], [1.0, 1.0001]]), kind="elementwise"
    )
    sine = ag.custom_op("sine", np.sin, lambda g, _y, x: g * cosine(x))
    report = ag.check.hvpcheck(lambda a, b: a.sum() ** 3 + (sine(b) * b).sum(), X, X)
    failed = [row.where for row in report.failures]
    where = "u'Hv by differences, reverse-over-reverse, input 1"
    assert failed[:2] == [where, f"{where}[1, 1]"]
    assert not any("input 0" in name for name in failed)


def test_hvpcheck_refuses_what_has_no_hessian_or_none_that_can_be_measured():
    with pytest.raises(ag.DTypeError, match="real inputs and a real output"):
        ag.check.hvpcheck(lambda z: np.abs(z).sum(), X + 1j)
    with pytest.raises(ag.DTypeError, match="real inputs and a real output"):
        ag.check.hvpcheck(lambda x: (x * 1j).sum(), X)
    with pytest.raises(ag.ShapeError, match=r"returned shape \(2, 2\)"):
        ag.check.hvpcheck(np.exp, X)
    assert not ag.check.hvpcheck(lambda a: np.linalg.norm(a, 2), np.eye(3))  # three singular values are equal
    outside = ag.custom_op("square of relu with 3 at 0", np.square, lambda g, _y, x: g * hinge(x))
    assert not ag.check.hvpcheck(lambda x: outside(x).sum(), np.array([0.0, 1.0, 2.0]))


hinge = ag.custom_op("slope 3 at 0", lambda x: 2 * x, lambda g, _y, x: g * np.where(x == 0, 3.0, 2.0))


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
    axes = report.plot(tmp_path / "taylor.png")
    assert (tmp_path / "taylor.png").stat().st_size > 10_000
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert len(axes.get_legend().get_texts()) == 4
    ag.check.taylor_test(lambda x: 3 * x, X).plot()


def test_taylor_test_says_that_a_point_is_not_smooth():
    for f in (np.abs, ag.relu, np.max, np.linalg.norm):
        report = ag.check.taylor_test(f, np.zeros(3))
        assert [row.ok for row in report.rows] == [True, False, False]
        assert "WRONG (a kink here: give a smooth point)" in str(report)
    report = ag.check.taylor_test(lambda x: x * np.abs(x), np.zeros(3))
    assert [row.note for row in report.rows] == ["", "", "a kink here: give a smooth point"]
    root = ag.check.taylor_test(lambda x: np.abs(x) ** 1.5, np.zeros(3))
    assert "no clear order: give another step=" in str(root)
    wrong = ag.check.taylor_test(wrong_at_one, X)
    assert not wrong
    assert [row.note for row in wrong.rows] == ["", "", ""]
    assert ag.check.taylor_test(lambda x: (np.sin(x) ** 2 + np.cos(x) ** 2).sum(), X).orders == [np.inf] * 3


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


def test_a_wrong_rule_of_an_op_that_reads_a_triangle_is_found_at_order_2():
    lower = lambda x: np.tril(raw(x))
    half = ag.custom_op("lower half", lower, lambda g, _y, x: np.tril(g) * (1 + 0.0 * np.sum(x)))
    spd = X @ X.T + np.eye(2)
    symmetric = lambda op: lambda a: op((a + a.T) / 2)
    cubed = lambda scale: ag.custom_op(
        f"cube of half, {scale}", lambda x: np.tril(x) ** 3, lambda g, _y, x: np.tril(g * slope(x, scale))
    )
    slope = lambda x, scale: squared(scale)(x)
    squared = lambda scale: ag.custom_op("3 x^2", lambda x: 3 * np.tril(x) ** 2, lambda g, _y, x: np.tril(g * scale * 6 * x))
    assert ag.check.check_graph(symmetric(cubed(1.0)), spd, order=2)
    report = ag.check.check_graph(symmetric(cubed(1.01)), spd, order=2)
    assert {row.op for row in report.failures} == {"cube of half, 1.01"}
    assert all("order 2" in row.where for row in report.failures)
    assert ag.check.check_graph(symmetric(half), spd, order=2)


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
