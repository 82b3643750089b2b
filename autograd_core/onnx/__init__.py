"""Functions and modules as ONNX files: `export_onnx`.

A run is recorded as a list of calls (`trace`); what several runs have in common is the graph (`agree`); rows, one for each
op of the engine, write it down (`elementwise`, `reductions`, `shapes`, `layers`) with a `Builder`.
"""

from . import elementwise, layers, reductions, shapes  # noqa: F401  their rows
from .build import row
from .export import export_onnx

__all__ = ["export_onnx", "row"]
