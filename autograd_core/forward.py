"""Forward mode: what an op does to Duals.

No op has a second rule: its kind, or the transpose of its own rules, gives the tangent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .dual import Dual, bare, stands_above, zeros_for
from .errors import DTypeError
from .graph import Extra, Node, Op, enable_grad, fit, modes, sweep
from .piece import dense
from .tensor import Tensor, _rewrap, wrap

__all__ = ["as_output", "is_open", "kept", "lifted", "push", "sunk", "without_shells"]


def lifted(op: Op, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward function of ours that may meet Duals (as the data of a Tensor): NumPy's dispatch does not help it."""
    return lambda *args: push(op, args) if any(x.__class__ is Dual for x in args) else forward(*args)


_OPEN = sys.maxsize  # a level deeper than that of any transform


def is_open(g: Any) -> bool:
    """Whether a rule is being transposed: its cotangent is 0 there, and stands for any."""
    return isinstance(g, Tensor) and stands_above(g._node, _OPEN - 1)


def push(op: Op, args: tuple[Any, ...]) -> Any:
    """Apply an op to arguments of which some are Duals: the deepest level is handled, the rest is constant to it."""
    if modes.recording is False:
        return op.call(*[bare(x) for x in args])  # constants, as in reverse mode
    level = max(x.level for x in args if x.__class__ is Dual)
    mine = [x.__class__ is Dual and x.level == level for x in args]
    primals = [x._data if m else x for x, m in zip(args, mine, strict=True)]
    tangents = [x._tangent if m else None for x, m in zip(args, mine, strict=True)]
    y = op.call(*primals)
    if not hasattr(y, "dtype"):
        y = as_output(y, op)
    moved = Dual(y, tangent(op, y, primals, tangents), level)
    if not modes.recording:
        modes.watch.pushed(op, args, moved)
    return moved


def tangent(op: Op, y: Any, primals: list[Any], tangents: list[Any]) -> Any:
    """The tangent of an op's output: by its kind, and for the rest as the transpose of its own rules.

    A rule is a linear map from `g`; differentiating it with respect to `g` gives the transposed map, which takes
    tangents of the argument to tangents of the output. So no op needs a second rule; a user's may have one.
    """
    moving = [k for k, t in enumerate(tangents) if t is not None and _has_rule(op, k)]
    if not moving:
        return zeros_for(y)
    if op.pushforward is not None:
        return op.pushforward(tuple(tangents), y, *primals)
    if op.kind == "linear":
        ruled = [_has_rule(op, k) for k in range(len(primals))]
        moved = [t if t is not None else zeros_for(x) if r else x for x, t, r in zip(primals, tangents, ruled, strict=True)]
        return op.call(*moved)
    if op.kind == "multilinear":
        terms = [op.call(*primals[:k], tangents[k], *primals[k + 1 :]) for k in moving]
    elif op.kind == "elementwise":
        terms = [_broadcast(op, op.rules[k](tangents[k], y, *_as_read(op, k, primals)), y) for k in moving]
    else:
        return _transposed(op, y, primals, tangents, moving)
    return sum(terms[1:], terms[0])


def sunk(op: Op, parents: tuple[Node | None, ...], data: tuple[Any, ...], y: Any) -> Any:
    """What a node of several tracked arguments holds when its value is a Dual: parents, saved, value.

    An argument that belongs to a transform outside of the Dual's has to move inside it, as a Tensor that the Dual holds:
    at this node it is a constant. Where all of them do, the Dual itself is the result.
    """
    outside = [parent is not None and not stands_above(parent, y.level) for parent in parents]
    inside = [parent is not None and not out for parent, out in zip(parents, outside, strict=True)]
    if any(outside):
        data = tuple(wrap(x, parent) if out else x for x, parent, out in zip(data, parents, outside, strict=True))
        parents = tuple(None if out else parent for parent, out in zip(parents, outside, strict=True))
        y = push(op, data)
        if not any(inside):
            return y
    return parents, kept(op, parents, y, data), y


def kept(op: Op, parents: tuple[Node | None, ...], y: Any, data: Any) -> tuple[Any, ...]:
    """What the rules of the arguments that have a node read of the output and the arguments."""
    kept = zip((y, *data), op.keeps(tuple([parent is not None for parent in parents])), strict=True)
    return tuple([value if keep == "value" else np.shape(value) if keep else None for value, keep in kept])


def without_shells(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Constant tensors into which something moving was assigned, as the Duals that they hold."""
    held = [x._data if isinstance(x, Tensor) and x._node is None else x for x in args]
    return tuple([d if d.__class__ is Dual else x for x, d in zip(args, held, strict=True)])


def _has_rule(op: Op, k: int) -> bool:
    return k >= op.first if op.variadic else k < len(op.rules) and op.rules[k] is not None


def _as_read(op: Op, k: int, primals: list[Any]) -> list[Any]:
    """The arguments as rule k reads them: values, or shapes where it asks for a shape."""
    kinds = op.keeps(tuple([i == k for i in range(len(primals))]))[1:]
    return [np.shape(bare(x)) if kind == "shape" else x for x, kind in zip(primals, kinds, strict=True)]


def _broadcast(op: Op, t: Any, y: Any) -> Any:
    if t.shape != y.shape:
        t = np.broadcast_to(t, y.shape)
    return fit(t, op, 0, None, y.dtype)


def _transposed(op: Op, y: Any, primals: list[Any], tangents: list[Any], moving: list[int]) -> Any:
    g = Tensor(zeros_for(y), requires_grad=True)
    leaf: Any = g._node
    leaf.extra = Extra()
    leaf.extra.level = _OPEN
    start: dict[Node, Any] = {}
    traced = any(isinstance(x, Tensor) for x in (*primals, *tangents, y))
    # what does not exist (vectors of repeated eigenvalues) becomes NaN without a warning, since it may not be used
    with enable_grad(), np.errstate(invalid="ignore"):
        for k in moving:
            c = op.rules[k](g, y, *_as_read(op, k, primals))
            if isinstance(c, Tensor) and c._node is not None:
                c = fit(c, op, k, bare(primals[k]).shape, bare(primals[k]).dtype)
                t = tangents[k]
                start[c._node] = t if not traced or isinstance(t, Tensor) else wrap(t)
        arrived = sweep(start, {leaf}, True, _rewrap if traced else None)
    return dense(arrived.get(leaf, zeros_for(y)))


def as_output(y: Any, op: Op) -> Any:
    """A Python number as a NumPy scalar; anything else that is no array is refused."""
    if not isinstance(y, (int, float, complex)):
        raise DTypeError(f"the forward function of '{op.name}' returned a {type(y).__name__}: it has to return one array")
    return np.asarray(y)[()]
