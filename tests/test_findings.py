"""Traps that a reviewer fell into, one test each."""

import copy
import math
import pickle
import threading
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim


def leaf(value):
    return ag.Tensor(value, requires_grad=True)


def test_repeats_given_as_tuples_or_lists_accumulate():
    for index in ([0, 0], ((0, 0),), np.array([0, 0])):
        x = leaf([1.0, 2.0, 3.0])
        x[index].sum().backward()
        np.testing.assert_array_equal(x.grad, [2, 0, 0])
    x = leaf(np.zeros((2, 3)))
    x[(0, 0, 1), (1, 1, 2)].sum().backward()
    np.testing.assert_array_equal(x.grad, [[0, 2, 0], [0, 0, 1]])


def test_numbers_are_not_cut_out_of_a_transform():
    def filled(x):
        a = np.zeros(2)
        a[0] = x**2
        return a.sum()

    with pytest.raises((ag.GraphError, ValueError, TypeError), match=r"silently cut|setting an array element"):
        ag.grad(filled)(1.0)
    with pytest.raises(ag.GraphError, match=r"float\(\) inside a transform would silently cut"):
        ag.grad(lambda x: math.sin(x))(1.0)
    assert float(leaf(2.0)) == 2.0


def test_own_op_with_a_rule_of_wrong_shape_is_refused():
    total = ag.custom_op("own sum", lambda x: x.sum(), lambda g, _y, _x: g)
    with pytest.raises(ag.ShapeError, match=r"rule 0 of 'own sum' returned shape \(\) for an argument of shape \(2,\)"):
        total(leaf([1.0, 2.0])).backward()
    product = ag.custom_op("own product", lambda a, b: a * b, lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a)
    with pytest.raises(ag.ShapeError, match="say kind='elementwise'"):
        product(leaf([1.0, 2.0]), leaf(3.0)).sum().backward()


def test_own_op_is_checked_when_made_and_when_used():
    with pytest.raises(TypeError, match="takes g, the output y, and then every argument"):
        ag.custom_op("forgets y", lambda x: x * x, lambda g, x: 2 * g * x)
    listed = ag.custom_op("returns a list", lambda x: [x], lambda g, _y, _x: g)
    with pytest.raises(ag.DTypeError, match="'returns a list' returned a list"):
        listed(leaf(1.0))
    number = ag.custom_op("returns a number", lambda x: float(x) ** 2, lambda g, _y, x: 2 * g * x)
    assert ag.grad(number)(3.0) == 6.0

    def doubling(g, _y, _x):
        g *= 2
        return g

    op = ag.custom_op("writes into g", lambda x: x * 2, doubling)
    with pytest.raises(ValueError, match="read-only"):
        op(leaf(np.ones(2))).sum().backward()


def test_dicts_are_matched_by_key():
    f = lambda p: p["a"] ** 2 + p["b"] ** 3
    assert ag.hvp(f, {"a": 1.0, "b": 2.0}, {"b": 0.0, "a": 1.0}) == {"a": 2.0, "b": 0.0}
    _, pullback = ag.vjp(lambda x: {"a": x * 1, "b": x * 10}, 1.0)
    assert pullback({"b": 0.0, "a": 1.0}) == (1.0,)
    with pytest.raises(ag.ShapeError, match="needs the keys"):
        pullback({"b": 0.0, "c": 1.0})
    with pytest.raises(ag.ShapeError, match="needs 1 items; got 2"):
        ag.hvp(lambda x: x * x, (1.0,), (1.0, 2.0))


def test_gradient_penalty_reaches_the_parameters_of_the_closure():
    net = nn.Linear(2, 1, dtype=float)
    z = np.ones((3, 2))
    g = ag.grad(lambda z: (net(z) ** 2).sum())(ag.Tensor(z))
    (g**2).sum().backward()
    t = leaf(z)
    (h,) = ag.gradients((net(t) ** 2).sum(), t, create_graph=True)
    expected = ag.gradients((h**2).sum(), net.weight)[0]
    np.testing.assert_allclose(net.weight.grad, expected)
    assert type(ag.grad(lambda z: (net(z) ** 2).sum())(z)) is np.ndarray


def test_in_place_change_of_data_is_noticed():
    w = leaf([1.0, 2.0])
    y = (w * w).sum()
    w.data -= 1
    with pytest.raises(ag.GraphError, match="overwritten"):
        y.backward()


def test_detached_views_keep_their_values():
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    sgd = optim.SGD([w], lr=1.0)
    d = w[0].detach()
    (w * w).sum().backward()
    sgd.step()
    np.testing.assert_array_equal(d, [1.0, 2.0])


def test_asking_again_for_a_gradient_keeps_the_leaf():
    x = leaf(3.0)
    y = x * x
    x.requires_grad = True
    assert ag.gradients(y + x, x)[0].item() == 7.0


def test_augmented_assignment_under_no_grad_changes_the_parameter():
    layer = nn.Linear(2, 1)
    layer(np.ones((1, 2), np.float32)).sum().backward()
    before = layer.weight.numpy().copy()
    with ag.no_grad():
        layer.weight -= 0.5 * layer.weight.grad
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias"]
    np.testing.assert_array_equal(layer.weight.numpy(), before - 0.5)
    x = leaf([1.0])
    y = x
    y *= 2.0
    assert y is not x


def test_second_derivative_of_var_and_std_does_not_depend_on_their_options():
    x, v, w = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0]), np.array([True] * 3)
    np.testing.assert_allclose(ag.hvp(lambda x: np.var(x, where=w), x, v), ag.hvp(np.var, x, v))
    np.testing.assert_array_equal(ag.grad(lambda x: np.std(x, where=w))(np.ones(3)), np.zeros(3))


def test_adam_of_complex_parameters_treats_real_and_imaginary_parts_alone():
    z0 = np.array([1 + 2j, 3 - 1j])
    z, x = leaf(z0), leaf(z0.view(float))
    for p in (z, x):
        adam = optim.Adam([p], lr=0.1)
        for _ in range(3):
            adam.zero_grad()
            (np.abs(p) ** 2).sum().backward()
            adam.step()
    np.testing.assert_allclose(z.numpy().view(float), x.numpy(), rtol=1e-12)


def test_concurrent_backward_passes_add_up():
    w = leaf(1.0)

    def work():
        for _ in range(500):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert w.grad.item() == 2000.0


def test_nested_threads_do_not_wait_for_each_other():
    before, seen = ag.get_num_threads(), []
    ag.set_num_threads(2)
    try:
        ag.in_threads(lambda a, b: ag.in_threads(lambda c, d: seen.append((c, d)), a, b, 1), 0, 4, 1)
    finally:
        ag.set_num_threads(before)
    assert sum(d - c for c, d in seen) == 4


def test_index_assignment_to_a_parameter_keeps_its_optimizer():
    w = leaf([1.0, 2.0])
    sgd = optim.SGD([w], lr=0.1)
    with ag.no_grad():
        w[0] = 0.0
    (w * w).sum().backward()
    sgd.step()
    np.testing.assert_allclose(w.numpy(), [0.0, 1.6])


def test_assigned_value_with_extra_leading_axes():
    x, v = ag.Tensor(np.zeros((2, 3))), leaf(np.ones((1, 3)))
    x[0] = v
    (x * 2.0).sum().backward()
    np.testing.assert_array_equal(v.grad, [[2.0, 2.0, 2.0]])


def test_order_a_follows_the_memory_of_the_array():
    a = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for f in (lambda x: np.reshape(x, (6,), order="A"), lambda x: np.ravel(x, order="A"), lambda x: np.ravel(x, order="K")):
        x = leaf(a)
        y = f(x)
        np.testing.assert_array_equal(y.numpy(), f(a))
        (y * np.arange(6.0)).sum().backward()
        np.testing.assert_array_equal(x.grad, [[0, 2, 4], [1, 3, 5]])


def test_odd_operands():
    x = leaf([1.0, 2.0])
    np.testing.assert_array_equal(ag.gradients((x ** [1.0, 2.0]).sum(), x)[0], [1.0, 4.0])
    assert np.float_power(2, x).numpy().tolist() == [2.0, 4.0]
    with pytest.raises(ag.DTypeError, match="'multiply' cannot be computed with a Fraction"):
        x * Fraction(1, 2)
    assert (ag.Tensor(3) * [1, 2]).numpy().tolist() == [3, 6]
    assert np.concatenate([x, [1.0, 2.0]], dtype=np.float32).dtype == np.float32
    assert ag.gradients(leaf(np.float32(2)) * 3, [x], np.float32(1), allow_unused=True) == [None]


def test_bce_keeps_the_value_of_confident_right_predictions():
    loss = nn.functional.binary_cross_entropy_with_logits(np.array([40.0, -40.0]), np.array([1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss, np.exp(-40.0), rtol=1e-12)


def test_values_of_odd_kinds_agree_with_numpy():
    z = np.array([1 + 2j])
    np.testing.assert_allclose(ag.sigmoid(ag.Tensor(z)).numpy(), 1 / (1 + np.exp(-z)))
    with pytest.raises(ag.DTypeError, match="'relu' takes real numbers"):
        ag.relu(ag.Tensor(z))
    assert np.prod(ag.Tensor(np.array([100, 100], np.int8))).item() == 10_000
    assert np.imag(ag.Tensor([np.inf])).item() == 0.0
    assert np.max(ag.Tensor(np.zeros(0)), initial=0.0).item() == 0.0
    assert ag.Tensor([True]).copy().numpy().tolist() == [True]
    assert nn.Parameter([1.0, 2.0]).astype(int).numpy().tolist() == [1, 2]
    with pytest.raises(ValueError, match="names an argument twice"):
        ag.grad(lambda x, y: x * y, argnums=(0, 0))
    with pytest.raises(ag.DTypeError, match="returned None"):
        ag.grad(lambda x: None)(1.0)


def test_tied_weights_have_all_their_names():
    both = nn.Module()
    both.a, both.b = nn.Linear(2, 2), nn.Linear(2, 2)
    both.b.weight = both.a.weight
    state = both.state_dict()
    assert list(state) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert len(list(both.parameters())) == 3
    both.load_state_dict(state)


def test_sequential_takes_modules_only():
    for wrong in (np.tanh, [nn.Linear(2, 2)], lambda x: x):
        with pytest.raises(TypeError, match="argument 0 is a"):
            nn.Sequential(wrong)


def test_copies_do_not_share_memory_and_optimizers_can_be_copied():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    other = copy.copy(x)
    with ag.no_grad():
        other.copy_([0.0, 0.0])
    y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])
    sgd = optim.SGD([x], lr=0.1)
    sgd.step()
    pickle.dumps(sgd)
    copy.deepcopy(sgd)
    with pytest.raises(TypeError, match=r"got one tensor: write \[parameter\]"):
        optim.SGD(x)


def test_pullback_does_not_see_later_changes_of_the_input():
    a = np.array([1.0, 2.0])
    _, pullback = ag.vjp(np.square, a)
    a[:] = 0
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [2.0, 4.0])


def test_decorators_without_brackets_and_on_generators_are_refused():
    with pytest.raises(TypeError, match=r"@no_grad\(\) with brackets"):

        @ag.no_grad
        def f():
            pass

    with pytest.raises(TypeError, match="a generator runs outside"):

        @ag.no_grad()
        def g():
            yield


def test_gradcheck_of_elements_of_different_size():
    assert ag.check.gradcheck(np.log, np.array([1e3, 1e-3]))
    wrong = ag.custom_op("wrong at small", np.square, lambda g, _y, x: g * 2 * x * np.array([1.0, 1.1]))
    report = ag.check.gradcheck(wrong, np.array([1e3, 1e-3]), mode="full")
    assert [row.ok for row in report.rows] == [True, False]
    assert ag.check.gradcheck(lambda x: 3.0, np.ones(2), order=2)
    with pytest.raises(ag.ShapeError, match=r"one array|returned shape"):
        ag.check.gradcheck(ag.custom_op("own sum 2", lambda x: x.sum(), lambda g, _y, _x: g), np.ones(2))


# Found in a second review


def test_gradients_of_forward_over_reverse_with_respect_to_closures():
    assert ag.grad(lambda w: ag.jvp(ag.grad(lambda x: w * x**3), (1.5,), (1.0,))[1])(2.0) == 9.0
    w = ag.Tensor(2.0, requires_grad=True)
    t = ag.jvp(ag.grad(lambda x: w * x**3), (ag.Tensor(1.5),), (1.0,))[1]
    assert ag.gradients(t, [w])[0].item() == 9.0


def test_broadcasting_is_undone_in_forward_over_reverse():
    for f in (
        lambda x: ((x - x.mean(keepdims=True)) ** 2).sum(),
        lambda x: (x * x.sum()).sum(),
        lambda x: np.var(x, where=np.array([True, True])) * 3,
        lambda x: np.outer(x, x**2).sum(),
        lambda x: np.cov(x, x**2).sum(),
    ):
        x, v = np.array([1.0, 2.5]), np.array([1.0, 0.0])
        np.testing.assert_allclose(ag.jvp(ag.grad(f), (x,), (v,))[1], ag.hvp(f, x, v), rtol=1e-12)


def test_constant_tensor_that_was_assigned_something_moving():
    w = ag.Tensor(2.0, requires_grad=True)

    def assigned(x):
        t = ag.Tensor(np.zeros(2))
        t[0] = x * x
        return t

    for f, first, second in (
        (lambda x: assigned(x) * x, [27.0, 0.0], 18.0),
        (lambda x: x * assigned(x), [27.0, 0.0], 18.0),
        (lambda x: np.stack([assigned(x)[0], x]).sum(), 7.0, 2.0),
        (lambda x: np.where([True, False], assigned(x), x).sum(), 7.0, 2.0),
        (lambda x: assigned(x) @ np.stack([x, x]), 27.0, 18.0),
    ):
        np.testing.assert_allclose(ag.jvp(f, (3.0,), (1.0,))[1], first)
        np.testing.assert_allclose(ag.grad(lambda x, f=f: ag.jvp(f, (x,), (1.0,))[1].sum())(3.0), second)
    _, t = ag.jvp(lambda x: (assigned(x) * w).sum(), (3.0,), (1.0,))
    assert ag.gradients(t, w)[0].item() == 6.0
    assert t.item() == 12.0
    nested = ag.jvp(lambda x: ag.jvp(lambda z: assigned(z).sum(), (x,), (1.0,))[1], (3.0,), (1.0,))
    assert nested == (6.0, 2.0)


def test_xlogy_has_a_symmetric_hessian_where_its_first_argument_is_zero():
    f = lambda x: ag.xlogy(x[0], x[1])
    x = np.array([0.0, 2.0])
    np.testing.assert_allclose(ag.hvp(f, x, np.array([1.0, 0.0])), [0.0, 0.5])
    np.testing.assert_allclose(ag.hvp(f, x, np.array([0.0, 1.0])), [0.5, 0.0])


def test_full_like_passes_the_gradient_to_its_value():
    assert ag.grad(lambda b: np.full_like(b * np.ones(2), b).sum())(2.0) == 2.0


def test_fmod_and_arctan2_at_awkward_numbers():
    assert ag.grad(lambda b: np.fmod(1.0, b))(0.1) == -9.0
    np.testing.assert_allclose(ag.grad(lambda x: np.arctan2(x[0], x[1]))(np.array([1e-170, 1e-170])), [5e169, -5e169])
    np.testing.assert_allclose(ag.grad(lambda x: np.arctan2(x[0], x[1]))(np.array([1e200, 1e200])), [5e-201, -5e-201])


def test_arguments_that_were_ignored():
    x, o = leaf([1.0, 2.0, 3.0]), np.zeros(3)
    for f in (np.cumsum, np.cumprod, np.median, np.nanmedian):
        with pytest.raises(ag.NoRuleError, match="out="):
            f(x, out=o)
    with pytest.raises(ag.NoRuleError, match="no derivative with respect to q"):
        np.quantile(x, leaf(0.5))
    assert ag.grad(lambda b: np.diff(np.array([1.0, 2.0]), prepend=b).sum())(3.0) == -1.0
    np.testing.assert_allclose(ag.grad(lambda b: np.gradient(np.array([1.0, 2.0, 4.0]), b).sum())(2.0), -(1 + 1.5 + 2) / 4)
    assert np.isnan(np.median(ag.Tensor(np.zeros(0))).item())
    assert np.copy(x, order="K").requires_grad


def test_constant_tensors_stay_tensors_inside_transforms():
    seen = []

    def f(x):
        seen.append(np.sum(ag.Tensor([1.0, 2.0])))
        return x * seen[-1]

    assert ag.grad(f)(1.0) == 3.0
    assert ag.jvp(f, (1.0,), (1.0,)) == (3.0, 3.0)
    assert all(isinstance(t, ag.Tensor) for t in seen)


# Found by a trial of the transforms from their documentation


def test_forward_mode_is_honest_at_repeated_eigenvalues(rng):
    """The vectors' tangents do not exist there: NaN as in reverse mode, and no finite wrong number."""
    norm = lambda a: (np.linalg.eigvalsh((a + a.T) / 2) ** 2).sum()
    v = rng.normal(size=(3, 3))
    with np.errstate(all="ignore"):
        assert np.isnan(ag.hvp(norm, np.eye(3), v, mode="forward-over-reverse")).all()
    y, t = ag.jvp(np.linalg.eigvalsh, (np.diag([1.0, 1.0, 2.0]),), (np.diag([3.0, 3.0, 5.0]),))
    np.testing.assert_allclose((y, t), [[1, 1, 2], [3, 3, 5]])  # the values' tangents do


@pytest.mark.parametrize("f", [np.exp, np.tanh, np.sqrt])
def test_outputs_of_vjp_and_linearize_are_the_callers(f):
    x = np.array([1.0, 2.0])
    for transform, use in ((ag.vjp, lambda pull: pull(np.ones(2))[0]), (ag.linearize, lambda push: push(np.ones(2)))):
        y, linear = transform(f, x)
        expected = use(linear)
        y *= 0
        np.testing.assert_array_equal(use(linear), expected)


def cut_by_no_grad(x):
    with ag.no_grad():
        c = x * 2
    return (x * c).sum()


@pytest.mark.parametrize("f", [cut_by_no_grad, lambda x: (x * (x * 2).detach()).sum()])
def test_what_is_cut_is_constant_in_every_mode(f):
    x, v = np.array([1.0, 3.0]), np.array([1.0, -2.0])
    np.testing.assert_array_equal(ag.grad(f)(x), 2 * x)
    assert ag.jvp(f, (x,), (v,))[1] == (2 * x * v).sum()
    for mode in ("reverse-over-reverse", "forward-over-reverse"):
        np.testing.assert_array_equal(ag.hvp(f, x, v, mode=mode), [0.0, 0.0])
    np.testing.assert_array_equal(ag.grad(lambda x: ag.jvp(f, (x,), (v,))[1])(x), [0.0, 0.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda t: np.logaddexp(t, 0),
        lambda t: np.logaddexp2(0.5, t),
        lambda t: np.arctan2(t, 0),
        lambda t: np.arctan2(2, t),
        lambda t: np.copysign(t, -1),
        lambda t: np.hypot(t, 1),
        lambda t: np.maximum(t, 1),
        lambda t: t**2,
    ],
)
def test_float32_beside_a_python_number(f):
    t = ag.Tensor(np.array([0.5, 2.0], np.float32), requires_grad=True)
    y = f(t)
    y.sum().backward()
    assert (y.dtype, t.grad.dtype) == (np.float32, np.float32)


def test_tensors_come_back_for_tensors_in_every_mode():
    w, x = ag.Tensor(np.ones(2), requires_grad=True), ag.Tensor(np.ones(2))
    f = lambda a: a**3 * w
    results = [ag.jacobian(f, mode=mode)(x) for mode in ("auto", "forward", "reverse")]
    results += [ag.linearize(f, x)[1](x), ag.hessian_diagonal(lambda a: f(a).sum())(x), ag.jacobian(f, mode="forward")(w)]
    for result in results:
        assert isinstance(result, ag.Tensor)
        assert result.requires_grad
    (results[1].sum()).backward()
    np.testing.assert_allclose(w.grad, [3.0, 3.0])


def test_anomaly_detection_sees_tangents():
    with np.errstate(all="ignore"), ag.detect_anomaly():
        with pytest.raises(ag.AnomalyError, match="'sqrt' gave infinity"):
            ag.jvp(np.sqrt, (np.zeros(1),), (np.ones(1),))
        with pytest.raises(ag.AnomalyError, match="'log' gave NaN"):
            ag.jvp(lambda z: np.log(z - 5), (np.zeros(1),), (np.ones(1),))
        ag.jvp(lambda z: np.where(z > 0, z, -np.inf), (np.array([-1.0, 1.0]),), (np.ones(2),))


def test_errors_of_transforms_say_what_to_do():
    product = lambda a, b: a * b
    cases = [
        (lambda: ag.grad(product, argnums=(1, -1))(2.0, 3.0), ValueError, "names an argument twice"),
        (lambda: ag.grad(product)(a=2.0, b=3.0), ValueError, "by position"),
        (lambda: ag.jacobian(product, argnums=2)(2.0, 3.0), ValueError, "called with 2 positional"),
        (lambda: ag.jvp(np.sin, (np.ones(1),), (1j * np.ones(1),)), ag.DTypeError, "its tangent complex"),
        (lambda: ag.hessian_diagonal(product, argnums=(0, 1)), TypeError, "one argument number"),
        (lambda: ag.grad(lambda a: a * 2, has_aux=True)(2.0), TypeError, "return .value, aux."),
        (lambda: ag.linearize(np.sin, np.ones(2))[1](np.ones(3)), ag.ShapeError, "tangents have the shapes"),
    ]
    for call, error, match in cases:
        with pytest.raises(error, match=match):
            call()
    counts = defaultdict(list, a=2.0)
    found = ag.grad(lambda d: d["a"] ** 2)(counts)
    assert (found["a"], found["missing"]) == (4.0, [])
