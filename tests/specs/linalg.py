"""Spec rows: linear algebra. Vectors of decompositions are tested in forms that their signs do not change."""

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside
from autograd_core.ops.determinants import cofactor

from .base import CHOICE, INF, general, raw

la = np.linalg
SQUARE = (3, 3), (2, 2, 2), (1, 1)
TALL, WIDE = (4, 3), (2, 3)
ANY = (*SQUARE, TALL, (2, *WIDE))


def _eye(x: Any) -> Any:
    return beside(np.eye(x.shape[-1], dtype=raw(x).dtype), x)


def _regular(x: Any) -> Any:
    """Far from singular."""
    return x + 5 * _eye(x)


def _symmetric(x: Any) -> Any:
    """Symmetric, with different eigenvalues."""
    return x + x.mT + beside(np.arange(1, x.shape[-1] + 1, dtype=raw(x).dtype), x) * _eye(x) * 4


def _positive(x: Any) -> Any:
    return x @ x.mT / 4 + _eye(x)


def _distinct(x: Any) -> Any:
    """With different singular values."""
    scaled = 3 * np.eye(*x.shape[-2:], dtype=raw(x).dtype) * np.arange(1, x.shape[-1] + 1, dtype=raw(x).dtype)
    return x + beside(scaled, x)


def _regular_map(x: Any) -> Any:
    return x + beside(np.eye(4, dtype=raw(x).dtype).reshape(x.shape) * 5, x)


def _shown(*ys: Any) -> Any:
    """Several outputs as one array, complex ones as their parts."""
    parts = [part for y in ys for part in ([np.real(y), np.imag(y)] if y.dtype.kind == "c" else [y])]
    return np.concatenate([part.reshape(-1) for part in parts])


def _complex(a: Any, b: Any) -> Any:
    return a + 1j * b


def _hermitian(a: Any, b: Any) -> Any:
    return _symmetric(a) + 1j * (b - b.mT)


def _projectors(v: Any, n: int) -> Any:
    """What phases do not change: v_k v_k^H of the first and the last vector."""
    return v[..., :, [0, n - 1]][..., None, :, :] * np.conj(v[..., :, None, [0, n - 1]])


def _eigh(x: Any) -> Any:
    w, v = la.eigh(x)
    return _shown(w, _projectors(v, x.shape[-1]))


def _eig(x: Any) -> Any:
    w, v = la.eig(x)
    return _shown(w.sum(axis=-1), (w * w * w).sum(axis=-1), (abs(v) ** 2 * w[..., None, :]).sum(axis=-1))


def _svd(x: Any) -> Any:
    u, s, vh = la.svd(x, full_matrices=False)
    return _shown(s, (u * np.exp(-s / 9)[..., None, :]) @ vh)


def _qr(x: Any) -> Any:
    q, r = la.qr(x)
    return _shown(abs(q), abs(r), q @ r[..., :1])


def _lstsq(a: Any, b: Any) -> Any:
    x, residuals, _, s = la.lstsq(a, b)
    return _shown(x, residuals, s)


def twice(name: str, f: Any, *shapes: Any, **options: Any) -> Any:
    """A row of a function of complex matrices, given as two real ones."""
    return general(name, lambda a, b: f(_complex(a, b)), *[[s, s] for s in shapes], analytic=False, **options)


def norms(name: str, function: Any, *options: dict[str, Any], **more: Any) -> list[Any]:
    return [
        general(
            name + "_" * bool(k) + "".join(map(str, keywords.values())) * bool(k),
            lambda x, k=keywords: function(x, **k),
            (3, 3),
            (2, 2, 2),
            TALL,
            (2, *WIDE),
            **{**CHOICE, **more},
        )
        for k, keywords in enumerate(options)
    ]


LINALG = [
    general(
        "solve",
        lambda a, b: la.solve(_regular(a), b),
        [(3, 3), (3,)],
        [(3, 3), (3, 2)],
        [(2, 1, 2, 2), (3, 2, 1)],
        [(0, 0), (0, 2)],
    ),
    general("inv", lambda x: la.inv(_regular(x)), *SQUARE, (0, 0), points=[(([[-3.0]],), ([[-0.25]],))]),
    general("pinv", lambda x: la.pinv(_distinct(x)), *ANY, analytic=False),
    general("pinv_rank_one", lambda a, b: la.pinv(a[:, None] * b), [(3,), (2,)], analytic=False),
    general("pinv_hermitian", lambda x: la.pinv(_symmetric(x), hermitian=True, rtol=1e-14), *SQUARE, analytic=False),
    general("lstsq", _lstsq, [(4, 3), (4,)], [(4, 2), (4, 2)], [(2, 3), (2, 2)], analytic=False),
    general("tensorinv", lambda x: la.tensorinv(_regular_map(x), ind=1), (4, 2, 2)),
    general("tensorinv_2", lambda x: la.tensorinv(_regular_map(x)), (2, 2, 4)),
    general("tensorsolve", lambda a, b: la.tensorsolve(a, b), [(4, 2, 2), (4,)], [(2, 3, 6), (2, 3)]),
    general("tensorsolve_axes", lambda a, b: la.tensorsolve(a, b, axes=(0,)), [(6, 2, 3), (2, 3)]),
    general(
        "det",
        la.det,
        *SQUARE,
        (0, 0),
        (2, 4, 4),
        points=[
            (([[1.0, 2.0], [2.0, 4.0]],), ([[4.0, -2.0], [-2.0, 1.0]],)),
            ((np.zeros((2, 2)),), (np.zeros((2, 2)),)),
            ((np.zeros((3, 3)),), (np.zeros((3, 3)),)),
            ((np.diag([1.0, 2.0, 0.0]),), (np.diag([0.0, 0.0, 2.0]),)),
        ],
    ),
    general(
        "det_of_rank", lambda a, b: la.det(a[..., None] * b + b[..., None] * a), [(3,), (3,)], [(4,), (4,)], [(2, 2), (2, 2)]
    ),
    general("cofactor", cofactor, *SQUARE, (3, 4, 4), analytic=False),
    general("slogdet", lambda x: la.slogdet(x).logabsdet, *SQUARE, (0, 0), analytic=False),
    general("slogdet_sign", lambda x: la.slogdet(x).sign, *SQUARE, analytic=False),
    twice("slogdet_complex", lambda z: _shown(*la.slogdet(z)), *SQUARE),
    general("cholesky", lambda x: la.cholesky(_positive(x)), *SQUARE, (0, 0), analytic=False),
    general("cholesky_upper", lambda x: la.cholesky(_positive(x), upper=True), *SQUARE, analytic=False),
    twice("cholesky_complex", lambda z: _shown(la.cholesky(z @ np.conj(z.mT) + 2 * _eye(z))), *SQUARE),
    general("qr", lambda x: _qr(_distinct(x)), *ANY, analytic=False),
    general("qr_r", lambda x: abs(la.qr(_distinct(x), mode="r")), *ANY, analytic=False),
    general("qr_complete", lambda x: abs(la.qr(_distinct(x), mode="complete").Q), (3, 3), (2, 3), analytic=False),
    twice("qr_complex", lambda z: _qr(_distinct(z)), *ANY),
    general("eigh", lambda x: _eigh(_symmetric(x)), *SQUARE, analytic=False),
    general("eigh_upper", lambda x: la.eigh(_symmetric(x), UPLO="U").eigenvalues, *SQUARE, analytic=False),
    general("eigh_complex", lambda a, b: _eigh(_hermitian(a, b)), [(3, 3), (3, 3)], [(2, 2, 2), (2, 2, 2)], analytic=False),
    general("eigvalsh", lambda x: la.eigvalsh(_symmetric(x)), *SQUARE, (0, 0), analytic=False),
    general("eig", lambda x: _eig(_symmetric(x) + x / 2), *SQUARE, analytic=False),
    general(
        "eig_rotation",
        lambda x: _eig(x + 4 * beside(np.tri(2, dtype=x.dtype) - np.tri(2, dtype=x.dtype).T, x)),
        (2, 2),
        analytic=False,
    ),
    twice("eig_complex", lambda z: _eig(_distinct(z)), *SQUARE),
    general("eigvals", lambda x: la.eigvals(_symmetric(x) + x / 4), (3, 3), (1, 1), analytic=False),
    general("svd", lambda x: _svd(_distinct(x)), *ANY, analytic=False),
    general("svd_square", lambda x: la.svd(_distinct(x)).S, *SQUARE, analytic=False),
    general("svd_hermitian", lambda x: la.svd(_symmetric(x), hermitian=True).S, *SQUARE, analytic=False),
    general("svd_values", lambda x: la.svd(_distinct(x), compute_uv=False), *ANY, analytic=False),
    twice("svd_complex", lambda z: _svd(_distinct(z)), *ANY),
    general("svdvals", lambda x: la.svdvals(_distinct(x)), *ANY, (0, 2), analytic=False),
    *norms(
        "norm",
        la.norm,
        {},
        {"axis": 0},
        {"axis": (-2, -1), "keepdims": True},
        {"keepdims": True},
        *({"ord": p, "axis": -1} for p in (0, 1, 2, 3, 1.5, -1, 0.5, INF, -INF)),
        *({"ord": p, "axis": (-1, -2)} for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)),
        {"ord": "nuc", "axis": (0, 1), "keepdims": True},
    ),
    general("norm_complex", lambda a, b: la.norm(_complex(a, b), axis=-1), [(2, 3), (2, 3)], **CHOICE),
    general("norm_complex_3", lambda a, b: la.norm(_complex(a, b), 3, axis=-1), [(2, 3), (2, 3)], **CHOICE),
    general(
        "norm_at_zero",
        la.norm,
        (3,),
        **CHOICE,
        points=[(([0.0, 0.0],), ([0.0, 0.0],)), ((np.zeros((2, 2)),), (np.zeros((2, 2)),)), (([3.0, 4.0],), ([0.6, 0.8],))],
    ),
    general("norm_squared", lambda x: la.norm(x) ** 2, (3,), **CHOICE, points=[(([0.0, 0.0],), ([0.0, 0.0],))]),
    general("norm_3_at_zero", lambda x: la.norm(x, 3), (3,), **CHOICE, points=[(([0.0, 0.0],), ([0.0, 0.0],))]),
    *norms("vector_norm", la.vector_norm, {}, {"axis": (0, 1), "ord": 3}, {"axis": 0, "keepdims": True}),
    *norms("matrix_norm", la.matrix_norm, {}, {"ord": "nuc"}, {"ord": 2, "keepdims": True}),
    *norms("cond", la.cond, {}, {"p": -2}),
    general("cond_1", lambda x: la.cond(_regular(x), p=1), *SQUARE, **CHOICE),
    general("cond_fro", lambda x: la.cond(_regular(x), p="fro"), *SQUARE, **CHOICE),
    *(
        general("matrix_power" + f"_{n}" * (n != 2), lambda x, n=n: la.matrix_power(_regular(x), n), *SQUARE)
        for n in (-2, -1, 0, 1, 2, 5)
    ),
    general("multi_dot", lambda *xs: la.multi_dot(xs), [(2, 3), (3, 4), (4, 2)], [(3,), (3, 4), (4,)], [(2, 3), (3, 1)]),
    general("expm", ag.linalg.expm, *SQUARE, (0, 0), domain=(-0.5, 0.5)),
    general("expm_large", lambda x: ag.linalg.expm(x * 4) / 100, (3, 3)),
    general("trace_linalg", lambda x: la.trace(x, offset=1), (3, 3), (2, 2, 3)),
    general("diagonal_linalg", lambda x: la.diagonal(x, offset=-1), (3, 3), (2, 2, 3)),
    general("outer_linalg", la.outer, [(2,), (3,)]),
    general("cross_linalg", la.cross, [(2, 3), (2, 3)]),
    general("matmul_linalg", la.matmul, [(2, 3), (3, 2)]),
    general("matrix_transpose_linalg", la.matrix_transpose, (2, 3)),
    general("vecdot_linalg", la.vecdot, [(2, 3), (2, 3)], analytic=False),
    general("tensordot_linalg", la.tensordot, [(2, 3), (2, 3)]),
]
