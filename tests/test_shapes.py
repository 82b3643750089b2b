"""Moving, joining, indexing: what NumPy and PyTorch do with odd arguments, and what errors say."""

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.dual import bare
from autograd_core.ops.indexing import scatter


def leaf(x, **options):
    return ag.Tensor(np.asarray(x, dtype=float), requires_grad=True, **options)


def numbered(*shape):
    return np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)


X, V = numbered(3, 4), numbered(3)
MASK = np.array([True, False, True])


# Values, on Tensors and on plain arrays, with arguments that the spec rows leave out


CALLS = [
    lambda f, x: f.concatenate([x, [[1, 2, 3, 4]]], axis=-2),
    lambda f, x: f.concatenate((x, x), dtype=np.float32),
    lambda f, x: f.stack([x, X], 1, dtype=np.complex128),
    lambda f, x: f.vstack([x[0], [1.0, 2.0, 3.0, 4.0]], dtype=np.float32),
    lambda f, x: f.hstack((x, numbered(3, 1))),
    lambda f, x: f.vstack(x),
    lambda f, x: f.block([[1, x[0]], [x[1], 2.5]]),
    lambda f, x: f.block(x),
    lambda f, x: f.append(x, [1, 2]),
    lambda f, x: f.insert(x, 1, 7),
    lambda f, x: f.insert(x, [], 7.0, axis=1),
    lambda f, x: f.insert(x, np.array([True, False, True, False]), 7.0, axis=1),
    lambda f, x: f.insert(x, slice(0, 0), 7.0, axis=0),
    lambda f, x: f.insert(x, 4, [1.0, 2.0, 3.0], axis=1),
    lambda f, x: f.delete(x, np.array([True, False, True]), 0),
    lambda f, x: f.delete(x, [], 0),
    lambda f, x: f.delete(x, -1, 1),
    lambda f, x: f.repeat(x, np.array([2]), 1),
    lambda f, x: f.tile(x, [2]),
    lambda f, x: f.tile(x, ()),
    lambda f, x: f.resize(x, ()),
    lambda f, x: f.roll(x, np.array([1, 2]), 1),
    lambda f, x: f.roll(x, (1, 1), (0, 1)),
    lambda f, x: f.rot90(x, 6),
    lambda f, x: f.rollaxis(x, 1, -1),
    lambda f, x: f.expand_dims(x, -2),
    lambda f, x: f.transpose(x, [-1, 0]),
    lambda f, x: f.ravel(x, order="F"),
    lambda f, x: f.ravel(x.T, order="A"),
    lambda f, x: f.ravel(x[::-1].T, order="K"),
    lambda f, x: f.reshape(x.T, (2, 6), order="A"),
    lambda f, x: f.diagonal(x, offset=-1, axis1=1, axis2=0),
    lambda f, x: f.trace(x, dtype=np.float32),
    lambda f, x: f.diag(x, 3),
    lambda f, x: f.triu(x, -1),
    lambda f, x: f.tril(x > 3),
    lambda f, x: f.meshgrid(x[0], x[:, 0], indexing="xy")[1],
    lambda f, x: f.meshgrid(x[0])[0],
    lambda f, x: f.broadcast_arrays(x, x[0], 3.0)[1],
    lambda f, x: f.atleast_2d(x[0], 3.0)[0],
    lambda f, x: f.split(x, np.array([1, 2]))[2],
    lambda f, x: f.split(x, [3, 1])[1],
    lambda f, x: f.array_split(x, 5)[4],
    lambda f, x: f.pad(x, {0: 1, -1: (2, 0)}),
    lambda f, x: f.pad(x, ((1,), (2,)), constant_values=2.5),
    lambda f, x: f.pad(x, (0, 0), "reflect"),
    lambda f, x: f.pad(x[:, :0], ((1, 2), (0, 0)), "mean"),
    lambda f, x: f.pad(x, 9, "symmetric", reflect_type="odd"),
    lambda f, x: f.pad(x, 9, "wrap"),
    lambda f, x: f.pad(x, 2, "maximum"),
    lambda f, x: f.take(x, [True, False], axis=0),
    lambda f, x: f.take(x, 2),
    lambda f, x: f.choose([2, 0, 1, 0], x),
    lambda f, x: f.choose([[3], [-5]], [x[0], 1], mode="clip"),
    lambda f, x: f.select([X > 3, X > 1], [x, 2 * x], -1),
    lambda f, x: f.piecewise(x, [X > 3], [1.0, 2.0]),
    lambda f, x: f.piecewise(x[0], [True, False] * 2, [3]),
    lambda f, x: f.compress([False, True], x, 1),
    lambda f, x: f.extract(X > 2, x),
    lambda f, x: f.fliplr(x),
]


@pytest.mark.parametrize("call", CALLS, ids=[str(k) for k in range(len(CALLS))])
def test_odd_arguments_give_what_numpy_gives(call):
    expected = call(np, X)
    plain = call(ag, X)
    result = call(np, leaf(X))
    assert not isinstance(plain, ag.Tensor)
    for y in (plain, bare(result)):
        assert y.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(y, expected, rtol=1e-14)


def test_a_list_of_parts_is_a_list_or_tuple_as_in_numpy():
    x = leaf(X)
    assert type(np.split(x, 3)) is type(np.split(X, 3)) is list
    assert type(np.meshgrid(x[0])) is type(np.broadcast_arrays(x, 1.0)) is type(np.atleast_1d(x, x)) is tuple
    assert type(ag.unstack(x)) is tuple
    assert [part.shape for part in np.array_split(x, 3, axis=1)] == [(3, 2), (3, 1), (3, 1)]


def test_integer_tensors_move_without_a_gradient():
    t = ag.Tensor(np.arange(12).reshape(3, 4))
    for y, expected in [
        (np.pad(t, 1, "mean"), np.pad(t.numpy(), 1, "mean")),
        (np.insert(t, 1, 7), np.insert(t.numpy(), 1, 7)),
        (np.tril(t > 3), np.tril(t.numpy() > 3)),
        (np.piecewise(t, [t > 3], [5]), np.piecewise(t.numpy(), [t.numpy() > 3], [5])),
        (np.repeat(t, 2), np.repeat(t.numpy(), 2)),
    ]:
        assert bare(y).dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)


def test_array_methods_are_the_functions():
    x = leaf(X)
    for y, expected in [
        (x.repeat(2, 1), X.repeat(2, 1)),
        (x.take([1, -1], 0), X.take([1, -1], 0)),
        (x.diagonal(1), X.diagonal(1)),
        (x.trace(1), X.trace(1)),
        (x.compress([True, False, True], 0), X.compress([True, False, True], 0)),
        (ag.Tensor(np.array([1, 0])).choose([V[:2], V[1:]]), np.array([1, 0]).choose([V[:2], V[1:]])),
        (x.ravel("F"), X.ravel("F")),
    ]:
        np.testing.assert_array_equal(bare(y), expected)


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.T, lambda x: x[::-1].T, lambda x: x[:, ::2]])
def test_gradients_follow_the_elements_whatever_the_memory_order(order, view):
    """What "A" and "K" mean depends on strides, so differences of a function cannot tell: label the elements instead."""
    x = leaf(X)
    y = np.ravel(view(x), order=order)
    np.testing.assert_array_equal(y.numpy(), np.ravel(view(X), order=order))
    y.backward(y.numpy())
    expected = np.zeros_like(X)
    view(expected)[...] = view(X)
    np.testing.assert_array_equal(x.grad, expected)


# Indexing


def test_every_form_of_index_scatters_like_add_at(rng):
    x = rng.normal(size=(6, 5, 40))
    many = rng.integers(-5, 5, (30, 7))
    forms = [
        many,
        (many, many),
        (many, many, many),
        (slice(None), many),
        (Ellipsis, many),
        (many, slice(None, None, -2)),
        (many, slice(1, 3), many[:1]),
        (None, many, Ellipsis, 3),
        (np.array([True, False] * 3), many[0][:3]),
        (2, many),
        np.ix_(many[0], many[1], many[2]),
        many.astype(np.int8),
        (many % 5).astype(np.uint8),
    ]
    for index in forms:
        g = rng.normal(size=x[index].shape)
        expected = np.zeros_like(x)
        np.add.at(expected, index, g)
        np.testing.assert_allclose(scatter(g, index, x.shape), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.longdouble, np.int64])
@pytest.mark.parametrize("width", [3, 4])
def test_rows_are_added_in_every_dtype_and_width(dtype, width, rng):
    rows = rng.integers(-7, 7, (100, 3))
    for g in (rng.integers(0, 9, (100, 3, width)), rng.integers(0, 9, (100, 3, 2 * width))[..., ::2]):
        g = g.astype(dtype, copy=False)
        expected = np.zeros((7, width), dtype)
        np.add.at(expected, rows, g)
        out = scatter(g, rows, (7, width))
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, expected)


def test_scatter_of_a_transposed_cotangent(rng):
    g = np.asfortranarray(rng.normal(size=(60, 20)))  # zeros_like would take over its memory order
    index = rng.integers(0, 9, 60)
    expected = np.zeros((9, 20))
    np.add.at(expected, index, g)
    np.testing.assert_allclose(scatter(g, index, (9, 20)), expected, rtol=1e-12)


def test_index_assignment_of_one_element_twice_keeps_the_last_value():
    x, v = leaf(X), leaf([10.0, 20.0, 30.0])
    y = x.copy()
    y[[0, 2, 0], [1, 1, 1]] = v
    y.backward(np.ones_like(X))
    np.testing.assert_array_equal(v.grad, [0.0, 1.0, 1.0])
    assert x.grad.numpy()[0, 1] == x.grad.numpy()[2, 1] == 0


def test_a_dead_cotangent_that_is_infinite_does_not_reach_an_overwritten_value():
    x, v = leaf(V), leaf([1.0, 2.0])
    y = x.copy()
    y[[0, 0]] = v
    y.backward([np.inf, 1.0, 1.0])
    np.testing.assert_array_equal(v.grad, [0.0, np.inf])


def test_index_assignment_casts_values_and_their_gradients():
    y = ag.Tensor(np.zeros(3, np.float32))
    v = leaf([1.5, 2.5])
    y[1:] = v
    assert y.dtype == np.float32
    (y * y).backward(np.ones(3, np.float32))
    assert v.grad.dtype == np.float64
    np.testing.assert_array_equal(v.grad, [3.0, 5.0])


def test_functions_that_write_in_place_assign_to_a_tensor_and_leave_others_alone():
    x = leaf(X)
    y = x.copy()
    before = y.numpy()
    square = y * y
    np.fill_diagonal(y, 0.0)
    np.put_along_axis(y, np.array([[3]]), leaf(7.0), axis=1)
    np.testing.assert_array_equal(before, X)
    square.backward(np.ones_like(X))
    np.testing.assert_array_equal(x.grad, 2 * X)
    plain = X.copy()
    ag.fill_diagonal(plain, 0.0)
    ag.put_along_axis(plain, np.array([[3]]), ag.Tensor(7.0), axis=1)
    np.testing.assert_array_equal(plain, y.numpy())


def test_piecewise_stays_tracked_when_no_element_is_in_a_piece():
    x = leaf(V)
    np.piecewise(x, [x > 9], [np.exp]).sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros(3))


def test_indices_as_tensors_and_functions_of_indices_are_plain():
    x = leaf(X)
    assert isinstance(np.ix_(ag.Tensor([0, 1]), [2])[0], np.ndarray)
    assert isinstance(np.triu_indices_from(x)[0], np.ndarray)
    np.testing.assert_array_equal(x[np.triu_indices_from(x)].numpy(), X[np.triu_indices_from(X)])


# Errors


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.swapaxes(x, 0, 2), "swapaxes"),
        (lambda x: np.moveaxis(x, 0, 5), "moveaxis"),
        (lambda x: np.moveaxis(x, (0, 1), 0), "moveaxis"),
        (lambda x: np.transpose(x, (0, 0)), "transpose"),
        (lambda x: np.rollaxis(x, 0, 9), "rollaxis"),
        (lambda x: np.squeeze(x, 0), "squeeze"),
        (lambda x: np.expand_dims(x, 7), "expand_dims"),
        (lambda x: np.reshape(x, (5, 5)), "reshape"),
        (lambda x: np.broadcast_to(x, (2, 2)), "broadcast_to"),
        (lambda x: np.broadcast_arrays(x, [1.0, 2.0]), "broadcast_arrays"),
        (lambda x: np.meshgrid(x, indexing="ji"), "meshgrid"),
        (lambda x: np.flip(x, 2), "flip"),
        (lambda x: np.fliplr(x[0]), "fliplr"),
        (lambda x: np.rot90(x, axes=(0, 0)), "rot90"),
        (lambda x: np.roll(x, 1, 3), "roll"),
        (lambda x: np.repeat(x, [1, 2], axis=0), "repeat"),
        (lambda x: np.repeat(x, -1), "repeat"),
        (lambda x: np.tile(x, -1), "tile"),
        (lambda x: np.resize(x, (-1, 2)), "resize"),
        (lambda x: np.diagonal(x[0]), "diagonal"),
        (lambda x: np.trace(x, axis1=0, axis2=0), "trace"),
        (lambda x: np.diag(x[None]), "diag"),
        (lambda x: np.tril(x[0, 0]), "tril"),
        (lambda x: np.concatenate([x, x[0]]), "concatenate"),
        (lambda x: np.concatenate([x, X], axis=2), "concatenate"),
        (lambda x: ag.concatenate([]), "concatenate"),
        (lambda x: np.stack([x, x[0]]), "stack"),
        (lambda x: ag.stack([]), "stack"),
        (lambda x: np.vstack([x, x[:, 0]]), "vstack"),
        (lambda x: np.dstack([x, x[0]]), "dstack"),
        (lambda x: np.column_stack([x, x[0]]), "column_stack"),
        (lambda x: np.block([[x, x], x]), "block"),
        (lambda x: np.block([[x], []]), "block"),
        (lambda x: np.append(x, x[0], axis=0), "append"),
        (lambda x: np.insert(x, 99, 1.0), "insert"),
        (lambda x: np.insert(x, 1, [1.0, 2.0], axis=0), "insert"),
        (lambda x: np.delete(x, 99), "delete"),
        (lambda x: np.delete(x, 0, axis=2), "delete"),
        (lambda x: np.split(x, 2), "split"),
        (lambda x: np.array_split(x, 0), "array_split"),
        (lambda x: np.vsplit(x[0], 2), "vsplit"),
        (lambda x: np.dsplit(x, 2), "dsplit"),
        (lambda x: np.hsplit(x[0, 0], 1), "hsplit"),
        (lambda x: ag.unstack(x[0, 0]), "unstack"),
        (lambda x: np.pad(x, 1, "sideways"), "pad"),
        (lambda x: np.pad(x, 1, "edge", constant_values=3), "pad"),
        (lambda x: np.pad(x, -1), "pad"),
        (lambda x: np.pad(x, [1, 2, 3]), "pad"),
        (lambda x: np.pad(x[:0], 1, "edge"), "pad"),
        (lambda x: np.pad(x, 1, "mean", stat_length=0), "pad"),
        (lambda x: np.take(x, 99), "take"),
        (lambda x: np.take(x, 0, axis=2), "take"),
        (lambda x: np.take(x, 0, mode="round"), "take"),
        (lambda x: np.take_along_axis(x, np.array([0]), 0), "take_along_axis"),
        (lambda x: np.put_along_axis(x.copy(), np.array([[9]]), 1.0, 0), "put_along_axis"),
        (lambda x: np.choose([0, 5], [x[0, :2], 1.0]), "choose"),
        (lambda x: np.compress([[True]], x), "compress"),
        (lambda x: np.compress([True] * 9, x, 0), "compress"),
        (lambda x: np.extract([False] * 12 + [True], x), "extract"),
        (lambda x: np.select([X > 0], [x, x]), "select"),
        (lambda x: np.piecewise(x, [X > 0], [1, 2, 3]), "piecewise"),
        (lambda x: np.fill_diagonal(x[0].copy(), 1.0), "fill_diagonal"),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, (9, 9)), "sliding_window_view"),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, (1, 1), writeable=True), "sliding_window_view"),
        (lambda x: x[99], "getitem"),
        (lambda x: x[[True, False]], "getitem"),
        (lambda x: x.copy().__setitem__(0, [1.0, 2.0]), "setitem"),
    ],
)
def test_wrong_shapes_and_axes_are_shape_errors_that_name_the_function(call, name):
    with pytest.raises(ag.ShapeError, match=f"'{name}'"):
        call(leaf(X))


def test_indices_out_of_bounds_are_index_errors_too():
    for call in (lambda x: x[99], lambda x: np.take(x, 99), lambda x: np.delete(x, 99), lambda x: np.flip(x, 2)):
        with pytest.raises(IndexError):
            call(leaf(X))


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: np.take(x, [0.5]),
        lambda x, i: np.choose([0.5], [x]),
        lambda x, i: np.insert(i, 0, x[0, 0]),
        lambda x, i: np.insert(x, 0, 1j),
        lambda x, i: ag.pad(x, 1, constant_values=1j),
        lambda x, i: np.pad(x, 0.5),
        lambda x, i: np.select([X], [x]),
        lambda x, i: ag.block((x, x)),
        lambda x, i: np.piecewise(i, [i > 0], [x[0, 0]]),
        lambda x, i: np.concatenate([x, x], dtype=int),
        lambda x, i: np.fill_diagonal(i, x[0, 0]),
        lambda x, i: np.fill_diagonal(x.copy(), 1j),
    ],
)
def test_values_that_a_dtype_cannot_hold_are_dtype_errors(call):
    with pytest.raises(ag.DTypeError):
        call(leaf(X), ag.Tensor(np.arange(9).reshape(3, 3)))


def test_what_cannot_be_recorded_is_refused():
    x = leaf(X)
    for call in (
        lambda: np.pad(x, 1, lambda *args: None),
        lambda: np.take(x, 0, out=np.zeros(())),
        lambda: np.trace(x, out=np.zeros(())),
        lambda: np.concatenate([x, x], out=np.zeros((6, 4))),
        lambda: np.stack([x], out=np.zeros((1, 3, 4))),
    ):
        with pytest.raises(ag.NoRuleError):
            call()
    for call in (
        lambda: np.fill_diagonal(x, 0.0),
        lambda: ag.fill_diagonal(X.copy(), x[0, 0]),
        lambda: np.put_along_axis(X.copy(), np.array([[0]]), x[:1, :1], 0),
        lambda: np.flip([x, x]),
    ):
        with pytest.raises(ag.GraphError):
            call()


# PyTorch's values and gradients


def against_torch(ours, theirs, *arrays):
    torch = pytest.importorskip("torch")
    tensors = [leaf(a) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*tensors), theirs(torch, *others)
    g = np.random.default_rng(7).normal(size=y.shape)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-12)
    y.backward(g)
    z.backward(torch.tensor(g))
    for t, o in zip(tensors, others, strict=True):
        np.testing.assert_allclose(t.grad, o.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: np.roll(x, (1, -2), (0, 1)), lambda torch, x: torch.roll(x, (1, -2), (0, 1))),
        (lambda x: np.rot90(x, 3), lambda torch, x: torch.rot90(x, 3)),
        (lambda x: np.tile(x, (2, 3)), lambda torch, x: torch.tile(x, (2, 3))),
        (lambda x: np.repeat(x, [2, 0, 1], 0), lambda torch, x: torch.repeat_interleave(x, torch.tensor([2, 0, 1]), 0)),
        (lambda x: np.tril(x, 1), lambda torch, x: torch.tril(x, 1)),
        (lambda x: np.diag(x, -1), lambda torch, x: torch.diag(x, -1)),
        (lambda x: np.diagflat(x), lambda torch, x: torch.diagflat(x)),
        (lambda x: np.pad(x, 1, "reflect"), lambda torch, x: torch.nn.functional.pad(x[None], (1,) * 4, "reflect")[0]),
        (lambda x: np.pad(x, 2, "edge"), lambda torch, x: torch.nn.functional.pad(x[None], (2,) * 4, "replicate")[0]),
        (lambda x: np.pad(x, 2, "wrap"), lambda torch, x: torch.nn.functional.pad(x[None], (2,) * 4, "circular")[0]),
        (
            lambda x: np.take_along_axis(x, np.array([[0, 0, 3], [1, 2, 2], [0, 1, 0]]), 1),
            lambda torch, x: torch.gather(x, 1, torch.tensor([[0, 0, 3], [1, 2, 2], [0, 1, 0]])),
        ),
        (lambda x: x[[0, 0, 2], [1, 1, 3]], lambda torch, x: x[[0, 0, 2], [1, 1, 3]]),
        (lambda x: np.compress([1, 0, 1], x, 0), lambda torch, x: x[torch.tensor([True, False, True])]),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 1), lambda torch, x: x.unfold(1, 2, 1)),
        (lambda x: np.multiply(*np.meshgrid(x[0], x[:, 0])), lambda torch, x: torch.outer(x[:, 0], x[0])),
    ],
)
def test_moving_agrees_with_torch(ours, theirs):
    against_torch(ours, theirs, X)


def test_assignment_of_repeated_places_agrees_with_torch():
    def assigned(x, v):
        y = x.copy() if isinstance(x, ag.Tensor) else x.clone()
        y[1:, [0, 2]] = v
        y[0] = v[0, 0] * 2
        return y * y

    against_torch(assigned, lambda torch, x, v: assigned(x, v), X, numbered(2, 2))


def test_embedding_rows_agree_with_torch(rng):
    table, rows = rng.normal(size=(20, 30)), rng.integers(0, 20, (9, 8))
    against_torch(lambda w: w[rows], lambda torch, w: torch.nn.functional.embedding(torch.tensor(rows), w), table)
