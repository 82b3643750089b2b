"""Initializers: moments with bounds from the sample size, exact structure, and PyTorch's gains."""

import math

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import init

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
SHAPE = (200, 300)  # fan-out, fan-in
SIGMAS = 5  # a sound initializer leaves the bounds once in a million seeds


def empty(*shape, dtype=np.float64):
    return nn.Parameter(np.full(shape, np.nan, dtype))


# name, arguments, variance, and kurtosis E x^4 / var^2 (3 for the normal distribution, 9/5 for the uniform one)
RANDOM = [
    ("normal_", (0.0, 0.1), 0.01, 3),
    ("uniform_", (-1.0, 1.0), 1 / 3, 9 / 5),
    ("xavier_normal_", (), 2 / 500, 3),
    ("xavier_normal_", (2.0,), 8 / 500, 3),
    ("xavier_uniform_", (), 2 / 500, 9 / 5),
    ("xavier_uniform_", (2.0,), 8 / 500, 9 / 5),
    ("kaiming_normal_", (0.0, "fan_in", "relu"), 2 / 300, 3),
    ("kaiming_normal_", (0.0, "fan_out", "relu"), 2 / 200, 3),
    ("kaiming_normal_", (0.5, "fan_in", "leaky_relu"), 2 / 1.25 / 300, 3),
    ("kaiming_uniform_", (0.0, "fan_in", "relu"), 2 / 300, 9 / 5),
    ("kaiming_uniform_", (0.0, "fan_out", "relu"), 2 / 200, 9 / 5),
    ("kaiming_uniform_", (0.0, "fan_in", "linear"), 1 / 300, 9 / 5),
    ("lecun_normal_", (), 1 / 300, 3),
    ("lecun_uniform_", (), 1 / 300, 9 / 5),
]


@pytest.mark.parametrize(("name", "args", "variance", "kurtosis"), RANDOM)
def test_mean_variance_and_kurtosis(name, args, variance, kurtosis, rng):
    p = empty(*SHAPE)
    assert getattr(init, name)(p, *args, rng=rng) is p
    x = p.numpy()
    n = x.size
    assert abs(x.mean()) < SIGMAS * math.sqrt(variance / n)
    spread = math.sqrt((kurtosis - 1) / n)  # of the sample variance over the variance
    assert abs((x**2).mean() / variance - 1) < SIGMAS * spread
    eighth = {3: 105, 9 / 5: 9}[kurtosis]  # E x^8 / var^4
    assert abs((x**4).mean() / variance**2 - kurtosis) < SIGMAS * math.sqrt((eighth - kurtosis**2) / n)


@pytest.mark.parametrize(
    ("name", "args"),
    [*((name, args) for name, args, *_ in RANDOM), ("trunc_normal_", ()), ("orthogonal_", ()), ("sparse_", (0.3,))],
)
def test_reproducible_from_a_seed_and_in_the_dtype_of_the_tensor(name, args):
    fill = getattr(init, name)
    ag.manual_seed(1)
    first = fill(empty(5, 6, dtype=np.float32), *args).numpy()
    ag.manual_seed(1)
    np.testing.assert_array_equal(fill(empty(5, 6, dtype=np.float32), *args).numpy(), first)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    other = fill(empty(5, 6, dtype=np.float32), *args).numpy()
    assert (other != first).any()
    own = [fill(empty(5, 6), *args, rng=np.random.default_rng(2)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*own)


def test_fans_of_a_kernel_count_its_size(rng):
    p = init.kaiming_normal_(empty(64, 32, 5, 3), nonlinearity="relu", rng=rng)
    assert abs(p.numpy().var() * 32 * 15 / 2 - 1) < SIGMAS * math.sqrt(2 / p.size)
    p = init.kaiming_normal_(empty(64, 32, 5, 3), mode="fan_out", nonlinearity="relu", rng=rng)
    assert abs(p.numpy().var() * 64 * 15 / 2 - 1) < SIGMAS * math.sqrt(2 / p.size)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0.0, 1.0, -2.0, 2.0),
        (1.0, 2.0, -2.0, 2.0),
        (0.0, 1.0, 3.0, math.inf),
        (0.0, 1.0, -9.0, -4.0),
        (5.0, 0.1, -math.inf, 5.0),
    ],
)
def test_truncated_normal_has_the_distribution(mean, std, a, b, rng):
    x = init.trunc_normal_(empty(60_000), mean, std, a, b, rng=rng).numpy()
    assert x.min() >= a
    assert x.max() <= b

    def below(z):
        return 0.5 * math.erfc(-(z - mean) / std / math.sqrt(2))

    # Kolmogorov and Smirnov: the largest distance between the distribution functions; 3/sqrt(n) is exceeded once in 10^7
    probes = np.quantile(x, np.linspace(0.01, 0.99, 99))
    flip = a > mean  # far on the right 1 - P would cancel
    whole = below(2 * mean - a) - below(2 * mean - b) if flip else below(b) - below(a)
    exact = [(below(2 * mean - a) - below(2 * mean - z) if flip else below(z) - below(a)) / whole for z in probes]
    np.testing.assert_allclose(exact, np.linspace(0.01, 0.99, 99), atol=3 / math.sqrt(x.size))


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 2, 3), (8, 2, 2)])
def test_orthogonal_rows_or_columns(shape, rng):
    w = init.orthogonal_(empty(*shape), gain=2.0, rng=rng).numpy().reshape(shape[0], -1)
    short = w if w.shape[0] <= w.shape[1] else w.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_is_uniform_over_all_orthogonal_matrices(rng):
    """Each element of a uniform (4, 4) orthogonal matrix has mean 0 and variance 1/4; without the signs, the mean is not 0."""
    w = np.array([init.orthogonal_(empty(4, 4), rng=rng).numpy() for _ in range(4000)])
    assert abs(w.mean(axis=0)).max() < SIGMAS * 0.5 / math.sqrt(4000)
    assert abs((w**2).mean(axis=0) - 0.25).max() < SIGMAS * 0.25 / math.sqrt(4000)


def test_exact_fills():
    np.testing.assert_array_equal(init.zeros_(empty(2, 3)).numpy(), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.ones_(empty(2, 3)).numpy(), np.ones((2, 3)))
    np.testing.assert_array_equal(init.constant_(empty(2, 3), 2.5).numpy(), np.full((2, 3), 2.5))
    np.testing.assert_array_equal(init.eye_(empty(3, 2)).numpy(), np.eye(3, 2))


@NEEDS_TORCH
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 6, 3, 4), (6, 2, 1, 3, 5)])
def test_dirac_is_pytorchs(shape, groups):
    expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    np.testing.assert_array_equal(init.dirac_(empty(*shape), groups).numpy(), expected)


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.1, 4), (0.25, 10), (0.99, 40), (1.0, 40)])
def test_sparse_columns(sparsity, zeros, rng):
    w = init.sparse_(empty(40, 300), sparsity, std=0.5, rng=rng).numpy()
    np.testing.assert_array_equal((w == 0).sum(axis=0), zeros)
    if 0 < zeros < 40:
        share = (w == 0).mean(axis=1)  # every row as often
        assert abs(share - zeros / 40).max() < SIGMAS * math.sqrt(zeros / 40 * (1 - zeros / 40) / 300)
        rest = w[w != 0]
        assert abs(rest.var() / 0.25 - 1) < SIGMAS * math.sqrt(2 / rest.size)


@NEEDS_TORCH
def test_gains_are_pytorchs():
    names = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    names += [f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)]
    for name in names:
        np.testing.assert_allclose(init.calculate_gain(name), torch.nn.init.calculate_gain(name), rtol=1e-15)
    np.testing.assert_allclose(init.calculate_gain("leaky_relu", 0.3), torch.nn.init.calculate_gain("leaky_relu", 0.3))


# What they are for


@pytest.mark.parametrize(
    ("fill", "activation", "n"),
    [
        (lambda p, rng: init.kaiming_normal_(p, nonlinearity="relu", rng=rng), ag.relu, 200),
        (lambda p, rng: init.orthogonal_(p, rng=rng), lambda x: x, 20),
        (lambda p, rng: init.lecun_normal_(p, rng=rng), nn.functional.selu, 200),
    ],
)
def test_the_right_pair_keeps_the_level_through_20_layers(fill, activation, n, rng):
    """The mean square of activations and of their gradients; with the scale off by 1.5 it would change by 1.5^40."""
    start = x = ag.Tensor(rng.normal(size=(64, n)), requires_grad=True)
    for _ in range(20):
        x = activation(nn.functional.linear(x, fill(empty(n, n), rng).numpy()))
    g = rng.normal(size=(64, n))
    x.backward(g)
    for ratio in ((x.numpy() ** 2).mean() / (start.numpy() ** 2).mean(), (start.grad.numpy() ** 2).mean() / (g**2).mean()):
        assert 0.1 < ratio < 10


@pytest.mark.parametrize("scale", [1.5, 0.5])
def test_scaled_identities_explode_and_vanish_as_powers(scale):
    x = ag.Tensor(np.ones(3), requires_grad=True)
    y = x
    for _ in range(30):
        y = nn.functional.linear(y, scale * np.eye(3))
    y.backward(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(x.grad, scale**30 * np.array([1, 2, 3]), rtol=1e-12)


def test_zero_initialization_never_breaks_symmetry(rng):
    net = nn.Sequential(nn.Linear(3, 4, dtype=float), nn.Tanh(), nn.Linear(4, 2, dtype=float))
    for p in net.parameters():
        init.constant_(p, 0.5)
    for _ in range(5):
        loss = nn.functional.cross_entropy(net(rng.normal(size=(6, 3))), rng.integers(0, 2, 6))
        net.zero_grad()
        loss.backward()
        with ag.no_grad():
            for p in net.parameters():
                p.copy_(p.numpy() - 0.1 * p.grad.numpy())
    w = net[0].weight.numpy()
    assert (w != 0.5).any()
    np.testing.assert_array_equal(w, np.broadcast_to(w[0], w.shape))


def test_same_seed_same_network_and_rng_argument():
    ag.manual_seed(3)
    a = nn.Linear(4, 4).weight.numpy()
    ag.manual_seed(3)
    np.testing.assert_array_equal(nn.Linear(4, 4).weight.numpy(), a)
    one, two = (nn.Linear(4, 4, rng=np.random.default_rng(5)).weight.numpy() for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: init.xavier_normal_(empty(3)), ag.ShapeError, r"at least 2 axes; got shape \(3,\)"),
        (lambda: init.kaiming_normal_(empty(2, 3), mode="both"), ValueError, "'fan_in' or 'fan_out'; got 'both'"),
        (lambda: init.calculate_gain("cosine"), ValueError, "no gain for nonlinearity 'cosine'"),
        (lambda: init.trunc_normal_(empty(3), a=2.0, b=1.0), ValueError, "a < b and std > 0; got a=2.0, b=1.0"),
        (lambda: init.trunc_normal_(empty(3), std=0.0), ValueError, "std=0.0"),
        (lambda: init.orthogonal_(empty(3)), ag.ShapeError, r"orthogonal_ fills a matrix; got shape \(3,\)"),
        (lambda: init.eye_(empty(3, 2, 1)), ag.ShapeError, r"eye_ fills a matrix; got shape \(3, 2, 1\)"),
        (lambda: init.dirac_(empty(3, 2)), ag.ShapeError, r"got \(3, 2\) and 1"),
        (lambda: init.dirac_(empty(3, 2, 1), groups=2), ag.ShapeError, r"got \(3, 2, 1\) and 2"),
        (lambda: init.sparse_(empty(3), 0.5), ag.ShapeError, r"sparse_ fills a matrix; got shape \(3,\)"),
        (lambda: init.sparse_(empty(3, 3), 1.5), ValueError, r"share of zeros in \[0, 1\]; got 1.5"),
    ],
)
def test_bad_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_nothing_to_fill():
    for fill in (nn.init.kaiming_uniform_, nn.init.xavier_normal_, nn.init.lecun_normal_, nn.init.orthogonal_):
        for shape in ((3, 0), (0, 3), (0, 0)):
            assert fill(nn.Parameter(np.empty(shape))).shape == shape
    assert nn.Linear(0, 3)(np.ones((2, 0), np.float32)).shape == (2, 3)
    with pytest.raises(ValueError, match="negative dimensions"):
        nn.Linear(-1, 3)
