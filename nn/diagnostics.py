"""How activations and gradients fare over the depth of a network: do they vanish, explode, saturate, die?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag
from autograd_core.extras import need

from .contexts import watched
from .module import Module

__all__ = ["DepthReport", "LayerStatistics", "depth_statistics", "plot", "plot_distributions"]

_BOUNDS = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "Softsign": (-1.0, 1.0), "Hardsigmoid": (0.0, 1.0)}
_NEAR = 0.025  # of the range between the bounds: |tanh| > 0.95, where its slope is below 0.1


class LayerStatistics(NamedTuple):
    """The output of one layer, and the gradient of the loss with respect to it; of several outputs the first that counts.

    Attributes:
        name: of the module.
        type: its class.
        mean, std: of all elements of the output.
        dead: the share of units (elements of a sample) that are 0 for every sample of the batch.
        saturated: the share of elements near a bound of a sigmoid, tanh, softsign: within 1/40 of the range. NaN for other
            layers.
        gradient_mean, gradient_std: of all elements of the gradient; NaN where there is none.

    >>> from nn import Linear, ReLU, Sequential
    >>> report = depth_statistics(Sequential(Linear(2, 3), ReLU()), np.ones((4, 2), np.float32), lambda y: y.sum())
    >>> report.layers[0].name, report.layers[0].type
    ('0', 'Linear')
    """

    name: str
    type: str
    mean: float
    std: float
    dead: float
    saturated: float
    gradient_mean: float
    gradient_std: float

    @property
    def gradient_rms(self) -> float:
        """The root of the mean square of the gradient: its size, also where its elements are all equal."""
        return math.hypot(self.gradient_mean, self.gradient_std)


@dataclass(frozen=True, repr=False)
class DepthReport:
    """Statistics of every layer, in the order of their calls; prints as a table.

    Attributes:
        layers: one `LayerStatistics` for each call of a layer.

    >>> from nn import Linear, ReLU, Sequential
    >>> report = depth_statistics(Sequential(Linear(2, 3), ReLU()), np.ones((4, 2), np.float32), lambda y: y.sum())
    >>> [(layer.type, bool(layer.dead >= 0)) for layer in report.layers]
    [('Linear', True), ('ReLU', True)]
    """

    layers: list[LayerStatistics]

    def __getitem__(self, column: str) -> Any:
        """One number of each layer, such as `report["std"]` or `report["gradient_rms"]`, as an array."""
        return np.array([getattr(layer, column) for layer in self.layers])

    def __repr__(self) -> str:
        rows: list[tuple[str, ...]] = [("layer", "type", "mean", "std", "dead", "saturated", "gradient mean", "gradient std")]
        for line in self.layers:
            shares = ("-" if math.isnan(share) else f"{share:.1%}" for share in (line.dead, line.saturated))
            gradient = (_shown(line.gradient_mean), _shown(line.gradient_std))
            rows.append((line.name, line.type, _shown(line.mean), _shown(line.std), *shares, *gradient))
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        table = ["  ".join([*map(str.ljust, row[:2], widths), *map(str.rjust, row[2:], widths[2:])]) for row in rows]
        return "\n".join([*table, self._over_depth()])

    def _over_depth(self) -> str:
        deep, towards = self["std"], self["gradient_rms"][::-1]
        towards = towards[~np.isnan(towards)]
        changes = [
            f"{name} x {x[-1] / x[0]:.3g} {where}"
            for name, x, where in (
                ("activations", deep, "from first to last layer"),
                ("gradients", towards, "from last to first"),
            )
            if len(x) > 1 and x[0] > 0
        ]
        return "; ".join(changes) or "no change over depth to tell"

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw activations, gradients, and dead and saturated shares over depth: `plot` of this report alone."""
        return plot({"": self}, path)


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def depth_statistics(
    model: Module,
    x: Any,
    loss_fn: Callable[[Any], Any],
    types: type[Module] | tuple[type[Module], ...] = Module,
) -> DepthReport:
    """Statistics of the activations and gradients of each layer, for one batch.

    The model is left as it was: `.grad` of its parameters, buffers and hooks are the same afterwards. It is run in the
    mode in which it is.

    Args:
        model: its modules without modules inside are the layers.
        x: a batch of inputs, or a tuple of the model's arguments.
        loss_fn: from the model's output to one number, for example `lambda y: cross_entropy(y, labels)`.
        types: only layers of these classes.

    Returns:
        A `DepthReport`.

    Raises:
        ShapeError: the loss is not one number.
        GraphError: the loss was not computed from the model's output.
        ValueError: no layer of these classes was called, or one was called with an empty batch.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.

    >>> from nn import Linear, Sequential, init
    >>> layers = [Linear(4, 4, bias=False) for _ in range(3)]
    >>> for layer in layers:
    ...     _ = layer.weight.data.__setitem__(..., 0.5 * np.eye(4))
    >>> report = depth_statistics(Sequential(*layers), np.eye(4, dtype=np.float32), lambda y: y.sum())
    >>> report["gradient_rms"]
    array([0.25, 0.5 , 1.  ])
    """
    return DepthReport([_statistics(*call) for call in _observed(model, x, loss_fn, types)])


def _observed(model: Module, x: Any, loss_fn: Callable[[Any], Any], types: Any) -> list[tuple[str, Module, Any, Any]]:
    """Name, layer, output and its gradient of each call of a layer."""
    arguments = x if isinstance(x, tuple) else (x,)
    layers = [(name, m) for name, m in model.named_modules() if isinstance(m, types) and not any(m.children())]
    calls: list[tuple[str, Module, list[Any]]] = []

    def note(name: str, layer: Module, output: Any) -> None:
        calls.append((name, layer, _arrays(output)))

    with watched(layers, note), _buffers_kept(model):
        loss = loss_fn(model(*map(_tracked, arguments)))
    if not calls:
        raise ValueError(f"no layer of the classes {types} was called in {type(model).__name__}")
    if np.shape(loss) != ():
        raise ag.ShapeError(f"the loss is one number; got shape {np.shape(loss)}: reduce it with mean or sum")
    if not isinstance(loss, ag.Tensor) or not loss.requires_grad:
        raise ag.GraphError("the loss has no graph: compute it from the model's output, outside no_grad()")
    recorded = [y for _, _, outputs in calls for y in outputs if isinstance(y, ag.Tensor) and y.requires_grad]
    found = ag.gradients(loss, recorded, allow_unused=True)
    gradients = {id(y): g for y, g in zip(recorded, found, strict=True) if g is not None}
    return [(name, layer, *_counting(outputs, gradients)) for name, layer, outputs in calls]


def _counting(outputs: list[Any], gradients: dict[int, Any]) -> tuple[Any, Any]:
    """The first output that the loss depends on, with its gradient; if there is none, the first."""
    y = next((y for y in outputs if id(y) in gradients), outputs[0])
    return y, gradients.get(id(y))


def _tracked(x: Any) -> Any:
    """The argument as a tensor with a gradient, if it can have one: so that layers before the first parameter have too."""
    x = x.detach() if isinstance(x, ag.Tensor) else np.asarray(x)
    return ag.Tensor(x, requires_grad=True) if x.dtype.kind == "f" else x


def _arrays(output: Any) -> list[Any]:
    """What stands in nested tuples."""
    return [y for part in output for y in _arrays(part)] if isinstance(output, (tuple, list)) else [output]


@contextmanager
def _buffers_kept(model: Module) -> Iterator[None]:
    before = [(buffer, np.array(buffer.numpy())) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, values in before:
            buffer.copy_(values)


def _statistics(name: str, layer: Module, output: Any, gradient: Any) -> LayerStatistics:
    y = output.numpy() if isinstance(output, ag.Tensor) else np.asarray(output)
    if not y.size:
        raise ValueError(f"the output of {name or 'the model'} has shape {y.shape}: an empty batch has no statistics")
    low, high = _BOUNDS.get(type(layer).__name__, (math.nan, math.nan))
    margin = _NEAR * (high - low)
    near = (y < low + margin) | (y > high - margin)
    g = np.array([math.nan]) if gradient is None else gradient.numpy()
    return LayerStatistics(
        name,
        type(layer).__name__,
        *_moments(y),
        float((y == 0).all(axis=0).mean()) if y.ndim else float(y == 0),
        math.nan if math.isnan(low) else float(near.mean()),
        *_moments(g),
    )


def _moments(values: Any) -> tuple[float, float]:
    """Mean and standard deviation, in double precision: the squares of exploding values leave single precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def plot(reports: Mapping[str, DepthReport], path: str | Path | None = None) -> Any:
    """Draw reports over depth, one line each: std of activations, size of gradients, shares of dead and saturated units.

    Args:
        reports: by the names for the legend, for example of different initializations; at most six.
        path: of a file to write.

    Returns:
        An array of three matplotlib Axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ValueError: no reports, or more than there are colours.

    >>> from nn import Linear, Sequential, Tanh
    >>> net, x = Sequential(Linear(4, 8), Tanh(), Linear(8, 8), Tanh()), np.ones((5, 4), np.float32)
    >>> panels = plot({"default": depth_statistics(net, x, lambda y: y.sum())})
    >>> len(panels)
    3
    """
    colours = ag.viz.COLOURS
    if not 1 <= len(reports) <= len(colours):
        raise ValueError(f"a plot shows 1 to {len(colours)} reports; got {len(reports)}")
    panels = ag.viz.axes(3, (3.75, 3.5))
    _prepare(panels, reports)
    for (name, report), colour in zip(reports.items(), colours, strict=False):
        _draw(panels, report, {"color": colour, "label": name, "marker": ".", "markersize": 5, "linewidth": 1.2})
    for ax in panels[:2]:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        wider = max(1.0, math.sqrt(100 * low / high))  # at least two decades: level lines look level
        ax.set_ylim(low / wider, high * wider)
    if any(reports):
        panels[0].legend(frameon=False, fontsize=8)
    ag.viz.save_plot(panels, path)
    return panels


def _prepare(panels: Any, reports: Mapping[str, DepthReport]) -> None:
    """Titles and axes; the names of the layers where one short report leaves room for them."""
    ticks = need("matplotlib.ticker", "viz")
    longest = max(reports.values(), key=lambda report: len(report.layers)).layers
    titles = ("std of activations", "size of gradients (rms)", "dead (dotted) and saturated units")
    for ax, title in zip(panels, titles, strict=True):
        ax.set(title=title, xlabel="layer")
        ax.xaxis.set_major_locator(ticks.MaxNLocator(integer=True))
        if len(longest) <= 8 and len(reports) == 1:
            ax.set_xticks(range(1, len(longest) + 1), [f"{line.name} {line.type}".strip() for line in longest])
            ax.tick_params(axis="x", rotation=50, labelsize=8)
            ax.set_xlabel("")
    panels[2].set_ylim(-0.03, 1.03)
    panels[2].yaxis.set_major_formatter(ticks.PercentFormatter(1))


def _draw(panels: Any, report: DepthReport, style: dict[str, Any]) -> None:
    """The lines of one report."""
    depth = np.arange(1, len(report.layers) + 1)
    for ax, column in zip(panels, ("std", "gradient_rms"), strict=False):
        values = report[column]
        ax.plot(depth, np.where(values > 0, values, np.nan), **style)
    seen = ~np.isnan(report["saturated"])
    panels[2].plot(depth[seen], report["saturated"][seen], **style)
    panels[2].plot(depth, report["dead"], **style | {"label": "", "linestyle": ":", "marker": ""})


def plot_distributions(
    model: Module,
    x: Any,
    loss_fn: Callable[[Any], Any],
    types: type[Module] | tuple[type[Module], ...] = Module,
    path: str | Path | None = None,
) -> Any:
    """Draw the distributions of each layer's activations, and of the gradients with respect to them, over depth.

    Gradients are drawn as their order of magnitude, log10 |g|: they may fall by decades from layer to layer.

    Args:
        model, x, loss_fn, types: as for `depth_statistics`.
        path: of a file to write.

    Returns:
        An array of two matplotlib Axes: activations and gradients.

    Raises:
        As `depth_statistics`; MissingExtraError if matplotlib is not installed.

    >>> from nn import Linear, Sequential, Tanh
    >>> net = Sequential(Linear(4, 8), Tanh(), Linear(8, 8), Tanh())
    >>> axes = plot_distributions(net, np.ones((5, 4), np.float32), lambda y: y.mean(), types=Tanh)
    >>> [ax.get_title() for ax in axes]
    ['activations', 'gradients']
    """
    calls = _observed(model, x, loss_fn, types)
    outputs: dict[str, Any] = {}
    sizes: dict[str, Any] = {}
    for k, (name, layer, y, g) in enumerate(calls, 1):
        label = f"{name} {type(layer).__name__}".strip() if len(calls) <= 8 else str(k)
        label = label if label not in outputs else f"{label} ({k})"
        outputs[label] = y
        if g is not None:
            size = np.abs(g.numpy()).ravel()
            sizes[label] = np.log10(size[size > 0]) if (size > 0).any() else np.array([np.nan])
    axes = ag.viz.axes(2, (max(3.8, 0.4 * len(calls) + 1.5), 3.6))
    ag.viz.plot_histograms(outputs, "activations", ax=axes[0])
    if any(np.isfinite(size).any() for size in sizes.values()):
        ag.viz.plot_histograms(sizes, "gradients", ax=axes[1]).set_ylabel("log10 |gradient|")
    ag.viz.save_plot(axes, path)
    return axes
