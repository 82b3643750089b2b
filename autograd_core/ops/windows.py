"""Rows of sliding windows over the last axes: pooling, unfolding.

Arrays are (samples, channels, *positions) with any number of position axes. A window has a `size`, a `stride` from one to
the next and a `dilation` between its elements, each a tuple with one number per position axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..arrays import foreign, is_foreign
from ..dual import bare
from ..errors import ShapeError
from ..record import primitive
from .derived import as_operand

__all__ = ["fold", "max_pool", "unfold", "window_sum"]


class Windows(NamedTuple):
    """Where the windows over an array lie."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]  # zeros before and behind each axis
    dilation: tuple[int, ...]

    def number(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows fit along each axis of `shape`."""
        return tuple(
            (n + before + after - d * (k - 1) - 1) // s + 1 for n, k, s, (before, after), d in zip(shape, *self, strict=True)
        )

    def offsets(self, count: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """For each element of a window: the index that takes it from all windows at once."""
        ranges = [
            [slice(d * i, d * i + s * (n - 1) + 1, s) for i in range(k)]
            for k, s, d, n in zip(self.size, self.stride, self.dilation, count, strict=True)
        ]
        return ((..., *index) for index in product(*ranges))

    def padded(self, x: Any, value: float = 0) -> Any:
        """A copy with the padding around it; the array itself where there is none."""
        if not any(map(any, self.padding)):
            return x
        out = np.full_like(x, value, shape=self.around(x.shape))  # in the memory order of x
        out[self.inner(x.shape)] = x
        return out

    @property
    def apart(self) -> bool:
        """Whether no two windows have an element in common."""
        return all(s >= d * (k - 1) + 1 for k, s, d in zip(self.size, self.stride, self.dilation, strict=True))

    def around(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        k = len(self.size)
        return (*shape[:-k], *(n + a + b for n, (a, b) in zip(shape[-k:], self.padding, strict=True)))

    def inner(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        return (..., *(slice(a, a + n) for n, (a, _) in zip(shape[-len(self.size) :], self.padding, strict=True)))

    def view(self, x: Any, count: tuple[int, ...]) -> Any:
        """All windows of a padded array without copying it: (channels, *size, samples, *count)."""
        k = len(self.size)
        steps = x.strides[-k:]
        inside = [s * d for s, d in zip(steps, self.dilation, strict=True)]
        between = [s * t for s, t in zip(steps, self.stride, strict=True)]
        strides = (x.strides[1], *inside, x.strides[0], *between)
        return np.lib.stride_tricks.as_strided(x, (x.shape[1], *self.size, len(x), *count), strides)


# Pooling and unfolding: each map beside its transpose


def _first_maxima(x: Any, y: Any, windows: Windows) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """For each element of a window its index, and where it is the maximum y; of equal ones the first, as in PyTorch."""
    x, y = windows.padded(bare(x), -np.inf), bare(y)
    nowhere = np.isnan(y) if y.dtype.kind == "f" and y.size and np.isnan(y.max()) else None
    taken: Any = None
    for index in windows.offsets(y.shape[2:]):
        here = x[index] == y
        if nowhere is not None:
            here |= np.isnan(x[index]) & nowhere
        if taken is None:
            taken = here.copy("K")
        else:
            here &= ~taken
            taken |= here
        yield index, here


def _max_forward(x: Any, windows: Windows) -> Any:
    count = windows.number(x.shape[2:])
    x = windows.padded(x, -np.inf)
    first, *others = windows.offsets(count)
    if not others:
        return x[first].copy("K")
    y = np.maximum(x[first], x[others[0]])
    for index in others[1:]:
        np.maximum(y, x[index], out=y)
    return y


def _in_order_of(y: Any, g: Any) -> Any:
    """g as it is, or in the memory order of y: elementwise functions of arrays in two orders take several times as long."""
    if g.strides == y.strides or g.shape != y.shape:
        return g
    c = np.empty_like(y, dtype=g.dtype)
    c[...] = g
    return c


def _gathered(t: Any, x: Any, y: Any, windows: Windows) -> Any:
    """The elements of t where x has its maxima."""
    t = windows.padded(_in_order_of(x, t))
    out = np.zeros_like(y, dtype=t.dtype)
    for index, here in _first_maxima(x, y, windows):
        out += t[index] * here
    return out


def _scattered(g: Any, x: Any, y: Any, windows: Windows) -> Any:
    """The transpose of that."""
    g = _in_order_of(y, g)
    out = np.zeros_like(x, g.dtype, shape=windows.around(x.shape))
    for index, here in _first_maxima(x, y, windows):
        if windows.apart:
            np.multiply(g, here, out=out[index])
        else:
            out[index] += g * here
    return out[windows.inner(x.shape)]


_max_pool: Any = primitive("max_pool", _max_forward, lambda g, y, x, windows: _max_scatter(g, bare(x), bare(y), windows))
_max_scatter: Any = primitive(
    "max_pool_scatter", _scattered, lambda c, _y, _g, x, y, windows: _max_gather(c, x, y, windows), kind="linear"
)
_max_gather: Any = primitive(
    "max_pool_gather", _gathered, lambda g, _y, _t, x, y, windows: _max_scatter(g, x, y, windows), kind="linear"
)


def _sums(x: Any, windows: Windows) -> Any:
    count = windows.number(x.shape[2:])
    x = windows.padded(x)
    first, *others = windows.offsets(count)
    y = x[first].copy("K")
    for index in others:
        y += x[index]
    return y


def _spread(g: Any, windows: Windows, shape: tuple[int, ...]) -> Any:
    out = np.zeros_like(g, shape=windows.around(shape))
    for index in windows.offsets(g.shape[2:]):
        out[index] += g
    return out[windows.inner(shape)]


_window_sum: Any = primitive(
    "window_sum", _sums, lambda g, _y, x_shape, windows: _window_spread(g, windows, x_shape), kind="linear"
)
_window_spread: Any = primitive(
    "window_spread", _spread, lambda c, _y, _g, windows, _shape: _window_sum(c, windows), kind="linear"
)


def _unfolded(x: Any, windows: Windows) -> Any:
    count = windows.number(x.shape[2:])
    if is_foreign(x):  # its strides cannot be reached through NumPy
        x = windows.padded(x)
        parts = np.stack([x[index] for index in windows.offsets(count)], axis=2)
        return parts.reshape(len(x), x.shape[1] * math.prod(windows.size), math.prod(count))
    view = windows.view(windows.padded(x), count)
    k = len(windows.size)
    return np.moveaxis(view, k + 1, 0).reshape(len(x), x.shape[1] * math.prod(windows.size), math.prod(count))


def _folded(columns: Any, windows: Windows, shape: tuple[int, ...]) -> Any:
    out = np.zeros(windows.around(shape), columns.dtype, like=foreign(columns))
    count = windows.number(shape[2:])
    parts = columns.reshape(*shape[:2], math.prod(windows.size), *count)
    for k, index in enumerate(windows.offsets(count)):
        out[index] += parts[:, :, k]
    return out[windows.inner(shape)]


_unfold: Any = primitive("unfold", _unfolded, lambda g, _y, x_shape, windows: _fold(g, windows, x_shape), kind="linear")
_fold: Any = primitive("fold", _folded, lambda c, _y, _columns, windows, _shape: _unfold(c, windows), kind="linear")


# The public functions


def numbers_per_axis(value: Any, k: int, name: str) -> tuple[int, ...]:
    found = (value,) * k if isinstance(value, (int, np.integer)) else tuple(value)
    if len(found) != k:
        raise ShapeError(f"{name} has one number per position axis: {k}; got {value!r}")
    return tuple(int(n) for n in found)


def windows_over(name: str, x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Windows:
    """Check what describes the windows, and that at least one fits."""
    k = x.ndim - 2
    if k < 1:
        raise ShapeError(f"'{name}' takes (samples, channels, *positions); got shape {x.shape}")
    size, stride, dilation = (
        numbers_per_axis(size, k, "size"),
        numbers_per_axis(stride, k, "stride"),
        numbers_per_axis(dilation, k, "dilation"),
    )
    pairs = isinstance(padding, tuple) and padding and isinstance(padding[0], tuple)
    sides = tuple((a, b) for a, b in padding) if pairs else tuple((n, n) for n in numbers_per_axis(padding, k, "padding"))
    windows = Windows(size, stride, sides, dilation)
    if min(size) < 1 or min(stride) < 1 or min(dilation) < 1 or min(map(min, sides)) < 0 or len(sides) != k:
        raise ValueError(
            f"'{name}': size, stride and dilation are at least 1, padding at least 0; "
            f"got {size}, {stride}, {dilation}, {padding}"
        )
    if min(windows.number(x.shape[2:])) < 1:
        raise ShapeError(
            f"'{name}': a window of {size} (dilation {dilation}) does not fit into {x.shape[2:]} with padding {sides}"
        )
    return windows


def max_pool(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    """The largest element of each window; the cotangent goes to the first of equal ones, as in PyTorch.

    Args:
        x: (samples, channels, *positions).
        size: of the window, a number or one per axis.
        stride: steps between windows; the size by default.
        padding: elements of -inf at both ends, a number, one per axis, or pairs (before, behind).
        dilation: steps between the elements of a window.

    >>> import numpy as np, autograd_core as ag
    >>> ag.max_pool(np.array([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    array([[[3., 5.]]])
    """
    x = as_operand(x)
    return _max_pool(x, windows_over("max_pool", x, size, size if stride is None else stride, padding, dilation))


def window_sum(x: Any, size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """The sum of the elements of each window; arguments as for `max_pool`, with zeros around.

    >>> import numpy as np, autograd_core as ag
    >>> ag.window_sum(np.array([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    array([[[4., 7.]]])
    """
    x = as_operand(x)
    return _window_sum(x, windows_over("window_sum", x, size, size if stride is None else stride, padding, 1))


def unfold(x: Any, size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """The windows side by side: (samples, channels x elements of a window, windows).

    >>> import numpy as np, autograd_core as ag
    >>> ag.unfold(np.array([[[1.0, 3.0, 2.0]]]), 2)
    array([[[1., 3.],
            [3., 2.]]])
    """
    x = as_operand(x)
    return _unfold(x, windows_over("unfold", x, size, stride, padding, dilation))


def fold(x: Any, output_size: Any, size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """The transpose of `unfold`: windows put back and added up where they overlap.

    Args:
        x: (samples, channels x elements of a window, windows).
        output_size: the positions, one number per axis.
        size, stride, padding, dilation: as for `unfold`.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fold(ag.unfold(np.ones((1, 1, 3)), 2), (3,), 2)
    array([[[1., 2., 1.]]])
    """
    x = as_operand(x)
    like = np.empty((0, 1, *output_size))
    windows = windows_over("fold", like, size, stride, padding, dilation)
    channels, rest = divmod(x.shape[1], math.prod(windows.size)) if x.ndim == 3 else (0, 1)
    if rest or x.shape[2] != math.prod(windows.number(tuple(output_size))):
        raise ShapeError(
            f"'fold' into {tuple(output_size)} takes (samples, channels x {math.prod(windows.size)}, "
            f"{math.prod(windows.number(tuple(output_size)))}); got {x.shape}"
        )
    return _fold(x, windows, (len(x), channels, *output_size))
