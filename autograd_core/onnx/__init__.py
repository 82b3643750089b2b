"""Functions and modules as ONNX files: `export_onnx`.

A run is recorded as a list of calls (`runs`, `trace`); what several runs have in common is the graph (`agree`), which rows
write (`write`), one for each op of the engine (`elementwise`, `reductions`, `shapes`, `layers`), with a `Builder` (`build`).
"""

from . import elementwise, layers, reductions, shapes  # noqa: F401  their rows
from .build import row
from .export import export_onnx

__all__ = ["export_onnx", "row"]
