"""`export_onnx`: whole networks and functions against onnxruntime, also with other batch sizes; and what it refuses."""

import importlib.util
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.graph import modes

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(start):
    """The example whose name starts so."""
    (file,) = EXAMPLES.glob(f"{start}*.py")
    name = f"example_{start}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def evaluated(path, *inputs):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs, strict=True)))


def arrays(result):
    return [x.numpy() if isinstance(x, ag.Tensor) else np.asarray(x) for x in ag.tree.flatten(result)[0]]


def agrees(f, inputs, path, *others, tolerance=1e-5, **options):
    """Export on these inputs; on these and others onnxruntime has to give what f gives."""
    ag.export_onnx(f, inputs, path, **options)
    f = f.eval() if isinstance(f, nn.Module) else f
    for given in (inputs, *others):
        given = given if isinstance(given, tuple) else (given,)
        expected = arrays(f(*given))
        found = evaluated(path, *ag.tree.flatten(given)[0])
        for y, e in zip(found, expected, strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y, e, rtol=tolerance, atol=tolerance)
    return onnx.load(str(path))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "f.onnx"


@pytest.fixture
def draw(rng):
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


# Networks


def test_mlp(path, draw):
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm1d(16), nn.Linear(16, 3), nn.Softmax())
    net[3].running_mean.copy_(draw(16))
    net[3].running_var.copy_(draw(16) ** 2)
    model = agrees(net, draw(4, 6), path, draw(1, 6), draw(9, 6))
    assert {t.name for t in model.graph.initializer} >= {name for name, _ in net.named_parameters()}
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == ["batch", 6]


def test_cnn_of_the_examples(path, draw):
    net = example("cnn").network()
    agrees(net, draw(2, 1, 8, 8), path, draw(1, 1, 8, 8), draw(5, 1, 8, 8))


class Reader(nn.Module):
    """Words to vectors, through a recurrent layer, to scores from the last step."""

    def __init__(self, layer, **options):
        self.words = nn.Embedding(11, 5)
        self.layer = layer(5, 7, batch_first=True, **options)
        self.scores = nn.Linear(7 * (1 + options.get("bidirectional", False)), 3)

    def forward(self, words):
        return self.scores(self.layer(self.words(words))[0][:, -1])


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_recurrent_networks(layer, options, path, rng):
    words = lambda n: rng.integers(0, 11, (n, 6))
    agrees(Reader(layer, **options), words(3), path, words(1), words(8))


def test_states_are_inputs_and_outputs(path, draw):
    lstm = nn.LSTM(3, 4)
    given = lambda n: (draw(5, n, 3), (draw(1, n, 4), draw(1, n, 4)))
    model = agrees(lstm, given(2), path, given(6), batch_axis=1)
    assert [i.name for i in model.graph.input] == ["x", "state[0]", "state[1]"]
    assert [o.name for o in model.graph.output] == ["output[0]", "output[1][0]", "output[1][1]"]


def test_char_gpt_of_the_examples(path, rng):
    gpt = example("char").GPT("abcdefg ", width=16, layers=2, heads=4, length=12)
    letters = lambda n: rng.integers(0, 8, (n, 12))
    model = agrees(gpt, letters(1), path, letters(4))
    assert gpt.state_dict().keys() <= {t.name for t in model.graph.initializer}
    assert any(node.name.startswith("blocks.layers.1.linear1/") for node in model.graph.node)


class Tagger(nn.Module):
    """A transformer that makes its mask from the numbers of words: 0 is padding."""

    def __init__(self):
        self.words = nn.Embedding(9, 8, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.tags = nn.Linear(8, 4)

    def forward(self, words):
        y = self.encoder(self.words(words), src_key_padding_mask=words == 0)
        return self.tags(y), self.tags(y).argmax(axis=-1)


def test_masks_computed_from_integer_inputs(path, rng):
    words = lambda n: np.where(np.arange(5) < rng.integers(1, 6, (n, 1)), rng.integers(1, 9, (n, 5)), 0)
    agrees(Tagger(), words(3), path, words(1), words(7), np.zeros((1, 5), int))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(3, 4, 3, padding="same", padding_mode="circular"), (3, 7)),
        (nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=1), (3, 4, 5)),
        (nn.AvgPool2d(3, padding=1, ceil_mode=True), (2, 6, 7)),
        (nn.MaxPool1d(2, padding=1, dilation=3), (2, 9)),
        (nn.AdaptiveAvgPool2d(3), (2, 7, 8)),
        (nn.GroupNorm(2, 4), (4, 5)),
        (nn.InstanceNorm1d(4), (4, 5)),
        (nn.LayerNorm(5), (4, 5)),
        (nn.RMSNorm(5), (4, 5)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4)),
        (nn.PixelShuffle(2), (8, 3, 2)),
        (nn.Unfold(2), (2, 4, 5)),
        (nn.RotaryEmbedding(6), (2, 5, 6)),
        (nn.SinusoidalPositionalEncoding(6), (5, 6)),
        (nn.Hardshrink(), (5,)),
        (nn.Threshold(0.1, 20.0), (5,)),
        (nn.Softplus(), (5,)),
        (nn.PReLU(), (5,)),
        (nn.GELU(), (5,)),
        (nn.Mish(), (5,)),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "",
)
def test_layers_with_other_batch_sizes(layer, shape, path, draw):
    agrees(layer, draw(2, *shape), path, draw(1, *shape), draw(6, *shape))


# What depends on the batch size stays variable

W = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


def assigned(x):
    y = x * 1
    y[:, 1] = 5
    y[1:, ::2] = x[:-1, ::2] * 2
    return y


BATCHES = {
    "reshape to rows": lambda x: x.reshape(-1, 2) @ W[:2],
    "reshape by length": lambda x: x.reshape(len(x) * 2, 2).sum(axis=1).reshape(len(x), 2),
    "reshape by columns": lambda x: np.reshape(x, (2, -1), order="F"),
    "mean over the batch": lambda x: x - x.mean(axis=0),
    "variance over the batch": lambda x: x.var(axis=0, ddof=1),
    "divided by the length": lambda x: x.sum(axis=0) / len(x),
    "length in an index": lambda x: x[len(x) - 1] + x[-1] + x[: len(x) - 1].sum(axis=0),
    "turned round": lambda x: x[::-1],
    "shifted": lambda x: np.concatenate([x[1:], x[:1]]),
    "zeros": lambda x: np.concatenate([x, np.zeros((len(x), 2), np.float32)], axis=1),
    "twice": lambda x: np.concatenate([x, x]),
    "counting": lambda x: x * np.arange(len(x), dtype=np.float32)[:, None],
    "diagonal": lambda x: x[np.arange(len(x)), np.arange(len(x)) * 0 + 1],
    "every pair": lambda x: x @ x.T,
    "outer": lambda x: np.einsum("ij,kl->ijkl", x, x).sum(axis=(1, 3)),
    "running sum": lambda x: np.cumsum(x, axis=0),
    "repeated": lambda x: np.repeat(x, 3, axis=0),
    "tiled": lambda x: np.tile(x, (2, 1)),
    "broadcast": lambda x: np.broadcast_to(x.mean(axis=0), x.shape) * 2,
    "stacked": lambda x: np.stack([x, -x]),
    "assigned": assigned,
    "triangle": lambda x: np.tril(x[:, :, None] * x[:, None, :]),
    "flattened": lambda x: x.ravel(),
    "picked rows": lambda x: x[[0, -1, 0]],
    "picked places": lambda x: x[[0, 1, 0], [1, 2, 3]],
    "new axes": lambda x: x[None, :, None, ::2],
    "masked columns": lambda x: x[:, np.array([True, False, True, False])],
    "norms": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
    "a tensor made inside": lambda x: x + ag.Tensor(np.ones((len(x), 1), np.float32), requires_grad=True) * 2,
    "covariance": lambda x: np.cov(x.T),
    "size": lambda x: x.sum() / x.size,
    "detached": lambda x: np.tanh(x) * x.detach() + x[:, :1].detach() + np.sum(x).detach(),
}


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("n", [1, 2, 4])
def test_functions_with_other_batch_sizes(name, n, path, draw):
    n = max(n, 2) if name in ("picked places", "variance over the batch", "covariance") else n
    agrees(lambda x: BATCHES[name](ag.Tensor(x) if isinstance(x, np.ndarray) else x), draw(n, 4), path, draw(3, 4), draw(7, 4))


def test_another_batch_axis_or_none(path, draw):
    agrees(lambda x: x.sum(axis=0) @ W.T, (draw(5, 2, 3),), path, draw(5, 4, 3), batch_axis=1)
    agrees(lambda x, w: x @ w, (draw(2, 3), draw(3, 4)), path, (draw(7, 3), draw(3, 4)), batch_axis=(0, None))
    model = agrees(lambda x: x.reshape(2, 6), draw(4, 3), path, batch_axis=None)
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [4, 3]


# Values without a gradient


def cut_off(x):
    y = x * 1
    y[y > 1] = 1
    y[y[:, 0] < 0] = 0
    return y


CHOICES = {
    "assigned where": cut_off,
    "comparison": lambda x: ag.where(x > 0, x, x * 0.1),
    "numbers": lambda x: ag.where((x >= -1) & ~(x > 1) | (x == 2), x, 0),
    "mask as factor": lambda x: x * (x > 0),
    "not a number": lambda x: ag.where(np.isnan(x) | np.isinf(x), 0, x) + ag.where(np.isfinite(x) ^ (x < 0), 1, 2),
    "places": lambda x: (x.argmax(axis=1), np.argmin(x, axis=0), x.argmax()),
    "any and all": lambda x: ((x > 0).any(axis=1), np.all(x > -1, axis=0), np.any(x != x)),
    "count": lambda x: (x > 0).sum(axis=1) + 1,
    "one hot": lambda x: (x.argmax(axis=1)[:, None] == np.arange(4)).astype(np.float32),
    "the largest": lambda x: x[np.arange(len(x)), x.argmax(axis=1)],
    "truth as numbers": lambda x: ((x > 0) * (x < 1), (x > 1) + (x < 0), np.maximum(x > 0, x < -1)),
    "truth": lambda x: (x > 0, x <= 0.5, np.logical_xor(x > 0, x < 1), np.signbit(x)),
    "mean of the known": lambda x: np.nanmean(ag.where(x > 1, np.nan, x), axis=1),
    "running sum of the known": lambda x: np.nancumsum(ag.where(x > 1, np.nan, x), axis=1),
}


@pytest.mark.parametrize("name", CHOICES)
def test_masks_and_places(name, path, draw):
    f = lambda x: CHOICES[name](ag.Tensor(x) if isinstance(x, np.ndarray) else x)
    agrees(f, draw(3, 4), path, draw(1, 4), draw(6, 4))


NUMBERS = {
    "embedding": lambda i: ag.take(ag.Tensor(W, requires_grad=True), i, axis=0),
    "of a tensor": lambda i: ag.take(ag.Tensor(W, requires_grad=True), i if type(i) is np.ndarray else i.numpy() % 4, axis=0),
    "arithmetic": lambda i: (i * 2 + 1) % 3,
    "turned": lambda i: i[:, ::-1],
    "as floats": lambda i: ag.exp(ag.Tensor(i.astype(np.float32) / 4)) if type(i) is np.ndarray else i.astype(np.float32),
    "as columns": lambda i: i.T.reshape(-1),
    "masked": lambda i: np.where(i > 1, i, -1),
    "picked": lambda i: ag.Tensor(W, requires_grad=True)[i[:, 0], i[:, 1] - 1],
}


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "as floats"])
def test_integer_inputs(name, dtype, path, rng):
    given = lambda n: rng.integers(0, 4, (n, 3)).astype(dtype)
    agrees(NUMBERS[name], given(2), path, given(1), given(5))


def test_integers_that_are_all_equal_are_inputs_too(path):
    agrees(NUMBERS["embedding"], np.zeros((1, 3), int), path, np.array([[1, 2, 3], [3, 0, 0]]))
    agrees(nn.Embedding(3, 2), np.zeros((1, 3), np.int32), path, np.array([[1, 2, 0]], np.int32))


def test_boolean_inputs(path, draw, rng):
    given = lambda n: (draw(n, 3), rng.random((n, 3)) < 0.5)
    agrees(lambda x, keep: ag.where(keep, x, -x).sum(axis=1), given(3), path, given(5))


def test_parameters_that_are_not_trained(path, rng):
    table = nn.Embedding.from_pretrained(W)
    model = agrees(table, rng.integers(0, 4, (2, 3)), path, rng.integers(0, 4, (5, 3)))
    assert [t.name for t in model.graph.initializer] == ["weight"]
    assert not table.weight.requires_grad


# Inside the function


def test_checkpoints_and_gradients_inside(path, draw):
    block = ag.checkpoint(lambda x: np.tanh(x @ W.T) * 2)
    agrees(lambda x: block(ag.Tensor(x) if isinstance(x, np.ndarray) else x) + 1, draw(2, 3), path, draw(5, 3))
    energy = lambda x: (np.sin(x) * x).sum()
    agrees(lambda x: ag.grad(energy)(x), draw(2, 3), path, draw(5, 3))


class Spectral(nn.Module):
    """A weight divided by its largest singular value."""

    def __init__(self):
        self.weight = nn.Parameter(W)

    def forward(self, x):
        return x @ (self.weight / ag.linalg.svdvals(self.weight)[0])


def test_ops_on_parameters_alone_need_no_form(path, draw):
    agrees(Spectral(), draw(2, 4), path, draw(3, 4))


def test_double_precision(path, rng):
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).astype(np.float64)
    agrees(net, rng.normal(size=(2, 3)), path, rng.normal(size=(5, 3)), tolerance=1e-12)


def test_shared_parameters_are_stored_once(path, draw):
    first = nn.Linear(4, 4)
    model = agrees(nn.Sequential(first, nn.Tanh(), first), draw(2, 4), path)
    assert sorted(t.name for t in model.graph.initializer) == ["0.bias", "0.weight"]


def test_the_file_is_of_a_version_that_others_read(path, draw):
    model = agrees(np.tanh, draw(2), path)
    assert (model.opset_import[0].version, model.ir_version, model.producer_name) == (20, 9, "autograd_core")


def test_keyword_arguments_and_named_outputs(path, draw):
    f = lambda *, scale, pair, power=2: {"sum": pair[0] + pair[1], "scaled": scale * pair[0] ** power, "same": scale}
    given = {"pair": [draw(2, 3), draw(2, 3)], "scale": draw(2, 3), "power": 3}
    ag.export_onnx(f, given, path)
    model = onnx.load(str(path))
    assert [i.name for i in model.graph.input] == ["pair[0]", "pair[1]", "scale"]
    assert [o.name for o in model.graph.output] == ["output[_sum_]", "output[_scaled_]", "output[_same_]"]
    found = evaluated(path, *given["pair"], given["scale"])
    for y, e in zip(found, f(**given).values(), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-5, atol=1e-6)
    ag.export_onnx(f, given, path, input_names=["a", "b", "c"], output_names=["u", "v", "w"])
    model = onnx.load(str(path))
    assert [i.name for i in model.graph.input] + [o.name for o in model.graph.output] == ["a", "b", "c", "u", "v", "w"]


def test_what_a_function_keeps_of_a_run_is_a_plain_array_afterwards(path, draw, recwarn):
    kept = []
    ag.export_onnx(lambda x: kept.append(x > 0) or x * 2, draw(3, 3), path)
    assert kept[0].any() in (True, False)
    assert (kept[0] & kept[0]).shape == (3, 3)
    assert bool(kept[0].all()) in (True, False)
    assert not recwarn


def test_an_op_of_ones_own_takes_a_row(path, draw, monkeypatch):
    from autograd_core.onnx import row
    from autograd_core.onnx.build import ROWS

    fourth = ag.custom_op("fourth power", lambda x: x**4, lambda g, _y, x: 4 * g * x**3)
    with pytest.raises(ag.ExportError, match=r"'fourth power' .*no form of it is known.*autograd_core.onnx.row"):
        ag.export_onnx(fourth, draw(2, 3), path)
    monkeypatch.setitem(ROWS, "fourth power", None)
    row("fourth power")(lambda g, _y, x: g.op("Mul", g.op("Mul", x, x), g.op("Mul", x, x)))
    agrees(fourth, draw(2, 3), path, draw(5, 3))


# Refusals


def assigned_by_value(x):
    y = x * 1
    y[x > 0] = x[x > 0]
    return y


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
    with pytest.raises(ag.ExportError, match=r"onnxruntime gives another output than the function.*largest difference"):
        ag.export_onnx(np.tanh, draw(2), path)


def test_a_row_that_cannot_be_run_or_written_is_noticed(path, draw, monkeypatch):
    ag.export_onnx(np.tanh, draw(2), path)
    rows = sys.modules["autograd_core.onnx.build"].ROWS
    pairs = lambda g, x: g.op("Reshape", g.op("Tanh", x), np.array([-1, 2]))
    monkeypatch.setitem(rows, "tanh", lambda g, _y, x: g.op("Reshape", pairs(g, x), np.array([-1])))
    with pytest.raises(ag.ExportError, match="onnxruntime cannot run the file"):
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
