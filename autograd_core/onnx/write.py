"""What the runs agree on, as a model: each value is written by the row of the op that made it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ExportError
from ..version import __version__
from .agree import Cast, DifferError, Pattern, Size, agreed
from .build import ROWS, Builder, Value, is_static
from .refused import NOT_EXPORTED
from .trace import Call, Origin, Ref, memory_of

if TYPE_CHECKING:
    from .runs import Function, Run

__all__ = ["Writer"]

_OPSET, _IR = 20, 9  # read by onnxruntime since 1.17


class Writer:
    """Turns what the runs agree on into a model."""

    def __init__(self, onnx: Any, function: Function, runs: list[Run]) -> None:
        self.onnx, self.function, self.runs = onnx, function, runs
        self.g = Builder(onnx)
        self.names = function.parameters()
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
        unknown = maker.options.keys() - inspect.signature(ROWS[maker.op]).parameters.keys()
        if unknown:
            reason = f"no form of it with the option {', '.join(sorted(unknown))} is written"
            raise ExportError(_UNMAPPED.format(_described(maker), reason))
        self.g.layer, self.g.dtype = maker.layer, value.dtype
        try:
            found = ROWS[maker.op](self.g, value, *[self._bound(x) for x in maker.arguments], **maker.options)
        except NotImplementedError as error:
            raise ExportError(_UNMAPPED.format(_described(maker), error)) from None
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
