"""The graph and the sweep back through it.

A `Node` is one application of an `Op`. It knows its parents (the nodes of the arguments), and exactly the values
that the op's rules read; it never holds a Tensor, so a graph has no reference cycles and is freed by reference count.
This module knows no formula and no Tensor: it moves cotangents between nodes by calling rules.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ContextDecorator
from typing import Any, Self

import numpy as np

from .arrays import overlap
from .errors import GraphError, ShapeError
from .piece import Piece
from .text import one_line

__all__ = ["Extra", "Node", "Op", "Retired", "Watcher", "enable_grad", "modes", "no_grad", "sweep"]

Rule = Callable[..., Any]


class Op:
    """An elementary operation: its forward function and one rule per differentiable argument.

    A rule maps the cotangent `g` of the output `y` to the cotangent of one argument. Its parameters are
    `g, y` and then the op's own arguments in order, and their *names* say what a node must save:

    | parameter named | what the rule is given | what the node keeps |
    |---|---|---|
    | `x` | the argument's value | the array |
    | `x_shape` | the argument's shape | the shape only |
    | `_x` | None | nothing |

    so `lambda g, y, _x: g * (1 - y * y)` keeps the output and not the input. Arguments behind the last rule
    (axis, keepdims ...) are static and are always passed on. For a *variadic* op (static arguments first, then any
    number of operands, as in concatenate) there is one rule, with the operand's number before `g`. An op without a forward
    function (None) is a checkpointed call: its rules evaluate it, and nothing else can.
    """

    __slots__ = ("_keeps", "call", "core", "first", "forward", "kind", "name", "pushforward", "reads", "rules", "variadic")

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: Sequence[Rule | None],
        kind: str = "",
        core: int | None = None,
        variadic: bool = False,
        first: int = 0,
    ) -> None:
        self.name = name
        self.forward = forward
        self.rules: Any = _Operands(rules[0], first) if variadic and rules[0] else tuple(rules)
        self.kind = kind  # "elementwise": broadcasts, diagonal Jacobian; "linear": its own tangent map; "": neither
        self.core = 0 if kind == "elementwise" else core  # trailing axes that do not broadcast; None: none does
        self.variadic = variadic
        self.first = first  # position of the first operand; static arguments stand before it
        self.reads = [None if rule is None else _parameter_kinds(rule, skip=1 + variadic) for rule in rules]
        self.call: Callable[..., Any] = forward  # the function that records; set by the recorders
        self.pushforward: Callable[..., Any] | None = None  # a user's own forward-mode rule
        self._keeps: dict[tuple[bool, ...], tuple[str, ...]] = {}
        for position, row in enumerate(self.reads):
            if row is not None and not (row and row[-1].startswith("*")) and len(row) < 1 + len(rules):
                raise TypeError(
                    f"rule {position} of '{name}' takes {1 + variadic + len(row)} arguments: a rule takes g, the output y, and "
                    "then every argument of the op; give those that it does not read names with a leading underscore"
                )
        for argument in zip(*(row for row in self.reads if row is not None), strict=False):
            if {kind.lstrip("*") for kind in argument} >= {"shape", "value"}:
                raise ValueError(f"rules of '{name}': one wants an argument's shape and another its value; read the value")

    def guard(self, wrap: Callable[[Rule], Rule]) -> None:
        """Put something around every rule; what they read stays as it was."""
        if self.variadic:
            self.rules.rule = wrap(self.rules.rule)
        else:
            self.rules = tuple(rule and wrap(rule) for rule in self.rules)

    def keeps(self, needs: tuple[bool, ...]) -> tuple[str, ...]:
        """What to save of `(y, *arguments)` when the arguments marked in `needs` want a gradient."""
        found = self._keeps.get(needs)
        if found is None:
            found = self._keeps[needs] = self._find_keeps(needs)
        return found

    def _find_keeps(self, needs: tuple[bool, ...]) -> tuple[str, ...]:
        length = 1 + len(needs)
        rows = [
            _stretch(reads, length)
            for k, reads in enumerate(self.reads)
            if reads is not None and (self.variadic or (k < len(needs) and needs[k]))
        ]
        return tuple(max((row[i] for row in rows), key=_STRENGTH.index) for i in range(length))

    def __repr__(self) -> str:
        return f"<op {self.name}>"


_STRENGTH = ["", "shape", "value"]


class _Operands:
    """The rules of a variadic op, indexed by argument position like a tuple of rules."""

    __slots__ = ("first", "rule")

    def __init__(self, rule: Rule, first: int) -> None:
        self.rule = rule
        self.first = first

    def __getitem__(self, position: int) -> Rule:
        rule, k = self.rule, position - self.first
        return lambda g, *saved: rule(k, g, *saved)

    def __len__(self) -> int:
        return 1


def _parameter_kinds(rule: Rule, skip: int) -> list[str]:
    """Turn a rule's parameter names into "value", "shape" or "" (not read); a star parameter comes last, marked '*'."""
    kinds = []
    for parameter in list(inspect.signature(rule).parameters.values())[skip:]:
        name = parameter.name
        kind = "" if name.startswith("_") else "shape" if name.endswith("_shape") else "value"
        kinds.append("*" + kind if parameter.kind is parameter.VAR_POSITIONAL else kind)
    return kinds


def _stretch(kinds: list[str], length: int) -> list[str]:
    """Repeat a trailing star parameter until the row has one entry per saved value."""
    if kinds and kinds[-1].startswith("*"):
        return kinds[:-1] + [kinds[-1][1:]] * (length - len(kinds) + 1)
    return kinds


class Node:
    """One recorded application of an op; or a leaf, which has no op and reaches its Tensor through `saved`.

    `parents` has one entry per argument, None where no gradient is wanted. `saved` holds what the rules take
    after `g`, and is None once a backward pass has consumed it. `extra` is None but for the few nodes that need more.
    """

    # Created bare and filled by the recorders: a Python-level __init__ would cost a tenth of a whole small op.
    __slots__ = ("extra", "op", "parents", "saved")

    op: Op | None
    parents: tuple[Node | None, ...]
    saved: Any
    extra: Any


class Extra:
    """What only some nodes need, kept out of `Node` so that the others do not pay for it."""

    __slots__ = ("level", "like", "tensor")

    def __init__(self) -> None:
        self.like: tuple[tuple[tuple[int, ...] | None, Any] | None, ...] | None = None  # (shape, dtype) of arguments to fit
        self.level: int | None = None  # of the transform that made this leaf, deeper ones higher; or the deepest one below
        self.tensor: Any = None  # weak reference to a non-leaf Tensor that asked for its gradient


class Retired:
    """Marks (in `extra`) a leaf whose memory was overwritten in place after graphs had been recorded from it."""

    __slots__ = ("kind", "label", "memory")

    def __init__(self, label: str | None, kind: type, memory: Any) -> None:
        self.label, self.kind, self.memory = label, kind, memory

    @property
    def name(self) -> str:
        """What to call the leaf: put together only when somebody asks, because every optimizer step makes many of these."""
        return f"'{one_line(self.label)}'" if self.label else f"a {self.kind.__name__} of shape {np.shape(self.memory)}"


class Watcher:
    """What may stand in `modes.watch`: it is called with everything that this thread computes from Tensors."""

    within: Any = None  # the op that is being differentiated
    wants_compositions = False  # whether ops with fast functions of their own are to be recorded as what they consist of

    def __call__(self, node: Node, arguments: tuple[Any, ...], output: Any) -> None:
        """A new node, before anybody else has it."""
        raise NotImplementedError

    def pushed(self, op: Op, arguments: tuple[Any, ...], output: Any) -> None:
        """An op applied in forward mode."""

    def computed(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any], y: Any) -> Any:
        """A function without a gradient, applied to values; gives what it is to return."""
        return y


class _Modes(threading.local):
    """What the recorders ask on every op, for each thread on its own."""

    recording: bool | None = True  # None: record and call `watch` (falsy, so that only the path that records nothing looks)
    watch: Any = None  # a Watcher
    written: Any = None  # where to keep what tensors and generators held before they are changed; None: nobody wants to know
    level = 0  # how many transforms are running, forward ones too
    reverse: tuple[int, ...] = ()  # the levels of those that go backward
    depth = 0  # how many transforms are running: inside one, an inner gradient keeps its graph


modes = _Modes()


class _Recording(ContextDecorator):
    """Set whether ops are recorded, for this thread, until the block or the decorated call ends."""

    _value: bool

    def __init__(self, function: Any = None) -> None:
        if function is not None:
            raise TypeError(f"write @{type(self).__name__}() with brackets, or `with {type(self).__name__}():`")
        self._before: list[bool | None] = []

    def __enter__(self) -> Self:
        self._before.append(modes.recording)
        modes.recording = (True if modes.watch is None else None) if self._value else False
        return self

    def __exit__(self, *exc: object) -> None:
        modes.recording = self._before.pop()

    def __call__(self, func: Any) -> Any:
        if inspect.isgeneratorfunction(func):
            raise TypeError("a generator runs outside of the call that the decorator surrounds: use `with` inside it")
        return super().__call__(func)

    def _recreate_cm(self) -> _Recording:  # a decorated function may run in several threads at once
        return type(self)()


class no_grad(_Recording):
    """Record nothing inside: for evaluation, and for changing parameters. A context manager and a decorator.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(3.0, requires_grad=True)
    >>> with ag.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    _value = False


class enable_grad(_Recording):
    """Record inside, even within `no_grad`. A context manager and a decorator.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(3.0, requires_grad=True)
    >>> with ag.no_grad(), ag.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """

    _value = True


def _count_uses(roots: Iterable[Node], stop: Iterable[Node] = ()) -> tuple[dict[Node, int], list[Node]]:
    """Count, for every node that the roots reach, how many arguments it feeds; and list the leaves. Go no further than stop."""
    found, leaves = [root for root in dict.fromkeys(roots) if root not in stop], []
    uses = dict.fromkeys((*found, *stop), 0)
    for node in found:  # grows while it is read
        if node.parents:
            for parent in node.parents:
                if parent is not None:
                    if parent in uses:
                        uses[parent] += 1
                    else:
                        uses[parent] = 1
                        found.append(parent)
        else:
            leaves.append(node)
    return uses, leaves


def topological_order(roots: Iterable[Node]) -> list[Node]:
    """List every node that the roots reach, each before its parents (Kahn 1962; iterative, O(nodes + edges))."""
    uses, _ = _count_uses(roots)
    order = [node for node, count in uses.items() if not count]
    for node in order:  # grows while it is read
        for parent in node.parents:
            if parent is not None:
                uses[parent] -= 1
                if not uses[parent]:
                    order.append(parent)
    return order


def _leading_to(wanted: set[Node], roots: Iterable[Node]) -> set[Node]:
    """The nodes through which a wanted node is reached: everything else need not be visited."""
    leading = set(wanted)
    for node in reversed(topological_order(roots)):
        if any(parent in leading for parent in node.parents):
            leading.add(node)
    return leading


def _refuse_overwritten(nodes: Iterable[Node], leaves: list[Node]) -> None:
    """Raise if a rule would read the memory of a leaf that was overwritten since: the gradient would be wrong."""
    stale = [leaf.extra for leaf in leaves if leaf.extra is not None and type(leaf.extra) is Retired]
    if not stale:
        return
    for node in nodes:
        if node.op is not None:
            for value in node.saved or ():
                for leaf in stale:
                    if overlap(value, leaf.memory):
                        raise GraphError(_OVERWRITTEN.format(node.op.name, leaf.name))


_PLAIN: set[Any] = {np.ndarray, Piece}
_OVERWRITTEN = (
    "backward through '{0}' needs the value that {1} had when the graph was recorded, but an optimizer step has "
    "overwritten it since. Run backward before the step, or compute the output again after it."
)
_FREED = (
    "backward a second time: the values saved by '{0}' were freed by the first pass. Pass retain_graph=True to the "
    "earlier backward, or add the losses and run backward once on the sum, or compute the output again."
)


def unbroadcast(c: Any, shape: tuple[int, ...]) -> Any:
    """Sum `c` over the axes that broadcasting added or stretched, so that it has the shape of the argument."""
    if c.shape == shape:
        return c
    added = c.ndim - len(shape)
    stretched = [added + i for i, n in enumerate(shape) if n == 1 and c.shape[added + i] != 1]
    return c.sum(axis=(*range(added), *stretched)).reshape(shape)


def fit(c: Any, op: Op, position: int, shape: tuple[int, ...] | None, dtype: Any) -> Any:
    """Give what a rule returned the shape and dtype of the argument it belongs to."""
    if shape is not None and c.shape != shape:
        if op.core is None or c.ndim < len(shape):
            raise ShapeError(
                f"rule {position} of '{op.name}' returned shape {c.shape} for an argument of shape {shape}. If the op "
                "broadcasts its arguments, say kind='elementwise' (or core=) and the engine sums over what was stretched."
            )
        c = unbroadcast(c, shape)
    if c.dtype != dtype:
        if c.dtype.kind == "c" and dtype.kind != "c":
            c = c.real  # a real argument of a complex result: the imaginary part moves nothing
        c = c.astype(dtype)
    return c


def sweep(  # noqa: PLR0915  one loop, so that a visited node costs no call
    cotangents: dict[Node, Any],
    wanted: set[Node] | None = None,
    retain: bool = False,
    rewrap: Callable[[Node], tuple[Any, ...]] | None = None,
    partial: bool = False,
) -> dict[Node, Any]:
    """Carry cotangents from the given nodes back to the leaves, and return what arrived.

    Args:
        cotangents: the cotangent of each starting node.
        wanted: the nodes whose cotangents are asked for; None means every leaf, and nodes with a retained gradient.
        retain: keep the saved values, so that the graph can be swept again.
        rewrap: turns a node's saved arrays into Tensors, so that the rules record themselves (create_graph).
        partial: stop at wanted nodes, also where one was computed from another: partial derivatives, not total ones.

    Each node is visited once, when all its users have been (Kahn), so the cost is O(nodes + edges). Nothing is
    written into an array that anyone else may hold: sums are formed out of place the first time, and in place only
    in buffers that the sweep itself made.
    """
    uses, leaves = _count_uses(cotangents, wanted if partial and wanted else ())
    _refuse_overwritten(uses, leaves)
    leading = None
    if wanted is not None and not partial and not wanted.issuperset(leaves):
        leading = _leading_to(wanted, cotangents)
        uses = dict.fromkeys(leading, 0)
        for node in leading:
            for parent in node.parents:
                if parent in leading:
                    uses[parent] += 1
    grads = {node: g for node, g in cotangents.items() if leading is None or node in leading}
    ready = [node for node in grads if not uses[node]]
    arrived: dict[Node, Any] = {}
    own: set[Node] = set()  # nodes whose entry in grads is a buffer that this sweep made
    while ready:
        node = ready.pop()
        g = grads.pop(node)
        op, saved, extra = node.op, node.saved, node.extra
        if op is None:
            arrived[node] = g
            continue
        if wanted is not None and node in wanted:
            arrived[node] = g
            if partial or (leading is not None and not any(parent in leading for parent in node.parents)):
                continue
        if saved is None:
            raise GraphError(_FREED.format(op.name))
        if rewrap is not None:
            saved = rewrap(node)
        rules, like = op.rules, None
        if extra is not None:
            like = extra.like
            if extra.tensor is not None and wanted is None:
                arrived[node] = g
        position = -1
        for parent in node.parents:
            position += 1
            if parent is None or (leading is not None and parent not in leading):
                continue
            c = rules[position](g, *saved)
            if like is not None and like[position] is not None:
                c = fit(c, op, position, *like[position])
            if parent not in grads:
                grads[parent] = c
            elif parent in own and rewrap is None and c.__class__ in _PLAIN:  # a Dual cannot be added in place
                np.add(grads[parent], c, out=grads[parent])
            else:
                grads[parent] = total = grads[parent] + c
                if type(total) is np.ndarray:
                    own.add(parent)
            left = uses[parent] - 1
            if left:
                uses[parent] = left
            else:
                ready.append(parent)
        if not retain:
            node.saved = None
    return arrived
