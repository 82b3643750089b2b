"""Which module an op belongs to: from a trace, or from the names of the parameters that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..dual import bare
from .summaries import printable
from .tracing import Call

if TYPE_CHECKING:
    from .model import Vertex

__all__ = ["Scopes", "placed"]


class Scopes:
    """The names that the caller gave, and the modules that they speak of.

    Attributes:
        names: of tensors and arrays, by id.
        home: the module of each named tensor, by id: the calls from the outermost to the one that holds it.
    """

    def __init__(self, names: Any) -> None:
        self.names: dict[int, str] = {}
        self.home: dict[int, tuple[Call, ...]] = {}
        self._keep: list[Any] = []  # an id is of use only while its object lives
        calls: dict[str, Call] = {}
        if names is not None and not isinstance(names, Mapping):
            if not hasattr(names, "named_modules"):
                raise TypeError(f"names= is a dict from name to tensor or array, or a module; got a {type(names).__name__}")
            for path, module in names.named_modules():
                calls[printable(path)] = Call(printable(path), type(module).__name__, sum(p.size for p in module.parameters()))
            names = {**dict(names.named_parameters()), **dict(names.named_buffers())}
        for given, value in (names or {}).items():
            name = printable(given)
            self.add(name, value)
            self.home[id(value)] = self.home[id(bare(value))] = _path(name, calls)

    def add(self, name: str, value: Any) -> None:
        """One more name, of a tensor or an array."""
        self._keep.append(value)
        self.names[id(value)] = self.names[id(bare(value))] = name


def _path(name: str, calls: dict[str, Call]) -> tuple[Call, ...]:
    parts = name.split(".")[:-1]
    paths = [".".join(parts[: k + 1]) for k in range(len(parts))]
    found = [calls.get(path) or Call(path, "", 0) for path in paths]
    return (calls[""], *found) if "" in calls else tuple(found)


def common(scopes: list[tuple[Call, ...]]) -> tuple[Call, ...]:
    """The longest beginning that all of them share."""
    first, *others = scopes
    length = min(map(len, scopes))
    for k in range(length):
        if any(scope[k] != first[k] for scope in others):
            return first[:k]
    return first[:length]


def placed(vertices: list[Vertex], scopes: Scopes) -> None:
    """Give every vertex its scope; ops recorded under a trace have theirs."""
    traced = any(vertex.scope for vertex in vertices)
    if not traced:
        _by_parameters(vertices, scopes)
    for vertex in reversed(vertices):
        inside = vertex.kind == "parameter" or (vertex.kind == "constant" and (traced or id(vertex.value) in scopes.home))
        if inside and vertex.users:
            vertex.scope = _outside(vertex, common([edge.head.scope for edge in vertex.users]))
    for vertex in vertices:
        if vertex.kind == "parameter" and vertex.scope and vertex.label.startswith(vertex.scope[-1].name + "."):
            vertex.label = vertex.label[len(vertex.scope[-1].name) + 1 :]


def _outside(vertex: Vertex, scope: tuple[Call, ...]) -> tuple[Call, ...]:
    """Not inside a module that got it as an argument."""
    value = bare(vertex.value)
    return next((scope[:k] for k, call in enumerate(scope) if id(value) in call.given), scope)


def _by_parameters(vertices: list[Vertex], scopes: Scopes) -> None:
    """An op with parameters belongs to their module; another one to the module that everything next to it belongs to."""
    home: dict[Vertex, tuple[Call, ...]] = {}
    for vertex in vertices:
        if vertex.kind == "parameter" and vertex.node is not None:
            found = scopes.home.get(id(vertex.node.saved()))
            if found:
                home[vertex] = found
    if not home:
        return
    above: dict[Vertex, tuple[Call, ...] | None] = {}  # what all that flows in has in common; None: no module
    fixed: dict[Vertex, tuple[Call, ...]] = {}
    for vertex in vertices:
        if vertex.kind == "op":
            own = [home[edge.tail] for edge in vertex.edges if edge.tail in home]
            if own:
                fixed[vertex] = common(own)
            known = [x for edge in vertex.edges if (x := fixed.get(edge.tail) or above.get(edge.tail)) is not None]
            above[vertex] = common(known) if known else None
    below: dict[Vertex, tuple[Call, ...] | None] = {}
    for vertex in reversed(vertices):
        if vertex.kind == "op":
            known = [x for edge in vertex.users if (x := fixed.get(edge.head) or below.get(edge.head)) is not None]
            below[vertex] = common(known) if known else None
            around = [x for x in (above[vertex], below[vertex]) if x is not None]
            vertex.scope = fixed[vertex] if vertex in fixed else common(around) if len(around) == 2 else ()
