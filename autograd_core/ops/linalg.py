"""Linear algebra, as `autograd_core.linalg` and through `np.linalg`: over the last two axes, earlier ones are batches."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_foreign
from ..dual import bare
from ..errors import ShapeError
from ..record import implements, primitive
from . import products
from .decompositions import cholesky, eig, eigh, eigvals, eigvalsh, qr, svd, svdvals
from .derived import as_operand, refuse_out
from .determinants import det, slogdet
from .matrices import adjoint, check_matrix, conj, eye_of, from_lower, inexact, inverse, solve_matrix
from .norms import matrix_norm, norm, vector_norm
from .products import einsum, matmul, replaces, tensordot, vecdot
from .shapes import matrix_transpose, reshape, transpose
from .shapes import trace as _trace

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]

# Systems of equations and inverses


def _pinv_rule(g: Any, y: Any, a: Any) -> Any:
    """Of matrices of constant rank (Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973)."""
    p, h = adjoint(y), g.mT
    rows, columns = h @ y @ p, p @ y @ h
    return conj(rows - (a @ y) @ rows + columns - columns @ (y @ a) - p @ conj(g) @ p)


def _pinv_forward(a: Any, rcond: Any, hermitian: bool) -> Any:
    return np.linalg.pinv(a, rcond) if is_foreign(a) else np.linalg.pinv(a, rcond, hermitian)


_pinv = primitive(
    "pinv",
    _pinv_forward,
    lambda g, y, a, _rcond, _hermitian: _pinv_rule(g, y, a),
)
_lstsq = primitive(
    "lstsq",
    lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    lambda g, _y, a, b, rcond: _pinv_rule(g @ b.mT, _pinv(a, rcond, False), a),
    lambda g, _y, a, _b, rcond: _pinv(a, rcond, False).mT @ g,
)


@replaces(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """The x of a @ x = b; with c = solve(a^T, g), derivatives -c x^T and c.

    Args:
        a: (..., n, n), not singular.
        b: (n,), or (..., n, k).

    Returns:
        The shape of b, with the batches of both.

    Raises:
        ShapeError: the shapes do not fit, or a is singular.

    >>> import autograd_core as ag
    >>> ag.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    array([1. , 0.5])
    """
    a, b = as_operand(a), as_operand(b)
    if b.ndim == 1:
        return solve_matrix(a, b[:, None])[..., 0]
    return solve_matrix(a, b)


@replaces(np.linalg.inv)
def inv(a: Any) -> Any:
    """The inverse Y of square matrices; derivative -Y^T g Y^T.

    >>> import autograd_core as ag
    >>> ag.linalg.inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return inverse(as_operand(a))


@replaces(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The Moore-Penrose inverse; its derivative is that among matrices of the same rank.

    Args:
        a: (..., m, n).
        rcond: singular values below rcond times the largest count as zero; 1e-15 by default.
        hermitian: read one triangle only.
        rtol: another name of rcond.

    >>> import autograd_core as ag
    >>> ag.linalg.pinv([[2.0], [0.0]])
    array([[0.5, 0. ]])
    """
    a = as_operand(a)
    rcond = 1e-15 if rcond is None and rtol is None else rtol if rcond is None else rcond
    return _pinv(from_lower(a) if hermitian else a, bare(rcond), hermitian)


@replaces(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """Least squares: the shortest x that minimises |a @ x - b|.

    Returns:
        `(x, residuals, rank, singular values)` as `np.linalg.lstsq`; the rank has no gradient.

    >>> import autograd_core as ag
    >>> ag.linalg.lstsq([[1.0], [1.0]], [1.0, 3.0])[0].round(6)
    array([2.])
    """
    a, b = as_operand(a), as_operand(b)
    rcond = np.finfo(np.result_type(bare(a), 1.0)).eps * max(a.shape) if rcond is None else bare(rcond)
    _, empty, rank, _ = np.linalg.lstsq(bare(a), bare(b), rcond)
    columns = b[:, None] if b.ndim == 1 else b
    x = _lstsq(a, columns, rcond)
    residuals = (abs(columns - a @ x) ** 2).sum(axis=0) if empty.size else empty
    return (x[:, 0] if b.ndim == 1 else x), residuals, rank, svdvals(a)


@replaces(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of the map that `tensordot(a, ., ind)` is.

    >>> import numpy as np, autograd_core as ag
    >>> ag.linalg.tensorinv(np.eye(6).reshape(6, 2, 3), ind=1).shape
    (2, 3, 6)
    """
    a = as_operand(a)
    if ind <= 0:
        raise ShapeError(f"'tensorinv' needs ind > 0; got {ind}")
    rows = prod(a.shape[:ind])
    return reshape(inv(reshape(a, (rows, -1))), a.shape[ind:] + a.shape[:ind])


@replaces(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x of tensordot(a, x, x.ndim) = b; `axes` of a are moved to its end first.

    >>> import numpy as np, autograd_core as ag
    >>> ag.linalg.tensorsolve(np.eye(6).reshape(6, 2, 3), np.ones(6)).shape
    (2, 3)
    """
    a, b = as_operand(a), as_operand(b)
    if axes is not None:
        moved = normalize_axis_tuple(axes, a.ndim)
        a = transpose(a, [i for i in range(a.ndim) if i not in moved] + list(moved))
    shape = a.shape[b.ndim :]
    return reshape(solve(reshape(a, (-1, prod(shape))), reshape(b, (-1,))), shape)


@replaces(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """The condition number, norm(x) norm(x^-1) in the norm p; with singular values for p = None, 2 or -2.

    >>> import autograd_core as ag
    >>> float(ag.linalg.cond([[2.0, 0.0], [0.0, 1.0]]))
    2.0
    """
    x = as_operand(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, *args: Any, **kwargs: Any) -> Any:
    """The number of singular values that are not 0: `np.linalg.matrix_rank` of the values, without a gradient."""
    return np.linalg.matrix_rank(bare(A), *args, **kwargs)


# Powers, products and the exponential


@replaces(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """The product of n square matrices a, by repeated squaring; of inverses for n < 0.

    >>> import autograd_core as ag
    >>> ag.linalg.matrix_power([[1, 1], [0, 1]], 5)
    array([[1, 5],
           [0, 1]])
    """
    a = as_operand(a)
    check_matrix("matrix_power", a, square=True)
    if n < 0:
        a, n = inv(a), -n
    y = None
    while n:
        if n % 2:
            y = a if y is None else y @ a
        n //= 2
        a = a @ a if n else a
    return a * 0 + eye_of(a) if y is None else y


@replaces(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: None = None) -> Any:
    """The product of matrices, in the order that costs least; the first and the last may be vectors.

    >>> import numpy as np, autograd_core as ag
    >>> ag.linalg.multi_dot([np.ones((2, 3)), np.ones((3, 4)), np.ones(4)])
    array([12., 12.])
    """
    refuse_out("multi_dot", out)
    arrays = [as_operand(x) for x in arrays]
    if len(arrays) < 2:
        raise ShapeError(f"'multi_dot' takes at least two arrays; got {len(arrays)}")
    labels = [[k, k + 1] for k in range(len(arrays))]
    labels[0], labels[-1] = labels[0][-arrays[0].ndim :], labels[-1][: arrays[-1].ndim]
    ends = [labels[0][0]] * (arrays[0].ndim == 2) + [labels[-1][-1]] * (arrays[-1].ndim == 2)
    flat = [part for x, label in zip(arrays, labels, strict=True) for part in (x, label)]
    return einsum(*flat, ends, optimize="optimal" if len(arrays) < 8 else "greedy")


# Numerator of the Pade approximant of degree 13 of e^x; the denominator is that of -x. Exact to rounding for norms up
# to 5.37 (Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. 26, 2005).
_PADE = [
    *(64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600),
    *(670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1),
]


def _expm_forward(a: Any) -> Any:
    size = (np.abs(a).sum(axis=-2).max(axis=-1) if a.shape[-1] else np.abs(a).sum(axis=(-2, -1)))[..., None, None]
    halvings = np.maximum(np.ceil(np.log2(np.maximum(size, 1) / 5.37)), 0)
    a = a / 2.0 ** halvings.astype(a.real.dtype)
    b = [c / _PADE[0] for c in _PADE]
    eye = eye_of(a).astype(a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * eye)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * eye
    y = np.linalg.solve(even - odd, even + odd)
    for k in range(int(halvings.max()) if halvings.size else 0):
        y = np.where(k < halvings, y @ y, y)
    return y


def _expm_rule(g: Any, _y: Any, a: Any) -> Any:
    """The derivative in direction g stands beside the exponential of a block matrix (Najfeld and Havel, 1995)."""
    n = a.shape[-1]
    a = a.mT
    blocks = np.concatenate([np.concatenate([a, g], axis=-1), np.concatenate([a * 0, a], axis=-1)], axis=-2)
    return _expm(blocks)[..., :n, n:]


_expm: Any = primitive("expm", _expm_forward, _expm_rule)


def expm(a: Any) -> Any:
    """The exponential of square matrices, I + a + a^2/2 + ...

    Args:
        a: (..., n, n), real or complex.

    Returns:
        The same shape.

    Raises:
        ShapeError: the matrices are not square.

    >>> import autograd_core as ag
    >>> ag.linalg.expm([[0.0, 1.0], [0.0, 0.0]])
    array([[1., 1.],
           [0., 1.]])
    """
    a = inexact(a)
    check_matrix("expm", a, square=True)
    return _expm(a)


# NumPy has these in numpy.linalg too, some of them for the last axes only

implements(np.linalg.matmul)(matmul)
implements(np.linalg.matrix_transpose)(matrix_transpose)
implements(np.linalg.vecdot)(vecdot)
implements(np.linalg.tensordot)(tensordot)


@replaces(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal of the matrices in the last two axes.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.linalg.trace(a).sum())(np.ones((3, 2, 2))).shape
    (3, 2, 2)
    """
    return _trace(x, offset, -2, -1, dtype)


@replaces(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """A diagonal of the matrices in the last two axes.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.linalg.diagonal(a).sum())(np.ones((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return np.diagonal(x, offset, -2, -1)


@replaces(np.linalg.outer)
def outer(x1: Any, x2: Any, /) -> Any:
    """Every product of elements of two vectors.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.linalg.outer(a, [3.0, 4.0]).sum())(np.array([1.0, 2.0]))
    array([7., 7.])
    """
    if as_operand(x1).ndim != 1 or as_operand(x2).ndim != 1:
        raise ShapeError("'linalg.outer' takes vectors; ag.outer flattens")
    return products.outer(x1, x2)


@replaces(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Vector product along an axis of length 3.

    >>> import numpy as np, autograd_core as ag
    >>> ag.linalg.cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    array([0., 0., 1.])
    >>> ag.grad(lambda a: ag.linalg.cross(a, np.array([0.0, 1.0, 0.0]))[2])(np.ones(3)) + 0
    array([1., 0., 0.])
    """
    return products.cross(x1, x2, axis=axis)
