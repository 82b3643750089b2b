"""The strategies draw what they promise and shrink to little; assert_gradients passes right rules and explains wrong ones."""

import math
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_core as ag
from autograd_core import testing
from autograd_core.record import OPS
from autograd_core.testing.strategies import uneven

DRAWS = hypothesis.settings(max_examples=200, derandomize=True, database=None, deadline=None)


def sample(strategy):
    """Many draws, always the same."""
    found = []

    @DRAWS
    @given(strategy)
    def collect(x):
        found.append(x)

    collect()
    return found


def smallest(strategy, condition):
    """What an example that meets the condition shrinks to."""
    phases = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]
    settings = hypothesis.settings(max_examples=2000, derandomize=True, database=None, phases=phases)
    return hypothesis.find(strategy, condition, settings=settings)


def layout(x):
    if any(stride < 0 for stride in x.strides):
        return "reversed"
    if x.flags.c_contiguous:
        return "C"
    return "Fortran" if x.flags.f_contiguous else "gaps"


def test_arrays_come_in_all_kinds():
    found = sample(testing.arrays())
    assert {x.ndim for x in found} == {0, 1, 2, 3}
    assert {x.dtype for x in found} == {np.dtype(np.float32), np.dtype(np.float64)}
    assert {layout(x) for x in found} == {"C", "Fortran", "gaps", "reversed"}
    assert all(isinstance(x, np.ndarray) and np.all(np.abs(x) < 4) for x in found)
    assert any(0 in x for x in found)
    assert any(np.unique(x).size < x.size for x in found), "ties"
    assert any(1 in x.shape for x in found)
    assert any(x.size == 0 for x in sample(testing.arrays(testing.shapes(min_side=0))))
    assert {x.dtype for x in sample(testing.arrays((2,), np.complex64))} == {np.dtype(np.complex64)}


def test_single_and_double_precision_hold_the_same_values():
    for x in sample(testing.arrays(bounds=(-1e6, 3e6), dtype=np.float64)):
        np.testing.assert_array_equal(x.astype(np.float32), x)


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ({"positive": True}, lambda x: (x > 0) & (x < 4)),
        ({"bounds": (0, 1)}, lambda x: (x > 0) & (1.02 * x < 1)),
        ({"bounds": (1e3, 1e6)}, lambda x: (x * 0.98 > 1e3) & (x * 1.02 < 1e6)),
        ({"bounds": (-1e-3, 1e-3)}, lambda x: np.abs(x) < 1e-3),
        ({"away_from": (0, 1)}, lambda x: (np.abs(x) > 0.05) & (np.abs(x - 1) > 0.05)),
        ({"positive": True, "away_from": [1], "bounds": (-5, 9)}, lambda x: (x > 0) & (x < 9) & (np.abs(x - 1) > 0.05)),
        ({"distinct": True}, lambda x: np.unique(x).size == x.size),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_values_stay_in_their_domain(options, holds):
    found = sample(testing.arrays(**options))
    assert all(np.all(holds(x)) for x in found)
    assert len({float(v) for x in found for v in x.flat}) > 20


def test_arrays_shrink_to_simple_numbers_and_small_shapes():
    assert repr(smallest(testing.arrays(), lambda x: True)) == "array(0.)"
    assert repr(smallest(testing.arrays(), lambda x: np.any(x < 0))) == "array(-1.)"
    assert repr(smallest(testing.arrays(), lambda x: np.any(x > 1.3))) == "array(2.)"
    assert repr(smallest(testing.arrays(bounds=(0, 1)), lambda x: x.ndim == 2)) == "array([[0.5]])"
    assert repr(smallest(testing.arrays(positive=True), lambda x: x.size > 2)) == "array([1., 1., 1.])"
    assert layout(smallest(testing.arrays(), lambda x: x.shape == (2, 2))) == "C"
    assert smallest(testing.arrays(), lambda x: layout(x) == "reversed").shape == (1,)
    assert smallest(testing.arrays(), lambda x: x.dtype == np.float32).shape == ()


def test_tensors_require_gradients():
    assert all(isinstance(t, ag.Tensor) and t.requires_grad and t.is_leaf for t in sample(testing.tensors()))


def test_broadcastable_arrays_broadcast():
    found = sample(testing.mutually_broadcastable(3, positive=True))
    for group in found:
        assert len(group) == 3
        assert all(np.all(x > 0) for x in group)
        np.broadcast_shapes(*(x.shape for x in group))
    assert any(len({x.shape for x in group}) == 3 for group in found)
    assert any(len({x.dtype for x in group}) == 2 for group in found)


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_matrices_are_as_well_conditioned_as_promised(condition):
    found = sample(testing.well_conditioned(condition=condition, dtype=np.float64))
    assert all(np.all(np.linalg.cond(a) <= condition * (1 + 1e-9)) for a in found)
    assert any(not np.allclose(a, np.eye(a.shape[-1]) * a[..., :1, :1]) for a in found), "more than multiples of 1"
    assert {a.ndim for a in found} == {2, 3}
    if condition > 1:
        assert any(np.any(np.linalg.cond(a) > condition / 2) for a in found)


def test_spd_matrices_are_symmetric_and_positive():
    for a in sample(testing.spd(condition=50)):
        np.testing.assert_array_equal(a, a.mT)
        values = np.linalg.eigvalsh(a)
        assert np.all(values > 0.99)
        assert np.all(values < 50.1)


def test_distinct_singular_values_are_apart():
    for a in sample(testing.well_conditioned((3, 4), distinct=True, dtype=np.float64)):
        assert a.shape == (3, 4)
        assert np.all(np.diff(np.linalg.svd(a)[1]) < -0.5)
    for a in sample(testing.spd(distinct=True, dtype=np.float64)):
        assert np.all(np.diff(np.linalg.eigvalsh(a)) > 0.5)


def test_matrices_shrink_to_the_identity():
    for strategy in (testing.well_conditioned(), testing.spd()):
        np.testing.assert_array_equal(smallest(strategy, lambda a: a.shape[-1] == 3), np.eye(3))
    np.testing.assert_array_equal(smallest(testing.spd(), lambda a: np.any(np.diagonal(a) > 1.2)), [[1.5625]])


def test_indices_come_in_all_kinds():
    x = np.arange(12.0).reshape(2, 3, 2)
    found = sample(testing.indices(x.shape))
    parts = [part for index in found for part in (index if isinstance(index, tuple) else (index,))]
    assert {type(part) for part in parts} >= {int, slice, type(...), type(None), np.ndarray}
    assert any(isinstance(part, np.ndarray) and part.dtype == bool for part in parts)
    mixed = [i for i in found if isinstance(i, tuple) and {slice, np.ndarray} <= {type(part) for part in i}]
    assert mixed
    assert any(x[index].size > np.unique(x[index]).size for index in found), "repeated"
    for shape in ((), (3,), (0, 2)):
        for index in sample(testing.indices(shape)):
            np.zeros(shape)[index]


def test_cotangents_are_uneven():
    for shape, dtype in (((2, 3), np.float32), ((4,), np.complex128), ((), float), ((0, 2), float)):
        like = np.zeros(shape, dtype)
        found = sample(testing.cotangents(like))
        assert all(g.shape == shape and g.dtype == dtype for g in found)
        assert all(np.unique(np.abs(g.real)).size == g.size for g in found)
        assert like.size == 0 or len({g.tobytes() for g in found}) > 5
    with pytest.raises(ag.DTypeError, match="int64 has no cotangent"):
        testing.cotangents(np.arange(3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: testing.arrays(bounds=(1, 1)), ValueError, "the lower one first"),
        (lambda: testing.arrays(bounds=(0, math.inf)), ValueError, "two finite numbers"),
        (lambda: testing.arrays(positive=True, bounds=(-2, -1)), ValueError, "the lower one first"),
        (lambda: testing.arrays(bounds=(0, 1), away_from=np.linspace(0, 1, 500)), ValueError, "give wider bounds"),
        (lambda: testing.arrays(dtype=int), ag.DTypeError, "dtype=int64"),
        (lambda: testing.well_conditioned(condition=0.5), ValueError, "condition=0.5"),
        (lambda: testing.spd(condition=1, distinct=True), ValueError, "condition=1"),
        (lambda: testing.circuits(max_ops=0), ValueError, "max_ops=0"),
        (lambda: sample(testing.arrays((30, 30), distinct=True)), ag.ShapeError, "900 distinct values"),
        (lambda: sample(testing.spd((2, 3))), ag.ShapeError, r"symmetric matrices are \(..., n, n\)"),
        (lambda: sample(testing.well_conditioned((2,))), ag.ShapeError, r"matrices are \(..., m, n\)"),
        (lambda: testing.assert_gradients(np.sin), TypeError, "a strategy for each argument"),
        (lambda: testing.assert_gradients(np.sin, testing.arrays(), order=3), ValueError, "order=3"),
        (lambda: testing.assert_gradients(np.sin, st.just(1)), ag.DTypeError, "nothing to differentiate.*int"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("f", "strategies"),
    [
        (np.log, [testing.arrays(positive=True)]),
        (np.abs, [testing.tensors(away_from=[0])]),
        (np.arctanh, [testing.arrays(bounds=(-1, 1))]),
        (np.multiply, [testing.mutually_broadcastable()]),
        (np.sum, [testing.arrays(testing.shapes(min_side=0)), st.just(None), st.just(None)]),
        (np.sort, [testing.arrays(testing.shapes(min_dims=1), distinct=True)]),
        (np.linalg.inv, [testing.well_conditioned()]),
        (lambda a: np.linalg.cholesky((a + a.mT) / 2), [testing.spd()]),
        (lambda x, i: x[i], [testing.arrays((3, 2)), testing.indices((3, 2))]),
        (np.exp, [testing.arrays(dtype=np.complex128)]),
        (lambda circuit, *inputs: circuit(*inputs), [testing.circuits(max_ops=4).map(lambda c: (c, *c.point))]),
    ],
)
def test_right_derivatives_pass(f, strategies):
    testing.assert_gradients(f, *strategies)


def test_arguments_may_be_dicts_and_python_floats():
    layer = st.fixed_dictionaries({"w": testing.arrays((2, 3)), "b": st.tuples(testing.arrays((3,)), st.just(2))})
    testing.assert_gradients(lambda p, power: (np.tanh(p["w"]) + p["b"][0]) ** p["b"][1] * power, layer, st.just(0.5))
    testing.assert_gradients(lambda p: np.sin(p["w"]).sum(), layer)
    testing.assert_gradients(np.sin, st.floats(-2, 2))
    testing.assert_gradients(lambda z: z * z, st.complex_numbers(min_magnitude=0.5, max_magnitude=2))
    wrong = ag.custom_op("wrong", np.sin, lambda g, _y, x: g * np.cos(x) * 1.01)
    table, note = failure_of(lambda n, p: n * wrong(p["w"]).sum(), st.just(2), layer, order=1)
    assert "input 1['w'] " in table
    assert "{'w': array(" in note
    assert "argument 0: 1.0" in failure_of(lambda x: wrong(x) + x, st.floats(0.5, 2).map(round).map(float), order=1)[1]


def failure_of(f, *strategies, **options):
    with pytest.raises(ag.check.CheckError) as caught:
        testing.assert_gradients(f, *strategies, examples=200, **options)
    return str(caught.value), caught.value.__notes__[0]


def test_a_wrong_rule_shrinks_to_a_small_input_with_its_table():
    odd = ag.custom_op("odd", np.sin, lambda g, _y, x: g * np.cos(x) * (1 + 0.001 * (x < 0)))
    table, note = failure_of(odd, testing.arrays())
    assert "derivatives of odd: FAILED" in table
    assert re.search(r"input 0, order 1 .*WRONG", table)
    assert note == "The smallest input found to fail:\n  argument 0: array(-1.) (float64, shape ())"


def test_a_rule_wrong_for_many_elements_shrinks_to_just_as_many():
    _, note = failure_of(
        ag.custom_op("three", np.sin, lambda g, _y, x: g * np.cos(x) * (1.01 if np.size(x) > 2 else 1)), testing.arrays()
    )
    assert "array([0., 0., 0.])" in note


def test_a_rule_wrong_in_one_memory_layout_is_found():
    def rule(g, _y, x):
        return g * np.cos(x) * (1.01 if any(stride < 0 for stride in getattr(x, "strides", ())) else 1)

    _, note = failure_of(ag.custom_op("layouts", np.sin, rule), testing.arrays(dtype=np.float64), order=1)
    assert "argument 0" in note


def test_a_wrong_second_derivative_is_found_by_order_2_only():
    wrong = ag.custom_op("minus cosine", np.cos, lambda g, _y, x: g * np.sin(x))
    first_right = ag.custom_op("sine with it", np.sin, lambda g, _y, x: g * wrong(x))
    testing.assert_gradients(first_right, testing.arrays(), order=1)
    table, _ = failure_of(first_right, testing.arrays())
    assert re.search(r"order 2 .*WRONG", table)
    assert re.search(r"u'Hv by differences.*WRONG", table)


def test_forward_mode_that_disagrees_is_found():
    op = ag.custom_op("forward wrong", np.sin, lambda g, _y, x: g * np.cos(x), jvp=lambda t, _y, x: t[0] * np.cos(x) * 1.01)
    table, _ = failure_of(op, testing.arrays(), order=1)
    assert re.search(r"<J'v, u> = <v, Ju> .*WRONG", table)


def test_other_errors_carry_the_input_too():
    with pytest.raises(ag.ShapeError) as caught:
        testing.assert_gradients(np.add, testing.arrays(), testing.arrays(), examples=200)
    assert "argument 1: array([0., 0., 0.])" in caught.value.__notes__[0]


def test_strides_and_plain_arguments_are_shown():
    wrong = ag.custom_op("scaled", lambda x: 2 * x, lambda g, _y, _x: g)
    backwards = testing.arrays((2,), np.float64).filter(lambda x: x.strides[0] < 0)
    _, note = failure_of(lambda x, power: wrong(x) ** power, backwards, st.just(3), order=1)
    assert "strides (-8,)" in note
    assert note.endswith("argument 1: 3")


@pytest.mark.parametrize(
    ("op", "line"),
    [
        ("tanh", r"np\.tanh\(x0\)"),
        ("cumsum", r"np\.cumsum\(x0, axis=0\)"),
        ("multiply", r"x0 [*@] x0|np\.multiply\.outer\(x0, x0\)"),
    ],
)
def test_a_wrong_op_within_circuits_shrinks_to_that_op_alone(op, line, monkeypatch):
    broken = tuple(rule and (lambda *args, rule=rule: rule(*args) * 1.01) for rule in OPS[op].rules)
    monkeypatch.setattr(OPS[op], "rules", broken)

    def wrong(circuit):
        rng = np.random.default_rng(0)
        u = [uneven(x, rng) for x in circuit.point]
        y, pullback = ag.vjp(circuit, *circuit.point)
        v = uneven(np.asarray(y), rng)
        found = sum(np.sum(g * d) for g, d in zip(pullback(v), u, strict=True))
        expected = np.sum(v * testing.complex_step(circuit, circuit.point, u))
        return abs(found - expected) > 1e-9 * (1 + abs(expected))

    vectors = testing.arrays(testing.shapes(min_dims=1), np.float64, bounds=(0, 2))
    circuit = smallest(testing.circuits(inputs=st.tuples(vectors), holomorphic=True), wrong)
    assert len(circuit) == 1, circuit
    assert re.fullmatch(rf"v0 = ({line})", circuit.steps[0]), circuit
    assert circuit.point[0].shape == (1,)


def test_the_complex_step_is_exact_and_independent():
    x, u = np.array([0.3, -2.0]), np.array([1.0, 0.5])
    np.testing.assert_allclose(testing.complex_step(np.sin, (x,), (u,)), np.cos(x) * u, rtol=1e-15)
    np.testing.assert_allclose(testing.complex_step(np.multiply, (x, x), (u, 2 * u)), 3 * x * u, rtol=1e-15)


def test_draws_repeat_when_derandomized():
    def points():
        return [repr(c) for c in sample(testing.circuits())]

    assert points() == points()


def test_the_failure_shown_in_the_documents_is_a_real_one(capsys):
    page = (Path(__file__).parent.parent / "docs" / "property-testing.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "except" in block)
    exec(code, {"ag": ag, "np": np})  # noqa: S102
    assert capsys.readouterr().out == re.search(r"```\n(derivatives of.*?)```", page, re.DOTALL).group(1)


def test_without_hypothesis_the_pip_line_is_shown():
    code = (
        "import sys\n"
        "sys.modules['hypothesis'] = None\n"
        "import autograd_core as ag\n"
        "try:\n"
        "    import autograd_core.testing\n"
        "except ag.MissingExtraError as error:\n"
        "    assert \"pip install 'autograd-core[test]'\" in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
