"""Equal pieces of a graph that follow each other: one is drawn for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .model import Vertex

if TYPE_CHECKING:
    from .view import Cluster

__all__ = ["Fold", "folds"]

LONGEST = 8  # units of a repeated piece
FEWEST = 3  # repetitions


@dataclass
class Fold:
    """A run of equal pieces.

    Attributes:
        units: of the first piece: modules, and ops outside of them.
        times: how many pieces.
        vertices: of the first piece, with the leaves that only it reads.
        within: the cluster around them.
    """

    units: list[Any]
    times: int
    vertices: list[Vertex]
    within: Cluster


def folds(whole: Cluster, inner: dict[Vertex, Cluster], modules_only: bool) -> tuple[dict[Vertex, Vertex], list[Fold]]:
    """The vertices that are not drawn, each with the one that stands for it; and the folds.

    Args:
        whole: the cluster of everything.
        inner: the innermost cluster around each vertex.
        modules_only: leave pieces without a module alone.
    """
    number = {v: i for i, v in enumerate(whole.vertices)}
    hidden: dict[Vertex, Vertex] = {}
    found: list[Fold] = []
    pending = [whole]
    while pending:
        cluster = pending.pop()
        level = _Level(cluster, inner, number)
        for first, period, pieces in level.runs():
            units = level.units[first : first + period]
            if modules_only and all(isinstance(unit, Vertex) for unit in units):
                continue
            found.append(Fold(units, len(pieces), pieces[0], cluster))
            for piece in pieces[1:]:
                hidden.update(zip(piece, pieces[0], strict=True))
        pending += [u for u in level.units if not isinstance(u, Vertex) and not u.closed and u.vertices[0] not in hidden]
    for v, shown in hidden.items():
        while shown in hidden:  # a piece inside of a piece
            shown = hidden[shown]
        hidden[v] = shown
    return hidden, found


class _Level:
    """What lies directly in a cluster: modules and ops, in an order in which they can be computed."""

    def __init__(self, cluster: Cluster, inner: dict[Vertex, Cluster], number: dict[Vertex, int]) -> None:
        self.cluster = cluster
        depth = len(cluster.scope)
        unit_of = {v: v if inner[v] is cluster else _child(inner[v], cluster) for v in cluster.vertices}
        self.members: dict[Any, list[Vertex]] = {}
        for v in reversed(cluster.vertices):
            if isinstance(unit_of[v], Vertex) and v.kind != "op":
                reader = _reader(v)
                if reader is None or unit_of.get(reader) is not reader:
                    continue
                unit_of[v] = reader
            self.members.setdefault(unit_of[v], []).append(v)
        for members in self.members.values():
            members.reverse()
        self.units = sorted(self.members, key=lambda unit: number[self.members[unit][-1]])
        known: dict[Any, int] = {}
        self.signs = [known.setdefault(_signature(self.members[u], depth), len(known)) for u in self.units]

    def runs(self) -> list[tuple[int, int, list[list[Vertex]]]]:
        """Where a run begins, how many units a piece has, and the vertices of each piece."""
        n, signs = len(self.units), self.signs
        periods = [p for p in range(1, LONGEST + 1) if p * FEWEST <= n]
        equal = {p: [0] * (n + 1) for p in periods}  # so many units from here on are equal to those a period later
        for p, same in equal.items():
            for i in range(n - p - 1, -1, -1):
                same[i] = same[i + 1] + 1 if signs[i] == signs[i + p] else 0
        found, i = [], 0
        while i < n:
            counts = [(p, equal[p][i] // p + 1) for p in periods]
            step = 1
            for p, count in sorted((c for c in counts if c[1] >= FEWEST), key=lambda c: (-c[0] * c[1], c[0])):
                pieces = self._following(i, p, count)
                if len(pieces) >= FEWEST:
                    found.append((i, p, pieces))
                    step = p * len(pieces)
                    break
            i += step
        return found

    def _following(self, first: int, period: int, count: int) -> list[list[Vertex]]:
        """As many of the pieces as are fed in the same way: by the piece before, and by what feeds all of them."""
        pieces: list[list[Vertex]] = []
        place: dict[Vertex, tuple[int, int]] = {}
        links = outside = away = None
        for k in range(count):
            units = self.units[first + k * period : first + (k + 1) * period]
            piece = [v for unit in units for v in self.members[unit]]
            place.update((v, (k, j)) for j, v in enumerate(piece))
            if k:
                fed, leaving = _fed(piece, k, place), _leaving(pieces[-1], k, place)
                if fed is None or leaving is None:
                    break
                if k == 1:
                    links, outside = fed
                    away = leaving
                    begin = _fed(pieces[0], 0, place)
                    if not links or begin is None or not _begins(begin[1], links, outside):
                        break
                elif fed != (links, outside) or leaving != away:
                    break
            pieces.append(piece)
        return pieces


def _reader(leaf: Vertex) -> Vertex | None:
    """The op that alone reads a leaf, which then is a part of it like a weight; but not where the graph begins."""
    users = {edge.head for edge in leaf.users}
    if len(users) != 1:
        return None
    (op,) = users
    begins = all(edge.tail.kind != "op" for edge in op.edges) and op.edges[0].tail is leaf
    return op if op.kind == "op" and not begins else None


def _child(cluster: Any, parent: Cluster) -> Any:
    while cluster.parent is not parent:
        cluster = cluster.parent
    return cluster


def _signature(members: list[Vertex], depth: int) -> Any:
    """Equal for equal pieces: ops, shapes, the modules inside, and how they are connected."""
    place = {v: j for j, v in enumerate(members)}
    rows = []
    for v in members:
        inside = v.scope[depth:]
        modules = tuple((call.type, call.name[len(inside[0].name) :]) for call in inside)
        name = v.label if v.kind == "op" or inside else ""
        edges = tuple((edge.position, place.get(edge.tail, -1)) for edge in v.edges)
        rows.append((v.kind, v.op, name, v.shape, v.order, modules, edges))
    return tuple(rows)


def _fed(piece: list[Vertex], k: int, place: dict[Vertex, tuple[int, int]]) -> tuple[set[Any], set[Any]] | None:
    """What flows into piece number k: from the piece before by its place there, and from outside; None if from elsewhere."""
    links, outside = set(), set()
    for j, v in enumerate(piece):
        for edge in v.edges:
            at = place.get(edge.tail)
            if at is None:
                outside.add((edge.tail, j, edge.position))
            elif at[0] == k - 1:
                links.add((at[1], j, edge.position))
            elif at[0] != k:
                return None
    return links, outside


def _leaving(piece: list[Vertex], k: int, place: dict[Vertex, tuple[int, int]]) -> set[Any] | None:
    """What piece k - 1 gives to others than piece k, such as a stack of all steps; None if to a piece before."""
    found = set()
    for j, v in enumerate(piece):
        for edge in v.users:
            at = place.get(edge.head)
            if at is None:
                found.add((j, edge.head))
            elif at[0] not in (k - 1, k):
                return None
    return found


def _begins(first: set[Any], links: set[Any], outside: set[Any]) -> bool:
    """Whether the first piece is fed like the others, from outside where they are by the piece before."""
    return outside <= first and {(j, position) for _, j, position in first - outside} == {(j, p) for _, j, p in links}
