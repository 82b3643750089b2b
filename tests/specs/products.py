"""Spec rows: products of arrays."""

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .base import binary, general

VECTORS_OR_MORE = ([(3,), (3,)], [(2, 3), (3,)], [(3,), (4, 3)], [(2, 3), (4, 3)], [(2, 2, 3), (2, 3)])


def _einsum(spec: str, *shapes: Any, name: str = "", **options: Any) -> Any:
    return general(f"einsum_{name or spec}", lambda *xs: np.einsum(spec, *xs, **options), *shapes)


PRODUCTS = [
    general(
        "matmul",
        np.matmul,
        [(2, 3), (3, 2)],
        [(3,), (3, 2)],
        [(2, 3), (3,)],
        [(3,), (3,)],
        [(4, 2, 3), (3, 2)],
        [(2, 1, 2, 3), (4, 3, 1)],
        [(3,), (2, 3, 2)],
        [(0, 3), (3, 2)],
        [(2, 0), (0, 2)],
    ),
    general(
        "dot",
        np.dot,
        [(3,), (3,)],
        [(2, 3), (3, 2)],
        [(2, 3), ()],
        [(2, 3, 2), (2,)],
        [(2, 3), (4, 3, 2)],
        [(3,), (2, 1, 3, 2)],
    ),
    general(
        "linear", ag.linear, [(2, 3), (4, 3), (4,)], [(2, 5, 3), (1, 3), (1,)], [(3,), (2, 3), (2,)], [(0, 3), (2, 3), (2,)]
    ),
    general(
        "softmax_cross_entropy", lambda x: ag.softmax_cross_entropy(x, beside(np.arange(len(x)) % 3, x)), (2, 3), (4, 5), (0, 2)
    ),
    general(
        "softmax_cross_entropy_of_one",
        lambda x: ag.softmax_cross_entropy(x, 1),
        (3,),
        points=[(([1e4, -1e4],), ([1.0, -1.0],))],
    ),
    general(
        "softmax_cross_entropy_of_many", lambda x: ag.softmax_cross_entropy(x, beside(np.array([[0, 2], [1, 1]]), x)), (2, 2, 3)
    ),
    binary(
        "sigmoid_cross_entropy",
        f=ag.sigmoid_cross_entropy,
        analytic=False,
        points=[(([0.0, 1e4, -1e4, 1e4], [0.5, 1.0, 0.0, 0.0]), ([0.0, 0.0, 0.0, 1.0], [0.0, -1e4, 1e4, -1e4]))],
    ),
    general("linear_no_bias", ag.linear, [(2, 3), (4, 3)]),
    general("inner", np.inner, *VECTORS_OR_MORE, [(2, 3), ()], [(0, 3), (2, 3)], [(2, 0), (3, 0)]),
    general("outer", np.outer, [(3,), (2,)], [(2, 2), ()], [(0,), (2,)]),
    general("vdot", np.vdot, [(3,), (3,)], [(2, 3), (3, 2)], [(), ()], [(0,), (0,)], analytic=False),
    general("matvec", ag.matvec, [(2, 3), (3,)], [(4, 2, 3), (4, 3)], [(2, 3), (4, 3)]),
    general("vecmat", ag.vecmat, [(2,), (2, 3)], [(4, 2), (4, 2, 3)], [(4, 2), (2, 3)], analytic=False),
    general("vecdot", np.vecdot, [(3,), (3,)], [(2, 3), (3,)], [(2, 1, 3), (4, 3)], [(2, 0), (0,)], analytic=False),
    general("vecdot_axis", lambda a, b: ag.vecdot(a, b, axis=0), [(3, 2), (3, 1)], analytic=False),
    general("vecdot_complex", lambda a, b: np.vecdot(a + 1j * b, 2 * b - 1j * a).real, [(2, 3), (3,)], analytic=False),
    general("kron", np.kron, [(2,), (3,)], [(2, 3), (3, 1)], [(2, 2), (3,)], [(), (2,)], [(2, 0), (2, 2)], [(2,), (1, 2, 3)]),
    general("cross", np.cross, [(3,), (3,)], [(2, 3), (3,)], [(2, 1, 3), (4, 3)], [(0, 3), (3,)]),
    general("cross_axes", lambda a, b: np.cross(a, b, axisa=0, axisb=1, axisc=0), [(3, 2), (2, 3)]),
    general("cross_axis", lambda a, b: np.cross(a, b, axis=0), [(3, 2), (3, 2)]),
    general("tensordot", np.tensordot, [(2, 3), (2, 3)], [(4, 2, 3), (2, 3, 2)], [(0, 2, 2), (2, 2)]),
    general("tensordot_outer", lambda a, b: np.tensordot(a, b, axes=0), [(2, 3), (2,)], [(), (2,)]),
    general("tensordot_one", lambda a, b: np.tensordot(a, b, axes=(0, 1)), [(3, 2), (2, 3)], [(3,), (4, 3)]),
    general("tensordot_axes", lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, -1])), [(3, 2, 4), (2, 5, 3)]),
    _einsum("ij,jk", [(2, 3), (3, 2)], [(2, 1), (3, 2)], [(0, 3), (3, 2)]),
    _einsum("ij,jk->ki", [(2, 3), (3, 4)]),
    _einsum("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)], [(1, 2, 3), (2, 3, 1)]),
    _einsum("bij,bkj->ikb", [(2, 2, 3), (2, 4, 3)]),
    _einsum("...ij,...j->...i", [(2, 2, 3), (3,)], [(2, 3), (4, 1, 3)], [(2, 3), (3,)]),
    _einsum("i...,i...", [(2, 3), (2, 1)], [(2, 3), (2,)]),
    _einsum("ij,ij->i", [(2, 3), (2, 3)], [(2, 3), (1, 3)]),
    _einsum("i,j->ji", [(2,), (3,)]),
    _einsum("i,i->", [(3,), (3,)], [(3,), (1,)], [(0,), (0,)]),
    _einsum("ij,k->i", [(2, 3), (4,)]),
    _einsum("ii", (3, 3), (0, 0)),
    _einsum("ii->i", (3, 3)),
    _einsum("ji", (2, 3)),
    _einsum("ij->ij", (2, 3)),
    _einsum("iji->j", (2, 3, 2)),
    _einsum("iii->i", (2, 2, 2)),
    _einsum("...ii->...", (4, 3, 3)),
    _einsum("ij->", (2, 3)),
    _einsum("", (), name="nothing"),
    _einsum(",ij->ji", [(), (2, 3)]),
    _einsum("ii,ij->j", [(3, 3), (3, 2)]),
    _einsum("ij,jk,kl->il", [(2, 3), (3, 2), (2, 4)]),
    _einsum("ij,jk,kl->il", [(2, 3), (3, 2), (2, 4)], name="optimal", optimize="optimal"),
    _einsum("ij,jk,kl->il", [(2, 3), (3, 2), (2, 4)], name="path", optimize=["einsum_path", (1, 2), (0, 1)]),
    _einsum("i,i,i->", [(3,), (3,), (3,)]),
    _einsum("i,j,k,ij->k", [(2,), (3,), (2,), (2, 3)]),
    general("einsum_lists", lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), [(2, 3), (3, 2)]),
    general("einsum_lists_implicit", lambda a, b: np.einsum(a, [..., 30, 2], b, [2, 1]), [(4, 2, 3), (3, 2)]),
    general(
        "einsum_dtype",
        lambda a, b: np.einsum("i,i", a, b, dtype=np.float64),
        [(3,), (3,)],
        analytic=False,
        keeps_float32=False,
    ),
]
