"""What of the model is drawn: modules closed to boxes or open as clusters, repeated blocks folded, the rest cut short."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .folding import Fold, folds
from .summaries import Summary, times

if TYPE_CHECKING:
    from .model import Edge, Picture, Vertex
    from .tracing import Call

MOST_LINES = 6  # from one leaf
SMALL = 60  # atoms: a picture that is not larger shows every op outside of modules, also where it is repeated

__all__ = ["Atom", "Cluster", "Line", "Scene", "View"]


@dataclass(eq=False)
class Cluster:
    """A module, or a repeated piece, with what is inside.

    Attributes:
        id: m0, m1 ... in the order of the first vertices.
        call: of the module; None for the whole and for a repeated piece without a module of its own.
        parent: the cluster around it.
        vertices: all that are inside, in topological order.
        times: how often it is repeated.
        closed: drawn as a box.
    """

    id: str
    call: Call | None
    parent: Cluster | None
    vertices: list[Vertex] = field(default_factory=list)
    times: int = 1
    closed: bool = False

    @property
    def scope(self) -> tuple[Call, ...]:
        """The calls from the outermost module to this one."""
        inside = [c.call for c in around(self) if c.call is not None]
        return tuple(reversed(inside))

    @property
    def depth(self) -> int:
        """0 for the outermost modules."""
        return len([*around(self)]) - 1

    @property
    def label(self) -> str:
        """Name, type, parameters, repetitions."""
        repeated = f" × {self.times:,}" if self.times > 1 else ""
        if self.call is None:
            return repeated.strip()
        name = self.call.name.rsplit(".", 1)[-1]
        return f"{name}: {self.call.type}{repeated}" if name and self.call.type else f"{name or self.call.type}{repeated}"

    @property
    def heading(self) -> str:
        """What stands on an open one."""
        if self.call is None or not self.count:
            return self.label
        return f"{self.label}, {self.count:,} parameters{' each' if self.times > 1 else ''}"

    @property
    def count(self) -> int:
        """Parameters of the module, or of those that it stands for."""
        if self.call is not None and self.call.parameters:
            return self.call.parameters
        return sum(v.value.size for v in self.vertices if v.kind == "parameter" and v.value is not None)


@dataclass(eq=False)
class Atom:
    """One thing drawn: a vertex, a closed module, or the node that says what is left out."""

    id: str
    vertex: Vertex | None = None
    box: Cluster | None = None
    cluster: Cluster | None = None  # around it
    times: int = 1
    text: str = ""  # of the node that stands for what is left out

    @property
    def last(self) -> Vertex | None:
        """The vertex whose value leaves."""
        return self.box.vertices[-1] if self.box else self.vertex


@dataclass(eq=False)
class Line:
    """An edge between two atoms, which may stand for several."""

    tail: Atom
    head: Atom
    edges: list[Edge]

    @property
    def key(self) -> str:
        """The same for the same line in another view."""
        position = f">{self.edges[0].position}" if self.tail.vertex and self.head.vertex else ""
        return f"{self.tail.id}>{self.head.id}{position}"

    @property
    def label(self) -> str:
        """The shape that flows along; the different ones if they differ."""
        shapes = dict.fromkeys(times(edge.tail.shape) for edge in self.edges if edge.tail.shape)
        return ", ".join(shapes) if len(shapes) < 4 else f"{len(self.edges)} values"


@dataclass
class View:
    """Atoms, lines and clusters to draw, in a fixed order."""

    atoms: list[Atom]
    lines: list[Line]
    clusters: list[Cluster]

    def gradients(self) -> list[Summary]:
        """Of all atoms that have one."""
        found = (atom.last.gradient for atom in self.atoms if atom.last is not None and atom.last.kind != "constant")
        return [g for g in found if g is not None]


class Scene:
    """Modules, and repeated pieces, of which views are made.

    Args:
        picture: the model.
        collapse: "modules" closes those without modules inside, None nothing, a number the modules at that depth.
        fold: draw one of several equal pieces that follow each other.
        max_nodes: leave out the middle of a graph that has more atoms.
        opened: open all before folding and leaving out, so that every module can be opened later; `start` has what was closed.
    """

    def __init__(
        self, picture: Picture, collapse: Any = "modules", fold: bool = True, max_nodes: int = 200, opened: bool = False
    ) -> None:
        self.picture = picture
        whole, self.inner = _clusters(picture.vertices)
        self.clusters = list(dict.fromkeys(c for cluster in self.inner.values() for c in around(cluster)))
        _close(whole, self.clusters, self.inner, collapse)
        self.start = {cluster.id for cluster in self.clusters if cluster.closed}
        if opened:
            self.close(set())
        small = len(dict.fromkeys(closed_in(self.inner[v]) or v for v in picture.vertices)) <= SMALL
        self.hidden, self.folds = folds(whole, self.inner, small) if fold else ({}, [])
        _insert(self.folds, self.inner)
        self.gone: set[Vertex] = set()
        atoms, atom_of = self._atoms()
        if len(atoms) > max_nodes:
            first = max_nodes // 2
            left_out = set(atoms[first : len(atoms) - (max_nodes - first)])
            self.gone = {v for v, atom in atom_of.items() if atom in left_out}
        self.shown = min(len(atoms), max_nodes)

    def close(self, ids: set[str]) -> None:
        """Close these modules and open all others."""
        for cluster in self.clusters:
            cluster.closed = cluster.id in ids

    def view(self) -> View:
        """What is drawn with the modules as they are."""
        atoms, atom_of = self._atoms()
        atoms, lines = _copied(atoms, _lines(self.picture, atom_of, self.hidden))
        return View(atoms, lines, _seen(atoms))

    def _atoms(self) -> tuple[list[Atom], dict[Vertex, Atom]]:
        repeated = {fold.vertices[0]: fold.times for fold in self.folds if len(fold.vertices) == 1}
        found: dict[Any, Atom] = {}
        atom_of: dict[Vertex, Atom] = {}
        for v in self.picture.vertices:
            if v in self.hidden:
                continue
            box = closed_in(self.inner[v])
            key = "more" if v in self.gone else box or v
            if key not in found:
                if v in self.gone:
                    found[key] = Atom("more", text=f"… showing {self.shown:,} of {len(self.picture.vertices):,} nodes …")
                elif box is not None:
                    found[key] = Atom(box.id, box=box, cluster=box.parent, times=box.times)
                else:
                    found[key] = Atom(v.id, vertex=v, cluster=self.inner[v], times=repeated.get(v, 1))
            atom_of[v] = found[key]
        return [*found.values()], atom_of


def _clusters(vertices: list[Vertex]) -> tuple[Cluster, dict[Vertex, Cluster]]:
    """The tree of calls, and the innermost one around each vertex."""
    whole = Cluster("whole", None, None, list(vertices))
    known: dict[tuple[Call, ...], Cluster] = {(): whole}
    inner = {}
    for vertex in vertices:
        for k in range(1, len(vertex.scope) + 1):
            scope = vertex.scope[:k]
            if scope not in known:
                known[scope] = Cluster(f"m{len(known) - 1}", scope[-1], known[scope[:-1]])
            known[scope].vertices.append(vertex)
        inner[vertex] = known[vertex.scope]
    return whole, inner


def around(cluster: Cluster | None) -> Iterable[Cluster]:
    """The cluster and all around it, innermost first, without the whole."""
    while cluster is not None and cluster.parent is not None:
        yield cluster
        cluster = cluster.parent


def closed_in(cluster: Cluster | None) -> Cluster | None:
    """The outermost closed cluster of these."""
    return next((c for c in reversed([*around(cluster)]) if c.closed), None)


def _close(whole: Cluster, clusters: list[Cluster], inner: dict[Vertex, Cluster], collapse: Any) -> None:
    parents = {cluster.parent for cluster in clusters}
    for cluster in clusters:
        has_op = any(v.kind == "op" for v in cluster.vertices)
        if collapse == "modules":
            cluster.closed = has_op and cluster not in parents
        elif collapse is not None:
            cluster.closed = has_op and cluster.depth == collapse
    while any(c.closed for c in clusters):
        tangled = _tangled(whole.vertices, inner)
        if not tangled:
            return
        for cluster in tangled:
            cluster.closed = False


def _tangled(vertices: list[Vertex], inner: dict[Vertex, Cluster]) -> list[Cluster]:
    """Closed clusters that would be part of a circle: what flows out of one comes back into it (peeled from both ends)."""
    unit = {v: closed_in(inner[v]) or v for v in vertices}
    feeds: dict[Any, set[Any]] = {u: set() for u in unit.values()}
    fed: dict[Any, set[Any]] = {u: set() for u in unit.values()}
    for v in vertices:
        for edge in v.edges:
            if unit[edge.tail] is not unit[v]:
                feeds[unit[edge.tail]].add(unit[v])
                fed[unit[v]].add(unit[edge.tail])
    left = dict.fromkeys(feeds)
    for forward, backward in ((feeds, fed), (fed, feeds)):
        count = {u: sum(1 for x in backward[u] if x in left) for u in left}
        ready = [u for u in left if not count[u]]
        for u in ready:  # grows while it is read
            del left[u]
            for x in forward[u]:
                if x in left:
                    count[x] -= 1
                    if not count[x]:
                        ready.append(x)
    return [u for u in left if isinstance(u, Cluster)]


def _insert(found: list[Fold], inner: dict[Vertex, Cluster]) -> None:
    """A repeated piece of several units becomes a cluster of its own; a module or an op just says how often."""
    for number, fold in enumerate(found):
        if len(fold.units) == 1 and isinstance(fold.units[0], Cluster):
            fold.units[0].times = fold.times
        elif len(fold.vertices) > 1:
            piece = Cluster(f"r{number}", None, fold.within, list(fold.vertices), fold.times)
            for unit in fold.units:
                if isinstance(unit, Cluster):
                    unit.parent = piece
            for v in fold.vertices:
                if inner[v] is fold.within:
                    inner[v] = piece


def _lines(picture: Picture, atom_of: dict[Vertex, Atom], hidden: dict[Vertex, Vertex]) -> list[Line]:
    """Edges between different atoms; parallel ones are one line where an end stands for several vertices."""
    ends = []
    for edge in picture.edges:
        if edge.head not in hidden:
            tail, head = atom_of[hidden.get(edge.tail, edge.tail)], atom_of[edge.head]
            if tail is not head:
                ends.append((edge, tail, head))
    folded = {(tail, head) for edge, tail, head in ends if edge.tail in hidden}
    lines: dict[Any, Line] = {}
    for edge, tail, head in ends:
        several = tail.vertex is None or head.vertex is None or (tail, head) in folded
        key = (tail, head) if several else (tail, head, edge.position)
        lines.setdefault(key, Line(tail, head, [])).edges.append(edge)
    return list(lines.values())


def _copied(atoms: list[Atom], lines: list[Line]) -> tuple[list[Atom], list[Line]]:
    """Leaves that are read all over the graph stand beside each of their users: lines across the whole would hide the rest."""
    users: dict[Atom, list[Line]] = {}
    for line in lines:
        if line.tail.vertex is not None and line.tail.vertex.kind != "op":
            users.setdefault(line.tail, []).append(line)
    copies: dict[Atom, list[Atom]] = {}
    for atom, out in users.items():
        heads: dict[Atom, Atom] = {}
        for line in out if len({line.head for line in out}) > MOST_LINES else ():
            first = atom if not heads else None
            copy = heads.setdefault(line.head, first or Atom(f"{atom.id}.{len(heads)}", atom.vertex, None, line.head.cluster))
            line.tail = copy
        if heads:
            atom.cluster = next(iter(heads)).cluster
            copies[atom] = [*heads.values()]
    return [copy for atom in atoms for copy in copies.get(atom, [atom])], lines


def _seen(atoms: list[Atom]) -> list[Cluster]:
    """The open clusters around the atoms, outer ones before inner ones."""
    found = dict.fromkeys(c for atom in atoms for c in reversed([*around(atom.cluster)]))
    return sorted(found, key=lambda c: c.depth)
