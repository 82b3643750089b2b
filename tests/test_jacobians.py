"""linearize, jacobian, hessian, their products and diagonal: values, structures, and every nesting of two transforms."""

from itertools import product

import numpy as np
import pytest

import autograd_core as ag

rng = np.random.default_rng(0)
A = rng.normal(size=(3, 4))
X, U, V = rng.normal(size=(3, 4))


def f(x):
    return np.tanh(A @ x)


def scalar(x):
    return (np.tanh(A @ x) ** 3).sum() * x[0]


T = np.tanh(A @ X)
J = (1 - T**2)[:, None] * A
JJ = np.einsum("i,ij,ik->ijk", -2 * T * (1 - T**2), A, A)  # closed form of the second derivative


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
def test_jacobian_and_jacobian_of_jacobian(mode):
    np.testing.assert_allclose(ag.jacobian(f, mode=mode)(X), J)
    for inner in ("reverse", "forward"):
        np.testing.assert_allclose(ag.jacobian(ag.jacobian(f, mode=inner), mode=mode)(X), JJ, atol=1e-15)


def test_auto_takes_the_fewer_passes():
    """Pulls n_out cotangents back, or pushes n_in tangents: seen from how often the rule is asked."""
    calls = []

    def rule(g, _y, _x, w):
        calls.append(g)
        return np.matmul(w.T, g)

    op = ag.custom_op("counted product", lambda x, w: w @ x, rule)
    tall, wide = rng.normal(size=(6, 2)), rng.normal(size=(2, 6))
    np.testing.assert_allclose(ag.jacobian(lambda x: op(x, wide))(np.ones(6)), wide)
    assert len(calls) == 2
    calls.clear()
    np.testing.assert_allclose(ag.jacobian(lambda x: op(x, tall))(np.ones(2)), tall)
    assert len(calls) < 6


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_structures(mode):
    def g(p, q):
        return {"s": p["a"] * p["b"].sum() + q, "v": (p["b"] ** 2, p["a"] * q)}

    p = {"a": 2.0, "b": np.arange(6.0).reshape(2, 3)}
    found = ag.jacobian(g, argnums=(0, 1), mode=mode)(p, 3.0)
    assert found["s"][0]["a"] == 15.0
    assert type(found["s"][0]["a"]) is float
    np.testing.assert_array_equal(found["s"][0]["b"], np.full((2, 3), 2.0))
    assert found["s"][1] == 1.0
    np.testing.assert_array_equal(found["v"][0][0]["b"].reshape(6, 6), np.diag(2 * p["b"].ravel()))
    np.testing.assert_array_equal(found["v"][0][1], np.zeros((2, 3)))
    assert found["v"][1][0]["a"] == 3.0


def test_kinds_empties_and_dtypes():
    assert type(ag.jacobian(lambda x: x**3)(2.0)) is float
    assert isinstance(ag.jacobian(f)(ag.Tensor(X)), ag.Tensor)
    assert ag.jacobian(lambda x: x * 2)(np.ones(2, np.float32)).dtype == np.float32
    assert ag.jacobian(lambda x: x[:0])(X).shape == (0, 4)
    assert ag.jacobian(lambda x: x.sum(keepdims=True))(np.zeros(0)).shape == (1, 0)
    np.testing.assert_array_equal(ag.jacobian(lambda x: np.ones(2))(np.ones(3)), np.zeros((2, 3)))
    with pytest.raises(ag.DTypeError, match="an output has dtype complex128"):
        ag.jacobian(lambda x: x * 1j)(1.0)
    with pytest.raises(ag.DTypeError, match="an output has dtype int64"):
        ag.jacobian(lambda x: np.array([1, 2]))(1.0)
    with pytest.raises(ValueError, match="mode is"):
        ag.jacobian(f, mode="sideways")


def test_jacobian_of_a_tracked_tensor_can_be_differentiated():
    w = ag.Tensor(X, requires_grad=True)
    ag.jacobian(f)(w).sum().backward()
    np.testing.assert_allclose(w.grad, JJ.sum((0, 1)))


def test_linearize_evaluates_once():
    calls = []

    def counted(x, y):
        calls.append(0)
        return {"out": np.sin(x) * y.sum(), "n": 2.0}

    out, push = ag.linearize(counted, X, U)
    np.testing.assert_allclose(out["out"], np.sin(X) * U.sum())
    for scale in (1.0, 2.0):
        t = push(scale * U, V)
        np.testing.assert_allclose(t["out"], np.cos(X) * scale * U * U.sum() + np.sin(X) * V.sum())
        assert t["n"] == 0.0
    assert len(calls) == 1
    with pytest.raises(ag.ShapeError):
        push(U)
    with pytest.raises(ag.ShapeError):
        push(U[:2], V)


def test_linearize_of_complex_numbers():
    z = np.array([1 + 2j, -0.5j])
    _, push = ag.linearize(lambda z: z**2 * np.abs(z), z)
    t = np.array([0.3 - 1j, 2.0])
    np.testing.assert_allclose(push(t), ag.jvp(lambda z: z**2 * np.abs(z), (z,), (t,))[1])


def test_hessian_and_diagonal():
    h = ag.hessian(scalar)(X)
    columns = np.stack([ag.hvp(scalar, X, e) for e in np.eye(4)])
    np.testing.assert_allclose(h, columns)
    np.testing.assert_allclose(h, h.T, atol=1e-14)
    np.testing.assert_allclose(ag.hessian_diagonal(scalar)(X), np.diag(h))
    blocks = ag.hessian(lambda a, b: (a * a * b).sum(), argnums=(0, 1))(U, V)
    np.testing.assert_allclose(blocks[0][1], np.diag(2 * U))
    np.testing.assert_allclose(blocks[1][1], np.zeros((4, 4)))
    assert ag.hessian(lambda x: x**3)(2.0) == ag.hessian_diagonal(lambda x: x**3)(2.0) == 12.0
    tree = ag.hessian_diagonal(lambda p: p["a"] ** 2 * (p["b"] ** 3).sum())({"a": 2.0, "b": np.array([1.0, 2.0])})
    assert tree["a"] == 18.0
    np.testing.assert_allclose(tree["b"], [24.0, 48.0])
    with pytest.raises(ag.ShapeError, match="one number"):
        ag.hessian(f)(X)


def test_hessian_at_the_norm_of_zero():
    np.testing.assert_array_equal(ag.hessian(lambda x: np.linalg.norm(x) ** 2)(np.zeros(3)), 2 * np.eye(3))


def test_estimated_diagonal():
    exact = ag.hessian_diagonal(scalar)(X)
    h = ag.hessian(scalar)(X)
    n = 4000
    found = ag.hessian_diagonal(scalar, samples=n, rng=np.random.default_rng(1))(X)
    spread = np.sqrt(((h - np.diag(np.diag(h))) ** 2).sum(axis=1) / n)  # of the mean, known in closed form
    assert (abs(found - exact) < 5 * spread).all()
    np.testing.assert_allclose(ag.hessian_diagonal(lambda x: (x**3).sum(), samples=1)(X), 6 * X)  # exact if H is diagonal
    with pytest.raises(ValueError, match="at least 1"):
        ag.hessian_diagonal(scalar, samples=0)


def test_gauss_newton():
    np.testing.assert_allclose(ag.gnvp(f, X, U), J.T @ J @ U)
    s = ag.softmax(f(X))
    h = np.diag(s) - np.outer(s, s)
    np.testing.assert_allclose(ag.gnvp(f, X, U, loss=lambda z: ag.logsumexp(z)), J.T @ h @ J @ U)
    a, b = ag.gnvp(lambda a, b: {"r": a * b}, (X, V), (U, U))
    moved = U * V + X * U
    np.testing.assert_allclose(a, V * moved)
    np.testing.assert_allclose(b, X * moved)
    # for a linear model it is the Hessian
    loss = lambda z: (z**4).sum()
    np.testing.assert_allclose(ag.gnvp(lambda x: A @ x, X, U, loss=loss), ag.hvp(lambda x: loss(A @ x), X, U))
    with pytest.raises(ag.ShapeError, match="one vector per primal"):
        ag.gnvp(lambda a, b: a * b, (X, V), (U,))


def derivative_by(name):
    """The directional derivative of a function of X along U, by each transform."""
    return {
        "grad": lambda g: lambda x: (ag.grad(lambda y: (g(y) * W[: np.size(g(y))].reshape(np.shape(g(y)))).sum())(x) * U).sum(),
        "vjp": lambda g: lambda x: (ag.vjp(g, x)[1](_cotangent(g, x))[0] * U).sum(),
        "jvp": lambda g: lambda x: (ag.jvp(g, (x,), (U,))[1] * _cotangent(g, x)).sum(),
        "linearize": lambda g: lambda x: (ag.linearize(g, x)[1](U) * _cotangent(g, x)).sum(),
        "jacobian": lambda g: lambda x: np.sum((ag.jacobian(g, mode="reverse")(x) @ U) * _cotangent(g, x)),
        "jacobian forward": lambda g: lambda x: np.sum((ag.jacobian(g, mode="forward")(x) @ U) * _cotangent(g, x)),
        "checkpoint, grad": lambda g: (
            lambda x: (ag.grad(ag.checkpoint(lambda y: (g(y) * _cotangent(g, x)).sum()))(x) * U).sum()
        ),
    }[name]


W = np.array([0.7, -1.3, 0.4])
NAMES = ["grad", "vjp", "jvp", "linearize", "jacobian", "jacobian forward", "checkpoint, grad"]


def _cotangent(g, x):
    shape = np.shape(g(np.asarray(X)))
    return W[: int(np.prod(shape))].reshape(shape)


@pytest.mark.parametrize(("outer", "inner"), list(product(NAMES, repeat=2)))
def test_every_pair_of_transforms_nests(outer, inner):
    second = derivative_by(outer)(derivative_by(inner)(f))(X)
    np.testing.assert_allclose(second, W[0] * np.einsum("ijk,i,j,k", JJ, W, U, U), rtol=1e-12)


@pytest.mark.parametrize("outer", NAMES)
@pytest.mark.parametrize("mode", ["reverse-over-reverse", "forward-over-reverse"])
def test_derivatives_of_hvp_and_gnvp(outer, mode):
    third = ag.grad(lambda x: (ag.grad(lambda y: (ag.grad(scalar)(y) * U).sum())(x) * V).sum())(X)
    found = derivative_by(outer)(lambda x: (ag.hvp(scalar, x, U, mode=mode) * V).sum())(X)
    np.testing.assert_allclose(found, W[0] * (third * U).sum(), rtol=1e-12)
    found = derivative_by(outer)(lambda x: (ag.gnvp(f, x, U) * V).sum())(X)
    change = np.einsum("ijk,k->ij", JJ, U)  # of J along U
    np.testing.assert_allclose(found, W[0] * V @ (change.T @ J + J.T @ change) @ U, rtol=1e-12)


def test_perturbations_are_not_confused_by_any_pair():
    """d/dx [x d/dy (x + y)] is 1 whichever transforms take the two derivatives."""
    by = {
        "grad": ag.grad,
        "jvp": lambda g: lambda x: ag.jvp(g, (x,), (1.0,))[1],
        "vjp": lambda g: lambda x: ag.vjp(g, x)[1](1.0)[0],
        "linearize": lambda g: lambda x: ag.linearize(g, x)[1](1.0),
        "jacobian": lambda g: lambda x: ag.jacobian(g)(x),
    }
    for outer, inner in product(by.values(), repeat=2):
        assert float(outer(lambda x, d=inner: x * d(lambda y: x + y)(1.0))(5.0)) == 1.0
        assert float(outer(lambda x, d=inner: x * d(lambda y: x * y)(1.0))(5.0)) == 10.0


def test_hvp_modes_agree_and_are_checked():
    for x, y in zip(
        ag.hvp(lambda a, b: scalar(a * b), (X, V), (U, U)),
        ag.hvp(lambda a, b: scalar(a * b), (X, V), (U, U), mode="forward-over-reverse"),
        strict=True,
    ):
        np.testing.assert_allclose(x, y, rtol=1e-12)
    assert type(ag.hvp(lambda a: a**3, 2.0, 1.0, mode="forward-over-reverse")) is float
    with pytest.raises(ValueError, match="mode is"):
        ag.hvp(scalar, X, U, mode="sideways")
    with pytest.raises(ag.ShapeError):
        ag.hvp(scalar, X, U[:2], mode="forward-over-reverse")


def test_forward_over_reverse_is_linear_in_the_length_of_a_chain():
    """How often a parent is looked up may not grow faster than the chain."""
    from autograd_core import dual

    asked = []
    original = dual._level

    def counting(node):
        asked.append(0)
        return original(node)

    counts = []
    dual._level = counting
    try:
        for n in (50, 100):
            asked.clear()

            def chain(x, n=n):
                for _ in range(n):
                    x = x * 1.01 + np.sin(x) * 0.1
                return x

            ag.hvp(chain, 0.3, 1.0, mode="forward-over-reverse")
            counts.append(len(asked))
    finally:
        dual._level = original
    assert counts[1] < 2.2 * counts[0]


def test_a_custom_op_with_its_own_forward_rule():
    """A rule that calls code which cannot be recorded: forward mode needs a rule of its own."""

    def opaque(g, _y, x):
        return np.frompyfunc(lambda a, b: float(a) * float(b) * 2, 2, 1)(g, x).astype(float)

    square = ag.custom_op("opaque square", np.square, opaque, jvp=lambda tangents, _y, x: 2 * x * tangents[0])
    np.testing.assert_allclose(ag.grad(lambda x: square(x).sum())(X), 2 * X)
    np.testing.assert_allclose(ag.jvp(square, (X,), (U,))[1], 2 * X * U)
