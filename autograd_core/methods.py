"""Binds operators and array methods of `Tensor` to the ops, and lists the NumPy functions without a gradient.

An operator is the op's own function: `a + b` costs no extra call.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .arrays import beside, to_host
from .display import tensor_html
from .dual import Dual, bare
from .errors import GraphError, ShapeError
from .graph import modes
from .ops import elementwise as e
from .ops import indexing, products, reductions, rounding, scans, shapes
from .record import implements
from .tensor import _CUT, IMPLEMENTED, METHODS, Tensor, wrap

__all__: list[str] = []


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: function(other, self)


def _bind(name: str, value: Any) -> None:
    """Give Tensor and Dual the same method."""
    setattr(Tensor, name, value)
    setattr(Dual, name, value)


for _name, _function in {
    "add": e.add,
    "sub": e.subtract,
    "mul": e.multiply,
    "truediv": e.divide,
    "pow": e.power,
    "matmul": products.matmul,
    "floordiv": rounding.floor_divide,
    "mod": rounding.remainder,
    "divmod": rounding.divmod,
}.items():
    _bind(f"__{_name}__", _function)
    _bind(f"__r{_name}__", _reflected(_function))


def _in_place(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Augmented assignment: gives a new tensor, but under no_grad it changes a leaf itself, as `w -= lr * w.grad` means."""

    def call(self: Tensor, other: Any) -> Tensor:
        result = function(self, other)
        is_parameter = self._node is not None and self._node.op is None and modes.recording is False
        return self.copy_(result) if is_parameter else result

    return call


for _name, _function in {"iadd": e.add, "isub": e.subtract, "imul": e.multiply, "itruediv": e.divide}.items():
    setattr(Tensor, f"__{_name}__", _in_place(_function))

for _name, _function in {
    "__neg__": e.negative,
    "__pos__": e.positive,
    "__abs__": e.absolute,
    "abs": e.absolute,
    "conj": e.conjugate,
    "conjugate": e.conjugate,
    "clip": e.clip,
    "copy": e.copy,
    "astype": e.astype,
    "sum": reductions.sum,
    "mean": reductions.mean,
    "var": reductions.var,
    "std": reductions.std,
    "max": reductions.max,
    "min": reductions.min,
    "prod": reductions.prod,
    "cumsum": scans.cumsum,
    "cumprod": scans.cumprod,
    "round": rounding.round,
    "__round__": rounding.round,
    "dot": products.dot,
    "choose": indexing.choose,
    "diagonal": shapes.diagonal,
    "repeat": shapes.repeat,
    "swapaxes": shapes.swapaxes,
    "take": indexing.take,
    "trace": shapes.trace,
    "squeeze": shapes.squeeze,
    "ravel": shapes.ravel,
    "flatten": shapes.ravel,
    "__setitem__": indexing.assign,
}.items():
    _bind(_name, _function)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    _bind(function.__name__, function)
    return function


@_method
def __getitem__(self: Tensor, index: Any) -> Tensor:
    return indexing.getitem(self, indexing.plain_index(index))


@_method
def reshape(self: Tensor, *shape: Any, order: str = "C") -> Tensor:
    """The same elements in another shape, given as a tuple or as separate numbers."""
    return shapes.reshape(self, shape[0] if len(shape) == 1 else shape, order)


@_method
def transpose(self: Tensor, *axes: Any) -> Tensor:
    """The axes permuted, given as a tuple or as separate numbers; reversed when none is given."""
    return shapes.transpose(
        self, None if not axes or axes[0] is None else axes[0] if len(axes) == 1 and np.ndim(axes[0]) else axes
    )


@_method
def compress(self: Tensor, condition: Any, axis: int | None = None) -> Tensor:
    """The slices along an axis for which the condition holds, as `numpy.compress`."""
    return indexing.compress(condition, self, axis)


@_method
def sort(self: Tensor, axis: int = -1) -> None:
    """Sort along an axis: this tensor takes the sorted values, as by an assignment."""
    self[...] = scans.sort(self, axis)


@_method
def partition(self: Tensor, kth: Any, axis: int = -1) -> None:
    """Partition along an axis: this tensor takes the new order, as by an assignment."""
    self[...] = scans.partition(self, kth, axis)


@_method
def fill(self: Tensor, value: Any) -> None:
    """Set all elements, as by an assignment."""
    self[...] = value


@_method
def __len__(self: Tensor) -> int:
    return len(bare(self))


@_method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return (self[i] for i in range(len(self)))


@_method
def __bool__(self: Tensor) -> bool:
    return bool(_one(self, "bool"))


@_method
def __float__(self: Tensor) -> float:
    return float(_one(self, "float"))


@_method
def __int__(self: Tensor) -> int:
    return int(_one(self, "int"))


@_method
def __complex__(self: Tensor) -> complex:
    return complex(_one(self, "complex"))


@_method
def __index__(self: Tensor) -> int:
    return to_host(bare(self)).__index__()


@_method
def __contains__(self: Tensor, value: Any) -> bool:
    return bare(value) in bare(self)


@_method
def __format__(self: Tensor, spec: str) -> str:
    return format(self.item(), spec) if spec else repr(self)


def _one(self: Tensor, what: str) -> Any:
    if what != "bool" and modes.depth and modes.recording is not False and getattr(self, "_node", self) is not None:
        raise GraphError(_CUT.format(f"{what}() inside a transform", self._label()))
    if self.size != 1:
        raise ShapeError(f"{what}() of {self._label()}: only a tensor with one element has one value")
    value = bare(self).item()
    return value if modes.watch is None else modes.watch.computed(what, (bare(self),), {}, value)


@_method
def tolist(self: Tensor) -> Any:
    """The values as nested Python lists."""
    return bare(self).tolist()


for _name, _function in {
    "T": shapes.transpose,
    "mT": shapes.matrix_transpose,
    "real": e.real,
    "imag": e.imag,
}.items():
    _bind(_name, property(_function))

# Functions whose results carry no gradient: computed on the values, giving plain arrays


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _stripped(args), {name: _stripped(value) for name, value in kwargs.items()}
        y = function(*args, **kwargs)
        return y if modes.watch is None else modes.watch.computed(function.__name__, args, kwargs, y)

    call.__name__ = function.__name__
    call.__doc__ = f"`numpy.{function.__name__}` of the values: has no gradient, and gives a plain array."
    IMPLEMENTED[function] = call
    return call


def _stripped(x: Any) -> Any:
    """Replace Tensors by their arrays in arguments, lists and tuples."""
    if type(x) in (list, tuple):
        return type(x)(_stripped(item) for item in x)
    return bare(x)


PLAIN: list[Any] = [
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.isnan, np.isinf, np.isfinite, np.signbit),
    *(
        np.bitwise_and,
        np.bitwise_or,
        np.bitwise_xor,
        np.invert,
        np.left_shift,
        np.right_shift,
        np.gcd,
        np.lcm,
        np.bitwise_count,
    ),
    *(np.all, np.any, np.argmax, np.argmin, np.argsort, np.nonzero, np.count_nonzero, np.searchsorted, np.digitize),
    *(np.nanargmax, np.nanargmin, np.argwhere, np.flatnonzero, np.argpartition, np.lexsort),
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.min_scalar_type),
    *(np.allclose, np.array_equal, np.isclose, np.array_equiv, np.iscomplex, np.isreal, np.isin, np.bincount),
    *(np.histogram, np.histogram_bin_edges, np.unique, np.array_repr, np.array_str, np.array2string),
    *(np.ix_, np.unravel_index, np.ravel_multi_index, np.triu_indices_from, np.tril_indices_from, np.diag_indices_from),
    *(np.may_share_memory, np.shares_memory, np.spacing, np.isneginf, np.isposinf, np.savez, np.save, np.savetxt),
]
for _unrecorded in PLAIN:
    _plain(_unrecorded)


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    def call(self: Tensor, other: Any) -> Any:
        a, b = bare(self), bare(other)
        y = compare(a, b)
        return y if modes.watch is None else modes.watch.computed(compare.__name__, (a, b), {}, y)

    return call


for _operator in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
    _bind(f"__{_operator.__name__}__", _comparison(_operator))
setattr(Tensor, "_repr_html_", tensor_html)  # noqa: B010  a method that is written elsewhere, for notebooks
_bind("__hash__", object.__hash__)  # by identity, as comparisons are elementwise

for _name in ("all", "any", "argmax", "argmin", "argsort", "argpartition", "nonzero", "searchsorted"):
    _bind(_name, IMPLEMENTED[getattr(np, _name)])

_reductions: dict[Any, Any] = {
    (np.add, "reduce"): lambda a, axis=0, **options: reductions.sum(a, axis, **options),
    (np.multiply, "reduce"): lambda a, axis=0, **options: reductions.prod(a, axis, **options),
    (np.maximum, "reduce"): lambda a, axis=0, **options: reductions.max(a, axis, **options),
    (np.minimum, "reduce"): lambda a, axis=0, **options: reductions.min(a, axis, **options),
    (np.logaddexp, "reduce"): lambda a, axis=0, keepdims=False: reductions.logsumexp(a, axis, keepdims),
    (np.add, "accumulate"): lambda a, axis=0, **options: scans.cumsum(a, axis, **options),
    (np.multiply, "accumulate"): lambda a, axis=0, **options: scans.cumprod(a, axis, **options),
}
METHODS.update(_reductions)


def _like(function: Callable[..., Any]) -> None:
    @implements(function)
    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        return wrap(function(bare(a), *_stripped(args), **kwargs))


for _creation in (np.zeros_like, np.ones_like, np.empty_like):
    _like(_creation)


@implements(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    """`numpy.full_like`; the gradient goes to the value."""
    y = shapes.broadcast_to(fill_value, bare(a).shape if shape is None else shape)
    y = y if isinstance(y, (Tensor, Dual)) else wrap(beside(np.array(y), a))
    return e.astype(y, bare(a).dtype if dtype is None else dtype)
