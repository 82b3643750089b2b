"""`fused`: a composition of ops with a fast forward and backward function of its own, for plain NumPy arrays.

The composition defines the op. Wherever the fast functions do not apply (gradients that are recorded, forward mode, arrays
of another library, a watcher that wants to see elementary ops) it is evaluated and differentiated instead. So fast functions
may work in place, in any loop, and need no derivatives themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .graph import enable_grad, modes, sweep
from .piece import dense
from .record import primitive
from .tensor import Tensor, _rewrap, wrap

__all__ = ["fused"]

Parts = tuple[Callable[[], Any], ...]


class _Pass:
    """What one evaluation keeps for its backward pass, and what that has in common for all arguments."""

    __slots__ = ("kept", "served")

    def __init__(self) -> None:
        self.kept: Any = None
        self.served: tuple[Any, Any] | None = None  # a cotangent, and what was made of it

    def of(self, g: Any, make: Callable[[], Any]) -> Any:
        """What was made of this cotangent; made now if the last one was another."""
        served = self.served  # read once: another thread may sweep the same graph
        if served is None or served[0] is not g:
            self.served = served = (g, make())
        return served[1]


def fused(
    name: str,
    composition: Callable[..., Any],
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[..., Parts],
    ruled: int,
) -> Callable[..., Any]:
    """Make a function that records itself as one op.

    Args:
        name: the op's name.
        composition: takes arrays and gives an array; says what the op computes, for all kinds of arrays.
        forward: the same for NumPy arrays: gives the output, and anything that `backward` wants to have kept.
        backward: `backward(g, kept, *arrays)` gives one function per argument, which computes the argument's cotangent;
            only those of arguments that need one are called.
        ruled: how many arguments have a derivative; the others stand behind them.

    Returns:
        A function of positional arguments.
    """

    def run(*args: Any) -> Any:
        *arrays, found = args
        y, found.kept = forward(*arrays)
        return y

    def rule_of(k: int) -> Callable[..., Any]:
        def rule(g: Any, _y: Any, *args: Any) -> Any:
            *arrays, found = args
            if _is_plain(g) and all(map(_is_plain, arrays)):
                return found.of(g, lambda: backward(dense(g), found.kept, *arrays))[k]()
            return found.of(g, lambda: _pulled(composition, arrays, ruled, g))[k]

        return rule

    op = primitive(name, run, *(rule_of(k) for k in range(ruled)))

    def call(*args: Any) -> Any:
        if modes.recording is None and modes.watch.wants_compositions:
            return composition(*args)
        if all(_is_plain(x._data if isinstance(x, Tensor) else x) for x in args):
            return op(*args, _Pass())
        return composition(*args)

    return call


def _is_plain(x: Any) -> bool:
    """No Tensor, Dual or array of another library: nothing that functions written in place could lose."""
    return not hasattr(x, "__array_function__") or isinstance(x, (np.ndarray, np.generic)) or dense(x) is not x


def _pulled(composition: Callable[..., Any], arrays: list[Any], ruled: int, g: Any) -> list[Any]:
    """The cotangents of all arguments by way of the composition, recorded where g or an argument is."""
    recorded = isinstance(g, Tensor) or any(isinstance(x, Tensor) for x in arrays)
    with enable_grad():
        # each argument once more as a node of its own, connected to where it comes from
        inputs = [x * 1 if isinstance(x, Tensor) else wrap(x, leaf=True) for x in arrays[:ruled]]
        y = composition(*inputs, *arrays[ruled:])
        nodes: list[Any] = [x._node for x in inputs]
        arrived = sweep({y._node: g}, set(nodes), recorded, _rewrap if recorded else None, partial=True)
    return [arrived.get(node, 0 * x) for node, x in zip(nodes, arrays[:ruled], strict=True)]
