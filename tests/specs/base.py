"""What a spec row is, and the helpers that make one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_core.arrays import beside

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
        return function(x, **{k: beside(v, x) if isinstance(v, np.ndarray) else v for k, v in keywords[int(which)].items()})

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


def raw(x: Any) -> Any:
    """The array inside Tensors and dual numbers."""
    while hasattr(x, "_data"):
        x = x._data
    return x
