"""`hvpcheck`: Hessian-vector products against differences of gradients, against each other, and against symmetry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..errors import AutogradError
from ..randomness import default_rng
from ..tensor import Tensor, gradients
from ..transforms import hvp
from .functions import Function, title, zeros_where_unused
from .numeric import extrapolated, pair, random_like, sizes
from .report import Property, Report, Row

__all__ = ["dot", "hvpcheck"]

Mode = Literal["reverse-over-reverse", "forward-over-reverse"]
MODES: tuple[Mode, ...] = ("reverse-over-reverse", "forward-over-reverse")
RTOL, AGREEMENT = 1e-9, 1e-9


def dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The inner product of two lists of arrays."""
    return sum(pair(np.asarray(x), np.asarray(y)) for x, y in zip(a, b, strict=True))


def hvpcheck(f: Callable[..., Any], *inputs: Any, step: float = 1e-2, rng: np.random.Generator | None = None) -> Report:
    """Compare Hessian-vector products of `f` with differences of its gradient, in both modes, and test their symmetry.

    For random u and v, `u' H v` of each mode is compared with the numeric derivative of `<grad f(x + t v), u>` at t = 0
    and with `v' H u`, and the vectors `H v` of both modes with each other.

    Args:
        f: takes as many arguments as there are inputs and returns one real number.
        inputs: arrays or Tensors, or nested tuples, lists and dicts of them; copied, and converted to double precision.
        step: the largest step, relative to each element's size (1 for zeros).
        rng: for the random directions.

    Returns:
        A `Report`; the rows name the mode, and the input where the modes differ.

    Raises:
        DTypeError: an input or the output is not real.
        ShapeError: `f` returned more than one number.

    Source: Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.hvpcheck(lambda x: (x**4).sum(), np.array([1.0, 2.0])))
    True
    """
    rng = default_rng(rng)
    function = Function(f, inputs, rng)
    u, v = ([random_like(x, rng) * sizes(x) for x in function.point] for _ in range(2))
    numeric, error, _ = extrapolated(_slope(function, v, u), step / 1.5)
    report = Report(title("hvpcheck", f))
    products = []
    for mode in MODES:
        try:
            hv, hu = _product(function, v, mode), _product(function, u, mode)
        except AutogradError as refusal:
            report.properties.append(Property(mode, False, str(refusal)))
            continue
        products.append(hv)
        scale = float(np.sqrt(dot(hv, hv) * dot(u, u)))
        tolerance = 10 * error + RTOL * max(abs(numeric), 1e-3 * scale)
        report.rows.append(Row(f"u'Hv by differences, {mode}", dot(u, hv), numeric, tolerance))
        report.rows.append(Row(f"u'Hv = v'Hu, {mode}", dot(u, hv), dot(v, hu), AGREEMENT * scale))
    for name, one, other in zip(function.names, *products, strict=True) if len(products) == 2 else ():
        if one.size:
            i = np.unravel_index(np.argmax(np.abs(one - other)), one.shape)
            tolerance = AGREEMENT * float(np.max(np.abs(one) + np.abs(other)))
            report.rows.append(Row(f"both modes, {name}", float(other[i]), float(one[i]), tolerance))
    return report


def _slope(function: Function, v: Sequence[Any], u: Sequence[Any]) -> Callable[[float], Any]:
    """`<grad f(x + t v), u>` as a function of t."""

    def slope(t: float) -> Any:
        moved = [Tensor(x + t * d, requires_grad=True) for x, d in zip(function.point, v, strict=True)]
        found = gradients([function(moved)], moved, allow_unused=True)
        return np.asarray(dot(zeros_where_unused(found, moved), u))

    return slope


def _product(function: Function, vectors: Sequence[Any], mode: Mode) -> list[Any]:
    return list(hvp(lambda *arrays: function(arrays), tuple(function.point), tuple(vectors), mode=mode))
