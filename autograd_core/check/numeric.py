"""Derivatives from values alone: extrapolated differences, one-sided slopes at a kink, and the complex step.

Each comes with an estimate of its own error, which is what a verdict compares with: a small derivative is checked as
sharply as a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Estimate",
    "complex_step",
    "dot",
    "extrapolated",
    "noise",
    "noise_beside",
    "one_sided",
    "pair",
    "random_like",
    "size",
    "sizes",
]

EPS = float(np.finfo(np.float64).eps)
LEAST = float(np.finfo(np.float64).tiny) / EPS  # a step in proportion to less has no digits: it counts as 0
Curve = Callable[[float], Any]  # t -> array


def pair(u: Any, v: Any) -> float:
    """Real inner product of two arrays; of complex ones as of their real and imaginary parts."""
    return float(np.sum(np.real(u * np.conj(v))))


def dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    """Real inner product of two lists of arrays."""
    return sum(pair(np.asarray(x), np.asarray(y)) for x, y in zip(a, b, strict=True))


def size(*arrays: Any) -> float:
    """Root mean square of all finite elements; 1 where all are zero."""
    typical = float(_rms(np.concatenate([x[np.isfinite(x)] for x in arrays]))) if arrays else 0.0
    return typical if typical > LEAST else 1.0


def _rms(values: Any) -> Any:
    """Root mean square along the first axis; squares of huge and tiny values leave the range of floats, so they are scaled."""
    largest = np.max(np.abs(values), axis=0, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)
    return unit * np.sqrt(np.mean(np.abs(values / unit) ** 2, axis=0)) if len(values) else largest


def sizes(x: Any) -> Any:
    """The size of each element; of zeros the typical one, so that a step can be in proportion to it."""
    return np.where((np.abs(x) <= LEAST) | ~np.isfinite(x), size(x), np.abs(x))


def random_like(x: Any, rng: np.random.Generator) -> Any:
    """Numbers of either sign between 0.5 and 1.5, so that none is lost beside another; complex for complex."""
    u = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    if x.dtype.kind == "c":
        u = u + 1j * rng.uniform(0.5, 1.5, x.shape)
    return u


class Estimate(NamedTuple):
    """A derivative from differences."""

    value: float
    error: float  # estimated
    swing: float  # how much f moves over the largest step, per step: what the derivative could have been


def extrapolated(f: Curve, scale: float, weights: Any = 1.0, rounding: float = 0.0) -> Estimate:
    """Differentiate `<weights, f(t)>` at 0.

    Central differences with steps 2^-k scale, extrapolated to step 0 (Ridders, Advances in Engineering Software 4,
    1982); the entry of the table with the smallest estimated error wins. The error has two parts: how much
    neighbouring entries differ, and what the rounding noise of `f` makes of a difference with that step: the measured one,
    or that known from elsewhere if it is larger.
    Elements of `f` are subtracted before they are summed, so that large ones that do not change cost no accuracy.
    """
    rounding = max(rounding, noise(f, scale, weights))
    step, best, error, swing = scale, np.nan, np.inf, 0.0
    before: list[float] = []
    for _ in range(12):
        if 2 * rounding / step >= error:
            break  # smaller steps are noisier than what we have
        ahead, back = f(step), f(-step)
        if not before:
            swing = float(np.sum(np.abs(weights) * (np.abs(ahead) + np.abs(back)))) / (2 * step)
        now = [pair(ahead - back, weights) / (2 * step)]
        for i, old in enumerate(before):
            factor = 4.0 ** (i + 1)
            now.append((factor * now[i] - old) / (factor - 1))
            guess = max(abs(now[i + 1] - now[i]), abs(now[i + 1] - old)) + 2 * rounding / step
            if guess < error:
                best, error = now[i + 1], guess
        before = now
        step /= 2
    return Estimate(best, error, swing)


def noise(f: Curve, scale: float, weights: Any, spacings: Sequence[float] = (2.0**-15,)) -> float:
    """The rounding noise of `f` near 0, from fourth differences of close values (More and Wild, SIAM J. Sci. Comput. 33, 2011).

    A fourth difference of a smooth function on a spacing well below `scale` is nothing but noise, with 70 times its
    variance; where f bends within a spacing, a shorter one tells. What moves over `scale` is rounded to its last bit.
    """
    sampled = [np.array([f(k * spacing * scale) for k in range(-4, 5)]) for spacing in spacings]
    values = sampled[0]
    moved = (values != f(scale)).any(axis=0)
    terms = np.ravel(weights * values[0] * moved)
    fourth = [np.array([pair(d, weights) for d in np.diff(v, 4, axis=0)]) for v in sampled]
    least = np.fmin.reduce([_rms(d) for d in fourth]) / np.sqrt(70)
    return max(float(_rms(terms) * np.sqrt(terms.size) * EPS / 2), float(least))


def noise_beside(f: Curve, spacing: float) -> Any:
    """The rounding noise of each element of `f`, measured on both sides of 0 but not across it."""
    sides = [np.array([f(sign * k * spacing) for k in range(1, 10)]) for sign in (-1, 1)]
    left, right = _filled(*(_rms(np.diff(side, 4, axis=0)) for side in sides))
    return np.hypot(left, right) / np.sqrt(140)


class Sides(NamedTuple):
    """The slopes on both sides of 0."""

    slopes: Any  # (2, *shape): the smaller and the larger one of each element, weighted
    error: float  # estimated, of the weighted sum
    noise: float  # rounding of the weighted sum
    kinked: bool


def one_sided(f: Curve, scale: float, weights: Any) -> Sides:
    """The slopes of `<weights, f(t)>` to the left and to the right of 0, for each element of `f` on its own.

    Five values (at 0 and two to each side) on shrinking spacings: for a smooth function the difference of the slopes
    on both sides shrinks with the spacing, at a kink it stays. The slopes are taken strictly on one side, so that a
    jump at 0, as second derivatives have at a kink of the function, does not count as a slope. Where f is not defined on
    one side, the other one counts.
    """
    spacings = [scale * 2.0**-k for k in (6, 10, 14)]
    centre = f(0.0)
    slopes, bends = [], []
    for h in spacings:
        (r1, r2), (l1, l2) = (f(h), f(2 * h)), (f(-h), f(-2 * h))
        right, left = _filled((r2 - r1) / h, (l1 - l2) / h)
        jumps = _filled(np.abs(2 * r1 - r2 - centre), np.abs(2 * l1 - l2 - centre))
        slopes.append((left, right))
        bends.append(np.abs(right - left) + sum(jumps) / h)
    noise = noise_beside(f, spacings[-1] / 16)
    floor = 64 * (EPS * np.abs(centre) + noise) / spacings[-1]
    kinked = (bends[-1] > 0.25 * bends[0]) & (bends[-1] > floor)
    first, second = ([(16 * b - a) / 15 for a, b in zip(*two, strict=True)] for two in (slopes[:2], slopes[1:]))
    ends = np.stack([np.real(side * np.conj(weights)) for side in second])
    drift = sum(float(np.sum(np.abs(weights * (a - b)))) for a, b in zip(first, second, strict=True))
    error = drift + float(np.sum(np.abs(weights) * floor))
    return Sides(np.sort(ends, axis=0), error, float(np.sum(np.abs(weights) * noise)), bool(np.any(kinked)))


def _filled(a: Any, b: Any) -> tuple[Any, Any]:
    """Each with the other's elements where its own are NaN."""
    return np.where(np.isnan(a), b, a), np.where(np.isnan(b), a, b)


STEP = 1e-30  # of the imaginary part: nothing is subtracted, so it can be as small as it likes


def complex_step(f: Callable[[complex], Any], weights: Any) -> tuple[float, float]:
    """Differentiate `<weights, f(t)>` at 0 without a difference: `(Im <weights, f(ih)> / h, sum of absolute terms)`.

    Exact to rounding where `f` is made of analytic functions of real values (Squire and Trapp, SIAM Review 40, 1998).
    """
    terms = weights * np.imag(f(1j * STEP)) / STEP
    return float(np.sum(terms)), float(np.sum(np.abs(terms)))
