"""`export_onnx`: a function is run a few times, what the runs have in common becomes the graph."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ExportError, ShapeError
from ..extras import need
from ..randomness import default_rng
from ..tensor import Tensor, wrap
from ..tree import flatten, paths
from ..version import __version__
from .agree import Cast, DifferError, Pattern, Size, agreed
from .build import ROWS, Builder, Value, is_static
from .refused import NOT_EXPORTED
from .trace import Call, Origin, Ref, Trace, memory_of

__all__ = ["export_onnx"]

_OPSET, _IR = 20, 9  # read by onnxruntime since 1.17
_LARGEST = 2**31 - 2**16  # bytes in one protobuf file


def export_onnx(
    f: Callable[..., Any],
    example_inputs: Any,
    path: str | Path,
    *,
    batch_axis: int | Sequence[int | None] | None = 0,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    verify: bool = True,
) -> Path:
    """Write a function or module as an ONNX file for inference, which other programs run.

    The function is recorded while it runs on the example inputs, and twice more on batches of other sizes and values: what
    depends on the batch size stays variable in the file, and what else differs between the runs without having been
    recorded is refused, so that no value of the example is baked into the file. Modules (f, or what f refers to) run in
    evaluation mode, and are put back as they were; parameters keep the names of the state dict.

    Args:
        f: a function of arrays that returns arrays (in tuples, lists, dicts), or a module.
        example_inputs: one array; or a tuple of positional arguments; or a dict of keyword arguments. Arrays in them (also
            nested, as states (h, c)) become the inputs of the graph, other values stay as they are. Integers, such as
            numbers of words, are inputs too.
        path: of the file; an old one is replaced once the new one is complete.
        batch_axis: the axis of the inputs whose length may change; a sequence gives one for each input, None where there is
            none. None alone: the graph is for this batch size only.
        input_names: of the graph's inputs; by default those of the parameters of f.
        output_names: of its outputs; "output", "output[0]" ... by default.
        verify: where onnxruntime is installed, run the file on the inputs of all runs and compare.

    Returns:
        The path.

    Raises:
        ExportError: an op has no ONNX form (the message names op, layer and line), a value was not recorded, the graph
            depends on the values of the inputs, or the file does not give the function's results.
        ShapeError: the inputs have different batch sizes.
        MissingExtraError: the package onnx is not installed.

    >>> import tempfile, pathlib, numpy as np, autograd_core as ag
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "f.onnx"
    >>> ag.export_onnx(lambda x: np.tanh(x).sum(axis=1), np.ones((4, 3)), path).name
    'f.onnx'
    """
    onnx = need("onnx", "onnx")
    path = Path(path)
    function = _Function(f, example_inputs, batch_axis, input_names)
    runs = function.runs()
    model = _Writer(onnx, function, runs).model(output_names)
    data = _serialized(onnx, model)
    if verify and importlib.util.find_spec("onnxruntime"):
        _compare(importlib.import_module("onnxruntime"), data, runs)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


class _Run(NamedTuple):
    """One evaluation: what was recorded, the inputs, and the outputs with what the trace knows of them."""

    trace: Trace
    inputs: list[Any]
    outputs: list[Any]
    resolved: list[Any]
    names: list[str]


class _Function:
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
        wrong = [x.dtype for x in self.inputs if x.dtype.kind not in "fiub"]
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

    def runs(self) -> list[_Run]:
        """Evaluate on the example, and on batches of other sizes with other values."""
        random = deepcopy(default_rng().bit_generator.state)
        with ExitStack() as stack:
            for module in self.modules.values():
                stack.enter_context(_for_inference(module))
            try:
                return [self._run(k) for k in range(len(self.sizes))]
            finally:
                default_rng().bit_generator.state = random

    def _run(self, k: int) -> _Run:
        trace = Trace(ROWS, self._parameters())
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
        return _Run(trace, inputs, [np.asarray(_value(x)) for x in outputs], resolved, paths(result, "output"))

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

    def _parameters(self) -> dict[Any, str]:
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
        found = inspect.getclosurevars(f)
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


class _Writer:
    """Turns what the runs agree on into a model."""

    def __init__(self, onnx: Any, function: _Function, runs: list[_Run]) -> None:
        self.onnx, self.function, self.runs = onnx, function, runs
        self.g = Builder(onnx)
        self.names = function._parameters()
        self.makers, self.shapes, of = agreed([run.trace for run in runs], function.sizes, _described)
        self.results = self._outputs(of)
        self.values: dict[int, Value] = {}
        self._constants: dict[Any, Value] = {}
        self._moving = self._depending()

    def _outputs(self, of: Callable[[Sequence[Any]], Any]) -> list[Any]:
        if len({len(run.resolved) for run in self.runs}) > 1:
            raise ExportError("the function returns different numbers of outputs for different inputs")
        found = []
        for k, row in enumerate(zip(*[run.resolved for run in self.runs], strict=True)):
            try:
                found.append(of(row))
            except DifferError as error:
                raise ExportError(
                    f"{self.runs[0].names[k]} is not recorded as computed from the inputs ({error}): no_grad(), "
                    "t.detach(), t.numpy(), sorting and plain NumPy on an input's values are not part of a graph"
                ) from None
        return found

    def _depending(self) -> set[int]:
        """The values that depend on an input."""
        found: set[int] = set()
        for number, maker in enumerate(self.makers):
            if isinstance(maker, Origin):
                if maker.kind == "input":
                    found.add(number)
            elif not found.isdisjoint(_references(maker.arguments)):
                found.add(number)
        if found.isdisjoint(_references(self.results)):
            raise ExportError(
                "no output depends on an input: the function ran under no_grad(), or computed with plain NumPy on t.numpy()"
            )
        return found

    def model(self, output_names: Sequence[str] | None) -> Any:
        """The checked model."""
        inputs = self._inputs()
        needed = {*_references(self.results)}
        for number in range(len(self.makers) - 1, -1, -1):
            maker = self.makers[number]
            if number in needed and isinstance(maker, Call):
                needed.update(_references(maker.arguments))
        for number in sorted(needed - self.values.keys()):
            self.values[number] = self._written(number)
        names = [*output_names] if output_names is not None else self.runs[0].names
        if len(names) != len(self.results):
            raise ExportError(f"output_names: one for each of {len(self.results)} outputs; got {len(names)}")
        outputs = [self._output(name, k) for k, name in enumerate(names)]
        return self._finished(inputs, outputs)

    def _inputs(self) -> list[Any]:
        infos = []
        self.g.fresh("batch")
        for number, (name, axis) in enumerate(zip(self.function.names, self.function.axes, strict=True)):
            value = Value(self.shapes[number], self.runs[0].inputs[number].dtype, self.g.fresh(name))
            self.values[number] = value
            infos.append(self._info(value))
            if axis is not None and not self.g.batch:
                self.g.batch = self.g.op("Shape", value, start=axis, end=axis + 1)
        return infos

    def _info(self, value: Value) -> Any:
        shape = [str(n) if isinstance(n, Size) else n for n in value.shape]
        return self.onnx.helper.make_tensor_value_info(value.name, self.g.code(value.dtype), shape)

    def _written(self, number: int) -> Value:
        maker, example = self.makers[number], self.runs[0].trace.values[number]
        value = Value(self.shapes[number], np.asarray(example).dtype)
        if isinstance(maker, Origin):
            return self._constant(np.asarray(example), maker.name)
        if 0 in value.shape and is_static(value.shape):  # nothing to compute, and readers stumble over it
            return Value(value.shape, value.dtype, array=np.zeros(value.shape, value.dtype))
        fixed = number not in self._moving and is_static(value.shape)
        if maker.op not in ROWS or value.dtype.kind == "c":
            if fixed:  # computed from parameters alone: its value is enough
                return Value(value.shape, value.dtype, array=np.asarray(example))
            reason = "ONNX has no complex numbers" if value.dtype.kind == "c" else NOT_EXPORTED.get(maker.op)
            raise ExportError(_UNMAPPED.format(_described(maker), reason or _UNKNOWN))
        self.g.layer, self.g.dtype = maker.layer, value.dtype
        try:
            found = ROWS[maker.op](self.g, value, *[self._bound(x) for x in maker.arguments], **maker.options)
        except NotImplementedError as error:
            raise ExportError(_UNMAPPED.format(_described(maker), error)) from None
        except TypeError as error:
            if not maker.options:
                raise
            raise ExportError(_UNMAPPED.format(_described(maker), f"with these options ({error})")) from None
        if isinstance(found, list):
            value.parts = found
        else:
            value.name = found
        return value

    def _bound(self, x: Any) -> Any:
        """An argument as rows take it."""
        if isinstance(x, Ref):
            return self.values[x.number]
        if isinstance(x, np.ndarray):
            return self._constant(x)
        if isinstance(x, Pattern):
            return self.g.pattern(x)
        if isinstance(x, Cast):
            return Value(self.values[x.ref.number].shape, x.dtype, self.g.cast(self.values[x.ref.number], x.dtype))
        if isinstance(x, slice):
            return slice(*[self._bound(part) for part in (x.start, x.stop, x.step)])
        if isinstance(x, (tuple, list)):
            parts = [self._bound(part) for part in x]
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        return x

    def _constant(self, array: Any, name: str = "") -> Value:
        """A constant; a parameter or buffer under its own name, once."""
        name = self.names.get(memory_of(array), name)
        if not name:
            return Value(array.shape, array.dtype, array=array)
        key = memory_of(array)
        if key not in self._constants:
            self._constants[key] = Value(array.shape, array.dtype, self.g.constant(array, name, name), array)
        return self._constants[key]

    def _output(self, name: str, k: int) -> Any:
        value = self._bound(self.results[k])
        self.g.layer = ""
        found = Value(value.shape, value.dtype, self.g.fresh(name))
        self.g.nodes.append(self.onnx.helper.make_node("Identity", [self.g.name(value)], [found.name], name=f"output_{k}"))
        return self._info(found)

    def _finished(self, inputs: list[Any], outputs: list[Any]) -> Any:
        helper = self.onnx.helper
        needed = {info.name for info in outputs}
        nodes = []
        for node in reversed(self.g.nodes):
            if not needed.isdisjoint(node.output):
                nodes.append(node)
                needed.update(node.input)
        initializers = [tensor for name, tensor in self.g.initializers.items() if name in needed]
        name = getattr(self.function.f, "__name__", None) or type(self.function.f).__name__
        graph = helper.make_graph(nodes[::-1], self.g.fresh(name), inputs, outputs, initializers)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
            producer_name="autograd_core",
            producer_version=__version__,
        )


_UNKNOWN = "no form of it is known; say how it is written with autograd_core.onnx.row"
_UNMAPPED = "{0} cannot be written as ONNX: {1}"


def _described(call: Call) -> str:
    layer = f" in layer '{call.layer}'" if call.layer else ""
    return f"'{call.op}'{layer} ({call.source.file}, line {call.source.line})"


def _references(x: Any) -> Iterator[int]:
    """The values that arguments refer to."""
    if isinstance(x, Ref):
        yield x.number
    elif isinstance(x, Cast):
        yield x.ref.number
    elif isinstance(x, slice):
        yield from _references((x.start, x.stop, x.step))
    elif isinstance(x, (tuple, list)):
        for part in x:
            yield from _references(part)


def _serialized(onnx: Any, model: Any) -> bytes:
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size > _LARGEST:
        raise ExportError(f"the parameters take {size} bytes, more than the 2 GiB that an ONNX file holds")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"onnx refuses the graph: {error}") from error
    return model.SerializeToString()


# What onnxruntime makes of the file

_TOLERANCE = {2: 2e-2, 4: 1e-4, 8: 1e-8}  # by bytes of a number, of the largest one in the output


def _compare(runtime: Any, data: bytes, runs: list[_Run]) -> None:
    if any(not np.size(value) for run in runs for value in run.trace.values):
        return  # onnxruntime may end the whole process at an array without elements
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__name__ == "NotImplemented":  # some kernels exist in single precision only
            return
        raise ExportError(f"onnxruntime refuses the file: {error}") from error
    names = [info.name for info in session.get_inputs()]
    for run in runs:
        found = session.run(None, dict(zip(names, run.inputs, strict=True)))
        for name, y, expected in zip(run.names, found, run.outputs, strict=True):
            if y.shape != expected.shape or y.dtype != expected.dtype or not _close(y, expected):
                raise ExportError(
                    f"onnxruntime gives another {name} than the function (shape {y.shape}, {y.dtype}; expected shape "
                    f"{expected.shape}, {expected.dtype}){_distance(y, expected)}. Please report it."
                )


def _close(y: Any, expected: Any) -> bool:
    if y.dtype.kind != "f" or not y.size:
        return True
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=1.0)
    return bool(np.allclose(y, expected, rtol=0, atol=_TOLERANCE[y.dtype.itemsize] * scale, equal_nan=True))


def _distance(y: Any, expected: Any) -> str:
    if y.shape != expected.shape:
        return ""
    with np.errstate(invalid="ignore"):
        return f"; the largest difference is {np.nanmax(np.abs(y - expected), initial=0):.3g}"
