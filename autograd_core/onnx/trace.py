"""What one run of a function does, as a list of calls: recorded by the hook that sees every new node.

A value is known by its node, or by its memory: plain arrays that were computed from inputs (masks, token numbers) are
`Traced`, and what NumPy does to them is recorded too.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, NamedTuple, Self

import numpy as np

from .. import record
from ..anomaly import Source, is_ours
from ..graph import Node, Watcher, modes

__all__ = ["Call", "Origin", "Ref", "Trace", "Traced", "memory_of"]


class Ref(NamedTuple):
    """A value of the trace, by its number."""

    number: int


class Origin(NamedTuple):
    """A value that no call made: an input of the graph, or a parameter."""

    kind: str
    name: str


class Call(NamedTuple):
    """One op applied to values and static arguments, by a layer (or "") in a line of the user's program."""

    op: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    layer: str
    source: Source


def memory_of(x: Any) -> Any:
    """What identifies an array while it lives: two views of the same elements are the same value."""
    if isinstance(x, np.ndarray) and x.size:
        return x.__array_interface__["data"][0], x.shape, x.strides, x.dtype.str
    return id(x)


def _is_inside_an_op(frame: Any) -> bool:
    """Whether an op's forward function is running: what it does inside is not part of the graph, the op is."""
    frame = frame.f_back if frame.f_code.co_filename == record.__file__ else frame  # the op itself, of plain arrays
    while frame is not None and frame.f_code.co_filename != record.__file__:
        frame = frame.f_back
    return frame is not None


_FUNCTIONS = {np.where, np.broadcast_to, np.any, np.all, np.argmax, np.argmin}  # whose arguments are those of rows


class Traced(np.ndarray):
    """Numbers or truth values that were computed from inputs of the graph and carry no gradient."""

    _trace: Trace | None

    def __array_finalize__(self, obj: Any) -> None:
        self._trace = getattr(obj, "_trace", None)

    def _recorded(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any], y: Any) -> Any:
        if self._trace is None or _is_inside_an_op(sys._getframe(2)):
            return y
        return self._trace.computed(name, arguments, options, y)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(hasattr(x, "_data") for x in inputs):
            return NotImplemented  # a Tensor's turn
        out = options.pop("out", None)
        into = {} if out is None else {"out": tuple(_stripped(out))}
        y = getattr(ufunc, method)(*_stripped(inputs), **options, **into)
        if method != "__call__" or options:
            return y
        return self._recorded(ufunc.__name__, inputs, {}, y)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(hasattr(kind, "_node") for kind in types):
            return NotImplemented
        y = func(*_stripped(args), **{name: _strip(value) for name, value in kwargs.items()})
        return self._recorded(func.__name__, args, kwargs, y) if func in _FUNCTIONS else y

    def __getitem__(self, index: Any) -> Any:
        y = _strip(self)[index]
        return self._recorded("getitem", (self, index), {}, y)

    def astype(self, dtype: Any, **options: Any) -> Any:  # type: ignore[override]
        """As that of an array."""
        if np.dtype(dtype) == self.dtype and options.get("copy") is False:
            return self
        return self._recorded("astype", (self, np.dtype(dtype)), {}, _strip(self).astype(dtype, **options))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """As that of an array."""
        y = _strip(self).reshape(*shape, **options)
        return self._recorded("reshape", (self, y.shape, options.get("order", "C")), {}, y)

    def transpose(self, *axes: Any) -> Any:
        """As that of an array."""
        y = _strip(self).transpose(*axes)
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return self._recorded("transpose", (self, order), {}, y)

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        """As that of an array."""
        return self.transpose()

    def numpy(self) -> Any:
        """The array itself, for functions that were written for a Tensor."""
        return self

    def __bool__(self) -> bool:
        return self._looked_at(bool)

    def __int__(self) -> int:
        return self._looked_at(int)

    def __float__(self) -> float:
        return self._looked_at(float)

    def __index__(self) -> int:
        return _strip(self).__index__() if self.ndim else self._looked_at(int)

    def _looked_at(self, kind: Any) -> Any:
        if self._trace is not None:
            self._trace.computed(kind.__name__, (self,), {}, self)
        return kind(_strip(self))

    def any(self, *args: Any, **kwargs: Any) -> Any:
        """As that of an array."""
        return np.any(self, *args, **kwargs)

    def all(self, *args: Any, **kwargs: Any) -> Any:
        """As that of an array."""
        return np.all(self, *args, **kwargs)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """As that of an array."""
        y = _strip(self).sum(axis=axis, dtype=dtype, keepdims=keepdims)
        return self._recorded("sum", (self, axis, keepdims), {}, y)


def _strip(x: Any) -> Any:
    if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
        return type(x)(_stripped(x))
    return x.view(np.ndarray) if isinstance(x, Traced) else x


def _stripped(values: Iterable[Any]) -> list[Any]:
    return [_strip(x) for x in values]


class Trace(Watcher):
    """The calls of one run: a watch, which the recorders call for each new node, and Tensor for each comparison.

    Attributes:
        values: every value, by number; they are kept, so that no memory is used twice.
        makers: what made each value: a `Call`, or an `Origin` for inputs and parameters.
    """

    wants_compositions = True

    def __init__(self, known: Collection[str], names: Mapping[Any, str]) -> None:
        self.known = known  # functions of plain arrays that can be written down
        self.names = names  # of parameters, by memory
        self.values: list[Any] = []
        self.makers: list[Call | Origin] = []
        self.layers: list[str] = []
        self._nodes: dict[Node, int] = {}
        self._memory: dict[Any, int] = {}
        self._on = False

    def __call__(self, node: Node, arguments: tuple[Any, ...], output: Any) -> None:
        if output is None:  # a checkpoint's own node: what is inside it was seen
            return
        known = self._memory.get(memory_of(output)) if node.op.name == "checkpoint_output" else None  # type: ignore[union-attr]
        if known is None:
            pairs = zip_longest(arguments, node.parents)
            known = self._add(self._call(node.op.name, [self.resolved(*pair) for pair in pairs], {}), output)  # type: ignore[union-attr]
        self._nodes[node] = known

    def computed(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any], y: Any) -> Any:
        """Record a function of plain arrays if one of them is of this run; gives its result back, as a Traced array."""
        if not self._on:  # an array that the function kept, used after the run
            return y
        found = [self.resolved(x) for x in arguments]
        if name in ("bool", "int", "float") and isinstance(found[0], Ref):
            self._warn()
        if name not in self.known or not isinstance(y, (np.ndarray, np.generic)) or isinstance(y, Traced):
            return y
        if not any(isinstance(x, Ref) for x in found):
            return y
        y = np.asarray(y)  # NumPy has one True and one False, which say nothing about where they come from
        self._add(self._call(name, found, dict(options)), y)
        return self._marked(y)

    def _warn(self) -> None:
        """Say that the program decides by a value, if it does: layers of ours do so where it changes no result."""
        if not is_ours(sys._getframe(4).f_code.co_filename):
            warnings.warn(
                "export_onnx: this decides by the value of an input, and the graph will always go the way that it goes now. "
                "Use where(condition, a, b).",
                stacklevel=5,
            )

    def add_input(self, name: str, x: Any, node: Node | None = None) -> Any:
        """Make an array an input of the graph; gives the array to call the function with."""
        number = self._add(Origin("input", name), x)
        if node is not None:
            self._nodes[node] = number
        return self._marked(x)

    def resolved(self, x: Any, node: Node | None = None) -> Any:
        """An argument with references in place of the values of this run, also inside of tuples, lists and slices."""
        if node is not None and node in self._nodes:
            return Ref(self._nodes[node])
        if isinstance(x, (np.ndarray, np.generic)):
            return self._resolved_array(x, node)
        if hasattr(x, "_data"):
            return self.resolved(x._data, getattr(x, "_node", None))
        if isinstance(x, slice):
            return slice(*[self.resolved(part) for part in (x.start, x.stop, x.step)])
        if isinstance(x, (tuple, list)):
            parts = [self.resolved(part) for part in x]
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        return x

    def _resolved_array(self, x: Any, node: Node | None) -> Any:
        known = self._memory.get(memory_of(x))
        if known is None and node is not None and node.op is None:
            tensor = node.saved()
            name = self.names.get(memory_of(x)) or getattr(tensor, "name", None) or "parameter"
            known = self._nodes[node] = self._add(Origin("parameter", name), x)
        return _strip(x) if known is None else Ref(known)

    def _call(self, name: str, arguments: list[Any], options: dict[str, Any]) -> Call:
        return Call(name, tuple(arguments), options, self.layers[-1] if self.layers else "", Source.here())

    def _add(self, maker: Call | Origin, value: Any) -> int:
        value = _strip(value)
        self._memory[memory_of(value)] = number = len(self.values)
        self.values.append(value)
        self.makers.append(maker)
        return number

    def _marked(self, y: Any) -> Any:
        if not isinstance(y, np.ndarray):
            return y
        marked = y.view(Traced)
        marked._trace = self
        return marked

    @contextmanager
    def running(self, modules: Mapping[str, Any]) -> Iterator[Self]:
        """Watch what this thread records, and which layer of these modules is running."""
        before = modes.watch, modes.recording
        layers = [(name, layer) for prefix, module in modules.items() for name, layer in module.named_modules(prefix)]
        hooks = [hook for name, layer in layers for hook in self._hooks(name, layer)]
        modes.watch, modes.recording, self._on = self, None, True
        try:
            yield self
        finally:
            modes.watch, modes.recording = before
            self._on = False
            for hook in hooks:
                hook.remove()

    def _hooks(self, name: str, layer: Any) -> Iterator[Any]:
        here = threading.get_ident()  # other threads may use the module meanwhile

        def enter(*_: Any) -> None:
            if threading.get_ident() == here:
                self.layers.append(name)

        def leave(*_: Any) -> None:
            if threading.get_ident() == here:
                self.layers.pop()

        yield layer.register_forward_pre_hook(enter)
        yield layer.register_forward_hook(leave)
