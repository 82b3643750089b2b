"""Decompositions of matrices.

Rules follow Giles, Collected matrix derivative results for forward and reverse mode (2008), and PyTorch's conventions:
only one triangle of a Hermitian argument is read, and its gradient is Hermitian; a loss may depend on eigenvectors and
singular vectors only in ways that their free phases do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..dual import bare
from ..errors import AutogradError, NoRuleError
from ..forward import is_open
from ..record import primitive
from .derived import as_operand
from .elementwise import real
from .matrices import (
    adjoint,
    below_of,
    check_matrix,
    conj,
    diagonal_matrix,
    diagonal_of,
    eye_of,
    from_lower,
    inverse,
    largest,
    solve_matrix,
)
from .products import replaces
from .shapes import reshape

__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals"]


def _reciprocal(x: Any, used: Any) -> Any:
    """1/x; where x is 0 it is inf, or 0 if all of `used`, which it would multiply, is 0."""
    dead = (bare(x) == 0) & (not (bare(used).any() or is_open(used)))
    with np.errstate(divide="ignore"):
        return np.where(dead, 0, 1 / np.where(dead, 1, x))


def _several(
    name: str,
    forward: Callable[..., Any],
    rule: Callable[..., Any],
    cores: Callable[..., list[tuple[int, ...]]],
    real_parts: tuple[int, ...] = (),
) -> Callable[..., Any]:
    """Make an op of a matrix that returns several arrays: the outputs travel as one array, flat in its last axis.

    The rule is given lists of cotangents and of outputs. It is written for the inner product Re tr(g^H dA), as in the
    literature, so conjugates are put around it. `cores` says which shapes the outputs have for a matrix of a shape,
    `real_parts` which outputs are real also for a complex matrix.
    """

    def unpacked(flat: Any, shape: tuple[int, ...], static: tuple[Any, ...]) -> list[Any]:
        outputs, start = [], 0
        for k, core in enumerate(cores(*shape[-2:], *static)):
            part = reshape(flat[..., start : start + prod(core)], (*shape[:-2], *core))
            outputs.append(real(part) if k in real_parts and part.dtype.kind == "c" else part)
            start += prod(core)
        return outputs

    def packed(a: Any, *static: Any) -> Any:
        shapes = cores(*a.shape[-2:], *static)
        outputs = zip(forward(a, *static), shapes, strict=True)
        return np.concatenate([y.reshape(*a.shape[:-2], prod(core)) for y, core in outputs], axis=-1)

    def packed_rule(g: Any, y: Any, a_shape: Any, *static: Any) -> Any:
        return conj(rule(unpacked(conj(g), a_shape, static), unpacked(y, a_shape, static), *static))

    op = primitive(name, packed, packed_rule)

    def call(a: Any, *static: Any) -> list[Any]:
        check_matrix(name, a)
        return unpacked(op(a, *static), a.shape, static)

    return call


def _cholesky_rule(g: Any, y: Any, _a: Any) -> Any:
    k, m = inverse(y), adjoint(y) @ conj(g)
    m = adjoint(k) @ (m * below_of(m) + m * eye_of(m) / 2) @ k
    return conj((m + adjoint(m)) / 2)


_cholesky = primitive("cholesky", np.linalg.cholesky, _cholesky_rule)


def _qr_rule(gs: list[Any], ys: list[Any]) -> Any:
    (gq, gr), (q, r) = gs, ys
    m = r @ adjoint(gr) - adjoint(gq) @ q
    below = m * below_of(m)
    m = below + adjoint(below) + diagonal_matrix(np.real(diagonal_of(m)) if m.dtype.kind == "c" else diagonal_of(m))
    return adjoint(solve_matrix(r, adjoint(gq + q @ m)))


def _no_phase(name: str, diagonals: Any) -> None:
    """Raise if a cotangent asks how the phase of a complex vector moves, which nothing determines."""
    phase = bare(np.imag(diagonals))
    if not np.all(np.abs(phase) <= 1e-2 * (1 + largest(diagonals))):
        raise AutogradError(
            f"backward through '{name}' of a complex matrix: the loss depends on the phases of the vectors, which are "
            "arbitrary. Use them only in forms that phases do not change, such as abs(v) or v @ v^H."
        )


def _eigh_rule(gs: list[Any], ys: list[Any], _uplo: str) -> Any:
    (gw, gv), (w, v) = gs, ys
    m = adjoint(v) @ gv
    if m.dtype.kind == "c":
        _no_phase("eigh", diagonal_of(m))
    m = (m - adjoint(m)) / 2 * _inverse_gaps(w, gv)
    return v @ (m + diagonal_matrix(gw)) @ adjoint(v)


def _inverse_gaps(w: Any, used: Any) -> Any:
    """1/(w[j] - w[i]) beside the diagonal; inf for repeated values, unless no cotangent reaches the vectors."""
    gaps = w[..., None, :] - w[..., :, None]
    eye = eye_of(gaps)
    return np.where(eye, 0, _reciprocal(gaps + eye, used))


def _eig_rule(gs: list[Any], ys: list[Any]) -> Any:
    (gw, gv), (w, v) = gs, ys
    vh = adjoint(v)
    m = vh @ gv
    if m.dtype.kind == "c":
        _no_phase("eig", diagonal_of(m))
    m = m - (vh @ v) * real(diagonal_of(m))[..., None, :]  # the vectors keep their length
    m = m * conj(_inverse_gaps(w, gv)) + diagonal_matrix(gw)
    return solve_matrix(vh, m @ vh)


def _svd_rule(gs: list[Any], ys: list[Any]) -> Any:
    (gu, gd, gvh), (u, s, vh) = gs, ys
    v, gv = adjoint(vh), adjoint(gvh)
    m, n = adjoint(u) @ gu, vh @ gv
    used = np.maximum(largest(gu), largest(gvh))
    gaps = _inverse_gaps(s * s, used)
    inverse = _reciprocal(s, used)
    middle = (m - adjoint(m)) * gaps * s[..., None, :] + s[..., :, None] * ((n - adjoint(n)) * gaps) + diagonal_matrix(gd)
    if m.dtype.kind == "c":
        _no_phase("svd", diagonal_of(m) + diagonal_of(n))
        middle = middle + diagonal_matrix(1j * np.imag(diagonal_of(m)) * inverse)
    y = u @ middle @ vh
    if u.shape[-2] > s.shape[-1]:
        y = y + ((gu - u @ m) * inverse[..., None, :]) @ vh
    if v.shape[-2] > s.shape[-1]:
        y = y + u @ adjoint((gv - v @ n) * inverse[..., None, :])
    return y


_qr = _several("qr", np.linalg.qr, _qr_rule, lambda m, n: [(m, min(m, n)), (min(m, n), n)])
_eigh = _several("eigh", np.linalg.eigh, _eigh_rule, lambda _m, n, _uplo: [(n,), (n, n)], (0,))
_eig = _several("eig", np.linalg.eig, _eig_rule, lambda _m, n: [(n,), (n, n)])
_svd = _several(
    "svd",
    lambda a: np.linalg.svd(a, full_matrices=False),
    _svd_rule,
    lambda m, n: [(m, min(m, n)), (min(m, n),), (min(m, n), n)],
    (1,),
)
QRResult: Any = type(np.linalg.qr(np.eye(1)))
EigResult: Any = type(np.linalg.eig(np.eye(1)))
EighResult: Any = type(np.linalg.eigh(np.eye(1)))
SVDResult: Any = type(np.linalg.svd(np.eye(1)))


@replaces(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with L L^H = a (or the upper one, U^H U = a) of a positive definite matrix.

    Only that triangle of a is read; the gradient is Hermitian.

    >>> import autograd_core as ag
    >>> ag.linalg.cholesky([[4.0, 2.0], [2.0, 2.0]])
    array([[2., 0.],
           [1., 1.]])
    """
    a = as_operand(a)
    return adjoint(_cholesky(adjoint(a))) if upper else _cholesky(a)


@replaces(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """a = Q R with orthonormal columns in Q and an upper triangular R.

    Differentiable where the first min(m, n) columns of a are independent. A full Q of a tall matrix ("complete") is
    not determined by a beyond its first n columns, so it has no gradient.

    Args:
        a: (..., m, n).
        mode: "reduced"; "complete" for m <= n, where it is the same; "r" for R alone.

    >>> import autograd_core as ag
    >>> abs(ag.linalg.qr([[3.0], [4.0]]).R)
    array([[5.]])
    """
    a = as_operand(a)
    check_matrix("qr", a)
    m, n = a.shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise NoRuleError(f"'qr' with mode={mode!r} has no derivative for shape {a.shape}: use mode='reduced'")
    q, r = _qr(a[..., :m])
    if n > m:  # the other columns of R follow from Q
        r = np.concatenate([r, adjoint(q) @ a[..., m:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


@replaces(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues (ascending) and orthonormal eigenvectors of Hermitian matrices, of which one triangle is read.

    Eigenvalues have a gradient always; eigenvectors only where the eigenvalues differ (else inf or NaN), and only for
    losses that do not depend on signs and phases. Second derivatives need different eigenvalues.

    >>> import autograd_core as ag
    >>> ag.linalg.eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    array([1., 2.])
    """
    return EighResult(*_eigh(as_operand(a), UPLO.upper()))


@replaces(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of Hermitian matrices, ascending; derivative v v^H, finite also where they are repeated.

    >>> import autograd_core as ag
    >>> ag.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]])
    array([1., 2.])
    """
    return _eigh(as_operand(a), UPLO.upper())[0]


@replaces(np.linalg.eig)
def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors (columns of length 1) of square matrices, complex where they have to be.

    The derivative needs different eigenvalues, and a loss that does not depend on the vectors' phases.

    >>> import autograd_core as ag
    >>> ag.linalg.eig([[2.0, 1.0], [0.0, 1.0]]).eigenvalues
    array([2., 1.])
    """
    return EigResult(*_eig(as_operand(a)))


@replaces(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues of square matrices, complex where they have to be.

    >>> import autograd_core as ag
    >>> ag.linalg.eigvals([[2.0, 1.0], [0.0, 1.0]])
    array([2., 1.])
    """
    return _eig(as_operand(a))[0]


@replaces(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """a = U diag(S) Vh with orthonormal columns in U and rows in Vh, and S descending.

    Singular values have a gradient always; vectors only where the values differ and are not 0 (else inf or NaN), and
    only for losses that do not depend on their signs and phases.

    Args:
        a: (..., m, n).
        full_matrices: has to be False for matrices that are not square: the further columns of U or rows of Vh are
            not determined by a, so they have no gradient.
        compute_uv: False for the singular values alone.
        hermitian: read the lower triangle only.

    >>> import autograd_core as ag
    >>> ag.linalg.svd([[3.0], [4.0]], full_matrices=False).S
    array([5.])
    """
    a = as_operand(a)
    check_matrix("svd", a)
    if hermitian:
        a = from_lower(a)
    if not compute_uv:
        return _svd(a)[1]
    if full_matrices and a.shape[-2] != a.shape[-1]:
        raise NoRuleError(f"'svd' of shape {a.shape} with full_matrices=True has no derivative: pass full_matrices=False")
    return SVDResult(*_svd(a))


@replaces(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Singular values, descending; derivative u v^H, finite also where they are repeated or 0.

    >>> import autograd_core as ag
    >>> ag.linalg.svdvals([[3.0], [4.0]])
    array([5.])
    """
    return _svd(as_operand(x))[1]
