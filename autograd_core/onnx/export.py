"""`export_onnx`: a function is run a few times, and what the runs have in common becomes the file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from ..extras import need
from ..files import replacing
from .runs import Function, Run
from .write import Writer

__all__ = ["export_onnx"]

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
        verify: where onnxruntime is installed, run the file on the inputs of all runs and compare. Its outputs may be off by
            1e-5 of the largest number in an output, or of 1 where all are smaller (1e-8 in float64, 2e-2 in float16): of
            twelve transformer blocks or fifty layers, 4e-7 are usual. False for functions that make more of rounding.

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
    function = Function(f, example_inputs, batch_axis, input_names)
    runs = function.runs()
    model = Writer(onnx, function, runs).model(output_names)
    data = _serialized(onnx, model)
    if verify and importlib.util.find_spec("onnxruntime"):
        _compare(importlib.import_module("onnxruntime"), data, runs)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


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

_TOLERANCE = {2: 2e-2, 4: 1e-5, 8: 1e-8}  # by bytes of a number, of the largest one in the output


def _compare(runtime: Any, data: bytes, runs: list[Run]) -> None:
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
        try:
            found = session.run(None, dict(zip(names, run.inputs, strict=True)))
        except Exception as error:
            raise ExportError(f"onnxruntime cannot run the file: {error}") from error
        for name, y, expected in zip(run.names, found, run.outputs, strict=True):
            if y.shape != expected.shape or y.dtype != expected.dtype:
                raise ExportError(
                    f"onnxruntime gives {name} shape {y.shape} and {y.dtype}; the function gives {expected.shape} and "
                    f"{expected.dtype}. Please report it."
                )
            if y.dtype.kind == "f" and y.size:
                _compare_numbers(name, y, expected, _TOLERANCE[y.dtype.itemsize])


def _compare_numbers(name: str, y: Any, expected: Any, tolerance: float) -> None:
    """Refuse outputs that are further apart than rounding."""
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=1.0))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.asarray(np.abs(y.astype(float) - expected.astype(float)))
    apart[(y == expected) | (np.isnan(y) & np.isnan(expected))] = 0.0  # infinities too
    apart[np.isnan(apart)] = np.inf  # one of them is NaN
    place = np.unravel_index(apart.argmax(), apart.shape)
    if apart[place] > tolerance * scale:
        raise ExportError(
            f"onnxruntime gives another {name} than the function: {y[place]} instead of {expected[place]} at index "
            f"{tuple(map(int, place))}, where {tolerance:g} of the largest number, {scale:.3g}, may be lost. If the function "
            "makes so much of rounding (by a difference of large numbers, say), pass verify=False; else please report it."
        )
