"""Checkers: derivatives against finite differences, with reports that say which input and which element is wrong.

The numeric derivative is Richardson extrapolation of central differences over a range of steps (Ridders 1982), which
estimates its own error; a verdict compares with that estimate and not with a fixed tolerance, so a small gradient is
checked as sharply as a large one. Everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .errors import AutogradError, DTypeError, ShapeError
from .randomness import default_rng
from .tensor import Tensor, as_array, gradients
from .transforms import hvp

__all__ = ["CheckError", "Report", "Row", "gradcheck", "hvpcheck"]

RTOL = 1e-9  # what rounding in the function itself may cost, relative to the derivative


class CheckError(AutogradError, AssertionError):
    """A derivative failed its check; the message is the report."""


@dataclass
class Row:
    """One comparison: where, the two values, the tolerance, and whether they agree."""

    where: str
    analytic: float
    numeric: float
    tolerance: float

    @property
    def error(self) -> float:
        """Absolute difference of the two values."""
        return abs(self.analytic - self.numeric)

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; never for NaN."""
        return bool(self.error <= self.tolerance)

    @property
    def verdict(self) -> str:
        """One word for the table, and what to do about NaN."""
        if np.isnan(self.numeric) and not np.isnan(self.analytic):
            return "no numeric value: f is not finite within a step; give a smaller step="
        return "ok" if self.ok else "WRONG"


@dataclass
class Report:
    """The outcome of a check: truthy if every row agrees, printed as a table."""

    title: str
    rows: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows) and all(row.ok for row in self.rows)

    @property
    def max_error(self) -> float:
        """Largest error relative to the size of the values compared."""
        return max((row.error / max(abs(row.numeric), abs(row.analytic), 1e-300) for row in self.rows), default=np.nan)

    def raise_if_failed(self) -> Report:
        """Raise CheckError with the table if a row disagrees; else return this report."""
        if not self:
            raise CheckError(str(self))
        return self

    def __str__(self) -> str:
        width = max([len(row.where) for row in self.rows] + [5])
        lines = [f"{self.title}: {'passed' if self else 'FAILED'}"]
        lines.append(f"  {'where':<{width}}  {'analytic':>14}  {'numeric':>14}  {'error':>9}  verdict")
        for row in self.rows:
            values = f"{row.analytic:>14.7g}  {row.numeric:>14.7g}  {row.error:>9.2e}"
            lines.append(f"  {row.where:<{width}}  {values}  {row.verdict}")
        return "\n".join(lines)

    __repr__ = __str__


def extrapolated(f: Callable[[float], Any], scale: float, weights: Any = 1.0) -> tuple[float, float]:
    """Differentiate `<weights, f(t)>` at 0: `(derivative, estimate of its error)`.

    Central differences with steps 2^-k scale, extrapolated to step 0 (Ridders, Advances in Engineering Software 4,
    1982); the entry of the table with the smallest estimated error wins. The error has two parts: how much
    neighbouring entries differ, and what the measured rounding noise of `f` makes of a difference with that step.
    Elements of `f` are subtracted before they are summed, so that large ones that do not change cost no accuracy.
    """
    noise = _noise(f, scale * 2.0**-15, weights)
    step, best, error = scale, np.nan, np.inf
    before: list[float] = []
    for _ in range(12):
        now = [_pair(f(step) - f(-step), weights) / (2 * step)]
        for i, old in enumerate(before):
            factor = 4.0 ** (i + 1)
            now.append((factor * now[i] - old) / (factor - 1))
            guess = max(abs(now[i + 1] - now[i]), abs(now[i + 1] - old)) + 2 * noise / step
            if guess < error:
                best, error = now[i + 1], guess
        before = now
        step /= 2
    return best, error


def _noise(f: Callable[[float], Any], spacing: float, weights: Any) -> float:
    """The rounding noise of `f` near 0, from fourth differences of close values (More and Wild, SIAM J. Sci. Comput. 33, 2011).

    A fourth difference of a smooth function on such a spacing is nothing but noise, with 70 times its variance.
    """
    values = np.array([f(k * spacing) for k in range(-4, 5)])
    moved = (values != values[0]).any(axis=0)
    rounding = np.sqrt(np.sum(np.abs(weights * values[0] * moved) ** 2)) * np.finfo(np.float64).eps / 2
    fourth = [_pair(d, weights) for d in np.diff(values, 4, axis=0)]
    return max(float(rounding), float(np.sqrt(np.mean(np.square(fourth)) / 70)))


def _point(inputs: Sequence[Any]) -> list[Any]:
    """Copies of the inputs, real ones in float64."""
    point = []
    for k, x in enumerate(inputs):
        array = np.array(x.numpy() if isinstance(x, Tensor) else as_array(x))
        if array.dtype.kind not in "fc":
            raise DTypeError(f"input {k} has dtype {array.dtype}: only real and complex inputs have a gradient to check")
        point.append(array.astype(np.complex128 if array.dtype.kind == "c" else np.float64))
    return point


def _size(arrays: Sequence[Any]) -> float:
    """Root mean square of all elements; 1 where all are zero."""
    count = sum(x.size for x in arrays)
    return float(np.sqrt(sum(np.sum(np.abs(x) ** 2) for x in arrays) / max(count, 1))) or 1.0


def _random_like(x: Any, rng: np.random.Generator) -> Any:
    u = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    if x.dtype.kind == "c":
        u = u + 1j * rng.uniform(0.5, 1.5, x.shape)
    return u


def _pair(u: Any, v: Any) -> float:
    """Real inner product of two arrays; of complex ones as of their real and imaginary parts."""
    return float(np.sum(np.real(u * np.conj(v))))


class _Function:
    """`f` of plain arrays, and its gradients with a random cotangent."""

    def __init__(self, f: Callable[..., Any], point: list[Any], rng: np.random.Generator) -> None:
        self.f = f
        y = np.asarray(self._call([Tensor(x.copy(order="K")) for x in point]))
        if y.dtype.kind not in "fc":
            raise DTypeError(f"the function returned dtype {y.dtype}: nothing to differentiate")
        self.cotangent = _random_like(y, rng)

    def _call(self, tensors: list[Tensor]) -> Any:
        y = self.f(*tensors)
        if isinstance(y, (tuple, list)):
            raise ShapeError("the function has to return one array: check one output at a time")
        return y.detach() if isinstance(y, Tensor) and y.requires_grad else y

    def value(self, arrays: list[Any]) -> Any:
        return np.asarray(self._call([Tensor(x) for x in arrays]))

    def gradients(self, arrays: list[Any]) -> list[Any]:
        tensors = [Tensor(x.copy(order="K"), requires_grad=True) for x in arrays]
        y = self.f(*tensors)
        if not isinstance(y, Tensor):  # a constant
            return [np.zeros_like(x) for x in arrays]
        found = gradients(y, tensors, [self.cotangent], allow_unused=True)
        for k, (g, x) in enumerate(zip(found, arrays, strict=True)):
            if g is not None and g.shape != x.shape:
                raise ShapeError(f"the gradient of input {k} has shape {g.shape}, the input {x.shape}")
        return [np.zeros_like(x) if g is None else g.numpy() for g, x in zip(found, arrays, strict=True)]


class _Gradient(_Function):
    """The gradient of a projected function as a function itself: for checks of second order."""

    def __init__(self, f: Callable[..., Any], point: list[Any], rng: np.random.Generator) -> None:
        self.inner = _Function(f, point, rng)
        self.directions = [_random_like(x, rng) for x in point]
        super().__init__(self._slope, point, rng)

    def _slope(self, *tensors: Tensor) -> Any:
        tracked = [x if x.requires_grad else Tensor(x, requires_grad=True) for x in tensors]
        y = self.inner.f(*tracked)
        if not isinstance(y, Tensor):
            return np.zeros(())
        found = gradients(y, tracked, [self.inner.cotangent], create_graph=True, allow_unused=True)
        terms = [np.sum(np.real(g * np.conj(u))) for g, u in zip(found, self.directions, strict=True) if g is not None]
        return sum(terms[1:], terms[0]) if terms else np.zeros(())


def _moved(point: list[Any], k: int, direction: Any) -> Callable[[float], list[Any]]:
    return lambda t: [x + t * direction if i == k else x for i, x in enumerate(point)]


def _row(where: str, function: _Function, point: list[Any], k: int, direction: Any, gradient: Any, step: float) -> Row:
    move = _moved(point, k, direction)
    numeric, error = extrapolated(lambda t: function.value(move(t)), step, function.cotangent)
    analytic = _pair(gradient, direction)
    rounding = RTOL * max(abs(numeric), float(np.sum(np.abs(gradient * direction))) * 1e-3)
    # where terms cancel to 0, the rounding of derivatives of the size f/x is left
    x = point[k]
    relative = float(np.max(np.abs(direction) / np.where(x == 0, _size([x]), np.abs(x))))
    rounding += 10 * np.finfo(np.float64).eps * float(np.sum(np.abs(function.cotangent * function.value(point)))) * relative
    return Row(where, analytic, numeric, 10 * error + rounding)


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    mode: Literal["direction", "full"] = "direction",
    step: float = 1e-2,
    rng: np.random.Generator | None = None,
) -> Report:
    """Compare the gradient of `f` with finite differences, for each input along a random direction.

    With a random cotangent v and direction u, `<v, f(x + t u)>` is differentiated at t = 0 numerically and compared
    with `<J^T v, u>`. If that fails, every element of the input is checked and the wrong ones are listed.

    The function has to compute in double precision throughout. One direction weighs large and small elements
    together: `mode="full"` checks each element alone, with a step in proportion to its own size.

    Args:
        f: takes as many Tensors as there are inputs and returns one array.
        inputs: arrays or Tensors; copied, and converted to double precision.
        mode: "direction", or "full" for one row per element.
        order: 2 checks the gradient of `<J^T v, w>` as well, which is the second derivative.
        step: the largest step, relative to an input's typical size (1 for zeros); must stay inside f's domain.
        rng: for the random direction and cotangent.

    Returns:
        A `Report`: truthy on success, a table when printed, `raise_if_failed()`.

    Raises:
        DTypeError: an input or the output is not real or complex.

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.gradcheck(np.tanh, np.array([0.1, 2.0]), order=2))
    True
    """
    rng = default_rng(rng)
    point = _point(inputs)
    report = Report(f"gradcheck of {getattr(f, '__name__', 'the function')}")
    for level in range(1, order + 1):
        function = (_Function if level == 1 else _Gradient)(f, point, rng)
        found = function.gradients(point)
        for k, x in enumerate(point):
            where = f"input {k}" + (f", order {level}" if order > 1 else "")
            if not x.size:
                report.rows.append(Row(where, 0.0, 0.0, 0.0))
                continue
            size = np.where(x == 0, _size([x]), np.abs(x))  # steps in proportion to each element
            row = None
            if mode == "direction":
                row = _row(where, function, point, k, _random_like(x, rng) * size, found[k], step / 1.5)
                report.rows.append(row)
            if row is None or not row.ok:
                rows = [
                    _element(where, function, point, k, index, unit, found[k], step * float(size[index]) / 1.5)
                    for index in np.ndindex(x.shape)
                    for unit in ((1.0, 1j) if x.dtype.kind == "c" else (1.0,))
                ]
                report.rows += [r for r in rows if row is None or not r.ok]
    return report


def _element(where: str, function: _Function, point: list[Any], k: int, index: Any, unit: Any, g: Any, step: float) -> Row:
    direction = np.zeros_like(point[k])
    direction[index] = unit
    place = f"{where}[{', '.join(map(str, index))}]" + (" (imaginary)" if unit == 1j else "")
    return _row(place, function, point, k, direction, g, step)


def hvpcheck(f: Callable[..., Any], *inputs: Any, step: float = 1e-2, rng: np.random.Generator | None = None) -> Report:
    """Compare Hessian-vector products of `f` with finite differences of its gradient, and test their symmetry.

    For random u and v: `u' H v` against the numeric derivative of `<grad f(x + t v), u>`, and against `v' H u`.

    Args:
        f: takes as many Tensors as there are inputs and returns one real number.
        inputs: arrays or Tensors; copied, and converted to float64.
        step: the largest step, relative to the typical size of the inputs (1 for zeros).
        rng: for the random directions.

    Returns:
        A `Report` with the two comparisons.

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.hvpcheck(lambda x: (x**4).sum(), np.array([1.0, 2.0])))
    True
    """
    rng = default_rng(rng)
    point = tuple(_point(inputs))
    u, v = (tuple(_random_like(x, rng) for x in point) for _ in range(2))
    tensors = tuple(Tensor(x) for x in point)

    def dot(a: Sequence[Any], b: Sequence[Any]) -> float:
        return sum(_pair(np.asarray(x), np.asarray(y)) for x, y in zip(a, b, strict=True))

    def slope(t: float) -> float:
        moved = [Tensor(x + t * d, requires_grad=True) for x, d in zip(point, v, strict=True)]
        found = gradients(f(*moved), moved, allow_unused=True)
        return dot([np.zeros_like(x) if g is None else g.numpy() for g, x in zip(found, point, strict=True)], u)

    hv = [x.numpy() for x in hvp(f, tensors, v)]
    hu = [x.numpy() for x in hvp(f, tensors, u)]
    scale = step * _size(point) / 1.5
    numeric, error = extrapolated(slope, scale)
    size = float(np.sqrt(dot(hv, hv) * dot(u, u)))
    report = Report(f"hvpcheck of {getattr(f, '__name__', 'the function')}")
    report.rows.append(Row("u'Hv, differences", dot(u, hv), numeric, 10 * error + RTOL * max(abs(numeric), 1e-3 * size)))
    report.rows.append(Row("u'Hv = v'Hu", dot(u, hv), dot(v, hu), 1e-9 * size))
    return report
