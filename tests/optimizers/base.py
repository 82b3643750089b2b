"""What a row says about an optimizer, and the surfaces to try it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

import optim

Gradient = Callable[[Any], Any]


@dataclass
class OptimizerSpec:
    """An optimizer of `optim`, its options, and its formula in plain NumPy.

    PyTorch's optimizer of this name is the first oracle, where it has one (and knows the options: all of `grid` unless named in
    `not_in_torch`). `formula(**options)` is the second: a generator that is sent gradients and
    yields the changes of the parameter, written from the paper and not from our code.
    """

    name: str
    formula: Callable[..., Any] | None
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # every combination is tried
    options: Sequence[Mapping[str, Any]] = ({},)  # each of these on top, such as combinations that only work together
    in_torch: bool = True
    not_in_torch: frozenset[str] = frozenset()
    scheduled: Mapping[str, Any] = field(default_factory=dict)  # a value for each setting that tests put a schedule on
    schedules: Mapping[str, Any] = field(default_factory=dict)  # where such a schedule starts, if elsewhere
    shapes: Sequence[tuple[int, ...]] = ((3, 4), (5,))
    # what it needs to reach the optimum of each surface: options, steps, and how close it comes
    reaches: Mapping[str, tuple[Mapping[str, Any], int]] = field(default_factory=dict)
    closure: bool = False  # needs one in `step`
    decoupled: bool = False  # weight decay is decoupled by default

    def variants(self) -> Iterator[dict[str, Any]]:
        """Keyword arguments to build it with."""
        for extra in self.options:
            for values in product(*self.grid.values()):
                yield dict(zip(self.grid, values, strict=True)) | dict(extra)

    def build(self, params: Any, **options: Any) -> optim.Optimizer:
        """Ours."""
        return getattr(optim, self.name)(params, **options)

    def knows_torch(self, options: Mapping[str, Any]) -> bool:
        """Whether PyTorch's has these options."""
        return self.in_torch and not any(options.get(name) for name in self.not_in_torch)


# Surfaces: value and gradient at a point of two coordinates, a start, and the optimum


def parabola(x: Any) -> tuple[float, Any]:
    a = np.array([1.0, 4.0])
    d = x - np.array([1.0, -2.0])
    return float(0.5 * np.sum(a * d * d)), a * d


def rosenbrock(x: Any) -> tuple[float, Any]:
    a, b = x
    return float((1 - a) ** 2 + 100 * (b - a * a) ** 2), np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])


def beale(x: Any) -> tuple[float, Any]:
    a, b = x
    r = np.array([1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3])
    da, db = np.array([b - 1, b**2 - 1, b**3 - 1]), np.array([a, 2 * a * b, 3 * a * b**2])
    return float(np.sum(r * r)), np.array([np.sum(2 * r * da), np.sum(2 * r * db)])


SURFACES = {
    "parabola": (parabola, (0.0, 0.0), (1.0, -2.0)),
    "rosenbrock": (rosenbrock, (-1.2, 1.0), (1.0, 1.0)),
    "beale": (beale, (1.0, 1.5), (3.0, 0.5)),
}
