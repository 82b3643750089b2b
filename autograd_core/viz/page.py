"""The interactive picture: one HTML page that holds the model as JSON, laid out by Graphviz."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..piece import dense
from .backward import Step, shown
from .dot import colour_of, dot_source, gradient_line, legend_rows, node_lines
from .render import rendered
from .style import BAD, DARK, KINDS, PALETTE, RAMP, largest_of
from .summaries import Summary, number, summarized, times
from .view import Atom, Cluster, Scene, View

if TYPE_CHECKING:
    from ..graph import Node
    from .model import Picture, Vertex

__all__ = ["page"]

MOST_PLACES = 6000  # atoms times layouts
_HERE = Path(__file__).parent


def page(picture: Picture, options: dict[str, Any], show: tuple[str, ...], direction: str, title: str) -> str:
    """The page as text.

    Args:
        picture: the model.
        options: as for `view`.
        show, direction: as for `draw`.
        title: of the page.
    """
    data = _Data(Scene(picture, **options, opened=True), show, direction)
    text = json.dumps(data.everything(), ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":  # nothing in it may end the script element
        text = text.replace(character, f"\\u{ord(character):04x}")
    dark = {name: DARK.get(light, light) for name, light in PALETTE.items()} | {"paper": "#0d1117"}
    css = _part("css").replace("%LIGHT%", _variables(PALETTE)).replace("%DARK%", _variables(dark))
    parts = {"%CSS%": css, "%JS%": _part("js"), "%DATA%": text, "%TITLE%": escape(title)}
    found = _part("html")
    pieces = []  # each placeholder once, so that nothing in the data is taken for one
    while (at := min((i for name in parts if (i := found.find(name)) >= 0), default=-1)) >= 0:
        name = next(name for name in parts if found.startswith(name, at))
        pieces += [found[:at], parts[name]]
        found = found[at + len(name) :]
    return "".join([*pieces, found])


def _part(ending: str) -> str:
    return (_HERE / f"page.{ending}").read_text(encoding="utf-8")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


class _Data:
    """What the script reads."""

    def __init__(self, scene: Scene, show: tuple[str, ...], direction: str) -> None:
        self.scene, self.picture, self.show, self.direction = scene, scene.picture, show, direction
        self.view = scene.view()
        self.largest = largest_of(self.view.gradients()) if "grad" in show else 0.0
        self.drawn = {atom.vertex: atom for atom in self.view.atoms if atom.vertex is not None}
        self.lines: dict[tuple[Vertex, Vertex, int], list[int]] = {}
        for k, line in enumerate(self.view.lines):
            for edge in line.edges:
                self.lines.setdefault((edge.tail, edge.head, edge.position), []).append(k)

    def everything(self) -> dict[str, Any]:
        """All of it."""
        picture = self.picture
        outputs = [v for v in picture.vertices if v.kind == "output"]
        steps = [self.step(k, step) for k, step in enumerate(picture.steps) if self.visible(step.node)]
        return {
            "direction": self.direction,
            "nodes": [self.node(atom) for atom in self.view.atoms],
            "groups": [self.group(cluster) for cluster in self.view.clusters],
            "edges": [self.edge(k) for k in range(len(self.view.lines))],
            "start": [[v.id, _statistics(summarized(shown(v.cotangent)))] for y in outputs for v in (y, y.edges[0].tail)],
            "steps": steps,
            "closed": sorted(self.scene.start),
            "layouts": self.layouts(),
            "missing": f"No backward pass to show: {picture.missing}" if picture.missing else "",
            "note": self.note(len(steps)),
            "legend": self.legend(),
        }

    def legend(self) -> list[list[str]]:
        """Words, kind and class of each sample."""
        rows = [[words, _kind(look), _legend_class(look)] for words, look in legend_rows(self.view, self.show)]
        return [*rows, ["module: click to open or close", "module", ""]] if self.view.clusters else rows

    def layouts(self) -> list[dict[str, Any]]:
        """Layouts: all open, as at first, closed at each depth; and, if they are not many, as at first with one module open."""
        start, clusters = self.scene.start, [c for c in self.view.clusters if c.call is not None]
        levels = [
            {c.id for c in clusters if c.depth == depth} for depth in range(max((c.depth for c in clusters), default=-1) + 1)
        ]
        single = [start - {c.id} for c in clusters if c.id in start]
        if len(single) * len(self.view.atoms) > MOST_PLACES:
            single = []
        states = {frozenset(state) for state in ((), start, *levels, *single)}
        found = []
        for state in sorted(states, key=lambda state: (len(state), sorted(state))):
            self.scene.close(set(state))
            view = self.scene.view()
            boxes = {atom.box.id for atom in view.atoms if atom.box is not None}
            found.append({"closed": sorted(boxes), **placed(view, dot_source(view, self.show, self.direction))})
        self.scene.close(set())
        return found

    def note(self, steps: int) -> str:
        """How much of the graph there is to see."""
        total, seen = len(self.picture.vertices), len(self.drawn)
        left = "" if seen == total else f", {seen:,} of them shown"
        return f"{total:,} nodes{left}; {steps} steps of the backward pass"

    def visible(self, node: Node) -> bool:
        """Whether a node is drawn, also when all modules are open."""
        return self.picture.of[node] in self.drawn

    def node(self, atom: Atom) -> dict[str, Any]:
        """One node."""
        v = atom.vertex
        place = {"id": atom.id, "group": _group_id(atom.cluster)}
        if v is None:
            blank = {"vertex": atom.id, "label": atom.text, "lines": [atom.text], "heading": atom.text, "title": atom.text}
            return place | blank | {"kind": "more", "look": "", "rules": [], "words": "", "uses": 0, "order": 1}
        gradient = v.gradient if "grad" in self.show and v.kind != "constant" else None
        look = self.colour(v)
        look = look if v.kind == "op" or look == "bad" else ""  # the others keep the colour of their kind
        names = [v.op, v.label, v.kind, *(f"{call.name} {call.type}" for call in v.scope)]
        return place | {
            "vertex": v.id,
            "kind": v.kind,
            "label": v.label,
            "heading": v.op if v.kind == "op" else v.label,
            "title": v.title,
            "lines": node_lines(atom, self.show),
            "gradientLine": gradient is not None,
            "look": " ".join(x for x in (look, "second" if v.order > 1 else "") if x),
            "shape": times(v.shape or ()),
            "dtype": v.summary.dtype if v.summary else v.gradient.dtype if v.gradient else "",
            "order": v.order,
            "uses": len(v.users),
            "value": _statistics(v.summary),
            "gradient": _statistics(gradient),
            "rules": v.rules,
            "source": {"place": v.source.place, "text": v.source.text} if v.source else None,
            "words": " ".join(names).lower(),
        }

    def colour(self, vertex: Vertex | None, prefix: str = "g") -> str:
        """The class for the value and the gradient of a vertex, or of the lines that leave it."""
        colour = colour_of(vertex, self.show, self.largest)
        return "bad" if colour == BAD else f"{prefix}{RAMP.index(colour)}" if colour else ""

    def group(self, cluster: Cluster) -> dict[str, Any]:
        """One module."""
        return {
            "id": cluster.id,
            "label": cluster.label,
            "heading": cluster.heading,
            "path": cluster.call.name if cluster.call else "",
            "parent": _group_id(cluster.parent),
            "times": cluster.times,
            "count": cluster.count,
            "look": self.colour(cluster.vertices[-1]),
            "lines": node_lines(Atom(cluster.id, box=cluster, times=cluster.times), self.show),
        }

    def edge(self, k: int) -> dict[str, Any]:
        """One edge."""
        line = self.view.lines[k]
        tail = line.tail.vertex
        ends = [atom.vertex.label if atom.vertex else "…" for atom in (line.tail, line.head)]
        return {
            "tail": line.tail.id,
            "head": line.head.id,
            "label": line.label,
            "labelled": bool(line.label)
            and "shape" in self.show
            and (tail is None or tail.kind not in ("parameter", "constant")),
            "names": " → ".join(ends),
            "position": line.edges[0].position,
            "look": self.colour(tail, "e") + (" dashed" if tail is not None and tail.order > 1 else ""),
        }

    def step(self, k: int, step: Step) -> dict[str, Any]:
        """One visit of the backward pass."""
        v = self.picture.of[step.node]
        g = summarized(shown(dense(step.cotangent)))
        parts, said = [], []
        for part in step.parts:
            parent = self.picture.of[part.parent]
            if parent not in self.drawn:
                continue
            contribution, total = (summarized(shown(dense(x))) for x in (part.contribution, part.total))
            edges = self.lines.get((parent, v, part.position), [])
            parts.append({"to": parent.id, "edges": edges, "total": _statistics(total)})
            so_far = "" if part.total is part.contribution or total is None else f", sum so far {total.brief()}"
            said.append(f"{parent.label} gets {contribution.brief() if contribution else '?'}{so_far}")
        rules = "; ".join(rule for rule in v.rules if rule != "no derivative")
        heard = f"cotangent g = {g.brief() if g else '?'}"
        text = (
            f"{v.op}: {heard}. Rule: {rules}. {'; '.join(said)}."
            if v.kind == "op"
            else f"{v.label}: {heard}; it goes to .grad."
        )
        return {"vertex": v.id, "total": _statistics(g), "parts": parts, "text": text}


def _kind(look: dict[str, str]) -> str:
    return next((kind for kind, row in KINDS.items() if row[1] == look["color"] and row[2] == look["shape"]), "op")


def _legend_class(look: dict[str, str]) -> str:
    if look["fillcolor"] == BAD:
        return "bad"
    if "dashed" in look["style"]:
        return "second"
    if "peripheries" in look:
        return "shared"
    return f"g{RAMP.index(look['fillcolor'])}" if look["fillcolor"] in RAMP else ""


def _group_id(cluster: Cluster | None) -> str | None:
    return cluster.id if cluster is not None and cluster.parent is not None else None


def _statistics(s: Summary | None) -> dict[str, Any] | None:
    if s is None:
        return None
    values = None if s.values is None else [_plain(x) for x in s.values]
    return {"brief": s.brief(), "line": gradient_line(s), "text": s.details(), "spark": s.spark, "values": values}


def _plain(x: Any) -> Any:
    """A number that JSON has; others as text."""
    if isinstance(x, complex):
        return number(x)
    return x if not isinstance(x, float) or math.isfinite(x) else str(x)


def placed(view: View, dot: str) -> dict[str, Any]:
    """Where Graphviz puts atoms, open modules and lines; y grows downwards."""
    found = json.loads(rendered(dot, "json0"))
    top = float(found["bb"].split(",")[3])

    def point(text: str) -> list[float]:
        x, y = map(float, text.split(","))
        return [round(x, 1), round(top - y, 1)]

    nodes: dict[str, list[float]] = {}
    groups: dict[str, list[float]] = {}
    for thing in found.get("objects", []):
        if "pos" in thing:
            nodes[thing["name"]] = [*point(thing["pos"]), *(round(72 * float(thing[side]), 1) for side in ("width", "height"))]
        elif "bb" in thing:
            left, low, right, high = map(float, thing["bb"].split(","))
            groups[thing["name"].removeprefix("cluster_")] = [left, round(top - high, 1), right, round(top - low, 1)]
    edges = {}
    for edge in found.get("edges", []):
        words = edge["pos"].split()
        ends = [point(word[2:]) for word in words if word.startswith("e,")]
        points = [point(word) for word in words if not word.startswith(("e,", "s,"))]
        edges[view.lines[int(edge["id"].removeprefix("edge_"))].key] = points + ends
    return {"nodes": nodes, "groups": groups, "edges": edges}
