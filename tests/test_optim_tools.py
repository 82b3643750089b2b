"""Clipping, penalties, averages, groups by name, the range test, and SciPy's methods."""

import copy
import importlib
import pickle
import sys

import numpy as np
import pytest
from scipy.optimize import rosen

import autograd_core as ag
import nn
import optim

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")


def leaves(*grads):
    found = []
    for g in grads:
        p = ag.Tensor(np.zeros_like(g), requires_grad=True)
        p.grad = g.copy()
        found.append(p)
    return [*found, ag.Tensor(np.zeros(2), requires_grad=True)]  # the last without a gradient


# Clipping


@pytest.mark.parametrize("norm_type", [0.5, 1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("dtype", [float, complex])
def test_global_norm_is_that_of_one_long_vector(norm_type, dtype, rng):
    grads = [rng.normal(size=shape).astype(dtype) + (1j if dtype is complex else 0) for shape in ((3, 4), (), (0, 2), (5,))]
    vector = np.abs(np.concatenate([g.reshape(-1) for g in grads]))
    expected = vector.max() if norm_type == np.inf else np.sum(vector**norm_type) ** (1 / norm_type)
    np.testing.assert_allclose(optim.global_norm(leaves(*grads), norm_type), expected, rtol=1e-13)
    assert optim.global_norm([ag.Tensor([1.0], requires_grad=True)], norm_type) == 0.0


@NEEDS_TORCH
@pytest.mark.parametrize("norm_type", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("limit", [0.3, 1e3])
def test_clipping_equals_pytorchs(norm_type, limit, rng):
    grads = [rng.normal(size=shape) for shape in ((3, 4), (5,))]
    ours, theirs = leaves(*grads), [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
    for t, g in zip(theirs, grads, strict=True):
        t.grad = torch.tensor(g)
    norm = optim.clip_grad_norm_(ours, limit, norm_type)
    np.testing.assert_allclose(norm, torch.nn.utils.clip_grad_norm_(theirs, limit, norm_type).item(), rtol=1e-14)
    for p, t in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(p.grad.numpy(), t.grad.numpy(), rtol=1e-12)
    optim.clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    for p, t in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(p.grad.numpy(), t.grad.numpy(), rtol=1e-12)


def test_clipping_replaces_and_does_not_write_into_shared_gradients():
    shared = ag.Tensor(np.array([3.0, 4.0]))
    a, b = (ag.Tensor(np.zeros(2), requires_grad=True) for _ in range(2))
    a.grad = b.grad = shared  # as a sum's gradient may be
    optim.clip_grad_norm_([a], 1.0)
    np.testing.assert_array_equal(b.grad.numpy(), [3.0, 4.0])
    optim.clip_grad_value_([a], 0.1)
    np.testing.assert_array_equal(b.grad.numpy(), [3.0, 4.0])
    optim.clip_grad_norm_([b], 10.0)
    assert b.grad is shared  # small enough: untouched


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite(bad):
    parameters = leaves(np.array([1.0, bad]))
    with pytest.raises(ag.AnomalyError, match=f"the norm of the gradients is {bad}"):
        optim.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(parameters[0].grad.numpy(), [1.0, bad])
    assert not np.isfinite(optim.clip_grad_norm_(parameters, 1.0))


def test_norms_that_float32_cannot_hold():
    parameters = leaves(np.full(4, 1e30, np.float32))
    assert optim.global_norm(parameters) == pytest.approx(2e30)
    optim.clip_grad_norm_(parameters, 1.0)
    np.testing.assert_allclose(parameters[0].grad.numpy(), 0.5, rtol=1e-6)
    assert parameters[0].grad.dtype == np.float32
    with pytest.raises(ValueError, match="norm_type is positive"):
        optim.global_norm(parameters, 0)


# Penalties


def test_penalties_and_their_gradients(rng):
    values = [rng.normal(size=(3, 2)), np.array([0.0, -2.0, 1.0])]
    for penalty, value, gradient in [
        (lambda w: optim.l1_penalty(w, 0.3), lambda w: 0.3 * np.abs(w).sum(), lambda w: 0.3 * np.sign(w)),
        (lambda w: optim.l2_penalty(w, 0.3), lambda w: 0.3 * (w**2).sum(), lambda w: 0.6 * w),
        (
            lambda w: optim.elastic_penalty(w, l1=0.2, l2=0.7),
            lambda w: 0.2 * np.abs(w).sum() + 0.7 * (w**2).sum(),
            lambda w: 0.2 * np.sign(w) + 1.4 * w,
        ),
    ]:
        weights = [ag.Tensor(v, requires_grad=True) for v in values]
        found = penalty(iter(weights))
        np.testing.assert_allclose(found.item(), sum(value(v) for v in values), rtol=1e-14)
        found.backward()
        for w, v in zip(weights, values, strict=True):
            np.testing.assert_allclose(w.grad.numpy(), gradient(v), rtol=1e-14)


def test_l2_penalty_is_twice_the_weight_decay():
    one, other = (ag.Tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
    decay, penalty = optim.SGD([one], lr=0.1, weight_decay=0.6), optim.SGD([other], lr=0.1)
    one.grad = np.zeros(2)
    optim.l2_penalty([other], 0.3).backward()
    decay.step()
    penalty.step()
    np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-15)


def test_proximal_steps_solve_the_lasso(rng):
    """With orthogonal columns the solution of 1/2 |X w - y|^2 + c |w|_1 is the soft threshold of X^T y."""
    x = np.linalg.qr(rng.normal(size=(20, 6)))[0]
    y, c = rng.normal(size=20), 0.6
    w = ag.Tensor(np.zeros(6), requires_grad=True)
    sgd = optim.SGD([w], lr=0.5)
    for _ in range(200):
        sgd.zero_grad()
        (0.5 * ((x @ w - y) ** 2).sum()).backward()
        sgd.step()
        optim.proximal_l1_([w], 0.5 * c)
    best = x.T @ y
    expected = np.sign(best) * np.maximum(np.abs(best) - c, 0)
    np.testing.assert_allclose(w.numpy(), expected, atol=1e-12)
    assert 0 < np.count_nonzero(w.numpy() == 0.0) < 6  # exactly zero
    np.testing.assert_array_equal(w.numpy() == 0.0, expected == 0.0)


def test_proximal_step_keeps_dtype_and_shrinks_complex_numbers_along_their_direction():
    w = ag.Tensor(np.array([3.0, -0.1], np.float32), requires_grad=True)
    z = ag.Tensor(np.array([3.0 + 4.0j, 0.1j]), requires_grad=True)
    optim.proximal_l1_([w, z], 1.0)
    assert w.dtype == np.float32
    np.testing.assert_allclose(w.numpy(), [2.0, 0.0])
    np.testing.assert_allclose(z.numpy(), [(3.0 + 4.0j) * 0.8, 0.0])
    with pytest.raises(ValueError, match="threshold is at least 0"):
        optim.proximal_l1_([w], -1.0)


# Averages


def test_exponential_average_is_a_weighted_mean(rng):
    values = rng.normal(size=(20, 3))
    plain, corrected = optim.ExponentialAverage(0.8, bias_correction=False), optim.ExponentialAverage(0.8)
    assert plain.value is None
    for t in range(1, 21):
        weights = 0.2 * 0.8 ** np.arange(t - 1, -1, -1)
        np.testing.assert_allclose(plain.update(values[t - 1]), weights @ values[:t], rtol=1e-12)
        np.testing.assert_allclose(corrected.update(values[t - 1]), np.average(values[:t], axis=0, weights=weights), rtol=1e-12)
    again = optim.ExponentialAverage(0.8)
    again.load_state_dict(pickle.loads(pickle.dumps(corrected.state_dict())))  # noqa: S301  our own
    np.testing.assert_array_equal(again.update(values[0]), corrected.update(values[0]))


def moving(kind, **options):
    net = nn.Linear(2, 2, dtype=float)
    average = kind(net, **options)
    seen, rng = [], np.random.default_rng(0)
    for _ in range(6):
        with ag.no_grad():
            net.weight.copy_(rng.normal(size=(2, 2)))
        seen.append(net.weight.numpy().copy())
        average.update()
    return net, average, seen


def test_averaged_weights_are_the_means_they_are_called(rng):
    _, swa, seen = moving(optim.SWA)
    np.testing.assert_allclose(swa.averages[0], np.mean(seen, axis=0), rtol=1e-13)
    _, ema, _ = moving(optim.EMA, decay=0.7)
    weights = np.array([0.7**5, *(0.3 * 0.7 ** np.arange(4, -1, -1))])
    np.testing.assert_allclose(ema.averages[0], np.einsum("t,tij", weights, seen), rtol=1e-13)
    _, corrected, _ = moving(optim.EMA, decay=0.7, bias_correction=True)
    weights = 0.7 ** np.arange(5, -1, -1)
    np.testing.assert_allclose(corrected.averages[0], np.einsum("t,tij", weights / weights.sum(), seen), rtol=1e-13)


@NEEDS_TORCH
@pytest.mark.parametrize("kind", ["EMA", "SWA"])
def test_averaged_weights_equal_pytorchs(kind):
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    options = {"decay": 0.9} if kind == "EMA" else {}
    _, average, seen = moving(getattr(optim, kind), **options)
    theirs = torch.nn.Linear(2, 2, dtype=torch.float64)
    peer = AveragedModel(theirs, multi_avg_fn=get_ema_multi_avg_fn(0.9) if kind == "EMA" else None)
    for weight in seen:
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(weight))
        peer.update_parameters(theirs)
    np.testing.assert_allclose(average.averages[0], peer.module.weight.detach().numpy(), rtol=1e-14)


def test_applied_gives_the_weights_back_also_after_an_error():
    net, swa, seen = moving(optim.SWA)

    def fail():
        with swa.applied():
            np.testing.assert_allclose(net.weight.numpy(), np.mean(seen, axis=0), rtol=1e-13)
            raise RuntimeError("in the block")

    with pytest.raises(RuntimeError, match="in the block"):
        fail()
    np.testing.assert_array_equal(net.weight.numpy(), seen[-1])
    state, other = swa.state_dict(), optim.SWA(net)
    other.load_state_dict(state)
    for a in (swa, other):
        a.update()
    np.testing.assert_array_equal(swa.averages[0], other.averages[0])
    with pytest.raises(ag.ShapeError, match="the state has averages of shapes"):
        optim.SWA(nn.Linear(3, 3)).load_state_dict(state)
    with pytest.raises(ValueError, match="nothing to average"):
        optim.SWA([])


def test_averages_work_with_an_optimizer_on_the_same_parameters():
    net = nn.Linear(2, 1)
    sgd, ema = optim.SGD(net.parameters(), lr=0.1), optim.EMA(net, decay=0.5)
    for _ in range(3):
        sgd.zero_grad()
        net(np.ones((1, 2), np.float32)).sum().backward()
        with ema.applied():
            pass
        sgd.step()
        ema.update()
    assert ema.averages[0].dtype == np.float32


# Groups by name


def test_groups_by_name_take_the_first_pattern_that_fits():
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    groups = optim.groups_by_name(net.named_parameters(), {"*.bias": {"weight_decay": 0.0}, "1.*": {"lr": 0.0}})
    adam = optim.AdamW(groups, lr=0.1, weight_decay=0.5)
    assert [(g["param_names"], g["lr"], g["weight_decay"]) for g in adam.param_groups] == [
        (["0.bias", "1.bias", "2.bias"], 0.1, 0.0),
        (["1.weight"], 0.0, 0.5),
        (["0.weight", "2.weight"], 0.1, 0.5),
    ]
    before = net.state_dict()
    (net(np.ones((2, 2), np.float32)) ** 2).sum().backward()
    adam.step()
    changed = {name for name, value in net.state_dict().items() if (value != before[name]).any()}
    assert "1.weight" not in changed
    assert "0.weight" in changed
    with pytest.raises(ValueError, match=r"no parameter is left for \['3.\*'\]; the names are"):
        optim.groups_by_name(net.named_parameters(), {"3.*": {}})


# The range test


def regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 4)).astype(np.float32)
    y = (x @ np.array([[1.0], [2.0], [-1.0], [0.5]], np.float32)).astype(np.float32)
    ag.manual_seed(1)
    net = nn.Linear(4, 1)
    return net, x, y, rng


def test_range_test_finds_where_the_loss_falls_and_leaves_everything_as_it_was(tmp_path):
    net, x, y, rng = regression()
    sgd = optim.SGD([{"params": [net.weight]}, {"params": [net.bias], "lr": 0.02}], lr=0.1, momentum=0.9)

    def closure():
        batch = rng.integers(0, 256, 32)
        sgd.zero_grad()
        loss = nn.functional.mse_loss(net(x[batch]), y[batch])
        loss.backward()
        return loss

    sgd.step(closure)
    before, state = net.state_dict(), sgd.state_dict()
    found = optim.lr_range_test(sgd, closure, start=1e-5, end=100.0, steps=120)
    np.testing.assert_equal(net.state_dict(), before)
    np.testing.assert_equal(sgd.state_dict(), state)
    assert [group["lr"] for group in sgd.param_groups] == [0.1, 0.02]
    assert 1e-3 < found.suggestion < 0.5
    assert found.lrs[-1] < 100.0  # it ended when the loss exploded
    assert found.smoothed[-1] > found.smoothed[0]
    assert "suggestion" in repr(found)
    ax = found.plot(tmp_path / "range.svg")
    assert ax.get_xscale() == "log"
    assert (tmp_path / "range.svg").exists()


def test_range_test_keeps_schedules_and_restores_after_an_error():
    x = ag.Tensor([1.0], requires_grad=True)
    schedule = optim.schedules.constant(0.5)
    sgd, calls = optim.SGD([x], lr=schedule), []

    def closure():
        calls.append(sgd.param_groups[0]["lr"])
        x.grad = np.ones(1)
        if len(calls) == 5:
            raise RuntimeError("in the closure")
        return 1.0

    with pytest.raises(RuntimeError, match="in the closure"):
        optim.lr_range_test(sgd, closure, 0.1, 1.0, steps=10)
    np.testing.assert_allclose(calls, np.geomspace(0.1, 1.0, 10)[:5])
    assert sgd.param_groups[0]["lr"] is schedule
    assert x.numpy() == 1.0
    assert sgd.step_count == 0
    with pytest.raises(ValueError, match="0 < start < end and at least 3 steps"):
        optim.lr_range_test(sgd, closure, 1.0, 0.1)


def test_range_test_puts_back_gradients_and_counts_and_needs_a_loss(tmp_path):
    x = ag.Tensor([1.0], requires_grad=True)
    sgd = optim.SGD([x], skip_nonfinite=True)

    def closure():
        x.grad = np.full(1, np.nan)
        return 1.0

    with pytest.warns(RuntimeWarning, match="is left out"):
        optim.lr_range_test(sgd, closure, steps=3)
    assert x.grad is None
    assert sgd.skipped_steps == 0
    assert sgd.last_skipped is None
    with pytest.raises(TypeError, match="a closure that returns the loss; got None"):
        optim.lr_range_test(sgd, lambda: None)
    nothing = optim.lr_range_test(sgd, lambda: np.nan)
    assert nothing.suggestion is None
    nothing.plot(tmp_path / "nothing.svg")


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_limits_that_would_turn_gradients_around_are_refused(bad):
    x = ag.Tensor([0.0], requires_grad=True)
    x.grad = np.array([3.0])
    with pytest.raises(ValueError, match=f"max_norm is at least 0; got {bad}"):
        optim.clip_grad_norm_(x, bad)
    with pytest.raises(ValueError, match=f"clip_value is at least 0; got {bad}"):
        optim.clip_grad_value_(x, bad)
    assert x.grad.item() == 3.0


@pytest.mark.parametrize("dtype", [float, complex])
def test_norms_whose_squares_no_float_holds(dtype):
    x = ag.Tensor(np.zeros(2, dtype), requires_grad=True)
    x.grad = np.array([3e200, 4e200], dtype)
    np.testing.assert_allclose(optim.clip_grad_norm_(x, 1.0), 5e200, rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), [0.6, 0.8], rtol=1e-14)


def test_the_error_of_clipping_names_the_gradients_that_are_not_finite():
    good, bad = (ag.Tensor([0.0], requires_grad=True, name=name) for name in ("good", "bad"))
    good.grad, bad.grad = np.ones(1), np.array([np.inf])
    with pytest.raises(ag.AnomalyError, match="cannot be clipped; those of bad are not finite"):
        optim.clip_grad_norm_([good, bad], 1.0, error_if_nonfinite=True)


STATES = [
    lambda: optim.EMA([ag.Tensor([1.0, 2.0], requires_grad=True)]),
    lambda: optim.SWA([ag.Tensor([1.0, 2.0], requires_grad=True)]),
    lambda: optim.ExponentialAverage(),
    lambda: optim.ReduceOnPlateau(optim.SGD([ag.Tensor([1.0], requires_grad=True)])),
    lambda: optim.LBFGS([ag.Tensor([1.0, 2.0], requires_grad=True)]),
    lambda: optim.SGD([ag.Tensor([1.0, 2.0], requires_grad=True)]),
]
NO_STATES = [
    None,
    [],
    {},
    {"averages": None, "count": 1},
    {"averages": [np.ones(2)], "count": "x"},
    {"averages": [np.ones(2)], "count": -1},
    {"averages": [np.ones(2) * 1j], "count": 1},
    {"averages": [np.array(["a", "b"])], "count": 1},
    {"sum": "x", "count": 1},
    {"sum": 1.0, "count": -1},
    {"best": 1.0, "bad_epochs": 0, "cooling": 0, "reductions": 0},
    {"best": 1.0, "bad_epochs": "x", "cooling": 0, "reductions": 0, "scales": [1.0]},
    {"best": np.nan, "bad_epochs": 0, "cooling": 0, "reductions": 0, "scales": [1.0]},
    {"best": 1.0, "bad_epochs": 0, "cooling": 0, "reductions": 0, "scales": [1.0, 1.0]},
    {"best": 1.0, "bad_epochs": 0, "cooling": 0, "reductions": 0, "scales": [np.nan]},
    {"state": {0: {"step": 1, "exp_avg": np.ones(2)}}, "param_groups": [{"params": [0]}]},
    {"state": {0: {"n_iter": np.nan, "func_evals": 1}}, "param_groups": [{"params": [0]}]},
    {"state": {0: {"n_iter": 3, "func_evals": 1}}, "param_groups": [{"params": [0]}]},
]


@pytest.mark.parametrize("make", STATES)
@pytest.mark.parametrize("state", NO_STATES)
def test_what_is_no_state_is_refused_and_changes_nothing(make, state):
    owner = make()
    before = copy.deepcopy(owner.state_dict())
    with pytest.raises(ag.DataError, match=f"this is no state for {type(owner).__name__}"):
        owner.load_state_dict(state)
    np.testing.assert_equal(owner.state_dict(), before)


def test_a_state_with_another_line_search_is_checked_and_can_be_put_back():
    lbfgs = optim.LBFGS([ag.Tensor([1.0], requires_grad=True)])
    for wrong, history in (("x", {}), ("strong_wolfe", {0: {"n_iter": 1}})):
        state = lbfgs.state_dict() | {"state": history}
        state["param_groups"][0] |= {"line_search_fn": wrong, "max_eval": 7}
        with pytest.raises(ag.DataError, match="no state for LBFGS"):
            lbfgs.load_state_dict(state)
        assert lbfgs.param_groups[0]["line_search_fn"] is None
        assert lbfgs.param_groups[0]["max_eval"] == 25
    with pytest.raises(TypeError, match="history_size is a whole number"):
        optim.LBFGS([ag.Tensor([1.0], requires_grad=True)], history_size=1.5)
    state["state"] = {}
    lbfgs.load_state_dict(state)
    assert lbfgs.param_groups[0]["line_search_fn"] == "strong_wolfe"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda kept: kept["ro"].pop(), "its history has lists of different lengths"),
        (lambda kept: kept.pop("ro"), r"its history has too much or too little of \['ro'\]"),
        (
            lambda kept: kept.update(d=np.ones(3)),
            r"the history has shape \(3,\) and dtype float64; expected \(2,\) and float64",
        ),
        (lambda kept: kept.update(n_iter=-1), "a number of steps is at least 0; got -1"),
    ],
)
def test_a_damaged_history_is_refused(damage, message):
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    lbfgs = optim.LBFGS([x], max_iter=4)

    def closure():
        lbfgs.zero_grad()
        loss = (x**4).sum()
        loss.backward()
        return loss

    lbfgs.step(closure)
    state = lbfgs.state_dict()
    damage(state["state"][0])
    with pytest.raises(ag.DataError, match=f"no state for LBFGS: {message}"):
        lbfgs.load_state_dict(state)


# SciPy's methods


METHODS = [
    "L-BFGS-B",
    "BFGS",
    "CG",
    "Newton-CG",
    "trust-ncg",
    "trust-krylov",
    "trust-exact",
    "dogleg",
    "TNC",
    "SLSQP",
    "trust-constr",
]


def bumpy(p):
    a, b = p["a"], p["rest"][0]
    d = b[1:] - b[:-1] ** 2
    return (100 * d**2).sum() + ((1 - b[:-1]) ** 2).sum() + (np.cosh(a - 2.0) - 1).sum()


@pytest.mark.parametrize("method", METHODS)
def test_minimize_reaches_the_optimum_in_the_structure_of_x0(method):
    start = 0.9 if method == "dogleg" else -0.5  # dogleg needs a positive definite Hessian
    x0 = {"a": np.full((2, 2), 1.5), "rest": (np.array([start, 0.8, 0.6]), None)}
    found = optim.minimize(bumpy, x0, method, tol=1e-9, options={"maxfun": 1000} if method == "TNC" else None)
    assert found.x.keys() == x0.keys()
    assert found.x["rest"][1] is None
    np.testing.assert_allclose(found.x["a"], np.full((2, 2), 2.0), atol=1e-4)
    np.testing.assert_allclose(found.x["rest"][0], np.ones(3), atol=1e-4)
    assert found.fun < 1e-7


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell"])
def test_methods_without_gradient_work_too(method):
    found = optim.minimize(lambda x: rosen(x), np.array([0.5, 0.6]), method, tol=1e-10)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_newton_gets_exact_hessian_products():
    """A quadratic: one Newton step, whose conjugate gradients end after as many products as there are eigenvalues."""
    a = np.diag([1.0, 10.0, 100.0])
    calls = []

    def f(x):
        calls.append(1)
        return 0.5 * x @ a @ x - x.sum()

    found = optim.minimize(f, np.zeros(3), "trust-krylov", tol=1e-10)
    np.testing.assert_allclose(found.x, 1 / np.diag(a), rtol=1e-9)
    np.testing.assert_allclose(found.jac, 0.0, atol=1e-9)
    assert found.nit < 10


def test_minimize_keeps_kinds_and_dtypes_and_calls_back():
    seen = []
    x0 = [ag.Tensor(np.array([3.0, 1.0], np.float32)), 2.0]
    found = optim.minimize(
        lambda p, c: ((p[0] - c) ** 2).sum() + (p[1] + 1) ** 2, x0, args=(4.0,), callback=lambda p: seen.append(p)
    )
    assert isinstance(found.x[0], ag.Tensor)
    assert found.x[0].dtype == np.float32
    assert isinstance(found.x[1], float)
    np.testing.assert_allclose(found.x[0].numpy(), 4.0, atol=1e-3)
    np.testing.assert_allclose(found.x[1], -1.0, atol=1e-3)
    assert isinstance(seen[-1][0], ag.Tensor)
    bounded = optim.minimize(lambda x: ((x - 3) ** 2).sum(), np.zeros(2), bounds=[(0, 1), (0, 5)])
    np.testing.assert_allclose(bounded.x, [1.0, 3.0], atol=1e-6)
    with pytest.raises(ag.DTypeError, match="minimize works on real numbers"):
        optim.minimize(lambda x: abs(x), np.array([1.0 + 1j]))


def test_without_scipy_minimize_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ag.MissingExtraError, match=r"pip install 'autograd-core\[scipy\]'"):
        optim.minimize(lambda x: x**2, 1.0)
    assert importlib.import_module("optim")


def test_trained_network_by_scipy_is_the_logistic_optimum():
    """A module as a function of its parameters."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    labels = (x[:, 0] + 0.5 * rng.normal(size=60) > 0).astype(int)
    net = nn.Linear(3, 2, dtype=float)

    def loss(parameters):
        with nn.substituted(net, parameters):
            return nn.functional.cross_entropy(net(x), labels) + optim.l2_penalty(parameters.values(), 0.01)

    start = {name: p.numpy().copy() for name, p in net.named_parameters()}
    first = optim.minimize(loss, copy.deepcopy(start), "L-BFGS-B", tol=1e-12)
    second = optim.minimize(loss, start, "trust-ncg", tol=1e-10)
    np.testing.assert_allclose(first.x["weight"], second.x["weight"], atol=1e-4)
    assert np.abs(second.jac["weight"]).max() < 1e-8


def test_minimize_needs_the_name_of_a_method_and_something_to_change():
    with pytest.raises(TypeError, match="method is the name of one of SciPy's methods"):
        optim.minimize(rosen, np.ones(2), method=print)
    with pytest.raises(ValueError, match="x0 has no numbers to change"):
        optim.minimize(lambda p: 1.0, {})
