"""`export_onnx`: whole networks and functions against onnxruntime, also with other batch sizes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from .onnx_support import W, agrees, arrays, evaluated  # noqa: E402

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


EXAMPLE_NETWORKS = {
    "MLP": (lambda: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10)), (64,), None),
    "CNN": (lambda: example("cnn").network(), (1, 8, 8), None),
    "LSTM": (lambda: Reader(nn.LSTM, num_layers=2), (20,), 11),
    "transformer": (lambda: example("char").GPT("abcdefg ", width=32, layers=2, heads=4, length=24), (24,), 8),
}


@pytest.mark.parametrize("name", EXAMPLE_NETWORKS)
def test_outputs_of_the_examples_agree_to_1e_5_of_the_largest(name, path, rng):
    make, shape, words = EXAMPLE_NETWORKS[name]
    given = lambda n: rng.normal(size=(n, *shape)).astype(np.float32) if words is None else rng.integers(0, words, (n, *shape))
    net = make()
    ag.export_onnx(net, given(3), path)
    net.eval()
    for n in (1, 3, 32):
        x = given(n)
        (y,), (expected,) = evaluated(path, x), arrays(net(x))
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 1e-5 * np.abs(expected).max()
