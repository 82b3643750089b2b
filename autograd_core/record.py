"""How ops come to exist: `unary`, `binary` and `primitive` turn a row of rules into a function that records itself.

`unary` and `binary` are the hot path (each saved attribute or call there was measured); `primitive` does the same
for any number of arguments. All three give a plain array when no argument is a Tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

import numpy as np

from .arrays import beside, unsupported
from .dual import Dual, stands_above
from .errors import AutogradError, BoundsError, DTypeError, NoRuleError, ShapeError
from .forward import as_output, kept, lifted, push, sunk, without_shells
from .graph import Extra, Node, Op, Rule, modes
from .piece import dense
from .tensor import IMPLEMENTED, Tensor, as_array, wrap

__all__ = ["OPS", "binary", "custom_op", "implements", "primitive", "unary"]

OPS: dict[str, Op] = {}  # every primitive by name; the tests demand a spec row for each


def implements(*numpy_functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function as what these NumPy functions do to Tensors."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for numpy_function in numpy_functions:
            IMPLEMENTED[numpy_function] = function
        if "<locals>" in getattr(function, "__qualname__", ""):
            function.__name__ = function.__qualname__ = numpy_functions[0].__name__
            function.__module__ = "autograd_core"  # where pickle finds it
        return function

    return register


def _enter(op: Op) -> Op:
    known = OPS.get(op.name)
    if known is not None and module_of(known).startswith("autograd_core"):
        raise ValueError(f"'{op.name}' is an op of autograd_core: give yours another name")
    OPS[op.name] = op  # a user's op may be defined again, as when a notebook cell is run again
    return op


def module_of(op: Op) -> str:
    """Where an op's rules are written."""
    rules = [op.rules.rule] if op.variadic else op.rules
    return str(getattr(next((rule for rule in rules if rule is not None), None), "__module__", ""))


def _named(call: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    call.__name__ = call.__qualname__ = name
    call.__module__ = "autograd_core"  # where pickle finds it
    call.__doc__ = doc
    return call


def unary(
    name: str, forward: Callable[[Any], Any], rule: Rule, numpy: Callable[..., Any] | None = None, doc: str = ""
) -> Callable[..., Any]:
    """Make an elementwise function of one argument from its forward function and its rule `(g, y, x) -> cotangent`."""
    op = _enter(Op(name, forward, (rule,), "elementwise"))
    keep_y, keep_x = (keep == "value" for keep in op.keeps((True,)))
    nothing = None if keep_y or keep_x else (None, None)
    new, new_node, mode = Tensor.__new__, Node, modes

    if numpy is None:
        forward = lifted(op, forward)

    def call(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return push(op, (x,)) if x.__class__ is Dual else forward(x)
        data = x._data
        try:
            y = forward(data)
        except Exception as error:
            raise explained(error, op, (data,)) from error
        t = new(Tensor)
        t._data = y
        t._grad = None
        t.name = None
        parent = x._node
        if parent is not None and mode.recording:
            t._node = n = new_node()
            n.op = op
            n.parents = (parent,)
            n.saved = nothing or (y if keep_y else None, data if keep_x else None)
            n.extra = None
        else:
            t._node = None
            if parent is not None and mode.recording is None:
                return _recorded(op, (parent,), (data,), y)
        return t

    if numpy is not None:
        IMPLEMENTED[numpy] = call
    op.call = call
    return _named(call, name, doc)


# What ops on 0-d arrays give: with operands of the same class nothing was broadcast or promoted
_SCALARS = frozenset({np.float64, np.float32, np.complex128, np.complex64, np.float16, np.longdouble, np.bool_, np.int64})
_NUMBERS = frozenset({int, float, complex, bool, np.ndarray, np.float64, np.float32, np.complex128, np.int64})


def _operand(op: Op, x: Any, other: Any = None) -> Any:
    """An operand that is no Tensor and not of the usual kinds, as something that NumPy computes with."""
    if type(x) is complex:  # with a NumPy scalar Python's own complex would take over, and leave us without a dtype
        return np.complex128(x) if type(other) is np.float64 else x
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return x
    try:
        return as_array(x) if hasattr(x, "dtype") else beside(as_array(x), other)
    except AutogradError as error:
        raise type(error)(f"'{op.name}' cannot be computed with a {type(x).__name__}: {error}") from error


def binary(  # noqa: PLR0915  one function, so that an op costs no further call
    name: str,
    forward: Callable[[Any, Any], Any],
    rule_a: Rule | None,
    rule_b: Rule | None,
    numpy: Callable[..., Any] | None = None,
    doc: str = "",
) -> Callable[..., Any]:
    """Make a broadcasting elementwise function of two arguments; the rules are `(g, y, a, b) -> cotangent`."""
    op = _enter(Op(name, forward, (rule_a, rule_b), "elementwise"))
    keeps = {
        (a, b): tuple(keep == "value" for keep in op.keeps((a, b))) for a, b in ((True, True), (True, False), (False, True))
    }
    keep_both, keep_first, keep_second = keeps.values()
    nothing = (None, None, None)
    new, new_node, mode, array, scalars = Tensor.__new__, Node, modes, np.ndarray, _SCALARS
    if numpy is None:
        forward = lifted(op, forward)

    def call(a: Any, b: Any) -> Any:  # noqa: PLR0915  as `binary` itself
        if isinstance(a, Tensor):
            node_a = a._node
            a = a._data
            if isinstance(b, Tensor):
                node_b = b._node
                b = b._data
            else:
                node_b = None
                if b.__class__ not in _NUMBERS:
                    if b.__class__ is Dual and not stands_above(node_a, b.level):
                        return push(op, (a if node_a is None else wrap(a, node_a), b))
                    b = _operand(op, b, a)
        elif isinstance(b, Tensor):
            node_a = None
            node_b = b._node
            b = b._data
            if a.__class__ not in _NUMBERS or a.__class__ is complex:
                if a.__class__ is Dual and not stands_above(node_b, a.level):
                    return push(op, (a, b if node_b is None else wrap(b, node_b)))
                a = _operand(op, a, b)
        elif a.__class__ is Dual or b.__class__ is Dual:
            return push(op, (a, b))
        else:
            return forward(a, b)
        try:
            y = forward(a, b)
        except Exception as error:
            raise explained(error, op, (a, b)) from error
        t = new(Tensor)
        t._data = y
        t._grad = None
        t.name = None
        if node_a is not None:
            keep = keep_first if node_b is None else keep_both
        elif node_b is not None:
            keep = keep_second
        else:
            t._node = None
            return t
        if not mode.recording:
            t._node = None
            return t if mode.recording is False else _recorded(op, (node_a, node_b), (a, b), y)
        t._node = n = new_node()
        n.op = op
        n.parents = (node_a, node_b)
        keep_y, keep_a, keep_b = keep
        if keep_a:
            n.saved = (y if keep_y else None, a, b if keep_b else None)
        elif keep_b or keep_y:
            n.saved = (y if keep_y else None, None, b if keep_b else None)
        else:
            n.saved = nothing
        kind = y.__class__
        if kind is Dual:
            moved = sunk(op, n.parents, (a, b), y)
            if moved.__class__ is Dual:
                return moved
            n.parents, n.saved, t._data = moved
        if kind is array or kind not in scalars or (node_a and a.__class__ is not kind) or (node_b and b.__class__ is not kind):
            n.extra = _to_fit(n.parents, (a, b), y, 0)
        else:
            n.extra = None
        return t

    if numpy is not None:
        IMPLEMENTED[numpy] = call
    op.call = call
    return _named(call, name, doc)


def primitive(
    name: str,
    forward: Callable[..., Any],
    *rules: Rule | None,
    kind: str = "",
    core: int | None = None,
    variadic: bool = False,
    first: int = 0,
) -> Callable[..., Any]:
    """Make a function of any number of arguments that records itself; `custom_op` describes the parameters."""
    return _registered(Op(name, forward, rules, kind, core, variadic, first), own=False)


def custom_op(
    name: str,
    forward: Callable[..., Any],
    *rules: Rule | None,
    kind: Literal["elementwise", "linear", "multilinear", ""] = "",
    core: int | None = None,
    variadic: bool = False,
    first: int = 0,
    jvp: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Make a differentiable function from its forward function and its rules: the door for ops of your own.

    Args:
        name: the op's name in pictures and messages; unique.
        forward: takes and returns NumPy arrays; called with positional arguments only.
        rules: one per leading argument, `rule(g, y, *arguments) -> cotangent of that argument`, or None for an
            argument that has no derivative; g has the shape of the output y. Written in plain NumPy; parameter names say
            what is saved: `x` the value, `x_shape` only the shape, `_x` nothing. Arguments behind the last rule are
            static. For higher orders a rule has to consist of functions that have rules themselves. Complex numbers need
            no conjugate in a holomorphic rule (`g * f'(x)`): it is taken once where gradients enter and leave.
        kind: "elementwise" (broadcasts, each output element depends on one element per argument), "linear" (in the
            arguments that have rules together), "multilinear" (in each alone), or "" for neither. It makes forward mode
            cheaper, and "elementwise" has the engine sum cotangents over broadcast axes.
        core: how many trailing axes do not broadcast, for functions that loop over the axes before them (2 for
            matmul); the cotangents are then summed back over broadcast axes by the engine.
        variadic: one rule `rule(k, g, y, *arguments)` for any number of operands, numbered by `k`, which stand
            behind `first` static arguments.
        jvp: `jvp(tangents, y, *arguments) -> tangent of y`, with None for arguments that do not move. Needed only where a
            rule calls code that cannot be recorded; otherwise forward mode comes from the rules.

    Returns:
        A function of positional arguments that records itself when one of them is a tracked Tensor.

    Raises:
        TypeError: a rule does not take g, y and every argument.
        ValueError: the name belongs to an op of this package.
        ShapeError: (in a backward pass) a rule returned another shape than its argument's.

    >>> import numpy as np, autograd_core as ag
    >>> cube = ag.custom_op("cube", lambda x: x**3, lambda g, _y, x: 3 * g * x**2)
    >>> ag.grad(ag.grad(cube))(2.0)
    12.0
    """
    op = Op(name, forward, rules, kind, core, variadic, first)
    op.pushforward = jvp
    op.guard(lambda rule: _guarded(rule, variadic))
    return _registered(op, own=True)


def _registered(op: Op, own: bool) -> Callable[..., Any]:
    """The function that records an op; `own` says that it is a user's, whose rules are not trusted with shapes."""
    name, forward, core = op.name, op.forward, op.core
    _enter(op)
    # what to leave out and of what to save the shape, by which arguments are tracked (as bits behind a leading 1)
    plans: dict[int, tuple[list[int], list[int]] | None] = {}
    new_node, mode, ndarray = Node, modes, np.ndarray

    def call(*args: Any) -> Any:
        data, parents = [], []
        seen = moving = False
        needs = 1
        for x in args:
            needs += needs
            if isinstance(x, Tensor):
                seen = True
                node = x._node
                parents.append(node)
                if node is not None:
                    needs += 1
                x = x._data
            else:
                parents.append(None)
            if x.__class__ is Dual:
                moving = True
            data.append(x)
        plan = None
        if seen and mode.recording is not False:
            plan = plans[needs] if needs in plans else plans.setdefault(needs, _plan(op, parents))
        if moving:
            return _moving(op, args, data, parents if plan else [None] * len(data), seen, own)
        try:
            y = forward(*data)
        except Exception as error:
            raise explained(error, op, tuple(data)) from error
        if not seen:
            return y
        if y.__class__ is not ndarray and not hasattr(y, "dtype"):
            y = as_output(y, op)
        if plan is None:
            return wrap(y)
        if not mode.recording:
            return _recorded(op, tuple(parents), tuple(data), y, own)
        node = new_node()
        node.op = op
        node.parents = tuple(parents)
        node.extra = _to_fit(parents, data, y, core, own)
        values = [y, *data]
        for k in plan[0]:
            values[k] = None
        for k in plan[1]:
            values[k] = np.shape(values[k])
        node.saved = tuple(values)
        return wrap(y, node)

    op.call = call
    return _named(call, name, f"The primitive '{name}'.")


def _plan(op: Op, parents: list[Node | None]) -> tuple[list[int], list[int]] | None:
    """What a node leaves out of (y, *arguments), and of what it keeps the shape; refuse arguments without a rule."""
    needs = tuple([parent is not None for parent in parents])
    for position, needed in enumerate(needs):
        if needed and not op.variadic and (position >= len(op.rules) or op.rules[position] is None):
            raise NoRuleError(
                f"'{op.name}' has no derivative with respect to argument {position}: "
                "pass its values (t.numpy()) if no gradient is wanted there"
            )
    if not any(needs):
        return None
    keeps = op.keeps(needs)
    return [k for k, keep in enumerate(keeps) if not keep], [k for k, keep in enumerate(keeps) if keep == "shape"]


def _moving(op: Op, args: Any, data: list[Any], parents: list[Node | None], seen: bool, own: bool) -> Any:
    """What a call gives when a Dual is among the arguments or inside them: the deepest transform handles it."""
    args = without_shells(args)
    level = max([x.level for x in args if x.__class__ is Dual], default=0)
    if level and not any(isinstance(x, Tensor) and stands_above(x._node, level) for x in args):
        return push(op, args)
    try:
        y = push(op, tuple(data))
    except Exception as error:
        raise explained(error, op, tuple(data)) from error
    if any(parent is not None for parent in parents):
        return _recorded(op, tuple(parents), tuple(data), y, own)
    return wrap(y) if seen and y.__class__ is not Dual else y


def _recorded(op: Op, parents: tuple[Node | None, ...], data: tuple[Any, ...], y: Any, own: bool = False) -> Any:
    """The output as a Tensor with its node, for any op: where Duals are, and under `detect_anomaly`."""
    node = Node()
    node.op = op
    node.parents = parents
    value = y
    if y.__class__ is Dual:
        moved = sunk(op, parents, data, y)
        if moved.__class__ is Dual:
            return moved
        node.parents, node.saved, value = moved
    else:
        node.saved = kept(op, parents, y, data)
    node.extra = _to_fit(node.parents, data, value, op.core, own)
    if not modes.recording:
        modes.watch(node, data, value)
    return wrap(value, node)


def _read_only(g: Any) -> Any:
    """The cotangent as a rule of a user's op gets it: others may hold the same array."""
    g = dense(g)
    if type(g) is np.ndarray:
        g = g.view()
        g.flags.writeable = False
    return g


def _guarded(rule: Rule, variadic: bool) -> Rule:
    if variadic:
        return wraps(rule)(lambda k, g, *saved: rule(k, _read_only(g), *saved))
    return wraps(rule)(lambda g, *saved: rule(_read_only(g), *saved))


def _to_fit(parents: Any, data: Any, y: Any, core: int | None, always: bool = False) -> Extra | None:
    """Note which arguments were broadcast or promoted, so that their cotangents are brought back to fit.

    All axes of y but the last `core` ones are compared; None compares no shape. `always` notes every shape, so that
    what the rules of a user's op return is checked.
    """
    dtype = y.dtype
    if not always:
        batch = y.shape[: y.ndim - core] if core is not None and y.ndim != core else ()
        for parent, x in zip(parents, data):  # noqa: B905  the hot path
            if parent is not None:
                if x.dtype is not dtype:
                    break
                if core is not None and (batch or x.ndim != core) and x.shape[: x.ndim - core] != batch:
                    break
        else:
            return None
    extra = Extra()
    extra.like = tuple(
        (x.shape if core is not None or always else None, x.dtype) if parent is not None else None
        for parent, x in zip(parents, data, strict=True)
    )
    return extra


def explained(error: Exception, op: Op, args: tuple[Any, ...]) -> Exception:
    """An error of ours that names the op and shows what it was given, for an error raised inside it."""
    if isinstance(error, AutogradError):
        return error
    if not isinstance(error, (ValueError, IndexError)):
        refused = unsupported(f"'{op.name}'", error, *args)
        if refused is not None:
            return refused
        if not isinstance(error, TypeError):
            return error
    given = ", ".join(_shown(x) for x in args)
    message = f"'{op.name}' cannot be computed for ({given}): {error}"
    if isinstance(error, np.linalg.LinAlgError):
        return _SingularError(message)
    if isinstance(error, IndexError):
        return BoundsError(message)
    return (ShapeError if isinstance(error, ValueError) else DTypeError)(message)


class _SingularError(AutogradError, np.linalg.LinAlgError):
    """A matrix without an inverse, a factorisation that does not converge."""


def _shown(x: Any) -> str:
    if isinstance(x, (np.ndarray, np.generic)):
        return f"{x.dtype} array of shape {x.shape}"
    text = repr(x)
    return text if len(text) < 60 else f"{type(x).__name__}"
