"""Normalization: the row beside its composition, the running averages, and the normalizers of inputs."""

import numpy as np
import pytest

import autograd_core as ag
import nn


def composed(x, axis, eps, center=True):
    d = x - np.mean(x, axis=axis, keepdims=True) if center else x
    return d / np.sqrt(np.mean(d * d, axis=axis, keepdims=True) + eps)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 0), ((2, 3, 2, 2), (0, 2, 3)), ((2, 5), -1), ((3, 2, 2), (1, 2))])
def test_row_equals_its_composition_to_third_order(shape, axis, center, rng):
    x, u = rng.normal(size=shape) + 2, rng.normal(size=shape)
    weight = rng.normal(size=shape)
    found = lambda x: (ag.normalize(x, axis, 0.1, center) * weight).sum()
    expected = lambda x: (composed(x, axis, 0.1, center) * weight).sum()
    np.testing.assert_allclose(found(x), expected(x), rtol=1e-12)
    for _ in range(3):
        found, expected = (lambda x, f=f: (ag.grad(f)(x) * u).sum() for f in (found, expected))
        np.testing.assert_allclose(found(x), expected(x), rtol=1e-9, atol=1e-10)


def test_scale_shift_equals_its_composition(rng):
    x, w, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 1)), rng.normal(size=(3, 1))
    g = rng.normal(size=x.shape)
    found = ag.grad(lambda *t: (ag.scale_shift(*t) * g).sum(), (0, 1, 2))(x, w, b)
    expected = ag.grad(lambda x, w, b: ((x * w + b) * g).sum(), (0, 1, 2))(x, w, b)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12)
    with pytest.raises(ag.ShapeError, match=r"shape of x, \(3,\); got \(2, 3\)"):
        ag.scale_shift(np.ones(3), np.ones((2, 3)))


def test_float32_is_accurate_far_from_zero(rng):
    x = rng.normal(size=(8, 4, 20, 20)) + 300
    single = ag.normalize(x.astype(np.float32), (0, 2, 3))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, ag.normalize(x.astype(np.float32).astype(np.float64), (0, 2, 3)), atol=2e-4)


def test_constant_input_gives_zero_and_a_finite_gradient(rng):
    g = rng.normal(size=(2, 5))
    x = ag.Tensor(np.full((2, 5), 7.0), requires_grad=True)
    y = ag.normalize(x, eps=0.25)
    y.backward(g)
    np.testing.assert_array_equal(y.numpy(), np.zeros((2, 5)))
    np.testing.assert_allclose(x.grad, (g - g.mean(axis=-1, keepdims=True)) / 0.5, rtol=1e-12)


def test_batch_norm_gradient_knows_that_the_statistics_depend_on_the_input(rng):
    """The textbook gradient (Ioffe and Szegedy, section 3); g gamma / sigma alone is wrong."""
    x, g = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    layer = nn.BatchNorm1d(3, dtype=float)
    t = ag.Tensor(x, requires_grad=True)
    layer(t).backward(g)
    sigma = np.sqrt(x.var(axis=0) + layer.eps)
    hat = (x - x.mean(axis=0)) / sigma
    np.testing.assert_allclose(t.grad, (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0)) / sigma, rtol=1e-10)
    assert np.abs(t.grad.numpy() - g / sigma).max() > 0.1
    np.testing.assert_allclose(t.grad.numpy().sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.25, None])
def test_running_averages_follow_the_batches(momentum, rng):
    layer = nn.BatchNorm2d(2, momentum=momentum, dtype=float)
    mean, var, batches = np.zeros(2), np.ones(2), rng.normal(size=(3, 4, 2, 3, 3)) * 2 + 5
    for k, x in enumerate(batches):
        share = 1 / (k + 1) if momentum is None else momentum
        mean = mean + share * (x.mean(axis=(0, 2, 3)) - mean)
        var = var + share * (x.var(axis=(0, 2, 3), ddof=1) - var)
        layer(x)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, var, rtol=1e-12)
    assert int(layer.num_batches_tracked) == 3
    before = layer.state_dict()
    y = layer.eval()(batches[0]).numpy()
    expected = (batches[0] - mean[:, None, None]) / np.sqrt(var + layer.eps)[:, None, None]
    np.testing.assert_allclose(y, expected, rtol=1e-10)
    assert all(np.array_equal(before[name], value) for name, value in layer.state_dict().items())


def test_normalization_refuses_what_does_not_fit():
    with pytest.raises(ag.ShapeError, match=r"more than one value per channel while training; got shape \(1, 3\)"):
        nn.BatchNorm1d(3)(np.ones((1, 3)))
    with pytest.raises(ag.ShapeError, match=r"BatchNorm2d takes \(samples, 3, \*, \*\); got shape \(2, 3\)"):
        nn.BatchNorm2d(3)(np.ones((2, 3)))
    with pytest.raises(ag.ShapeError, match=r"last axes have shape \(4,\); got shape \(2, 3\)"):
        nn.LayerNorm(4)(np.ones((2, 3)))
    with pytest.raises(ag.ShapeError, match=r"GroupNorm takes \(samples, 4, ...\); got shape \(2, 6\)"):
        nn.GroupNorm(2, 4)(np.ones((2, 6)))
    with pytest.raises(ValueError, match="multiple of num_groups; got 5 and 2"):
        nn.GroupNorm(2, 5)
    assert nn.BatchNorm1d(3).eval()(np.ones((1, 3))).shape == (1, 3)


@pytest.mark.parametrize("layer", [nn.LayerNorm(6, eps=1e-12, dtype=float), nn.GroupNorm(2, 6, eps=1e-12, dtype=float)])
def test_sample_norms_do_not_see_scale_shift_or_other_samples(layer, rng):
    x = rng.normal(size=(4, 6))
    y = layer(x).numpy()
    np.testing.assert_allclose(layer(3 * x + 5).numpy(), y, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(layer(x[1:2]).numpy(), y[1:2], rtol=1e-12)


@pytest.mark.parametrize("cls", [nn.MinMaxNorm, nn.ZScoreNorm])
@pytest.mark.parametrize("axis", [-1, 1])
def test_input_normalizers_fit_each_feature_and_can_be_undone(cls, axis, rng):
    x = np.moveaxis(rng.normal(size=(20, 5, 3)) * [1.0, 100.0, 1e-4] + [5.0, -3.0, 1e-3], -1, axis)
    norm = cls(3, axis=axis, dtype=float).fit(x)
    y = np.moveaxis(norm(x).numpy(), axis, -1).reshape(-1, 3)
    if cls is nn.MinMaxNorm:
        np.testing.assert_allclose([y.min(axis=0), y.max(axis=0)], [[0, 0, 0], [1, 1, 1]], atol=1e-12)
    else:
        np.testing.assert_allclose([y.mean(axis=0), y.std(axis=0)], [[0, 0, 0], [1, 1, 1]], atol=1e-12)
    np.testing.assert_allclose(norm.inverse(norm(x)).numpy(), x, rtol=1e-12, atol=1e-13)
    again = cls(3, axis=axis, dtype=float)
    again.load_state_dict(norm.state_dict())
    np.testing.assert_array_equal(again(x).numpy(), norm(x).numpy())
    assert not list(norm.parameters())


@pytest.mark.parametrize("cls", [nn.MinMaxNorm, nn.ZScoreNorm])
def test_input_normalizers_at_the_edges(cls):
    norm = cls(2).fit(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 4.0]], np.float32))
    y = norm(np.array([[0.1, 1.0]], np.float32))
    assert y.dtype == np.float32
    assert y.numpy()[0, 0] == 0  # a constant feature
    with pytest.raises(ag.ShapeError, match=r"2 features along axis -1; got shape \(4, 3\)"):
        norm(np.ones((4, 3)))
    with pytest.raises(ValueError, match="1 elements are NaN or infinite"):
        norm.fit([[1.0, np.nan]])
    with pytest.raises(ag.ShapeError, match="no samples"):
        norm.fit(np.ones((0, 2)))
    assert cls(1).fit(np.array([[[1.0]], [[3.0]]])).offset.shape == (1,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize(("cls", "theirs"), [(nn.ZScoreNorm, "StandardScaler"), (nn.MinMaxNorm, "MinMaxScaler")])
def test_input_normalizers_are_those_of_scikit_learn(cls, theirs, dtype, rng):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    train, test = ((rng.normal(size=(40, 3)) * 50 + [1000, 0, -7]).astype(dtype) for _ in range(2))
    double = dtype == np.float64
    norm = cls(3, dtype=np.float64 if double else np.float32).fit(train)
    expected = getattr(preprocessing, theirs)().fit(train.astype(float))
    tolerance = 1e-12 if double else 1e-5
    for x in (train, test):
        np.testing.assert_allclose(norm(x).numpy(), expected.transform(x.astype(float)), rtol=tolerance, atol=10 * tolerance)
        np.testing.assert_allclose(norm.inverse(norm(x)).numpy(), x, rtol=tolerance, atol=1000 * tolerance)
    assert norm(test).dtype == (np.float64 if double else np.float32)
    tensor = ag.Tensor(test.astype(float), requires_grad=True)
    norm(tensor).sum().backward()
    np.testing.assert_allclose(tensor.grad, np.broadcast_to(1 / norm.scale.numpy(), test.shape))
