"""Pictures of the graph, the backward pass as text, and plots."""

from .drawing import Drawing, draw
from .tracing import trace

__all__ = ["Drawing", "draw", "trace"]
