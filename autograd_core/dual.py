"""`Dual`: an array and its tangent. Forward mode is this array type; it speaks the protocols that Tensor speaks.

A Dual may be the data of a Tensor (then a backward pass is forward-over-reverse), and may hold Tensors or other Duals.
Every transform takes a level, deeper ones higher; where two meet in one op, the deepest handles it, and the others are
constants to it. That keeps nested derivatives apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import GraphError
from .graph import Extra
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .graph import Node
    from .signatures import Bound
else:
    Bound = object  # its methods are bound in methods.py

__all__ = ["Dual"]


class Dual(Bound):
    """A value and the direction in which it moves, at the level of one forward-mode transform."""

    __slots__ = ("_data", "_tangent", "level")

    def __init__(self, primal: Any, tangent: Any, level: int) -> None:
        self._data = primal
        self._tangent = tangent
        self.level = level

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)

    __array_ufunc__ = Tensor.__array_ufunc__
    __array_function__ = Tensor.__array_function__

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise GraphError(
            f"a conversion to a NumPy array would silently cut the tangent of {self._label()}: use functions that have a rule"
        )

    def _label(self) -> str:
        return f"a dual number of shape {self.shape} and dtype {self.dtype}"

    def detach(self) -> Tensor:
        """The value as a constant: a tensor without tangents."""
        return wrap(bare(self))

    def item(self) -> Any:
        """The value of the only element, without its tangent."""
        return bare(self).item()

    def __repr__(self) -> str:
        return f"Dual({self._data!r}, {self._tangent!r}, level={self.level})"


def bare(x: Any) -> Any:
    """The plain array inside Tensors and Duals, however they are nested."""
    while isinstance(x, (Tensor, Dual)):
        x = x._data
    return x


def stands_above(node: Node | None, level: int) -> bool:
    """Whether a node depends on a leaf of a transform deeper than `level`. Asked only where Tensor and Dual meet."""
    return node is not None and _deepest(node) > level


def _deepest(node: Node) -> int:
    """The deepest level among the leaves below a node; remembered, so that asking along a chain stays linear."""
    known = _level(node)
    if known is not None:
        return known
    pending, seen, deepest = [node], {node}, 0
    while pending:
        for parent in pending.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                known = _level(parent)
                if known is None:
                    pending.append(parent)
                else:
                    deepest = max(deepest, known)
    if node.extra is None:
        node.extra = Extra()
    node.extra.level = deepest
    return deepest


def _level(node: Node) -> int | None:
    """What is known of a node: leaves that belong to no transform are at level 0."""
    level = getattr(node.extra, "level", None)
    return 0 if level is None and node.op is None else level


def zeros_for(x: Any) -> Any:
    """A zero tangent for a value."""
    zeros = np.zeros_like(bare(x))
    return zeros if zeros.ndim else zeros[()]  # of a number a number, which goes with arrays of all libraries
