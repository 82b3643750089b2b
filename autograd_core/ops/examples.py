"""The doctests of rows: the value and the derivatives at a point of the domain, at the end of each docstring."""

from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np

from ..record import OPS

_POINTS = (np.float64(0.7), np.float64(2.0)), (np.float64(2.0), np.float64(3.0))  # arccosh begins at 1
_ONE = np.float64(1.0)


def add_examples(calls: Iterable[Any]) -> None:
    """Give an example to those of these functions that are rows, by the row itself; the tests ask the engine for the same."""
    with np.errstate(all="ignore"):
        for call in calls:
            op = OPS.get(call.__name__)
            if op is not None and op.call is call and ">>>" not in str(call.__doc__):
                call.__doc__ = f"{call.__doc__}{_example(op)}"


def _example(op: Any) -> str:
    one = len(op.rules) == 1
    for point in _POINTS:
        x = point[: len(op.rules)]
        y = op.forward(*x)
        numbers = [float(y), *[float(rule(_ONE, y, *x)) for rule in op.rules]]
        if all(map(isfinite, numbers)):
            break
    f, at = f"ag.{op.name}", ", ".join(map(str, x))
    code = f"ag.value_and_grad({f})({at})" if one else f"({f}({at}), *ag.grad({f}, argnums=(0, 1))({at}))"
    form = " ".join(["%.4f"] * len(numbers))
    return f"\n\n>>> import autograd_core as ag\n>>> \"{form}\" % {code}\n'{form % (*numbers,)}'"
