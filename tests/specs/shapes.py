"""Spec rows: functions that move elements."""

import numpy as np

from .base import general

SHAPES = [
    general("reshape", lambda x: np.reshape(x, (3, -1)), (2, 3), (3, 4)),
    general("reshape_order", lambda x: np.reshape(x, (3, 2), order="F"), (2, 3)),
    general("ravel", np.ravel, (2, 3), (), (0, 2)),
    general("transpose", np.transpose, (2, 3), (), (2, 3, 4)),
    general("transpose_axes", lambda x: np.transpose(x, (1, -1, 0)), (2, 3, 4)),
    general("matrix_transpose", np.matrix_transpose, (2, 3), (4, 2, 3)),
    general("swapaxes", lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    general("moveaxis", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
    general("squeeze", np.squeeze, (2, 1, 3, 1), (1,), (1, 0)),
    general("squeeze_axis", lambda x: np.squeeze(x, axis=-1), (2, 1, 1)),
    general("expand_dims", lambda x: np.expand_dims(x, (0, -1)), (2, 3), ()),
    general("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 2)), (), (1,), (3, 1), (2, 1, 2), (2, 3, 2)),
    general(
        "concatenate",
        lambda *xs: np.concatenate(xs, axis=1),
        [(2, 1), (2, 3)],
        [(2, 0), (2, 2), (2, 1)],
        [(1, 2, 2), (1, 1, 2)],
    ),
    general("concatenate_flat", lambda a, b: np.concatenate([a, b], axis=None), [(2, 2), ()]),
    general("stack", lambda *xs: np.stack(xs, axis=-1), [(2, 3), (2, 3)], [(), ()], [(0, 2)] * 3),
]
