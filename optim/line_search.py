"""A step length that meets the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Point", "strong_wolfe"]


class Point(NamedTuple):
    """The objective at a step length t along a direction d."""

    t: float
    value: float
    gradient: Any
    slope: float  # gradient . d


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    extent: float,
    tolerance: float,
    most: int,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> tuple[Point, int]:
    """Find t with f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)|: bracket it, then zoom in by cubic interpolation.

    Args:
        evaluate: the point at a step length.
        start: the point at 0, with a negative slope.
        t: the first length to try.
        extent: the largest element of the direction; a bracket shorter than `tolerance` along it ends the search.
        tolerance: see there.
        most: how often to evaluate after the first time, at most.
        c1, c2: of the conditions.

    Returns:
        The point (the lowest one found, if the evaluations do not suffice), and how many were evaluated.

    Source: Nocedal and Wright, Numerical optimization, 2006, algorithms 3.5 and 3.6; guards as in minFunc and PyTorch.
    """

    def too_high(x: Point) -> bool:
        return x.value > start.value + c1 * x.t * start.slope

    def flat_enough(x: Point) -> bool:
        return abs(x.slope) <= -c2 * start.slope

    before, new, count = start, evaluate(t), 0
    while count < most:
        if too_high(new) or (count > 1 and new.value >= before.value):
            break
        if flat_enough(new):
            return new, count + 1
        if new.slope >= 0:
            break
        t = _cubic_minimum(before, new, new.t + 0.01 * (new.t - before.t), 10 * new.t)
        before, new, count = new, evaluate(t), count + 1
    if count >= most:
        before = start
    low, high = sorted((before, new), key=lambda x: x.value)
    return _zoom(evaluate, low, high, (too_high, flat_enough), extent, tolerance, most, count)


def _zoom(
    evaluate: Callable[[float], Point],
    low: Point,
    high: Point,
    conditions: tuple[Callable[[Point], bool], Callable[[Point], bool]],
    extent: float,
    tolerance: float,
    most: int,
    count: int,
) -> tuple[Point, int]:
    """Shrink a bracket; `low` is the lowest point that is not too high."""
    (too_high, flat_enough), near_end = conditions, False
    while count < most and high.t != low.t and abs(high.t - low.t) * extent >= tolerance:
        left, right = sorted((low.t, high.t))
        t = _cubic_minimum(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            near_end = False
        elif near_end or not left < t < right:  # hardly any progress, and not for the first time: go inside
            t, near_end = (right - margin if right - t < t - left else left + margin), False
        else:
            near_end = True
        new, count = evaluate(t), count + 1
        if too_high(new) or new.value >= low.value:
            low, high = sorted((low, new), key=lambda x: x.value)
        elif flat_enough(new):
            low = new
            break
        else:
            low, high = new, (low if new.slope * (high.t - low.t) >= 0 else high)
    return low, count + 1


def _cubic_minimum(a: Point, b: Point, lower: float, upper: float) -> float:
    """Where the cubic with the values and slopes of two points is lowest, between bounds; their middle if there is none."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    d2 = math.sqrt(square) if square >= 0 else math.nan
    denominator = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / denominator) if denominator else math.nan
    return (lower + upper) / 2 if math.isnan(t) else min(max(t, lower), upper)
