"""The runs of a function: on its example inputs, and on batches of other sizes with other values."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from ..errors import ExportError, ShapeError
from ..randomness import default_rng
from ..tensor import Tensor, wrap
from ..tree import flatten, paths
from .build import ROWS
from .trace import Trace, memory_of

__all__ = ["Function", "Run"]


class Run(NamedTuple):
    """One evaluation: what was recorded, the inputs, and the outputs with what the trace knows of them."""

    trace: Trace
    inputs: list[Any]
    outputs: list[Any]
    resolved: list[Any]
    names: list[str]


class Function:
    """The function with its example inputs."""

    def __init__(self, f: Any, example: Any, batch_axis: Any, names: Sequence[str] | None) -> None:
        self.f = f
        self.modules = _modules(f)
        self.keywords = isinstance(example, dict)
        self.arguments: Any = example if isinstance(example, (dict, tuple)) else (example,)
        self.leaves, self.rebuild = flatten(self.arguments)
        self.places = [k for k, x in enumerate(self.leaves) if hasattr(x, "dtype") and hasattr(x, "shape")]
        self.inputs = [np.asarray(x._data if isinstance(x, Tensor) else x) for x in (self.leaves[k] for k in self.places)]
        if not self.inputs:
            raise ExportError("export_onnx needs example inputs that are arrays; lists of numbers stay constants")
        wrong = [x.dtype for x in self.inputs if x.dtype.kind not in "fiub" or x.dtype.itemsize > 8]
        if wrong:
            raise ExportError(f"the inputs of a graph are real numbers, integers or booleans; got {wrong[0]}")
        given = [*names] if names is not None else [self._names()[k] for k in self.places]
        if len(given) != len(self.inputs):
            raise ExportError(f"input_names: one for each of {len(self.inputs)} inputs; got {len(given)}")
        self.names = given
        self.axes = self._axes(batch_axis)
        self.sizes = self._sizes()

    def _names(self) -> list[str]:
        if self.keywords:
            return [name for key, tree in self.arguments.items() for name in paths(tree, str(key))]
        try:
            parameters = list(inspect.signature(getattr(self.f, "forward", self.f)).parameters.values())
        except (TypeError, ValueError):  # a function written in C
            parameters = []
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        roots = [named[k] if k < len(named) else f"input_{k}" for k in range(len(self.arguments))]
        return [name for root, tree in zip(roots, self.arguments, strict=True) for name in paths(tree, root)]

    def _axes(self, batch_axis: Any) -> list[int | None]:
        several = isinstance(batch_axis, Sequence)
        axes = [*batch_axis] if several else [batch_axis] * len(self.inputs)
        if len(axes) != len(self.inputs):
            raise ShapeError(f"batch_axis: one for each of {len(self.inputs)} inputs; got {len(axes)}")
        axes = [axis if several or x.ndim else None for axis, x in zip(axes, self.inputs, strict=True)]
        for axis, x, name in zip(axes, self.inputs, self.names, strict=True):
            if axis is not None and not -x.ndim <= axis < x.ndim:
                raise ShapeError(f"batch_axis {axis} of input '{name}', which has shape {x.shape}")
        return [None if axis is None else axis % x.ndim for axis, x in zip(axes, self.inputs, strict=True)]

    def _sizes(self) -> list[int]:
        found = {name: x.shape[a] for name, a, x in zip(self.names, self.axes, self.inputs, strict=True) if a is not None}
        if len({*found.values()}) > 1:
            shown = ", ".join(f"'{name}' has {n}" for name, n in found.items())
            raise ShapeError(f"the inputs have different batch sizes ({shown}): give batch_axis for each, None where none is")
        n = max(next(iter(found.values()), 0), 2)  # one or no sample cannot be told from an axis that broadcasts
        return [n, n + 1, n + 3] if found else [1, 1, 1]

    def runs(self) -> list[Run]:
        """Evaluate on the example, and on batches of other sizes with other values."""
        random = deepcopy(default_rng().bit_generator.state)
        with ExitStack() as stack:
            for module in self.modules.values():
                stack.enter_context(_for_inference(module))
            try:
                return [self._run(k) for k in range(len(self.sizes))]
            finally:
                default_rng().bit_generator.state = random

    def _run(self, k: int) -> Run:
        trace = Trace(ROWS, self.parameters())
        inputs = [_varied(x, axis, self.sizes[k], k) for x, axis in zip(self.inputs, self.axes, strict=True)]
        given, tensors = [*self.leaves], []
        for place, name, x in zip(self.places, self.names, inputs, strict=True):
            if x.dtype.kind == "f":
                tensors.append(wrap(x[()], leaf=True))
                trace.add_input(name, tensors[-1]._data, tensors[-1]._node)
                given[place] = tensors[-1]
            else:
                given[place] = trace.add_input(name, x)
        arguments = self.rebuild(given)
        with trace.running(self.modules):
            result = self._called(arguments, k)
        outputs, _ = flatten(result)
        wrong = [x for x in outputs if not (hasattr(x, "dtype") and hasattr(x, "shape"))]
        if wrong:
            raise ExportError(f"the function returned a {type(wrong[0]).__name__}: the outputs of a graph are arrays")
        resolved = [trace.resolved(x) for x in outputs]
        return Run(trace, inputs, [np.asarray(_value(x)) for x in outputs], resolved, paths(result, "output"))

    def _called(self, arguments: Any, k: int) -> Any:
        given, named = ((), arguments) if self.keywords else (arguments, {})
        if not k:
            return self.f(*given, **named)
        try:
            with np.errstate(all="ignore"):
                return self.f(*given, **named)
        except Exception as error:
            raise ExportError(
                f"the function runs on a batch of {self.sizes[0]}, and not on one of {self.sizes[k]} with other values: "
                f"{error}. Take sizes from x.shape; or pass batch_axis=None for a graph of this batch size, if it is the size."
            ) from error

    def parameters(self) -> dict[Any, str]:
        """Names of parameters and buffers, by their memory."""
        return {
            memory_of(tensor._data): name
            for prefix, module in self.modules.items()
            for held in (module.named_buffers(), module.named_parameters())
            for name, tensor in _prefixed(prefix, held)
        }


def _modules(f: Any) -> dict[str, Any]:
    """The modules that take part, by name: f itself, or those that it or its object refers to."""
    holder = getattr(f, "__self__", f)
    if _is_module(holder):
        return {"": holder}
    try:
        found = inspect.getclosurevars(inspect.unwrap(f))
    except TypeError:  # no Python function
        return {}
    named = {**found.globals, **found.nonlocals, **getattr(holder, "__dict__", {})}
    return {name: value for name, value in named.items() if _is_module(value)}


def _is_module(x: Any) -> bool:
    if isinstance(x, type) or not hasattr(x, "named_modules"):
        return False
    return all(isinstance(parameter, Tensor) for parameter in x.parameters())


def _prefixed(prefix: str, named: Any) -> Iterator[tuple[str, Any]]:
    return ((f"{prefix}.{name}" if prefix else name, value) for name, value in named)


def _value(x: Any) -> Any:
    while hasattr(x, "_data"):
        x = x._data
    return x


def _varied(x: Any, axis: int | None, size: int, k: int) -> Any:
    """An input of another batch size and, but for k = 0, with other values of the same range in another order."""
    if axis is not None:
        x = x.take(np.arange(size) % x.shape[axis], axis) if x.shape[axis] else np.zeros_like(x, shape=_resized(x, axis, size))
    if not k or not x.size:
        return np.array(x)
    rng = np.random.default_rng(k)
    if x.dtype.kind == "b":
        return rng.random(x.shape) < 0.5
    if x.dtype.kind in "iu":
        low, high = int(x.min()), int(x.max())
        return rng.integers(low - (low == high > 0), high, x.shape, x.dtype, endpoint=True)
    noise = rng.uniform(0.01, 0.1, x.shape)
    x = np.flip(x) if k == 1 else rng.permutation(x.reshape(-1)).reshape(x.shape)
    return np.where(x == 0, noise, x * (1 + noise)).astype(x.dtype)


def _resized(x: Any, axis: int, size: int) -> tuple[int, ...]:
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


@contextmanager
def _for_inference(module: Any) -> Iterator[None]:
    """Evaluation mode; parameters that are not trained are recorded too. Put back at the end."""
    modes = [(layer, layer.training) for layer in module.modules()]
    frozen = [p for p in module.parameters() if not p.requires_grad and p.dtype.kind == "f"]
    module.eval()
    try:
        for parameter in frozen:
            parameter.requires_grad = True
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad = False
        for layer, training in modes:
            layer.training = training
