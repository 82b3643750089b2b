"""What runs with different batch sizes have in common: the graph, with sizes that depend on the batch in place of numbers.

An argument that differs between runs in another way was computed from the inputs outside of the graph; it must not become
a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..anomaly import Source
from ..errors import ExportError
from .trace import Call, Origin, Ref, Trace

__all__ = ["Cast", "DifferError", "Pattern", "Size", "agreed"]


@dataclass(frozen=True)
class Size:
    """A number that depends on the batch size n: factor n + offset."""

    factor: int
    offset: int

    def __str__(self) -> str:
        factor = "" if self.factor == 1 else f"{self.factor}*"
        return f"{factor}batch" + (f"{self.offset:+d}" if self.offset else "")


@dataclass(frozen=True)
class Pattern:
    """A constant array repeated along the axes whose length depends on the batch, growing by a step from each to the next."""

    base: Any  # of length one along those axes
    steps: dict[int, Any]
    shape: tuple[Any, ...]


@dataclass(frozen=True)
class Cast:
    """A value of the trace in another dtype."""

    ref: Ref
    dtype: Any


class DifferError(Exception):
    """Why runs do not agree."""


class _Agreement:
    """Finds what the runs have in common."""

    def __init__(self, traces: Sequence[Trace], sizes: Sequence[int]) -> None:
        self.traces, self.sizes = traces, sizes
        self.made = 0  # how many values stand before what is looked at

    def of(self, values: Sequence[Any]) -> Any:
        """The common form of one argument."""
        values = [int(value) if isinstance(value, np.integer) else value for value in values]  # a number is no array
        first = values[0]
        kinds = {type(value) for value in values}
        if all(isinstance(value, (np.ndarray, np.generic)) for value in values):
            return self._array([np.asarray(value) for value in values])
        if len(kinds) > 1:
            shown = {"a value of the graph" if kind is Ref else f"a {kind.__name__}" for kind in kinds}
            raise DifferError(f"it is {' or '.join(sorted(shown))}")
        if isinstance(first, Ref):
            return self._same(values, "it comes from different ops")
        if isinstance(first, slice):
            return slice(*[self.of([getattr(v, part) for v in values]) for part in ("start", "stop", "step")])
        if isinstance(first, (tuple, list)):
            return self._sequence(values)
        if type(first) is int:
            return first if len({*values}) == 1 else self.size(values)
        if type(first) is float and all(value.is_integer() for value in values):
            return first if len({*values}) == 1 else self.size([int(value) for value in values])
        if isinstance(first, (str, bool, float, complex, np.dtype, type(None))):
            return self._same(values, f"it is {', '.join(map(repr, values))}")
        return first  # an object of ours that rows do not look at

    def _same(self, values: Sequence[Any], why: str) -> Any:
        if any(value != values[0] for value in values[1:]) and not all(map(_is_nan, values)):
            raise DifferError(why)
        return values[0]

    def _sequence(self, values: Sequence[Any]) -> Any:
        first = values[0]
        if len({len(value) for value in values}) > 1:
            raise DifferError("it has different lengths")
        parts = [self.of(part) for part in zip(*values, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)

    def size(self, values: Sequence[int]) -> Any:
        """The same integer, or one that is linear in the batch size."""
        if len({*values}) == 1:
            return int(values[0])
        (n, m), (v, w) = self.sizes[:2], values[:2]
        factor = (w - v) // (m - n) if m != n else 0
        if any(value != factor * (size - n) + v for value, size in zip(values, self.sizes, strict=True)):
            raise DifferError(f"it is {', '.join(map(str, values))}")
        return Size(int(factor), int(v - factor * n))

    def shape(self, shapes: Sequence[tuple[int, ...]]) -> tuple[Any, ...]:
        if len({len(shape) for shape in shapes}) > 1:
            raise DifferError(f"it has shapes {', '.join(map(str, shapes))}")
        return tuple(self.size(lengths) for lengths in zip(*shapes, strict=True))

    def _array(self, arrays: Sequence[Any]) -> Any:
        shape = self.shape([a.shape for a in arrays])
        varying = [axis for axis, n in enumerate(shape) if isinstance(n, Size)]
        found = _pattern(arrays, varying, shape)
        if found is None:
            return self._known(arrays)
        if varying and arrays[0].dtype.kind in "iub" and not any(found.steps.values()) and self._number(arrays) is not None:
            raise DifferError("it may be a constant or an input, all of whose elements are equal: give different ones")
        return found if varying else arrays[0]

    def _known(self, arrays: Sequence[Any]) -> Any:
        """A copy of a value of the runs."""
        number = self._number(arrays)
        if number is None:
            raise DifferError("it depends on the values of the inputs, or on the batch size in another way than a length")
        return Cast(Ref(number), arrays[0].dtype)

    def _number(self, arrays: Sequence[Any]) -> int | None:
        rows = enumerate(zip(*[trace.values[: self.made] for trace in self.traces], strict=True))
        return next((k for k, row in rows if all(map(_equal, row, arrays))), None)


def _is_nan(x: Any) -> bool:
    return isinstance(x, float) and math.isnan(x)


def _equal(value: Any, array: Any) -> bool:
    return np.shape(value) == array.shape and np.array_equal(value, array, equal_nan=array.dtype.kind == "f")


def _pattern(arrays: Sequence[Any], varying: list[int], shape: tuple[Any, ...]) -> Pattern | None:
    """A constant, along the varying axes repeated or counting; None if that is not what the arrays are."""
    longest = max(arrays, key=np.size)
    steps = {}
    base = longest[tuple(slice(0, 1) if axis in varying else slice(None) for axis in range(longest.ndim))]
    if varying and not base.size:
        return None
    for axis in varying:
        two = np.take(longest, [0, 1], axis) if longest.shape[axis] > 1 else None
        numeric = two is not None and two.dtype.kind in "iuf" and np.isfinite(two).all()
        steps[axis] = (np.diff(two, axis=axis).flat[0] if numeric else 0) if two is not None else 0
    for a in arrays:
        expected = np.broadcast_to(base, a.shape)
        for axis, step in steps.items():
            if step:
                count = np.arange(a.shape[axis], dtype=a.dtype)
                expected = expected + step * count.reshape(-1, *(1,) * (a.ndim - axis - 1))
        if not _equal(expected, a):
            return None
    return Pattern(base, steps, shape)


def agreed(
    traces: Sequence[Trace], sizes: Sequence[int], describe: Callable[[Call], str]
) -> tuple[list[Call | Origin], list[tuple[Any, ...]], Callable[[Sequence[Any]], Any]]:
    """The calls that all runs make, with their shapes, and the function that finds the common form of further values.

    Raises:
        ExportError: the runs differ in more than in sizes.
    """
    agreement = _Agreement(traces, sizes)
    makers: list[Call | Origin] = []
    shapes: list[tuple[Any, ...]] = []
    runs = [list(zip(trace.makers, trace.values, strict=True)) for trace in traces]
    for agreement.made, row in enumerate(zip(*runs, strict=False)):
        first = row[0][0]
        if any(type(m) is not type(first) or m[0] != first[0] for m, _ in row):
            raise ExportError(_branches(first, row[-1][0], describe))
        if isinstance(first, Call):
            makers.append(_common(agreement, [m for m, _ in row], describe))
        else:
            makers.append(first if first.kind == "input" else _parameter(agreement, first, [value for _, value in row]))
        try:
            shapes.append(agreement.shape([np.shape(value) for _, value in row]))
        except DifferError as error:
            what = describe(first) if isinstance(first, Call) else f"{first.kind} '{first.name}'"
            raise ExportError(f"the shape of {what} depends on values ({error}): use where(condition, a, b)") from None
    if len({len(run) for run in runs}) > 1:
        counts = ", ".join(f"{len(run)} (batch of {n})" if n > 1 else f"{len(run)}" for run, n in zip(runs, sizes, strict=True))
        raise ExportError(
            f"the function does not do the same in every run: it has {counts} values. A loop over the samples, or a decision "
            "by their values, cannot be exported: compute on whole batches, use where(condition, a, b), or pass "
            "batch_axis=None for a graph of this batch size."
        )
    agreement.made = len(makers)
    return makers, shapes, agreement.of


def _branches(a: Call | Origin, b: Call | Origin, describe: Callable[[Call], str]) -> str:
    shown = " and ".join(describe(m) if isinstance(m, Call) else f"the {m.kind} '{m.name}'" for m in (a, b))
    return (
        f"the function takes different paths for different inputs: {shown}. A graph has one path: use where(condition, a, b) "
        "instead of `if`, or give example inputs for which the path is the one to export."
    )


def _parameter(agreement: _Agreement, origin: Origin, values: list[Any]) -> Call | Origin:
    """A parameter is the same in every run; a tensor that the function makes may grow with the batch."""
    try:
        found = agreement.of([np.asarray(value) for value in values])
    except DifferError as error:
        raise ExportError(
            f"'{origin.name}', a tensor that requires a gradient, is not the same in every run ({error}): the function makes "
            "it anew, from random numbers or from values of the inputs, which is not part of a graph"
        ) from None
    return origin if isinstance(found, np.ndarray) else Call("identity", (found,), {}, "", Source("", 0, ""))


def _common(agreement: _Agreement, calls: list[Call], describe: Callable[[Call], str]) -> Call:
    arguments = []
    for k, values in enumerate(zip(*[call.arguments for call in calls], strict=True)):
        try:
            arguments.append(agreement.of(values))
        except DifferError as error:
            raise ExportError(
                f"argument {k} of {describe(calls[0])} is not the same in every run ({error}), and was not recorded as "
                "computed from the inputs. Random numbers, training mode, no_grad(), t.detach(), t.numpy(), sorting and plain "
                "NumPy on an input's values are not part of a graph."
            ) from None
    return calls[0]._replace(arguments=tuple(arguments))
