"""Optimizers: closed-form trajectories, groups, memory, and what is refused. All of them: test_optimizers.py."""

import math
import warnings

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim


def quadratic(make, x0, steps, a=2.0):
    """Trajectory of an optimizer on a/2 x^2."""
    x = ag.Tensor(np.array([x0]), requires_grad=True)
    optimizer = make([x])
    path = [x0]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * a * x * x).sum().backward()
        optimizer.step()
        path.append(x.numpy()[0])
    return np.array(path)


def test_gradient_descent_shrinks_a_quadratic_geometrically():
    path = quadratic(lambda p: optim.SGD(p, lr=0.1), 3.0, 10)
    np.testing.assert_allclose(path, 3.0 * (1 - 0.1 * 2.0) ** np.arange(11), rtol=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_follows_its_linear_recurrence(nesterov):
    lr, mu, a = 0.1, 0.8, 2.0
    path = quadratic(lambda p: optim.SGD(p, lr=lr, momentum=mu, nesterov=nesterov), 3.0, 20, a)
    x, v = 3.0, 0.0
    for found in path[1:]:
        v = mu * v + a * x
        x -= lr * (a * x + mu * v if nesterov else v)
        np.testing.assert_allclose(found, x, rtol=1e-12)


def test_momentum_on_a_quadratic_has_the_roots_of_its_characteristic_polynomial():
    """x_(t+1) = (1 + mu - lr a) x_t - mu x_(t-1): a sum of powers of the two roots."""
    lr, mu, a = 0.05, 0.7, 3.0
    path = quadratic(lambda p: optim.SGD(p, lr=lr, momentum=mu), 2.0, 30, a)
    roots = np.roots([1.0, -(1 + mu - lr * a), mu])
    weights = np.linalg.solve(np.array([[1, 1], roots]), path[:2])
    closed = [(weights * roots**t).sum().real for t in range(31)]
    np.testing.assert_allclose(path, closed, rtol=0, atol=1e-13)
    assert np.abs(roots[0].imag) > 0.1  # it swings


def test_nesterov_on_a_quadratic_has_the_roots_of_its_characteristic_polynomial():
    """x_(t+1) = (1 - lr a)((1 + mu) x_t - mu x_(t-1)), in the variable y = x - lr mu v that looks ahead."""
    lr, mu, a = 0.05, 0.7, 3.0
    path = quadratic(lambda p: optim.SGD(p, lr=lr, momentum=mu, nesterov=True), 2.0, 30, a)
    roots = np.roots([1.0, -(1 - lr * a) * (1 + mu), mu * (1 - lr * a)])
    weights = np.linalg.solve(np.array([[1, 1], roots]), path[:2])
    np.testing.assert_allclose(path, [(weights * roots**t).sum().real for t in range(31)], rtol=0, atol=1e-13)


def test_averaged_momentum_is_pytorchs_with_another_rate():
    ours = quadratic(lambda p: optim.Momentum(p, lr=0.5, momentum=0.8), 3.0, 20)
    x, v = 3.0, 0.0
    for found in ours[1:]:  # v = 0.8 v + g with v = 0 before: SGD's buffer times 0.2
        v = 0.8 * v + 2.0 * x
        x -= 0.5 * 0.2 * v
        np.testing.assert_allclose(found, x, rtol=1e-12)


def test_corrected_momentum_begins_with_a_full_step():
    plain = quadratic(lambda p: optim.Momentum(p, lr=0.1, momentum=0.9), 3.0, 1)
    corrected = quadratic(lambda p: optim.Momentum(p, lr=0.1, momentum=0.9, bias_correction=True), 3.0, 1)
    np.testing.assert_allclose([3.0 - plain[1], 3.0 - corrected[1]], [0.1 * 0.1 * 6.0, 0.1 * 6.0])


def test_adam_first_steps_by_hand():
    lr, b1, b2, eps = 0.1, 0.9, 0.999, 1e-8
    path = quadratic(lambda p: optim.Adam(p, lr=lr), 3.0, 5)
    x, m, v = 3.0, 0.0, 0.0
    for t, found in enumerate(path[1:], start=1):
        g = 2.0 * x
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        x -= lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        np.testing.assert_allclose(found, x, rtol=1e-12)


def test_float32_stays_float32_and_dtypes_may_mix():
    a, b = ag.Tensor(np.ones(3, np.float32), requires_grad=True), ag.Tensor(np.ones(2), requires_grad=True)
    adam = optim.Adam([a, b], lr=0.1)
    ((a * a).sum() + (b * b).sum()).backward()
    adam.step()
    assert (a.dtype, b.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(a.numpy(), 0.9, rtol=1e-6)
    np.testing.assert_allclose(b.numpy(), 0.9)


def test_large_parameters_are_updated_in_blocks(rng):
    n = 200_000
    x0, g = rng.normal(size=n), rng.normal(size=n)
    x = ag.Tensor(x0.copy(), requires_grad=True)
    adam = optim.Adam([x], lr=0.1)
    x.grad = g
    adam.step()
    np.testing.assert_allclose(x.numpy(), x0 - 0.1 * g / (np.abs(g) + 1e-8), rtol=1e-12, atol=1e-14)


def test_an_error_in_one_thread_is_raised_after_all_have_ended():
    done = []

    def work(a, b):
        if a:
            raise RuntimeError("part failed")
        done.append(b)

    with pytest.raises(ValueError, match="at least 1; got 0"):
        ag.set_num_threads(0)
    before = ag.get_num_threads()
    ag.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="part failed"):
            ag.in_threads(work, 0, 10, least=5)
    finally:
        ag.set_num_threads(before)
    assert done == [5]


def test_groups_schedules_and_closure():
    a, b = ag.Tensor([1.0], requires_grad=True), ag.Tensor([1.0], requires_grad=True)
    sgd = optim.SGD([{"params": [a], "lr": lambda step: 0.1 / (step + 1)}, {"params": b}], lr=0.5)

    def closure():
        sgd.zero_grad()
        loss = (a + b).sum()
        loss.backward()
        return loss

    with ag.no_grad():
        assert sgd.step(closure).item() == 2.0
    sgd.step(closure)
    np.testing.assert_allclose(a.numpy(), 1.0 - 0.1 - 0.05)
    np.testing.assert_allclose(b.numpy(), 0.0)


def test_step_between_forward_and_backward_is_refused():
    net = nn.Linear(2, 2)
    net.weight.name = "weight"
    sgd = optim.SGD(net.parameters(), lr=0.1)
    x = ag.Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    y = net(x).sum()
    y.backward(retain_graph=True)
    sgd.step()
    with pytest.raises(ag.GraphError, match="'linear' needs the value that 'weight' had"):
        y.backward()


def test_loading_into_a_network_reaches_its_optimizer():
    net = nn.Linear(2, 1)
    sgd = optim.SGD(net.parameters(), lr=1.0)
    net.load_state_dict({"weight": np.full((1, 2), 5.0), "bias": np.zeros(1)})
    net(np.ones((1, 2), np.float32)).sum().backward()
    sgd.step()
    np.testing.assert_array_equal(net.weight.numpy(), [[4.0, 4.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD([]), "at least one parameter"),
        (lambda: optim.SGD([ag.Tensor([1.0])]), "leaf tensors that require a gradient"),
        (lambda: optim.SGD([np.ones(1)]), "got a ndarray"),
        (lambda: optim.SGD([X, X]), "given twice"),
        (lambda: optim.SGD([{"params": [X], "speed": 1}]), r"no setting \['speed'\]"),
        (lambda: optim.SGD([X], nesterov=True), "Nesterov needs momentum"),
        (lambda: optim.SGD([X], lr=-0.1), "lr is at least 0 and finite; got -0.1$"),
        (lambda: optim.SGD([X], lr=math.inf), "lr is at least 0 and finite; got inf$"),
        (lambda: optim.SGD([{"params": [X], "lr": lambda step: -1.0}]), "lr is at least 0 and finite; got -1.0 at step 0$"),
        (lambda: optim.Adam([X], betas=(0.9, 1.0)), r"betas is in \[0, 1\); got \(0.9, 1.0\)"),
        (lambda: optim.Adadelta([X], rho=1.5), r"rho is in \[0, 1\]; got 1.5"),
        (lambda: optim.LBFGS([{"params": [X]}, {"params": [ag.Tensor([1.0], requires_grad=True)]}]), "LBFGS has one group"),
        (lambda: optim.LBFGS([X, ag.Tensor(np.ones(1, np.float32), requires_grad=True)]), "parameters of one dtype"),
        (lambda: optim.LBFGS([X], line_search_fn="armijo"), "'strong_wolfe' or None"),
        (lambda: optim.Muon([X]), r"real matrices; parameter number 0 has shape \(1,\)"),
        (lambda: optim.Muon([ag.Tensor([[1.0]], requires_grad=True)], adjust_lr_fn="rms"), "'match_rms_adamw' or None"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


X = ag.Tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lr": math.nan}, ValueError, "lr is at least 0 and finite; got nan at step 2"),
        ({"lr": math.inf}, ValueError, "lr is at least 0 and finite; got inf at step 2"),
        ({"lr": np.float32(-1)}, ValueError, "lr is at least 0 and finite; got -1.0 at step 2"),
        ({"lr": 10**400}, ValueError, "lr is at least 0 and finite; got 1000"),
        ({"lr": "0.1"}, TypeError, "lr is a number, or a function of the step number that gives one; got '0.1' at step 2"),
        ({"lr": None}, TypeError, "lr is a number.*got None at step 2"),
        ({"lr": 1j}, TypeError, "lr is a number.*got 1j at step 2"),
        ({"lr": np.ones(2)}, TypeError, r"lr is a number.*got array\(\[1., 1.\]\) at step 2"),
        ({"lr": ag.Tensor([1.0, 2.0])}, TypeError, r"lr is a number.*got Tensor\(\[1., 2.\]\) at step 2"),
        ({"lr": (0.1, 0.2)}, TypeError, r"lr is one number; got \(0.1, 0.2\) at step 2"),
        ({"eps": -1e-8}, ValueError, "eps is at least 0 and finite; got -1e-08 at step 2"),
        ({"betas": (0.9, 1.0)}, ValueError, r"betas is in \[0, 1\); got \(0.9, 1.0\) at step 2"),
        ({"betas": (math.nan, 0.9)}, ValueError, r"betas is in \[0, 1\); got \(nan, 0.9\) at step 2"),
        ({"betas": 0.9}, TypeError, "betas is a pair of numbers; got 0.9 at step 2"),
    ],
)
@pytest.mark.parametrize("how", ["by a schedule", "set between steps"])
def test_a_setting_that_goes_wrong_later_is_named_before_anything_changes(settings, error, message, how):
    """Whoever gives it: the message has the setting, the step and the value."""
    ((name, bad),) = settings.items()
    a, b = leaf(2), leaf(2)
    good = {"lr": 0.1, "eps": 1e-8, "betas": (0.9, 0.99)}[name]
    wrong = lambda step: good if step < 2 else bad
    if name == "betas" and isinstance(bad, tuple):
        wrong = tuple(lambda step, k=k: good[k] if step < 2 else bad[k] for k in range(2))
    adam = optim.Adam([{"params": [a]}, {"params": [b], name: wrong if how == "by a schedule" else good}])
    for step in range(3):
        before, state = a.numpy().copy(), repr(adam.state_dict()["state"])
        a.grad, b.grad = np.ones(2), np.ones(2)
        if step < 2:
            adam.step()
        else:
            if how == "set between steps":
                adam.param_groups[1][name] = bad
            with pytest.raises(error, match=message):
                adam.step()
    assert adam.step_count == 2
    np.testing.assert_array_equal(a.numpy(), before)  # of the other group, which comes first
    assert repr(adam.state_dict()["state"]) == state
    adam.param_groups[1][name] = good
    adam.step()  # and it can go on


def test_a_setting_without_bounds_is_a_number_all_the_same():
    sgd = optim.SGD([X], momentum=0.9, dampening=lambda step: 0.0 if step < 1 else math.nan)
    sgd.step()
    with pytest.raises(ValueError, match="dampening is finite; got nan at step 1"):
        sgd.step()
    with pytest.raises(ValueError, match=r"ns_coefficients is finite; got .*nan"):
        optim.Muon([ag.Tensor(np.eye(2), requires_grad=True)], ns_coefficients=(1.0, math.nan, 1.0))


def test_what_users_note_in_a_group_is_their_own():
    sgd = optim.SGD([X])
    sgd.param_groups[0] |= {"note": ["any", None], "initial_lr": math.nan}
    sgd.step()


def test_lbfgs_looks_at_its_schedules_before_it_asks_for_a_loss():
    lbfgs = optim.LBFGS([X], lr=lambda step: math.nan if step else 1.0)
    lbfgs.step(lambda: (X * 0).sum())
    with pytest.raises(ValueError, match="lr is at least 0 and finite; got nan at step 1"):
        lbfgs.step(lambda: pytest.fail("the closure was called"))


def test_a_state_is_saved_and_loaded_at_the_end_of_a_schedule():
    ends = lambda step: 0.1 if step < 2 else math.nan
    a = leaf(2)
    sgd = optim.SGD([a], lr=ends)
    for _ in range(2):
        a.grad = np.ones(2)
        sgd.step()
    state = sgd.state_dict()
    sgd.load_state_dict(state)  # a schedule is not loaded, and asked by the next step only
    with pytest.raises(ag.DataError, match="lr is at least 0 and finite; got nan"):
        optim.SGD([a]).load_state_dict(state)


def test_options_that_do_not_exist_and_a_single_tensor_are_type_errors():
    with pytest.raises(TypeError, match=r"Adam has no setting \['momentum'\]; it has \['amsgrad', 'betas'"):
        optim.Adam([X], momentum=0.9)
    with pytest.raises(TypeError, match=r"write \[parameter\]"):
        optim.Adam(X)
    with pytest.raises(TypeError, match="step\\(closure\\)"):
        optim.LBFGS([X]).step()


def leaf(*shape, name=None):
    return ag.Tensor(np.ones(shape), requires_grad=True, name=name)


def replaced(a, b):
    a.data = np.array([2.0, 2.0])


def converted(a, b):
    a.data = a.data.astype(np.float32)


def resized(a, b):
    a.data = np.ones((2, 2))


def reshaped(a, b):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        a.data.shape = (2, 1)


def shared(a, b):
    a.data = b.data


@pytest.mark.parametrize(
    ("happen", "message"),
    [
        (replaced, r"parameter first of shape \(2,\) was given other memory"),
        (converted, "its dtype converted"),
        (resized, r"parameter first of shape \(2,\) was resized to \(2, 2\)"),
        (reshaped, r"was resized to \(2, 1\)"),
        (shared, "now shares the memory of parameter second"),
    ],
)
def test_a_parameter_that_was_changed_behind_the_optimizer_is_named(happen, message):
    a, b = leaf(2, name="first"), leaf(2, name="second")
    adam = optim.Adam([a, b])
    happen(a, b)
    b.grad = np.ones(2)
    with pytest.raises(ag.GraphError, match=message):
        adam.step()
    np.testing.assert_array_equal(b.numpy(), 1.0)  # nothing was updated


def test_parameters_that_share_memory_are_refused():
    memory = np.ones(6)
    views = [ag.Tensor(memory[:4], requires_grad=True, name="left"), ag.Tensor(memory[3:], requires_grad=True, name="right")]
    with pytest.raises(ValueError, match="left and right share memory"):
        optim.SGD(views)
    apart = [ag.Tensor(memory[::2], requires_grad=True), ag.Tensor(memory[1::2], requires_grad=True)]
    optim.SGD(apart)  # between one another, but not the same
    tied = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([tied.weight, tied.weight])


def test_the_memory_of_the_user_is_not_written_to():
    given = np.ones(3)
    x = ag.Tensor(given[:2], requires_grad=True)
    sgd = optim.SGD([x], lr=1.0)
    x.grad = np.ones(2)
    sgd.step()
    np.testing.assert_array_equal(given, 1.0)


def test_two_optimizers_may_take_turns_on_the_same_parameters():
    a, b = leaf(2), leaf(3)
    first, second = optim.SGD([a, b], lr=0.5), optim.SGD([a, b], lr=0.25)
    for optimizer in (first, second, first):
        a.grad, b.grad = np.ones(2), np.ones(3)
        optimizer.step()
    np.testing.assert_array_equal(a.numpy(), -0.25)
    np.testing.assert_array_equal(b.numpy(), -0.25)
    third = optim.SGD([b, a])  # in another order they have to move
    third.step()
    with pytest.raises(ag.GraphError, match="it went to another optimizer"):
        first.step()


def test_groups_are_added_later_and_shown():
    a, b = leaf(2), leaf(2)
    adam = optim.Adam([a], lr=0.1)
    adam.add_param_group({"params": [b], "lr": 0.2, "betas": (0.5, 0.9)})
    a.grad, b.grad = np.ones(2), np.ones(2)
    adam.step()
    np.testing.assert_allclose(a.numpy(), 0.9)
    np.testing.assert_allclose(b.numpy(), 0.8)
    assert "group 1: 1 parameters, lr=0.2, betas=(0.5, 0.9)" in repr(adam)
    with pytest.raises(ValueError, match="given twice"):
        adam.add_param_group({"params": [a]})


def test_parameters_may_come_with_names():
    net = nn.Linear(2, 2)
    sgd = optim.SGD(net.named_parameters(), lr=0.1)
    assert sgd.param_groups[0]["param_names"] == ["weight", "bias"]
    assert sgd.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    net(np.ones((1, 2), np.float32)).sum().backward()
    sgd.step()


def test_groups_have_schedules_and_decay_of_their_own():
    a, b = leaf(1), leaf(1)
    groups = [{"params": a, "lr": optim.schedules.step_decay(1.0, 1)}, {"params": b, "weight_decay": 0.5}]
    sgd = optim.SGD(groups, lr=0.5, decoupled_weight_decay=True)
    for _ in range(2):
        a.grad, b.grad = np.zeros(1), np.zeros(1)
        sgd.step()
    np.testing.assert_array_equal(a.numpy(), 1.0)
    np.testing.assert_array_equal(b.numpy(), (1 - 0.25) ** 2)
    a.grad = np.ones(1)
    sgd.step()
    np.testing.assert_array_equal(a.numpy(), 0.75)


def test_accumulated_gradients_are_those_of_the_whole_batch(rng):
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
    whole, parts = nn.Linear(3, 2, dtype=float), nn.Linear(3, 2, dtype=float)
    parts.load_state_dict(whole.state_dict())
    one, many = optim.Adam(whole.parameters(), lr=0.1), optim.Adam(parts.parameters(), lr=0.1)
    for _ in range(3):
        one.zero_grad()
        nn.functional.mse_loss(whole(x), y).backward()
        one.step()
        many.zero_grad()
        for k in range(4):
            (nn.functional.mse_loss(parts(x[3 * k : 3 * k + 3]), y[3 * k : 3 * k + 3]) / 4).backward()
        many.step()
    np.testing.assert_allclose(parts.weight.numpy(), whole.weight.numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s["param_groups"].pop(), r"groups with \[\] parameters; this Adam has \[2\]"),
        (lambda s: s["param_groups"][0]["params"].pop(), r"groups with \[1\] parameters"),
        (
            lambda s: s["state"][1].update(exp_avg=np.ones(3)),
            r"exp_avg of parameter 1 has shape \(3,\); the parameter has \(2,\)",
        ),
        (lambda s: s["state"][0].update(momentum_buffer=np.ones(2)), r"has \['momentum_buffer'\], which Adam does not know"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(spoil, message):
    make = lambda: optim.Adam([leaf(2), leaf(2)], lr=0.1)
    adam, other = make(), make()
    for p in (*adam.param_groups[0]["params"], *other.param_groups[0]["params"]):
        p.grad = np.ones(2)
    adam.step()
    other.step()
    other.step()
    state, before = adam.state_dict(), other.state_dict()
    spoil(state)
    with pytest.raises(ValueError, match=message):
        other.load_state_dict(state)
    np.testing.assert_equal(other.state_dict(), before)


def test_loading_keeps_schedules_and_takes_numbers():
    schedule = optim.schedules.cosine(0.5, 10)
    make = lambda eps: optim.Adam([leaf(2)], lr=schedule, betas=(lambda step: 0.9, 0.9), eps=eps)
    adam = make(1e-3)
    for _ in range(3):
        adam.param_groups[0]["params"][0].grad = np.ones(2)
        adam.step()
    state = adam.state_dict()
    assert state["param_groups"][0]["lr"] == schedule(3)
    other = make(1e-8)
    other.load_state_dict(state)
    group = other.param_groups[0]
    assert (group["lr"], group["eps"], other.step_count) == (schedule, 1e-3, 3)
    assert callable(group["betas"][0])
    assert group["betas"][1] == 0.9


def test_a_state_dict_is_a_copy():
    adam = optim.Adam([leaf(2)], lr=0.1)
    adam.param_groups[0]["params"][0].grad = np.ones(2)
    adam.step()
    state = adam.state_dict()
    before = state["state"][0]["exp_avg"].copy()
    adam.step()
    np.testing.assert_array_equal(state["state"][0]["exp_avg"], before)


def test_a_buffer_of_a_formula_is_not_used_again_while_a_name_has_it():
    from optim.block import Block, Pool

    x = Block(np.array([[1.0, 2.0]]), Pool(float))
    transposed = (x + 1.0).T  # the sum itself has no name
    product = x * 10.0
    np.testing.assert_array_equal(transposed.array, [[2.0], [3.0]])
    np.testing.assert_array_equal((product @ transposed).array, [[80.0]])
    y = x + 1.0
    root = y
    y = y * y
    np.testing.assert_array_equal(root.array, [[2.0, 3.0]])
    np.testing.assert_array_equal((np.float64(2.0) * x).array, [[2.0, 4.0]])  # a block, not an array of objects


def test_an_optimizer_of_ones_own_needs_an_update_and_nothing_else():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr=0.5, **options):
            super().__init__(params, options, lr=lr)

        def update(self, p, g, s, h):
            p -= h["lr"] / s["step"] * g

    x = leaf(2)
    plain = Plain([x], maximize=True)
    for _ in range(2):
        x.grad = np.ones(2)
        plain.step()
    np.testing.assert_array_equal(x.numpy(), 1.75)
    bare = type("Bare", (optim.Optimizer,), {})([x], lr=0.1)
    with pytest.raises(NotImplementedError, match="Bare defines no update"):
        bare.step()


def test_a_pool_does_not_grow_with_the_shapes_it_has_seen():
    from optim.block import Pool

    pool = Pool(float)
    for n in range(1000):
        pool.take((n,))
    assert len(pool.free) <= 64


def test_zero_dimensional_and_empty_parameters():
    a, b = ag.Tensor(2.0, requires_grad=True), ag.Tensor(np.zeros((0, 3)), requires_grad=True)
    sgd = optim.SGD([a, b], lr=0.5)
    (a * a + b.sum()).backward()
    sgd.step()
    assert a.item() == 0.0
    assert b.shape == (0, 3)


def test_all_parameters_may_be_empty():
    b = ag.Tensor(np.zeros((0, 3)), requires_grad=True)
    adam = optim.Adam([b])
    b.sum().backward()
    adam.step()
    assert adam.step_count == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(nn.Linear(2, 2)), r"such as model.parameters\(\); got a Linear"),
        (lambda: optim.SGD(None), "got a NoneType"),
        (lambda: optim.SGD([{"lr": 0.1}]), r"a group is a dict with its parameters.*got the keys \['lr'\]"),
        (lambda: optim.SGD([{"params": [X]}, X]), "a group is a dict .* of shape"),
        (lambda: optim.SGD([X, {"params": [X]}]), "a group is a dict .* of shape"),
        (lambda: optim.SGD([X], lr="0.1"), "lr is a number, or a function of the step number that gives one; got '0.1'"),
        (lambda: optim.SGD([X], lr=None), "got None"),
        (lambda: optim.SGD([X], lr=lambda step: None), "got None"),
        (lambda: optim.SGD([X], lr=(0.1, 0.2)), "lr is one number"),
        (lambda: optim.Adam([X], betas=0.9), "betas is a pair of numbers; got 0.9"),
        (lambda: optim.Adam([X], betas=(0.9, 0.9, 0.9)), "betas is a pair of numbers"),
        (lambda: optim.Adam([X], betas="ab"), "betas is a pair of numbers"),
    ],
)
def test_arguments_of_a_wrong_kind(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_settings_may_be_lists_as_from_a_file():
    adam = optim.Adam([X], betas=[lambda step: 0.5, 0.99])
    adam.load_state_dict(adam.state_dict())
    assert adam.state_dict()["param_groups"][0]["betas"] == (0.5, 0.99)


def test_messages_have_the_names_that_came_with_the_parameters():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    groups = optim.groups_by_name(net.named_parameters(), {"*.bias": {"weight_decay": 0.0}})
    sgd = optim.SGD(groups, skip_nonfinite=True)
    net[1].weight.grad = np.full((2, 2), np.nan, np.float32)
    with pytest.warns(RuntimeWarning, match="gradient of parameter 1.weight of shape"):
        sgd.step()
    unnamed = optim.SGD([{"params": [p]} for p in net.parameters()], skip_nonfinite=True)
    with pytest.warns(RuntimeWarning, match="gradient of parameter number 2 of shape"):
        unnamed.step()
    net[1].weight.data = np.zeros((2, 2), np.float32)
    with pytest.raises(ag.GraphError, match="parameter number 2 of shape"):
        unnamed.step()
    with pytest.raises(ValueError, match="one name for each of the 1 parameters"):
        optim.SGD([{"params": [ag.Tensor([1.0], requires_grad=True)], "param_names": ["a", "b"]}])


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (ag.Tensor([1.0], name="w"), r"got a Tensor w of shape \(1,\), which requires none"),
        (ag.Tensor([1.0], requires_grad=True) * 2, "which is the result of an operation"),
    ],
)
def test_a_tensor_that_is_no_parameter_is_named(p, message):
    with pytest.raises(ValueError, match=message):
        optim.SGD([p])
