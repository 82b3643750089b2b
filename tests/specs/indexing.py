"""Spec rows: indexing and index assignment."""

from typing import Any

import numpy as np

import autograd_core as ag

from .base import general, raw

ROWS, COLUMNS = np.array([0, 2, 0]), np.array([1, 1, 1])

INDEXING = [
    general("getitem", lambda x: x[1:, ..., ::-2], (3, 4), (2, 2, 3)),
    general("getitem_new_axis", lambda x: x[None, 1], (3, 4)),
    general("getitem_repeated", lambda x: x[ROWS, COLUMNS], (3, 4), (3, 2, 2)),
    general("getitem_mask", lambda x: x[np.array([True, False, True])], (3,), (3, 2)),
    general("getitem_mixed", lambda x: x[:, ROWS], (2, 3), (1, 3, 2)),
    general("setitem", lambda x, v: _with_item(x, (slice(1, None), 0), v), [(3, 2), (2,)], [(3, 2), ()], [(2, 2, 3), (1, 3)]),
    general("setitem_repeated", lambda x, v: _with_item(x, ROWS, v), [(3,), (3,)], [(3, 2), (3, 1)]),
    general("setitem_mask", lambda x, v: _with_item(x, np.array([True, False, True]), v), [(3, 2), (2, 2)]),
]


def _with_item(x: Any, index: Any, value: Any) -> Any:
    y = x.copy() if isinstance(x, ag.Tensor) else np.array(x, dtype=np.result_type(x, raw(value)))
    if isinstance(value, ag.Tensor) and not isinstance(y, ag.Tensor):
        y = ag.Tensor(y)
    y[index] = value
    return y
