"""What there is to draw: the recorded graph as a list of vertices in topological order, whatever it is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..anomaly import Source, Watched
from ..arrays import to_host
from ..dual import Dual, bare
from ..errors import GraphError
from ..piece import dense
from ..tensor import Tensor
from ..tree import flatten
from .backward import Pass, Step, original, shown, swept
from .rules import rule_texts
from .scopes import Scopes, placed
from .summaries import Summary, number, printable, summarized, times

if TYPE_CHECKING:
    from ..graph import Node
    from .tracing import Call

__all__ = ["LARGEST", "Edge", "Picture", "Vertex", "picture"]

LARGEST = 300_000  # nodes of a graph that is still drawn
RECOMPUTED = 5_000  # nodes of a graph whose values are computed again
SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−x", "matmul": "@", "power": "xʸ"}
_INFIX = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "power": "^"}


@dataclass(eq=False, slots=True)
class Edge:
    """A value that flows from one vertex to an argument of another."""

    tail: Vertex
    head: Vertex
    position: int


@dataclass(eq=False)
class Vertex:
    """A recorded op, a leaf, a constant array that an op was given, or an output.

    Attributes:
        id: the same for the same graph: n0, n1 ... in topological order.
        kind: "op", "parameter", "input", "constant" or "output".
        op: the op's name; empty for the others.
        label: what is written on it.
        node: the recorded node; None for constants and outputs.
        scope: the calls of modules around it.
        order: 1, or one more than the number of backward passes that were recorded to get it.
        value, cotangent: the arrays, where they are known.
        edges: what flows in, by argument.
        users: what flows out.
        constants: what an op was given that needs no gradient, by position, where it is known.
    """

    id: str
    kind: str
    op: str = ""
    label: str = ""
    node: Node | None = None
    scope: tuple[Call, ...] = ()
    order: int = 1
    source: Source | None = None
    value: Any = None
    cotangent: Any = None
    shape: tuple[int, ...] | None = None
    edges: list[Edge] = field(default_factory=list)
    users: list[Edge] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.op, self.label = printable(self.op), printable(self.label)

    @cached_property
    def summary(self) -> Summary | None:
        """Of the value."""
        return summarized(self.value)

    @cached_property
    def gradient(self) -> Summary | None:
        """Of the cotangent, as users see it."""
        return summarized(shown(dense(self.cotangent)))

    @property
    def rules(self) -> list[str]:
        """The local rules as text, one for each argument with a derivative."""
        return rule_texts(original(self.node.op)) if self.node is not None and self.node.op is not None else []

    @property
    def title(self) -> str:
        """What it is, for readers who cannot see it."""
        parts = [f"{self.kind} {self.label}" if self.kind != "op" else f"operation {self.op}"]
        if self.shape:
            parts.append(f"shape {times(self.shape)}")
        if self.order > 1:
            parts.append(f"order {self.order}")
        return ", ".join(" ".join(part.split()) for part in parts)


@dataclass
class Picture:
    """The vertices of a graph, inputs before outputs, and what its backward pass did.

    Attributes:
        vertices: in topological order.
        steps: of the backward pass, in its order; empty where it cannot be repeated.
        missing: why there are no cotangents; empty if there are.
        of: the vertex of each recorded node.
    """

    vertices: list[Vertex]
    steps: list[Step]
    missing: str
    of: dict[Node, Vertex]

    @property
    def edges(self) -> list[Edge]:
        """All of them, ordered by their heads."""
        return [edge for vertex in self.vertices for edge in vertex.edges]


def evaluation_order(roots: Sequence[Node]) -> list[Node]:
    """Every node that the roots reach after its parents, in the order in which nested expressions are evaluated."""
    order: list[Node] = []
    seen: set[Node] = set()
    pending = [(root, False) for root in reversed(roots)]
    while pending:
        node, done = pending.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            if len(seen) > LARGEST:
                raise GraphError(_TOO_LARGE.format(LARGEST))
            pending.append((node, True))
            pending += [(parent, False) for parent in reversed(node.parents) if parent is not None and parent not in seen]
    return order


_TOO_LARGE = (
    "the graph has more than {:,} nodes, which no picture shows. Draw a smaller piece: one batch element, one time step, "
    "one layer (`draw(model.block, inputs=x)`), or a tensor nearer to the inputs; ag.check.check_graph reports on the whole."
)


def picture(
    outputs: Sequence[Tensor],
    names: Any = None,
    forward: Sequence[Tensor] = (),
    gradients: bool = True,
    gradient: Any = None,
) -> Picture:
    """Look at the graph of the outputs.

    Args:
        outputs: tensors with a recorded graph.
        names: name to tensor or array, or a module.
        forward: tensors whose graph is the forward pass of a recorded backward pass.
        gradients: whether to repeat the backward pass.
        gradient: the cotangent of the (only) output, as for `backward`.
    """
    nodes: list[Any] = [y._node for y in outputs]
    order = evaluation_order(nodes)
    start: dict[Node, Any] = {}
    for y, node in zip(outputs, nodes, strict=True):
        one = np.ones_like(y._data) if gradient is None else shown(np.asarray(bare(gradient), y.dtype))
        start[node] = start[node] + one if node in start else one
    done = swept(start) if gradients else Pass(missing="not asked for")
    scopes = Scopes(names)
    found = _Builder(order, done, scopes)
    for y, node in zip(outputs, nodes, strict=True):
        found.values[node] = y._data
    vertices, of = found.vertices()
    for k, (y, node) in enumerate(zip(outputs, nodes, strict=True)):
        name = y.name or ("output" if len(outputs) == 1 else f"output {k}")
        vertex = Vertex(f"n{len(vertices)}", "output", label=name, value=y._data, cotangent=start[node], shape=y.shape)
        _connect(of[node], vertex, 0)
        vertices.append(vertex)
    _orders(vertices, [y._node for y in forward])
    placed(vertices, scopes)
    return Picture(vertices, done.steps, done.missing, of)


def _connect(tail: Vertex, head: Vertex, position: int) -> None:
    edge = Edge(tail, head, position)
    head.edges.append(edge)
    tail.users.append(edge)


class _Builder:
    """Makes the vertices of recorded nodes, and of the constants that they were given."""

    def __init__(self, order: list[Node], done: Pass, scopes: Scopes) -> None:
        self.order, self.done, self.scopes = order, done, scopes
        self.arguments = {node: _arguments(node) for node in order if node.op is not None}
        self.values = _values(order, self.arguments)
        if len(order) <= RECOMPUTED:
            _compute(order, self.values)
        self.constants: dict[int, Vertex] = {}
        self.found: list[Vertex] = []

    def vertices(self) -> tuple[list[Vertex], dict[Node, Vertex]]:
        """All of them, and which one each node has."""
        of: dict[Node, Vertex] = {}
        for node in self.order:
            constants = self._constants(node)
            vertex = of[node] = self._add(self._op(node) if node.op is not None else self._leaf(node))
            vertex.node, vertex.value = node, self.values.get(node, vertex.value)
            vertex.cotangent = self.done.cotangents.get(node, vertex.cotangent)
            seen = vertex.cotangent if vertex.value is None else vertex.value
            vertex.shape = tuple(seen.shape) if hasattr(seen, "shape") else vertex.shape
            for position, parent in enumerate(node.parents):
                tail = constants.get(position) if parent is None else of[parent]
                if tail is not None:
                    _connect(tail, vertex, position)
        return self.found, of

    def _add(self, vertex: Vertex) -> Vertex:
        vertex.id = f"n{len(self.found)}"
        self.found.append(vertex)
        return vertex

    def _leaf(self, node: Node) -> Vertex:
        tensor = node.saved()
        if tensor is None:
            return Vertex("", "input", label="(freed)")
        name = self.scopes.names.get(id(tensor))
        kind = "input" if type(tensor) is Tensor else "parameter"
        label = name or tensor.name or type(tensor).__name__.lower()
        grad = None if tensor._grad is None else shown(tensor._grad._data)
        return Vertex("", kind, label=label, value=_leaf_value(node), cotangent=grad, shape=tensor.shape)

    def _op(self, node: Node) -> Vertex:
        op: Any = node.op
        vertex = Vertex("", "op", op=op.name, label=self._label(node))
        vertex.constants = {k: x for k, x in self.arguments[node].items() if node.parents[k] is None}
        if isinstance(op, Watched):
            vertex.source, vertex.scope, vertex.order = op.source, op.scope, 1 + _nesting(op)
        return vertex

    def _label(self, node: Node) -> str:
        name = node.op.name  # type: ignore[union-attr]
        if name in _INFIX and len(node.parents) == 2 and None in node.parents:
            position = node.parents.index(None)
            c = self.arguments[node].get(position)
            if c is not None and np.ndim(bare(c)) == 0 and hasattr(bare(c), "__float__"):
                text = number(np.asarray(to_host(bare(c))).item())
                return f"x {_INFIX[name]} {text}" if position else f"{text} {_INFIX[name]} x"
        return SYMBOLS.get(name, name)

    def _constants(self, node: Node) -> dict[int, Vertex]:
        """Vertices of the arrays among the differentiable arguments that need no gradient, by position."""
        found = {}
        for position, value in self.arguments.get(node, {}).items():
            array = bare(value)
            if node.parents[position] is None and np.ndim(array):
                if id(array) not in self.constants:
                    name = self.scopes.names.get(id(array))
                    constant = Vertex("", "input" if name else "constant", label=name or "constant", value=array)
                    constant.shape = tuple(array.shape)
                    self.constants[id(array)] = self._add(constant)
                found[position] = self.constants[id(array)]
        return found


def _nesting(op: Watched) -> int:
    depth = 0
    while op.within is not None:
        depth, op = depth + 1, op.within
    return depth


def _arguments(node: Node) -> dict[int, Any]:
    """The differentiable arguments of an op that are known, by position."""
    op: Any = node.op
    last = len(node.parents) if op.variadic else len(op.rules)
    if isinstance(op, Watched):
        return {k: x for k, x in enumerate(op.arguments) if op.first <= k < last and k < len(node.parents) and _array(x)}
    if node.saved is None or not op.reads:
        return {}
    keeps = op.keeps(tuple([parent is not None for parent in node.parents]))[1:]
    kept = zip(node.saved[1:], keeps, strict=False)
    return {k: x for k, (x, keep) in enumerate(kept) if keep == "value" and op.first <= k < last and _array(x)}


def _array(x: Any) -> bool:
    return hasattr(bare(x), "dtype") or isinstance(x, int | float | complex)


def _values(order: list[Node], arguments: dict[Node, dict[int, Any]]) -> dict[Node, Any]:
    """The outputs of ops, where somebody has kept them: the op itself, its users, or a trace."""
    values: dict[Node, Any] = {}
    for node in order:
        op: Any = node.op
        if op is None:
            continue
        if isinstance(op, Watched):
            if op.output is not None:
                values[node] = op.output
        elif node.saved is not None and op.reads and op.keeps(tuple([p is not None for p in node.parents]))[0] == "value":
            values[node] = node.saved[0]
        if node.extra is not None and getattr(node.extra, "tensor", None) is not None and node.extra.tensor() is not None:
            values[node] = node.extra.tensor()._data
        for position, x in arguments[node].items():
            parent = node.parents[position]
            if parent is not None and (parent.op is not None or parent.saved() is None):  # or a leaf that is gone
                values.setdefault(parent, x)
    return values


def _leaf_value(node: Node) -> Any:
    """What a leaf held when the graph was recorded; None if it holds something else by now."""
    tensor = node.saved()
    return tensor._data if tensor is not None and tensor._node is node else None


def _compute(order: list[Node], values: dict[Node, Any]) -> None:
    """Evaluate again the ops whose arguments are all known: a node keeps only what its rules read."""
    known = {node: x for node in order if node.op is None and (x := _leaf_value(node)) is not None}
    for node in order:
        op: Any = node.op
        if op is None or op.forward is None or node in values or node.saved is None or not op.reads:
            continue
        keeps = op.keeps(tuple([parent is not None for parent in node.parents]))[1:]
        arguments = [
            (True, x) if keep == "value" else (parent in values or parent in known, values.get(parent, known.get(parent)))  # type: ignore[arg-type]
            for x, keep, parent in zip(node.saved[1:], keeps, node.parents, strict=True)
        ]
        if all(there and type(x) is not Dual for there, x in arguments):
            with np.errstate(all="ignore"):
                values[node] = op.forward(*[bare(x) for _, x in arguments])


def _orders(vertices: list[Vertex], forward: list[Any]) -> None:
    """A vertex that is computed from one of second order is so too; so is what the forward pass does not contain."""
    if forward:
        first = set(evaluation_order(forward))
        for vertex in vertices:
            if vertex.kind == "op" and vertex.node not in first:
                vertex.order = max(vertex.order, 2)
    for vertex in vertices:
        if vertex.kind in ("op", "output"):
            vertex.order = max([vertex.order, *(edge.tail.order for edge in vertex.edges)])


def _recorded(y: Any) -> Tensor | None:
    """The tensor, which may be the value of a dual number, that has a graph."""
    while isinstance(y, Dual | Tensor) and not (isinstance(y, Tensor) and y._node is not None):
        y = y._data
    return y if isinstance(y, Tensor) else None


def tensors(output: Any) -> list[Tensor]:
    """The outputs to draw, as a list; or why they cannot be drawn."""
    outputs = [y for y in map(_recorded, flatten(output)[0]) if y is not None]
    if not outputs:
        raise GraphError(
            "draw needs a tensor with a recorded graph: an output computed from a tensor that requires a gradient, outside "
            f"no_grad(); or a module or function and its inputs=. Got {type(output).__name__}"
        )
    return outputs
