"""Every row of tests/layers: against PyTorch, to second order, in both precisions, saved and copied."""

import copy
import pickle
import zlib

import numpy as np
import pytest

import autograd_core as ag
import nn

from .layers import LAYERS, LOSSES

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}


def cases(rows):
    return list(_cases(rows))


def _cases(rows):
    for row in rows:
        for k, options in enumerate(row.variants()):
            for i in range(len(row.inputs)):
                text = ",".join(f"{name}={value}" for name, value in options.items())
                yield pytest.param(row, options, i, id=f"{row.name}({text})-{i}" if len(text) < 60 else f"{row.name}-{k}-{i}")


def generator(row, i):
    return np.random.default_rng([zlib.crc32(row.name.encode()), i])


def floats(arrays):
    return [k for k, x in enumerate(arrays) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def tracked(arrays, dtype=np.float64):
    which = floats(arrays)
    return [ag.Tensor(x.astype(dtype), requires_grad=True) if k in which else x for k, x in enumerate(arrays)]


def built(row, options, rng, dtype=np.float64):
    """The layer with parameters drawn at random: initial zeros and ones would hide mistakes."""
    module = row.build(dtype, **options)
    with ag.no_grad():
        for p in module.parameters():
            p.copy_((p.numpy() + rng.normal(size=p.shape) * 0.3).astype(dtype))
    return module


def in_torch(x):
    return torch.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x


@NEEDS_TORCH
@pytest.mark.parametrize(("row", "options", "i"), cases([row for row in LAYERS if row.reference is None]))
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # PyTorch's, about its own speed
def test_layer_agrees_with_pytorch(row, options, i, training):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    ours, theirs = built(row, options, rng), row.build_torch(torch, **options)
    ours.train(training)
    theirs.train(training)
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    # to PyTorch and back
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    ours.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    xs, ts = tracked(arrays), [in_torch(x) for x in arrays]
    ys, us = row.run(ours, *xs), row.run_torch(theirs, *ts)
    assert len(ys) == len(us)
    loss, their_loss = 0, 0
    for y, u in zip(ys, us, strict=True):
        values = _plain(y)
        np.testing.assert_allclose(values, u.detach().numpy(), **TOLERANCE)
        if u.requires_grad:
            g = rng.normal(size=values.shape)
            loss, their_loss = loss + (y * g).sum(), their_loss + (u * torch.tensor(g)).sum()
    for name, buffer in ours.named_buffers():
        if buffer.persistent:
            np.testing.assert_allclose(buffer.numpy(), theirs.state_dict()[name].numpy(), err_msg=name, **TOLERANCE)
    if isinstance(loss, int):
        return
    loss.backward()
    their_loss.backward()
    for k in floats(arrays):
        _same_gradient(xs[k].grad, ts[k].grad, f"input {k}")
    theirs_by_name = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        _same_gradient(p.grad, theirs_by_name[name].grad, name)


def _same_gradient(ours, theirs, name):
    if theirs is None:
        assert ours is None or not ours.numpy().any(), name
        return
    expected = theirs.numpy()
    found = np.zeros_like(expected) if ours is None else ours.numpy()
    np.testing.assert_allclose(found, expected, err_msg=name, rtol=1e-8, atol=1e-10 * max(1.0, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize(("row", "options", "i"), cases([row for row in LAYERS if row.reference is not None]))
def test_layer_agrees_with_its_formula(row, options, i):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    module = built(row, options, rng)
    ys = row.run(module, *[ag.Tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in arrays])
    expected = row.reference(module, *arrays, **options)
    for y, u in zip(ys, expected if isinstance(expected, tuple) else (expected,), strict=True):
        np.testing.assert_allclose(_plain(y), u, **TOLERANCE)


def as_function(row, module, arrays):
    """The row's outputs, joined, as a function of its float inputs and of the parameters."""
    which = floats(arrays)
    names = [name for name, _ in module.named_parameters()]

    def f(*values):
        given = list(arrays)
        for k, x in zip(which, values, strict=False):
            given[k] = x
        with nn.substituted(module, dict(zip(names, values[len(which) :], strict=True))):
            ys = row.run(module, *given)
        return sum((y * (k + 1)).sum() * 0.7 + (y * y).sum() for k, y in enumerate(ys) if y.dtype.kind == "f")

    return f, [arrays[k] for k in which] + [p.numpy().copy() for p in module.parameters()]


def few(rows):
    """Of each row the first inputs with every option changed once: second order is slow."""
    for param in cases(rows):
        row, options, i = param.values
        first = next(iter(row.variants()))
        if i == 0 and sum(options[k] is not first.get(k) for k in options) <= 1:
            yield param


@pytest.mark.parametrize(("row", "options", "i"), list(few(LAYERS)))
def test_layer_to_second_order(row, options, i):
    """No layer may cut the graph: gradients of gradients, for inputs and parameters, against differences."""
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    module = built(row, options, rng).eval() if row.name.startswith("Dropout") else built(row, options, rng)
    for buffer in module.buffers():
        buffer.data = buffer.data.copy()
    f, point = as_function(row, module, arrays)
    if not point:
        return
    ag.check.gradcheck(f, *point, order=2 if row.smooth else 1, rng=rng).raise_if_failed()
    tangents = tuple(rng.normal(size=x.shape) for x in point)
    slope = ag.jvp(f, tuple(point), tangents)[1]
    found = ag.grad(f, argnums=range(len(point)))(*point)
    terms = [np.sum(g * t) for g, t in zip(found, tangents, strict=True)]
    np.testing.assert_allclose(slope, sum(terms), rtol=1e-9, atol=1e-9 * sum(map(abs, terms)))


@pytest.mark.parametrize(("row", "options", "i"), list(few(LAYERS)))
def test_layer_stays_in_float32_and_survives_copies(row, options, i):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    module = built(row, options, rng, np.float32)
    assert all(p.dtype == np.float32 for p in row.build(np.float32, **options).parameters())
    xs = tracked(arrays, np.float32)
    ys = row.run(module.eval(), *xs)
    loss = sum((y * y).sum() for y in ys if y.dtype.kind == "f")
    assert {y.dtype for y in ys if y.dtype.kind == "f"} <= {np.dtype(np.float32)}
    if isinstance(loss, ag.Tensor) and loss.requires_grad:
        loss.backward()
    assert {t.grad.dtype for t in (*module.parameters(), *xs) if getattr(t, "grad", None) is not None} <= {np.dtype(np.float32)}
    assert repr(module).startswith(type(module).__name__)
    plain = [_plain(x) for x in xs]
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):  # noqa: S301  our own
        assert list(other.state_dict()) == list(module.state_dict())
        for a, b in zip(row.run(module, *plain), row.run(other, *plain), strict=True):
            np.testing.assert_array_equal(_plain(a), _plain(b))
        assert not any(
            np.shares_memory(p.numpy(), q.numpy()) for p, q in zip(module.parameters(), other.parameters(), strict=True)
        )


def _plain(x):
    return x.numpy() if isinstance(x, ag.Tensor) else x


# Losses


def loss_of(row, options, arrays):
    return getattr(nn, row.name)(**options)(*arrays)


@pytest.mark.parametrize(("row", "options", "i"), cases(LOSSES))
def test_loss_agrees_with_pytorch_or_its_formula(row, options, i):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    xs = [ag.Tensor(x, requires_grad=True) if k < row.differentiable else x for k, x in enumerate(arrays)]
    y = loss_of(row, options, xs)
    again = getattr(nn.functional, row.function)(*xs, **options)
    np.testing.assert_array_equal(y.numpy(), again.numpy())
    if row.reference is not None:
        np.testing.assert_allclose(y.numpy(), row.reference(*arrays, **options), **TOLERANCE)
        return
    if torch is None:
        pytest.skip("PyTorch is not installed (pip install '.[bench]')")
    given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    ts = [
        torch.tensor(x, requires_grad=k < row.differentiable) if isinstance(x, np.ndarray) else x for k, x in enumerate(arrays)
    ]
    u = getattr(torch.nn, row.torch_name or row.name)(**given)(*ts)
    np.testing.assert_allclose(y.numpy(), u.detach().numpy(), **TOLERANCE)
    g = rng.normal(size=y.shape)
    y.backward(g)
    u.backward(torch.tensor(g))
    for k in range(row.differentiable):
        _same_gradient(xs[k].grad, ts[k].grad, f"input {k}")


@pytest.mark.parametrize(("row", "options", "i"), list(few(LOSSES)))
def test_loss_to_second_order_and_in_float32(row, options, i):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    rest = arrays[row.differentiable :]
    f = lambda *xs: loss_of(row, options, [*xs, *rest])
    ag.check.gradcheck(f, *arrays[: row.differentiable], order=2 if row.smooth else 1, rng=rng).raise_if_failed()
    single = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in arrays]
    options = {k: v.astype(np.float32) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    xs = [ag.Tensor(x, requires_grad=True) if k < row.differentiable else x for k, x in enumerate(single)]
    y = loss_of(row, options, xs)
    assert y.dtype == np.float32
    y.sum().backward()
    assert all(x.grad.dtype == np.float32 for x in xs[: row.differentiable])


# Nothing without a row


def test_every_layer_and_loss_has_a_row():
    without = {"Module", "Parameter", "Buffer", "Sequential", "ModuleList", "ModuleDict", "StateDictError"}
    classes = {n for n in nn.__all__ if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)}
    assert classes - without - {row.name for row in (*LAYERS, *LOSSES)} == set()
