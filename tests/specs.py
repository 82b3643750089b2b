"""One row per function: what it is called with, and at which points its derivative is known exactly.

`test_ops.py` puts every row through the same tests, and fails when an op or a public function has no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import autograd_core as ag

Arrays = tuple[np.ndarray, ...]


@dataclass
class Spec:
    """A function of arrays, argument tuples to test it with, and exact gradients at hard points."""

    name: str
    f: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterator[Arrays]]
    points: Sequence[tuple[Any, Any]] = ()  # (arguments, gradients of the sum of the output)
    analytic: bool = True  # holomorphic: the complex step is an oracle
    plain: Callable[..., Any] | None = None  # the same on plain arrays, where f itself cannot be the oracle
    keeps_float32: bool = True
    kinds: set[str] = field(default_factory=set)  # "elementwise" rows are drawn by hypothesis too


def numbers(rng: np.random.Generator, shape: tuple[int, ...], domain: tuple[float, float]) -> np.ndarray:
    """Values of a domain, kept apart so that no two are tied and none is within a difference step of 0 or another."""
    n = int(np.prod(shape))
    low, high = domain
    grid = low + (high - low) * (np.arange(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)
    grid = np.where(np.abs(grid) < 0.05, 0.07, grid) if low < 0 < high else grid
    return rng.permutation(grid).reshape(shape)


def strided(a: np.ndarray) -> np.ndarray:
    """The same values in memory with gaps and another order."""
    out = np.empty((*a.shape[::-1], 2), a.dtype)[..., 0].T
    out[...] = a
    return out


UNARY_SHAPES = [(), (3,), (2, 1, 3), (0, 2)]
BINARY_SHAPES = [((), ()), ((3,), ()), ((2, 3), (1, 3)), ((2, 1), (3,)), ((0, 2), (2,)), ((2, 1, 2), (3, 1))]


def unary(name: str, domain: tuple[float, float] = (-2.0, 2.0), f: Any = None, **options: Any) -> Spec:
    def cases(rng: np.random.Generator) -> Iterator[Arrays]:
        for shape in UNARY_SHAPES:
            yield (strided(numbers(rng, shape, domain)),)

    spec = Spec(name, f or getattr(np, name), cases, **options)
    spec.kinds = {"elementwise"}
    spec.domains = [domain]  # type: ignore[attr-defined]
    return spec


def binary(name: str, *domains: tuple[float, float], f: Any = None, **options: Any) -> Spec:
    domains = domains or ((-2.0, 2.0), (-2.1, 2.1))

    def cases(rng: np.random.Generator) -> Iterator[Arrays]:
        for a, b in BINARY_SHAPES:
            yield numbers(rng, a, domains[0]), strided(numbers(rng, b, domains[1]))

    spec = Spec(name, f or getattr(np, name), cases, **options)
    spec.kinds = {"elementwise"}
    spec.domains = list(domains)  # type: ignore[attr-defined]
    return spec


def reduction(name: str, f: Any = None, empty: bool = True, variants: Sequence[dict[str, Any]] = (), **options: Any) -> Spec:
    """A reduction over each axis argument; `variants` are further keyword arguments."""
    function = f or getattr(np, name)
    keywords = [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, *variants]

    def call(x: Any, which: Any) -> Any:
        return function(x, **keywords[int(which)])

    def cases(rng: np.random.Generator) -> Iterator[Arrays]:
        for which in range(len(keywords)):
            yield strided(numbers(rng, (2, 3, 2), (-2.0, 2.0))), np.array(which)
        yield numbers(rng, (), (-2.0, 2.0)), np.array(0)
        yield numbers(rng, (1, 1), (0.5, 2.0)), np.array(1)
        if empty:
            yield np.zeros((0, 2, 0)), np.array(0)
            yield np.zeros((2, 0, 3)), np.array(1)

    return Spec(name, call, cases, **options)


def general(name: str, f: Callable[..., Any], *shapes: Any, domain: tuple[float, float] = (-2.0, 2.0), **options: Any) -> Spec:
    """A function called with arrays of each tuple of shapes."""

    def cases(rng: np.random.Generator) -> Iterator[Arrays]:
        for group in shapes:
            group = group if isinstance(group, list) else [group]
            yield tuple(strided(numbers(rng, shape, domain)) for shape in group)

    return Spec(name, f, cases, **options)


INF, NAN = np.inf, np.nan
POSITIVE, UNIT, ABOVE_ONE = (0.3, 3.0), (-0.8, 0.8), (1.2, 3.0)
CHOICE = {"analytic": False}  # chooses between values by comparing them: not holomorphic

ELEMENTWISE = [
    binary("add"),
    binary("subtract"),
    binary("multiply"),
    binary("divide", (-2.0, 2.0), POSITIVE),
    binary(
        "power",
        POSITIVE,
        (-2.0, 2.0),
        points=[
            (([0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0]), ([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])),
            (([2.0, -2.0], [0.0, 0.0]), ([0.0, 0.0], [np.log(2), NAN])),
        ],
    ),
    unary("power_2", f=lambda x: x**2, points=[(([0.0, -1.0],), ([0.0, -2.0],))]),
    unary("power_0", f=lambda x: x**0, points=[(([0.0, -1.0],), ([0.0, 0.0],))]),
    unary("power_3.5", POSITIVE, f=lambda x: x**3.5),
    unary("power_base", f=lambda x: 2.5**x),
    binary("float_power", POSITIVE, (-2.0, 2.0), keeps_float32=False),
    unary("negative"),
    unary("positive"),
    unary("exp", points=[(([-INF, 0.0, 700.0],), ([0.0, 1.0, np.exp(700.0)],))]),
    unary("exp2"),
    unary("expm1", points=[(([0.0, -800.0],), ([1.0, 0.0],))]),
    unary("log", POSITIVE, points=[(([0.5, 1e-100],), ([2.0, 1e100],))]),
    unary("log2", POSITIVE),
    unary("log10", POSITIVE),
    unary("log1p", (-0.7, 2.0), points=[(([0.0],), ([1.0],))]),
    unary("sqrt", POSITIVE, points=[(([0.0, 4.0],), ([INF, 0.25],))]),
    unary("cbrt", analytic=False, points=[(([8.0, -8.0, 0.0],), ([1 / 12, 1 / 12, INF],))]),
    unary("square"),
    unary("reciprocal", POSITIVE),
    unary("sin"),
    unary("cos"),
    unary("tan", (-1.2, 1.2)),
    unary("arcsin", UNIT),
    unary("arccos", UNIT),
    unary("arctan"),
    unary("sinh"),
    unary("cosh"),
    unary("tanh", points=[(([1000.0, -1000.0],), ([0.0, 0.0],))]),
    unary("arcsinh"),
    unary("arccosh", ABOVE_ONE),
    unary("arctanh", UNIT),
    unary("absolute", **CHOICE, points=[(([0.0, -0.0, -2.0],), ([0.0, 0.0, -1.0],))]),
    unary("sign", **CHOICE, points=[(([0.0, 3.0],), ([0.0, 0.0],))]),
    unary("conjugate", analytic=False),
    unary("real", analytic=False),
    unary("imag", analytic=False),
    unary("complex_parts", f=lambda x: np.real(np.exp(1j * x)) + np.imag(x * x * (2 + 1j)), analytic=False),
    binary("maximum", **CHOICE, points=[(([1.0, 1.0, 3.0], [1.0, 2.0, 2.0]), ([0.5, 0.0, 1.0], [0.5, 1.0, 0.0]))]),
    binary("minimum", **CHOICE, points=[(([1.0, 1.0, 3.0], [1.0, 2.0, 2.0]), ([0.5, 1.0, 0.0], [0.5, 0.0, 1.0]))]),
    binary("fmax", **CHOICE, points=[(([NAN, 1.0, 1.0], [1.0, NAN, 1.0]), ([0.0, 1.0, 0.5], [1.0, 0.0, 0.5]))]),
    binary("fmin", **CHOICE, points=[(([NAN, 1.0, 1.0], [1.0, NAN, 1.0]), ([0.0, 1.0, 0.5], [1.0, 0.0, 0.5]))]),
    binary("where", f=lambda a, b: np.where(np.real(raw(a) + raw(b)) > 0.1, a, b), **CHOICE),
    unary("clip", f=lambda x: np.clip(x, -1.0, 0.5), **CHOICE, points=[(([-1.0, 0.5, 0.0, 0.6],), ([1.0, 1.0, 1.0, 0.0],))]),
    general(
        "clip_bounds", np.clip, [(4,), (), (4,)], [(2, 1), (3,), ()], **CHOICE, points=[((3.0, 1.0, 2.0), (0.0, 0.0, 1.0))]
    ),
    unary("astype", f=lambda x: ag.astype(x, np.float64), analytic=False, keeps_float32=False),
    unary("sigmoid", f=ag.sigmoid, **CHOICE, points=[(([0.0, 1000.0, -1000.0],), ([0.25, 0.0, 0.0],))]),
    unary("softplus", f=ag.softplus, **CHOICE, points=[(([0.0, 1000.0, -1000.0],), ([0.5, 1.0, 0.0],))]),
    unary("relu", f=ag.relu, **CHOICE, points=[(([0.0, 1.0, -1.0],), ([0.0, 1.0, 0.0],))]),
]


def raw(x: Any) -> Any:
    return x.numpy() if isinstance(x, ag.Tensor) else x


MASK = np.array([[[True], [False], [True]], [[False], [True], [True]]])

REDUCTIONS = [
    reduction("sum", variants=[{"where": MASK}, {"initial": 2.0, "axis": 1}]),
    reduction("sum_dtype", lambda x, **k: np.sum(x, dtype=np.float64, **k), analytic=False, keeps_float32=False),
    reduction("mean", empty=False, variants=[{"where": MASK}]),
    reduction("var", empty=False, variants=[{"ddof": 1, "axis": 1}, {"where": MASK}], analytic=False),
    reduction(
        "std",
        empty=False,
        variants=[{"ddof": 1, "axis": 1}, {"where": MASK}],
        analytic=False,
        points=[(([3.0, 3.0, 3.0], 0), ([0.0, 0.0, 0.0],))],
    ),
    reduction(
        "max",
        empty=False,
        variants=[{"initial": 0.5}, {"where": MASK, "initial": -9.0}],
        **CHOICE,
        points=[(([1.0, 5.0, 5.0, 5.0, 5.0], 0), ([0.0, 0.25, 0.25, 0.25, 0.25],)), (([1.0, NAN], 0), ([0.0, 1.0],))],
    ),
    reduction("min", empty=False, **CHOICE, points=[(([1.0, 1.0, 5.0], 0), ([0.5, 0.5, 0.0],))]),
    reduction(
        "prod",
        variants=[{"where": MASK}, {"initial": 2.0}],
        points=[(([0.0, 2.0, 3.0], 0), ([6.0, 0.0, 0.0],)), (([0.0, 2.0, 0.0], 0), ([0.0, 0.0, 0.0],))],
    ),
    reduction(
        "logsumexp",
        ag.logsumexp,
        **CHOICE,
        points=[
            (([-INF, 0.0, 0.0], 0), ([0.0, 0.5, 0.5],)),
            (([-INF, -INF], 0), ([0.0, 0.0],)),
            (([1e4, -1e4], 0), ([1.0, 0.0],)),
            (([INF, 0.0], 0), ([1.0, 0.0],)),
        ],
    ),
    general("softmax", ag.softmax, (3,), (2, 3), (0, 2), **CHOICE, points=[(([-INF, 0.0],), ([0.0, 0.0],))]),
    general("softmax_axis", lambda x: ag.softmax(x, axis=(0, 1)), (2, 3, 2), **CHOICE, points=[(([[-INF]],), ([[0.0]],))]),
    general("log_softmax", ag.log_softmax, (3,), (2, 3), (0, 2), **CHOICE, points=[(([1e4, -1e4],), ([-1.0, 1.0],))]),
]

SHAPES = [
    general("reshape", lambda x: np.reshape(x, (3, -1)), (2, 3), (3, 4)),
    general("reshape_order", lambda x: np.reshape(x, (3, 2), order="F"), (2, 3)),
    general("ravel", np.ravel, (2, 3), (), (0, 2)),
    general("transpose", np.transpose, (2, 3), (), (2, 3, 4)),
    general("transpose_axes", lambda x: np.transpose(x, (1, -1, 0)), (2, 3, 4)),
    general("matrix_transpose", np.matrix_transpose, (2, 3), (4, 2, 3)),
    general("swapaxes", lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    general("moveaxis", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    general("squeeze", np.squeeze, (2, 1, 3, 1), (1,), (1, 0)),
    general("squeeze_axis", lambda x: np.squeeze(x, axis=-1), (2, 1, 1)),
    general("expand_dims", lambda x: np.expand_dims(x, (0, -1)), (2, 3), ()),
    general("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 2)), (), (1,), (3, 1), (2, 1, 2), (2, 3, 2)),
    general(
        "concatenate",
        lambda *xs: np.concatenate(xs, axis=1),
        [(2, 1), (2, 3)],
        [(2, 0), (2, 2), (2, 1)],
        [(1, 2, 2), (1, 1, 2)],
    ),
    general("concatenate_flat", lambda a, b: np.concatenate([a, b], axis=None), [(2, 2), ()]),
    general("stack", lambda *xs: np.stack(xs, axis=-1), [(2, 3), (2, 3)], [(), ()], [(0, 2)] * 3),
]

ROWS, COLUMNS = np.array([0, 2, 0]), np.array([1, 1, 1])

INDEXING = [
    general("getitem", lambda x: x[1:, ..., ::-2], (3, 4), (2, 2, 3)),
    general("getitem_new_axis", lambda x: x[None, 1], (3, 4)),
    general("getitem_repeated", lambda x: x[ROWS, COLUMNS], (3, 4), (3, 2, 2)),
    general("getitem_mask", lambda x: x[np.array([True, False, True])], (3,), (3, 2)),
    general("getitem_mixed", lambda x: x[:, ROWS], (2, 3), (1, 3, 2)),
    general("setitem", lambda x, v: _with_item(x, (slice(1, None), 0), v), [(3, 2), (2,)], [(3, 2), ()], [(2, 2, 3), (1, 3)]),
    general("setitem_repeated", lambda x, v: _with_item(x, ROWS, v), [(3,), (3,)], [(3, 2), (3, 1)]),
    general("setitem_mask", lambda x, v: _with_item(x, np.array([True, False, True]), v), [(3, 2), (2, 2)]),
]


def _with_item(x: Any, index: Any, value: Any) -> Any:
    y = x.copy() if isinstance(x, ag.Tensor) else np.array(x, dtype=np.result_type(x, raw(value)))
    if isinstance(value, ag.Tensor) and not isinstance(y, ag.Tensor):
        y = ag.Tensor(y)
    y[index] = value
    return y


LINALG = [
    general(
        "matmul",
        np.matmul,
        [(2, 3), (3, 2)],
        [(3,), (3, 2)],
        [(2, 3), (3,)],
        [(3,), (3,)],
        [(4, 2, 3), (3, 2)],
        [(2, 1, 2, 3), (4, 3, 1)],
        [(3,), (2, 3, 2)],
        [(0, 3), (3, 2)],
        [(2, 0), (0, 2)],
    ),
    general(
        "dot",
        np.dot,
        [(3,), (3,)],
        [(2, 3), (3, 2)],
        [(2, 3), ()],
        [(2, 3, 2), (2,)],
        [(2, 3), (4, 3, 2)],
        [(3,), (2, 1, 3, 2)],
    ),
    general(
        "linear", ag.linear, [(2, 3), (4, 3), (4,)], [(2, 5, 3), (1, 3), (1,)], [(3,), (2, 3), (2,)], [(0, 3), (2, 3), (2,)]
    ),
    general("linear_no_bias", ag.linear, [(2, 3), (4, 3)]),
]

SPECS = [*ELEMENTWISE, *REDUCTIONS, *SHAPES, *INDEXING, *LINALG]
