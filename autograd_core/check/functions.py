"""A function as the checkers see it: of a list of plain arrays, with values and gradients for one random cotangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Self

import numpy as np

from ..errors import DTypeError, ShapeError
from ..tensor import Tensor, as_array, gradients
from ..tree import flatten, paths
from .numeric import EPS, random_like, sizes

__all__ = ["Function", "Gradient", "title", "zeros_where_unused"]


def title(checker: str, f: Callable[..., Any]) -> str:
    """The headline of a report."""
    return f"{checker} of {getattr(f, '__name__', 'the function')}"


def zeros_where_unused(found: Sequence[Tensor | None], arrays: Sequence[Any]) -> list[Any]:
    """Gradients as plain arrays, zeros where the output does not depend on an input."""
    for k, (g, x) in enumerate(zip(found, arrays, strict=True)):
        if g is not None and g.shape != x.shape:
            raise ShapeError(f"the gradient of input {k} has shape {g.shape}, the input {x.shape}")
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
        return zeros_where_unused(gradients(y, tensors, [self.cotangent], allow_unused=True), self.point)

    def natural(self, directions: Sequence[Any]) -> float:
        """How large a derivative of the size f/x is: what is left of it where terms cancel is rounding."""
        moves = zip(directions, self.point, strict=True)
        return self.magnitude * sum(float(np.max(np.abs(u) / sizes(x), initial=0.0)) for u, x in moves)

    def nearby(self, rng: np.random.Generator) -> Self:
        """The same function where the last bits of its inputs are others: shows what rounding does to a derivative."""
        moved = copy(self)
        moved.point = [x * (1 + 4 * EPS * random_like(x, rng)) for x in self.point]
        return moved

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
        found = gradients(y, tracked, [self.inner.cotangent], create_graph=True, allow_unused=True)
        terms = [np.sum(np.real(g * np.conj(u))) for g, u in zip(found, self.directions, strict=True) if g is not None]
        return sum(terms[1:], terms[0]) if terms else np.zeros(())


def _double(x: Any, name: str) -> Any:
    """A copy of an input in double precision."""
    array = np.array(x.numpy() if isinstance(x, Tensor) else as_array(x))
    if array.dtype.kind not in "fc":
        raise DTypeError(f"{name} has dtype {array.dtype}: only real and complex inputs have a gradient to check")
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
