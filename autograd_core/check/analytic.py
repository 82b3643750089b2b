"""Which functions the complex step may be used for: asked of every recorded op, at the values that it was given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..anomaly import Watched, detect_anomaly
from ..graph import topological_order
from ..tensor import Tensor
from .numeric import STEP

__all__ = ["is_analytic"]

SPACING, AGREEMENT = 1e-6, 1e-3  # only told apart here: a factor of 1 from a factor of 0 or -1


def is_analytic(f: Callable[[list[Tensor]], Any], point: Sequence[Any], directions: Sequence[Any]) -> bool:
    """Whether every op that `f` records there continues to complex values with the same derivative.

    `f` is recorded at `x + ih u`. Each op then holds arguments `a + ih b`, and its forward function has to give
    `f(a) + ih f'(a) b`: for real `a` a real value, and an imaginary part that agrees with the difference of
    `f(a + t b)`. That is the Cauchy-Riemann equation along `b`, and no list of names: user's ops pass it as well.
    """
    if any(x.dtype.kind == "c" for x in point):
        return False
    with warnings.catch_warnings(), np.errstate(all="ignore"), detect_anomaly(check_nan=False):
        # what takes the real part says so; it does not continue, which is the answer
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        try:
            leaves = [Tensor(x + 1j * STEP * u, requires_grad=True) for x, u in zip(point, directions, strict=True)]
            y = f(leaves)
            nodes = topological_order([y._node]) if isinstance(y, Tensor) and y._node is not None else []
            return bool(nodes) and all(_continues(node.op) for node in nodes if isinstance(node.op, Watched))
        except Exception:  # noqa: BLE001  code that cannot take complex numbers may object in any way
            return False


def _continues(op: Watched) -> bool:
    if op.original.forward is None:  # a checkpoint
        return False
    moving = [isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "c" for x in op.arguments]
    reals = [np.real(x) if m else x for x, m in zip(op.arguments, moving, strict=True)]
    ways = [np.imag(x) / STEP if m else None for x, m in zip(op.arguments, moving, strict=True)]
    value = np.asarray(op.original.forward(*reals))
    y = np.asarray(op.output)
    if value.dtype.kind != "f" or not np.array_equal(np.isfinite(value), np.isfinite(y)):
        return False

    def shifted(t: float) -> Any:
        return op.original.forward(*(x if b is None else x + t * b for x, b in zip(reals, ways, strict=True)))

    difference = (shifted(SPACING) - shifted(-SPACING)) / (2 * SPACING)
    slope = np.imag(y) / STEP
    return bool(
        np.allclose(np.real(y), value, rtol=1e-9, atol=1e-12)
        and np.allclose(slope, difference, rtol=AGREEMENT, atol=AGREEMENT * np.max(np.abs(difference), initial=1e-6))
    )
