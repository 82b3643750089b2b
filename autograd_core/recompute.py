"""`checkpoint`: keep a function's inputs instead of everything it computes, and compute it again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from typing import Any

from .dual import Dual
from .errors import GraphError
from .graph import Node, Op, Watcher, enable_grad, modes, sweep
from .ops.elementwise import identity
from .randomness import default_rng
from .tensor import Tensor, _rewrap, wrap
from .tree import flatten

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that saves only its inputs, and evaluates `f` again when the backward pass comes to it.

    Memory for time: the arrays inside `f` live during one evaluation only, at the price of a second forward pass. Around
    each of sqrt(n) blocks of a chain of n equal layers, the peak falls from n to about 2 sqrt(n) layers.

    Args:
        f: a function of Tensors (in nested tuples, lists and dicts) that gives the same result when called again, such as
            a module. Tensors that it closes over, such as parameters, get their gradients. Random numbers are drawn again as
            they were: from the default generator, or from others through `ag.default_rng(rng)`, as layers do. What it writes
            with `copy_`, such as running averages, it finds again as it was, and is written once.

    Returns:
        A function with the arguments and results of `f`. Inside forward mode it is `f` itself, which keeps no graph.

    Raises:
        GraphError: (in the backward pass) `f` returned another structure the second time.

    Source: Griewank and Walther, Algorithm 799: revolve, ACM Transactions on Mathematical Software 26 (2000); Chen et al.,
    Training deep nets with sublinear memory cost (2016).

    >>> import numpy as np, autograd_core as ag
    >>> block = ag.checkpoint(lambda x: np.sin(np.exp(x)))
    >>> bool(np.isclose(ag.grad(block)(0.0), np.cos(1.0)))
    True
    """

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten([list(args), kwargs])
        if modes.recording is False or any(_moving(x) for x in leaves):
            return f(*args, **kwargs)

        def evaluated(inputs: list[Tensor]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
            values = iter(inputs)
            given, named = rebuild([next(values) if _tracked(x) else x for x in leaves])
            return flatten(f(*given, **named))

        random = deepcopy(default_rng().bit_generator.state)
        tracked = [x for x in leaves if _tracked(x)]
        shells = [wrap(x._data, leaf=True) for x in tracked]
        made = _Made()
        with made:
            outputs, as_output = evaluated(shells)
        results = [x for x in outputs if _tracked(x)]
        reached, enclosed = _entered([x._node for x in results], made.nodes, [x._node for x in shells])
        node = Node()
        node.op = _Recompute(evaluated, (random, made.written), [x.shape for x in results], reached, enclosed)
        node.parents = (*[x._node if r else None for x, r in zip(tracked, reached, strict=True)], *enclosed)
        node.saved = (None, *[x._data for x in tracked], *[None] * len(enclosed))
        node.extra = None
        if not modes.recording:
            modes.watch(node, node.saved[1:], None)
        count = iter(range(len(results)))
        return as_output([_output(x, node, next(count)) if _tracked(x) else x for x in outputs])

    return call


def _tracked(x: Any) -> bool:
    return isinstance(x, Tensor) and x._node is not None


def _moving(x: Any) -> bool:
    return isinstance(x, Dual) or (isinstance(x, Tensor) and isinstance(x._data, Dual))


Written = dict[int, tuple[Any, Any]]  # tensors and generators by their ids, with what they held before


def _held(x: Any) -> Any:
    return x.data.copy() if isinstance(x, Tensor) else x.bit_generator.state


def _give(x: Any, held: Any) -> None:
    if isinstance(x, Tensor):
        x.data[...] = held
    else:
        x.bit_generator.state = held


class _Made(Watcher):
    """Collects the nodes that are made inside the block, and what the tensors and generators held that it changes."""

    def __init__(self) -> None:
        self.nodes: set[Node] = set()
        self.written: Written = {}

    def __call__(self, node: Node, arguments: Any, output: Any) -> None:
        self.nodes.add(node)
        if self._before[0] is not None:
            self._before[0](node, arguments, output)

    def pushed(self, op: Op, arguments: Any, output: Any) -> None:
        """Forward mode inside the block makes no nodes here."""
        if self._before[0] is not None:
            self._before[0].pushed(op, arguments, output)

    def computed(self, name: str, arguments: Any, options: Any, y: Any) -> Any:
        """Functions without a gradient make no nodes either."""
        return y if self._before[0] is None else self._before[0].computed(name, arguments, options, y)

    def __enter__(self) -> None:
        self._before = modes.watch, modes.recording, modes.written
        self.wants_compositions = modes.watch is not None and modes.watch.wants_compositions
        modes.watch, modes.recording, modes.written = self, None, self.written

    def __exit__(self, *exc: object) -> None:
        modes.watch, modes.recording, modes.written = self._before
        if modes.written is not None:  # the block stands inside another one, which has to know of older values only
            modes.written.update(self.written | modes.written)


@contextmanager
def _as_it_was(random: Any, written: Written) -> Iterator[None]:
    """The default generator, and what the function changes, as they were at its first evaluation; then as they are now."""
    before = [(default_rng(), random), *written.values()]
    now = [(x, _held(x)) for x, _ in before]
    try:
        for x, held in before:
            _give(x, held)
        yield
    finally:
        for x, held in now:
            _give(x, held)


def _entered(results: list[Any], made: set[Node], shells: list[Any]) -> tuple[list[bool], list[Node]]:
    """Which arguments the results depend on, and the other nodes from outside: parameters that `f` closes over."""
    known: set[Node] = set()
    found: list[Node] = []
    pending = list(results)
    while pending:
        node = pending.pop()
        if node not in known:
            known.add(node)
            if node in made:
                pending += [parent for parent in node.parents if parent is not None]
            elif node not in shells:
                found.append(node)
    return [shell in known for shell in shells], found


class _Parts:
    """Cotangents of some of the outputs, by number; they add up as cotangents do."""

    __slots__ = ("of",)

    def __init__(self, of: dict[int, Any]) -> None:
        self.of = of

    def __add__(self, other: _Parts) -> _Parts:
        total = dict(self.of)
        for k, g in other.of.items():
            total[k] = total[k] + g if k in total else g
        return _Parts(total)


def _output(x: Tensor, node: Node, k: int) -> Tensor:
    """One of the outputs as a tensor, whose cotangent goes to the node as part number k."""
    taken = Node()
    taken.op = Op("checkpoint_output", _NOWHERE_ELSE, [lambda g, _y, _node: _Parts({k: g})], "linear")
    taken.parents = (node,)
    taken.saved = (None, None)
    taken.extra = None
    if not modes.recording:
        modes.watch(taken, (None,), x._data)
    return wrap(x._data, taken)


_NOWHERE_ELSE: Any = None  # in place of a forward function: the call is evaluated by its rules, from its own state


class _Recompute(Op):
    """The op of one checkpointed call. All its rules come from one evaluation of the function and one sweep through it."""

    __slots__ = ("arrived", "enclosed", "evaluated", "reached", "served", "shapes", "state")

    def __init__(
        self, evaluated: Any, state: tuple[Any, Written], shapes: list[Any], reached: list[bool], enclosed: list[Node]
    ) -> None:
        super().__init__("checkpoint", _NOWHERE_ELSE, [])
        self.rules = _RecomputeRules(self)
        self.reads = [["", *["value"] * len(reached), *[""] * len(enclosed)]] * (len(reached) + len(enclosed))
        self.evaluated, self.state, self.shapes, self.reached, self.enclosed = evaluated, state, shapes, reached, enclosed
        self.served: Any = None  # the cotangent that `arrived` belongs to
        self.arrived: list[Any] = []

    def evaluate(self, g: _Parts, values: tuple[Any, ...]) -> list[Any]:
        """The cotangents of the arguments and of what the function closes over."""
        graph = any(isinstance(x, Tensor) for x in (*values, *g.of.values()))  # create_graph
        # in a recorded pass the arguments stay connected to where they come from
        inputs: list[Any] = [identity(x) if isinstance(x, Tensor) else wrap(x, leaf=True) for x in values]
        with _as_it_was(*self.state), enable_grad():
            results = [x for x in self.evaluated(inputs)[0] if _tracked(x)]
        if [x.shape for x in results] != self.shapes:
            raise GraphError(
                f"a checkpointed function returned tracked shapes {[x.shape for x in results]} when evaluated again, and "
                f"{self.shapes} before: it has to do the same each time"
            )
        start: dict[Any, Any] = {}
        for k, c in g.of.items():
            node = results[k]._node
            start[node] = start[node] + c if node in start else c
        nodes = [x._node for x in inputs]
        with enable_grad():
            arrived = sweep(start, {*nodes, *self.enclosed}, graph, _rewrap if graph else None, partial=True)
        missing = [node for node in self.enclosed if node not in arrived]
        if missing:
            raise GraphError(
                "a checkpointed function used other tensors when it was evaluated again: a parameter that it closes over was "
                "overwritten (by an optimizer step, say) or replaced before the backward pass. Run backward first."
            )
        return [arrived.get(node) for node in (*nodes, *self.enclosed)]


class _RecomputeRules:
    """The rules of one checkpointed call, by argument position: the first one that is asked evaluates for all."""

    __slots__ = ("op",)

    def __init__(self, op: _Recompute) -> None:
        self.op = op

    def __getitem__(self, position: int) -> Any:
        op = self.op

        def rule(g: _Parts, _y: Any, *values: Any) -> Any:
            if op.served is not g:
                op.served, op.arrived = g, op.evaluate(g, values[: len(op.reached)])
            c, op.arrived[position] = op.arrived[position], None
            if all(x is None for x in op.arrived):
                op.served = None
            return c

        return rule

    def __len__(self) -> int:
        return len(self.op.reads)
