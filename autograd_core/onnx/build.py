"""What rows write with: nodes, constants and sizes of an ONNX graph under construction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .agree import Pattern, Size

__all__ = ["ROWS", "Builder", "Value", "elementwise", "is_static", "row"]

Row = Callable[..., Any]
ROWS: dict[str, Row] = {}  # by the name of the engine's op, or of the NumPy function without a gradient


def row(*names: str) -> Callable[[Row], Row]:
    """Say how ops of these names are written: `(g, y, *arguments) -> name of the output`.

    g is the `Builder` and y the output's `Value`, of which shape and dtype are known. Arrays among the arguments are
    Values; static arguments are as the op was given them, with a `Size` where a number depends on the batch. An op
    whose output is a stack may give a list of names instead: one for each position of its first axis.

    >>> from autograd_core.onnx import row
    >>> @row("cube")  # an op of your own, made by custom_op("cube", ...)
    ... def cube(g, y, x):
    ...     return g.op("Mul", x, g.op("Mul", x, x))
    """

    def register(function: Row) -> Row:
        ROWS.update(dict.fromkeys(names, function))
        return function

    return register


def elementwise(*names: str) -> Callable[[Row], Row]:
    """As `row`, for `(g, *operands) -> name`, where operands are names of arrays of the output's dtype."""

    def register(function: Row) -> Row:
        row(*names)(lambda g, y, *xs: function(g, *[None if x is None else g.cast(x, y.dtype) for x in xs]))
        return function

    return register


def is_static(shape: Iterable[Any]) -> bool:
    """Whether no length depends on the batch."""
    return not any(isinstance(n, Size) for n in shape)


class Value:
    """An array of the graph: a constant, or the output of a node, an input, a parameter."""

    __slots__ = ("array", "dtype", "name", "parts", "shape")

    def __init__(self, shape: Sequence[Any], dtype: Any, name: str = "", array: Any = None) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.name = name
        self.array = array  # of a constant
        self.parts: list[str] = []  # of a stack that is not put together

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def safe(name: str) -> str:
    """A name that every reader of ONNX files takes: letters, digits and a few signs; the rest becomes '_'."""
    return re.sub(r"[^A-Za-z0-9_.\[\]/:-]", "_", name) or "_"


class Builder:
    """An ONNX graph under construction."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.dtype: Any = np.dtype(np.float32)  # of Python numbers among the inputs of a node
        self.layer = ""
        self.batch = ""  # name of the batch size, an array of one integer
        self._taken: dict[str, int] = {}  # names, and how many of each there are
        self._known: dict[Any, str] = {}

    def fresh(self, name: str) -> str:
        """This name, made safe, or one like it that is free."""
        found = name = safe(name)
        while found in self._taken:
            self._taken[name] += 1
            found = f"{name}_{self._taken[name]}"
        self._taken[found] = 1
        return found

    def op(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; gives the name of its output, or a list of names. Inputs are names, Values, arrays, numbers, None."""
        name = self.fresh(f"{self.layer}/{kind}" if self.layer else kind)
        made = [self.fresh(f"{name}:{k}") for k in range(outputs)]
        names = [self.name(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        self.nodes.append(self.onnx.helper.make_node(kind, names, made, name=name, **attributes))
        return made[0] if outputs == 1 else made

    def name(self, x: Any) -> str:
        """The name under which a node may read this."""
        if isinstance(x, str):
            return x
        if x is None:
            return ""
        if isinstance(x, Value):
            return x.name or self._named(x)
        if isinstance(x, Size):
            return self.op("Cast", self._scalar(x), to=self.code(self.dtype))
        return self.constant(x if isinstance(x, (np.ndarray, np.generic)) else np.asarray(x, self.dtype))

    def _named(self, x: Value) -> str:
        if x.parts:
            x.name = self.op("Concat", *[self.unsqueeze(part, [0]) for part in x.parts], axis=0)
        else:
            x.name = self.constant(x.array)
        return x.name

    def constant(self, array: Any, name: str = "constant", doc: str = "") -> str:
        """An array in the file; equal small ones once."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (name, array.dtype, array.shape, array.tobytes()) if array.size <= 16 else None
        if key is None or key not in self._known:
            found = self.fresh(name)
            tensor = self.onnx.numpy_helper.from_array(array, found)
            tensor.doc_string = doc.encode("utf-8", "backslashreplace").decode("utf-8")
            self.initializers[found] = tensor
            if key is None:
                return found
            self._known[key] = found
        return self._known[key]

    def code(self, dtype: Any) -> int:
        """ONNX's number of a dtype."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def cast(self, x: Any, dtype: Any) -> str:
        """The name of a Value (or number) in a dtype."""
        dtype = np.dtype(dtype)
        if isinstance(x, Value):
            if x.array is not None and x.dtype != dtype and not x.name:
                return self.constant(x.array.astype(dtype))
            return self.name(x) if x.dtype == dtype else self.op("Cast", x, to=self.code(dtype))
        before, self.dtype = self.dtype, dtype
        try:
            return self.name(x)
        finally:
            self.dtype = before

    # Sizes

    def _scalar(self, x: Size) -> str:
        return self.op("Squeeze", self._size(x), np.array([0]))

    def _size(self, x: Any) -> str:
        """A size as an array of one integer."""
        if not isinstance(x, Size):
            return self.constant(np.array([x], np.int64))
        if x not in self._known:
            name = self.batch
            if x.factor != 1:
                name = self.op("Mul", name, np.array([x.factor], np.int64))
            self._known[x] = self.op("Add", name, np.array([x.offset], np.int64)) if x.offset else name
        return self._known[x]

    def sizes(self, values: Sequence[Any]) -> str:
        """Sizes as an array of integers."""
        if is_static(values):
            return self.constant(np.array(values, np.int64))
        return self._size(values[0]) if len(values) == 1 else self.op("Concat", *map(self._size, values), axis=0)

    # What many rows need

    def reshape(self, x: Any, shape: Sequence[Any]) -> str:
        """The same elements in another shape."""
        unknown = [k for k, n in enumerate(shape) if isinstance(n, Size)]
        if len(unknown) == 1 and 0 not in shape:
            shape = [-1 if isinstance(n, Size) else n for n in shape]
        return self.op("Reshape", x, self.sizes(shape), **({"allowzero": 1} if 0 in shape else {}))

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        """The axes permuted."""
        return x if list(axes) == sorted(axes) else self.op("Transpose", x, perm=[int(axis) for axis in axes])

    def unsqueeze(self, x: Any, axes: Sequence[int]) -> Any:
        """Axes of length one put in."""
        return self.op("Unsqueeze", x, np.array(axes, np.int64)) if len(axes) else x

    def reduce(self, kind: str, x: Any, axes: Sequence[int], keepdims: Any = True) -> str:
        """A reduction; over no axes it changes nothing."""
        if not len(axes):
            return self.op("Identity", x)
        return self.op(f"Reduce{kind}", x, np.array(axes, np.int64), keepdims=int(keepdims is True))

    def pick(self, x: Any, number: Any, axis: int) -> str:
        """One place along an axis, without the axis."""
        return self.op("Gather", x, np.array(number, np.int64), axis=axis)

    def slice(self, x: Any, axis: int, start: int, stop: int) -> str:
        """A range of places along an axis."""
        return self.op("Slice", x, *[np.array([n], np.int64) for n in (start, stop, axis)])

    def where(self, condition: Any, a: Any, b: Any) -> str:
        """a where the condition holds, else b."""
        return self.op("Where", condition, a, b)

    def pattern(self, x: Pattern) -> Value:
        """A constant that grows with the batch."""
        base = self.constant(x.base)
        for axis, step in x.steps.items():
            if step:
                count = self.op("Range", *[np.int64(0), self._scalar(x.shape[axis]), np.int64(1)])
                count = self.op("Cast", count, to=self.code(x.base.dtype))
                behind = list(range(1, len(x.shape) - axis))
                base = self.op("Add", base, self.op("Mul", self.unsqueeze(count, behind), np.asarray(step, x.base.dtype)))
        return Value(x.shape, x.base.dtype, self.op("Expand", base, self.sizes(x.shape)))
