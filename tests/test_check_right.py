"""Positive controls: right derivatives pass at the points where a checker may stumble."""

import numpy as np
import pytest

import autograd_core as ag

X = np.array([[0.3, -1.2], [0.8, 2.0]])
ZEROS = np.zeros(3)
TIES = np.array([2.0, 3.0, 3.0, 1.0, 3.0])
SQUARE = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.5], [0.1, -0.2, 1.5]])
HOLES = np.array([1.0, -np.inf, 0.5])
HILBERT = 1.0 / (1.0 + np.arange(5)[:, None] + np.arange(5))
MASK = np.array([True, False, True])

RIGHT = {
    "relu at 0": (ag.relu, np.array([0.0, -0.0, 1.0])),
    "abs at 0": (np.abs, np.array([0.0, 2.0, -3.0])),
    "kinks that cancel in a sum": (lambda a, b: ag.relu(a) - ag.relu(-b), ZEROS, ZEROS),
    "many kinks in one number": (lambda x: (ag.relu(x) * np.array([1.0, -3.0, 2.0])).sum(), ZEROS),
    "clip at its bounds": (lambda x: np.clip(x, 0.0, 1.0), np.array([0.0, 0.5, 1.0, 2.0])),
    "steps": (np.floor, np.array([1.0, 0.5, -2.0])),
    "sign at 0": (np.sign, np.array([0.0, 1.0])),
    "x |x| at 0, whose second derivative jumps": (lambda x: x * np.abs(x), ZEROS),
    "ties of max": (np.max, TIES),
    "ties of min along an axis": (lambda x: np.min(x, axis=0), np.round(np.abs(X))),
    "ties of maximum": (np.maximum, TIES, np.array([2.0, 3.0, 1.0, 1.0, 4.0])),
    "ties of sort": (np.sort, TIES),
    "norm at 0": (np.linalg.norm, ZEROS),
    "hypot at 0": (np.hypot, ZEROS, ZEROS),
    "sinc at 0": (np.sinc, np.array([0.0, 0.5])),
    "square at 0": (np.square, ZEROS),
    "cube at 0, flat to second order": (lambda x: x**3, ZEROS),
    "prod with zeros": (np.prod, np.array([0.0, 2.0, 0.0, 3.0])),
    "cumprod with zeros": (np.cumprod, np.array([2.0, 0.0, 3.0, 0.0])),
    "powers of 0, not defined beyond": (lambda x: x**3.5, np.array([0.0, 1.0])),
    "determinant of a singular matrix": (np.linalg.det, np.outer([1.0, 2.0, 3.0], [2.0, 1.0, 1.0])),
    "inverse of an ill-conditioned matrix": (np.linalg.inv, HILBERT),
    "constant but for rounding": (lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, X),
    "sum of a softmax": (lambda x: ag.softmax(x).sum(), np.array([1.0, 2.0, 3.0])),
    "norm of one number": (np.linalg.norm, np.array([3.0])),
    "trace by eigenvalues": (lambda a: np.linalg.eigvalsh((a + a.T) / 2).sum(), SQUARE),
    "log determinants that cancel": (lambda a: np.linalg.slogdet(a)[1] + np.linalg.slogdet(np.linalg.inv(a))[1], SQUARE),
    "norm of orthonormal columns": (lambda a: (np.linalg.qr(a)[0] ** 2).sum(), SQUARE),
    "squares below the range of floats": (lambda x: np.sin(x) * 1e-200, X),
    "logsumexp of huge values": (ag.logsumexp, np.array([1e5, 1e5 - 1, 0.0])),
    "arcsin near its border": (np.arcsin, np.array([1 - 1e-6])),
    "kinks of the gradient": (lambda x: np.where(x > 0, x**2, 0.0), np.array([0.0, 1.0, -1.0])),
    "below the normal numbers": (np.sin, np.array([2.2e-309, -5e-324])),
    "sine just beside 0": (np.sin, np.float64(3.7757e-6)),
    "ops that read a triangle of a symmetric part": (lambda a: np.linalg.cholesky((a + a.T) / 2), SQUARE @ SQUARE.T),
    "saturated tanh": (np.tanh, np.array([1e3, -50.0, 0.1])),
    "underflowing exp": (np.exp, np.array([-800.0, -1e4, 1.0])),
    "huge values": (lambda x: x * np.tanh(x / 1e150), np.array([1e150, -2e149])),
    "tiny values": (lambda x: x * np.tanh(x / 1e-150), np.array([1e-150, -2e-151])),
    "sums of mixed scale": (lambda x: 1e8 * np.sin(x) + 1e-8 * np.exp(x), X),
    "elements of mixed scale": (np.log, np.array([1e-9, 1.0, 1e9])),
    "a large constant beside": (lambda x: np.sin(x) + 1e6, X),
    "logsumexp with -inf": (ag.logsumexp, HOLES),
    "softmax with -inf": (ag.softmax, HOLES),
    "a branch not taken": (lambda x: np.where(MASK, x, np.sqrt(np.where(MASK, 1.0, x))), np.array([-1.0, 4.0, 0.0])),
    "empty": (np.exp, np.zeros((0, 3))),
    "empty sum": (np.sum, np.zeros((2, 0))),
    "0-d": (lambda x: np.sin(x) * x, np.float64(0.7)),
    "size 1 broadcast": (lambda a, b: a * b, np.ones((1, 3)), np.ones((2, 1))),
    "complex": (lambda z: np.exp(z) * z, X + 1j * X.T),
    "complex to real": (lambda z: np.abs(z) ** 2, X + 1j * X.T),
    "complex in between": (lambda x: np.abs(np.fft.fft(x)) ** 2, np.array([1.0, 2.0, 0.5])),
    "real and complex together": (lambda x, z: (x * z).real, X, X + 1j),
    "constant": (lambda x: 3.0, X),
    "unused input": (lambda a, b: np.sin(a), X, X),
    "returned as it is": (lambda x: x, X),
    "a view": (lambda x: x.T, X),
    "strided and read-only": (np.exp, np.broadcast_to(np.array([1.0, 2.0]), (3, 2))),
    "rounded intermediate": (lambda x: np.sin(x) + np.round(x), X),
    "discontinuity nearby": (lambda x: np.where(x > 0.3001, 5.0 + x, x), np.array([0.3, 1.0])),
}


@pytest.mark.parametrize("name", RIGHT)
def test_gradcheck_passes(name):
    f, *point = RIGHT[name]
    for mode in ("direction", "full"):
        ag.check.gradcheck(f, *point, order=2, mode=mode).raise_if_failed()


@pytest.mark.parametrize("name", [name for name in RIGHT if name not in ("constant", "returned as it is")])
def test_check_graph_passes(name):
    f, *point = RIGHT[name]
    ag.check.check_graph(f, *point, order=2).raise_if_failed()


def test_check_graph_passes_ops_that_read_a_triangle():
    f = lambda a: np.linalg.cholesky(a) @ np.linalg.eigvalsh(a)
    ag.check.check_graph(f, SQUARE @ SQUARE.T, order=2).raise_if_failed()


REAL = [name for name, (_, *point) in RIGHT.items() if all(np.asarray(x).dtype.kind == "f" for x in point)]


@pytest.mark.parametrize("name", REAL)
def test_hvpcheck_passes(name):
    f, *point = RIGHT[name]
    ag.check.hvpcheck(lambda *x: np.sum(f(*x)), *point).raise_if_failed()


SMOOTH = [
    "cube at 0, flat to second order",
    "prod with zeros",
    "saturated tanh",
    "huge values",
    "tiny values",
    "sums of mixed scale",
    "elements of mixed scale",
    "a large constant beside",
    "0-d",
    "empty",
    "size 1 broadcast",
    "constant",
    "unused input",
    "complex in between",
    "determinant of a singular matrix",
    "inverse of an ill-conditioned matrix",
    "constant but for rounding",
    "sum of a softmax",
    "norm of one number",
    "trace by eigenvalues",
    "log determinants that cancel",
    "norm of orthonormal columns",
    "squares below the range of floats",
    "logsumexp of huge values",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_taylor_test_passes(name):
    f, *point = RIGHT[name]
    ag.check.taylor_test(f, *point).raise_if_failed()
