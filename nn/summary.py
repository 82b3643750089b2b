"""The table that `module.summary()` gives."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_core import Tensor, no_grad
from autograd_core.arrays import foreign
from autograd_core.text import one_line

from .contexts import in_mode, watched

if TYPE_CHECKING:
    from .module import Module

__all__ = ["Summary"]

_HEAD = ("layer", "type", "output", "parameters")
_SHOWN = 40  # lines in a notebook


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
        self.nbytes = sum(p.data.nbytes for p in parameters)

    @property
    def _total(self) -> str:
        return f"{self.total:,} parameters, {self.trained:,} trained, {self.nbytes:,} bytes"

    def __str__(self) -> str:
        rows = [_HEAD, *((*line[:3], f"{line.parameters:,}") for line in self.lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        table = [
            "  ".join([*(text.ljust(n) for text, n in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])])
            for row in rows
        ]
        return "\n".join([*table, self._total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """For notebooks: the same table; of a large model the first lines."""
        shown = [(*line[:3], f"{line.parameters:,}") for line in self.lines[:_SHOWN]]
        if len(self.lines) > _SHOWN:
            shown.append((f"… {len(self.lines) - _SHOWN} more", "", "", ""))
        head = "".join(f"<th>{escape(cell)}</th>" for cell in _HEAD)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in shown)
        return f"<table><caption>{self._total}</caption><tr>{head}</tr>{body}</table>"


def _output_shapes(module: Module, inputs: Sequence[Any]) -> dict[int, str]:
    """What each module gave, when the whole was evaluated once."""
    found: dict[int, str] = {}

    def note(key: int, _module: Any, output: Any) -> None:
        found[key] = _shown(output)

    parameters = [*module.parameters()]
    dtype = next((p.dtype for p in parameters), np.dtype(np.float32))
    arguments = [np.zeros(x, dtype, like=foreign(*parameters)) if _is_shape(x) else x for x in inputs]
    with watched([(id(m), m) for m in module.modules()], note), in_mode(module, False), no_grad():
        module(*arguments)
    return found


def _is_shape(x: Any) -> bool:
    return isinstance(x, (tuple, list)) and all(isinstance(n, (int, np.integer)) for n in x)


def _shown(output: Any) -> str:
    if isinstance(output, (Tensor, np.ndarray)):
        return str(tuple(output.shape))
    if isinstance(output, (tuple, list)):
        return ", ".join(_shown(x) for x in output)
    return type(output).__name__
