"""Schedules: pure functions from the step number (0 for the first step) to a value, for any hyperparameter of any optimizer.

Each function here is called with its settings and gives a `Schedule`. What stands in a schedule's place may also be a
number, or any function of the step. A resumed run goes on exactly, because nothing but the step number changes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, wraps
from inspect import signature
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import autograd_core as ag

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "exponential",
    "inverse_sqrt",
    "join",
    "multi_step",
    "one_cycle",
    "one_cycle_momentum",
    "piecewise",
    "plot",
    "polynomial",
    "scale",
    "step_decay",
    "warmup",
]

Settings = ParamSpec("Settings")
Value = float | Callable[[int], float]


class Schedule:
    """A function of the step number that knows how it was made: shows itself, plots itself, can be pickled.

    >>> halving = step_decay(0.4, step_size=10)
    >>> halving, halving(0), halving(25)
    (step_decay(0.4, step_size=10), 0.4, 0.1)
    """

    def __init__(self, make: Callable[..., Schedule], formula: Callable[..., float], args: Any, kwargs: Any) -> None:
        self._make, self._formula = make, formula
        self._args = tuple(_kept(value) for value in args)
        self._kwargs = {name: _kept(value) for name, value in kwargs.items()}
        self(0)  # settings that cannot be meant are refused now and not at the first step

    def __call__(self, step: int) -> float:
        """The value at a step."""
        return self._formula(step, *self._args, **self._kwargs)

    def __repr__(self) -> str:
        shown = [*map(repr, self._args), *(f"{name}={value!r}" for name, value in self._kwargs.items())]
        return f"{self._make.__name__}({', '.join(shown)})"

    def __reduce__(self) -> Any:
        return partial(self._make, *self._args, **self._kwargs), ()

    def plot(self, steps: int, path: str | Path | None = None, log: bool = False) -> Any:
        """Draw the values of that many steps; arguments are those of the function `plot`. Returns the matplotlib Axes."""
        return plot({repr(self): self}, steps, path, log)[0]


def _kept(setting: Any) -> Any:
    """A setting that may be read at every step, and that its owner may not change afterwards."""
    if isinstance(setting, Iterator):
        return tuple(setting)
    return list(setting) if isinstance(setting, list) else setting


def schedule(formula: Callable[Concatenate[int, Settings], float]) -> Callable[Settings, Schedule]:
    """Make the function that takes the settings of `formula(step, ...)` and gives the schedule."""

    @wraps(formula)
    def make(*args: Settings.args, **kwargs: Settings.kwargs) -> Schedule:
        return Schedule(make, formula, args, kwargs)

    shown = signature(formula)
    vars(make)["__signature__"] = shown.replace(parameters=list(shown.parameters.values())[1:], return_annotation=Schedule)
    return make


def _at(value: Value, step: int) -> float:
    return value(step) if callable(value) else value


def _positive(**counts: float) -> None:
    for name, count in counts.items():
        if not count > 0:
            raise ValueError(f"{name} is positive; got {count}")


@schedule
def constant(step: int, v: float) -> float:
    """The value v at every step.

    >>> constant(0.1)(5)
    0.1
    """
    return v


@schedule
def step_decay(step: int, v: float, step_size: int, gamma: float = 0.5) -> float:
    """Halving (or another factor) every so many steps: v gamma^floor(step / step_size). PyTorch's StepLR.

    Args:
        v: the first value.
        step_size: steps between changes.
        gamma: the factor of each change.

    >>> [step_decay(0.4, step_size=2)(step) for step in range(5)]
    [0.4, 0.4, 0.2, 0.2, 0.1]
    """
    _positive(step_size=step_size)
    return v * gamma ** (step // step_size)


@schedule
def multi_step(step: int, v: float, milestones: Sequence[int], gamma: float = 0.1) -> float:
    """A factor at each milestone: v gamma^(number of milestones <= step). PyTorch's MultiStepLR.

    Args:
        v: the first value.
        milestones: steps from which on a further factor counts, ascending.
        gamma: the factor.

    >>> [multi_step(1.0, [2, 3], gamma=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """
    return v * gamma ** bisect_right(sorted(milestones), step)


@schedule
def exponential(step: int, v: float, gamma: float | None = None, rate: float | None = None) -> float:
    """v gamma^step (PyTorch's ExponentialLR), or v e^(-rate step).

    Args:
        v: the first value.
        gamma: factor of each step; either this ...
        rate: ... or this.

    >>> exponential(1.0, gamma=0.5)(3), exponential(1.0, rate=0.5)(2) == math.exp(-1)
    (0.125, True)
    """
    if (gamma is None) == (rate is None):
        raise ValueError(f"exponential takes either gamma or rate; got gamma={gamma}, rate={rate}")
    return v * (gamma**step if gamma is not None else math.exp(-(rate or 0.0) * step))


@schedule
def polynomial(step: int, v: float, total_steps: int, final: float = 0.0, power: float = 1.0) -> float:
    """final + (v - final) (1 - step / total_steps)^power, then final. PyTorch's PolynomialLR.

    Args:
        v: the first value.
        total_steps: when `final` is reached.
        final: the last value.
        power: 1 for a straight line.

    >>> [polynomial(1.0, total_steps=4, power=2.0)(step) for step in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """
    _positive(total_steps=total_steps)
    return final + (v - final) * (1 - min(step, total_steps) / total_steps) ** power


@schedule
def cosine(step: int, v: float, total_steps: int, final: float = 0.0) -> float:
    """Half a cosine from v to final, then final: final + (v - final) (1 + cos(pi step / total_steps)) / 2.

    Args:
        v: the first value.
        total_steps: when `final` is reached.
        final: the last value.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, equation 5, without
    restarts; PyTorch's CosineAnnealingLR.

    >>> cosine(1.0, total_steps=10)(0), cosine(1.0, total_steps=10)(5), cosine(1.0, total_steps=10)(10)
    (1.0, 0.5, 0.0)
    """
    _positive(total_steps=total_steps)
    return _half_cosine(v, final, min(step, total_steps) / total_steps)


@schedule
def cosine_restarts(step: int, v: float, period: int, multiplier: int = 1, final: float = 0.0) -> float:
    """Half a cosine from v to final, again and again, each `multiplier` times as long as the one before.

    Args:
        v: the value after a restart.
        period: steps of the first one.
        multiplier: how much longer each is than the last; at least 1.
        final: what each would reach.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, equation 5; PyTorch's CosineAnnealingWarmRestarts.

    >>> [round(cosine_restarts(1.0, period=2, multiplier=2)(step), 3) for step in range(8)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0, 0.962]
    """
    _positive(period=period)
    if not 1 <= multiplier < math.inf:  # the lengths of shorter and shorter ones have a finite sum
        raise ValueError(f"multiplier is at least 1; got {multiplier}")
    if multiplier == 1:
        step %= period
    while step >= period:
        step, period = step - period, period * multiplier
    return _half_cosine(v, final, step / period)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


@schedule
def warmup(step: int, schedule: Value, steps: int, start_factor: float = 1 / 3) -> float:
    """A schedule times a factor that grows from start_factor to 1 over the first steps. PyTorch's LinearLR.

    Args:
        schedule: goes on meanwhile: to start it only after the warm-up, `join` both.
        steps: when the factor is 1.
        start_factor: the first factor.

    >>> [round(warmup(1.0, steps=4, start_factor=0.2)(step), 3) for step in range(6)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    """
    _positive(steps=steps)
    return _at(schedule, step) * _line(start_factor, 1.0, min(step, steps) / steps)


@schedule
def cyclic(
    step: int,
    base: float,
    peak: float,
    step_size: float,
    mode: str = "triangular",
    gamma: float = 1.0,
    step_size_down: float | None = None,
) -> float:
    """Up and down on straight lines between base and peak; each way takes step_size steps.

        cycle = floor(1 + step / (2 step_size)),    x = |step / step_size - 2 cycle + 1|
        base + (peak - base) max(0, 1 - x) s

    Momentum that is cycled inversely has its larger value as `base`: `cyclic(0.95, 0.85, step_size)`.

    Args:
        base, peak: lowest and highest value (or, for momentum, the other way round).
        step_size: steps of a half cycle.
        mode: "triangular" (s = 1), "triangular2" (s halves with each cycle) or "exp_range" (s = gamma^step).
        gamma: see there.
        step_size_down: steps of the way down, if it takes others.

    Source: Smith, Cyclical learning rates for training neural networks, WACV 2017; PyTorch's CyclicLR.

    >>> [round(cyclic(0.1, 0.3, step_size=2)(step), 3) for step in range(6)]
    [0.1, 0.2, 0.3, 0.2, 0.1, 0.2]
    """
    down = step_size if step_size_down is None else step_size_down
    _positive(step_size=step_size, step_size_down=down)
    cycle, place = divmod(step, step_size + down)
    height = place / step_size if place <= step_size else (step_size + down - place) / down
    if mode not in _CYCLE_SCALES:
        raise ValueError(f"mode is one of {', '.join(_CYCLE_SCALES)}; got {mode!r}")
    return base + (peak - base) * height * _CYCLE_SCALES[mode](cycle, step, gamma)


_CYCLE_SCALES: dict[str, Callable[[float, int, float], float]] = {
    "triangular": lambda _cycle, _step, _gamma: 1.0,
    "triangular2": lambda cycle, _step, _gamma: 0.5**cycle,
    "exp_range": lambda _cycle, step, gamma: gamma**step,
}


_ANNEAL = {"cos": _half_cosine, "linear": _line}


def _phases(step: int, total_steps: int, pct_start: float, anneal: str, ends: Sequence[float]) -> float:
    """Through the values `ends`, with turning points as PyTorch's OneCycleLR has them."""
    _positive(total_steps=total_steps)
    if not 0 <= pct_start <= 1 or anneal not in _ANNEAL:
        raise ValueError(f"pct_start is in [0, 1] and anneal 'cos' or 'linear'; got {pct_start} and {anneal!r}")
    turns = [0.0, *(k * (pct_start * total_steps - 1) for k in range(1, len(ends) - 1)), total_steps - 1.0]
    k = 1
    while k < len(turns) - 1 and step > turns[k]:
        k += 1
    length = turns[k] - turns[k - 1]
    share = min((step - turns[k - 1]) / length, 1.0) if length else 1.0
    return _ANNEAL[anneal](ends[k - 1], ends[k], share)


@schedule
def one_cycle(
    step: int,
    peak: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> float:
    """Up from peak / div_factor to the peak, and down to final_div_factor times less than at the start.

    With `three_phase` it goes down to the start as it came up, and only then, in the steps that are left, further down:
    the annihilation phase.

    Args:
        peak: the highest value.
        total_steps: the length of the run; then the last value stays.
        pct_start: share of the way up.
        anneal: "cos" or "linear".
        div_factor: the start is so many times lower than the peak ...
        final_div_factor: ... and the end so many times lower than the start.
        three_phase: see there.

    Source: Smith and Topin, Super-convergence, arXiv:1708.07120; PyTorch's OneCycleLR, whose turning points it has.

    >>> cycle = one_cycle(1.0, total_steps=10, pct_start=0.5, anneal="linear", div_factor=5.0)
    >>> [round(cycle(step), 3) for step in range(10)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 0.8, 0.6, 0.4, 0.2, 0.0]
    """
    start = peak / div_factor
    ends = [start, peak, *([start] if three_phase else []), start / final_div_factor]
    return _phases(step, total_steps, pct_start, anneal, ends)


@schedule
def one_cycle_momentum(
    step: int,
    total_steps: int,
    base: float = 0.85,
    peak: float = 0.95,
    pct_start: float = 0.3,
    anneal: str = "cos",
    three_phase: bool = False,
) -> float:
    """The momentum that goes with `one_cycle`: down from peak to base while the learning rate rises, and up again.

    Args:
        total_steps, pct_start, anneal, three_phase: as of `one_cycle`.
        base, peak: lowest and highest momentum.

    Source: as `one_cycle`.

    >>> [round(one_cycle_momentum(10, pct_start=0.5, anneal="linear")(step), 3) for step in (0, 4, 9)]
    [0.95, 0.85, 0.95]
    """
    return _phases(step, total_steps, pct_start, anneal, [peak, base, peak, *([peak] if three_phase else [])])


@schedule
def inverse_sqrt(step: int, v: float, warmup_steps: int = 1) -> float:
    """Straight up to v in warmup_steps, then v sqrt(warmup_steps / t), where t = step + 1.

    Args:
        v: the highest value.
        warmup_steps: when it is reached.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017, equation 3, with v for (d warmup_steps)^(-1/2).

    >>> [inverse_sqrt(1.0, warmup_steps=4)(step) for step in (0, 1, 3, 15)]
    [0.25, 0.5, 1.0, 0.5]
    """
    _positive(warmup_steps=warmup_steps)
    t = step + 1
    return v * min(t / warmup_steps, math.sqrt(warmup_steps / t))


@schedule
def piecewise(step: int, values: Sequence[Value], boundaries: Sequence[int]) -> float:
    """The first value before the first boundary, the second one from there on, and so on.

    Args:
        values: one more than boundaries; schedules among them are asked for the step of the whole run.
        boundaries: steps, ascending.

    >>> [piecewise([1.0, 0.5, 0.1], [2, 3])(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.1, 0.1]
    """
    return _at(values[_piece(step, values, boundaries)], step)


@schedule
def join(step: int, schedules: Sequence[Value], boundaries: Sequence[int]) -> float:
    """One schedule after the other, each from its own step 0. PyTorch's SequentialLR.

    Args:
        schedules: one more than boundaries.
        boundaries: the steps at which the next one begins, ascending.

    >>> [join([0.1, step_decay(1.0, step_size=2)], [2])(step) for step in range(6)]
    [0.1, 0.1, 1.0, 1.0, 0.5, 0.5]
    """
    k = _piece(step, schedules, boundaries)
    return _at(schedules[k], step - (boundaries[k - 1] if k else 0))


def _piece(step: int, pieces: Sequence[Any], boundaries: Sequence[int]) -> int:
    if len(pieces) != len(boundaries) + 1 or list(boundaries) != sorted(boundaries):
        raise ValueError(f"{len(pieces)} pieces need {len(pieces) - 1} ascending boundaries; got {list(boundaries)}")
    return bisect_right(boundaries, step)


@schedule
def scale(step: int, schedule: Value, factor: Value) -> float:
    """A schedule times a factor, or times another schedule. PyTorch's ChainedScheduler.

    >>> scale(step_decay(1.0, step_size=1), 0.1)(1)
    0.05
    """
    return _at(schedule, step) * _at(factor, step)


def plot(schedules: Mapping[str, Callable[[int], float]], steps: int, path: str | Path | None = None, log: bool = False) -> Any:
    """Draw schedules by name, one picture each, side by side.

    Args:
        schedules: functions of the step number.
        steps: how many to draw.
        path: the file to write, if any; its ending says which format.
        log: a logarithmic axis of values.

    Returns:
        The matplotlib Axes, one for each schedule.

    Raises:
        MissingExtraError: matplotlib is not installed.

    >>> [ax.get_title() for ax in plot({"steps": step_decay(0.4, step_size=10), "cosine": cosine(0.4, 50)}, 50)]
    ['steps', 'cosine']
    """
    _positive(steps=steps, **{"the number of schedules": len(schedules)})
    axes = ag.viz.axes(len(schedules), (3.2, 2.4) if len(schedules) > 1 else (6.0, 3.2), columns=4)
    for (name, function), ax in zip(schedules.items(), axes, strict=False):
        values = [function(step) for step in range(steps)]
        ax.plot(range(steps), values, color="#0072B2", linewidth=1.6)
        if log:
            ax.set_yscale("log")
        elif max(values) == min(values) > 0:
            ax.set_ylim(0, 1.3 * max(values))
        ax.set_title(name, fontsize=9)
        ax.tick_params(labelsize=8)
        ax.set_xlabel("step", fontsize=8)
    ag.viz.save_plot(axes, path)
    return axes
