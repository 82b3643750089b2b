"""The backward pass once more, keeping what the engine throws away: each contribution and each running sum."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..anomaly import Watched, checksum
from ..dual import bare
from ..errors import AutogradError, GraphError
from ..forward import kept
from ..graph import Node, _count_uses, _refuse_overwritten, fit, no_grad

__all__ = ["Part", "Pass", "Step", "original", "swept"]


@dataclass(slots=True)
class Part:
    """What a rule sent to one argument, and the sum that had arrived there afterwards."""

    position: int
    parent: Node
    contribution: Any
    total: Any


@dataclass(slots=True)
class Step:
    """A visit to one node: the cotangent that had arrived, and what became of it."""

    node: Node
    cotangent: Any
    parts: list[Part] = field(default_factory=list)


@dataclass
class Pass:
    """The steps in the order of `backward`, and the cotangent of each node; `missing` says why there are none."""

    steps: list[Step] = field(default_factory=list)
    cotangents: dict[Node, Any] = field(default_factory=dict)
    missing: str = ""


def original(op: Any) -> Any:
    """The op itself, where a trace or detect_anomaly has put something around it."""
    return op.original if isinstance(op, Watched) else op


def saved_values(node: Node) -> Any:
    """What the rules of a node read; of a traced node also after a backward pass has freed it."""
    op: Any = node.op
    if node.saved is not None:
        return node.saved
    if not isinstance(op, Watched):
        raise GraphError(
            "the graph was freed by backward(): pass retain_graph=True, draw first, or record under ag.viz.trace()"
        )
    saved = kept(op.original, node.parents, op.output, op.arguments)
    if any(before is not None and before != checksum(value) for before, value in zip(op.sums, saved, strict=True)):
        raise GraphError("the graph was freed by backward(), and its values were overwritten since (by an optimizer step)")
    return saved


def swept(start: dict[Node, Any]) -> Pass:
    """Carry cotangents back as `backward` does, in its order and with its sums; nothing is freed and no `.grad` changes."""
    try:
        with np.errstate(all="ignore"), no_grad():
            return _swept(start)
    except AutogradError as error:
        return Pass(missing=str(error))


def _swept(start: dict[Node, Any]) -> Pass:
    uses, leaves = _count_uses(start)
    _refuse_overwritten(uses, leaves)
    grads, found = dict(start), Pass()
    ready = [node for node in grads if not uses[node]]
    while ready:
        node = ready.pop()
        g = found.cotangents[node] = grads.pop(node)
        step = Step(node, g)
        found.steps.append(step)
        if node.op is None:
            continue
        saved, rules, like = saved_values(node), original(node.op).rules, node.extra and node.extra.like
        for position, parent in enumerate(node.parents):
            if parent is None:
                continue
            c = rules[position](g, *saved)
            if like is not None and like[position] is not None:
                c = fit(c, node.op, position, *like[position])
            grads[parent] = total = grads[parent] + c if parent in grads else c
            step.parts.append(Part(position, parent, c, total))
            uses[parent] -= 1
            if not uses[parent]:
                ready.append(parent)
    return found


def shown(g: Any) -> Any:
    """A cotangent as users see it: of a complex array conjugated (see `tensor._conjugate`)."""
    g = bare(g)
    return g.conj() if getattr(g, "dtype", None) is not None and g.dtype.kind == "c" else g
