"""The learning-rate range test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_core as ag

from .averages import ExponentialAverage

if TYPE_CHECKING:
    from .optimizer import Optimizer

__all__ = ["RangeTest", "lr_range_test"]


@dataclass
class RangeTest:
    """The losses of a range test.

    Attributes:
        lrs: learning rates, ascending.
        losses: the loss at each, before the step with it.
        smoothed: their exponentially weighted average.
        suggestion: where the loss falls fastest over the logarithm of the rate; None if it never falls.

    >>> RangeTest([0.001, 0.01, 0.1, 1.0], [1.0, 0.9, 0.2, 9.0], [1.0, 0.9, 0.2, 9.0]).suggestion  # from there on
    0.01
    """

    lrs: list[float]
    losses: list[float]
    smoothed: list[float]

    @property
    def suggestion(self) -> float | None:
        """Where the loss falls fastest over the logarithm of the rate; None if it never falls."""
        falling = self.losses[: int(np.argmin(self.smoothed)) + 1] if self.smoothed else []
        width = max(3, len(self.losses) // 6)
        if len(falling) < width:
            return None
        # slopes of least-squares lines over windows (the rates are evenly spaced in their logarithm): single batches are noisy
        slopes = np.convolve(falling, np.arange(width)[::-1] - (width - 1) / 2, mode="valid")
        steepest = int(np.argmin(slopes))
        return self.lrs[steepest + width // 2] if slopes[steepest] < 0 else None

    def __repr__(self) -> str:
        if not self.lrs:
            return "range test without a finite loss"
        found = "no suggestion: the loss never fell" if self.suggestion is None else f"suggestion {self.suggestion:.2g}"
        lowest = self.lrs[int(np.argmin(self.smoothed))]
        return (
            f"range test over {len(self.lrs)} steps, {self.lrs[0]:.2g} to {self.lrs[-1]:.2g}: lowest at {lowest:.2g}, {found}"
        )

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the loss over the learning rate, with the suggestion; write a file if a path is given.

        Returns:
            The matplotlib Axes.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        (ax,) = ag.viz.axes(1, (6.0, 3.6))
        ax.plot(self.lrs, self.losses, color="#999999", linewidth=0.9, label="loss")
        ax.plot(self.lrs, self.smoothed, color="#0072B2", linewidth=1.8, label="smoothed")
        if self.suggestion is not None:
            ax.axvline(self.suggestion, color="#D55E00", linestyle="--", label=f"suggestion: {self.suggestion:.2g}")
        # the last losses diverge: the rest should fill the picture
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        if self.smoothed:
            low, high = min(self.smoothed), max(self.smoothed[: int(np.argmin(self.smoothed)) + 1])
            if low < high:
                ax.set_ylim(low - 0.1 * (high - low), high + 0.6 * (high - low))
        ax.legend(frameon=False, fontsize=8)
        ag.viz.save_plot(ax, path)
        return ax


def lr_range_test(
    optimizer: Optimizer,
    closure: Callable[[], Any],
    start: float = 1e-6,
    end: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    diverged: float = 4.0,
) -> RangeTest:
    """Train with a learning rate that grows from step to step, and see where the loss falls fastest and where it explodes.

    Afterwards parameters, their gradients and the optimizer are as they were before. Buffers (of batch normalization, say)
    and the random generator are not: the test has used them.

    Args:
        optimizer: its groups keep the ratio of their learning rates.
        closure: as for `step`: takes the next batch, sets gradients to zero, computes the loss, calls backward, and returns
            the loss.
        start, end: learning rates (of the first group).
        steps: how many; the rates are spaced evenly in their logarithm.
        smoothing: weight of the past losses.
        diverged: end when the smoothed loss has grown to so many times the lowest one, or is not finite.

    Returns:
        A `RangeTest`, with `suggestion` and `plot()`.

    Raises:
        ValueError: rates that do not grow, or too few steps.
        TypeError: the closure returns no loss.

    Source: Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.

    >>> from optim import SGD
    >>> x = ag.Tensor([1.0, 1.0], requires_grad=True)
    >>> sgd = SGD([x], lr=0.1)
    >>> def closure():
    ...     sgd.zero_grad()
    ...     loss = (x * x * [1.0, 10.0]).sum()
    ...     loss.backward()
    ...     return loss
    >>> found = lr_range_test(sgd, closure, start=1e-5, end=10.0)
    >>> 1e-3 < found.suggestion < 0.1, x
    (True, Tensor([1., 1.], requires_grad=True))
    """
    if not 0 < start < end or steps < 3:
        raise ValueError(f"a range test takes 0 < start < end and at least 3 steps; got {start}, {end} and {steps}")
    groups = optimizer.param_groups
    own = [group["lr"] for group in groups]
    now = [lr(optimizer.step_count) if callable(lr) else lr for lr in own]
    saved = optimizer.state_dict()
    values = [(p, p.data.copy(), _copied(p.grad)) for group in groups for p in group["params"]]
    skipped = optimizer.skipped_steps, optimizer.last_skipped
    average, result = ExponentialAverage(smoothing), RangeTest([], [], [])
    try:
        for lr in np.geomspace(start, end, steps).tolist():
            for group, base in zip(groups, now, strict=True):
                group["lr"] = lr * (base / now[0] if now[0] else 1.0)
            found = optimizer.step(closure)
            if found is None:
                raise TypeError("a range test needs a closure that returns the loss; got None")
            loss = float(found)
            if not math.isfinite(loss):
                break
            result.lrs.append(lr)
            result.losses.append(loss)
            result.smoothed.append(average.update(loss))
            if _has_diverged(result.smoothed, diverged):
                break
    finally:
        for group, given in zip(groups, own, strict=True):
            group["lr"] = given
        optimizer.load_state_dict(saved)
        optimizer.skipped_steps, optimizer.last_skipped = skipped
        with ag.no_grad():
            for p, value, grad in values:
                p.copy_(value)
                p.grad = grad
    return result


def _copied(grad: Any) -> Any:
    return None if grad is None else grad.data.copy()


def _has_diverged(smoothed: list[float], diverged: float) -> bool:
    """Whether the loss has risen from its lowest by so many times what it had fallen, or its size."""
    lowest = min(smoothed)
    return smoothed[-1] - lowest > (diverged - 1) * abs(lowest) and smoothed[-1] > smoothed[0]
