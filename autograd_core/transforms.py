"""Transforms: functions in, functions out. All are built on `gradients`.

Arguments are arrays, numbers, Tensors, or nested tuples, lists and dicts of them. What comes back has the structure
and the kind of what went in: arrays for arrays, Tensors for Tensors. Inside another transform, and for Tensors that
require a gradient, it comes back as Tensors with their graph, so that transforms nest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import wraps
from typing import Any, Literal

import numpy as np

from .arrays import foreign, is_foreign, one_kind
from .dual import Dual, bare
from .errors import DTypeError, ShapeError
from .graph import Extra, enable_grad, modes, topological_order
from .ops.elementwise import identity
from .tensor import Tensor, as_array, gradients, wrap
from .tree import flatten, flatten_like, paths

__all__ = ["grad", "hvp", "jvp", "linearize", "value_and_grad", "vjp"]


@contextmanager
def _running() -> Iterator[bool]:
    """Record whatever the mode outside; tell whether another transform is running around this one."""
    modes.depth += 1
    modes.level += 1
    modes.reverse = (*modes.reverse, modes.level)
    try:
        with enable_grad():
            yield modes.depth > 1
    finally:
        modes.depth -= 1
        modes.level -= 1
        modes.reverse = modes.reverse[:-1]


class _Inputs:
    """The differentiated arguments as fresh tracked Tensors, and the way back to what the user passed."""

    def __init__(self, trees: Sequence[Any], names: Sequence[str], nested: bool, own: bool = False) -> None:
        self.given, self.rebuild = flatten(list(trees))
        where = [path for tree, name in zip(trees, names, strict=True) for path in paths(tree, name)]
        self.tensors = [_tracked(x, path, own) for x, path in zip(self.given, where, strict=True)]
        # keep the graph of the results: someone outside may want to differentiate them
        self.structure = list(trees)
        self.level = modes.level
        self.keep = nested or any(isinstance(x, Tensor) and x.requires_grad for x in self.given)
        self.kind = Tensor if any(isinstance(x, Tensor) for x in self.given) else None

    def gradients(self, outputs: Any, cotangents: Any = None, create_graph: bool = False, retain: bool = False) -> list[Tensor]:
        """Gradients for every input, zeros where the outputs do not depend on it."""
        self.keep = self.keep or (self.kind is not None and self._reach_others(outputs))
        found = gradients(outputs, self.tensors, cotangents, create_graph or self.keep, retain or None, allow_unused=True)
        return [wrap(np.zeros_like(x._data)) if g is None else g for g, x in zip(found, self.tensors, strict=True)]

    def _reach_others(self, outputs: Any) -> bool:
        """Whether the outputs also depend on tracked tensors that the function closes over, such as a model's parameters."""
        nodes = [x._node for x in flatten(outputs)[0] if isinstance(x, Tensor) and x._node is not None]
        own = {x._node for x in self.tensors}
        return any(node.op is None and node not in own for node in topological_order(nodes))

    def given_back(self, results: Sequence[Tensor]) -> Any:
        """Results in the structure of the arguments, each of the kind of its argument."""
        return self.rebuild([self.released(g, x) for g, x in zip(results, self.given, strict=True)])

    def released(self, result: Tensor, like: Any) -> Any:
        inner = result._data
        if isinstance(inner, Dual) and not any(inner.level < level < self.level for level in modes.reverse):
            return inner  # the next transform outside is the forward one that made it
        if self.keep:
            return result
        if isinstance(like, Tensor):
            return result.detach()
        if type(like) in (float, complex):
            return result.item()
        return result.data[()] if isinstance(like, np.generic) else result.data

    def outputs(self, tree: Any) -> Any:
        """What the function itself returned, without the graph of this transform."""
        leaves, rebuild = flatten(tree)
        return rebuild([self.released(x, self.kind and x) if isinstance(x, Tensor) else x for x in leaves])


def _tracked(x: Any, path: str, own: bool) -> Tensor:
    if isinstance(x, Tensor) and x.requires_grad:
        return _at_level(identity(x))
    if isinstance(x, Dual):
        return _at_level(wrap(x, leaf=True))
    try:
        array = as_array(x)
    except DTypeError as error:
        raise DTypeError(f"{path}: {error}") from error
    if array.dtype.kind not in "fc":
        raise DTypeError(f"{path} has dtype {array.dtype}, which has no gradient: pass floats (2.0 instead of 2)")
    # a pullback may be called after the caller has changed the array
    return _at_level(Tensor(array.copy() if own else array, requires_grad=True))


def _at_level(tensor: Tensor) -> Tensor:
    """Mark where this transform starts to differentiate."""
    extra = tensor._node.extra = Extra()  # type: ignore[union-attr]
    extra.level = modes.level
    return tensor


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))


def positions(argnums: int | Sequence[int], args: Sequence[Any], f: Callable[..., Any]) -> list[int]:
    """The arguments to differentiate, counted from 0.

    Raises:
        ValueError: an argument is named twice, or is not there among the positional ones.
    """
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    wrong = [k for k in wanted if not -len(args) <= k < len(args)]
    if wrong:
        raise ValueError(
            f"argnums {wrong[0]}: '{_name(f)}' was called with {len(args)} positional arguments (those to differentiate "
            "have to be passed by position)"
        )
    found = [k % len(args) for k in wanted]
    if len(set(found)) != len(found):
        raise ValueError(f"argnums names an argument twice: {tuple(wanted)} of {len(args)}")
    return found


def _scalar(output: Any, function: Callable[..., Any]) -> Tensor:
    """Check that what a function returned can be differentiated as one real number."""
    name = _name(function)
    if output is None:
        raise DTypeError(f"'{name}' returned None: it has to return the number to differentiate")
    if not isinstance(output, Tensor):
        output = wrap(as_array(output))
    if output.size != 1:
        raise ShapeError(f"'{name}' has to return one number, and returned shape {output.shape}: reduce it, or use vjp")
    if output.dtype.kind != "f":
        raise DTypeError(f"'{name}' has to return a real number, and returned {output.dtype}: use vjp for complex outputs")
    return output


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make a function that returns `(f(...), gradient of f)`.

    Args:
        f: returns one real number; with `has_aux` a pair of it and anything else.
        argnums: position of the argument to differentiate, or a sequence of positions.
        has_aux: also hand through what else `f` returns: `((value, aux), gradient)`.

    Returns:
        A function of the arguments of `f`. The gradient has the structure of the argument, or is a tuple of them.

    Raises:
        ShapeError: `f` returned more than one number.
        DTypeError: an argument is an integer, or `f` returned a complex number.
        ValueError: argnums names an argument twice, or one that was not passed by position.

    >>> import autograd_core as ag
    >>> ag.value_and_grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    (6.0, {'a': 3.0, 'b': 2.0})
    """
    if not isinstance(argnums, int) and len(set(argnums)) != len(argnums):
        raise ValueError(f"argnums names an argument twice: {tuple(argnums)}")

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, args, f)
        with _running() as nested:
            inputs = _Inputs([args[k] for k in chosen], [f"argument {k}" for k in chosen], nested)
            tracked = dict(zip(chosen, inputs.rebuild(inputs.tensors), strict=True))
            result = f(*(tracked.get(k, x) for k, x in enumerate(args)), **kwargs)
            if has_aux and not (isinstance(result, tuple) and len(result) == 2):
                raise TypeError(f"with has_aux, '{_name(f)}' has to return (value, aux); it returned {type(result).__name__}")
            value, aux = result if has_aux else (result, None)
            value = _scalar(value, f)
            found = inputs.given_back(inputs.gradients(value))
            # a number, but on a GPU an array: reading it would wait for the device
            shown = inputs.released(value, value if inputs.kind else 0.0 if foreign(value) is None else None)
            out = (shown, inputs.outputs(aux)) if has_aux else shown
            return out, (found[0] if isinstance(argnums, int) else tuple(found))

    return call


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make the function that computes the gradient of `f`; with `has_aux`, `(gradient, aux)`.

    Arguments and errors as for `value_and_grad`.

    >>> import autograd_core as ag
    >>> ag.grad(ag.grad(lambda x: x**3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        out, found = both(*args, **kwargs)
        return (found, out[1]) if has_aux else found

    return call


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate `f` and give the pullback, which maps a cotangent of the output to one of each primal.

    Args:
        f: a function of the primals, returning an array or nested containers of arrays.
        primals: the point; every array in it is differentiated.

    Returns:
        `(f(*primals), pullback)`; the output is a copy, yours to change. `pullback(cotangent)` takes what has the
        structure and shapes of the output, any number of times, and returns a tuple with one entry per primal.

    >>> import numpy as np, autograd_core as ag
    >>> y, pullback = ag.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    with _running() as nested:
        inputs = _Inputs(primals, [f"primal {k}" for k in range(len(primals))], nested, own=True)
        result = f(*inputs.rebuild(inputs.tensors))
        outputs, rebuild_out = flatten(result)
        # the graph keeps what rules read; the caller may change what he is given
        out = rebuild_out(
            [x.copy() if isinstance(x, np.ndarray) or is_foreign(x) else x for x in flatten(inputs.outputs(result))[0]]
        )

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        given = flatten_like(cotangent, result, "the cotangent")
        once = copy(inputs)
        once.keep = inputs.keep or any(isinstance(g, Tensor) and g.requires_grad for g in given)
        with _running():
            once.level = modes.level  # what counts is which transforms run around this call
            return tuple(once.given_back(once.gradients(outputs, given, retain=True)))

    return out, pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Push tangents forward through `f`: `(f(*primals), J tangents)`, in one pass without a graph.

    Args:
        f: returns an array or nested containers of arrays.
        primals: a tuple or list of the arguments of `f`.
        tangents: of the same structure and shapes.

    Returns:
        The output and its tangent, of one structure.

    Raises:
        ShapeError: the tangents do not fit the primals.
        DTypeError: a primal is an integer.

    >>> import numpy as np, autograd_core as ag
    >>> ag.jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise ShapeError("jvp takes a tuple of primals and a tuple of tangents: jvp(f, (x,), (v,))")
    given, rebuild = flatten(list(primals))
    where = [path for k, tree in enumerate(primals) for path in paths(tree, f"primal {k}")]
    directions = flatten_like(list(tangents), list(primals), "the tangents")
    one_kind("jvp", *(x for x in (*given, *directions) if np.ndim(x)))
    modes.level += 1
    try:
        with enable_grad():
            level = modes.level
            duals = [_dual(x, t, path, level) for x, t, path in zip(given, directions, where, strict=True)]
            leaves, structure = flatten(f(*rebuild(duals)))
            # a constant tensor into which something moving was assigned
            leaves = [x._data if isinstance(x, Tensor) and isinstance(x._data, Dual) and x._node is None else x for x in leaves]
    finally:
        modes.level -= 1
    split = [(x._data, x._tangent) if isinstance(x, Dual) and x.level == level else (x, np.zeros_like(bare(x))) for x in leaves]
    return structure([y for y, _ in split]), structure([t for _, t in split])


def _dual(x: Any, t: Any, path: str, level: int) -> Dual:
    x = x if isinstance(x, (Tensor, Dual)) else _scalarised(as_array(x))
    t = t if isinstance(t, (Tensor, Dual)) else _scalarised(as_array(t))
    if x.dtype.kind not in "fc":
        raise DTypeError(f"{path} has dtype {x.dtype}, which has no tangent: pass floats (2.0 instead of 2)")
    if t.dtype.kind == "c" and x.dtype.kind != "c":
        raise DTypeError(f"{path} is {x.dtype}, and its tangent complex: a real number moves along real numbers")
    if t.shape != x.shape:
        raise ShapeError(f"{path} has shape {x.shape}, its tangent {t.shape}")
    return Dual(x, t if t.dtype == x.dtype else t.astype(x.dtype), level)


def _scalarised(array: Any) -> Any:
    return array if array.ndim else array[()]


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Evaluate `f` and give its derivative at this point as a function of tangents: `f` is not evaluated again.

    The pullback is a linear function of the cotangent; its own pullback is the derivative (Christianson 1992). Each call
    costs about one backward pass; for a single tangent `jvp` is simpler and keeps no graph.

    Args:
        f: a function of the primals, returning an array or nested containers of arrays.
        primals: the point; copied.

    Returns:
        `(f(*primals), push)`; `push(*tangents)` takes one tangent per primal and returns `J tangents` in the structure
        of the output, any number of times.

    >>> import numpy as np, autograd_core as ag
    >>> y, push = ag.linearize(lambda x: x**2, np.array([1.0, 2.0]))
    >>> push(np.array([1.0, 10.0]))
    array([ 2., 40.])
    """
    out, pullback = vjp(f, *primals)
    leaves, rebuild = flatten(out)
    zeros = [np.zeros_like(bare(y)) for y in leaves]
    back, transposed = vjp(
        pullback, rebuild([Tensor(z) if isinstance(y, Tensor) else z for y, z in zip(leaves, zeros, strict=True)])
    )
    shapes = [np.shape(bare(x)) for x in flatten(back)[0]]

    def push(*tangents: Any) -> Any:
        given = flatten_like(list(tangents), list(primals), "the tangents")
        if [np.shape(t) for t in given] != shapes:
            raise ShapeError(f"the tangents have the shapes of the primals, {shapes}; got {[np.shape(t) for t in given]}")
        return transposed(tuple(tangents))[0]

    return out, push


def hvp(
    f: Callable[..., Any],
    primals: Any,
    vectors: Any,
    mode: Literal["auto", "reverse-over-reverse", "forward-over-reverse"] = "auto",
) -> Any:
    """Multiply the Hessian of `f` with vectors, at about twice the cost of a gradient.

    Args:
        f: returns one real number.
        primals: a tuple of arguments of `f`, or the only argument itself.
        vectors: of the same structure and shapes as `primals`.
        mode: "reverse-over-reverse" differentiates <grad f, v>; "forward-over-reverse" pushes v through the gradient,
            d/dt grad f(x + t v). They agree to rounding. "auto" is the first, which is cheaper here (docs/scaling.md)
            and exact where only the composite is smooth, as norm(x)**2 at 0.

    Returns:
        `H v` in the structure of `primals`.

    Raises:
        ShapeError: `f` returned more than one number, or the vectors do not fit the primals.
        ValueError: an unknown mode.

    Source: Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    >>> import numpy as np, autograd_core as ag
    >>> ag.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])
    """
    single = not isinstance(primals, tuple)
    if single:
        primals, vectors = (primals,), (vectors,)
    if mode == "forward-over-reverse":
        found = _moving_gradient(f, primals, vectors)
    elif mode in ("auto", "reverse-over-reverse"):
        found = _gradient_of_slope(f, primals, vectors)
    else:
        raise ValueError(f"mode is 'auto', 'reverse-over-reverse' or 'forward-over-reverse'; got {mode!r}")
    return found[0] if single else tuple(found)


def _gradient_of_slope(f: Callable[..., Any], primals: tuple[Any, ...], vectors: Any) -> Any:
    with _running() as nested:
        inputs = _Inputs(primals, [f"primal {k}" for k in range(len(primals))], nested)
        directions = flatten_like(list(vectors), inputs.structure, "the vectors")
        for d, x in zip(directions, inputs.tensors, strict=True):
            if np.shape(d) != x.shape:
                raise ShapeError(f"a vector of hvp has the shape of its primal, {x.shape}; got {np.shape(d)}")
        slope = inputs.gradients(_scalar(f(*inputs.rebuild(inputs.tensors)), f), create_graph=True)
        return inputs.given_back(inputs.gradients(slope, directions))


def _moving_gradient(f: Callable[..., Any], primals: tuple[Any, ...], vectors: Any) -> Any:
    _, moved = jvp(grad(f, argnums=range(len(primals))), primals, vectors)
    leaves, rebuild = flatten(moved)
    numbers = [type(x) in (float, complex) for x in flatten(list(primals))[0]]
    return rebuild(
        [t.item() if number and not isinstance(t, (Tensor, Dual)) else t for t, number in zip(leaves, numbers, strict=True)]
    )
