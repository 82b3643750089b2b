"""One derivative against numbers: along a direction, for each element, and at kinks between the slopes of both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from .numeric import EPS, complex_step, extrapolated, one_sided, pair, random_like, sizes
from .report import Row

__all__ = ["Comparison", "Projected"]

RTOL = 1e-9  # what rounding in the function itself may cost, relative to the derivative
SHARP = 1e-12  # the same where nothing is subtracted
SAMPLE = 1000  # elements looked at where a direction was wrong
VAGUE = 1e-4  # an estimated error that leaves nothing to compare with
SHORTER = 2.0**-12, 2.0**-24  # where the first steps are too long


class Projected(Protocol):
    """An array-valued function of arrays, with the cotangent that its derivative is projected on."""

    @property
    def point(self) -> Sequence[Any]:
        """The arrays."""

    @property
    def cotangent(self) -> Any:
        """Of the shape of the output."""

    @property
    def magnitude(self) -> float:
        """Of the terms that are added up in <cotangent, output>."""

    def along(self, k: int, direction: Any) -> Callable[[Any], Any]:
        """The output as a function of t, with array `k` moved by t in a direction."""

    def gradient_nearby(self, k: int, rng: np.random.Generator) -> Any:
        """The gradient of array `k` where the last bits of the inputs are others."""


class Comparison:
    """The derivative with respect to one array of a function's point, and the comparisons that are made for it."""

    def __init__(
        self, function: Projected, k: int, gradient: Any, where: str, step: float, rng: np.random.Generator, sharp: bool = False
    ) -> None:
        self.function, self.k, self.where, self.rng, self.sharp = function, k, where, rng, sharp
        self.x = function.point[k]
        self.finite = np.isfinite(self.x)  # the others stay where they are
        self.gradient = np.where(self.finite, gradient, 0.0)
        self.size = sizes(self.x)  # steps are in proportion to it
        self.step = step / 1.5  # directions have elements up to 1.5

    @cached_property
    def shaken(self) -> Any:
        """How much the gradient moves with the last bits of the inputs."""
        return np.where(self.finite, self.function.gradient_nearby(self.k, self.rng), 0.0) - self.gradient

    def row(self, where: str, direction: Any, step: float) -> tuple[Row, bool]:
        """Compare along one direction, with steps up to `step`; also tell whether the function has a kink there."""
        f, weights = self.function.along(self.k, direction), self.function.cotangent
        analytic = pair(self.gradient, direction)
        terms = float(np.sum(np.abs(self.gradient * direction)))
        # where terms cancel to 0, the rounding of derivatives of the size f/x is left
        natural = self.function.magnitude * float(np.max(np.abs(direction) / self.size))

        def against(numeric: float, error: float, swing: float) -> tuple[Row, float]:
            tolerance = 10 * error + RTOL * max(abs(numeric), 1e-3 * terms) + 10 * EPS * natural
            expected = max(natural, terms, np.nan_to_num(abs(numeric)), np.nan_to_num(swing))
            return Row(where, analytic, numeric, tolerance), expected

        rounding = self._of_arguments(direction)
        estimate = extrapolated(f, step, weights, rounding)
        row, expected = against(*estimate)
        vague = not estimate.error <= VAGUE * expected
        exact = False
        if self.sharp:
            sharper = self._by_complex_step(row, f, terms, natural)
            exact = vague or (abs(sharper.numeric - row.numeric) <= row.tolerance and sharper.tolerance < row.tolerance)
            row = sharper if exact else row
        if not row.ok and (exact or not vague):
            shaken = 100 * float(np.max(np.abs(self.shaken) * self.size) * np.max(np.abs(direction) / self.size))
            row.tolerance += shaken if shaken <= VAGUE * expected else 0.0
        if exact:
            return row, False
        for shorter in SHORTER if vague or not row.ok else ():
            closer = extrapolated(f, step * shorter, weights, rounding)
            # the longer steps said nothing, or were misled, as beside a pole
            misled = not abs(closer.value - estimate.value) <= 10 * (closer.error + estimate.error)
            if closer.error <= VAGUE * abs(closer.value) and (vague or misled):
                estimate, vague = closer, False
                row, expected = against(*closer)
        if row.ok and not vague:
            return row, False
        return self._by_sides(row, f, direction, step, expected, estimate.error if vague else 0.0)

    def _of_arguments(self, direction: Any) -> float:
        """What rounding x + t u makes of f: a fourth difference misses it where all are rounded alike."""
        moving = (direction != 0) & self.finite & np.isfinite(self.gradient)
        return EPS / 2 * float(np.linalg.norm(np.where(moving, self.gradient * self.x, 0.0)))

    def _by_complex_step(self, row: Row, f: Callable[[Any], Any], terms: float, natural: float) -> Row:
        numeric, added = complex_step(f, self.function.cotangent)
        # how much the derivative itself moves when its arguments are rounded
        near = [complex_step(lambda t, e=e: f(t + e), self.function.cotangent)[0] for e in (-4 * EPS, 4 * EPS)]  # type: ignore[misc]
        tolerance = SHARP * (added + terms) + 100 * max(abs(other - numeric) for other in near) + 10 * EPS * natural
        return Row(row.where, row.analytic, numeric, tolerance, "complex step")

    def _by_sides(
        self, row: Row, f: Callable[[Any], Any], direction: Any, step: float, expected: float, error: float
    ) -> tuple[Row, bool]:
        """Compare with the slopes of both sides: at a kink, at the border of the domain, or where extrapolation failed."""
        sides = one_sided(f, step, self.function.cotangent)
        settled = sides.error <= VAGUE * max(expected, float(np.sum(np.abs(sides.slopes))))
        if sides.kinked and settled:
            low, high = sides.slopes
            possible = np.isfinite(row.analytic)
            # as at a tie of several: also what other orders would give
            if possible and not low.sum() <= row.analytic <= high.sum():
                nearby = [self._nearby(direction, 1e-4 * self.size * random_like(self.x, self.rng), step) for _ in range(32)]
                weighted = np.real(np.array(nearby) * np.conj(self.function.cotangent))
                low, high = np.fmin(low, np.fmin.reduce(weighted)), np.fmax(high, np.fmax.reduce(weighted))
            ends = float(low.sum()), float(high.sum())
            between = min(max(row.analytic, ends[0]), ends[1]) if possible and np.isfinite(ends).all() else ends[0]
            tolerance = sides.error + 10 * EPS * expected
            return Row(row.where, row.analytic, between, tolerance, f"kink, slopes from {ends[0]:.4g} to {ends[1]:.4g}"), True
        if not error:
            return row, False
        if settled:
            return Row(row.where, row.analytic, float(sides.slopes[0].sum()), sides.error + 10 * EPS * expected), False
        if np.isfinite(row.numeric) and error > 1e3 * sides.noise / step:
            row.tolerance, row.note = 0.0, "the differences do not converge; give another step="
        return row, False

    def along(self) -> tuple[Row, bool]:
        """Along a random direction."""
        return self.row(self.where, random_like(self.x, self.rng) * self.size * self.finite, self.step)

    def elements(self, every: bool) -> Iterator[tuple[Row, bool]]:
        """Each element; of large arrays only a sample if not every one is asked for."""
        chosen = np.arange(self.x.size)
        if not every and self.x.size > SAMPLE:
            chosen = np.sort(self.rng.choice(self.x.size, SAMPLE, replace=False))
        for index in zip(*np.unravel_index(chosen, self.x.shape), strict=True) if self.x.ndim else [()]:
            if not self.finite[index]:
                continue
            for unit, part in ((1.0, ""), (1j, " (imaginary)")) if self.x.dtype.kind == "c" else ((1.0, ""),):
                direction = np.zeros_like(self.x)
                direction[index] = unit
                place = f"{self.where}[{', '.join(map(str, index))}]{part}"
                yield self.row(place, direction, self.step * float(self.size[index]))

    def ties(self) -> Iterator[Row]:
        """Equal elements moved together, where the function is smooth in that direction: their shares have to add up."""
        values, group, count = np.unique(self.x, return_inverse=True, return_counts=True)
        for i in np.flatnonzero(count > 1):
            direction = (group.reshape(self.x.shape) == i).astype(self.x.dtype)
            step = self.step * float(np.max(self.size * np.abs(direction)))
            slopes = [self._nearby(direction, 1e-4 * self.size * random_like(self.x, self.rng), step) for _ in range(8)]
            if np.allclose(slopes, slopes[0], rtol=1e-2, atol=1e-2 * np.max(np.abs(slopes))):
                yield self.row(f"{self.where}, all that are {values[i]:.4g}", direction, step)[0]

    def _nearby(self, direction: Any, offset: Any, step: float) -> Any:
        f = self.function.along(self.k, 1.0)
        h = 1e-5 * step
        return (f(offset + h * direction) - f(offset - h * direction)) / (2 * h)

    def check(self, mode: str) -> Iterator[Row]:
        """One row for a direction; every element if that is wrong, or with mode "full"."""
        if not self.x.size:
            yield Row(self.where, 0.0, 0.0, 0.0)
            return
        whole, kinked = (None, False) if mode == "full" else self.along()
        if whole is not None and whole.ok and not kinked:
            yield whole
            return
        pairs = list(self.elements(mode == "full"))
        kinked = kinked or any(bent for _, bent in pairs)
        wrong = [row for row, _ in pairs if not row.ok] + [row for row in (self.ties() if kinked else ()) if not row.ok]
        # several kinks may add up to a direction in which no choice of slopes is between: then each element is asked
        if whole is not None and (whole.ok or wrong or not kinked):
            yield whole
        yield from ([row for row, bent in pairs if bent] if whole is not None and not wrong and not whole.ok else [])
        yield from ([row for row, _ in pairs if row.ok] if whole is None else [])
        yield from wrong
