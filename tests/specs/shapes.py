"""Spec rows: functions that move elements, join arrays and take them apart."""

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .base import CHOICE, general

ONE_AXIS, TWO, THREE = (4,), (2, 3), (2, 3, 4)
CORNERS = [[1, 2], [0, 1]]

SHAPES = [
    general("reshape", lambda x: np.reshape(x, (3, -1)), (2, 3), (3, 4), (0, 3)),
    general("reshape_order", lambda x: np.reshape(x, (3, 2), order="F"), (2, 3)),
    general("ravel", np.ravel, (2, 3), (), (0, 2)),
    general("transpose", np.transpose, (2, 3), (), (2, 3, 4)),
    general("transpose_axes", lambda x: np.transpose(x, (1, -1, 0)), (2, 3, 4)),
    general("matrix_transpose", np.matrix_transpose, (2, 3), (4, 2, 3)),
    general("swapaxes", lambda x: np.swapaxes(x, 0, -1), (2, 3, 4), (1,)),
    general("moveaxis", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    general("rollaxis", lambda x: np.rollaxis(x, -1, 1), THREE, TWO),
    general("rollaxis_end", lambda x: np.rollaxis(x, 0, 3), THREE),
    general("squeeze", np.squeeze, (2, 1, 3, 1), (1,), (1, 0)),
    general("squeeze_axis", lambda x: np.squeeze(x, axis=-1), (2, 1, 1)),
    general("expand_dims", lambda x: np.expand_dims(x, (0, -1)), (2, 3), ()),
    general("atleast_1d", np.atleast_1d, (), (3,), TWO),
    general("atleast_2d", np.atleast_2d, (), (3,), THREE),
    general("atleast_3d", np.atleast_3d, (), (3,), TWO, (0, 2, 1), (1, 2, 1, 2)),
    general("flip", np.flip, THREE, (), (0, 2)),
    general("flip_axes", lambda x: np.flip(x, (0, -1)), THREE),
    general("fliplr", np.fliplr, TWO, (2, 0)),
    general("flipud", np.flipud, TWO, ONE_AXIS),
    general("rot90", np.rot90, TWO, THREE, (0, 2)),
    *[general(f"rot90_{k}", lambda x, k=k: np.rot90(x, k, axes=(-1, 0)), THREE) for k in (-1, 0, 2, 5)],
    general("roll", lambda x: np.roll(x, 2), TWO, (), (0, 2)),
    general("roll_axes", lambda x: np.roll(x, (1, -2), axis=(0, -1)), THREE, (1, 1)),
    general("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 2)), (), (1,), (3, 1), (2, 1, 2), (2, 3, 2)),
    general("broadcast_arrays", lambda a, b: np.multiply(*np.broadcast_arrays(a, b)), [(2, 1), (3,)], [(), (0,)], [(2,), ()]),
    general("meshgrid", lambda a, b: np.stack(np.meshgrid(a, b)), [(2,), (3,)], [(1,), (0,)], [(), (2,)]),
    general(
        "meshgrid_ij",
        lambda a, b, c: np.multiply(*np.meshgrid(a, b, c, indexing="ij")[1:]) + np.meshgrid(a, b, c, indexing="ij")[0],
        [(2,), (3,), (2,)],
    ),
    general("meshgrid_sparse", lambda a, b: np.subtract(*np.meshgrid(a, b, sparse=True)), [(2,), (3,)]),
    general("tile", lambda x: np.tile(x, (2, 1, 3)), (), (2,), TWO, (2, 0), (2, 1, 2, 1)),
    general("tile_number", lambda x: np.tile(x, 2), (), TWO),
    general("tile_nothing", lambda x: np.tile(x, 0), TWO),
    general("repeat", lambda x: np.repeat(x, 3), (), TWO, (0, 2)),
    general("repeat_axis", lambda x: np.repeat(x, 2, axis=-2), TWO, THREE, (0, 2)),
    general("repeat_counts", lambda x: np.repeat(x, [2, 0, 3], axis=1), TWO, (1, 3, 2), (0, 3)),
    general("repeat_nothing", lambda x: np.repeat(x, [0], axis=0), TWO),
    general("resize", lambda x: np.resize(x, (3, 4)), (), TWO, (5, 4), (0, 2)),
    general("resize_number", lambda x: np.resize(x, 4), TWO),
    general("resize_empty", lambda x: np.resize(x, (0, 2)), TWO),
    general("diagonal", np.diagonal, TWO, THREE, (3, 2), (0, 2), (1, 1)),
    general("diagonal_offset", lambda x: np.diagonal(x, 1, -1, 0), THREE, (3, 3)),
    general("diagonal_outside", lambda x: np.diagonal(x, -5), (3, 3)),
    general("trace", np.trace, TWO, (3, 3, 2), (1, 1), (0, 3)),
    general("trace_offset", lambda x: np.trace(x, -1, 1, 2), THREE, (2, 3, 2)),
    general("diag", np.diag, ONE_AXIS, TWO, (1,), (0,), (0, 2)),
    general("diag_below", lambda x: np.diag(x, -2), ONE_AXIS, (4, 3), (0,)),
    general("diag_above", lambda x: np.diag(x, 1), ONE_AXIS, TWO),
    general("diagflat", lambda x: np.diagflat(x, 1), TWO, ()),
    general("tril", np.tril, (3, 3), TWO, (2, 3, 2), ONE_AXIS, (0, 2)),
    general("tril_offset", lambda x: np.tril(x, -1), (3, 4)),
    general("triu", np.triu, (3, 3), TWO, (2, 3, 2), ONE_AXIS, (0, 2)),
    general("triu_offset", lambda x: np.triu(x, 1), (3, 4)),
    general(
        "concatenate",
        lambda *xs: np.concatenate(xs, axis=1),
        [(2, 1), (2, 3)],
        [(2, 0), (2, 2), (2, 1)],
        [(1, 2, 2), (1, 1, 2)],
    ),
    general("concatenate_flat", lambda a, b: np.concatenate([a, b], axis=None), [(2, 2), ()]),
    general(
        "concatenate_with_array",
        lambda x: np.concatenate([[7.0], x, beside(np.ones(2), x)], axis=-1, dtype=x.dtype),
        (3,),
        (0,),
    ),
    general("concat", lambda a: np.concat([a, 2 * a], axis=-1), TWO),
    general("stack", lambda *xs: np.stack(xs, axis=-1), [(2, 3), (2, 3)], [(), ()], [(0, 2)] * 3),
    general("vstack", lambda *xs: np.vstack(xs), [(3,), (2, 3)], [(), ()], [(0, 2), (1, 2)], [THREE, THREE]),
    general("hstack", lambda *xs: np.hstack(xs), [(3,), (2,)], [(), ()], [(2, 0), (2, 1)], [(2, 1, 2), (2, 2, 2)]),
    general("dstack", lambda *xs: np.dstack(xs), [(3,), (3,)], [(), ()], [(2, 2), (2, 2, 3)]),
    general("column_stack", lambda *xs: np.column_stack(xs), [(3,), (3, 2)], [(), ()], [(0,), (0, 2)]),
    general("block", lambda a, b, c, d: np.block([[a, b], [c, d]]), [(2, 2), (2, 1), (1, 2), (1, 1)], [(), (1,), (2,), (0,)]),
    general("block_deep", lambda a, b: np.block([[[a, b]], [[b, a]]]), [(2,), (1, 1)], [(1, 1, 2, 1), (1, 2, 2)]),
    general("block_alone", np.block, TWO, ()),
    general("append", lambda a, b: np.append(a, b), [TWO, ()], [(0,), (2,)]),
    general("append_axis", lambda a, b: np.append(a, b, axis=-1), [TWO, (2, 1)]),
    general("insert", lambda a, v: np.insert(a, 2, v), [TWO, ()], [(3,), (2,)], analytic=False),
    general("insert_row", lambda a, v: np.insert(a, -1, v, axis=1), [TWO, (2,)], [TWO, ()], [THREE, (2, 1)], analytic=False),
    general("insert_many", lambda a, v: np.insert(a, [3, 0, 3], v, axis=-1), [TWO, (3,)], [TWO, (2, 1)], analytic=False),
    general("insert_slice", lambda a, v: np.insert(a, slice(0, 2), v, axis=0), [(3,), (2,)], [TWO, ()], analytic=False),
    general("insert_one", lambda a, v: np.insert(a, [1], v, axis=0), [TWO, (3,)], [TWO, (2, 3)], analytic=False),
    general("delete", lambda x: np.delete(x, 1), TWO),
    general("delete_many", lambda x: np.delete(x, [0, -1, 0], axis=-1), TWO, THREE),
    general("delete_slice", lambda x: np.delete(x, slice(None, None, 2), axis=1), THREE, (2, 1)),
    general("split", lambda x: np.multiply(*np.split(x, 2)), (4,), (2, 3), (0, 2)),
    general("split_places", lambda x: np.split(x, [1, 3], axis=-1)[1], (2, 4), (4,), (2, 2)),
    general("array_split", lambda x: np.concatenate(np.array_split(x, 3, axis=1)[::-1], axis=1), (2, 5), (2, 2)),
    general("hsplit", lambda x: np.hsplit(x, 2)[1], (2, 4), (4,)),
    general("vsplit", lambda x: np.vsplit(x, [1])[1], (3, 2), (1, 2, 2)),
    general("dsplit", lambda x: np.dsplit(x, 2)[0], (1, 2, 4)),
    general("unstack", lambda x: np.multiply(*ag.unstack(x, axis=-1)), (3, 2), (2,), (0, 2)),
    general("pad", lambda x: np.pad(x, 1), (), (2,), TWO, (0, 2)),
    general("pad_empty", lambda x: np.pad(x, CORNERS, mode="empty")[1:-2, :-1], TWO),
    general("pad_value", lambda x: np.pad(x, CORNERS, constant_values=[[1, 2], [3, 4]]), TWO, (0, 2)),
    general(
        "pad_tensor_value",
        lambda x, v: ag.pad(x, CORNERS[: x.ndim], constant_values=v),
        [TWO, (2, 2)],
        [TWO, (2,)],
        [(1,), ()],
        plain=lambda x, v: np.pad(x, CORNERS[: x.ndim], constant_values=v),
        analytic=False,
    ),
    *[
        general(f"pad_{mode}", lambda x, mode=mode: np.pad(x, [[1, 3], [0, 5]], mode), TWO, (2, 1), (1, 3), (3, 2))
        for mode in ("edge", "reflect", "symmetric", "wrap", "mean", "linear_ramp")
    ],
    *[
        general(f"pad_{mode}_odd", lambda x, mode=mode: np.pad(x, [[1, 3], [7, 5]], mode, reflect_type="odd"), TWO, (3, 1))
        for mode in ("reflect", "symmetric")
    ],
    general("pad_ramp_to", lambda x: np.pad(x, (2, 1), "linear_ramp", end_values=(3, -1)), TWO, (1,)),
    general(
        "pad_ramp_to_tensor",
        lambda x, v: ag.pad(x, 2, "linear_ramp", end_values=v),
        [TWO, (2, 1)],
        plain=lambda x, v: np.pad(x, 2, "linear_ramp", end_values=v),
        analytic=False,
    ),
    general("pad_mean_of_some", lambda x: np.pad(x, 2, "mean", stat_length=((1, 2), (2, 5))), (3, 4)),
    *[
        general(f"pad_{mode}", lambda x, mode=mode: np.pad(x, 1, mode, stat_length=2), (3, 4), (3,), **CHOICE)
        for mode in ("maximum", "minimum", "median")
    ],
]
