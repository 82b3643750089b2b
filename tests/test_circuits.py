"""Whole random circuits against the complex step, which runs the same code on plain NumPy arrays and no engine.

`HYPOTHESIS_PROFILE=deep` draws two thousand circuits for each test.
"""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd_core as ag
from autograd_core.check.numeric import extrapolated
from autograd_core.testing import Circuit, circuits, complex_step
from autograd_core.testing.strategies import uneven

HOLOMORPHIC = circuits(holomorphic=True)
SEEDS = st.integers(0, 2**32 - 1)
RTOL = 1e-12  # circuits are well conditioned: all that is left is rounding, of terms of size 1 and more that may cancel
MODES = ["reverse-over-reverse", "forward-over-reverse"]


def drawn(circuit, seed):
    """A cotangent of the output and a direction of the inputs."""
    rng = np.random.default_rng(seed)
    return uneven(np.asarray(circuit(*circuit.point)), rng), [uneven(x, rng) for x in circuit.point]


def projected(circuit, v):
    """The real function <v, circuit(x)>, on arrays and Tensors alike."""
    return lambda *arrays: np.sum(v * circuit(*arrays))


def gradient_by_complex_step(f, point):
    """Every partial derivative on its own."""
    found = []
    for k, x in enumerate(point):
        g = np.empty(x.shape)
        for index in np.ndindex(x.shape):
            u = [np.zeros(a.shape) for a in point]
            u[k][index] = 1.0
            g[index] = complex_step(f, point, u)
        found.append(g)
    return found


def assert_close(found, expected):
    """Equal but for rounding, relative to the largest element of all and to the cotangent."""
    size = 1 + max(np.max(np.abs(x), initial=0.0) for x in expected)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=0, atol=RTOL * size)


@given(HOLOMORPHIC, SEEDS)
def test_gradients_agree_with_the_complex_step(circuit, seed):
    v, _ = drawn(circuit, seed)
    y, pullback = ag.vjp(circuit, *circuit.point)
    np.testing.assert_allclose(y, circuit(*circuit.point), rtol=1e-13)
    assert_close(pullback(v), gradient_by_complex_step(projected(circuit, v), circuit.point))


@given(HOLOMORPHIC, SEEDS)
def test_tangents_agree_with_the_complex_step(circuit, seed):
    _, u = drawn(circuit, seed)
    y, tangent = ag.jvp(circuit, circuit.point, u)
    np.testing.assert_allclose(y, circuit(*circuit.point), rtol=1e-13)
    assert_close([np.asarray(tangent)], [complex_step(circuit, circuit.point, u)])


@given(circuits(), SEEDS)
def test_forward_mode_agrees_with_reverse_mode(circuit, seed):
    v, u = drawn(circuit, seed)
    tangent = v * ag.jvp(circuit, circuit.point, u)[1]
    terms = np.concatenate([np.ravel(g * d) for g, d in zip(ag.vjp(circuit, *circuit.point)[1](v), u, strict=True)])
    size = 1 + np.sum(np.abs(terms)) + np.sum(np.abs(tangent))
    np.testing.assert_allclose(np.sum(terms), np.sum(tangent), rtol=0, atol=RTOL * size)


@pytest.mark.parametrize("mode", MODES)
@given(circuit=HOLOMORPHIC, seed=SEEDS)
def test_hessian_vector_products_agree_with_the_complex_step(mode, circuit, seed):
    """`u' H w` is the derivative along w of the derivative along u: the complex step, extrapolated over real steps."""
    v, u = drawn(circuit, seed)
    w = [uneven(x, np.random.default_rng(seed + 1)) for x in circuit.point]
    f = projected(circuit, v)
    moved = lambda t: [x + t * d for x, d in zip(circuit.point, w, strict=True)]
    numeric, error, *_ = extrapolated(lambda t: np.asarray(complex_step(f, moved(t), u)), 0.02)
    hw = ag.hvp(f, circuit.point, tuple(w), mode=mode)
    terms = np.concatenate([np.ravel(a * b) for a, b in zip(hw, u, strict=True)])
    assert abs(np.sum(terms) - numeric) <= 10 * error + 1e-9 * (1 + np.sum(np.abs(terms)))


# three cotangents meet at x1: the first two do not move, the third does
@example(Circuit(["v0 = x1 + x1", "v1 = x0 + x1", "v2 = v1 ** 2"], "v2 + np.sum(v0)", (np.array(0.0), np.array([0.0]))), 0)
@given(circuits(), SEEDS)
def test_both_hessian_vector_products_are_the_same_and_symmetric(circuit, seed):
    v, u = drawn(circuit, seed)
    w = [uneven(x, np.random.default_rng(seed + 1)) for x in circuit.point]
    f = projected(circuit, v)
    (hw, forward), (hu, _) = ([ag.hvp(f, circuit.point, tuple(d), mode=mode) for mode in MODES] for d in (w, u))
    assert_close(forward, hw)
    sides = [np.concatenate([np.ravel(a * b) for a, b in zip(*pair, strict=True)]) for pair in ((u, hw), (w, hu))]
    np.testing.assert_allclose(*map(np.sum, sides), rtol=0, atol=RTOL * (1 + np.sum(np.abs(sides))))


@given(circuits(), SEEDS)
def test_gradients_in_single_precision_agree_with_double(circuit, seed):
    v, _ = drawn(circuit, seed)
    single = [x.astype(np.float32) for x in circuit.point]
    found = ag.vjp(lambda *arrays: circuit(*arrays) * v.astype(np.float32), *single)[1](np.ones(v.shape, np.float32))
    expected = ag.vjp(circuit, *circuit.point)[1](v)
    size = 1 + max(np.max(np.abs(g), initial=0.0) for g in expected)
    for a, b, x in zip(found, expected, single, strict=True):
        assert a.dtype == x.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * size)


@given(circuits(max_ops=20, inputs=3))
def test_circuits_are_what_they_promise(circuit):
    assert 1 <= len(circuit) <= 20
    assert len(circuit.point) == 3
    space = {"np": np}
    exec(repr(circuit).replace("\n\ncircuit(", "\n\nresult = circuit("), space)  # noqa: S102  prints as what it runs
    np.testing.assert_allclose(space["result"], circuit(*circuit.point), rtol=1e-13, atol=1e-13)  # of another memory layout
    values = {f"x{k}": x for k, x in enumerate(circuit.point)}
    for line in circuit.steps:
        name, code = line.split(" = ", 1)
        values[name] = eval(code, {"np": np, **values})  # noqa: S307
        assert np.all(np.abs(values[name]) <= 50), line
        assert len(re.findall(rf"\b{name}\b", circuit.source)) >= 2, f"{name} is not used"


def test_circuits_come_in_all_sizes_with_all_ops():
    found = []

    @settings(max_examples=300, derandomize=True, database=None)
    @given(circuits())
    def collect(circuit):
        found.append(circuit)

    collect()
    sizes = [len(circuit) for circuit in found]
    assert set(sizes) >= {1, 2, 3, 4, 5, 6, 7}
    assert np.median(sizes) >= 3
    names = {name for circuit in found for name in re.findall(r"np\.(?:linalg\.)?\w+", circuit.source)}
    assert len(names) > 25, names
    uses = [Counter(re.findall(r"v\d+", " ".join(circuit.steps).split(" = ", 1)[1])) for circuit in found]
    assert sum(max(count.values(), default=0) > 2 for count in uses) > 30  # a value written once and used twice
    ndims = {np.ndim(circuit(*circuit.point)) for circuit in found}
    assert ndims >= {0, 1, 2, 3}
