"""A view as DOT, the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import need
from .style import BAD, BAD_LINE, EDGES, KINDS, LINE, OPEN, OPEN_LINE, QUIET, RAMP, SECOND, TEXT, grade, largest_of
from .summaries import Summary, times

if TYPE_CHECKING:
    from .model import Vertex
    from .view import Atom, Cluster, Line, View

__all__ = ["colour_of", "dot_source", "gradient_line", "legend_rows", "node_lines"]

FONT = "Helvetica"  # alone: the widths of a list of fonts are not known, and boxes come out too narrow
MOST_CURVES = 180  # edges
WIDEST = 28  # characters of a line


def dot_source(view: View, show: tuple[str, ...], direction: str, legend: bool = False) -> str:
    """Write the view as DOT.

    Args:
        view: what to draw.
        show: of "shape", "value" and "grad".
        direction: "LR" or "TB".
        legend: whether to explain the kinds by nodes beside the graph.
    """
    graphviz = need("graphviz", "viz")
    splines = {"splines": "line"} if len(view.lines) > MOST_CURVES else {}  # curves around so many nodes take ten seconds
    dot = graphviz.Digraph(
        "graph",
        graph_attr={
            "rankdir": direction,
            "bgcolor": "white" if legend else "transparent",  # a picture for any page, or an SVG that follows its page
            "nodesep": "0.22",
            "ranksep": "0.34",
            "fontname": FONT,
            "fontcolor": QUIET,
            "fontsize": "11",
            "nslimit": "4",
            "nslimit1": "4",
            "mclimit": "0.5",
            **splines,
        },
        node_attr={"fontsize": "12", "height": "0.3", "margin": "0.12,0.06", "fontname": FONT, "fontcolor": TEXT},
        edge_attr={"color": LINE, "arrowsize": "0.6", "fontsize": "9", "fontcolor": QUIET, "fontname": FONT},
    )
    writer = _Writer(view, show)
    writer.beside = "  " if direction == "TB" else ""
    writer.inside(dot, None)
    for number, line in enumerate(view.lines):
        dot.edge(line.tail.id, line.head.id, **writer.edge(line, number))
    if legend:
        _legend(dot, legend_rows(view, show))
    return str(dot.source)


class _Writer:
    def __init__(self, view: View, show: tuple[str, ...]) -> None:
        self.view, self.show = view, show
        self.beside = ""  # keeps labels off lines that run downwards
        self.gradients = view.gradients() if "grad" in show else []
        self.largest = largest_of(self.gradients)
        self.kinds: dict[str, None] = {}  # those that occur, for the legend
        self.atoms: dict[Any, list[Atom]] = {}
        for atom in view.atoms:
            self.atoms.setdefault(next((c for c in (atom.cluster,) if c and c.parent), None), []).append(atom)

    def inside(self, dot: Any, cluster: Cluster | None) -> None:
        """Atoms and clusters of a cluster; modules nest a few levels deep, graphs do not."""
        for atom in self.atoms.get(cluster, []):
            dot.node(atom.id, **self.node(atom))
        for child in self.view.clusters:
            if (child.parent if child.parent and child.parent.parent else None) is cluster:
                with dot.subgraph(name=f"cluster_{child.id}") as inner:
                    style = "rounded,filled" if child.call else "rounded,dashed"
                    inner.attr(
                        label=self.text(f"  {child.heading}"), style=style, color=OPEN_LINE, fillcolor=OPEN, fontcolor=QUIET
                    )
                    inner.attr(labeljust="l", margin="10", **{"class": "module"})
                    self.inside(inner, child)

    def text(self, label: str) -> Any:
        """A label in which nothing is read as an escape or as HTML."""
        return need("graphviz", "viz").escape(label)

    def node(self, atom: Atom) -> dict[str, Any]:
        """The attributes of an atom."""
        if atom.vertex is None and atom.box is None:
            return {"label": self.text(atom.text), "class": "more", **_look("more")}
        kind = "module" if atom.box else atom.vertex.kind  # type: ignore[union-attr]
        order = atom.last.order if atom.last and kind in ("op", "module") else 1
        self.kinds[kind] = None
        look = _look(kind)
        if order > 1:
            self.kinds["second"] = None
            look = _second(look)
        if kind == "parameter" and atom.vertex and len(atom.vertex.users) > 1:
            look["peripheries"] = "2"
            self.kinds["shared"] = None
        colour = colour_of(atom.last, self.show, self.largest)
        if colour == BAD:
            self.kinds["bad"] = None
            look = _bad(look)
        elif colour and kind in ("op", "module"):  # the others keep the colour of their kind: their edges tell
            self.kinds["grad"] = None
            look["fillcolor"] = colour
        lines = node_lines(atom, self.show)
        return {"label": self.text("\n".join(lines)), "class": kind + (" second" if order > 1 else ""), **look}

    def edge(self, line: Line, number: int) -> dict[str, Any]:
        """The attributes of a line."""
        found: dict[str, Any] = {"id": f"edge_{number}"}
        if line.tail.vertex is None or line.tail.vertex.kind == "op":
            found["weight"] = "4"  # what flows through stands in a line, and parameters beside it
        if (
            "shape" in self.show
            and line.label
            and not (len(line.edges) == 1 and line.edges[0].tail.kind in ("parameter", "constant"))
        ):
            found["label"] = self.text(self.beside + line.label)
        tail = line.tail.last
        colour = colour_of(tail, self.show, self.largest)
        if colour == BAD:
            found |= {"color": BAD_LINE, "penwidth": "2"}
        elif colour:
            found |= {"color": EDGES[colour], "penwidth": f"{0.8 + 0.3 * RAMP.index(colour):.1f}"}
        if tail is not None and tail.order > 1:
            found["style"] = "dashed"
        return found


def colour_of(vertex: Vertex | None, show: tuple[str, ...], largest: float) -> str | None:
    """Red where the value or the gradient is not finite, else the colour of the gradient; None for constants."""
    if vertex is None or vertex.kind == "constant":  # a mask holds -inf on purpose
        return None
    if "value" in show and vertex.summary is not None and not vertex.summary.finite:
        return BAD
    return grade(vertex.gradient, largest) if "grad" in show else None


def node_lines(atom: Atom, show: tuple[str, ...]) -> list[str]:
    """What is written on an atom: its name, then what is known of it."""
    last = atom.last
    if last is None:
        return [_short(atom.text)]
    below = [gradient_line(last.gradient)] if last.gradient and "grad" in show and last.kind != "constant" else []
    if atom.box:
        count, each = atom.box.count, f"{atom.times:,} × " if atom.times > 1 else ""
        return [line for line in (_short(atom.box.label), f"{each}{count:,} parameters" if count else "", *below) if line]
    first = f"{last.op} × {atom.times:,}" if atom.times > 1 else last.label
    if last.kind == "parameter" and len(last.users) > 1:
        first += f" (shared, {len(last.users)} uses)"
    leaf = last.kind != "op"
    shape = times(last.shape) if leaf and last.shape and "shape" in show else ""
    value = last.summary.brief() if last.summary and "value" in show else ""
    value = f"= {value}" if value and leaf and not last.shape else value
    return [_short(line) for line in (first, shape, value, *below) if line]


def gradient_line(g: Summary) -> str:
    """A gradient in a few characters."""
    return f"∂ {g.brief(3)}" if g.size <= 3 or not g.finite else f"∂ rms {g.rms:.2g}"


def _short(line: str) -> str:
    return line if len(line) <= WIDEST + 8 else line[:WIDEST] + "…"


def _second(look: dict[str, str]) -> dict[str, str]:
    return look | {"color": SECOND, "style": look["style"] + ",dashed", "penwidth": "1.5"}


def _bad(look: dict[str, str]) -> dict[str, str]:
    return look | {"fillcolor": BAD, "color": BAD_LINE, "penwidth": "2.5"}


def _look(kind: str) -> dict[str, str]:
    fill, line, shape, style, width = KINDS[kind]
    look = {"shape": shape, "style": style, "fillcolor": fill, "color": line, "penwidth": str(width)}
    return look | {"margin": "0.14,0.17"} if shape == "cds" else look


def legend_rows(view: View, show: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
    """What each kind of node that occurs looks like: words, and the attributes of a node."""
    writer = _Writer(view, show)
    for atom in view.atoms:
        writer.node(atom)
    words = {
        "parameter": "parameter",
        "input": "input",
        "constant": "constant",
        "op": "operation",
        "module": "module",
        "output": "output",
    }
    rows = [(word, _look(kind)) for kind, word in words.items() if kind in writer.kinds]
    if "shared" in writer.kinds:
        rows.append(("shared", _look("parameter") | {"peripheries": "2"}))
    if "second" in writer.kinds:
        rows.append(("second order", _second(_look("op"))))
    if "grad" in writer.kinds:
        rows = [row for row in rows if row[0] != "operation"]
        rows.append(("operation, gradient vanishing", _look("op") | {"fillcolor": RAMP[0]}))
        rows.append((f"operation, gradient up to {writer.largest:.2g} (rms)", _look("op") | {"fillcolor": RAMP[-1]}))
    if "bad" in writer.kinds:
        rows.append(("NaN or inf", _bad(_look("op"))))
    return rows


def _legend(dot: Any, rows: list[tuple[str, dict[str, str]]]) -> None:
    """One sample of each kind that occurs, in a row beside the graph."""
    for k, (label, look) in enumerate(rows):
        dot.node(f"legend{k}", label, **look | {"fontsize": "9", "height": "0.2", "margin": "0.09,0.05", "class": "legend"})
        if k:
            dot.edge(f"legend{k - 1}", f"legend{k}", style="invis")
