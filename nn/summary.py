"""The table that `module.summary()` gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_core import Tensor, no_grad
from autograd_core.text import one_line

from .contexts import in_mode, watched

if TYPE_CHECKING:
    from .module import Module

__all__ = ["Summary"]


class Line(NamedTuple):
    """One module."""

    name: str
    type: str
    output: str
    parameters: int


class Summary:
    """The modules inside a module, one line each; prints as a table. `lines` has the numbers, `total` their sum."""

    def __init__(self, module: Module, inputs: Sequence[Any]) -> None:
        shapes = _output_shapes(module, inputs) if inputs else {}
        self.lines = [
            Line(one_line(name), type(m).__name__, shapes.get(id(m), ""), sum(p.size for p in m.parameters()))
            for name, m in module.named_modules()
        ]
        parameters = [*module.parameters()]
        self.total = sum(p.size for p in parameters)
        self.trained = sum(p.size for p in parameters if p.requires_grad)
        self.nbytes = sum(p.numpy().nbytes for p in parameters)

    def __str__(self) -> str:
        rows = [("layer", "type", "output", "parameters"), *((*line[:3], f"{line.parameters:,}") for line in self.lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        table = [
            "  ".join([*(text.ljust(n) for text, n in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])])
            for row in rows
        ]
        return "\n".join([*table, f"{self.total:,} parameters, {self.trained:,} trained, {self.nbytes:,} bytes"])

    __repr__ = __str__


def _output_shapes(module: Module, inputs: Sequence[Any]) -> dict[int, str]:
    """What each module gave, when the whole was evaluated once."""
    found: dict[int, str] = {}

    def note(key: int, _module: Any, output: Any) -> None:
        found[key] = _shown(output)

    dtype = next((p.dtype for p in module.parameters()), np.dtype(np.float32))
    arguments = [np.zeros(x, dtype) if isinstance(x, tuple) else x for x in inputs]
    with watched([(id(m), m) for m in module.modules()], note), in_mode(module, False), no_grad():
        module(*arguments)
    return found


def _shown(output: Any) -> str:
    if isinstance(output, (Tensor, np.ndarray)):
        return str(tuple(output.shape))
    if isinstance(output, (tuple, list)):
        return ", ".join(_shown(x) for x in output)
    return type(output).__name__
