"""The graph: backward, modes, freeing, mutation, threads, and the errors."""

import copy
import gc
import pickle
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.graph import topological_order


def leaf(value, **options):
    return ag.Tensor(value, requires_grad=True, **options)


# Accumulation


def test_two_paths_add_up():
    x = leaf([1.0, 2.0])
    y = x * x
    (y * 3.0 + y * x).sum().backward()
    np.testing.assert_allclose(x.grad, 6 * x.numpy() + 3 * x.numpy() ** 2)


def test_many_paths_accumulate_in_place_without_touching_the_cotangent():
    x = leaf(np.ones(4))
    y = x + 0.0
    total = y + y
    for _ in range(5):
        total = total + y
    g = np.arange(4.0)
    total.backward(g)
    np.testing.assert_array_equal(x.grad, 7 * np.arange(4.0))
    np.testing.assert_array_equal(g, np.arange(4.0))


def test_gradients_of_two_leaves_do_not_share_memory():
    a, b = leaf(np.ones(3)), leaf(np.ones(3))
    g = np.arange(3.0)
    (a + b).backward(g)
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    assert not np.shares_memory(a.grad.numpy(), g)


def test_backward_twice_adds_to_grad_and_leaves_the_earlier_grad_alone():
    x = leaf(3.0)
    (x * x).backward()
    first = x.grad
    (x * x).backward()
    assert first.item() == 6.0
    assert x.grad.item() == 12.0


def test_two_losses_sharing_a_subgraph():
    x = leaf([1.0, 2.0])
    h = np.exp(x)
    a, b = h.sum(), (h * h).sum()
    a.backward(retain_graph=True)
    b.backward()
    np.testing.assert_allclose(x.grad, np.exp([1.0, 2.0]) + 2 * np.exp([2.0, 4.0]))


def test_a_root_below_another_root():
    x = leaf(2.0)
    y = x * x
    z = y * x
    (g,) = ag.gradients([y, z], [x], [1.0, 10.0])
    assert g.item() == 4.0 + 10 * 12.0


def test_same_argument_twice():
    x = leaf([1.0, 2.0])
    np.concatenate([x, x, x]).backward(np.arange(6.0))
    np.testing.assert_array_equal(x.grad, [0 + 2 + 4, 1 + 3 + 5])


def test_leaf_as_output():
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1.0


def test_retain_grad_on_an_intermediate_result():
    x = leaf(2.0)
    y = x * x
    z = np.sin(y)
    y.retain_grad()
    z.backward()
    np.testing.assert_allclose(y.grad, np.cos(4.0))
    np.testing.assert_allclose(x.grad, 4 * np.cos(4.0))


def test_retained_and_leaf_gradients_do_not_share_memory():
    x = leaf(np.ones(3))
    y = x + 0.0
    y.retain_grad()
    y.backward(np.arange(3.0))
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())


def test_unbroadcast_over_added_and_stretched_axes():
    a, b = leaf(np.ones((2, 1, 3))), leaf(np.ones((4, 1)))
    g = np.random.default_rng(0).normal(size=(2, 4, 3))
    (a * b).backward(g)
    np.testing.assert_allclose(a.grad, g.sum(1, keepdims=True))
    np.testing.assert_allclose(b.grad, g.sum((0, 2))[:, None])


def test_mixed_dtypes_give_each_leaf_its_own():
    a, b = leaf(np.ones(3, np.float32)), leaf(np.ones(3))
    y = a * b
    assert y.dtype == np.float64
    y.sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)


def test_python_scalars_do_not_promote_float32():
    x = leaf(np.ones(3, np.float32))
    y = (2 * x + 1.5) ** 2 / 3 - np.maximum(x, 0)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


# gradients()


def test_gradients_with_respect_to_an_intermediate_tensor():
    x = leaf(2.0)
    y = x * x
    z = np.exp(y) * x
    gx, gy = ag.gradients(z, [x, y])
    np.testing.assert_allclose(gy, np.exp(4.0) * 2)
    np.testing.assert_allclose(gx, np.exp(4.0) + np.exp(4.0) * 2 * 4)
    assert x.grad is None


def test_gradients_visit_only_what_leads_to_an_input():
    calls = []

    def rule(g, _y, x):
        calls.append(1)
        return g * np.cos(x)

    op = ag.custom_op("counted", np.sin, rule)
    a, b = leaf(1.0), leaf(1.0)
    z = op(a) + b * 2.0
    ag.gradients(z, [b], retain_graph=True)
    assert not calls
    ag.gradients(z, [a])
    assert len(calls) == 1


def test_unused_input_is_refused_or_none():
    x, y = leaf(1.0), leaf(1.0)
    with pytest.raises(ag.GraphError, match="do not depend on input 1"):
        ag.gradients(x * 2.0, [x, y], retain_graph=True)
    gx, gy = ag.gradients(x * 2.0, [x, y], allow_unused=True)
    assert gx.item() == 2.0
    assert gy is None


def test_third_derivatives_of_a_composite_of_ten_ops():
    """Closed forms of each factor's third derivative, by the product rule on a sum of one-factor terms."""
    x0 = 0.7
    third = {
        np.sin: -np.cos(x0),
        np.exp: np.exp(x0),
        np.log: 2 / x0**3,
        np.sqrt: 3 / 8 * x0**-2.5,
        np.tanh: -2 * (1 - np.tanh(x0) ** 2) * (1 - 3 * np.tanh(x0) ** 2),
        np.cosh: np.sinh(x0),
        np.square: 0.0,
        np.reciprocal: -6 / x0**4,
        np.arctan: (6 * x0**2 - 2) / (1 + x0**2) ** 3,
        np.expm1: np.exp(x0),
    }
    f = lambda x: sum(c * op(x) for c, op in enumerate(third, start=1))
    d3 = ag.grad(ag.grad(ag.grad(f)))(x0)
    np.testing.assert_allclose(d3, sum(c * v for c, v in enumerate(third.values(), start=1)), rtol=1e-13)
    # nested in one another: f = exp(sin(x)), f''' = e^s (c^3 - 3 s c - c)
    s, c = np.sin(x0), np.cos(x0)
    d3 = ag.grad(ag.grad(ag.grad(lambda x: np.exp(np.sin(x)))))(x0)
    np.testing.assert_allclose(d3, np.exp(s) * (c**3 - 3 * s * c - c), rtol=1e-13)


def test_create_graph_backward_gives_differentiable_gradients():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    x.zero_grad()
    first.backward()
    assert first.item() == 12.0
    assert x.grad.item() == 12.0


# Complex


def test_complex_gradient_descends():
    z = leaf(np.array([1.0 + 2.0j, -0.5j]))
    loss = (np.abs(z) ** 2).sum() + np.real(z * (1 - 1j)).sum()
    loss.backward()
    np.testing.assert_allclose(z.grad, 2 * z.numpy() + np.conj(1 - 1j))


def test_real_leaf_of_a_complex_computation_has_a_real_gradient():
    x = leaf([1.0, 2.0])
    y = np.real(x * np.array([1j, 2 + 1j]) * (3 + 4j))
    y.sum().backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad, np.real(np.array([1j, 2 + 1j]) * (3 + 4j)))


@pytest.mark.parametrize(
    "f", [np.exp, np.sin, np.abs, np.conj, np.sqrt, lambda z: z * z * (1 + 2j), lambda z: 1 / z, lambda z: z**3]
)
def test_complex_inputs_pass_the_checker_to_second_order(f, rng):
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    ag.check.gradcheck(f, z, order=2).raise_if_failed()


# Modes


def test_no_grad_is_restored_on_exceptions_and_works_as_decorator():
    x = leaf(1.0)
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        1 / 0
    assert (x * x).requires_grad

    @ag.no_grad()
    def f(n):
        return (x * x).requires_grad or (n > 0 and f(n - 1))

    assert not f(3)
    assert (x * x).requires_grad


def test_modes_are_per_thread():
    x = leaf(1.0)
    seen = []
    with ag.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * x).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_graph_built_in_one_thread_is_differentiated_in_another():
    x = leaf([1.0, 2.0])
    built = []
    threads = [threading.Thread(target=lambda: built.append((x * x).sum()))]
    threads += [threading.Thread(target=lambda: built[0].backward())]
    for thread in threads:
        thread.start()
        thread.join()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


# Memory


def test_intermediates_are_freed_without_the_cycle_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones(10))
        y = np.exp(x)
        inner = weakref.ref(y.numpy())
        z = (y * 2.0).sum()
        del y
        assert inner() is not None  # exp saves its output
        z.backward()
        assert inner() is None
        saved = weakref.ref(np.exp(x).numpy())
        assert saved() is None
    finally:
        gc.enable()


def test_what_no_rule_reads_is_freed_at_once():
    gc.disable()
    try:
        x, w = leaf(np.ones((4, 3))), leaf(np.ones((3, 2)))
        product = x @ w
        array = weakref.ref(product.numpy())
        y = np.maximum(product + 1.0, 0)
        del product
        assert array() is None
        y.sum().backward()
    finally:
        gc.enable()


def test_create_graph_leaves_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones(3))
        (x**3).sum().backward(create_graph=True)
        ref = weakref.ref(x.grad.numpy())
        x.grad = None
        assert ref() is None
        ref = weakref.ref(x)
        del x
        assert ref() is None
    finally:
        gc.enable()


def chain(x, n):
    for _ in range(n):
        x = x * 1.000001
    return x


def test_a_node_takes_under_700_bytes_with_its_backward_pass_and_gives_them_back():
    n = 100_000
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        x = leaf(0.5)
        y = chain(x, n)
        y.backward()
        assert tracemalloc.get_traced_memory()[1] / n < 700
        del y
        assert tracemalloc.get_traced_memory()[0] / n < 5  # what free lists keep
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_million_nodes_run_backward_and_are_freed_without_recursion_or_collector():
    n = 1_000_000
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.full(1, 0.5))
        y = chain(x, n)
        y.backward()
        np.testing.assert_allclose(x.grad, 1.000001**n, rtol=1e-9)
        y = chain(np.sin(x * 1.0), n)
        saved = y._node
        while saved.parents[0].op.name != "sin":
            saved = saved.parents[0]
        deepest = weakref.ref(saved.parents[0].saved[1])
        del saved
        assert deepest() is not None
        del y
        assert deepest() is None
    finally:
        gc.enable()


# Mutation


def test_index_assignment_changes_nobody_elses_values():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2.0
    z = y * y  # saves y
    y[0] = x[2]
    assert z.numpy().tolist() == [4.0, 16.0, 36.0]
    (z.sum() + (y * [1.0, 10.0, 100.0]).sum()).backward()
    np.testing.assert_allclose(x.grad, [8.0, 16.0 + 20.0, 24.0 + 200.0 + 1.0])


def test_augmented_assignment_rebinds():
    x = leaf([1.0, 2.0])
    y = x
    y += 1.0
    assert x.numpy().tolist() == [1.0, 2.0]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0]


def test_index_assignment_to_a_leaf_under_no_grad_keeps_it_a_leaf():
    x = leaf([1.0, 2.0])
    with ag.no_grad():
        x[0] = 5.0
    assert x.is_leaf
    assert x.requires_grad
    (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [10.0, 4.0]


def test_untracked_tensor_becomes_tracked_by_assignment():
    v = leaf(3.0)
    t = ag.Tensor(np.zeros(3))
    t[1] = v * v
    assert t.requires_grad
    (t * [1.0, 10.0, 100.0]).sum().backward()
    assert v.grad.item() == 60.0


def test_overwriting_a_parameter_is_noticed_also_through_views():
    w = leaf(np.ones((2, 3)), name="w")
    x = leaf(np.ones((4, 3)))
    y = (x @ w.T).sum()
    with ag.no_grad():
        w.copy_(np.zeros((2, 3)))
    with pytest.raises(ag.GraphError, match=r"'matmul' needs the value that 'w' had"):
        y.backward()
    assert x.grad is None


def test_overwriting_what_no_rule_reads_is_fine():
    w = leaf(np.ones(3))
    y = (w + 1.0).sum()
    with ag.no_grad():
        w.copy_(np.zeros(3))
    y.backward()
    np.testing.assert_array_equal(w.grad, np.ones(3))


def test_detached_leaf_keeps_its_values_when_the_leaf_is_overwritten():
    w = leaf(np.ones(3))
    d = w.detach()
    with ag.no_grad():
        w.copy_(np.zeros(3))
    np.testing.assert_array_equal(d, np.ones(3))


def test_replacing_data_leaves_recorded_graphs_right():
    x = leaf([2.0])
    y = x * x
    x.data = np.array([5.0])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [4.0])
    x.zero_grad()
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [10.0])


# Protocols


def test_numpy_functions_and_operators_record():
    x = leaf(np.array([[1.0, 2.0], [3.0, 4.0]]))
    a = np.array([[0.0, 1.0], [1.0, 0.0]])
    for y in (np.tanh(x), a @ x, a * x, a + x, np.float64(2) * x, x / a.max(), np.add.reduce(x), np.multiply.reduce(x, 1)):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad


def test_functions_without_gradient_give_plain_arrays():
    x = leaf([1.0, 2.0])
    assert type(np.argmax(x)) is not ag.Tensor
    for y in (x > 1.5, x == x, np.isnan(x), x.argsort(), np.logical_and(x > 1, True)):
        assert type(y) is np.ndarray
    assert np.allclose(x, [1.0, 2.0])
    assert x in {x}


def test_functions_of_plain_arrays_give_plain_arrays():
    for y in (
        ag.tanh(np.ones(2)),
        ag.softmax([1.0, 2.0]),
        ag.sum(np.ones(3)),
        ag.matmul(np.eye(2), np.eye(2)),
        ag.stack([[1.0], [2.0]]),
    ):
        assert not isinstance(y, ag.Tensor)


def test_untracked_tensors_convert_and_tracked_ones_do_not():
    assert np.asarray(ag.Tensor([1.0])).tolist() == [1.0]
    with pytest.raises(ag.GraphError, match=r"would silently cut the graph.*t\.numpy\(\)"):
        np.asarray(leaf([1.0]))


def test_numbers_and_sequences():
    x = leaf([[1.0, 2.0]])
    assert float(x[0, 0]) == 1.0
    assert int(x[0, 1]) == 2
    assert bool(x[0, 0])
    assert len(x) == 1
    assert [t.shape for t in x] == [(2,)]
    assert f"{x[0, 1]:.2f}" == "2.00"
    with pytest.raises(ag.ShapeError, match=r"float\(\) of a tensor of shape \(1, 2\)"):
        float(x)
    with pytest.raises(TypeError, match="0-d"):
        iter(leaf(1.0))


def test_methods_that_numpy_runs_in_place():
    x = leaf([3.0, 1.0, 2.0])
    y = x * 1.0
    y.sort()
    (y * [1.0, 10.0, 100.0]).sum().backward()
    np.testing.assert_array_equal(x.grad, [100.0, 1.0, 10.0])
    y = x * 1.0
    y.partition(1)
    assert y.numpy()[1] == 2.0
    y.fill(x[0])
    assert ag.gradients(y.sum(), x)[0].numpy().tolist() == [3.0, 0.0, 0.0]
    assert x.numpy().tolist() == [3.0, 1.0, 2.0]


def test_ufuncs_of_scipy_record():
    special = pytest.importorskip("scipy.special")
    x = leaf([0.3, 0.7])
    for name in ("erf", "erfc", "gammaln", "psi", "expit", "logit"):
        y = getattr(special, name)(x)
        np.testing.assert_allclose(y.numpy(), getattr(special, name)(x.numpy()), rtol=1e-13)
        assert y.requires_grad
    assert special.xlogy(x, 2.0).requires_grad
    with pytest.raises(ag.NoRuleError, match="'j0'"):
        special.j0(x)


def test_ufunc_options():
    x = leaf([1.0, 2.0])
    assert np.add(x, 1, dtype=np.float32).dtype == np.float32
    with pytest.raises(ag.NoRuleError, match="does not take where="):
        np.exp(x, where=np.array([True, False]))
    with pytest.raises(ag.NoRuleError, match="write `a = a \\+ t`"):
        np.add(x, 1, out=np.zeros(2))
    a = np.zeros(2)
    with pytest.raises(ag.NoRuleError, match="existing array"):
        a += x


def test_repr_shows_values_and_origin():
    assert repr(leaf([1.0], name="w")) == "Tensor([1.], name='w', requires_grad=True)"
    assert repr(leaf([1.0]) * 2) == "Tensor([2.], op=multiply)"
    assert repr(ag.Tensor(np.ones(1, np.float32))) == "Tensor([1.], dtype=float32)"


def test_copies_and_pickles_of_leaves():
    x = leaf([1.0, 2.0], name="x")
    (x * x).sum().backward()
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):  # noqa: S301
        assert y.requires_grad
        assert y.is_leaf
        assert y.name == "x"
        np.testing.assert_array_equal(y, x.numpy()) if not y.requires_grad else None
        np.testing.assert_array_equal(y.numpy(), x.numpy())
        np.testing.assert_array_equal(y.grad, x.grad)
        assert not np.shares_memory(y.numpy(), x.numpy())


def test_copies_and_pickles_of_results_leave_the_graph_behind():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.name = "y"
    y.retain_grad()
    y.sum().backward()
    for z in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y), copy.copy(y)):  # noqa: S301
        assert (z.requires_grad, z.is_leaf, z.name) == (False, True, "y")
        assert z.numpy().tolist() == [2.0, 4.0]
        assert z.grad.numpy().tolist() == [1.0, 1.0]
        assert not np.shares_memory(z.numpy(), y.numpy())


def test_topological_order_puts_users_before_what_they_use():
    x = leaf(1.0)
    y = x * x
    z = y + np.sin(y) * x
    order = topological_order([z._node])
    place = {node: i for i, node in enumerate(order)}
    assert len(order) == 5
    assert all(place[node] < place[p] for node in order for p in node.parents if p is not None)


# Errors: each names the op, shows what was given, and says what to do


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (
            lambda: leaf(np.ones((2, 3))) + np.ones(4),
            ag.ShapeError,
            r"'add' .*float64 array of shape \(2, 3\), float64 array of shape \(4,\)",
        ),
        (lambda: leaf(np.ones((2, 3))) @ np.ones((2, 3)), ag.ShapeError, r"'matmul' cannot be computed .*\(2, 3\)"),
        (lambda: leaf(np.ones(3)) @ np.ones((2, 3)), ag.ShapeError, r"'matmul' of shapes \(3,\) and \(2, 3\)"),
        (lambda: leaf(np.ones(6)).reshape(4, 2), ag.ShapeError, r"'reshape' .*shape \(6,\)"),
        (lambda: np.concatenate([leaf(np.ones((2, 2))), np.ones((3, 3))]), ag.ShapeError, "'concatenate'"),
        (lambda: leaf([1.0])[3], IndexError, r"'getitem' .*shape \(1,\), 3\)"),
        (lambda: leaf([1.0]) + "text", ag.DTypeError, "'add' cannot be computed"),
        (lambda: ag.Tensor([1, 2], requires_grad=True), ag.DTypeError, "int64 has none: give floats"),
        (lambda: ag.Tensor([True], requires_grad=True), ag.DTypeError, "real or complex dtype, and bool"),
        (lambda: ag.Tensor("text"), ag.DTypeError, "booleans, integers, real or complex numbers; got dtype <U4"),
        (lambda: ag.Tensor([[1.0], [1.0, 2.0]]), ag.ShapeError, "nested lists do not form an array"),
        (lambda: ag.Tensor(np.ma.array([1.0])), ag.DTypeError, "masked array would lose its mask"),
        (lambda: ag.Tensor(leaf([1.0])), ag.GraphError, "silently cut"),
        (lambda: ag.Tensor([1.0]).backward(), ag.GraphError, "requires_grad=True"),
        (lambda: (leaf([1.0, 2.0]) * 2).backward(), ag.ShapeError, r"shape \(2,\).*needs a cotangent"),
        (lambda: (leaf([1.0, 2.0]) * 2).backward(np.ones(3)), ag.ShapeError, r"shape \(2,\); got \(3,\)"),
        (lambda: (leaf([1.0]) * 2).backward(np.ones(1) * 1j), ag.DTypeError, "has to be real; got complex128"),
        (lambda: (leaf(1.0) * 1j).backward(), ag.DTypeError, "complex number needs a cotangent"),
        (lambda: np.i0(leaf([1.0])), ag.NoRuleError, "no derivative rule for numpy's 'i0'"),
        (lambda: np.spacing.at(leaf([1.0]), 0), ag.NoRuleError, "spacing.at"),
        (lambda: leaf([1.0]).item() and leaf([1.0, 2.0]).item(), ag.ShapeError, "exactly one element"),
        (lambda: ag.gradients(ag.Tensor(1.0), [leaf(1.0)]), ag.GraphError, "gradients of a tensor of shape"),
        (lambda: ag.gradients(leaf(1.0) * 2, [ag.Tensor(1.0)]), ag.GraphError, "input 0 of gradients is a tensor"),
        (lambda: ag.gradients(leaf(1.0) * 2, [2.0]), ag.GraphError, "a plain float"),
        (lambda: setattr(leaf([1.0]), "grad", np.ones(2)), ag.ShapeError, r"has its shape \(1,\); got \(2,\)"),
        (lambda: setattr(leaf([1.0]), "grad", np.ones(1, np.float32)), ag.DTypeError, "dtype float64; got float32"),
        (lambda: setattr(leaf([1.0]) * 2, "requires_grad", False), ag.GraphError, r"use detach\(\)"),
        (lambda: setattr(leaf([1.0]) * 2, "data", np.ones(1)), ag.GraphError, "only a leaf's data"),
        (lambda: leaf([1.0]).__setitem__(0, 2.0), ag.GraphError, r"with no_grad\(\).*u = t.copy\(\)"),
        (lambda: ag.Tensor([1, 2]).__setitem__(0, leaf(1.0)), ag.DTypeError, "would cut the gradient"),
        (lambda: leaf([1.0]).copy_([2.0]), ag.GraphError, r"under no_grad\(\)"),
        (lambda: ag.Tensor([1.0]).copy_([2.0, 3.0]), ag.ShapeError, r"values have shape \(2,\)"),
        (lambda: ag.Tensor(1.0).retain_grad(), ag.GraphError, "requires no gradient"),
        (lambda: ag.grad(lambda x: x * 2)(np.ones(2)), ag.ShapeError, r"return one number, and returned shape \(2,\)"),
        (lambda: ag.grad(lambda x: x * 2)(2), ag.DTypeError, r"argument 0 has dtype int64.*2\.0 instead of 2"),
        (lambda: ag.grad(lambda x: x * 1j)(2.0), ag.DTypeError, "has to return a real number"),
        (
            lambda: ag.hvp(lambda x: x.sum(), np.ones(2), [np.ones(2), np.ones(2)]),
            ag.ShapeError,
            r"shape of its primal, \(2,\); got \(2, 2\)",
        ),
        (lambda: np.squeeze(leaf(np.ones((2, 3))), 0), ValueError, r"axis 0 of shape \(2, 3\) is not of length 1"),
        (lambda: ag.linear(np.ones((2, 3)), np.ones((4, 2))), ag.ShapeError, r"got \(2, 3\), \(4, 2\), None"),
        (lambda: ag.custom_op("sin", np.sin, lambda g, _y, x: g), ValueError, "'sin' is an op of autograd_core"),
    ],
)
def test_bad_input(do, error, message):
    with pytest.raises(error, match=message):
        do()


def test_argument_without_a_rule_is_refused_when_tracked():
    op = ag.custom_op("half_ruled", lambda x, s: x * s, lambda g, _y, _x, s: g * s, None)
    assert op(leaf(2.0), 3.0).requires_grad
    with pytest.raises(ag.NoRuleError, match="'half_ruled' has no derivative with respect to argument 1"):
        op(leaf(2.0), leaf(3.0))


def test_a_rule_may_not_want_a_shape_where_another_wants_the_value():
    with pytest.raises(ValueError, match="one wants an argument's shape and another its value"):
        ag.custom_op("confused", np.multiply, lambda g, _y, a_shape, b: g * b, lambda g, _y, a, _b: g * a)


def test_failed_backward_changes_no_gradient():
    def broken(g, _y, x):
        raise RuntimeError("rule failed")

    op = ag.custom_op("broken", np.sin, broken)
    a, b = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="rule failed"):
        (op(a) + b).backward()
    assert a.grad is None
    assert b.grad is None


@pytest.mark.parametrize(
    "use", [lambda p: p * 2, np.sin, lambda p: p @ np.ones((3, 2)), lambda p: p[1:], lambda p: np.concatenate([p, p])]
)
def test_parts_of_an_array_collect_into_one_gradient(rng, use):
    """Rows, overlapping slices, a mask and a single number; once alone, once together; of a leaf and of an interior array."""
    x = rng.normal(size=(4, 3))
    parts = [(0,), (slice(1, 3),), (slice(2, 4), slice(None, None, 2)), (x > 1,), (3, 1), (np.array([0, 0, 2]),)]
    for chosen in [[part] for part in parts] + [parts]:

        def loss(t, chosen=chosen):
            h = use(t)
            return sum((t[part] * k).sum() for k, part in enumerate(chosen, 1)) + (h[0] ** 2).sum() + h[1:2].sum()

        ag.check.gradcheck(loss, x, rng=rng).raise_if_failed()
        t = ag.Tensor(x, requires_grad=True)
        loss(t).backward()
        assert type(t.grad.numpy()) is np.ndarray
        np.testing.assert_allclose(ag.gradients(loss(t), t, create_graph=True)[0].numpy(), t.grad, rtol=1e-14)
        np.testing.assert_allclose(ag.jvp(ag.grad(loss), (x,), (x,))[1], ag.hvp(loss, x, x), rtol=1e-12, atol=1e-14)


def test_gradient_of_every_row_makes_the_whole_array_once(monkeypatch):
    """Not once for each row: counted where arrays of zeros are made, of whatever kind."""
    t = ag.Tensor(np.ones((50, 4)), requires_grad=True)
    total = sum((row * k for k, row in enumerate(t)), start=0)
    made = []
    for name in ("zeros", "zeros_like"):
        original = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *args, f=original, **kwargs: made.append(args) or f(*args, **kwargs))
    total.sum().backward()
    monkeypatch.undo()
    assert 1 <= len(made) <= 2
    np.testing.assert_array_equal(t.grad, np.arange(50.0)[:, None] * np.ones(4))


def test_a_users_rule_gets_an_ordinary_array():
    seen = []
    op = ag.custom_op("looks at g", np.sin, lambda g, _y, x: seen.append(type(g)) or g * np.cos(x))
    ag.grad(lambda x: op(x)[0])(np.ones(5))
    assert seen == [np.ndarray]
