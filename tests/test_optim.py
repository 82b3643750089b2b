"""Optimizers against closed-form trajectories and PyTorch."""

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


def test_adam_first_steps_by_hand():
    lr, b1, b2, eps = 0.1, 0.9, 0.999, 1e-8
    path = quadratic(lambda p: optim.Adam(p, lr=lr), 3.0, 5)
    x, m, v = 3.0, 0.0, 0.0
    for t, found in enumerate(path[1:], start=1):
        g = 2.0 * x
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        x -= lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        np.testing.assert_allclose(found, x, rtol=1e-12)


SETTINGS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "maximize": True}),
]


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_fifty_steps_equal_pytorch(name, options, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install 'autograd-core[bench]'")
    x0 = [rng.normal(size=(3, 4)), rng.normal(size=5)]
    a = [rng.uniform(0.5, 2, x.shape) for x in x0]
    ours = [ag.Tensor(x.copy(), requires_grad=True) for x in x0]
    theirs = [torch.tensor(x, requires_grad=True) for x in x0]
    mine, peer = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(50):
        mine.zero_grad()
        peer.zero_grad()
        used = [0] if step % 7 == 3 else [0, 1]  # now and then a parameter has no gradient
        sum((np.cos(ours[k]) * a[k]).sum() for k in used).backward()
        sum((torch.cos(theirs[k]) * torch.tensor(a[k])).sum() for k in used).backward()
        mine.step()
        peer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-9, atol=1e-12)


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


def test_results_do_not_depend_on_the_number_of_threads(rng):
    x0, g = rng.normal(size=1_200_000), rng.normal(size=1_200_000)
    before, found = ag.get_num_threads(), []
    try:
        for threads in (1, 3):
            ag.set_num_threads(threads)
            x = ag.Tensor(x0, requires_grad=True)
            adam = optim.Adam([x])
            for _ in range(2):
                x.grad = g
                adam.step()
            found.append(x.numpy().copy())
    finally:
        ag.set_num_threads(before)
    np.testing.assert_array_equal(*found)


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
        (lambda: optim.SGD([np.ones(1)]), "got ndarray"),
        (lambda: optim.SGD([X, X]), "given twice"),
        (lambda: optim.SGD([{"params": [X], "speed": 1}]), r"no setting \['speed'\]"),
        (lambda: optim.SGD([X], nesterov=True), "Nesterov needs momentum"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


X = ag.Tensor([1.0], requires_grad=True)


def test_replaced_parameter_is_noticed():
    x = ag.Tensor([1.0], requires_grad=True)
    sgd = optim.SGD([x])
    x.data = np.array([2.0])
    x.grad = np.ones(1)
    with pytest.raises(ag.GraphError, match="was given other memory"):
        sgd.step()


def test_zero_dimensional_and_empty_parameters():
    a, b = ag.Tensor(2.0, requires_grad=True), ag.Tensor(np.zeros((0, 3)), requires_grad=True)
    sgd = optim.SGD([a, b], lr=0.5)
    (a * a + b.sum()).backward()
    sgd.step()
    assert a.item() == 0.0
    assert b.shape == (0, 3)
