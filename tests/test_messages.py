"""Messages of errors that stand in no other test: each says what is wrong. `make raises` finds those that are missing here."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import demo
from autograd_core.viz import backward, command
from nn import functional

T = ag.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
V = ag.Tensor([1.0, 2.0, 3.0], requires_grad=True)
Z = ag.Tensor([1 + 2j], requires_grad=True)
ONE = ag.Tensor(1.0, requires_grad=True)
A = np.ones((2, 3))
WRONG = ag.custom_op("wrong", lambda x: x * x, lambda g, _y, x: g * x)


def of(call, error, message):
    return pytest.param(call, error, message, id=message[:50])


ENGINE = [
    of(lambda: ag.nothing, AttributeError, "module 'autograd_core' has no attribute 'nothing'"),
    of(lambda: ag.check.gradcheck(lambda x: (x > 0) * 1, A), ag.DTypeError, "the function returned dtype int64: nothing to"),
    of(lambda: demo.main(None, 0, 0), ValueError, "--epochs has to be at least 1; got 0"),
    of(lambda: ag.gradients([ONE * 2, ONE * 3], [ONE], [1.0]), ag.ShapeError, "2 outputs, 1 cotangents"),
    of(lambda: (ONE * 2).copy_(1.0), ag.GraphError, "only leaves are written in place"),
    of(lambda: np.sin(T, where=A > 0), ag.NoRuleError, "'sin' on a Tensor does not take where=; use where(condition, a, b)"),
    of(lambda: np.add(T, T, signature="dd->d"), ag.NoRuleError, "'add' on a Tensor does not take signature="),
    of(lambda: ag.grad(lambda x: x)("text"), ag.DTypeError, "argument 0: a Tensor holds booleans"),
    of(lambda: np.sign(Z).real.sum().backward(), ag.NoRuleError, "'sign' of complex numbers, x/|x|, has no rule"),
    of(
        lambda: ag.check.gradcheck(np.sin, A, rng=2),
        TypeError,
        "rng= takes a generator; got 2: pass np.random.default_rng(2)",
    ),
    of(lambda: T.backward(np.ones(2)), ag.ShapeError, "has its shape (2, 3); got (2,)"),
    of(lambda: T.copy_(A), ag.GraphError, "which requires a gradient, while recording: do it under no_grad()"),
    of(lambda: ag.check.gradcheck(WRONG, A).raise_if_failed(), ag.check.CheckError, "FAILED"),
    of(lambda: np.fft.fft(T, 0), ag.ShapeError, "a Fourier transform of length 0: it needs at least 1 point"),
]


def assigned(value, tensor=None):
    t = ag.Tensor([1.0]) if tensor is None else tensor
    t[0] = value


INDEXING = [
    of(lambda: assigned(1.0, V), ag.GraphError, "a leaf that requires a gradient: to change the leaf itself"),
    of(lambda: assigned(ONE, ag.Tensor([1])), ag.DTypeError, "would cut the gradient: use an array of floats"),
    of(lambda: np.take(T, [0], out=np.zeros(1)), ag.NoRuleError, "'take' does not take out=: use the value that it returns"),
    of(lambda: assigned(1j), ag.DTypeError, "would drop the imaginary part: use a complex array, or value.real"),
    of(lambda: np.take(T, [0.5]), ag.DTypeError, "indices have to be integers; got dtype float64"),
    of(lambda: np.take(T, [0], mode="other"), ValueError, "mode has to be 'raise', 'wrap' or 'clip'; got 'other'"),
    of(lambda: np.take_along_axis(T, np.array([0]), 1), ag.ShapeError, "integers with 2 axes; got int64 with 1"),
    of(lambda: np.choose(np.array([0, 5]), [V[:2], V[1:]]), IndexError, "numbers from 0 to 5 for 2 choices"),
    of(lambda: np.compress(A > 0, T), ValueError, "the condition has to have one axis; its shape is (2, 3)"),
    of(lambda: np.select([A > 0], [T, T]), ValueError, "1 conditions and 2 choices: as many of each, and at least one"),
    of(lambda: np.select([A], [T]), ag.DTypeError, "the conditions have to be boolean arrays"),
    of(lambda: np.piecewise(V, [V.numpy() > 1], []), ValueError, "1 conditions need as many functions, or one more; got 0"),
    of(lambda: np.fill_diagonal(ag.Tensor([1.0]), 0), ValueError, "two axes are needed, or more of one length"),
    of(
        lambda: np.lib.stride_tricks.sliding_window_view(V, 2, writeable=True),
        ValueError,
        "a writeable window view is not recorded",
    ),
    of(
        lambda: np.put_along_axis(np.zeros(3), np.array([0]), V[:1], 0),
        ag.GraphError,
        "'put_along_axis' would write tracked values into a plain array",
    ),
]

JOINING = [
    of(lambda: ag.block((V, V)), ag.DTypeError, "blocks stand in lists; a tuple could mean an index or an array"),
    of(lambda: ag.block([V, []]), ValueError, "an empty list of blocks"),
    of(lambda: ag.block([V, [V]]), ValueError, "the lists are nested to different depths {0, 1}"),
    of(lambda: np.insert(V, 0, 1j), ag.DTypeError, "an array of dtype float64 cannot hold complex128 values: use astype"),
    of(lambda: np.array_split(V, 0), ValueError, "the number of sections has to be positive; got 0"),
    of(lambda: np.split(V, 2), ValueError, "axis 0 of shape (3,) cannot be divided into 2 equal sections"),
    of(lambda: np.dsplit(V, 1), ValueError, "an array with at least 3 axes is needed; its shape is (3,)"),
    of(lambda: np.pad(V, 1, lambda *_: None), ag.NoRuleError, "'pad' with a function as mode is not recorded"),
    of(lambda: np.pad(V, 0.5), ag.DTypeError, "pad_width has to be of integers; got float64"),
    of(lambda: np.pad(V, -1), ValueError, "pad_width is negative: to cut elements off, use a slice"),
    of(lambda: np.pad(V[:0], 1, "mean"), ValueError, "mode 'mean' needs at least one element along axis 0"),
    of(lambda: np.concatenate([V, V], dtype=int), ag.DTypeError, "cannot join float64 to a result of dtype int64"),
    of(lambda: ag.concatenate([]), ValueError, "at least one array is needed"),
]

SHAPES = [
    of(lambda: np.squeeze(T, 0), ValueError, "axis 0 of shape (2, 3) is not of length 1"),
    of(lambda: np.meshgrid(V, V, indexing="ab"), ValueError, "indexing has to be 'xy' or 'ij'; got 'ab'"),
    of(lambda: np.resize(V, (-1,)), ValueError, "the new shape (-1,) has a negative length"),
    of(lambda: np.diag(ag.Tensor(np.zeros((1, 1, 1)))), ValueError, "a vector or a matrix is needed"),
    of(lambda: np.tril(ONE), ValueError, "an array with at least one axis is needed"),
]

LINALG = [
    of(lambda: ag.linalg.tensorinv(T, 0), ag.ShapeError, "'tensorinv' needs ind > 0; got 0"),
    of(lambda: ag.linalg.multi_dot([T]), ag.ShapeError, "'multi_dot' takes at least two arrays; got 1"),
    of(lambda: np.linalg.outer(T, V), ag.ShapeError, "'linalg.outer' takes vectors; ag.outer flattens"),
    of(lambda: ag.linalg.expm(T), ag.ShapeError, "'expm' takes square matrices, in the last two axes; got shape (2, 3)"),
    of(lambda: np.linalg.norm(V, "fro"), ag.ShapeError, "'norm' of vectors has no order 'fro'"),
    of(lambda: np.linalg.norm(T, 3), ag.ShapeError, "'norm' of matrices has no order 3"),
    of(lambda: np.linalg.norm(ag.Tensor(np.ones((1, 1, 1))), 1), ag.ShapeError, "'norm' with ord=1 is of vectors (one axis)"),
    of(lambda: np.vecdot(V, V[:2]), ag.ShapeError, "'vecdot' along axes of lengths 3 and 2: they have to be the same"),
    of(lambda: np.cross(V, V[:2]), ag.ShapeError, "'cross' takes vectors with 3 elements; got 3 and 2"),
    of(lambda: np.tensordot(T, T, 1), ag.ShapeError, "'tensordot' of shapes (2, 3) and (2, 3) over axes (1,) and (0,)"),
    of(lambda: np.einsum("i,i->", V), ag.ShapeError, "einsum 'i,i->' has 2 terms for 1 operands"),
    of(lambda: np.einsum("i->ii", V), ag.ShapeError, "einsum 'i->ii': each label of the result has to stand there once"),
    of(lambda: np.einsum("ij->i", V), ag.ShapeError, "einsum 'ij->i': an operand of shape (3,) has 1 axes"),
    of(lambda: np.einsum("i,i->i", V, V[:2]), ag.ShapeError, "label 'i' has lengths 3 and 2"),
]

SCANS = [
    of(lambda: np.sum(T, out=np.zeros(())), ag.NoRuleError, "'sum' on a Tensor does not take out=: use the value"),
    of(lambda: np.cov(ag.Tensor(np.zeros((1, 1, 1)))), ag.ShapeError, "cov takes one or two axes, variables and samples; got"),
    of(lambda: np.max(T, where=A > 0), ValueError, "a maximum or minimum with where= needs initial="),
    of(lambda: np.average(T, weights=np.ones(5)), ag.ShapeError, "average: weights of shape (5,) for an array of shape (2, 3)"),
    of(lambda: np.diff(V, -1), ValueError, "diff: n is at least 0; got -1"),
    of(lambda: np.gradient(T, 1.0, 1.0, 1.0), TypeError, "gradient takes one spacing, or one for each of 2 axes; got 3"),
    of(lambda: np.gradient(V[:1]), ValueError, "gradient with edge_order=1 needs at least 2 elements along axis 0; got 1"),
    of(lambda: np.gradient(V, [0.0, 1.0]), ValueError, "gradient: 2 coordinates for 3 elements along axis 0"),
    of(lambda: np.quantile(V, 2.0), ValueError, "quantiles are between 0 and 1 (percentiles between 0 and 100)"),
    of(lambda: np.quantile(V, 0.5, method="other"), ag.NoRuleError, "quantile on a Tensor knows the methods"),
    of(lambda: np.quantile(V, 0.5, out=np.zeros(())), ag.NoRuleError, "'quantile' on a Tensor does not take weights=, out="),
    of(lambda: np.convolve(V, V, "other"), ValueError, "convolve: mode is 'full', 'same' or 'valid'; got 'other'"),
    of(lambda: ag.polygamma(-1, V), ValueError, "the order of polygamma is a whole number from 0; got -1"),
]
if hasattr(np, "cumulative_sum"):
    SCANS.append(of(lambda: np.cumulative_sum(T), ValueError, "axis has to be given for an array of 2 axes"))

X = np.ones((1, 2, 4, 4))
NEURAL = [
    of(lambda: ag.linear(A, np.ones((2, 2))), ag.ShapeError, "'linear' takes x (..., in), weight (out, in), bias (out,); got"),
    of(
        lambda: ag.softmax_cross_entropy(T, np.ones(2)),
        ag.DTypeError,
        "'softmax_cross_entropy' takes integer labels; got float64",
    ),
    of(
        lambda: ag.softmax_cross_entropy(T, np.ones(3, int)), ag.ShapeError, "takes scores (..., classes) and labels (...); got"
    ),
    of(lambda: ag.conv(X, np.ones((1, 2, 2, 2)), (1, 1, 1)), ag.ShapeError, "stride has one number per position axis: 2; got"),
    of(lambda: ag.conv_transpose(X, np.ones((3, 1, 2, 2))), ag.ShapeError, "'conv_transpose' takes x (samples, channels, *pos"),
    of(
        lambda: ag.conv_transpose(X, np.ones((2, 1, 1, 1)), padding=3),
        ag.ShapeError,
        "with padding (3, 3) leaves shape (-2, -2)",
    ),
]

LAYERS = [
    of(lambda: nn.ModuleDict({"a": 1}), TypeError, "a ModuleDict takes modules; 'a' is a int"),
    of(lambda: nn.Flatten(2, 1)(X), ag.ShapeError, "Flatten from axis 2 to 1 of shape (1, 2, 4, 4): none between them"),
    of(
        lambda: functional.cosine_embedding_loss(A, A, np.ones(3)),
        ag.ShapeError,
        "cosine_embedding_loss takes vectors (n, features) and targets (n,); got (2, 3) and (3,)",
    ),
    of(lambda: functional.group_norm(X, 3), ag.ShapeError, "divides channels into 3; got (1, 2, 4, 4)"),
    of(
        lambda: functional.pad(V, (1, 1), "other"),
        ValueError,
        "mode is 'constant', 'zeros', 'reflect', 'replicate', 'circular'; got 'other'",
    ),
    of(lambda: functional.pad(V, (1, 1, 1)), ag.ShapeError, "pad takes pairs (before, behind) for the last axes of shape (3,)"),
    of(lambda: nn.Upsample(2, mode="other"), ValueError, "mode is 'nearest', 'linear' or 'bilinear'; got 'other'"),
    of(lambda: nn.Upsample(2, align_corners=True), ValueError, "align_corners is for the linear modes"),
    of(lambda: nn.Upsample(2, mode="linear")(X), ag.ShapeError, "Upsample with mode 'linear' does not take shape (1, 2, 4, 4)"),
    of(lambda: nn.PixelUnshuffle(3)(X), ag.ShapeError, "takes height and width divisible by 3; got shape (1, 2, 4, 4)"),
    of(lambda: nn.LSTM(1, 1, dropout=2.0), ValueError, "dropout has to be a probability from 0 to 1; got 2.0"),
    of(lambda: nn.LSTMCell(1, 0), ValueError, "hidden_size has to be at least 1; got 0"),
    of(
        lambda: nn.TransformerEncoderLayer(4, 2, activation="other"),
        ValueError,
        "activation is one of relu, gelu, or a function; got 'other'",
    ),
    of(lambda: nn.Linear(1, 1).load_state_dict([1]), nn.StateDictError, "a state dict is a dict of arrays by name; got a list"),
]


def _freed(overwritten=False):
    """The node of a freed graph; of a traced one whose input was overwritten since."""
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    if overwritten:
        with ag.viz.trace():
            y = x * x
        y.sum().backward()
        x.data[0] = 5.0
    else:
        y = x * x
        y.sum().backward()
    return y._node


def _resized():
    x = ag.Tensor([1.0], requires_grad=True)
    average = optim.EMA([x])
    x.data = np.zeros(3)
    return average


def _stepped(cls, **settings):
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    optimizer = cls([x], **settings)
    (x * x).sum().backward()
    optimizer.step()
    return optimizer


def _loaded_with(change):
    adam = _stepped(optim.Adam)
    state = adam.state_dict()
    change(state)
    adam.load_state_dict(state)


PICTURES = [
    of(lambda: command._found("net"), ValueError, "say which object to draw as MODULE:NAME, such as net:Classifier; got 'net'"),
    of(
        lambda: command._found("no_such_thing:x"),
        ValueError,
        "no module named 'no_such_thing', looked for in the",
    ),
    of(lambda: command._found("math:nothing"), ValueError, "'math' has no 'nothing'"),
    of(lambda: command._drawn(nn.Linear(1, 1), [], {}), ValueError, "a model needs its input: give --input SHAPE"),
    of(
        lambda: command._array("a,b", float),
        ValueError,
        "--input is a shape such as 1,28,28 (or 8,16:int, or",
    ),
    of(lambda: command._array("2:text", float), ValueError, "--input '2:text': after the colon comes int or float"),
    of(
        lambda: command._depth(SimpleNamespace(collapse="x")),
        ValueError,
        "--collapse is modules, none, or a depth",
    ),
    of(lambda: backward.saved_values(_freed()), ag.GraphError, "the graph was freed by backward(): pass retain_graph=True"),
    of(lambda: backward.saved_values(_freed(True)), ag.GraphError, "freed by backward(), and its values were overwritten"),
]

OPTIM = [
    of(lambda: optim.ExponentialAverage(beta=1.0), ValueError, "beta is in [0, 1); got 1.0"),
    of(lambda: optim.EMA([T], decay=1.0), ValueError, "decay is in [0, 1); got 1.0"),
    of(lambda: _resized().update(), ag.ShapeError, "had shape (1,) when the average was made; now (3,)"),
    of(lambda: _loaded_with(lambda s: s["param_groups"][0].update(lr="x" * 9)), ag.DataError, "lr is 0.001 here, and 'xxx"),
    of(
        lambda: _loaded_with(lambda s: s["state"][0].update(exp_avg=np.array([1j, 1j]))),
        ag.DataError,
        "exp_avg of parameter 0 is of complex128; the parameter is of float64",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [*ENGINE, *INDEXING, *JOINING, *SHAPES, *LINALG, *SCANS, *NEURAL, *LAYERS, *PICTURES, *OPTIM],
)
def test_the_message_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_gradient_for_data_of_another_shape_is_refused():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    y = (x * 2).sum()
    x._data = np.zeros(3)  # as replacing the data of the same leaf would leave it
    with pytest.raises(ag.GraphError, match="its data was replaced by another shape after the graph had been recorded"):
        y.backward()


def test_every_error_of_the_family_has_a_cause_and_a_cure():
    from . import raises

    errors = {site.error for site in raises.sites()}
    assert errors <= raises.KINDS.keys()
    for name in ag.errors.__all__:
        assert name == "AutogradError" or name in raises.KINDS
        assert issubclass(getattr(ag, name), ag.AutogradError)
        assert getattr(ag, name).__bases__ != (ag.AutogradError,)  # a builtin too


def test_the_page_of_errors_is_what_the_source_says():
    """docs/errors.md is written by `make ops-table`: after changing a message, write it again."""
    from . import raises

    assert raises.PAGE.read_text(encoding="utf-8") == raises.page()
