"""`hvpcheck`: Hessian-vector products against differences of gradients, against each other, and against symmetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, Literal, Self

import numpy as np

from ..errors import AutogradError, DTypeError, ShapeError
from ..graph import enable_grad
from ..randomness import default_rng
from ..transforms import hvp
from .compare import Comparison
from .functions import Function, Gradient, Rounding, title
from .gradients import symmetry
from .report import Property, Report, Row, naming_writes

__all__ = ["hvpcheck"]

Mode = Literal["reverse-over-reverse", "forward-over-reverse"]
MODES: tuple[Mode, ...] = ("reverse-over-reverse", "forward-over-reverse")


class _Product(Gradient):
    """The slope `<grad f, u>` of one number, whose gradient is the product H u of a mode."""

    mode: Mode = MODES[0]

    def by(self, mode: Mode) -> Self:
        """The same slope, differentiated in another mode."""
        moved = copy(self)
        moved.mode = mode
        return moved

    def gradients(self) -> list[Any]:
        """H u, times the cotangents of the slope and of f."""
        weight = self.cotangent * self.inner.cotangent.item()
        vectors = tuple(np.asarray(u) for u in self.directions)
        products = hvp(lambda *arrays: self.inner(arrays), tuple(self.point), vectors, mode=self.mode)
        return [weight * np.asarray(h) for h in products]


def hvpcheck(f: Callable[..., Any], *inputs: Any, step: float = 1e-2, rng: np.random.Generator | None = None) -> Report:
    """Compare Hessian-vector products of `f` with differences of its gradient, in both modes, and test their symmetry.

    For random u and v, the vectors `H u` of a mode are compared with the numeric derivative of `<grad f, u>` along a
    random direction for each input, and where that is wrong for each element; `v' H u` with `u' H v`; and the vectors
    of both modes with each other (where they agree, only the first is compared with differences). Steps, tolerances and
    kinks of the gradient are treated as by `gradcheck`.

    Args:
        f: takes as many arguments as there are inputs and returns one real number.
        inputs: real arrays or Tensors, or nested tuples, lists and dicts of them; copied in double precision.
        step: the largest step, relative to each element's size (1 for zeros).
        rng: for the random directions.

    Returns:
        A `Report`; the rows name the mode, and the input.

    Raises:
        DTypeError: an input or the output is not real.
        ShapeError: `f` returned more than one number.

    Source: Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.hvpcheck(lambda x: (x**4).sum(), np.array([1.0, 2.0])))
    True
    """
    rng = default_rng(rng)
    report = Report(title("hvpcheck", f))
    with enable_grad(), np.errstate(all="ignore"), naming_writes(report):  # steps may leave the domain of f
        function = Function(f, inputs, rng)
        if any(x.dtype.kind == "c" for x in (function.output, *function.point)):
            raise DTypeError("hvpcheck takes real inputs and a real output: pass the real and imaginary parts")
        if function.output.size != 1:
            raise ShapeError(f"a Hessian is that of one number; the function returned shape {function.output.shape}")
        _fill(report, function, step, rng)
    return report


def _fill(report: Report, function: Function, step: float, rng: np.random.Generator) -> None:
    one, other = _Product(function, rng), _Product(function, rng)
    before: list[Any] = []
    for mode in MODES:
        one, other = one.by(mode), other.by(mode)
        try:
            found = one.gradients()
            same = list(_agreement(one, before, found, rng)) if before else []
            if not same or not all(row.ok for row in same):  # else what differences say of one mode holds for both
                for k, name in enumerate(function.names):
                    where = f"u'Hv by differences, {mode}, {name}"
                    report.rows += Comparison(one, k, found[k], where, step, rng).check("direction")
            report.rows += [symmetry(one, found, other, rng, f", {mode}"), *same]
            before = found
        except AutogradError as refusal:
            report.properties.append(Property(mode, False, str(refusal)))


def _agreement(slope: _Product, first: list[Any], second: list[Any], rng: np.random.Generator) -> Iterator[Row]:
    """The vectors of both modes: for each input, the element where they differ most."""
    rounding = Rounding(slope, second, rng)
    for k, (name, a, b) in enumerate(zip(slope.names, first, second, strict=True)):
        if a.size:
            i = np.unravel_index(np.argmax(np.abs(a - b)), a.shape)
            tolerance = rounding.summation(k, float(np.max(np.abs(a) + np.abs(b))))
            row = Row(f"both modes, {name}", float(a[i]), float(b[i]), tolerance)
            if not row.ok:
                row.tolerance += rounding.of_inputs(k)
            yield row
