"""`gradcheck`: gradients of first and second order against numbers that come from values alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..graph import enable_grad
from ..randomness import default_rng
from .analytic import is_analytic
from .compare import Comparison
from .contract import properties
from .functions import Function, Gradient, title
from .numeric import EPS, dot, random_like, size
from .report import Report, Row, naming_writes

__all__ = ["gradcheck", "symmetry"]

SYMMETRY = 1e-9


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    mode: Literal["direction", "full"] = "direction",
    step: float = 1e-2,
    rng: np.random.Generator | None = None,
) -> Report:
    """Compare the gradient of `f` with numbers that come from values alone, and test what else a gradient has to be.

    With a random cotangent v and direction u, `<v, f(x + t u)>` is differentiated at t = 0 by extrapolated differences
    and compared with `<J' v, u>`; the tolerance is the error that the extrapolation estimates for itself. Where every op
    that `f` records is analytic at its values, the complex step takes over, which is exact to rounding. If a direction
    fails, every element is checked and the wrong ones are listed (of more than a thousand, a sample). At a kink the value
    has to lie between the slopes of both sides, and the shares of tied elements have to add up.

    Then, at the same point: values and gradients are the same a second time; linear in the cotangent and zero for a zero
    one; the same for inputs in another memory layout; of the dtype and shape of their inputs, also in single precision;
    nothing that was given or returned is changed, and no gradient shares memory with anything else.

    The function has to compute in double precision throughout. One direction weighs large and small elements
    together: `mode="full"` checks each element alone, with a step in proportion to its own size.

    Args:
        f: takes as many arguments as there are inputs and returns one array.
        inputs: arrays or Tensors, or nested tuples, lists and dicts of them; copied, and converted to double precision.
        order: 2 checks the gradient of `<J' v, w>` as well, which is the second derivative, and its symmetry.
        mode: "direction", or "full" for one row per element.
        step: the largest step, relative to an element's size (1 for zeros); must stay inside f's domain.
        rng: for the random direction and cotangent.

    Returns:
        A `Report`: truthy on success, a table when printed, `raise_if_failed()`.

    Raises:
        DTypeError: an input or the output is not real or complex, or `f` computes in single precision.
        ShapeError: `f` returned several outputs.

    Source: Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982).

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.gradcheck(np.tanh, np.array([0.1, 2.0]), order=2))
    True
    """
    report = Report(title("gradcheck", f))
    with enable_grad(), np.errstate(all="ignore"), naming_writes(report):  # steps may leave the domain of f
        _fill(report, f, inputs, order, mode, step, default_rng(rng))
    return report


def _fill(
    report: Report, f: Callable[..., Any], inputs: Sequence[Any], order: int, mode: str, step: float, rng: np.random.Generator
) -> None:
    function = first = Function(f, inputs, rng)
    sharp = is_analytic(function, function.point, [random_like(x, rng) * size(x) for x in function.point])
    for level in range(1, order + 1):
        if level > 1:
            function = second = Gradient(first, rng)
        found = function.gradients()
        for k, name in enumerate(function.names):
            where = name + (f", order {level}" if order > 1 else "")
            report.rows += Comparison(function, k, found[k], where, step, rng, sharp and level == 1).check(mode)
    if order > 1:
        report.rows.append(symmetry(second, found, Gradient(first, rng), rng))
    report.properties += properties(first, rng)


def symmetry(one: Gradient, found: list[Any], other: Gradient, rng: np.random.Generator, suffix: str = "") -> Row:
    """u'Hv against v'Hu, for the directions of two slopes of one function; `found` is the gradient of the first slope."""
    row = Row(
        "u'Hv = v'Hu" + suffix,
        dot(found, other.directions) * float(other.cotangent),
        dot(other.gradients(), one.directions) * float(one.cotangent),
        SYMMETRY * sum(float(np.sum(np.abs(h * u))) for h, u in zip(found, other.directions, strict=True))
        + 10 * EPS * (one.natural(other.directions) + other.natural(one.directions)),
    )
    if not row.ok:  # more than summation explains: what does the last bit of the inputs do?
        moved = [np.max(np.abs(a - b), initial=0.0) for a, b in zip(one.nearby(rng).gradients(), found, strict=True)]
        row.tolerance += 100 * sum(float(m * np.sum(np.abs(u))) for m, u in zip(moved, other.directions, strict=True))
    return row
