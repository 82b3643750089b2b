"""Indexing, index assignment, and the scatter that is the transpose of indexing."""

from typing import Any

import numpy as np

from ..errors import DTypeError, GraphError
from ..graph import modes, unbroadcast
from ..record import primitive
from ..tensor import Tensor
from .elementwise import plain_value


def plain_index(index: Any) -> Any:
    """An index without Tensors or lists in it, so that it can be kept and used again."""
    if isinstance(index, tuple):
        return tuple(plain_index(i) for i in index)
    if isinstance(index, list):
        return np.asarray([plain_value(i) for i in index], dtype=None if index else int)
    return plain_value(index)


def _repeats(index: Any) -> bool:
    """Whether an index may select an element twice: only integer arrays can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(i, np.ndarray) and i.dtype.kind in "iu" and i.size > 1 for i in parts)


def _put(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros_like(g, shape=shape)
    if _repeats(index):
        np.add.at(out, index, g)
    else:
        out[index] = g
    return out


getitem: Any = primitive(
    "getitem", lambda x, index: x[index], lambda g, _y, x_shape, index: scatter(g, index, x_shape), kind="linear"
)
scatter: Any = primitive("scatter", _put, lambda g, _y, _x, index, _shape: getitem(g, index), kind="linear")


def _set(x: Any, value: Any, index: Any) -> Any:
    y = np.array(x)
    y[index] = value
    return y if y.ndim else y[()]


def _value_rule(g: Any, _y: Any, _x: Any, value: Any, index: Any) -> Any:
    c = getitem(g, index)
    if _repeats(index):  # of several values written to one element, the last one stays
        numbers = np.arange(np.size(c)).reshape(c.shape)
        last = np.zeros(g.shape, dtype=np.intp)
        last[index] = numbers
        c = c * (last[index] == numbers)
    return unbroadcast(c, np.shape(plain_value(value)))


setitem: Any = primitive("setitem", _set, lambda g, _y, _x, _value, index: setitem(g, 0, index), _value_rule, kind="linear")


def assign(t: Tensor, index: Any, value: Any) -> None:
    """`t[index] = value`: t becomes a recorded copy with the elements set; arrays saved by others do not change."""
    index = plain_index(index)
    tracked = modes.recording and isinstance(value, Tensor) and value._node is not None
    if modes.recording and t._node is not None and t._node.op is None:
        raise GraphError(
            f"index assignment to {t._label()}, a leaf that requires a gradient: to change the leaf itself do it under "
            "`with no_grad():`; to compute with changed values assign to a copy, `u = t.copy(); u[i] = v`."
        )
    if tracked and t.dtype.kind not in "fc":
        raise DTypeError(
            f"assigning a tracked {value.dtype} value into {t._label()} would cut its gradient: use a float tensor"
        )
    result = setitem(t, value, index)
    if t._node is not None and t._node.op is None:
        t.data = result._data
    else:
        t._data, t._node = result._data, result._node
