"""`Tensor`: an array, its gradient, and a link to the node that made it. It speaks NumPy's protocols.

The operators and array methods are bound to their ops in `methods.py`, which sits above the ops.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import beside, foreign, is_foreign, kind_of, one_kind, overlap, to_host, unsupported
from .errors import AutogradError, DTypeError, GraphError, NoRuleError, ShapeError
from .graph import Extra, Node, Retired, enable_grad, modes, sweep
from .text import one_line

if TYPE_CHECKING:
    from .signatures import Bound
else:
    Bound = object  # its methods are bound in methods.py

__all__ = ["IMPLEMENTED", "Tensor", "gradients"]

IMPLEMENTED: dict[Callable[..., Any], Callable[..., Any]] = {}  # NumPy's function -> ours


def _stays(data: Any) -> bool:
    """Whether `data` speaks NumPy's protocols itself: an array of another library, a Dual."""
    return hasattr(data, "__array_function__") and not isinstance(data, (np.ndarray, np.generic))


def as_array(data: Any, dtype: Any = None) -> Any:
    """Turn what a user passes as data into an array with a dtype that a Tensor can hold; share memory if possible."""
    if isinstance(data, Tensor):
        if data._node is not None:
            raise GraphError(_CUT.format("Tensor(t)", data._label()))
        data = data._data
    if isinstance(data, np.ma.MaskedArray):
        raise DTypeError("a masked array would lose its mask: pass array.filled(value), or use where(mask, a, b)")
    if _stays(data):
        return data if dtype is None else data.astype(dtype)
    try:
        array = np.asarray(data, dtype=dtype)
    except ValueError as error:  # NumPy's own text says which dimension is uneven
        raise ShapeError(f"these nested lists do not form an array: {error}") from error
    except TypeError as error:  # a list of arrays that stay where they are
        refused = unsupported("a Tensor from a list", error, data)
        if refused is None:
            raise
        raise refused from error
    if array.dtype.kind not in "biufc":
        raise DTypeError(
            f"a Tensor holds booleans, integers, real or complex numbers; got dtype {array.dtype} "
            f"from {type(data).__name__}. Convert the data first, for instance np.asarray(data, dtype=float)."
        )
    return array


class Tensor(Bound):
    """An array that records what is done to it, and knows its gradient after `backward()`.

    Args:
        data: an array, a number, nested lists, or an untracked Tensor. NumPy arrays are shared, not copied.
        requires_grad: record operations from here on and collect a gradient. Needs a real or complex dtype.
        dtype: convert to this dtype; None keeps the data's (Python floats become float64).
        name: a label for error messages and pictures.

    Copies (`copy.copy`, `copy.deepcopy`) and pickles have values, gradient and name; a leaf's requires a gradient as it does.
    The graph stays behind: the copy of an operation's result requires no gradient.

    Raises:
        DTypeError: for data that is no number, or `requires_grad` on integers or booleans.
        ShapeError: for ragged lists.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (x ** 2).sum()
    >>> y.backward()
    >>> x.grad
    Tensor([2., 4., 6.])
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_node", "name")

    _data: Any
    _grad: Tensor | None
    _node: Node | None
    name: str | None

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> None:
        array = as_array(data, dtype)
        self._data = array[()] if type(array) is np.ndarray and not array.ndim else array  # 0-d: as ops leave it
        self._grad = None
        self._node = None
        self.name = name
        if requires_grad:
            self.requires_grad = True

    # What it is

    @property
    def data(self) -> Any:
        """The array itself. Assigning replaces it; graphs recorded before keep the old values."""
        if isinstance(self._data, np.generic):  # ops on 0-d arrays give NumPy scalars
            self._data = np.asarray(self._data)
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        array = as_array(value)
        if self._node is not None:
            if self._node.op is not None:
                raise GraphError(f"{self._label()} is the result of '{self._node.op.name}': only a leaf's data can be replaced")
            _check_differentiable(array.dtype)
            if overlap(array, self._data):
                self.overwritten()  # as by `t.data -= 1`, which writes first and assigns then
            else:
                self._node = _leaf(self)
        self._data = array

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by `backward`, of this tensor's shape and dtype; None before."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor(value)
            if value.shape != self.shape:
                raise ShapeError(f"the gradient of {self._label()} has its shape {self.shape}; got {value.shape}")
            if value.dtype != self.dtype:
                raise DTypeError(f"the gradient of {self._label()} has its dtype {self.dtype}; got {value.dtype}")
            one_kind(f"the gradient of {self._label()}", value, self)
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded. Can be set on leaves."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value is (self._node is not None):
            return
        if not self.is_leaf:
            raise GraphError(f"{self._label()} is the result of an operation: use detach() for a copy without its graph")
        if value:
            _check_differentiable(self.dtype)
        self._node = _leaf(self) if value else None

    @property
    def is_leaf(self) -> bool:
        """Whether the user made this tensor, rather than a recorded operation."""
        return self._node is None or self._node.op is None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self._data.dtype

    def _label(self) -> str:
        label = f"tensor of shape {self.shape} and dtype {self.dtype}"
        return f"'{one_line(self.name)}', a {label}" if self.name else f"a {label}"

    # Gradients

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf that it was computed from.

        Args:
            gradient: the cotangent to start from, of this tensor's shape; may be left out for a single number (1).
            retain_graph: keep the saved values for another backward pass.
            create_graph: record the backward pass too, so that the gradients can be differentiated (keeps the graph).

        Raises:
            GraphError: nothing was recorded, the graph was freed, or a leaf was overwritten since.
            ShapeError: not a single number and no `gradient`, or a `gradient` of another shape.
        """
        if self._node is None:
            raise GraphError(
                f"backward on {self._label()}, which was not computed from a tensor that requires a gradient. Create "
                "the inputs with requires_grad=True, and compute outside no_grad()."
            )
        start = {self._node: _cotangent(self, gradient, create_graph)}
        for node, g in _swept(start, None, retain_graph, create_graph).items():
            tensor = node.saved() if node.op is None else node.extra.tensor()
            if tensor is None:
                continue
            if tensor.shape != g.shape:
                raise GraphError(
                    f"a gradient of shape {g.shape} arrived for {tensor._label()}: its data was replaced by another shape "
                    "after the graph had been recorded. Compute the output again."
                )
            with _accumulating:  # other threads may add to the same leaf
                tensor._grad = g if tensor._grad is None else tensor._grad + g

    def retain_grad(self) -> None:
        """Collect `.grad` on this tensor too, although it is the result of an operation."""
        if self._node is None:
            raise GraphError(f"retain_grad on {self._label()}, which requires no gradient")
        if self._node.op is not None:
            if self._node.extra is None:
                self._node.extra = Extra()
            self._node.extra.tensor = weakref.ref(self)

    def zero_grad(self) -> None:
        """Forget the collected gradient (set `.grad` to None)."""
        self._grad = None

    def copy_(self, values: Any) -> Tensor:
        """Write values into a leaf's own memory, as optimizers and initializers do, from wherever they are; returns the leaf.

        A graph recorded before that still needs the old values then refuses to run backward.
        """
        if not self.is_leaf:
            raise GraphError(
                f"copy_ into {self._label()}, the result of '{self._node and self._node.op}': only leaves are written in place"
            )
        if self._node is not None and modes.recording is not False:
            raise GraphError(f"copy_ into {self._label()}, which requires a gradient, while recording: do it under no_grad()")
        values = values._data if isinstance(values, Tensor) else values
        if np.shape(values) != self.shape:
            raise ShapeError(f"copy_ into {self._label()}: the values have shape {np.shape(values)}")
        if modes.written is not None and id(self) not in modes.written:
            modes.written[id(self)] = self, self.data.copy()
        data = self.data
        data[...] = beside(values, data) if is_foreign(data) else to_host(values)
        self.overwritten()
        return self

    def overwritten(self) -> None:
        """Say that this leaf's memory was written in place: graphs recorded before may no longer read it."""
        if self._node is not None and self._node.op is None:
            self._node.extra = Retired(self.name, type(self), self._data)
            self._node = _leaf(self)

    def detach(self) -> Tensor:
        """The same values without graph and tangents. Copied where they may be a leaf's memory, which optimizers overwrite."""
        data = self._data
        while hasattr(data, "_data"):  # a Dual, or what it holds
            data = data._data
        is_leaf = self._node is not None and self._node.op is None
        return wrap(data.copy() if is_leaf or getattr(data, "base", None) is not None else data)

    def numpy(self) -> Any:
        """The values as a NumPy array, without the graph; shares memory with this tensor, but for a copy from a GPU."""
        return to_host(self.data)

    def item(self) -> Any:
        """The value of a tensor with one element, as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item() needs exactly one element; this is {self._label()}")
        return self._data.item()

    # NumPy's protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._node is not None:
            raise GraphError(_CUT.format("a conversion to a NumPy array", self._label()))
        return np.array(self._data, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function = IMPLEMENTED.get(ufunc) if method == "__call__" else METHODS.get((ufunc, method))
        if function is None:
            function = _late(ufunc, method)
        if function is None:
            what = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise NoRuleError(_UNKNOWN.format(what))
        if options:
            inputs, options = _ufunc_options(ufunc, method, inputs, options)
        return function(*inputs, **options)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        function = IMPLEMENTED.get(func)
        if function is None:
            module = (getattr(func, "__module__", None) or "numpy").removeprefix("numpy.").removeprefix("numpy")
            raise NoRuleError(_UNKNOWN.format(f"{module}.{func.__name__}".lstrip(".")))
        try:
            return function(*args, **kwargs)
        except TypeError as error:  # from what a function does around its ops, which say it themselves
            refused = (
                None if isinstance(error, AutogradError) else unsupported(f"'{func.__name__}'", error, *args, *kwargs.values())
            )
            if refused is None:
                raise
            raise refused from error

    def __repr__(self) -> str:
        return _repr(self)

    # Copies and pickles carry values, not graphs: that of an operation's result requires no gradient

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self._data, self.requires_grad and self.is_leaf, self._grad, self.name)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})  # two leaves with one memory could not know of each other's changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        rebuild, (cls, data, requires_grad, grad, name) = self.__reduce__()
        return rebuild(cls, data.copy(), requires_grad, None if grad is None else wrap(grad._data.copy()), name)


_accumulating = threading.Lock()
METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}  # (ufunc, "reduce"): our function

# (module, name): our function, for ufuncs of packages that we do not import, such as scipy.special
NAMED: dict[tuple[str, str], Callable[..., Any]] = {}


def _late(ufunc: np.ufunc, method: str) -> Callable[..., Any] | None:
    """What need not be listed: an outer product by any binary op, and ufuncs known by name."""
    function = IMPLEMENTED.get(ufunc)
    if method == "outer" and function is not None:
        pairwise = function
        return lambda a, b: pairwise(a[(...,) + (None,) * np.ndim(b)], b)
    named = NAMED.items() if method == "__call__" else ()
    return next((f for (module, name), f in named if getattr(sys.modules.get(module), name, None) is ufunc), None)


_CUT = (
    "{0} would silently cut the graph of {1}, which requires a gradient. Use t.numpy() for its values, t.detach() for "
    "a tensor without the graph, or an np/ag function that has a rule."
)
_UNKNOWN = (
    "no derivative rule for numpy's '{0}'. Compute it from functions that have one, take the values with t.numpy() "
    "where no gradient is needed, or register a rule with autograd_core.custom_op."
)


def _ufunc_options(ufunc: np.ufunc, method: str, inputs: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Carry out `dtype=` by casting the inputs; refuse what cannot be recorded."""
    if any(out is not None for out in options.pop("out", None) or ()):
        raise NoRuleError(
            f"'{ufunc.__name__}' cannot write a tracked result into an existing array (out=, or an in-place operator "
            "with a NumPy array on the left): write `a = a + t` instead of `a += t`."
        )
    if method != "__call__":
        return inputs, options
    dtype = options.pop("dtype", None)
    for name, default in (("where", True), ("casting", "same_kind"), ("order", "K"), ("subok", True)):
        if options.pop(name, default) is not default:
            raise NoRuleError(f"'{ufunc.__name__}' on a Tensor does not take {name}=; use where(condition, a, b) or astype")
    if options and ufunc.signature is None:  # those with a signature, such as vecdot, take an axis
        raise NoRuleError(f"'{ufunc.__name__}' on a Tensor does not take {', '.join(options)}=")
    if dtype is not None:
        inputs = tuple(x.astype(dtype) if isinstance(x, Tensor) else np.asarray(x, dtype) for x in inputs)
    return inputs, options


def _check_differentiable(dtype: Any) -> None:
    if dtype.kind not in "fc":
        raise DTypeError(
            f"a gradient needs a real or complex dtype, and {dtype} has none: "
            "give floats, such as Tensor([1.0, 2.0], requires_grad=True), or dtype=float."
        )


def _leaf(tensor: Tensor) -> Node:
    node = Node()
    node.op = None
    node.parents = ()
    node.saved = weakref.ref(tensor)
    node.extra = None
    return node


def wrap(data: Any, node: Node | None = None, leaf: bool = False) -> Tensor:
    """A Tensor around data that is known to be good, without the checks of the constructor."""
    tensor = Tensor.__new__(Tensor)
    tensor._data = data
    tensor._node = node
    tensor._grad = None
    tensor.name = None
    if leaf:
        tensor._node = _leaf(tensor)
    return tensor


def _rebuild(cls: type[Tensor], data: Any, requires_grad: bool, grad: Tensor | None, name: str | None) -> Tensor:
    tensor = cls.__new__(cls)
    tensor._data, tensor._grad, tensor._node, tensor.name = data, grad, None, name
    if requires_grad:
        tensor._node = _leaf(tensor)
    return tensor


def _repr(tensor: Tensor) -> str:
    text = np.array2string(tensor.numpy(), separator=", ", prefix="Tensor(")
    notes = [text] if foreign(tensor) is None else [text, kind_of(tensor)]
    if tensor.dtype not in (np.float64, np.bool_, np.int64):
        notes.append(f"dtype={tensor.dtype}")
    if tensor.name is not None:
        notes.append(f"name={tensor.name!r}")
    if tensor._node is not None:
        notes.append("requires_grad=True" if tensor._node.op is None else f"op={tensor._node.op.name}")
    return f"{type(tensor).__name__}({', '.join(notes)})"


# Backward and gradients


def _cotangent(output: Tensor, gradient: Any, create_graph: bool) -> Any:
    """Check the cotangent of an output; a Tensor when the backward pass is to be recorded, else an array."""
    if gradient is None:
        if output.size != 1:
            raise ShapeError(
                f"backward from {output._label()} needs a cotangent of that shape: reduce the output to one number "
                "(sum, mean), or pass gradient=."
            )
        if output.dtype.kind == "c":
            raise DTypeError("backward from a complex number needs a cotangent: take .real, or abs(), or pass gradient=")
        gradient = np.ones_like(output._data)
    elif foreign(gradient, output) is not None:
        gradient = gradient if np.ndim(gradient) else beside(gradient, output)
        one_kind(f"the cotangent of {output._label()}", gradient, output)
    if not isinstance(gradient, Tensor):
        gradient = wrap(as_array(gradient))
    if gradient.shape != output.shape:
        raise ShapeError(f"the cotangent of {output._label()} has its shape {output.shape}; got {gradient.shape}")
    if gradient.dtype != output.dtype:
        if gradient.dtype.kind == "c" and output.dtype.kind != "c":
            raise DTypeError(f"the cotangent of {output._label()} has to be real; got {gradient.dtype}")
        gradient = gradient.astype(output.dtype)
    return _conjugate(gradient if create_graph else gradient._data)


def _conjugate(g: Any) -> Any:
    """Change between the cotangents that users see and those that rules see; the same for real ones.

    A user's gradient of a real loss is dL/d(re) + i dL/d(im), so that `x - lr * x.grad` descends (PyTorch's
    convention). Rules see its conjugate: then a holomorphic function's rule is g * f'(x), without a conj anywhere.
    """
    return g.conj() if g.dtype.kind == "c" else g


def _rewrap(node: Node) -> tuple[Any, ...]:
    """The saved values of a node as Tensors linked into the graph, for rules that are to record themselves."""
    keeps = node.op.keeps(  # type: ignore[union-attr]
        tuple([parent is not None for parent in node.parents])
    )
    sources = (node, *node.parents)
    return tuple(
        wrap(value, source) if source is not None and kept == "value" else value
        for value, source, kept in zip(node.saved, sources, keeps, strict=True)
    )


def _carried(start: dict[Node, Any], *options: Any) -> dict[Node, Any]:
    """The sweep; what an array of another library cannot do in a rule is said in our words."""
    try:
        return sweep(start, *options)
    except (TypeError, NotImplementedError, AttributeError) as error:
        refused = None if isinstance(error, AutogradError) else unsupported("the backward pass", error, *start.values())
        if refused is None:
            raise
        raise refused from error


def _swept(start: dict[Node, Any], wanted: set[Node] | None, retain: bool, create_graph: bool) -> dict[Node, Tensor]:
    """Sweep, and give what arrived as Tensors that share memory with nothing else."""
    if create_graph:
        with enable_grad():
            arrived = _carried(start, wanted, True, _rewrap)
            return {node: _conjugate(g if isinstance(g, Tensor) else wrap(g)) for node, g in arrived.items()}
    arrived = _carried(start, wanted, retain)
    given = {id(g) for g in start.values()}
    results = {}
    for node, g in arrived.items():
        # A rule may pass its cotangent on as it is, or as a view: then it is not ours to give away.
        if not isinstance(g, np.ndarray):
            g = np.asarray(g) if isinstance(g, np.generic) else g.copy()
        elif g.base is not None or id(g) in given or not g.flags.writeable:
            g = g.copy()
        given.add(id(g))
        results[node] = wrap(_conjugate(g))
    return results


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    cotangents: Any = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> list[Tensor | None]:
    """Differentiate outputs with respect to chosen tensors, which need not be leaves. Changes no `.grad`.

    Computes `sum_i cotangents[i] . d outputs[i] / d inputs[k]` for each k, visiting only nodes that lead to an input.

    Args:
        outputs: a Tensor or a sequence of them.
        inputs: a Tensor or a sequence of them.
        cotangents: one array per output, of its shape; None stands for 1 where the output is a single number.
        create_graph: record the computation, so that the results can be differentiated again.
        retain_graph: keep the saved values for another pass; by default as `create_graph`.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A list with one Tensor per input.

    Raises:
        GraphError: an output was not recorded, or an input is unused.
        ShapeError: a cotangent does not have the shape of its output.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True)
    >>> (g,) = ag.gradients(x ** 3, x, create_graph=True)
    >>> ag.gradients(g, [x])
    [Tensor(12.)]
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if cotangents is None or isinstance(cotangents, (Tensor, np.ndarray, np.generic, complex, float, int)):
        cotangents = [cotangents] * len(outputs) if cotangents is None else [cotangents]
    if len(cotangents) != len(outputs):
        raise ShapeError(f"one cotangent per output: {len(outputs)} outputs, {len(cotangents)} cotangents")
    start: dict[Node, Any] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if not isinstance(output, Tensor) or output._node is None:
            if allow_unused:
                continue
            shown = output._label() if isinstance(output, Tensor) else f"a plain {type(output).__name__}"
            raise GraphError(f"gradients of {shown}, which was not computed from a tensor that requires a gradient")
        g = _cotangent(output, cotangent, create_graph)
        start[output._node] = start[output._node] + g if output._node in start else g
    for k, x in enumerate(inputs):
        if not isinstance(x, Tensor) or x._node is None:
            shown = x._label() if isinstance(x, Tensor) else f"a plain {type(x).__name__}"
            raise GraphError(f"input {k} of gradients is {shown}, which requires no gradient")
    nodes: list[Any] = [x._node for x in inputs]
    results = _swept(start, set(nodes), bool(retain_graph), create_graph)
    unused = [k for k, node in enumerate(nodes) if node not in results]
    if unused and not allow_unused:
        raise GraphError(
            f"the outputs do not depend on input {unused[0]} ({inputs[unused[0]]._label()}): "
            "pass allow_unused=True to get None for it"
        )
    return [results.get(node) for node in nodes]
