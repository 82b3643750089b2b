"""Arrays of another library: every op, layer, loss and optimizer on ducks, against the same on NumPy arrays."""

import copy
import zlib

import numpy as np
import pytest

import autograd_core as ag
import nn
from tests.layers import LAYERS, LOSSES
from tests.optimizers import ROWS as OPTIMIZERS
from tests.specs import SPECS
from tests.test_layers import built
from tests.test_ops import cases, is_real
from tests.test_ops import cotangent_like as drawn
from tests.test_optimizers import Problem

from .duck import Duck


def cotangent_like(x, rng):
    return np.asarray(drawn(x, rng))


def moved(x):
    """An array on the device; numbers that rows take as options stay on the host."""
    return Duck(x.copy()) if isinstance(x, np.ndarray) and (x.ndim or x.dtype.kind in "fc") else x


def on_device(x):
    return Duck(x.copy()) if isinstance(x, np.ndarray) else x


def plain(x):
    """A result on the host."""
    x = x.data if isinstance(x, ag.Tensor) else x
    assert isinstance(x, Duck), type(x)
    return x.get()


def run(spec, args, to):
    """Value, gradients, gradients of gradients and a tangent of a row's function, with arguments moved by `to`."""
    which = [k for k, x in enumerate(args) if is_real(x)]
    rng = np.random.default_rng(1)
    given = [to(x) for x in args]
    leaves = {k: ag.Tensor(given[k], requires_grad=True) for k in which}
    f = lambda values: spec.f(*[values.get(k, x) for k, x in enumerate(given)])
    y = f(leaves)
    assert isinstance(y, ag.Tensor)
    found = [y]
    g = cotangent_like(np.empty(y.shape, y.dtype), rng)
    y.backward(to(g))
    found += [leaves[k].grad for k in which]
    first = ag.gradients(f(leaves), [*leaves.values()], [to(g)], create_graph=True, allow_unused=True)
    dependent = [h for h in first if h is not None and h.requires_grad]
    if dependent:
        weights = [to(cotangent_like(np.empty(h.shape, h.dtype), rng)) for h in dependent]
        found += ag.gradients(dependent, [*leaves.values()], weights, allow_unused=True)
    tangents = tuple(to(cotangent_like(np.asarray(args[k]), rng)) for k in which)
    found += ag.jvp(lambda *values: f(dict(zip(which, values, strict=True))), tuple(given[k] for k in which), tangents)
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_op_on_other_arrays_gives_what_it_gives_on_numpy_arrays(spec):
    for args in cases(spec):
        expected = run(spec, args, lambda x: x)
        found = run(spec, args, moved)
        for ours, theirs in zip(found, expected, strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                theirs = theirs.numpy() if isinstance(theirs, ag.Tensor) else theirs
                assert ours.dtype == theirs.dtype
                largest = np.abs(theirs).max(initial=1.0, where=np.isfinite(theirs))
                np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-12 * largest)


# Layers and losses


def same(found, expected):
    """Compare a result on the device with one on the host; both may be None."""
    assert (found is None) == (expected is None)
    if found is not None:
        expected = expected.numpy() if isinstance(expected, ag.Tensor) else np.asarray(expected)
        assert found.dtype == expected.dtype
        largest = np.abs(expected).max(initial=1.0, where=np.isfinite(expected))
        np.testing.assert_allclose(plain(found), expected, rtol=1e-12, atol=1e-12 * largest)


def layer_results(row, options, i, training, to):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    ag.manual_seed(4)
    module = built(row, copy.deepcopy(options), rng).train(training)
    if to is not None:
        module = module.to(like=Duck(np.empty(0)))
    move = to or (lambda x: x)
    leaves = [ag.Tensor(move(x), requires_grad=True) if is_real(x) else move(x) for x in arrays]
    ag.manual_seed(5)
    ys = row.run(module, *leaves)
    gs = [rng.normal(size=y.shape) for y in ys]
    loss = sum((y * move(np.asarray(g))).sum() for y, g in zip(ys, gs, strict=True) if y.dtype.kind == "f")
    found = [*ys]
    if isinstance(loss, ag.Tensor) and loss.requires_grad:
        loss.backward()
        found += [t.grad for t in (*leaves, *module.parameters()) if isinstance(t, ag.Tensor) and t.requires_grad]
    return [*found, *module.buffers()]


def generator(row, i):
    return np.random.default_rng([zlib.crc32(row.name.encode()), i])


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
@pytest.mark.parametrize("training", [True, False])
def test_layer_on_other_arrays_gives_what_it_gives_on_numpy_arrays(row, training):
    for options in row.variants():
        for i in range(len(row.inputs)):
            expected = layer_results(row, options, i, training, None)
            found = layer_results(row, options, i, training, on_device)
            assert len(found) == len(expected)
            for ours, theirs in zip(found, expected, strict=True):
                same(ours, theirs)


def loss_results(row, options, i, to):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    module = getattr(nn, row.name)(**copy.deepcopy(options))
    if to is not None:
        module = module.to(like=Duck(np.empty(0)))
    move = to or (lambda x: x)
    xs = [ag.Tensor(move(x), requires_grad=True) if k < row.differentiable else move(x) for k, x in enumerate(arrays)]
    y = module(*xs)
    first = ag.gradients(y.sum(), xs[: row.differentiable], create_graph=True)
    dependent = [g for g in first if g.requires_grad]
    weights = [move(rng.normal(size=g.shape)) for g in dependent]
    second = ag.gradients(dependent, xs[: row.differentiable], weights, allow_unused=True) if dependent else []
    return [y, *first, *second]


@pytest.mark.parametrize("row", LOSSES, ids=lambda row: row.name)
def test_loss_on_other_arrays_gives_what_it_gives_on_numpy_arrays(row):
    for options in row.variants():
        for i in range(len(row.inputs)):
            expected = loss_results(row, options, i, None)
            for ours, theirs in zip(loss_results(row, options, i, on_device), expected, strict=True):
                same(ours, theirs)


# Optimizers


def optimizer_results(row, options, to, dtype):
    """Parameters and state after a few steps, one of them with a parameter that has no gradient."""
    problem = Problem(row, dtype)
    params = [ag.Tensor(to(x.copy()), requires_grad=True) for x in problem.x0]
    optimizer = row.build(params, **options)
    for step in range(5):

        def closure(step=step):
            for k, p in enumerate(params):
                used = k in problem.used(step)
                p.grad = ag.Tensor(to(problem.gradient(p.numpy(), k))) if used else None
            return sum(problem.value(p.numpy(), k) for k, p in enumerate(params))

        closure()
        optimizer.step(closure if row.closure else None)
    return params, optimizer


@pytest.mark.parametrize("row", OPTIMIZERS, ids=lambda row: row.name)
def test_optimizer_on_other_arrays_takes_the_steps_that_it_takes_on_numpy_arrays(row):
    for options in row.variants():
        for dtype in (np.float64, np.float32):
            expected, theirs = optimizer_results(row, options, lambda x: x, dtype)
            found, ours = optimizer_results(row, options, on_device, dtype)
            for p, q in zip(found, expected, strict=True):
                assert isinstance(p.data, Duck)
                assert p.dtype == q.dtype
                np.testing.assert_array_equal(p.numpy(), q.numpy())
            state = ours.state_dict()  # on the host: it can be saved, and loaded into either
            assert repr(state) == repr(theirs.state_dict())
            ours.load_state_dict(theirs.state_dict())
