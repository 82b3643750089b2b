"""Determinants, with derivatives that are exact for singular matrices."""

from typing import Any

import numpy as np

from ..arrays import foreign
from ..dual import bare
from ..record import primitive
from .derived import as_operand
from .elementwise import real
from .matrices import check_matrix, conj, diagonal_of, eye_of, inverse
from .products import replaces

__all__ = ["det", "slogdet"]

# Determinants. The derivative of det is the matrix of cofactors, which exists for a singular matrix too. With
# A = U S V^H it is det(U V^H) conj(U diag(products of all s but one) V^H), a sum without differences or divisions.


def _frame(a: Any) -> tuple[Any, Any, Any, Any]:
    """det(U V^H), conj(U), the singular values and conj(V^H)."""
    u, s, vh = np.linalg.svd(a)
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return phase[..., None, None], conj(u), s, conj(vh)


def _products_without(s: Any) -> Any:
    """The products of all elements but one."""
    return np.where(eye_of(s, s.shape[-1]), 1, s[..., None, :]).prod(axis=-1)


def _products_without_two(s: Any) -> Any:
    """The products of all elements but i and j, as a matrix with zeros on the diagonal."""
    n = s.shape[-1]
    y = np.zeros((*s.shape, n), s.dtype, like=foreign(s))
    for i in range(n):
        rest = s.copy()
        rest[..., i] = 1
        y[..., i, :] = _products_without(rest)
        y[..., i, i] = 0
    return y


def _cofactor_forward(a: Any) -> Any:
    phase, u, s, vh = _frame(a)
    return phase * ((u * _products_without(s)[..., None, :]) @ vh)


def _second_forward(a: Any, x: Any) -> Any:
    """The derivative of <cofactors(a), x>: in the basis of the singular vectors, products of pairs of elements of x."""
    phase, u, s, vh = _frame(a)
    m = u.mT @ x @ vh.mT
    pairs = _products_without_two(s)
    k = -(pairs * m.mT)
    i = np.arange(a.shape[-1])
    k[..., i, i] = (pairs @ np.diagonal(m, 0, -2, -1)[..., None])[..., 0]
    return phase * (u @ k @ vh)


def _third_rule(g: Any, _y: Any, a: Any, x: Any) -> Any:
    """The rule of the second derivative T = det(a) (tr(BX) tr(BG) - tr(BXBG)), B = a^-1: needs a regular matrix."""
    b = inverse(a)
    p, q = b @ x, b @ g
    pq, t, u = p @ q, _trace_of(p), _trace_of(q)
    whole = (t * u - _trace_of(pq)) * b - t * (q @ b) - u * (p @ b) + pq @ b + q @ p @ b
    return (_det(a)[..., None, None] * whole).mT


def _trace_of(x: Any) -> Any:
    return diagonal_of(x).sum(axis=-1)[..., None, None]


_det: Any = primitive("det", np.linalg.det, lambda g, _y, a: g[..., None, None] * cofactor(a))
cofactor: Any = primitive("cofactor", _cofactor_forward, lambda g, _y, a: _second(a, g))
_second: Any = primitive("second_of_det", _second_forward, _third_rule, lambda g, _y, a, _x: _second(a, g))


def _slogdet_rule(g: Any, y: Any, a: Any) -> Any:
    sign, slope = y[..., 0], g[..., 1]
    if a.dtype.kind == "c":
        slope = np.real(slope) + 1j * np.imag(g[..., 0] * sign)
    singular = bare(sign)[..., None, None] == 0
    transposed = inverse(np.where(singular, eye_of(a), a)).mT
    return slope[..., None, None] * np.where(singular, np.nan, transposed)


_slogdet = primitive("slogdet", lambda a: np.stack(np.linalg.slogdet(a), axis=-1), _slogdet_rule)
SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))


@replaces(np.linalg.det)
def det(a: Any) -> Any:
    """The determinant; its derivative, the matrix of cofactors, is exact for singular matrices too.

    So is the second derivative; the third needs a regular matrix. For large matrices `slogdet` is faster, and does
    not overflow.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(ag.linalg.det)(np.array([[1.0, 2.0], [2.0, 4.0]])).round(9)
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    a = as_operand(a)
    check_matrix("det", a, square=True)
    return _det(a)


@replaces(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the absolute value of the determinant, with derivative a^-T for the latter (NaN if singular).

    >>> import autograd_core as ag
    >>> ag.linalg.slogdet([[1.0, 0.0], [0.0, -1.0]]).sign
    np.float64(-1.0)
    """
    a = as_operand(a)
    check_matrix("slogdet", a, square=True)
    y = _slogdet(a)
    return SlogdetResult(y[..., 0], real(y[..., 1]) if y.dtype.kind == "c" else y[..., 1])
