"""Pictures of the graph, the backward pass as text, and plots."""

from .drawing import Drawing, draw
from .explain import Explanation, explain
from .plots import COLOURS, axes, plot_decision_boundary, plot_histograms, plot_loss_surface, save_plot
from .tracing import trace

__all__ = [
    "COLOURS",
    "Drawing",
    "Explanation",
    "axes",
    "draw",
    "explain",
    "plot_decision_boundary",
    "plot_histograms",
    "plot_loss_surface",
    "save_plot",
    "trace",
]
