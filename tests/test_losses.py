"""Losses: closed forms, huge logits, ignored labels, and what they refuse."""

import inspect

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import functional as F  # noqa: N812  as everywhere
from nn import losses, margins

from .layers import LOSSES


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradient(loss, *arrays):
    """Of the first argument."""
    t = ag.Tensor(arrays[0], requires_grad=True)
    y = loss(t, *arrays[1:])
    y.backward()
    return y.numpy(), t.grad.numpy()


# Closed forms


def test_gradients_of_the_means_have_their_closed_forms(rng):
    m = 7
    x, t = rng.normal(size=m), rng.normal(size=m)
    p, labels = rng.uniform(0.1, 0.9, m), rng.integers(0, 2, m).astype(float)
    np.testing.assert_allclose(gradient(F.l1_loss, x, t)[1], np.sign(x - t) / m, rtol=1e-12)
    np.testing.assert_allclose(gradient(F.mse_loss, x, t)[1], 2 / m * (x - t), rtol=1e-12)
    np.testing.assert_allclose(gradient(lambda a, b: 0.5 * F.mse_loss(a, b), x, t)[1], (x - t) / m, rtol=1e-12)
    np.testing.assert_allclose(gradient(F.huber_loss, 3 * x, t)[1], np.clip(3 * x - t, -1, 1) / m, rtol=1e-12)
    np.testing.assert_allclose(gradient(F.binary_cross_entropy, p, labels)[1], (p - labels) / (p * (1 - p)) / m, rtol=1e-12)
    expected = (sigmoid(x) - labels) / m
    for loss in (F.binary_cross_entropy_with_logits, lambda z, t: F.binary_cross_entropy(ag.sigmoid(z), t)):
        np.testing.assert_allclose(gradient(loss, x, labels)[1], expected, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(gradient(F.soft_margin_loss, x, 2 * labels - 1)[1], expected, rtol=1e-10, atol=1e-15)


def test_cross_entropy_gradient_is_softmax_minus_onehot(rng):
    z, labels = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    onehot = np.eye(3)[labels]
    e = np.exp(z)
    expected = (e / e.sum(axis=1, keepdims=True) - onehot) / 5
    for target in (labels, onehot, ag.Tensor(onehot)):
        np.testing.assert_allclose(gradient(F.cross_entropy, z, target)[1], expected, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(
        gradient(lambda z, t: F.nll_loss(ag.log_softmax(z), t), z, labels)[1], expected, rtol=1e-12, atol=1e-16
    )
    np.testing.assert_allclose(gradient(F.nll_loss, z, labels)[1], -onehot / 5, rtol=1e-12)


def test_relations_between_losses(rng):
    z, t = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6)
    entropy = -(t * np.log(t)).sum() / 6
    divergence = F.kl_div(ag.log_softmax(z), t, "batchmean")
    np.testing.assert_allclose(F.cross_entropy(z, t), divergence + entropy, rtol=1e-12)
    np.testing.assert_allclose(F.kl_div(np.log(t), t, "batchmean"), 0, atol=1e-15)
    two = np.stack([np.zeros(6), z[:, 0]], axis=1)  # logistic regression is softmax regression with two classes
    labels = np.array([0, 1, 1, 0, 1, 0])
    np.testing.assert_allclose(
        F.cross_entropy(two, labels), F.binary_cross_entropy_with_logits(z[:, 0], labels * 1.0), rtol=1e-12
    )
    np.testing.assert_allclose(F.gaussian_nll_loss(z, t, np.ones((6, 1))), 0.5 * F.mse_loss(z, t), rtol=1e-12)
    density = -np.log(np.exp(-((z - t) ** 2) / (2 * 0.49)) / np.sqrt(2 * np.pi * 0.49))
    np.testing.assert_allclose(F.gaussian_nll_loss(z, t, np.full((6, 4), 0.49), full=True), density.mean(), rtol=1e-12)
    np.testing.assert_allclose(F.smooth_l1_loss(z, t, beta=0.3) * 0.3, F.huber_loss(z, t, delta=0.3), rtol=1e-12)


# Hard points


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_at_huge_logits(dtype):
    z = np.array([[1e4, -1e4]], dtype)
    for target in (np.array([1]), np.array([[0.0, 1.0]], dtype)):
        y, g = gradient(F.cross_entropy, z, target)
        assert (y, y.dtype, g.dtype) == (2e4, dtype, dtype)
        np.testing.assert_array_equal(g, [[1, -1]])
    y, g = gradient(lambda z, t: F.cross_entropy(z, t, label_smoothing=0.5), z, np.array([0]))
    np.testing.assert_allclose(y, 5e3, rtol=1e-6)
    np.testing.assert_allclose(g, [[0.25, -0.25]], rtol=1e-6)
    logits, targets = np.array([1e4, -1e4, 1e4, -1e4], dtype), np.array([0, 1, 1, 0], dtype)
    y, g = gradient(lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="sum"), logits, targets)
    assert (y, y.dtype) == (2e4, dtype)
    np.testing.assert_array_equal(g, [1, -1, 0, 0])
    y, g = gradient(lambda z, t: F.soft_margin_loss(z, t, "sum"), logits, np.array([-1, 1, 1, -1]))
    assert (y, y.dtype) == (2e4, dtype)
    np.testing.assert_array_equal(g, [1, -1, 0, 0])
    y, g = gradient(lambda z, t: F.multilabel_soft_margin_loss(z, t, reduction="sum"), logits, targets)
    assert (y, y.dtype) == (5e3, dtype)
    np.testing.assert_array_equal(g, [0.25, -0.25, 0, 0])
    for loss in (F.huber_loss, F.smooth_l1_loss, F.l1_loss):
        y, g = gradient(lambda x, t, loss=loss: loss(x, t, "sum"), np.array([1e30, -1e30], dtype), np.zeros(2, dtype))
        np.testing.assert_array_equal(g, [1, -1])
        assert np.isfinite(y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_at_0_and_1(dtype):
    p, t = np.array([0, 0, 1, 1, 0], dtype), np.array([0, 1, 1, 0, 0.5], dtype)
    x = ag.Tensor(p, requires_grad=True)
    y = F.binary_cross_entropy(x, t, reduction="none")
    np.testing.assert_array_equal(y.numpy(), [0, 100, 0, 100, 50])
    (g,) = ag.gradients(y, [x], [np.ones(5, dtype)], create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [1, 0, -1, 0, 0.5])  # the logarithm that is cut is flat
    (h,) = ag.gradients(g, [x], [np.ones(5, dtype)])
    assert np.isfinite(h.numpy()).all()


def test_zeros_in_targets_and_vectors():
    y, g = gradient(F.kl_div, np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(y, np.log(2) / 2)
    np.testing.assert_array_equal(g, [[-0.5, 0]])
    zero = np.zeros((2, 3))
    y, g = gradient(F.cosine_embedding_loss, zero, zero, np.array([1, -1]))
    assert y == 0.5
    assert np.isfinite(g).all()
    _, g = gradient(lambda *a: F.triplet_margin_loss(*a, eps=0.0), zero, zero, zero)
    np.testing.assert_array_equal(g, zero)
    _, g = gradient(F.poisson_nll_loss, np.array([0.0, -1000.0]), np.array([0.0, 0.0]))
    np.testing.assert_array_equal(g, [0.5, 0.0])
    _, g = gradient(lambda v: F.gaussian_nll_loss(np.zeros(2), np.ones(2), v), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(g, [0.0, 0.0])  # below eps flat; at the optimum v = d^2 flat too


@pytest.mark.parametrize("loss", [F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.mse_loss])
def test_derivative_where_input_equals_target_is_0(loss):
    np.testing.assert_array_equal(gradient(loss, np.ones(2), np.ones(2))[1], [0, 0])


def test_ignored_labels_count_for_nothing(rng):
    z, labels = rng.normal(size=(6, 3)), np.array([0, -100, 2, 1, -100, 2])
    kept = labels >= 0
    for loss in (F.cross_entropy, lambda z, t: F.nll_loss(ag.log_softmax(z), t)):
        y, g = gradient(loss, z, labels)
        expected, slope = gradient(loss, z[kept], labels[kept])
        np.testing.assert_allclose(y, expected, rtol=1e-12)
        np.testing.assert_allclose(g[kept], slope, rtol=1e-12)
        np.testing.assert_array_equal(g[~kept], 0)
    y, g = gradient(F.cross_entropy, z, np.full(6, -100))
    assert y == 0
    assert not g.any()
    with pytest.raises(ag.BoundsError, match="labels from 0 to 7 for 3 classes"):
        F.cross_entropy(z, np.array([0, -100, 2, 1, 7, 2]))


def test_cross_entropy_with_index_targets_is_the_fused_row(rng):
    y = F.cross_entropy(ag.Tensor(rng.normal(size=(4, 3)), requires_grad=True), np.array([0, 1, 2, 0]))
    picture = ag.viz.draw(y).dot
    assert "softmax_cross_entropy" in picture
    assert "log_softmax" not in picture


@pytest.mark.parametrize("row", LOSSES, ids=lambda row: row.name)
def test_forward_mode_agrees_with_reverse_mode(row, rng):
    """The slope along a tangent is <gradient, tangent>; and forward over reverse is the Hessian-vector product."""
    arrays = row.inputs[0](rng)
    point, rest = arrays[: row.differentiable], arrays[row.differentiable :]
    for options in row.options:

        def loss(*xs, options=options):
            return getattr(F, row.function)(*xs, *rest, **options)

        tangents = tuple(rng.normal(size=x.shape) for x in point)
        value, slope = ag.jvp(loss, tuple(point), tangents)
        numbers = range(len(point))
        expected, found = ag.value_and_grad(loss, argnums=numbers)(*point)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        terms = [np.sum(g * t) for g, t in zip(found, tangents, strict=True)]
        np.testing.assert_allclose(slope, sum(terms), rtol=1e-9, atol=1e-12 * sum(map(abs, terms)))
        both = [ag.hvp(loss, tuple(point), tangents, mode) for mode in ("reverse-over-reverse", "forward-over-reverse")]
        for one, two in zip(*both, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_options_may_be_tensors_and_are_shown_by_shape():
    weight = ag.Tensor([1.0, 2.0])
    for module in (nn.CrossEntropyLoss(weight), nn.NLLLoss(weight)):
        assert "weight=array of shape (2,)" in repr(module)
        assert np.isfinite(module(np.zeros((2, 2)), np.array([0, 1])))


def test_weights_are_saved_and_converted_with_the_model():
    loss = nn.BCEWithLogitsLoss(np.array([1.0, 2.0], np.float32), pos_weight=ag.Tensor([0.5, 3.0]))
    assert list(loss.state_dict()) == ["weight", "pos_weight"]
    assert list(nn.CrossEntropyLoss([1.0, 2.0, 3.0]).state_dict()) == ["weight"]
    other = nn.BCEWithLogitsLoss(np.ones(2), pos_weight=np.ones(2)).astype(np.float32)
    other.load_state_dict(loss.state_dict())
    z, t = np.array([[0.3, -2.0]], np.float32), np.array([[1.0, 0.0]], np.float32)
    assert other.weight.dtype == np.float32
    np.testing.assert_array_equal(other(z, t), loss(z, t))
    assert not nn.MSELoss().state_dict()
    torch = pytest.importorskip("torch")
    theirs = torch.nn.BCEWithLogitsLoss(torch.ones(2), pos_weight=torch.ones(2))
    theirs.load_state_dict({name: torch.tensor(value) for name, value in loss.state_dict().items()})


def test_weights_of_classes_weigh_the_mean():
    z, labels, weight = np.zeros((3, 2)), np.array([0, 1, 1]), np.array([3.0, 1.0])
    _, g = gradient(lambda z, t: F.cross_entropy(z, t, weight=weight), z, labels)
    np.testing.assert_allclose(g, np.array([[-1.5, 1.5], [0.5, -0.5], [0.5, -0.5]]) / 5)


def test_multilabel_margin_reads_up_to_the_first_negative_label():
    x = np.array([[0.1, 0.2, 0.4, 0.8]])
    expected = F.multilabel_margin_loss(x, np.array([[3, 0, -1, -1]]))
    assert F.multilabel_margin_loss(x, np.array([[3, 0, -1, 2]])) == expected
    np.testing.assert_allclose(expected, (0.4 + 0.6 + 1.1 + 1.3) / 4)
    assert F.multilabel_margin_loss(x, np.array([[-1, 3, 0, 2]])) == 0


# Refusals

SHAPED = {
    name: function
    for name, function in inspect.getmembers(F, inspect.isfunction)
    if function.__module__ in (losses.__name__, margins.__name__)
}
OF_LABELS = {"cross_entropy", "nll_loss", "multi_margin_loss"}


@pytest.mark.parametrize("name", SHAPED)
def test_no_loss_broadcasts(name):
    """(n, 1) against (n,): both shapes are shown."""
    count = sum(p.default is p.empty for p in inspect.signature(SHAPED[name]).parameters.values())
    rest = [np.ones(3)] * (count - 2)
    target = np.zeros(3, int) if name in OF_LABELS else np.ones(3)
    shapes = r"\(3, 1, 1\).*\(3,\)" if name in OF_LABELS else r"\(3, 1\).*\(3,\)"
    with pytest.raises(ag.ShapeError, match=shapes):
        SHAPED[name](np.ones((3, 1, 1)) if name in OF_LABELS else np.ones((3, 1)), target, *rest)


@pytest.mark.parametrize("name", SHAPED)
def test_every_loss_checks_its_reduction(name):
    inputs = {
        "cross_entropy": [np.ones((2, 3)), np.array([0, 1])],
        "nll_loss": [np.ones((2, 3)), np.array([0, 1])],
        "multi_margin_loss": [np.ones((2, 3)), np.array([0, 1])],
        "multilabel_margin_loss": [np.ones((2, 3)), np.array([[0, -1, -1], [1, 2, -1]])],
        "cosine_embedding_loss": [np.ones((2, 3)), np.ones((2, 3)), np.ones(2)],
    }
    count = sum(p.default is p.empty for p in inspect.signature(SHAPED[name]).parameters.values())
    with pytest.raises(ValueError, match="reduction is 'mean', 'sum' or 'none'; got 'avg'"):
        SHAPED[name](*inputs.get(name, [np.ones(3)] * count), reduction="avg")


X, LABELS = np.zeros((3, 2)), np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.cross_entropy(X, np.zeros(3)), ag.ShapeError, r"logits \(3, 2\) and float64 targets \(3,\)"),
        (lambda: F.cross_entropy(X, np.array([0, 1, 2])), ag.BoundsError, "labels from 0 to 2 for 2 classes"),
        (lambda: F.cross_entropy(X, LABELS, label_smoothing=2.0), ValueError, r"label_smoothing is in \[0, 1\]; got 2.0"),
        (lambda: F.cross_entropy(X, LABELS, weight=np.ones(3)), ag.ShapeError, r"each of 2 classes; got shape \(3,\)"),
        (lambda: F.nll_loss(X, np.zeros(3)), ag.DTypeError, "integer targets; got float64"),
        (lambda: F.nll_loss(X, LABELS + 1), ag.BoundsError, "nll_loss: labels from 1 to 2 for 2 classes"),
        (lambda: F.binary_cross_entropy(np.array([1.5]), np.ones(1)), ValueError, "binary_cross_entropy_with_logits"),
        (lambda: F.binary_cross_entropy(X, X, weight=np.ones((4, 3, 2))), ag.ShapeError, r"weight \(4, 3, 2\)"),
        (lambda: F.gaussian_nll_loss(X, X, np.ones(2)), ag.ShapeError, r"var has shape \(2,\)"),
        (lambda: F.gaussian_nll_loss(X, X, -np.ones(3)), ValueError, "variances that are not negative"),
        (lambda: F.huber_loss(X, X, delta=0.0), ValueError, "delta > 0; got 0.0"),
        (lambda: F.smooth_l1_loss(X, X, beta=-1.0), ValueError, "beta >= 0; got -1.0"),
        (lambda: F.hinge_embedding_loss(X, X), ValueError, "targets 1 and -1; got values from 0.0 to 0.0"),
        (lambda: F.hinge_loss(X, X), ValueError, "hinge_loss takes targets 1 and -1; got values from 0.0 to 0.0"),
        (lambda: F.hinge_loss(X, X, p=3), ValueError, "hinge_loss takes p=1 or p=2; got 3"),
        (lambda: F.multi_margin_loss(X, LABELS, p=3), ValueError, "p=1 or p=2; got 3"),
        (lambda: F.multi_margin_loss(X, LABELS - 1), ag.BoundsError, "labels from -1 to 0 for 2 classes"),
        (lambda: F.multilabel_margin_loss(X, np.full((3, 2), 2)), ag.BoundsError, "labels to 2 for 2 classes"),
        (lambda: nn.MSELoss()(X), TypeError, "target"),
        (lambda: nn.CrossEntropyLoss(smoothing=0.1), TypeError, r"CrossEntropyLoss\(weight=None.*'smoothing'"),
        (lambda: nn.BCELoss()(X, X, X), TypeError, "multiple values for argument 'weight'"),
    ],
)
def test_bad_arguments_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_function_of_a_loss_has_its_module():
    functions = {nn.__dict__[name]._function for name in (*losses.__all__, *margins.__all__) if name[0].isupper()}
    assert functions == set(SHAPED.values())


@pytest.mark.parametrize("kind", [np.int64, np.uint8, bool, list])
@pytest.mark.parametrize("name", [
    "l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div",
    "gaussian_nll_loss", "poisson_nll_loss", "soft_margin_loss", "margin_ranking_loss", "multilabel_soft_margin_loss",
])  # fmt: skip
def test_targets_without_a_floating_dtype_get_that_of_the_input(name, kind, rng):
    loss = getattr(F, name)
    x, y = rng.uniform(0.1, 0.9, (2, 4, 3)).astype(np.float32)
    t = rng.integers(0, 2, (4, 3))
    extra = {"gaussian_nll_loss": {"var": y}}.get(name, {})
    before = (y,) if name == "margin_ranking_loss" else ()
    given = t.tolist() if kind is list else t.astype(kind)
    found = loss(ag.Tensor(x, requires_grad=True), *before, given, **extra)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.numpy(), loss(x, *before, t.astype(np.float32), **extra))


def test_weights_do_not_widen_float32(rng):
    x = ag.Tensor(rng.normal(size=(4, 3)).astype(np.float32), requires_grad=True)
    t, w = np.eye(4, 3, dtype=np.float32), np.array([1.0, 2.0, 3.0])
    bce = F.binary_cross_entropy_with_logits
    for loss in (
        bce(x, t, pos_weight=w),
        bce(x, t, weight=[1, 2, 3]),
        F.binary_cross_entropy(ag.sigmoid(x), t, weight=w),
        F.multilabel_soft_margin_loss(x, t, weight=w),
        F.cross_entropy(x, t, weight=w),
        F.multi_margin_loss(x, np.array([0, 1, 2, 0]), weight=w),
    ):
        assert loss.dtype == np.float32
    np.testing.assert_array_equal(bce(x, t, weight=[1, 2, 3]).numpy(), bce(x, t, weight=w).numpy())


@pytest.mark.filterwarnings("error")
def test_excluded_classes_with_logits_of_minus_infinity(rng):
    """What a mask excludes has probability 0: with a target of 0 it adds 0, and the others are as if it were not there."""
    z = rng.normal(size=(4, 3))
    p = rng.dirichlet(np.ones(3), 4)
    masked = ag.Tensor(np.insert(z, 1, -np.inf, axis=1), requires_grad=True)
    target, labels = np.insert(p, 1, 0.0, axis=1), np.array([0, 2, 3, -100])
    cross_entropy, nll_loss, kl_div = F.cross_entropy, F.nll_loss, F.kl_div
    log_p, log_masked = F.log_softmax(z), F.log_softmax(masked)
    with np.errstate(divide="ignore"):
        log_target = np.log(target)
    for found, expected in (
        (cross_entropy(masked, target), cross_entropy(z, p)),
        (cross_entropy(masked, labels), cross_entropy(z, np.array([0, 1, 2, -100]))),
        (kl_div(log_masked, target, "sum"), kl_div(log_p, p, "sum")),
        (kl_div(log_masked, log_target, "sum", log_target=True), kl_div(log_p, p, "sum")),
    ):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
        (slope,) = ag.gradients(found, masked, retain_graph=True)
        assert np.isfinite(slope.numpy()).all()
        np.testing.assert_array_equal(slope.numpy()[:, 1], 0)
    ignored = np.array([[-np.inf, 0.0], [-1.0, -0.5]])  # the ignored sample has -inf at class 0
    np.testing.assert_array_equal(nll_loss(ignored, np.array([-100, 1]), reduction="none"), [0, 0.5])
    assert np.isposinf(cross_entropy(masked, np.insert(p, 0, 0.1, axis=1)).numpy())


def test_gaussian_variance_may_be_one_number(rng):
    x, t = rng.normal(size=(2, 4, 3))
    gaussian = F.gaussian_nll_loss
    for var in (0.5, np.array(0.5), ag.Tensor(0.5)):
        np.testing.assert_allclose(gaussian(x, t, var), gaussian(x, t, np.full((4, 3), 0.5)))
    assert gaussian(x.astype(np.float32), t.astype(np.float32), 0.5).dtype == np.float32


def huge(row, k, array, rng):
    """Logits of 0 and +-10^4 in place of a differentiable input; what that means for inputs that are no logits."""
    logits = rng.choice([-1e4, 0.0, 1e4], array.shape)
    if row.name == "BCELoss":
        return (np.sign(logits) + 1) / 2
    if row.name == "PoissonNLLLoss":  # e^x is no float32 number where x > 88
        return np.minimum(logits, 0)
    if row.name == "TripletMarginLoss":  # equal distances, which round differently, are a kink
        return logits * rng.uniform(0.5, 1, logits.shape)
    return array if (row.name, k) in {("GaussianNLLLoss", 2), ("KLDivLoss", 1)} else logits  # variances, probabilities


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("row", LOSSES, ids=lambda row: row.name)
def test_every_loss_is_finite_at_huge_logits_in_float32(row, rng):
    """Values and gradients in float32 are those of float64, over all options."""
    for options in row.variants():
        if row.name == "PoissonNLLLoss" and not options.get("log_input", True):
            continue
        for make in row.inputs:
            arrays = make(rng)
            arrays = [huge(row, k, a, rng) if k < row.differentiable else a for k, a in enumerate(arrays)]
            if options.get("log_target"):
                arrays[1] = np.log(make(rng)[1])
            found = []
            for dtype in (np.float32, np.float64):
                inputs = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]
                xs = [ag.Tensor(x, requires_grad=True) if k < row.differentiable else x for k, x in enumerate(inputs)]
                y = getattr(F, row.function)(*xs, **options)
                y.sum().backward()
                found.append([y.numpy(), *(x.grad.numpy() for x in xs[: row.differentiable])])
            for single, double in zip(*found, strict=True):
                assert np.isfinite(single).all()
                np.testing.assert_allclose(single, double, rtol=2e-5, atol=1e-6 * np.abs(double).max(initial=1))


def test_binary_cross_entropy_of_complex_numbers_is_refused():
    with pytest.raises(ag.DTypeError, match="'sigmoid_cross_entropy' takes real numbers; got complex128 and float64"):
        ag.sigmoid_cross_entropy(np.array([1j]), np.array([1.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_exact_where_the_loss_is_tiny(dtype):
    z = np.array([20.0, -20.0, 50.0, -50.0, 3.0], dtype)
    t = np.array([1.0, 0.0, 1.0, 0.0, 1.0], dtype)
    expected = np.log1p(np.exp(-np.abs(z.astype(np.float64))))
    np.testing.assert_allclose(ag.sigmoid_cross_entropy(z, t), expected, rtol=4 * np.finfo(dtype).eps)
