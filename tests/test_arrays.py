"""Arrays of another library: every op, layer, loss and optimizer on them, against the same on NumPy arrays.

Ducks always; CuPy's arrays too where CuPy and a GPU are there.
"""

import copy
import pickle
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.arrays import beside, kind_of, to_host
from tests.layers import LAYERS, LOSSES
from tests.optimizers import ROWS as OPTIMIZERS
from tests.specs import SPECS
from tests.test_layers import built
from tests.test_ops import cases, is_real
from tests.test_ops import cotangent_like as drawn
from tests.test_optimizers import Problem

from . import array_table, duck
from .cupy_api import UNDEFINED
from .duck import Duck


@dataclass
class Library:
    """A kind of arrays: how a NumPy array gets there, and how closely results agree with NumPy's."""

    array: Callable[[Any], Any]
    kind: type
    rtol: float

    def moved(self, x):
        """An array there; numbers that rows take as options stay on the host."""
        return self.array(x.copy()) if isinstance(x, np.ndarray) and (x.ndim or x.dtype.kind in "fc") else x

    def on_device(self, x):
        return self.array(x.copy()) if isinstance(x, np.ndarray) else x

    def same(self, found, expected):
        """Compare a result there with one on the host; both may be None."""
        assert (found is None) == (expected is None)
        if found is None:
            return
        found = found.data if isinstance(found, ag.Tensor) else found
        expected = expected.numpy() if isinstance(expected, ag.Tensor) else np.asarray(expected)
        assert isinstance(found, self.kind)
        assert found.dtype == expected.dtype
        largest = np.abs(expected).max(initial=1.0, where=np.isfinite(expected))
        np.testing.assert_allclose(found.get(), expected, rtol=self.rtol, atol=self.rtol * largest)


@pytest.fixture(params=["duck", "cupy"])
def library(request):
    if request.param == "duck":
        return Library(Duck, Duck, 1e-12)
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'autograd-core[cuda]'")
    if not cupy.cuda.is_available():
        pytest.skip("CuPy finds no CUDA device")
    return Library(cupy.asarray, cupy.ndarray, 1e-9)


@pytest.fixture
def there():
    """A function that brings an array to ducks."""
    return lambda x: Duck(np.array(x))


def as_is(x):
    return x


def cotangent_like(x, rng):
    return np.asarray(drawn(x, rng))


# Ops


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
def test_op_gives_what_it_gives_on_numpy_arrays(spec, library):
    if library.kind is not Duck and spec.name in UNDEFINED:
        pytest.skip(UNDEFINED[spec.name])
    for args in cases(spec):
        for ours, theirs in zip(run(spec, args, library.moved), run(spec, args, as_is), strict=True):
            library.same(ours, theirs)


# Layers and losses


def generator(row, i):
    return np.random.default_rng([zlib.crc32(row.name.encode()), i])


def layer_results(row, options, i, training, to, like):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    ag.manual_seed(4)
    module = built(row, copy.deepcopy(options), rng).train(training).to(like=like)
    leaves = [ag.Tensor(to(x), requires_grad=True) if is_real(x) else to(x) for x in arrays]
    ag.manual_seed(5)
    ys = row.run(module, *leaves)
    gs = [to(np.asarray(rng.normal(size=y.shape))) for y in ys]
    loss = sum((y * g).sum() for y, g in zip(ys, gs, strict=True) if y.dtype.kind == "f")
    found = [*ys]
    if isinstance(loss, ag.Tensor) and loss.requires_grad:
        loss.backward()
        found += [t.grad for t in (*leaves, *module.parameters()) if isinstance(t, ag.Tensor) and t.requires_grad]
    return [*found, *module.buffers()]


@pytest.mark.parametrize("row", LAYERS, ids=[f"{row.name}-{k}" for k, row in enumerate(LAYERS)])
@pytest.mark.parametrize("training", [True, False])
def test_layer_gives_what_it_gives_on_numpy_arrays(row, training, library):
    for options in row.variants():
        for i in range(len(row.inputs)):
            expected = layer_results(row, options, i, training, as_is, np.empty(0))
            found = layer_results(row, options, i, training, library.on_device, library.array(np.empty(0)))
            for ours, theirs in zip(found, expected, strict=True):
                library.same(ours, theirs)


def loss_results(row, options, i, to, like):
    rng = generator(row, i)
    arrays = row.inputs[i](rng)
    module = getattr(nn, row.name)(**copy.deepcopy(options)).to(like=like)
    xs = [ag.Tensor(to(x), requires_grad=True) if k < row.differentiable else to(x) for k, x in enumerate(arrays)]
    y = module(*xs)
    wanted = xs[: row.differentiable]
    first = ag.gradients(y.sum(), wanted, create_graph=True)
    dependent = [g for g in first if g.requires_grad]
    weights = [to(np.asarray(rng.normal(size=g.shape))) for g in dependent]
    second = ag.gradients(dependent, wanted, weights, allow_unused=True) if dependent else []
    return [y, *first, *second]


@pytest.mark.parametrize("row", LOSSES, ids=lambda row: row.name)
def test_loss_gives_what_it_gives_on_numpy_arrays(row, library):
    for options in row.variants():
        for i in range(len(row.inputs)):
            expected = loss_results(row, options, i, as_is, np.empty(0))
            found = loss_results(row, options, i, library.on_device, library.array(np.empty(0)))
            for ours, theirs in zip(found, expected, strict=True):
                library.same(ours, theirs)


# Optimizers


def optimized(row, options, to, dtype):
    """Parameters and the optimizer after a few steps, in one of which a parameter has no gradient."""
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
def test_optimizer_takes_the_steps_that_it_takes_on_numpy_arrays(row, library):
    for options in row.variants():
        for dtype in (np.float64, np.float32):
            expected, theirs = optimized(row, options, as_is, dtype)
            found, ours = optimized(row, options, library.on_device, dtype)
            for p, q in zip(found, expected, strict=True):
                assert isinstance(p.data, library.kind)
                assert p.dtype == q.dtype
                tolerance = 0 if library.kind is Duck else 1e-9 if dtype == np.float64 else 1e-4
                np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=tolerance, atol=tolerance)
            state = ours.state_dict()  # on the host: it can be saved, and loaded into an optimizer of either kind
            if library.kind is Duck:
                assert repr(state) == repr(theirs.state_dict())
            ours.load_state_dict(theirs.state_dict())
            theirs.load_state_dict(state)


def test_two_optimizers_share_the_memory_of_parameters_elsewhere(there):
    p = ag.Tensor(there([1.0, 2.0]), requires_grad=True)
    q = ag.Tensor(there([3.0]), requires_grad=True)
    first, second = optim.SGD([p, q], lr=1.0), optim.Adam([p, q])
    p.grad, q.grad = there([1.0, 1.0]), there([1.0])
    first.step()
    second.step()
    first.step()
    assert p.numpy()[0] < 0
    with pytest.raises(ValueError, match="share memory"):
        optim.SGD([p, ag.Tensor(p.data[:1], requires_grad=True)])


# Training


def test_a_training_step_reads_no_value_back(there):
    """On a GPU reading a number would stop the queue of work: forward, backward and step do without."""
    ag.manual_seed(0)
    blocks = nn.GELU(), nn.Dropout(0.2), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Linear(8, 3)
    net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), *blocks).to(like=there(0.0))
    adam = optim.AdamW(net.parameters())
    x = there(np.ones((2, 5, 4), np.float32))
    duck.waits.clear()
    loss = (net(x) ** 2).mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    assert not duck.waits
    assert loss.item() > 0
    assert duck.waits == {"item": 1}


def test_fit_trains_evaluates_and_saves_a_model_elsewhere(there, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(int)
    histories = []
    for move in (as_is, there):
        ag.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
        net.to(like=move(np.empty(0)))
        data = move(x), move(labels)
        adam = optim.Adam(net.parameters(), lr=0.05)
        histories.append(
            nn.fit(net, data, nn.functional.cross_entropy, adam, epochs=3, batch_size=16, seed=1, progress=False,
                   validation=data, metrics=[nn.metrics.accuracy], clip_norm=1.0)
        )  # fmt: skip
    assert isinstance(net[0].weight.data, Duck)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    assert histories[1]["accuracy"][-1] > 0.8
    net.save(tmp_path / "net.safetensors")
    on_host = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    on_host.load(tmp_path / "net.safetensors")  # both ways
    net.load(tmp_path / "net.safetensors")
    np.testing.assert_allclose(net.eval()(there(x)).numpy(), on_host.eval()(x).numpy(), rtol=1e-5, atol=1e-6)
    assert "58 parameters" not in str(net.summary((2, 4)))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):  # noqa: S301  our own
        assert isinstance(other[0].weight.data, Duck)
    assert type(net.to(like=np.empty(0))[0].weight.data) is np.ndarray


def test_gradients_buffers_and_dtypes_move_with_a_module(there):
    net = nn.BatchNorm1d(3)
    net(np.ones((2, 3), np.float32) * [[1], [2]]).sum().backward()
    net.to(like=there([0.0]))
    assert {kind_of(t) for t in (*net.parameters(), *net.buffers(), net.weight.grad)} == {"Duck"}
    assert {t.dtype for t in net.parameters()} == {np.dtype(np.float32)}
    assert net.num_batches_tracked.numpy() == 1


# The engine


def test_transforms_debugging_and_display(there, tmp_path):
    f = lambda x: (np.sin(x) * x).sum()
    x, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.5])
    for transform in (ag.grad(f), ag.hessian(f), ag.hessian_diagonal(f), ag.grad(ag.checkpoint(f))):
        np.testing.assert_allclose(transform(there(x)).get(), transform(x), rtol=1e-14)
    np.testing.assert_allclose(ag.jacobian(np.sin, mode="forward")(there(x)).get(), np.diag(np.cos(x)), rtol=1e-14)
    np.testing.assert_allclose(ag.hvp(f, (there(x),), (there(v),))[0].get(), ag.hvp(f, (x,), (v,))[0], rtol=1e-14)
    value, slope = ag.value_and_grad(f)(there(x))
    assert isinstance(value, Duck)  # reading it would wait for the device
    assert isinstance(slope, Duck)
    t = ag.Tensor(there([1.0, 2.0]), requires_grad=True)
    assert repr(t) == "Tensor([1., 2.], Duck, requires_grad=True)"
    assert t.tolist() == [1.0, 2.0]
    assert type(t.numpy()) is np.ndarray
    ag.save(tmp_path / "t.safetensors", {"t": t, "x": there(x)})
    loaded = ag.load(tmp_path / "t.safetensors")
    assert type(loaded["x"]) is np.ndarray
    with (
        ag.detect_anomaly(),
        pytest.raises(ag.AnomalyError, match="'log' gave NaN in 1 of 1 element,"),
        np.errstate(all="ignore"),
    ):
        np.log(ag.Tensor(there([-1.0]), requires_grad=True))
    sgd = optim.SGD([t], lr=0.1)
    y = (t * t).sum()
    t.grad = there([1.0, 1.0])
    sgd.step()
    with pytest.raises(ag.GraphError, match="an optimizer step has overwritten it since"):
        y.backward()


def test_numbers_and_lists_go_with_arrays_of_any_library(there):
    t = ag.Tensor(there([1.0, 2.0]), requires_grad=True)
    for y in (
        2 * t,
        t + np.float32(2),
        t * np.float64(2),
        t * [1.0, 2.0],
        [1.0, 2.0] - t,
        np.concatenate([t, [7.0]]),
        there([1.0]) + t,
    ):
        assert isinstance(y.data, Duck)
    t.sum().backward(2.0)
    assert t.grad.tolist() == [2.0, 2.0]
    with ag.no_grad():
        t.copy_(np.zeros(2))  # an explicit copy, from wherever
    assert isinstance(t.data, Duck)
    assert isinstance(beside(np.ones(2), t), Duck)
    assert type(beside(np.ones(2), np.ones(1))) is np.ndarray


MIXES = {
    "an op": (lambda t, a: t + a, "'add' mixes Duck and NumPy arrays"),
    "an op, turned round": (lambda t, a: a * t, "'multiply' mixes NumPy and Duck arrays"),
    "two tensors": (lambda t, a: ag.Tensor(a) @ t, "'multiply' mixes NumPy and Duck arrays"),
    "matrices": (lambda t, a: ag.Tensor(a[:, None]) @ t[None], "'matmul' mixes NumPy and Duck arrays"),
    "where": (lambda t, a: np.where(a > 0, t, 0), "'where' mixes NumPy and Duck arrays"),
    "joining": (lambda t, a: np.concatenate([t, a]), "'concatenate' mixes Duck and NumPy arrays"),
    "a cotangent": (lambda t, a: (t * 2).backward(a), "the cotangent of a tensor .* mixes NumPy and Duck arrays"),
    "a gradient": (lambda t, a: setattr(t, "grad", a), "the gradient of a tensor .* mixes NumPy and Duck arrays"),
    "a layer's input": (lambda t, a: nn.Linear(2, 2)(t[None]), "'linear' mixes Duck and NumPy arrays"),
    "an embedding": (lambda t, a: nn.Embedding(3, 2)(t.data.astype(int)), "an embedding mixes Duck and NumPy arrays"),
    "labels": (
        lambda t, a: nn.functional.cross_entropy(t[None], np.array([1])),
        "cross_entropy mixes Duck and NumPy arrays",
    ),
    "log-likelihoods": (lambda t, a: nn.functional.nll_loss(t[None], np.array([1])), "nll_loss mixes Duck and NumPy arrays"),
    "a target": (lambda t, a: nn.functional.mse_loss(t, a), "'subtract' mixes Duck and NumPy arrays"),
    "a mask": (
        lambda t, a: nn.functional.scaled_dot_product_attention(t[None], t[None], t[None], attn_mask=a[:1, None] > 0),
        "'attention_weights' mixes Duck and NumPy arrays",
    ),
    "a batch": (lambda t, a: nn.BatchNorm1d(2).to(like=t.data)(np.ones((3, 2))), "BatchNorm1d mixes NumPy and Duck arrays"),
    "a tangent": (lambda t, a: ag.jvp(np.tanh, (t.data,), (a,)), "jvp mixes Duck and NumPy arrays"),
    "points of an interpolation": (lambda t, a: np.interp(t, a, a), "'interp' mixes Duck and NumPy arrays"),
    "a list": (lambda t, a: ag.Tensor([t.data, a]), "a Tensor from a list mixes Duck and NumPy arrays"),
    "parameters": (
        lambda t, a: optim.Adam([ag.Tensor(a, requires_grad=True), t]),
        "a group of Adam mixes NumPy and Duck arrays",
    ),
}


@pytest.mark.parametrize("name", MIXES)
def test_arrays_of_two_libraries_in_one_computation_are_refused_by_name(name, there):
    mix, message = MIXES[name]
    t = ag.Tensor(there([1.0, 2.0]), requires_grad=True)
    with pytest.raises(ag.ArrayKindError, match=message) as caught:
        mix(t, np.array([1.0, 2.0]))
    assert ".to(like=array)" in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_a_function_that_the_library_lacks_is_refused_by_name(there, monkeypatch):
    monkeypatch.delitem(duck.FUNCTIONS, "linalg.eig")
    monkeypatch.delitem(duck.FUNCTIONS, "cos")
    with pytest.raises(ag.ArrayKindError, match=r"'eig' cannot be computed with Duck arrays: .*numpy.linalg.eig"):
        np.linalg.eig(ag.Tensor(there(np.eye(2)), requires_grad=True))
    y = np.sin(ag.Tensor(there([1.0]), requires_grad=True))
    with pytest.raises(ag.ArrayKindError, match=r"the backward pass cannot be computed with Duck arrays: .*'cos'"):
        y.backward(there([1.0]))


def test_an_array_that_cannot_be_copied_to_the_host_says_so():
    class Closed:
        def __array_function__(self, *_):
            return NotImplemented

    with pytest.raises(ag.ArrayKindError, match=r"Closed arrays have no method get\(\)"):
        to_host(Closed())


def test_a_tensor_from_a_list_of_arrays_elsewhere_says_what_is_wrong(there):
    with pytest.raises(ag.ArrayKindError, match="a Tensor from a list cannot be computed with Duck arrays: Implicit"):
        ag.Tensor([there(1.0), there(2.0)])


def test_sharded_optimizers_take_numpy_arrays_only(there):
    model = nn.parallel.DataParallel(nn.Linear(2, 1).to(like=there(0.0)))
    with pytest.raises(ag.ArrayKindError, match=r"works on NumPy arrays: .* Adam\(model.parameters\(\)\)"):
        nn.parallel.ZeroRedundancyOptimizer(model, optim.Adam)


def test_numbers_that_say_how_come_from_wherever_they_are(there):
    t = ag.Tensor(there([1.0, 2.0]), requires_grad=True)
    assert np.repeat(t, there([1, 2])).tolist() == [1.0, 2.0, 2.0]
    assert np.roll(t, there(1)).tolist() == [2.0, 1.0]
    assert np.pad(t, there([1, 0])).tolist() == [0.0, 1.0, 2.0]
    assert nn.Embedding(3, 2).to(like=t.data)(np.int64(1)).shape == (2,)


def test_to_takes_tensors_and_no_names_of_devices(there):
    net = nn.Linear(2, 1).to(like=ag.Tensor(there(0.0)))
    assert isinstance(net.weight.data, Duck)
    for device in ("cuda", None, 3.0, [1.0]):
        with pytest.raises(ag.DTypeError, match=re.escape(f"that is meant; got {device}")):
            net.to(device)
    assert isinstance(net.weight.data, Duck)


def test_objects_with_a_field_named_data_are_no_tensors():
    """As a column of a pandas table."""

    class Column:
        dtype, _data = np.dtype(int), object()

        def __array__(self, dtype=None, copy=None):
            return np.array([1, 0])

    scores = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert nn.functional.cross_entropy(scores, Column()) == nn.functional.cross_entropy(scores, np.array([1, 0]))


def test_the_page_lists_what_cupy_lacks():
    """docs/arrays.md is written by `make ops-table`: after adding a function, write it again."""
    assert array_table.PAGE.read_text(encoding="utf-8") == array_table.page()


# The duck itself: a test on it could otherwise not fail


@pytest.mark.parametrize(
    "use",
    [
        lambda d: np.asarray(d),
        lambda d: memoryview(d),
        lambda d: d + np.ones(2),
        lambda d: np.ones(2) + d,
        lambda d: d.__setitem__(0, np.ones(())),
        lambda d: np.insert(d, 0, 1.0),
        lambda d: np.sum(d, where=d > 0),
        lambda d: d.max(initial=0.0),
        lambda d: np.maximum.reduce(d),
        lambda d: np.add(d, 1, out=np.empty(2)),
        lambda d: np.concatenate([d, np.ones(1)]),
        lambda d: [10, 20][d[0]],
    ],
)
def test_a_duck_does_nothing_that_cupy_would_not(use):
    with pytest.raises(TypeError):
        use(Duck(np.array([1.0, 2.0])))


def test_a_duck_computes(there):
    d = there([[1.0, 2.0], [3.0, 4.0]])
    assert (d @ d.T).get().tolist() == [[5.0, 11.0], [11.0, 25.0]]
    assert isinstance(d.sum(), Duck)
    assert isinstance(np.zeros(2, like=d), Duck)
    out = there(np.zeros((2, 2)))
    assert np.multiply(d, 2, out=out) is out
    assert out.get()[1, 1] == 8.0
