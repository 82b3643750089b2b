"""Products of matrices."""

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..record import implements, primitive
from .elementwise import multiply
from .shapes import ndim_of, reshape, shape_of

__all__ = [
    "dot",
    "matmul",
]

_matmul = primitive(
    "matmul",
    np.matmul,
    lambda g, _y, _a, b: g @ b.mT,
    lambda g, _y, a, _b: a.mT @ g,
    core=2,
)


@implements(np.matmul)
def matmul(a: Any, b: Any, /) -> Any:
    """Matrix product over the last two axes, earlier axes broadcasting; vectors as in `np.matmul`."""
    m, n = ndim_of(a), ndim_of(b)
    if m > 1 and n > 1:
        return _matmul(a, b)
    if not m or not n or shape_of(a)[-1] != shape_of(b)[-2 if n > 1 else 0]:
        raise ShapeError(
            f"'matmul' of shapes {shape_of(a)} and {shape_of(b)}: the last axis of the first has to match the "
            "second to last (or only) axis of the second; numbers are multiplied with *"
        )
    if m == 1 and n == 1:
        return multiply(a, b).sum()
    if m == 1:
        y = _matmul(reshape(a, (1, -1)), b)
        return reshape(y, y.shape[:-2] + y.shape[-1:])
    y = _matmul(a, reshape(b, (-1, 1)))
    return reshape(y, y.shape[:-1])


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Any:
    """Product over the last axis of a and the second to last (or only) axis of b, as `np.dot`."""
    m, n = ndim_of(a), ndim_of(b)
    if not m or not n:
        return multiply(a, b)
    if n <= 2:
        return matmul(a, b)
    axes = (n - 2, *range(n - 2), n - 1)
    moved = np.transpose(b, axes)
    flat = matmul(a, reshape(moved, (moved.shape[0], -1)))
    return reshape(flat, shape_of(a)[:-1] + moved.shape[1:])
