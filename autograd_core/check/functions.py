"""A function as the checkers see it: of a list of plain arrays, with values and gradients for one random cotangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np

from ..errors import DTypeError, ShapeError
from ..tensor import Tensor, as_array, gradients
from ..tree import flatten, paths
from .numeric import EPS, random_like, sizes

__all__ = ["Function", "Gradient", "Rounding", "title"]

SUMMATION = 1e-10  # relative: another order of summation


def title(checker: str, f: Callable[..., Any]) -> str:
    """The headline of a report."""
    return f"{checker} of {getattr(f, '__name__', 'the function')}"


def _zeros_where_unused(found: Sequence[Tensor | None], arrays: Sequence[Any]) -> list[Any]:
    """Gradients as plain arrays, zeros where the output does not depend on an input."""
    return [np.zeros_like(x) if g is None else g.numpy() for g, x in zip(found, arrays, strict=True)]


class Function:
    """`f` of the arrays in its inputs, which are copied in double precision, and its gradients for a cotangent."""

    point: Sequence[Any]
    output: Any

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], rng: np.random.Generator) -> None:
        leaves, self.rebuild = flatten(list(inputs))
        self.names = [path for k, tree in enumerate(inputs) for path in paths(tree, f"input {k}")]
        self.f = f
        self.point = [_double(x, name) for x, name in zip(leaves, self.names, strict=True)]
        self.output = None
        self.output = self.value(self.point)
        if self.output.dtype.kind not in "fc":
            raise DTypeError(f"the function returned dtype {self.output.dtype}: nothing to differentiate")
        if self.output.dtype.itemsize < (8 if self.output.dtype.kind == "f" else 16):
            raise DTypeError(
                f"the function returned {self.output.dtype} for inputs in double precision: differences need double precision "
                "throughout. Convert what the function computes with as well, as by model.astype(float)."
            )
        self.cotangent = random_like(self.output, rng)
        # of what is added up: here, and a little beside, where it does not cancel
        beside = self.value([x + 0.01 * sizes(x) * random_like(x, rng) for x in self.point])
        terms = [np.abs(self.cotangent * y) for y in (self.output, beside)]
        self.magnitude = max(float(np.sum(t, where=np.isfinite(t))) for t in terms)

    def __call__(self, tensors: Sequence[Tensor]) -> Any:
        y = self.f(*self.rebuild(list(tensors)))
        if isinstance(y, (tuple, list, dict)):
            raise ShapeError("the function has to return one array: check one output at a time")
        return y

    def value(self, arrays: Sequence[Any]) -> Any:
        """The output as a plain array; NaN where a factorisation does not exist."""
        try:
            y = self([Tensor(x) for x in arrays])
        except np.linalg.LinAlgError:
            if self.output is None:
                raise
            return np.full_like(self.output, np.nan)
        return np.asarray(y.detach() if isinstance(y, Tensor) and y.requires_grad else y)

    def gradients(self) -> list[Any]:
        """One gradient per array of the point, for this function's cotangent."""
        tensors = [Tensor(x.copy(order="K"), requires_grad=True) for x in self.point]
        y = self(tensors)
        if not isinstance(y, Tensor):  # a constant
            return [np.zeros_like(x) for x in self.point]
        return _zeros_where_unused(gradients(y, tensors, [self.cotangent], allow_unused=True), self.point)

    def natural(self, directions: Sequence[Any], order: int = 1) -> float:
        """How large a derivative of the size f/x (f/x^2 ...) is: what is left of it where terms cancel is rounding."""
        moves = zip(directions, self.point, strict=True)
        return self.magnitude * sum(float(np.max(np.abs(u) / sizes(x), initial=0.0)) for u, x in moves) ** order

    def at(self, point: Sequence[Any]) -> Self:
        """The same function at another point."""
        moved = copy(self)
        moved.point = point
        return moved

    def nearby(self, rng: np.random.Generator) -> Self:
        """The same function where the last bits of its inputs are others: shows what rounding does to a derivative."""
        return self.at([x * (1 + 4 * EPS * random_like(x, rng)) for x in self.point])

    def gradient_nearby(self, k: int, rng: np.random.Generator) -> Any:
        """The gradient of array `k` where the last bits of the inputs are others."""
        return self.nearby(rng).gradients()[k]

    def along(self, k: int, direction: Any) -> Callable[[Any], Any]:
        """The output as a function of t, with array `k` moved by t in a direction; for complex t all arrays are complex."""
        return lambda t: self.value(
            [x + t * direction if i == k else x + 0j if isinstance(t, complex) else x for i, x in enumerate(self.point)]
        )


class Gradient(Function):
    """The slope `<J' cotangent, directions>` of a function as a function itself: for checks of second order."""

    def __init__(self, inner: Function, rng: np.random.Generator) -> None:
        self.inner = inner
        self.directions = [random_like(x, rng) for x in inner.point]
        super().__init__(self._slope, inner.point, rng)
        self.names = inner.names
        # a slope may cancel to 0, but its rounding is that of slopes of the size f/x
        self.magnitude += float(np.abs(self.cotangent)) * inner.natural(self.directions)

    def _slope(self, *tensors: Tensor) -> Any:
        tracked = [x if x.requires_grad else Tensor(x, requires_grad=True) for x in tensors]
        y = self.inner(tracked)
        if not isinstance(y, Tensor):
            return np.zeros(())
        wanted = any(x.requires_grad for x in tensors)
        found = gradients(y, tracked, [self.inner.cotangent], create_graph=wanted, allow_unused=True)
        terms = [np.sum(np.real(g * np.conj(u))) for g, u in zip(found, self.directions, strict=True) if g is not None]
        return sum(terms[1:], terms[0]) if terms else np.zeros(())


class Rounding:
    """Whether two gradients differ by no more than rounding: another order of summation, or a last bit of the inputs."""

    def __init__(self, function: Function, found: Sequence[Any], rng: np.random.Generator) -> None:
        self.function, self.found, self.rng = function, found, rng

    def summation(self, k: int, size: float) -> float:
        """Of terms of the given size in the gradient of input k, or of the natural one where that is larger."""
        steepest = self.function.magnitude / float(np.min(sizes(self.function.point[k]), initial=np.inf))
        return SUMMATION * (size if np.isfinite(size) else 0.0) + 10 * EPS * steepest

    def of_inputs(self, k: int) -> float:
        """How much the gradient of input k moves with the last bits of the inputs: for where summation is not enough."""
        return 10 * self._moved[k]

    @cached_property
    def _moved(self) -> list[float]:
        again = self.function.nearby(self.rng).gradients()
        return [0.0 if a is None else float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(self.found, again, strict=True)]

    def explains(self, k: int, a: Any, b: Any, size: float = 0.0) -> bool:
        """Whether a and b, gradients of input k of which terms have the given size, are equal but for rounding."""
        if a is None or b is None:
            return a is b
        bound = self.summation(k, max(size, float(np.max(np.abs(a), initial=0.0))))
        return any(
            np.allclose(a, b, rtol=SUMMATION, atol=bound + slack(k), equal_nan=True)
            for slack in (lambda _k: 0.0, self.of_inputs)
        )


def _double(x: Any, name: str) -> Any:
    """A copy of an input in double precision."""
    array = np.array(x.numpy() if isinstance(x, Tensor) else as_array(x))
    if array.dtype.kind not in "fc":
        raise DTypeError(f"{name} has dtype {array.dtype}: only real and complex inputs have a gradient to check")
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
