"""Every op goes through the same tests, driven by its row in `specs.py`."""

import zlib
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
from autograd_core.graph import topological_order
from autograd_core.record import OPS, module_of
from tests.specs import SPECS, numbers, raw

IDS = [spec.name for spec in SPECS]
BUILT_IN = {name for name, op in OPS.items() if module_of(op).startswith("autograd_core")}  # at import: no doctest's yet
every_spec = pytest.mark.parametrize("spec", SPECS, ids=IDS)


def cases(spec):
    return list(spec.cases(np.random.default_rng(zlib.crc32(spec.name.encode()))))


def is_real(x):
    return np.asarray(x).dtype.kind == "f"


def tracked(args, dtype=None):
    return [ag.Tensor(x if dtype is None else x.astype(dtype), requires_grad=True) if is_real(x) else x for x in args]


def cotangent_like(y, rng):
    return (rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)).astype(y.dtype)


def of_floats(spec, args):
    """The function of the real arguments only, and those arguments."""
    real = [i for i, x in enumerate(args) if is_real(x)]

    def f(*values):
        full = list(args)
        for i, value in zip(real, values, strict=True):
            full[i] = value
        return spec.f(*full)

    f.__name__ = spec.name
    return f, [args[i] for i in real]


def gradients_of(spec, args):
    """Backward with a random cotangent: output, cotangent, and the tensors with their gradients."""
    tensors = tracked(args)
    y = spec.f(*tensors)
    g = cotangent_like(y, np.random.default_rng(1))
    y.backward(g.copy())
    return y, g, [t for t in tensors if isinstance(t, ag.Tensor)]


@every_spec
def test_value_equals_numpy(spec):
    for args in cases(spec):
        y = spec.f(*tracked(args))
        assert isinstance(y, ag.Tensor)
        expected = (spec.plain or spec.f)(*args)
        assert not isinstance(expected, ag.Tensor)
        assert y.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-14, atol=1e-14)


@every_spec
def test_gradients_of_order_1_and_2_agree_with_differences(spec):
    for args in cases(spec):
        f, point = of_floats(spec, args)
        ag.check.gradcheck(f, *point, order=2, rng=np.random.default_rng(2)).raise_if_failed()


@every_spec
def test_each_argument_alone_gets_the_same_gradient(spec):
    for args in cases(spec):
        _, g, tensors = gradients_of(spec, args)
        together = iter(tensors)
        for k, x in enumerate(args):
            if is_real(x):
                alone = [ag.Tensor(v, requires_grad=True) if i == k else v for i, v in enumerate(args)]
                spec.f(*alone).backward(g)
                np.testing.assert_allclose(alone[k].grad, next(together).grad, rtol=1e-12, atol=1e-14)


@every_spec
def test_gradient_has_shape_and_dtype_of_its_tensor(spec):
    for args in cases(spec):
        for dtype in (np.float32, np.float64):
            tensors = tracked(args, dtype)
            y = spec.f(*tensors)
            if spec.keeps_float32:
                variant = any(v.dtype.kind in "iu" for v in args)  # a variant may ask for a dtype
                assert y.dtype == dtype or variant
            y.backward(cotangent_like(y, np.random.default_rng(3)))
            for t in tensors:
                if isinstance(t, ag.Tensor):
                    assert t.grad.shape == t.shape
                    assert t.grad.dtype == dtype
                    assert type(t.grad.numpy()) is np.ndarray


@every_spec
def test_nothing_given_is_changed_and_nothing_is_shared(spec):
    for args in cases(spec):
        copies = [np.array(x) for x in args]
        tensors = tracked(args)
        y = spec.f(*tensors)
        g = cotangent_like(y, np.random.default_rng(4))
        before = g.copy()
        y.backward(g)
        for x, copy in zip(args, copies, strict=True):
            np.testing.assert_array_equal(x, copy)
        np.testing.assert_array_equal(g, before)
        grads = [t.grad.numpy() for t in tensors if isinstance(t, ag.Tensor)]
        for a, b in combinations([*grads, g], 2):
            assert not np.shares_memory(a, b)
        for a in grads:
            assert a.flags.writeable
            assert not any(np.shares_memory(a, x) for x in (*args, y.numpy()))


@every_spec
def test_second_backward_needs_retain_graph(spec):
    for args in cases(spec)[:1]:
        y, g, tensors = gradients_of(spec, args)
        with pytest.raises(ag.GraphError, match="retain_graph=True"):
            y.backward(g)
        fresh = tracked(args)
        y = spec.f(*fresh)
        y.backward(g, retain_graph=True)
        y.backward(g)
        for once, twice in zip(tensors, [t for t in fresh if isinstance(t, ag.Tensor)], strict=True):
            np.testing.assert_allclose(twice.grad, 2 * once.grad.numpy(), rtol=1e-12)


@every_spec
def test_special_points(spec):
    for args, expected in spec.points:
        args = args if isinstance(args, tuple) else (args,)
        tensors = [ag.Tensor(x, requires_grad=True, dtype=float) if not isinstance(x, int) else x for x in args]
        with np.errstate(all="ignore"):
            y = spec.f(*tensors)
            y.backward(np.ones(y.shape))
        for t, e in zip([t for t in tensors if isinstance(t, ag.Tensor)], expected, strict=True):
            np.testing.assert_allclose(t.grad, e, rtol=1e-12, err_msg=f"{spec.name} at {args}")


@every_spec
def test_special_points_have_finite_second_derivatives(spec):
    for args, expected in spec.points:
        if not all(np.isfinite(e).all() for e in expected) or not all(np.isfinite(a).all() for a in args):
            continue
        tensors = [ag.Tensor(x, requires_grad=True, dtype=float) if not isinstance(x, int) else x for x in args]
        leaves = [t for t in tensors if isinstance(t, ag.Tensor)]
        y = spec.f(*tensors)
        first = ag.gradients(y, leaves, [np.ones(y.shape)], create_graph=True)
        dependent = [g for g in first if g.requires_grad]
        with np.errstate(all="ignore"):
            second = ag.gradients(dependent, leaves, [np.ones(g.shape) for g in dependent], allow_unused=True)
        assert all(h is None or np.isfinite(h.numpy()).all() for h in second), (spec.name, args, second)


@pytest.mark.parametrize("spec", [s for s in SPECS if s.analytic], ids=[s.name for s in SPECS if s.analytic])
def test_gradient_agrees_with_complex_step(spec):
    """d f(x + i h u)/dh for h = 1e-30 has no cancellation: an oracle exact to rounding."""
    for args in cases(spec):
        _, g, tensors = gradients_of(spec, args)
        grads = iter(tensors)
        for k, x in enumerate(args):
            if is_real(x):
                u = cotangent_like(np.asarray(x), np.random.default_rng(5))
                stepped = [v + 1e-30j * u if i == k else v for i, v in enumerate(args)]
                expected = np.sum(g * np.imag(spec.f(*stepped)) / 1e-30)
                size = np.sum(np.abs(g)) + np.abs(expected)
                np.testing.assert_allclose(np.sum(next(grads).grad.numpy() * u), expected, atol=1e-12 * size)


@every_spec
def test_forward_mode_agrees_with_reverse_mode(spec):
    """<g, J u> from jvp equals <J'g, u> from backward; and again through a gradient (forward over reverse)."""
    for args in cases(spec):
        f, point = of_floats(spec, args)
        rng = np.random.default_rng(6)
        u = tuple(cotangent_like(np.asarray(x), rng) for x in point)
        y, t = ag.jvp(f, point, u)
        expected, g, tensors = gradients_of(spec, args)
        np.testing.assert_allclose(y, expected.numpy(), rtol=1e-13, atol=1e-13)
        assert np.shape(t) == expected.shape
        grads = [x.grad.numpy() for x in tensors]
        size = sum(np.sum(np.abs(a * b)) for a, b in zip(grads, u, strict=True))
        reverse = sum(np.sum(a * b) for a, b in zip(grads, u, strict=True))
        np.testing.assert_allclose(np.sum(np.real(np.conj(g) * t)), reverse, rtol=1e-10, atol=1e-12 * (1 + size))


@every_spec
def test_result_under_no_grad_is_untracked(spec):
    args = cases(spec)[0]
    tensors = tracked(args)
    with ag.no_grad():
        y = spec.f(*tensors)
    assert isinstance(y, ag.Tensor)
    assert not y.requires_grad


ROWS = [s for s in SPECS if "elementwise" in s.kinds]


@given(data=st.data(), spec=st.sampled_from(ROWS))
def test_elementwise_gradients_for_drawn_shapes(data, spec):
    """Any mutually broadcastable shapes: 0-d, empty, size one, added leading axes."""
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=len(spec.domains), min_side=0, max_side=3, max_dims=3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    args = [numbers(rng, shape, domain) for shape, domain in zip(shapes.input_shapes, spec.domains, strict=True)]
    tensors = tracked(args)
    y = spec.f(*tensors)
    assert y.shape == shapes.result_shape
    ag.check.gradcheck(spec.f, *args, rng=rng).raise_if_failed()


SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 3.0, np.inf, -np.inf, np.nan, 1e-30, -1e30])


@given(data=st.data(), spec=st.sampled_from([s for s in ROWS if len(s.domains) == 1 and s.name != "unwrap"]))
def test_elements_do_not_disturb_each_other(data, spec):
    """Zeros, infinities and NaN beside other values, in either precision and any layout: each element as if it were alone."""
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    x = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=2, max_side=4), elements=SPECIAL.map(dtype)))
    x = x[::-1].T if data.draw(st.booleans()) else x

    def gradient(values):
        t = ag.Tensor(values, requires_grad=True)
        with np.errstate(all="ignore"):
            y = spec.f(t)
            y.backward(np.ones(y.shape, y.dtype))
        return t.grad.numpy()

    together = gradient(x)
    assert together.dtype == dtype
    alone = np.array([gradient(np.array(v)) for v in x.ravel()], dtype).reshape(x.shape)
    # the loops for long and for single values may round differently
    np.testing.assert_allclose(together, alone, rtol=1e-5 if dtype == np.float32 else 1e-13)


def test_every_op_and_every_public_function_has_a_row():
    """A row that records an op covers it; so a new op without a row fails here."""
    recorded = set()
    for spec in SPECS:
        for args in cases(spec):
            y = spec.f(*tracked(args))
            recorded |= {node.op.name for node in topological_order([y._node]) if node.op is not None}
            leaves = [t for t in tracked(args) if isinstance(t, ag.Tensor)]
            first = ag.gradients(spec.f(*leaves, *[x for x in args if not is_real(x)]), leaves, [np.ones(y.shape)], True)
            nodes = [g._node for g in first if g._node is not None]
            recorded |= {node.op.name for node in topological_order(nodes) if node.op is not None}
    assert BUILT_IN - recorded - {"identity"} == set()
    names = {spec.name.split("_")[0] for spec in SPECS} | set(IDS)
    assert set(ag.ops.__all__) - names == set()
    for ours, theirs in ((ag.linalg, np.linalg), (ag.fft, np.fft)):
        assert {n for n in ours.__all__ if getattr(ours, n) is not getattr(theirs, n, None)} - names == set()


def test_a_row_would_miss_nothing_that_raw_does():
    assert raw(ag.Tensor(2.0)) == 2.0
