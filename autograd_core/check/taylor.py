"""`taylor_test`: the orders with which the remainders of f shrink, a verdict without an epsilon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..errors import DTypeError
from ..graph import enable_grad
from ..randomness import default_rng
from ..transforms import hvp
from ..viz.plots import COLOURS, save_plot
from ..viz.plots import axes as new_axes
from .functions import Function, title
from .numeric import EPS, dot, noise, one_sided, pair, random_like, sizes
from .report import Report, Row

__all__ = ["OrderRow", "TaylorReport", "taylor_test"]

NAMES = ("|f(x + hu) - f(x)|", "less the gradient", "less the Hessian")
ABOVE, POINTS, SLACK = 100.0, 4, 0.1  # times the rounding floor; how many steps are fitted; of the order
VAGUE = 1e-4  # relative: rounding that leaves nothing to compare with


@dataclass
class OrderRow(Row):
    """The order with which a remainder shrinks; `analytic` is the fitted order, `numeric` the least that it may be."""

    points: int = 0

    @property
    def error(self) -> float:
        """By how much the order is too low; a higher one is as good."""
        return max(self.numeric - self.analytic, 0.0) if not np.isnan(self.analytic) else np.nan

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        order = "exact" if np.isinf(self.analytic) else f"{self.analytic:.3f}"
        return self.where, order, f"{self.numeric:.0f}", str(self.points), self.verdict

    @property
    def verdict(self) -> str:
        """One word for the table, with what there is to add."""
        word = "ok" if self.ok else "WRONG"
        return f"{word} ({self.note})" if self.note else word


@dataclass(repr=False)
class TaylorReport(Report):
    """The remainders over the steps, and the orders fitted to them.

    Attributes:
        steps: h, falling, shape (n,).
        remainders: shape (3, n): f(x + hu) less its Taylor polynomials of degree 0, 1, 2.
        floors: shape (3, n): what rounding makes of a remainder that is 0.

    >>> import numpy as np, autograd_core as ag
    >>> report = ag.check.taylor_test(np.exp, 0.5)
    >>> [round(order) for order in report.orders], report.remainders.shape
    ([1, 2, 3], (3, 40))
    """

    steps: Any = field(default_factory=lambda: np.zeros(0))
    remainders: Any = field(default_factory=lambda: np.zeros((3, 0)))
    floors: Any = field(default_factory=lambda: np.zeros((3, 0)))

    headings: ClassVar[tuple[str, ...]] = ("remainder", "order", "expected", "points", "verdict")

    @property
    def orders(self) -> list[float]:
        """The three fitted orders; inf where the remainder is rounding only."""
        return [row.analytic for row in self.rows]

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the remainders over the steps, with slopes 1, 2, 3 for comparison; write a file if a path is given.

        Returns:
            The matplotlib Axes.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        (axes,) = new_axes(size=(6.4, 4.4))
        h = self.steps
        lowest = max(float(np.min(self.floors[0], initial=np.inf)), 1e-300)
        styles = zip(COLOURS[:3], "os^", strict=True)
        for p, (row, r, (colour, marker)) in enumerate(zip(self.rows, self.remainders, styles, strict=True), 1):
            seen = r > 0
            order = row.cells[1] if np.isinf(row.analytic) else f"order {row.analytic:.2f}"
            axes.loglog(h[seen], r[seen], marker, color=colour, markersize=4, label=f"{row.where}: {order}")
            start = np.flatnonzero(r > self.floors[p - 1])
            if start.size:
                slope = r[start[0]] * (h / h[start[0]]) ** p
                axes.loglog(h[slope > lowest], slope[slope > lowest], "-", color=colour, linewidth=0.9, alpha=0.55)
        bottom, top = axes.get_ylim()
        axes.axhspan(bottom, lowest, color="#999999", alpha=0.18, linewidth=0, label="rounding")
        axes.set(ylim=(bottom, top), xlabel="step h", ylabel="remainder", title=self._headline())
        axes.text(
            0.98, 0.02, "lines: slopes 1, 2, 3", transform=axes.transAxes, ha="right", va="bottom", fontsize=8, color="#555555"
        )
        axes.legend(fontsize=8, frameon=False, loc="upper left")
        save_plot(axes, path)
        return axes


def taylor_test(f: Callable[..., Any], *inputs: Any, step: float = 0.1, rng: np.random.Generator | None = None) -> TaylorReport:
    """Fit the orders with which f(x + hu) approaches its Taylor polynomials: 1, with the gradient 2, with the Hessian 3.

        |f(x + hu) - f(x)|                             = O(h)
        |f(x + hu) - f(x) - h g'u|                     = O(h^2)
        |f(x + hu) - f(x) - h g'u - h^2/2 u'Hu|        = O(h^3)

    A wrong gradient leaves a remainder of order 1, a wrong Hessian one of order 2, however small the error is. Orders are
    fitted to the smallest steps whose remainder stands above the measured rounding of f; where none does, the
    polynomial is exact. An array is projected on a random cotangent. All inputs are moved together. At a kink (abs, relu or
    ties, a norm at 0) there is no polynomial and the test fails; the report then says so: give a smooth point.

    Args:
        f: takes as many arguments as there are inputs and returns one array.
        inputs: real arrays or Tensors, or nested tuples, lists and dicts of them; copied in double precision.
        step: the largest step, relative to each element's size (1 for zeros).
        rng: for the random direction and cotangent.

    Returns:
        A `TaylorReport` with `orders`, `steps`, `remainders`, and `plot(path)`.

    Raises:
        DTypeError: an input is not real.

    Source: Farrell, Ham, Funke and Rognes, Automated derivation of the adjoint of high-level transient finite element
    programs, SIAM J. Sci. Comput. 35 (2013), section 5.

    >>> import numpy as np, autograd_core as ag
    >>> report = ag.check.taylor_test(np.exp, np.array([0.3, -1.2]))
    >>> [round(order) for order in report.orders]
    [1, 2, 3]
    """
    rng = default_rng(rng)
    with enable_grad(), np.errstate(all="ignore"):  # steps may leave the domain of f
        return _report(title("taylor_test", f), Function(f, inputs, rng), step, rng)


def _report(headline: str, function: Function, step: float, rng: np.random.Generator) -> TaylorReport:
    if any(x.dtype.kind == "c" for x in function.point):
        raise DTypeError("taylor_test moves along real directions: give real inputs, or pass the real and imaginary parts")
    u = [random_like(x, rng) * sizes(x) for x in function.point]
    (first, low1), (second, low2) = _slopes(function, u, rng)

    def moved(t: float) -> Function:
        return function.at([x + t * d for x, d in zip(function.point, u, strict=True)])

    def value(t: float) -> Any:
        return function.value(moved(t).point)

    h = step * 2.0 ** -np.arange(40)
    change = np.array([pair(value(t) - function.output, function.cotangent) for t in h])
    floor = noise(value, step, function.cotangent, (2.0**-15, 2.0**-25, 2.0**-35)) + EPS * np.abs(change)
    # the derivatives themselves are rounded too
    floors = np.array([floor, floor + h * low1, floor + h * low1 + h**2 / 2 * low2])
    remainders = np.abs([change, change - h * first, change - h * first - h**2 / 2 * second])
    report = TaylorReport(headline, steps=h, remainders=remainders, floors=floors)
    for p, (name, r, low) in enumerate(zip(NAMES, remainders, floors, strict=True), 1):
        order, points = _fitted(h, r, ABOVE * low)
        report.rows.append(OrderRow(name, order, p, SLACK, points=points))
    curves = (None, (value, function.cotangent), (lambda t: np.asarray(dot(moved(t).gradients(), u)), 1.0))
    for row, curve in zip(report.rows, curves, strict=True):
        if not row.ok and curve is not None and one_sided(curve[0], step, curve[1]).kinked:
            row.note = "a kink here: give a smooth point"
        elif not row.ok and not abs(row.analytic - np.round(row.analytic)) <= SLACK:
            row.note = "no clear order: give another step="
    return report


def _slopes(function: Function, u: Sequence[Any], rng: np.random.Generator) -> list[tuple[float, float]]:
    """g'u and u'Hu, each with what rounding may make of it."""

    def derivatives(of: Function) -> tuple[list[Any], list[Any]]:
        scalar = lambda *arrays: np.sum(np.real(of(arrays) * np.conj(of.cotangent)))
        return of.gradients(), list(hvp(scalar, tuple(of.point), tuple(u)))

    def terms(side: list[Any]) -> float:
        return sum(float(np.sum(np.abs(a * b))) for a, b in zip(side, u, strict=True))

    found = []
    for order, (here, beside) in enumerate(zip(derivatives(function), derivatives(function.nearby(rng)), strict=True), 1):
        expected = function.natural(u, order) + terms(here)
        shaken = terms([a - b for a, b in zip(here, beside, strict=True)])
        found.append((dot(here, u), 8 * EPS * expected + (shaken if shaken <= VAGUE * expected else 0.0)))
    return found


def _fitted(h: Any, r: Any, low: Any) -> tuple[float, int]:
    """The slope of log r over log h for the smallest steps whose r stands above `low`, and how many they are."""
    if not np.isfinite(r).any():
        return np.nan, 0
    chosen = np.flatnonzero(np.isfinite(r) & (r > low))[-POINTS:]
    if chosen.size < 2:
        return np.inf, chosen.size
    return float(np.polyfit(np.log(h[chosen]), np.log(r[chosen]), 1)[0]), chosen.size
