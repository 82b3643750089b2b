"""What a right gradient has besides its value: the same twice, linear in the cotangent, its input's dtype, its own memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import AutogradError
from ..tensor import Tensor, gradients
from .functions import Function, Rounding
from .numeric import random_like
from .report import Property

__all__ = ["properties"]

SINGLE = {"f": np.float32, "c": np.complex64}


class _Pass:
    """One recorded evaluation of the function, for as many backward passes as are wanted."""

    def __init__(self, function: Function, arrays: Sequence[Any]) -> None:
        self.arrays = arrays
        self.tensors = [Tensor(x, requires_grad=True) for x in arrays]
        self.output = function(self.tensors)

    def gradients(self, cotangent: Any) -> list[Any]:
        found = gradients(self.output, self.tensors, [cotangent], retain_graph=True, allow_unused=True)
        return [g if g is None else g.numpy() for g in found]


def properties(function: Function, rng: np.random.Generator) -> list[Property]:
    """Run the function a few times more, and look at what comes back."""
    first = _Pass(function, [x.copy() for x in function.point])
    if not isinstance(first.output, Tensor) or first.output._node is None:
        return []  # a constant has no gradient
    with np.errstate(all="ignore"):  # whatever is not finite has failed with its value
        return list(_properties(function, first, rng))


def _properties(function: Function, first: _Pass, rng: np.random.Generator) -> Iterator[Property]:
    g, names = function.cotangent, function.names
    output = first.output.numpy()
    before = output.copy()
    given = g.copy()
    found = first.gradients(given)

    second = _Pass(function, [x.copy() for x in function.point])
    repeated = _same(output, second.output.numpy()) and all(map(_same, found, second.gradients(g)))
    yield Property("deterministic", repeated, "" if repeated else "another value or gradient when called again")

    zero = [names[k] for k, c in enumerate(first.gradients(np.zeros_like(g))) if c is not None and np.any(c)]
    yield _about(zero, "zero cotangent gives zero", "not exactly zero")

    rounding = Rounding(function, found, rng)
    other = random_like(g, rng)
    parts, total = first.gradients(other), first.gradients(g + other)
    added = [a if a is None else a + b for a, b in zip(found, parts, strict=True)]
    size = [0.0 if a is None else np.max(np.abs(a) + np.abs(b), initial=0.0) for a, b in zip(found, parts, strict=True)]
    bent = [names[k] for k in range(len(names)) if not rounding.explains(k, added[k], total[k], size[k])]
    yield _about(bent, "linear in the cotangent", "gradients for v + w and for v and w do not add up")

    laid = _Pass(function, [_laid_out(x) for x in function.point]).gradients(g)
    differ = [names[k] for k in range(len(names)) if not rounding.explains(k, found[k], laid[k])]
    yield _about(differ, "strided, reversed, transposed inputs", "another gradient")

    wrong = _of_another_kind(found, function.point, names)
    try:
        single = [x.astype(SINGLE[x.dtype.kind]) for x in function.point]
        low = _Pass(function, single)
        wrong += _of_another_kind(low.gradients(g.astype(low.output.dtype)), single, names)
    except AutogradError as error:
        wrong.append(f"float32 refused ({error})")
    yield Property("dtype and shape, also of float32", not wrong, ", ".join(wrong))

    changed = [name for name, x, a in zip(names, function.point, first.arrays, strict=True) if not _same(x, a)]
    changed += ["the cotangent"] * (not _same(given, g)) + ["the output"] * (not _same(output, before))
    yield _about(changed, "nothing given is changed", "changed")

    arrays = [(f"gradient of {name}", c) for name, c in zip(names, found, strict=True) if c is not None]
    held = [*zip(names, first.arrays, strict=True), ("the cotangent", given), ("the output", output)]
    pairs = [*combinations(arrays, 2), *((a, b) for a in arrays for b in held)]
    shared = [f"{a} and {b}" for (a, x), (b, y) in pairs if np.may_share_memory(x, y) and np.shares_memory(x, y)]
    yield _about(shared, "no memory shared", "share memory")


def _about(who: list[str], name: str, trouble: str) -> Property:
    return Property(name, not who, f"{', '.join(who)}: {trouble}" if who else "")


def _same(a: Any, b: Any) -> bool:
    return (a is None) is (b is None) and (a is None or np.array_equal(a, b, equal_nan=True))


def _of_another_kind(found: list[Any], arrays: Sequence[Any], names: list[str]) -> list[str]:
    """Gradients that have not the dtype and shape of their input."""
    return [
        f"{name} is {x.dtype} of shape {x.shape}, its gradient {c.dtype} of shape {c.shape}"
        for name, x, c in zip(names, arrays, found, strict=True)
        if c is not None and (c.dtype != x.dtype or c.shape != x.shape)
    ]


def _laid_out(x: Any) -> Any:
    """The same values in memory with gaps, axes in another order, and the last one backwards."""
    out = np.empty((*x.shape[::-1], 2), x.dtype)[..., 0].T
    if x.ndim:
        out = out[..., ::-1]
    out[...] = x
    return out
