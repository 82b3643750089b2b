"""Plots with matplotlib, in one style: distributions over depth, a slice of a loss surface, a decision boundary."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays import to_host
from ..dual import bare
from ..errors import ShapeError
from ..extras import need
from ..graph import no_grad
from ..randomness import default_rng
from ..tree import flatten

__all__ = ["COLOURS", "axes", "plot_decision_boundary", "plot_histograms", "plot_loss_surface", "save_plot"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito: safe for colour-blind readers


def axes(count: int = 1, size: tuple[float, float] = (5.2, 3.6), columns: int | None = None) -> Any:
    """New axes in the style of these plots, side by side in one figure.

    The figure is pyplot's if that is in use (so that notebooks show it), and otherwise stands alone.

    Args:
        count: how many.
        size: of each, in inches.
        columns: how many stand in a row; all by default.

    Returns:
        An array of matplotlib Axes, shape (count,).

    Raises:
        MissingExtraError: matplotlib is not installed.

    >>> ax, = axes()
    >>> ax.plot([1, 2], [3, 4], color=COLOURS[0])  # doctest: +ELLIPSIS
    [...]
    """
    columns = min(count, columns or count)
    rows = -(-count // columns)
    layout = {"figsize": (size[0] * columns, size[1] * rows), "layout": "constrained"}
    pyplot = sys.modules.get("matplotlib.pyplot")
    figure = pyplot.figure(**layout) if pyplot is not None else need("matplotlib.figure", "viz").Figure(**layout)
    found = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in found[:count]:
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in found[count:]:
        ax.set_axis_off()
    return found[:count]


def save_plot(ax: Any, path: Any) -> None:
    """Write the figure of an Axes to a file, if a path is given.

    Args:
        ax: an Axes, or an array of them.
        path: of the file, or None.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "values.svg"
    >>> save_plot(plot_histograms({"values": np.arange(10.0)}), path)
    >>> path.exists()
    True
    """
    if path is not None:
        np.ravel(ax)[0].figure.savefig(path, dpi=150)


def plot_histograms(arrays: Mapping[str, Any], title: str = "", bins: int = 60, ax: Any = None, path: Any = None) -> Any:
    """Draw the distribution of each array as a column, one beside the other: activations or gradients over depth.

    The colour is the share of elements in a bin, each column relative to its own fullest bin; a line marks the means, and
    elements that are not finite are counted above. `nn.diagnostics.plot_distributions` makes the arrays.

    Args:
        arrays: arrays or Tensors by name, of any shape; drawn from left to right.
        title: above the plot.
        bins: between the smallest and the largest of all elements.
        ax: matplotlib Axes to draw on; new ones by default.
        path: of a file to write.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ValueError: no arrays, or none with a finite element.

    >>> rng = np.random.default_rng(0)
    >>> plot_histograms({f"layer {k}": rng.normal(scale=k, size=1000) for k in (1, 2, 3)}).get_ylabel()
    'value'
    """
    values = {name: np.asarray(to_host(bare(x))).ravel() for name, x in arrays.items()}
    finite = {name: x[np.isfinite(x)].astype(float) for name, x in values.items()}
    seen = [x for x in finite.values() if x.size]
    if not seen:
        raise ValueError(f"nothing to draw: {len(values)} arrays, and no finite element in them")
    low, high = (float(f([f(x) for x in seen])) for f in (np.min, np.max))
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    edges = np.linspace(low, high, bins + 1)
    counts = np.array([np.histogram(x, edges)[0] for x in finite.values()], float).T
    share = counts / np.maximum(counts.max(axis=0), 1)
    ax = axes(size=(max(4.2, 0.45 * len(values) + 1.6), 3.6))[0] if ax is None else ax
    ax.grid(False)
    place = np.arange(len(values) + 1) - 0.5
    image = ax.pcolormesh(place, edges, np.ma.masked_equal(np.sqrt(share), 0), cmap="viridis_r", vmin=0, vmax=1)
    image.set_rasterized(True)  # one picture in an SVG instead of thousands of rectangles
    middle = [x.mean() if x.size else np.nan for x in finite.values()]
    ax.plot(range(len(values)), middle, color=COLOURS[1], marker=".", linewidth=1, label="mean")
    for k, (name, x) in enumerate(values.items()):
        if bad := x.size - finite[name].size:
            ax.text(k, high, f"{bad} not finite", ha="center", va="bottom", fontsize=7, color="#b00020", rotation=90)
    long = max(map(len, values)) > 3
    ax.set_xticks(range(len(values)), list(values), rotation=50 if long else 0, ha="right" if long else "center", fontsize=8)
    ax.set(ylabel="value", title=title)
    # above the axes: inside it would hide what it explains
    ax.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    save_plot(ax, path)
    return ax


def plot_loss_surface(
    f: Callable[[Any], Any],
    point: Any,
    directions: tuple[Any, Any] | None = None,
    span: float = 1.0,
    points: int = 31,
    rng: np.random.Generator | None = None,
    ax: Any = None,
    path: Any = None,
) -> Any:
    """Draw f(point + a u + b v) as contours over a and b in [-span, span]: a slice through a loss surface.

    Args:
        f: from something like `point` to one number; for a module `lambda p: loss(functional_call(...))`, see `nn.substituted`.
        point: an array, or nested tuples, lists and dicts of arrays or Tensors, such as `dict(model.named_parameters())`.
        directions: u and v, like `point`. By default random ones, of which each row of an array (a filter) is scaled to
            the norm of that row in `point`, so that the scale of the weights does not change the picture.
        span: how far along each direction.
        points: of the grid along each direction.
        rng: for the directions.
        ax: matplotlib Axes to draw on; new ones by default.
        path: of a file to write.

    Returns:
        The Axes.

    Raises:
        ShapeError: f does not return one number.
        ValueError: f is finite nowhere on the grid.
        MissingExtraError: matplotlib is not installed.

    Source: Li, Xu, Taylor, Studer and Goldstein, Visualizing the loss landscape of neural nets, NeurIPS 2018.

    >>> ax = plot_loss_surface(lambda x: (x**2).sum(), np.ones(3), points=5)
    >>> ax.get_xlabel()
    'along u'
    """
    leaves, rebuild = flatten(point)
    at = [np.asarray(bare(x)) for x in leaves]
    rng = default_rng(rng)
    u, v = [_like_filters(x, rng) for x in at], [_like_filters(x, rng) for x in at]
    if directions is not None:
        u, v = ([np.asarray(bare(x)) for x in flatten(d)[0]] for d in directions)
    grid = np.linspace(-span, span, points)
    heights = np.empty((points, points))
    with no_grad(), np.errstate(all="ignore"):
        for i, b in enumerate(grid):
            for j, a in enumerate(grid):
                moved = [(x + a * d + b * e).astype(x.dtype) for x, d, e in zip(at, u, v, strict=True)]
                height = np.asarray(bare(f(rebuild(moved))))
                if height.size != 1:
                    raise ShapeError(f"the loss is one number; got shape {height.shape}: reduce it with mean or sum")
                heights[i, j] = height.item()
    heights[~np.isfinite(heights)] = np.nan
    if np.isnan(heights).all():
        raise ValueError(f"the loss is finite nowhere within span={span}: give a smaller span")
    ax = axes(size=(5.0, 4.2))[0] if ax is None else ax
    _contours(ax, grid, heights)
    ax.grid(False)
    ax.plot(0, 0, "o", color=COLOURS[1], markersize=5)
    ax.set(xlabel="along u", ylabel="along v", aspect="equal")
    save_plot(ax, path)
    return ax


def _like_filters(x: Any, rng: np.random.Generator) -> Any:
    """A random direction whose rows have the norms of the rows of x; of a vector or number the norm of the whole."""
    d = rng.normal(size=x.shape)
    axis = tuple(range(1, x.ndim)) if x.ndim > 1 else None
    own, drawn = (np.sqrt(np.sum(np.square(a, dtype=float), axis=axis, keepdims=True)) for a in (x, d))
    return d * (own / np.maximum(drawn, 1e-300))


def _contours(ax: Any, grid: Any, heights: Any) -> None:
    low, high = np.nanmin(heights), np.nanmax(heights)
    steep = low > 0 and high > 100 * low  # levels by ratio where the surface spans decades
    ticks = need("matplotlib.ticker", "viz")
    locator = ticks.LogLocator(subs=(1, 2, 5)) if steep else ticks.MaxNLocator(14)
    norm = need("matplotlib.colors", "viz").LogNorm(low, high) if steep else None
    filled = ax.contourf(grid, grid, heights, levels=locator.tick_values(low, high), cmap="cividis", norm=norm)
    ax.contour(grid, grid, heights, levels=filled.levels, colors="white", linewidths=0.5, alpha=0.6)
    ax.figure.colorbar(filled, ax=ax, label="loss", shrink=0.8)


def plot_decision_boundary(
    predict: Callable[[Any], Any], x: Any, labels: Any, points: int = 200, ax: Any = None, path: Any = None
) -> Any:
    """Draw which class a model gives to each point of the plane, with the data on top.

    Args:
        predict: from an array of shape (n, 2) to scores (n, classes), of which the largest wins, or (n,) or (n, 1), of which
            the sign decides; a module, for example.
        x: the data, shape (n, 2).
        labels: classes from 0 on, shape (n,).
        points: of the grid along each axis.
        ax: matplotlib Axes to draw on; new ones by default.
        path: of a file to write.

    Returns:
        The Axes.

    Raises:
        ShapeError: the data is not two-dimensional, or labels are not one per point.
        ValueError: there are more classes than colours (6).
        MissingExtraError: matplotlib is not installed.

    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> ax = plot_decision_boundary(lambda x: x[:, 0] + x[:, 1], x, x.sum(axis=1) > 0, points=20)
    >>> len(ax.collections) > 2
    True
    """
    x, labels = np.asarray(bare(x)), np.asarray(bare(labels)).astype(int)
    if x.ndim != 2 or x.shape[1] != 2 or labels.shape != x.shape[:1]:
        raise ShapeError(f"a plane needs data of shape (n, 2) and labels of shape (n,); got {x.shape} and {labels.shape}")
    margin = 0.08 * np.maximum(np.ptp(x, axis=0), 1e-9)
    sides = [np.linspace(low, high, points) for low, high in zip(x.min(axis=0) - margin, x.max(axis=0) + margin, strict=True)]
    plane = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2).astype(x.dtype)
    with no_grad():
        scores = np.asarray(bare(predict(plane)))
    scores = scores.reshape(len(plane), -1)
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    count = max(scores.shape[1], int(labels.max(initial=0)) + 1)
    if count > len(COLOURS):
        raise ValueError(f"{count} classes are more than there are colours that everyone tells apart ({len(COLOURS)})")
    chosen = scores.argmax(axis=1).reshape(points, points)
    ax = axes(size=(4.6, 4.2))[0] if ax is None else ax
    ax.grid(False)
    levels = np.arange(count + 1) - 0.5
    ax.contourf(*sides, chosen, levels=levels, colors=COLOURS[:count], alpha=0.22)
    ax.contour(*sides, chosen, levels=levels[1:-1], colors="#444444", linewidths=1)
    for k, marker in zip(range(count), "osD^vP", strict=False):
        own = x[labels == k]
        ax.scatter(*own.T, s=16, color=COLOURS[k], marker=marker, edgecolor="white", linewidth=0.5, label=f"class {k}")
    ax.legend(frameon=True, framealpha=0.85, fontsize=8)
    save_plot(ax, path)
    return ax
