"""`check_graph`: every node of a recorded graph at its own values, so that a wrong rule is named among many right ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..anomaly import Watched, detect_anomaly
from ..dual import Dual
from ..errors import GraphError
from ..graph import Node, enable_grad, topological_order
from ..randomness import default_rng
from ..tensor import Tensor, as_array
from ..tree import flatten
from .functions import title
from .nodes import Application, Finding
from .report import Property, Report, Row

__all__ = ["GraphReport", "NodeProperty", "NodeRow", "check_graph"]


@dataclass
class NodeRow(Row):
    """The derivative of one argument of one node, with the op's name and the user's line."""

    op: str = ""
    source: str = ""
    position: int = 0  # of the node, counted from the inputs

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (*super().cells, self.source)


@dataclass
class NodeProperty(Property):
    """Something that the rules of an op have to keep to, at one node."""

    op: str = ""
    source: str = ""
    position: int = 0

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (*super().cells, self.source)


@dataclass(repr=False)
class GraphReport(Report):
    """All nodes of a graph: what is wrong, from the inputs on; then what is right, one line for each op.

    >>> import numpy as np, autograd_core as ag
    >>> x = ag.Tensor([1.0, 2.0], requires_grad=True)
    >>> report = ag.check.check_graph((np.exp(x) * x).sum())
    >>> bool(report), report.failures
    (True, [])
    """

    headings: ClassVar[tuple[str, ...]] = ("op and argument", "analytic", "numeric", "error", "verdict", "line")

    @property
    def failures(self) -> list[Any]:
        """What is wrong or was not checked, in the order in which it was computed: the first is the culprit."""
        return sorted(super().failures, key=lambda row: row.position)

    @property
    def table(self) -> list[tuple[str, ...]]:
        """Failures, then a line for each op that is right everywhere."""
        wrong = self.failures
        right: dict[str, list[Any]] = {}
        for row in self.rows:
            right.setdefault(row.op, []).append(row)  # type: ignore[attr-defined]
        for row in wrong:
            right.pop(row.op, None)
        return [row.cells for row in wrong] + [_summary(op, rows) for op, rows in right.items()]


def _summary(op: str, rows: list[NodeRow]) -> tuple[str, ...]:
    nodes = len({row.position for row in rows})
    return f"{op}, {nodes} node{'s' * (nodes > 1)}", "", "", f"{max(row.error for row in rows):.2e}", "ok", ""


def check_graph(
    target: Tensor | Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    step: float = 1e-2,
    rng: np.random.Generator | None = None,
) -> GraphReport:
    """Test every rule in a recorded graph at the values that it was recorded with.

    For each node and argument the rule, with a random cotangent, is compared with differences of the op's own forward
    function, and with its forward mode. Further, of each rule: it gives the shape and dtype of its argument, is linear
    in the cotangent, gives the same twice, changes nothing, and returns no memory of the op's arguments or output.

    `check_graph(f, *inputs)` records `f` itself and knows all values and source lines; `check_graph(output)` takes what is
    there already. Recorded under `detect_anomaly(check_nan=False)` that is the same; otherwise a node has kept only what its
    rules read: the other values are computed again from the leaves, and where that is not possible the report says so.

    Args:
        target: a Tensor with a recorded graph, or a function to record.
        inputs: for a function: arrays, Tensors, or nested containers of them; real and complex arrays are tracked.
        order: 2 also differentiates each rule, as `create_graph` does, and compares with differences of what it returns.
        step: the largest difference step, relative to the size of the values.
        rng: for the random directions and cotangents.

    Returns:
        A `GraphReport`: failures first, each with the op, the argument, the numbers and the user's source line.

    Raises:
        GraphError: nothing was recorded.

    >>> import numpy as np, autograd_core as ag
    >>> bool(ag.check.check_graph(lambda x: np.tanh(x).sum() / x.max(), np.array([0.3, -1.2])))
    True
    """
    with enable_grad():
        return _checked(target, inputs, order, step, default_rng(rng))


def _checked(
    target: Tensor | Callable[..., Any], inputs: Sequence[Any], order: int, step: float, rng: np.random.Generator
) -> GraphReport:
    if isinstance(target, Tensor):
        outputs, name = [target], "check_graph"
    else:
        outputs, name = _recorded(target, inputs), title("check_graph", target)
    roots = [y._node for y in outputs if isinstance(y, Tensor) and y._node is not None]
    if not roots:
        raise GraphError("check_graph needs a recorded graph: an output computed from a tensor that requires a gradient")
    nodes = topological_order(dict.fromkeys(roots))[::-1]
    values = _values(nodes)
    report = GraphReport(name)
    for position, node in enumerate(nodes):
        if node.op is not None:
            where: dict[str, Any] = {"op": node.op.name, "source": _line(node), "position": position}
            application = _application(node, values)
            if isinstance(application, str):
                report.properties.append(NodeProperty(node.op.name, False, application, False, **where))
                continue
            for finding in application.findings(rng, step, order):
                _enter(report, finding, where)
    return report


def _enter(report: GraphReport, finding: Finding, where: dict[str, Any]) -> None:
    if isinstance(finding, Row):
        report.rows.append(NodeRow(finding.where, finding.analytic, finding.numeric, finding.tolerance, finding.note, **where))
    else:
        report.properties.append(NodeProperty(finding.where, finding.ok, finding.note, finding.checked, **where))


def _recorded(f: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
    """What `f` returns for tracked copies of its inputs, with every node watched."""
    leaves, rebuild = flatten(list(inputs))
    arrays = [np.array(x.numpy() if isinstance(x, Tensor) else as_array(x)) for x in leaves]
    with detect_anomaly(check_nan=False):
        return flatten(f(*rebuild([Tensor(x, requires_grad=x.dtype.kind in "fc") for x in arrays])))[0]


def _line(node: Node) -> str:
    if not isinstance(node.op, Watched):
        return ""
    source = node.op.source
    return f"{source.place}  {source.text}".rstrip()


UNKNOWN = object()


def _values(order: Sequence[Node]) -> dict[Node, Any]:
    """The value of every node that can be told: kept by it, by a node that reads it, or computed again from the leaves."""
    values: dict[Node, Any] = {}
    for node in order:
        if node.op is None:
            tensor = node.saved()
            if tensor is not None:
                values[node] = tensor._data
            continue
        y, *arguments = _kept(node)
        if y is not UNKNOWN:
            values[node] = y
        kept = zip(node.parents, arguments, strict=True)
        values |= {parent: x for parent, x in kept if parent is not None and x is not UNKNOWN}
    for node in order:
        if node.op is not None and node.op.forward is not None and node not in values:
            arguments = _arguments(node, values)
            if all(x is not UNKNOWN for x in arguments):
                values[node] = node.op.forward(*arguments)
    return values


def _kept(node: Node) -> list[Any]:
    """The output and the arguments of a node, as far as it has kept them."""
    op: Any = node.op
    if isinstance(op, Watched):
        return [op.output, *op.arguments]
    if node.saved is None:
        return [UNKNOWN] * (1 + len(node.parents))
    keeps = op.keeps(tuple(parent is not None for parent in node.parents))
    return [value if keep == "value" else UNKNOWN for value, keep in zip(node.saved, keeps, strict=True)]


def _arguments(node: Node, values: dict[Node, Any]) -> list[Any]:
    found = zip(_kept(node)[1:], node.parents, strict=True)
    return [x if x is not UNKNOWN or parent is None else values.get(parent, UNKNOWN) for x, parent in found]


def _application(node: Node, values: dict[Node, Any]) -> Application | str:
    """A node's op and arguments, or why they are not known."""
    op: Any = node.op
    if op.forward is None:
        return "a checkpoint has no rules of its own: give check_graph the function inside of it"
    arguments = _arguments(node, values)
    missing = [x is UNKNOWN for x in arguments]
    if op.kind == "elementwise" and node.saved is not None:
        # a constant that no rule reads: they have to be right for any value of it
        arguments = [
            np.float64(1.0) if m and parent is None else x
            for x, m, parent in zip(arguments, missing, node.parents, strict=True)
        ]
        missing = [x is UNKNOWN for x in arguments]
    if any(missing):
        return "its values were not kept; record it under detect_anomaly(check_nan=False), or give check_graph the function"
    if any(isinstance(x, (Dual, Tensor)) for x in arguments):
        return "it was recorded inside of a transform; check the function that was transformed"
    return Application(op.original if isinstance(op, Watched) else op, tuple(arguments), node)
