"""Norms of vectors and matrices. The gradient at the zero vector is 0."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_foreign
from ..dual import bare
from ..errors import ShapeError
from ..record import primitive
from ..tensor import Tensor, gradients
from .decompositions import svdvals
from .matrices import conj, inexact
from .products import replaces
from .shapes import moveaxis, reshape

__all__ = ["matrix_norm", "norm", "vector_norm"]


def _ratio(g: Any, y: Any) -> Any:
    """g / y; at y = 0 what it tends to if g vanishes with y, else 0.

    The second case makes the gradient of a norm 0 at the zero vector. The first occurs in composites such as norm(x)**2,
    where g = 2y: there the limit dg/dy (de l'Hopital) gives second derivatives their exact value.
    """
    zero = bare(y) == 0
    if not zero.any():
        return g / y
    ratio = np.where(zero, 0, g / np.where(zero, 1, y))
    if isinstance(g, Tensor) and g.requires_grad and isinstance(y, Tensor) and y.requires_grad:
        both = zero & (bare(g) == 0)
        (slope,) = gradients(g, y, both.astype(g.dtype), create_graph=True, allow_unused=True)
        if slope is not None:
            ratio = ratio + np.where(both, slope, 0)
    return ratio


def _kept(y: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """A reduction's result with its axes put back in as ones."""
    return reshape(y, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))


def _vector_norm(x: Any, axis: tuple[int, ...], keepdims: bool, p: float = 2.0) -> Any:
    if not is_foreign(x):
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=p)
    powers = x * x if p == 2 and x.dtype.kind != "c" else abs(x) ** p
    return powers.sum(axis=axis, keepdims=keepdims) ** (1 / p)


_length = primitive(
    "norm",
    _vector_norm,
    lambda g, y, x, axis, _keepdims: _kept(_ratio(g, y), x, axis) * conj(x),
)


def _power_norm_rule(g: Any, y: Any, x: Any, axis: tuple[int, ...], _keepdims: bool, p: float) -> Any:
    # The derivative (|x|/y)^(p - 2) conj(x)/y, which is 0 for the zero vector, and at zeros also for p < 1
    y = _kept(y, x, axis)
    zero = (bare(x) == 0) | (bare(y) == 0)
    y = np.where(zero, 1, y)
    share = np.where(zero, 1, np.abs(x)) / y
    return _kept(g, x, axis) * np.where(zero, 0, share ** (p - 2) * (conj(x) / y))


_power_norm = primitive(
    "p_norm",
    _vector_norm,
    _power_norm_rule,
)


def _of_vectors(x: Any, p: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if p is None or p == 2:
        return _length(x, axis, keepdims)
    if isinstance(p, str):
        raise ShapeError(f"'norm' of vectors has no order {p!r}")
    if p in (0, 1):
        return (np.sign(abs(x)) if p == 0 else abs(x)).sum(axis=axis, keepdims=keepdims)
    if np.isinf(p):
        return abs(x).max(axis=axis, keepdims=keepdims) if p > 0 else abs(x).min(axis=axis, keepdims=keepdims)
    return _power_norm(x, axis, keepdims, float(p))


def _of_matrices(x: Any, p: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if p in (None, "fro", "f"):
        return _length(x, axis, keepdims)
    x_moved = moveaxis(x, axis, (-2, -1))
    if p in ("nuc", 2, -2):
        values = abs(svdvals(x_moved))  # abs: with derivative 0 at 0
        y = values.sum(axis=-1) if p == "nuc" else values[..., 0 if p == 2 else -1]
        y = values.max(axis=-1) if p == 2 else y  # repeated largest values share the cotangent
    elif p in (1, -1, np.inf, -np.inf):
        sums = abs(x_moved).sum(axis=-2 if abs(p) == 1 else -1)
        y = sums.max(axis=-1) if p > 0 else sums.min(axis=-1)
    else:
        raise ShapeError(f"'norm' of matrices has no order {p!r}")
    return _kept(y, x, axis) if keepdims else y


@replaces(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of a vector or a matrix, or of all in an array; the gradient at the zero vector is 0.

    Args:
        x: real or complex.
        ord: 2 for vectors and "fro" for matrices by default; any number p for (sum |x|^p)^(1/p) of vectors; "nuc", 2, -2
            (singular values), 1, -1 (columns), inf and -inf (rows) for matrices.
        axis: one axis for vectors, two for matrices; by default all elements are one vector, or `ord` says more.
        keepdims: keep the axes, with length 1.

    >>> import autograd_core as ag
    >>> float(ag.linalg.norm([3.0, 4.0]))
    5.0
    """
    x = inexact(x)
    if axis is None:
        axes = tuple(range(x.ndim))
        if ord is None:
            return _length(x, axes, keepdims)
    else:
        axes = normalize_axis_tuple(axis, x.ndim)
    if len(axes) not in (1, 2):
        raise ShapeError(f"'norm' with ord={ord!r} is of vectors (one axis) or matrices (two axes); got axes {axes}")
    return (_of_vectors if len(axes) == 1 else _of_matrices)(x, ord, axes, keepdims)


@replaces(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """`norm` of vectors: of all elements together, or along axes.

    >>> import autograd_core as ag
    >>> float(ag.linalg.vector_norm([[3.0, 4.0]]))
    5.0
    """
    x = inexact(x)
    return _of_vectors(x, ord, normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim), keepdims)


@replaces(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """`norm` of the matrices in the last two axes.

    >>> import autograd_core as ag
    >>> float(ag.linalg.matrix_norm([[3.0, 4.0]]))
    5.0
    """
    x = inexact(x)
    return _of_matrices(x, ord, (x.ndim - 2, x.ndim - 1), keepdims)
