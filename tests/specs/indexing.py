"""Spec rows: indexing and index assignment."""

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .base import CHOICE, general, raw

ROWS, COLUMNS = np.array([0, 2, 0]), np.array([1, 1, 1])
MASK = np.array([True, False, True])
ORDER = np.array([[2, 0, 0], [1, 1, -1]])
MANY = np.random.default_rng(0).integers(-4, 4, (50, 6))  # enough for the fast way of adding up
windows = np.lib.stride_tricks.sliding_window_view


def _copied(x: Any, value: Any) -> Any:
    """A copy of x that can take the value."""
    if hasattr(x, "_data"):
        return x.copy()
    y = np.array(x, dtype=np.result_type(x, raw(value)), order="C")
    return ag.Tensor(y) if hasattr(value, "_data") else y


def _with_item(x: Any, index: Any, value: Any) -> Any:
    y = _copied(x, value)
    y[index] = value
    return y


def _changed(function: Any, x: Any, value: Any) -> Any:
    """What a function that writes in place makes of a copy of x."""
    y = _copied(x, value)
    function(y, value)
    return y


INDEXING = [
    general("getitem", lambda x: x[1:, ..., ::-2], (3, 4), (2, 2, 3), (0, 4)),
    general("getitem_number", lambda x: x[-1], (3,), (3, 2)),
    general("getitem_all", lambda x: x[...], (), (2, 3)),
    general("getitem_nothing", lambda x: x[()], (), (2, 3)),
    general("getitem_new_axis", lambda x: x[None, 1], (3, 4)),
    general("getitem_repeated", lambda x: x[ROWS, COLUMNS], (3, 4), (3, 2, 2)),
    general("getitem_rows", lambda x: x[ORDER], (3,), (3, 2), (4, 2, 2)),
    general("getitem_many_rows", lambda x: x[MANY], (4,), (4, 3), (5, 1, 2)),
    general("getitem_many_columns", lambda x: x[:, MANY], (3, 4), (1, 4, 2)),
    general("getitem_many_pairs", lambda x: x[MANY, 1, MANY], (4, 2, 4)),
    general("getitem_many_apart", lambda x: x[MANY, :, None, MANY[:1]], (4, 2, 4)),
    general("getitem_list", lambda x: x[[0, 0, 1]], (2,), (2, 3)),
    general("getitem_lists", lambda x: x[(0, 0, 1), (1, 1, 0)], (2, 3)),
    general("getitem_tuple_in_tuple", lambda x: x[((0, 0, 1),)], (2, 3)),
    general("getitem_range", lambda x: x[:, range(2)], (2, 3)),
    general("getitem_tensors", lambda x: x[ag.Tensor(ROWS), ag.Tensor(1)], (3, 4)),
    general("getitem_tensor_slice", lambda x: x[ag.Tensor(1) : ag.Tensor(3)], (4, 2)),
    general("getitem_tensor_mask", lambda x: x[ag.Tensor(MASK)], (3, 2)),
    general("getitem_unsigned", lambda x: x[ROWS.astype(np.uint8)], (3, 200), (3,)),
    general("getitem_empty", lambda x: x[[]], (3, 2), (0,)),
    general("getitem_empty_array", lambda x: x[:, np.empty((0, 2), int)], (3, 2)),
    general("getitem_mask", lambda x: x[MASK], (3,), (3, 2)),
    general("getitem_mask_of_two_axes", lambda x: x[np.array([[True, False], [True, True]])], (2, 2), (2, 2, 2)),
    general("getitem_mask_and_rows", lambda x: x[MASK, [1, 1]], (3, 2)),
    general("getitem_true", lambda x: x[True], (), (2,)),
    general("getitem_mixed", lambda x: x[:, ROWS], (2, 3), (1, 3, 2)),
    general("getitem_apart", lambda x: x[ROWS, :, 0], (3, 2, 2)),
    general("getitem_mesh", lambda x: x[np.ix_(ROWS, [1, 0])], (3, 2), (3, 2, 2)),
    general("setitem", lambda x, v: _with_item(x, (slice(1, None), 0), v), [(3, 2), (2,)], [(3, 2), ()], [(2, 2, 3), (1, 3)]),
    general("setitem_repeated", lambda x, v: _with_item(x, ROWS, v), [(3,), (3,)], [(3, 2), (3, 1)]),
    general("setitem_many", lambda x, v: _with_item(x, (slice(None), MANY), v), [(2, 4), (2, 50, 6)], [(2, 5), (6,)]),
    general("setitem_mask", lambda x, v: _with_item(x, np.array([True, False, True]), v), [(3, 2), (2, 2)]),
    general("setitem_longer_shape", lambda x, v: _with_item(x, 0, v), [(3, 2), (1, 1, 2)], [(2, 1), (1, 1)]),
    general("setitem_number", lambda x, v: _with_item(x, (), v), [(), ()], [(2,), ()]),
    general("take", lambda x: np.take(x, ORDER), (3,), (2, 3), (3, 1)),
    general("take_axis", lambda x: np.take(x, ORDER, axis=-1), (3,), (2, 3)),
    general("take_number", lambda x: np.take(x, -1, axis=1), (2, 3)),
    general("take_wrap", lambda x: np.take(x, [-7, 9, 0], axis=0, mode="wrap"), (4, 2), (1,)),
    general("take_clip", lambda x: np.take(x, [-7, 9, 0], mode="clip"), (4, 2), ()),
    general("take_nothing", lambda x: np.take(x, np.empty((2, 0), int), axis=0), (4, 2), (0, 2)),
    general("take_along_axis", lambda x: np.take_along_axis(x, ORDER, axis=1), (2, 3), (1, 3)),
    general("take_along_axis_first", lambda x: np.take_along_axis(x, ORDER[:, :1], axis=0), (3, 4)),
    general("take_along_axis_flat", lambda x: np.take_along_axis(x, np.array([3, 0, 3]), axis=None), (2, 2)),
    general(
        "put_along_axis",
        lambda x, v: _changed(lambda y, v: np.put_along_axis(y, ORDER, v, axis=1), x, v),
        [(2, 3), (2, 3)],
        [(2, 3), ()],
    ),
    general(
        "put_along_axis_flat",
        lambda x, v: _changed(lambda y, v: np.put_along_axis(y, np.array([3, 0]), v, axis=None), x, v),
        [(2, 2), (2,)],
    ),
    general("choose", lambda a, b, c: np.choose(ORDER % 3, [a, b, c]), [(2, 3), (3,), ()], [(2, 1), (1, 1), (2, 3)]),
    general("choose_wrap", lambda a, b: np.choose(np.array([-1, 4]), [a, b], mode="wrap"), [(2,), ()]),
    general("choose_clip", lambda x: np.choose(np.array(7), x, mode="clip"), (3,), (2, 2)),
    general("compress", lambda x: np.compress([True, False, True], x, axis=1), (2, 3), (1, 4)),
    general("compress_flat", lambda x: np.compress([0, 1], x), (2, 3)),
    general("extract", lambda x: np.extract([[True, False], [True, True]], x), (2, 2), (4,)),
    general(
        "select",
        lambda a, b, c: ag.select([beside(MASK, a), beside(~MASK[::-1], a)], [a, b], c),
        [(3,), (2, 3), ()],
        [(), (1,), (3,)],
    ),
    general(
        "select_numpy",
        lambda a, b: np.select([beside(MASK, a), ag.Tensor(beside(MASK, a))], [a, b], 3),
        [(3,), (2, 3)],
        [(), (1,)],
    ),
    general("select_default", lambda x: np.select([beside(MASK, x)], [x]), (3,), ()),
    general(
        "piecewise",
        lambda x: np.piecewise(x, [raw(x) < -0.5, raw(x) > 0.5], [np.exp, lambda v: v * v, -1.0]),
        (),
        (5,),
        (2, 3),
        (0,),
        **CHOICE,
    ),
    general(
        "piecewise_rest",
        lambda x: np.piecewise(x, [raw(x) > 0], [lambda v, p: v**p, lambda v, p: np.sin(p * v)], 3),
        (4,),
        (2, 3),
        **CHOICE,
    ),
    general("fill_diagonal", lambda x, v: _changed(np.fill_diagonal, x, v), [(3, 3), ()], [(2, 4), (2,)], [(2, 2, 2), (2,)]),
    general("fill_diagonal_tall", lambda x, v: _changed(np.fill_diagonal, x, v), [(5, 2), (1,)], [(4, 3), (5,)]),
    general("fill_diagonal_wrap", lambda x, v: _changed(lambda y, v: np.fill_diagonal(y, v, wrap=True), x, v), [(7, 2), (3,)]),
    general("sliding_window_view", lambda x: windows(x, 2), (4,), (2,)),
    general("sliding_window_view_of_two_axes", lambda x: windows(x, (2, 3)), (3, 4)),
    general("sliding_window_view_axis", lambda x: windows(x, 2, axis=-1), (2, 4), (0, 3)),
    general("sliding_window_view_squared", lambda x: windows(x, (2, 2)) ** 2, (3, 4)),
    general("sliding_window_view_twice", lambda x: windows(x, (2, 3), axis=(0, 0)), (5, 2)),
]
