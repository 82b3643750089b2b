"""Dropout: how often, how much, and from which generator."""

import numpy as np
import pytest

import autograd_core as ag
import nn

N = 200_000


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_zeros_with_probability_p_and_keeps_the_mean(p, dtype):
    x = ag.Tensor(np.ones(N, dtype), requires_grad=True)
    y = nn.Dropout(p, rng=np.random.default_rng(0))(x)
    assert y.dtype == dtype
    values = y.numpy()
    dropped = np.mean(values == 0)
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / N) + 2**-17  # five standard errors
    np.testing.assert_allclose(values[values != 0], 1 / (1 - p), rtol=2e-4)  # p goes in steps of 2^-16
    assert abs(values.mean() - 1) < 5 * np.sqrt(p / (1 - p) / N)
    y.backward(np.full(N, 3, dtype))
    np.testing.assert_array_equal(x.grad.numpy(), 3 * values)


def test_elements_are_dropped_independently():
    kept = nn.Dropout(0.5, rng=np.random.default_rng(1))(np.ones((2000, 100))) != 0
    for lag in (1, 2, 3, 4):  # four draws share a 64-bit word
        a, b = kept.reshape(-1)[:-lag], kept.reshape(-1)[lag:]
        assert abs(np.mean(a & b) - 0.25) < 5 * np.sqrt(0.25 * 0.75 / N)


def test_dropout_is_the_identity_in_evaluation_and_reproducible_in_training():
    x = np.arange(12.0).reshape(3, 4)
    for cls in (nn.Dropout, nn.AlphaDropout):
        layer = cls(0.5)
        assert layer.eval()(x) is x
        layer.train()
        ag.manual_seed(7)
        first, other = layer(x), layer(x)
        ag.manual_seed(7)
        np.testing.assert_array_equal(layer(x), first)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize(("cls", "shape"), [(nn.Dropout1d, (40, 50, 3)), (nn.Dropout2d, (40, 50, 2, 2))])
def test_channels_are_dropped_whole(cls, shape):
    y = cls(0.3, rng=np.random.default_rng(2))(np.ones(shape))
    whole = y.reshape(2000, -1)
    assert (whole == whole[:, :1]).all()
    assert abs(np.mean(whole[:, 0] == 0) - 0.3) < 5 * np.sqrt(0.21 / 2000)
    with pytest.raises(ag.ShapeError, match=cls.__name__):
        cls()(np.ones(3))


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(3).normal(size=N)
    y = nn.AlphaDropout(0.2, rng=np.random.default_rng(4))(x)
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03
    values, counts = np.unique(y.round(9), return_counts=True)
    a = (0.8 * (1 + 0.2 * 1.7580993408473766**2)) ** -0.5
    np.testing.assert_allclose(values[counts.argmax()], -1.7580993408473766 * a * 0.8, rtol=1e-4)
    assert abs(counts.max() / N - 0.2) < 0.005


@pytest.mark.parametrize("p", [-0.1, 1.5, np.nan])
def test_a_probability_is_from_0_to_1(p):
    with pytest.raises(ValueError, match="from 0 to 1"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="from 0 to 1"):
        nn.functional.dropout(np.ones(2), p)


@pytest.mark.parametrize("layer", [nn.Dropout, nn.AlphaDropout])
def test_integers_are_refused(layer):
    with pytest.raises(ag.DTypeError, match="floating-point numbers; got int64"):
        layer()(np.ones(4, np.int64))
