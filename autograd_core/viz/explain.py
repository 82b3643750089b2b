"""`explain`: the backward pass as text, one node after the other."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import GraphError
from ..piece import dense
from .backward import Part, Step, shown
from .model import Picture, Vertex, picture, tensors
from .summaries import summarized, times

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["Explanation", "explain"]


class Explanation:
    """A backward pass in words; prints itself.

    Attributes:
        text: all lines.

    >>> import numpy as np, autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> print(ag.viz.explain(x * x).text.splitlines()[-1])
      2. x.grad += 4
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


def explain(output: Tensor, names: Any = None, gradient: Any = None, max_nodes: int = 60) -> Explanation:
    """Write down what `output.backward()` does: per node the rule, what arrives, what it sends on, and the sums.

    Nothing is freed and no `.grad` is changed.

    Args:
        output: a tensor with a recorded graph; small, for a person to read.
        names: name to tensor or array, or a module. A tensor's own name is used otherwise.
        gradient: the cotangent to start from; 1 for a single number, ones otherwise.
        max_nodes: refuse larger graphs.

    Returns:
        An `Explanation`, which prints as text.

    Raises:
        GraphError: nothing was recorded, the graph was freed, or it is larger.

    >>> import autograd_core as ag
    >>> a = ag.Tensor(3.0, requires_grad=True, name="a")
    >>> b = ag.Tensor(2.0, requires_grad=True, name="b")
    >>> print(ag.viz.explain(a * b + a))
    forward
      v1 = multiply(a, b) = 6
      v2 = add(v1, a) = 9
    backward, which starts with 1 at v2
      1. v2 = add(v1, a), cotangent g = 1
           to v1: g = 1
           to a: g = 1
      2. v1 = multiply(a, b), cotangent g = 1
           to a: g * b = 2, sum so far 3
           to b: g * a = 3
      3. b.grad += 3
      4. a.grad += 3
    """
    found = picture(tensors(output)[:1], names, gradient=gradient)
    if len(found.of) > max_nodes:
        raise GraphError(
            f"the graph has {len(found.of):,} nodes: nobody reads that. Explain a part of it, raise max_nodes={max_nodes}, or "
            "step through it in the page that ag.viz.draw(output).save('graph.html') writes"
        )
    if found.missing:
        raise GraphError(found.missing)
    return Explanation("\n".join(_lines(found)))


def _lines(found: Picture) -> list[str]:
    ops = [v for v in found.vertices if v.kind == "op"]
    called = _called(found)
    lines = ["forward", *(f"  {_equation(v, called)}{_known(v)}" for v in ops)]
    start = found.vertices[-1]
    lines.append(f"backward, which starts with {_brief(start.cotangent)} at {called[start.edges[0].tail]}")
    arrived: set[Any] = set()
    for k, step in enumerate(found.steps, 1):
        lines += _step(k, step, found, called, arrived)
    return lines


def _called(found: Picture) -> dict[Vertex, str]:
    """What each vertex is called: leaves by their names, ops v1, v2 ..."""
    called: dict[Vertex, str] = {}
    taken: dict[str, int] = {}
    for v in found.vertices:
        name = f"v{sum(1 for other in called if other.kind == 'op') + 1}" if v.kind == "op" else v.label
        taken[name] = taken.get(name, 0) + 1
        called[v] = name if taken[name] == 1 else f"{name}#{taken[name]}"
    return called


def _equation(v: Vertex, called: dict[Vertex, str]) -> str:
    count = len(v.node.parents) if v.node is not None else 0
    given = {edge.position: called[edge.tail] for edge in v.edges}
    given |= {k: _brief(x) for k, x in v.constants.items() if k not in given}
    return f"{called[v]} = {v.op}({', '.join(given.get(k, '_') for k in range(count)).rstrip(', _') or '_'})"


def _known(v: Vertex) -> str:
    if v.summary is not None:
        return f" = {v.summary.brief(6)}"
    return f", shape {times(v.shape)}" if v.shape else ""


def _step(k: int, step: Step, found: Picture, called: dict[Vertex, str], arrived: set[Any]) -> list[str]:
    v = found.of[step.node]
    g = _brief(step.cotangent)
    if v.kind != "op":
        return [f"  {k}. {called[v]}.grad += {g}"]
    lines = [f"  {k}. {_equation(v, called)}, cotangent g = {g}"]
    for part in step.parts:
        again = part.parent in arrived
        arrived.add(part.parent)
        total = f", sum so far {_brief(part.total)}" if again else ""
        lines.append(f"       to {called[found.of[part.parent]]}: {_rule(v, part)} = {_brief(part.contribution)}{total}")
    return lines


def _rule(v: Vertex, part: Part) -> str:
    rules = v.rules
    return rules[min(part.position, len(rules) - 1)]


def _brief(x: Any) -> str:
    summary = summarized(shown(dense(x)))
    return summary.brief(6) if summary is not None else "?"
