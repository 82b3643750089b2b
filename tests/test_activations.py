"""Activations: kinks, huge arguments, closed forms, and fused rows against what they fuse."""

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import functional as F  # noqa: N812  as everywhere

BY_NAME = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "celu": F.celu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus_beta": lambda x: F.softplus(x, beta=0.5),
    "softsign": F.softsign,
    "hardtanh": F.hardtanh,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "tanhshrink": F.tanhshrink,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "logsigmoid": F.logsigmoid,
    "threshold": lambda x: F.threshold(x, 0.5, -2.0),
    "heaviside": F.heaviside,
}
SELU = 1.0507009873554805 * 1.6732632423543772


def slope(f, x):
    t = ag.Tensor(x, requires_grad=True)
    f(t).backward(np.ones_like(t.numpy()))
    return t.grad.numpy()


KINKS = [
    ("relu", 0.0, 0.0),
    ("relu6", 0.0, 0.0),
    ("relu6", 6.0, 0.0),
    ("leaky_relu", 0.0, 0.01),
    ("elu", 0.0, 1.0),
    ("celu", 0.0, 1.0),
    ("selu", 0.0, SELU),
    ("softsign", 0.0, 1.0),
    ("hardtanh", -1.0, 0.0),
    ("hardtanh", 1.0, 0.0),
    ("hardsigmoid", -3.0, 0.0),
    ("hardsigmoid", 3.0, 0.0),
    ("hardswish", -3.0, 0.0),
    ("hardswish", 3.0, 1.0),
    ("softshrink", 0.5, 0.0),
    ("softshrink", -0.5, 0.0),
    ("hardshrink", 0.5, 0.0),
    ("hardshrink", -0.5, 0.0),
    ("threshold", 0.5, 0.0),
    ("heaviside", 0.0, 0.0),
]


@pytest.mark.parametrize(("name", "x", "expected"), KINKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derivative_at_a_kink(name, x, expected, dtype):
    for zero in {x, -x} if x == 0 else {x}:
        np.testing.assert_allclose(slope(BY_NAME[name], np.array([zero], dtype)), [expected], rtol=1e-6)


def test_derivative_of_prelu_at_0_is_its_slope():
    x, w = ag.Tensor([[0.0, -2.0, 3.0]], requires_grad=True), ag.Tensor([0.25, 0.5, 0.75], requires_grad=True)
    F.prelu(x, w).backward(np.array([[2.0, 3.0, 5.0]]))
    np.testing.assert_array_equal(x.grad, [[0.5, 1.5, 5.0]])
    np.testing.assert_array_equal(w.grad, [0.0, -6.0, 0.0])


# Value and first derivative at -1000 and 1000; second derivatives are 0
FAR = {
    "relu": ([0, 1000], [0, 1]),
    "relu6": ([0, 6], [0, 0]),
    "leaky_relu": ([-10, 1000], [0.01, 1]),
    "elu": ([-1, 1000], [0, 1]),
    "celu": ([-1, 1000], [0, 1]),
    "selu": ([-SELU, 1050.7009873554805], [0, 1.0507009873554805]),
    "gelu": ([0, 1000], [0, 1]),
    "gelu_tanh": ([0, 1000], [0, 1]),
    "silu": ([0, 1000], [0, 1]),
    "mish": ([0, 1000], [0, 1]),
    "softplus": ([0, 1000], [0, 1]),
    "softplus_beta": ([0, 1000], [0, 1]),
    "softsign": ([-1000 / 1001, 1000 / 1001], [1001.0**-2, 1001.0**-2]),
    "hardtanh": ([-1, 1], [0, 0]),
    "hardswish": ([0, 1000], [0, 1]),
    "hardsigmoid": ([0, 1], [0, 0]),
    "tanhshrink": ([-999, 999], [1, 1]),
    "softshrink": ([-999.5, 999.5], [1, 1]),
    "hardshrink": ([-1000, 1000], [1, 1]),
    "sigmoid": ([0, 1], [0, 0]),
    "tanh": ([-1, 1], [0, 0]),
    "logsigmoid": ([-1000, 0], [1, 0]),
    "threshold": ([-2, 1000], [0, 1]),
    "heaviside": ([0, 1], [0, 0]),
}


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stable_at_1000_with_first_and_second_derivative(name, dtype):
    """Warnings are errors here: nothing may overflow on the way either."""
    values, slopes = FAR[name]
    x = ag.Tensor(np.array([-1000, 1000], dtype), requires_grad=True)
    y = BY_NAME[name](x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-6, atol=1e-30)
    (first,) = ag.gradients(y, [x], [np.ones(2, dtype)], create_graph=True)
    np.testing.assert_allclose(first.numpy(), slopes, rtol=1e-5, atol=1e-30)
    if first.requires_grad:
        (second,) = ag.gradients(first, [x], [np.ones(2, dtype)], allow_unused=True)
        np.testing.assert_allclose(np.zeros(2) if second is None else second.numpy(), [0, 0], atol=1e-8)


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_family_at_1000(name, axis):
    x = ag.Tensor(np.array([[-1000, 1000], [1000, -1000]], np.float32), requires_grad=True)
    y = getattr(F, name)(x, axis)
    expected = {"softmax": [[0, 1], [1, 0]], "softmin": [[1, 0], [0, 1]], "log_softmax": [[-2000, 0], [0, -2000]]}[name]
    np.testing.assert_array_equal(y.numpy(), expected)
    y.backward(np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(x.grad, [[0, 0], [0, 0]] if name != "log_softmax" else [[1, -1], [-1, 1]])


# Closed forms


@pytest.mark.parametrize(
    ("name", "derivative"),
    [
        ("sigmoid", lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
        ("tanh", lambda z: 1 - np.tanh(z) ** 2),
        ("relu", lambda z: 1.0 * (z > 0)),
        ("leaky_relu", lambda z: np.where(z > 0, 1, 0.01)),
        ("elu", lambda z: np.where(z > 0, 1, np.exp(z))),
        ("softplus", lambda z: 1 / (1 + np.exp(-z))),
        ("softsign", lambda z: (1 + abs(z)) ** -2.0),
        ("tanhshrink", lambda z: np.tanh(z) ** 2),
        ("heaviside", np.zeros_like),
    ],
)
def test_derivative_has_its_closed_form(name, derivative, rng):
    z, g = rng.normal(size=(5, 4)) * 3, rng.normal(size=(5, 4))
    t = ag.Tensor(z, requires_grad=True)
    BY_NAME[name](t).backward(g)
    np.testing.assert_allclose(t.grad, g * derivative(z), rtol=1e-9, atol=1e-15)


def test_jacobian_of_softmax(rng):
    z = rng.normal(size=5)
    s = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(ag.jacobian(F.softmax)(z), np.diag(s) - np.outer(s, s), rtol=1e-12, atol=1e-16)


# Rows that fuse, against what they fuse


def _composed_gelu(x):
    return x * (ag.erfc(x * -(0.5**0.5)) * 0.5)


@pytest.mark.parametrize(("row", "composed"), [(ag.gelu, _composed_gelu), (ag.silu, lambda x: x * ag.sigmoid(x))])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_fused_row_equals_its_composition_in_every_derivative(row, composed, dtype, tolerance):
    x = np.linspace(-12, 12, 401, dtype=dtype)
    x = x.reshape(1, -1).T[::-1]  # not contiguous
    ours, theirs = ag.Tensor(x, requires_grad=True), ag.Tensor(x.astype(float), requires_grad=True)
    y, expected = row(ours), composed(theirs)
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=4 * tolerance, atol=1e-30)
    for _ in range(4):
        (y,) = ag.gradients(y, [ours], [np.ones_like(x)], create_graph=True)
        (expected,) = ag.gradients(expected, [theirs], [np.ones_like(x, float)], create_graph=True)
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=tolerance, atol=5 * tolerance)


def test_rows_work_block_by_block_and_in_threads(rng):
    """Longer than a block, and than what one thread takes: the same as element by element."""
    x = rng.normal(size=(600, 701)).astype(np.float32)
    for f in (ag.gelu, ag.silu):
        y = f(x)
        assert y.shape == x.shape
        np.testing.assert_allclose(y[[0, 37, 599]], f(x[[0, 37, 599]]), rtol=1e-6)
        np.testing.assert_allclose(slope(f, x)[-1], slope(f, x[-1].copy()), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("f", [ag.gelu, ag.silu, ag.softsign, ag.hardtanh, ag.nonpositive_part])
def test_rows_refuse_complex_numbers_and_take_integers(f):
    with pytest.raises(ag.DTypeError, match=f"'{f.__name__}' takes real numbers; got complex128"):
        f(np.array([1j]))
    assert f(np.array([-3, 0, 3])).dtype == np.float64
    assert f(np.zeros((0, 3), np.float32)).shape == (0, 3)


# As modules


def test_modules_take_the_options_of_their_function_in_order():
    assert repr(nn.Hardtanh(-2.0, max_val=3.0)) == "Hardtanh(min_val=-2.0, max_val=3.0)"
    assert nn.ELU(0.5).alpha == 0.5
    assert repr(nn.ReLU()) == "ReLU()"
    with pytest.raises(TypeError, match=r"ELU\(alpha=1.0\): .*'slope'"):
        nn.ELU(slope=2.0)
    layer = nn.LeakyReLU(0.1)
    layer.negative_slope = 0.5  # attributes are what forward reads
    assert layer(np.array(-2.0)) == -1.0


def test_subclasses_of_a_module_have_its_function_and_options():
    class Leaky(nn.LeakyReLU):
        pass

    assert Leaky(0.5)(np.array(-2.0)) == -1.0
    assert repr(Leaky()) == "Leaky(negative_slope=0.01)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.prelu(np.zeros((2, 3)), np.zeros(2)), ag.ShapeError, r"got \(2, 3\) and \(2,\)"),
        (lambda: F.glu(np.zeros((2, 3))), ag.ShapeError, r"'glu' halves axis -1.*got shape \(2, 3\)"),
        (lambda: F.glu(np.zeros((2, 3)), axis=2), ag.ShapeError, r"'glu' halves axis 2"),
        (lambda: F.celu(np.zeros(2), alpha=0.0), ValueError, "divides by alpha; got 0"),
        (lambda: F.softshrink(np.zeros(2), -1.0), ValueError, "lambd >= 0; got -1.0"),
        (lambda: F.hardtanh(np.zeros(2), 2.0, 1.0), ValueError, "min_val=2.0, max_val=1.0"),
        (lambda: F.gelu(np.zeros(2), approximate="erf"), ValueError, "'none' or 'tanh'; got 'erf'"),
    ],
)
def test_bad_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("f", [ag.relu, ag.softplus])
def test_complex_numbers_are_refused(f):
    with pytest.raises(ag.DTypeError, match="takes real numbers; got complex128"):
        f(np.array([1j]))
