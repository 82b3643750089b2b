"""`export_onnx`: what it refuses and why, that everything is put back, threads, and names that are meant to break a file."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.graph import modes

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from .onnx_support import agrees, evaluated  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "f.onnx"


@pytest.fixture
def draw(rng):
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


# Refusals


def assigned_by_value(x):
    y = x * 1
    y[x > 0] = x[x > 0]
    return y


def four(x):
    """Whether this is the example, or a batch of another size."""
    return len(x) == 4


def one_of(a, b, x):
    return a if four(x) else b


class Hidden(nn.Module):
    """A layer with an op that ONNX lacks."""

    def forward(self, x):
        return ag.linalg.svdvals(x)


REFUSED = {
    "an op without a form": (nn.Sequential(nn.Tanh(), Hidden()), r"'svd' in layer '1' \(.*, line \d+\).*no decompositions"),
    "complex numbers": (lambda x: np.real(np.fft.fft(x)), "complex numbers"),
    "random numbers": (lambda x: x * ag.default_rng().random(x.shape, np.float32), "argument 1 of 'multiply'.*Random numbers"),
    "a value as a number": (lambda x: x * float(x.sum()), "argument 1 of 'multiply'"),
    "plain NumPy": (lambda x: x * np.exp(x.numpy()), "argument 1 of 'multiply'.*depends on the values"),
    "sorting": (lambda x: np.sort(x, axis=1), "argument 1 of 'getitem'"),
    "a loop over the batch": (lambda x: np.stack([row * 2 for row in x]), "does not do the same in every run|different paths"),
    "a fixed size": (lambda x: x.reshape(4, 3) * 2, "runs on a batch of 4, and not on one of 5"),
    "half of the batch": (lambda x: x[: len(x) // 2] * 1, "argument 1 of 'getitem'"),
    "a selection by value": (lambda x: x[x > 0] * 1, "depends on values|shapes|different"),
    "no array": (lambda x: "text", "returned a str"),
    "no output of the inputs": (lambda x: np.ones(3), "no output depends on an input"),
    "a random tensor": (
        lambda x: x * ag.Tensor(ag.default_rng().random(3), requires_grad=True),
        "'parameter', a tensor that req",
    ),
    "a number of the batch": (
        lambda x: x * np.sqrt(len(x)),
        "argument 1 of 'multiply'.*batch size in another way than a length",
    ),
    "assignment by value": (lambda x: assigned_by_value(x), "'getitem'.*a computed mask depends on values: use where"),
    "roll along the batch": (lambda x: np.roll(x, 1, axis=0), "'roll'.*depends on the batch"),
    "a value or a number": (
        lambda x: x * one_of(x.mean(), 2.0, x),
        "argument 1 of 'multiply'.*it is a float or a value of the graph",
    ),
    "one of two values": (lambda x: one_of(x * 2, x * 3, x) + 1, "argument 0 of 'add'.*it comes from different ops"),
    "one of two orders": (lambda x: x.reshape(-1, order=one_of("C", "F", x)) * 1, "of 'reshape'.*it is 'C', 'F', 'F'"),
    "one or two axes": (lambda x: np.sum(x, axis=one_of((1,), (0, 1), x)), "argument 1 of 'sum'.*it has different lengths"),
    "joined as often as there are samples": (
        lambda x: np.concatenate([x * 1] * len(x), axis=1),
        "of 'concatenate'.*it has different lengths",
    ),
    "a constant of one or two axes": (
        lambda x: x * np.ones(one_of((3,), (1, 3), x), np.float32),
        r"of 'multiply'.*it has shapes \(3,\), \(1, 3\), \(1, 3\)",
    ),
    "one or two outputs": (lambda x: (x * 2,) * (1 + four(x)), "different numbers of outputs"),
    "slope of sinc": (lambda x: ag.grad(lambda t: np.sinc(t).sum())(x), "'sinc' .*derivatives of sinc have no ONNX form"),
    "slope of gelu": (
        lambda x: ag.grad(lambda t: nn.functional.gelu(t).sum())(x),
        "'gelu_derivative' .*derivatives of gelu have no ONNX form",
    ),
    "slope of silu": (
        lambda x: ag.grad(lambda t: nn.functional.silu(t).sum())(x),
        "'silu' .*derivatives of silu have no ONNX form",
    ),
    "two windows along one axis": (
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 1)) * 1,
        "'sliding_window_view' .*two windows along one axis",
    ),
    "True as an index": (lambda x: x[True] * 1, "'getitem' .*an index of True or False"),
    "NumPy's True as an index": (lambda x: x[np.True_] * 1, "'getitem' .*an index of True or False"),
    "an option": (
        lambda x: np.any(x > 1, axis=1, where=np.array([True, False, True])) * 1,
        "'any' .*no form of it with the option where is written",
    ),
    "angles of each sample": (
        lambda x: ag.rotate_pairs(x[:, :2], np.tile([[0.5]], (len(x), 1))),
        "'rotate_pairs' .*angles for each sample: give them length 1",
    ),
}


@pytest.mark.filterwarnings("ignore:export_onnx")
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name, path, draw):
    f, message = REFUSED[name]
    path.write_bytes(b"old")
    with pytest.raises(ag.ExportError, match=message):
        ag.export_onnx(f, np.abs(draw(4, 3)) + 0.1, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert (modes.watch, modes.recording) == (None, True)


@pytest.mark.parametrize("layer", [nn.Unfold(2), nn.ConvTranspose2d(2, 2, 2)], ids=["Unfold", "ConvTranspose2d"])
def test_windows_along_the_batch_axis_are_refused(layer, path, draw):
    with pytest.raises(ag.ExportError, match="windows along an axis whose length depends on the batch"):
        ag.export_onnx(layer, draw(2, 2, 4, 5), path, batch_axis=2)


def test_angles_that_broadcast_over_the_samples(path, draw):
    f = lambda x: ag.rotate_pairs(x if isinstance(x, ag.Tensor) else ag.Tensor(x), [[0.5, 1.5]])
    agrees(f, draw(2, 4), path, draw(5, 4))


def test_a_constant_that_looks_like_an_input_is_refused(path, draw):
    f = lambda x, places: x[np.array(places.tolist())] * 1  # plain NumPy, which nothing sees
    with pytest.raises(ag.ExportError, match="may be a constant or an input, all of whose elements are equal: give different"):
        ag.export_onnx(f, (draw(4, 3), np.zeros(4, int)), path)


@pytest.mark.parametrize(
    "look",
    [
        lambda x: bool((x > -100).all()),
        lambda x: np.any(x < 100),
        lambda x: (x < 100).sum() == x.size,
        lambda x: float(x.sum()) < 1e9,
        lambda x: x.sum() < 1e9,
        lambda x: int(np.argmax(x)) > -1,
        lambda x: range(9)[x.argmax() // 2] > -1,
    ],
)
def test_a_decision_by_value_is_warned_of(look, path, draw):
    with pytest.warns(UserWarning, match="decides by the value of an input.*where"):
        ag.export_onnx(lambda x: x * 2 if look(x) else x * 3, draw(4, 3), path)


def test_a_shape_that_depends_on_values_is_refused(path):
    x = np.array([[1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])  # 4 positive ones of 2 rows, 5 of 3, 9 of 5
    for f in (lambda x: x[x > 0] * 2, assigned_by_value):
        with pytest.raises(ag.ExportError, match=r"the shape of .*'getitem' .*depends on values.*where"):
            ag.export_onnx(f, x, path)


@pytest.mark.filterwarnings("ignore:export_onnx")
@pytest.mark.parametrize("other", [lambda x: x * 3, lambda x: x + 2, lambda x: x * 2 + 1, lambda x: np.tanh(x) * 2])
def test_a_path_that_depends_on_values_is_refused(other, path):
    f = lambda x: x * 2 if (x == 1).all() else other(x)
    with pytest.raises(ag.ExportError, match=r"different paths|not the same in every run|not do the same in every run"):
        ag.export_onnx(f, np.ones((2, 3)), path)


def test_without_recording_nothing_can_be_written(path, draw):
    with pytest.raises(ag.ExportError, match=r"output is not recorded.*no_grad"):
        ag.export_onnx(ag.no_grad()(lambda x: np.tanh(x)), draw(2, 3), path)


def test_arguments_that_do_not_fit(path, draw):
    f = lambda x, y: x @ y
    with pytest.raises(ag.ShapeError, match=r"different batch sizes .'x' has 2, 'y' has 3.*batch_axis"):
        ag.export_onnx(f, (draw(2, 3), draw(3, 2)), path)
    with pytest.raises(ag.ShapeError, match="one for each of 2 inputs"):
        ag.export_onnx(f, (draw(2, 3), draw(3, 2)), path, batch_axis=(0,))
    with pytest.raises(ag.ShapeError, match="batch_axis 2 of input 'x', which has shape"):
        ag.export_onnx(np.tanh, draw(2, 3), path, batch_axis=2, input_names=["x"])
    with pytest.raises(ag.ExportError, match="input_names: one for each of 1"):
        ag.export_onnx(np.tanh, draw(2, 3), path, input_names=["x", "y"])
    with pytest.raises(ag.ExportError, match="output_names: one for each of 1"):
        ag.export_onnx(np.tanh, draw(2, 3), path, output_names=[])
    with pytest.raises(ag.ExportError, match="real numbers, integers or booleans"):
        ag.export_onnx(np.tanh, draw(2, 3) * 1j, path)
    with pytest.raises(ag.ExportError, match="example inputs that are arrays"):
        ag.export_onnx(np.tanh, ([1.0, 2.0],), path)


def test_a_wrong_row_is_noticed(path, draw, monkeypatch):
    ag.export_onnx(np.tanh, draw(2), path)  # loads the rows
    monkeypatch.setitem(sys.modules["autograd_core.onnx.build"].ROWS, "tanh", lambda g, _y, x: g.op("Sin", x))
    with pytest.raises(
        ag.ExportError, match=r"another output than the function: .* at index \(.*1e-05 of the largest number, 1,"
    ):
        ag.export_onnx(np.tanh, draw(2), path)
    rows = sys.modules["autograd_core.onnx.build"].ROWS
    positive = lambda g, _y, x: g.op("Compress", x, g.op("Greater", x, 0.0))
    monkeypatch.setitem(rows, "tanh", positive)
    with pytest.raises(ag.ExportError, match=r"gives output shape \(1,\) and float32; the function gives \(2,\)"):
        ag.export_onnx(np.tanh, np.array([1, -1], np.float32), path)


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [
        (lambda g, y: g.op("Mul", y, 1 + 5e-6), False),
        (lambda g, y: g.op("Mul", y, 1 + 2e-5), True),
        (lambda g, y: g.op("Add", y, 5e-4), False),  # of the largest number, which is 100
        (lambda g, y: g.op("Add", y, 2e-3), True),
        (lambda g, y: g.where(g.op("Less", y, 0.0), np.float32(np.nan), y), True),
        (lambda g, y: g.where(g.op("Less", y, 0.0), np.float32(np.inf), y), True),
        (lambda g, y: g.op("Mul", y, -1.0), True),
    ],
)
def test_what_is_more_than_rounding_is_refused(wrong, refused, path, monkeypatch):
    x = np.array([100.0, -1.0, 0.0, np.inf], np.float32)
    ag.export_onnx(np.positive, x, path, batch_axis=None)
    rows = sys.modules["autograd_core.onnx.build"].ROWS
    monkeypatch.setitem(rows, "positive", lambda g, _y, x: wrong(g, x))
    with pytest.raises(ag.ExportError, match="gives another output than the function") if refused else nullcontext():
        ag.export_onnx(np.positive, x, path, batch_axis=None)
    assert ag.export_onnx(np.positive, x, path, batch_axis=None, verify=False) == path


def test_infinities_and_nan_of_both_are_the_same(path):
    x = np.array([np.inf, -np.inf, np.nan, 1.0], np.float32)
    agrees(np.positive, x, path, batch_axis=None)


def test_a_row_that_cannot_be_run_or_written_is_noticed(path, draw, monkeypatch):
    ag.export_onnx(np.tanh, draw(2), path)
    rows = sys.modules["autograd_core.onnx.build"].ROWS
    pairs = lambda g, x: g.op("Reshape", g.op("Tanh", x), np.array([-1, 2]))
    monkeypatch.setitem(rows, "tanh", lambda g, _y, x: g.op("Reshape", pairs(g, x), np.array([-1])))
    with pytest.raises(ag.ExportError, match="onnxruntime cannot run the file"):
        ag.export_onnx(np.tanh, draw(2), path)
    monkeypatch.setitem(rows, "tanh", lambda g, _y, x: g.op("Pad", x, np.array([0, 0]), mode="no such mode"))
    with pytest.raises(ag.ExportError, match=r"onnxruntime refuses the file: .*mode"):
        ag.export_onnx(np.tanh, draw(2), path)
    monkeypatch.setitem(rows, "tanh", lambda g, _y, x: g.op("NoSuchOp", x))
    with pytest.raises(ag.ExportError, match="onnx refuses the graph"):
        ag.export_onnx(np.tanh, draw(2), path)


def test_a_file_that_would_be_too_large_is_refused(path, draw, monkeypatch):
    ag.export_onnx(np.tanh, draw(2), path)
    monkeypatch.setattr(sys.modules["autograd_core.onnx.export"], "_LARGEST", 100)
    with pytest.raises(ag.ExportError, match="take 512 bytes, more than the 2 GiB"):
        ag.export_onnx(lambda x: x @ np.ones((16, 8), np.float32), draw(2, 16), path)


def test_a_missing_package_is_named(path, draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ag.MissingExtraError, match=r"pip install 'autograd-core\[onnx\]'"):
        ag.export_onnx(np.tanh, draw(2), path)


# Everything is put back


def test_modules_are_exported_in_evaluation_mode_and_put_back(path, draw):
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Dropout(0.5), Hidden())
    net[1].eval()
    net[0].bias.requires_grad = False
    ag.default_rng().integers(0, 9)
    before = ag.default_rng().bit_generator.state
    with pytest.raises(ag.ExportError):
        ag.export_onnx(net, draw(4, 3), path)
    assert [m.training for m in net.modules()] == [True, True, False, True, True]
    assert [p.requires_grad for p in net.parameters()] == [True, False]
    assert not any(m._before or m._after for m in net.modules())
    assert ag.default_rng().bit_generator.state == before
    assert (modes.watch, modes.recording) == (None, True)


class Pipeline:
    """An object that is no module, and has one."""

    def __init__(self):
        self.net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))

    def apply(self, x):
        return self.net(x) * 2


def test_modules_that_a_function_refers_to_are_found(path, draw):
    net, pipeline = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 2)), Pipeline()
    given = draw(4, 3)
    for f, modules in ((lambda x: net(x * 2), [net]), (pipeline.apply, [pipeline.net])):
        before = [m.state_dict() for m in modules]
        ag.export_onnx(f, given, path)
        assert all(m.training for m in modules[0].modules())
        for m, state in zip(modules, before, strict=True):
            assert all(np.array_equal(state[name], value) for name, value in m.state_dict().items())
        modules[0].eval()
        np.testing.assert_allclose(evaluated(path, given)[0], f(given).numpy(), rtol=1e-5, atol=1e-6)
        names = [t.name for t in onnx.load(str(path)).graph.initializer]
        assert {f"net.{name}" for name, _ in modules[0].named_parameters()} <= {*names}


def test_an_error_of_the_function_is_its_own(path, draw):
    def wrong(x):
        raise KeyError("mine")

    with ag.no_grad(), pytest.raises(KeyError, match="mine"):
        ag.export_onnx(wrong, draw(4, 3), path)
    assert (modes.watch, modes.recording) == (None, True)


def test_threads_export_while_others_compute(tmp_path, draw):
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).eval()
    given, stop = draw(2, 3), threading.Event()
    expected = net(given).numpy()

    def compute():
        while not stop.is_set():
            np.testing.assert_array_equal(net(given).numpy(), expected)
        return True

    def export(k):
        own = nn.Sequential(nn.Linear(3, 4 + k), nn.ReLU())
        agrees(own, given, tmp_path / f"own{k}.onnx", draw(4, 3))

    with ThreadPoolExecutor(5) as pool:
        busy = pool.submit(compute)
        others = [pool.submit(export, k) for k in range(3)]
        try:
            for _ in range(5):
                model = agrees(net, given, tmp_path / "net.onnx")
                assert {node.name.split("/")[0] for node in model.graph.node} == {"0", "1", "2", "output_0"}
            for other in others:
                other.result()
        finally:
            stop.set()
        assert busy.result()


# Names

HOSTILE = [
    '"quoted"',
    "line\nbreak",
    "<script>alert(1)</script>",
    "naïve 名前 🎉",
    "a\0b",
    "\ud800",
    "",
    "../../etc",
    "a b;c",
    "x" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name, path, draw):
    layers = nn.ModuleDict({"plain": nn.Linear(3, 3)})
    setattr(layers, name, nn.Linear(3, 3))
    f = type("Net", (nn.Module,), {"forward": lambda self, x: getattr(self.layers, name)(self.layers["plain"](x))})()
    f.layers = layers
    f.__class__.__name__ = "Net"
    ag.export_onnx(f, draw(2, 3), path, input_names=[name], output_names=[name])
    model = onnx.load(str(path))
    (y,) = evaluated(path, x := draw(5, 3))
    np.testing.assert_allclose(y, f(x).numpy(), rtol=1e-5, atol=1e-6)
    names = [t.name for t in (*model.graph.initializer, *model.graph.input, *model.graph.output)]
    names += [output for node in model.graph.node for output in node.output if output != model.graph.output[0].name]
    assert len(set(names)) == len(names)
    assert all(n.isascii() and n.isprintable() and not set(n) & set("\"'<>&\\ ;") for n in names)
    shown = f"layers.{name}.weight".encode("utf-8", "backslashreplace").decode()
    assert shown in [t.doc_string for t in model.graph.initializer]


def test_names_that_become_equal_stay_apart(path, draw):
    f = lambda a, b: {"y 1": a + b, "y_1": a * b}
    ag.export_onnx(f, (draw(2), draw(2)), path, input_names=["in put", "in?put"])
    model = onnx.load(str(path))
    assert [i.name for i in model.graph.input] == ["in_put", "in_put_2"]
    assert len({o.name for o in model.graph.output}) == 2


def test_a_file_that_cannot_be_written_is_a_save_error(tmp_path):
    double = lambda x: x * 2
    with pytest.raises(ag.SaveError, match="No such file or directory"):
        ag.export_onnx(double, np.ones((2, 2)), tmp_path / "missing" / "a.onnx")
    with pytest.raises(ag.SaveError, match="it is a folder"):
        ag.export_onnx(double, np.ones((2, 2)), tmp_path)
    assert not list(tmp_path.iterdir())
