"""Rows of sliding windows over the last axes: convolution, its two transposes, pooling.

Arrays are (samples, channels, *positions) with any number of position axes. A window has a `size`, a `stride` from one to
the next and a `dilation` between its elements, each a tuple with one number per position axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..dual import bare
from ..errors import ShapeError
from ..record import primitive
from .derived import as_operand
from .joining import pad

__all__ = ["conv", "conv_transpose", "fold", "max_pool", "unfold", "window_sum"]

_BLOCK = 1 << 20  # elements of unfolded windows at a time: larger products, yet far from all of them (2^18: 1.2 times slower)


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
        out = np.full_like(x, value, shape=self.around(x.shape))
        out[self.inner(x.shape)] = x
        return out

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


def _blocks(samples: int, per_sample: int) -> Iterator[tuple[int, int]]:
    """Runs of samples whose unfolded windows stay in cache."""
    at_once = max(1, _BLOCK // max(per_sample, 1))
    return ((a, min(a + at_once, samples)) for a in range(0, samples, at_once))


class _Unfolded:
    """Windows of a block of samples as one matrix per group: (groups, elements of a window, samples x windows)."""

    def __init__(self, shape: tuple[int, ...], count: tuple[int, ...], windows: Windows, groups: int, dtype: Any) -> None:
        self.windows, self.groups, self.count = windows, groups, count
        self.channels = shape[1]
        self.per_sample = self.channels * math.prod(windows.size) * math.prod(count)
        self.blocks = list(_blocks(shape[0], self.per_sample))
        largest = max((b - a for a, b in self.blocks), default=0)
        self.memory = np.empty(largest * self.per_sample, dtype)

    def matrix(self, n: int) -> Any:
        """The memory for n samples as matrices."""
        return self.memory[: n * self.per_sample].reshape(
            self.groups, self.channels // self.groups * math.prod(self.windows.size), n * math.prod(self.count)
        )

    def parts(self, n: int) -> Any:
        """The same memory as (channels, elements of a window, samples, *windows)."""
        return self.memory[: n * self.per_sample].reshape(self.channels, math.prod(self.windows.size), n, *self.count)

    def filled(self, x: Any) -> Any:
        """The windows of these samples, copied."""
        view = self.windows.view(x, self.count)
        np.copyto(self.memory[: view.size].reshape(view.shape), view)
        return self.matrix(len(x))


def _rows(g: Any, groups: int) -> Any:
    """(samples, channels, *positions) as one matrix per group: (groups, channels, samples x positions)."""
    moved = g.reshape(len(g), groups, g.shape[1] // groups, -1).transpose(1, 2, 0, 3)
    return moved.reshape(groups, g.shape[1] // groups, -1)


def _conv_forward(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    count, dtype = windows.number(x.shape[2:]), np.result_type(x, weight)
    x = windows.padded(x)
    w = weight.reshape(groups, len(weight) // groups, -1)
    y = np.empty((len(x), groups, len(weight) // groups, math.prod(count)), dtype)
    unfolded = _Unfolded(x.shape, count, windows, groups, dtype)
    for a, b in unfolded.blocks:
        block = w @ unfolded.filled(x[a:b])
        y[a:b] = block.reshape(*block.shape[:2], b - a, -1).transpose(2, 0, 1, 3)
    return y.reshape(len(x), len(weight), *count)


def _conv_input(g: Any, weight: Any, windows: Windows, groups: int, shape: tuple[int, ...]) -> Any:
    """The transpose of the convolution in x: `shape` is that of x without samples and channels."""
    whole = (len(g), weight.shape[1] * groups, *shape)
    out = np.zeros(windows.around(whole), np.result_type(g, weight))
    w = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    unfolded = _Unfolded(whole, g.shape[2:], windows, groups, out.dtype)
    for a, b in unfolded.blocks:
        np.matmul(w, _rows(g[a:b], groups), out=unfolded.matrix(b - a))
        parts = unfolded.parts(b - a)
        for k, index in enumerate(windows.offsets(g.shape[2:])):
            out[a:b][index] += parts[:, k].swapaxes(0, 1)
    return out[windows.inner(whole)]


def _conv_weight(g: Any, x: Any, windows: Windows, groups: int) -> Any:
    """The transpose of the convolution in its weight."""
    outs, channels, dtype = g.shape[1] // groups, x.shape[1] // groups, np.result_type(g, x)
    x = windows.padded(x)
    w = np.zeros((groups, outs, channels * math.prod(windows.size)), dtype)
    unfolded = _Unfolded(x.shape, g.shape[2:], windows, groups, dtype)
    for a, b in unfolded.blocks:
        w += _rows(g[a:b], groups) @ unfolded.filled(x[a:b]).swapaxes(1, 2)
    return w.reshape(-1, channels, *windows.size)


# Three maps of two arrays each, bilinear: the rule of each is one of the others, so that they have derivatives of any order.
_conv: Any = primitive(
    "conv",
    _conv_forward,
    lambda g, _y, x, weight, windows, groups: _conv_transpose(g, weight, windows, groups, x.shape[2:]),
    lambda g, _y, x, _weight, windows, groups: _weight_of(g, x, windows, groups),
    kind="multilinear",
)
_conv_transpose: Any = primitive(
    "conv_transpose",
    _conv_input,
    lambda g, _y, _x, weight, windows, groups, _shape: _conv(g, weight, windows, groups),
    lambda g, _y, x, _weight, windows, groups, _shape: _weight_of(x, g, windows, groups),
    kind="multilinear",
)
_weight_of: Any = primitive(
    "conv_weight",
    _conv_weight,
    lambda g, _y, _c, x, windows, groups: _conv(x, g, windows, groups),
    lambda g, _y, c, x, windows, groups: _conv_transpose(c, g, windows, groups, x.shape[2:]),
    kind="multilinear",
)


# Pooling and unfolding: each map beside its transpose


def _first_maxima(x: Any, y: Any, windows: Windows) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """For each element of a window its index, and where it is the maximum y; of equal ones the first, as in PyTorch."""
    x, y = windows.padded(bare(x), -np.inf), bare(y)
    free: Any = None
    for index in windows.offsets(y.shape[2:]):
        part = x[index]
        here = part == y
        if np.isnan(y).any():
            here |= np.isnan(part) & np.isnan(y)
        if free is None:
            free = ~here
        else:
            here &= free
            free &= ~here
        yield index, here


def _max_forward(x: Any, windows: Windows) -> Any:
    count = windows.number(x.shape[2:])
    x = windows.padded(x, -np.inf)
    first, *others = windows.offsets(count)
    y = x[first].copy()
    for index in others:
        np.maximum(y, x[index], out=y)
    return y


def _gathered(t: Any, x: Any, y: Any, windows: Windows) -> Any:
    """The elements of t where x has its maxima."""
    t = windows.padded(t)
    out = np.zeros(y.shape, t.dtype)
    for index, here in _first_maxima(x, y, windows):
        out += t[index] * here
    return out


def _scattered(g: Any, x: Any, y: Any, windows: Windows) -> Any:
    """The transpose of that."""
    out = np.zeros(windows.around(x.shape), g.dtype)
    for index, here in _first_maxima(x, y, windows):
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
    y = x[first].copy()
    for index in others:
        y += x[index]
    return y


def _spread(g: Any, windows: Windows, shape: tuple[int, ...]) -> Any:
    out = np.zeros(windows.around(shape), g.dtype)
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
    view = windows.view(windows.padded(x), count)
    k = len(windows.size)
    return np.moveaxis(view, k + 1, 0).reshape(len(x), x.shape[1] * math.prod(windows.size), math.prod(count))


def _folded(columns: Any, windows: Windows, shape: tuple[int, ...]) -> Any:
    out = np.zeros(windows.around(shape), columns.dtype)
    count = windows.number(shape[2:])
    parts = columns.reshape(*shape[:2], math.prod(windows.size), *count)
    for k, index in enumerate(windows.offsets(count)):
        out[index] += parts[:, :, k]
    return out[windows.inner(shape)]


_unfold: Any = primitive("unfold", _unfolded, lambda g, _y, x_shape, windows: _fold(g, windows, x_shape), kind="linear")
_fold: Any = primitive("fold", _folded, lambda c, _y, _columns, windows, _shape: _unfold(c, windows), kind="linear")


# The public functions


def _tuple(value: Any, k: int, name: str) -> tuple[int, ...]:
    found = (value,) * k if isinstance(value, (int, np.integer)) else tuple(value)
    if len(found) != k:
        raise ShapeError(f"{name} has one number per position axis: {k}; got {value!r}")
    return tuple(int(n) for n in found)


def _windows(name: str, x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Windows:
    """Check what describes the windows, and that at least one fits."""
    k = x.ndim - 2
    if k < 1:
        raise ShapeError(f"'{name}' takes (samples, channels, *positions); got shape {x.shape}")
    size, stride, dilation = _tuple(size, k, "size"), _tuple(stride, k, "stride"), _tuple(dilation, k, "dilation")
    pairs = isinstance(padding, tuple) and padding and isinstance(padding[0], tuple)
    sides = tuple((a, b) for a, b in padding) if pairs else tuple((n, n) for n in _tuple(padding, k, "padding"))
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


def conv(x: Any, weight: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Convolution as networks have it (cross-correlation): `y[n, o, p] = sum_{c, k} w[o, c, k] x[n, c, s p + d k]`.

    Args:
        x: (samples, channels, *positions), any number of position axes.
        weight: (out, channels / groups, *size).
        stride: steps between windows, a number or one per axis.
        padding: zeros at both ends of each axis, a number, one per axis, or pairs (before, behind).
        dilation: steps between the elements of a window.
        groups: the channels are divided into groups that do not see each other.

    Returns:
        (samples, out, *windows).

    Raises:
        ShapeError: shapes do not fit, or no window does.

    Source: LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86 (1998).

    >>> import numpy as np, autograd_core as ag
    >>> ag.conv(np.arange(4.0).reshape(1, 1, 4), np.array([[[1.0, -1.0]]]))
    array([[[-1., -1., -1.]]])
    """
    x, weight = as_operand(x), as_operand(weight)
    if weight.ndim != x.ndim or groups < 1 or x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ShapeError(
            f"'conv' takes x (samples, channels, *positions) and weight (out, channels / groups, *size) with out divisible by "
            f"groups; got {x.shape}, {weight.shape}, groups {groups}"
        )
    return _conv(x, weight, _windows("conv", x, weight.shape[2:], stride, padding, dilation), groups)


def conv_transpose(
    x: Any, weight: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1
) -> Any:
    """The transpose of `conv` as a linear map of its x: windows are spread and added up where they overlap.

    Args:
        x: (samples, channels, *positions).
        weight: (channels, out / groups, *size).
        stride, padding, groups, dilation: of the convolution that this transposes; padding takes elements away here.
        output_padding: further elements behind each axis, since several sizes have the same number of windows.

    Returns:
        (samples, out, *positions), positions (n - 1) stride - 2 padding + dilation (size - 1) + output_padding + 1.

    Raises:
        ShapeError: shapes do not fit.

    >>> import numpy as np, autograd_core as ag
    >>> ag.conv_transpose(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0]]]))
    array([[[ 1., 12., 20.]]])
    """
    x, weight = as_operand(x), as_operand(weight)
    if weight.ndim != x.ndim or groups < 1 or x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise ShapeError(
            f"'conv_transpose' takes x (samples, channels, *positions) and weight (channels, out / groups, *size) with "
            f"channels divisible by groups; got {x.shape}, {weight.shape}, groups {groups}"
        )
    k = x.ndim - 2
    more, sides = _tuple(output_padding, k, "output_padding"), _tuple(padding, k, "padding")
    steps = zip(
        x.shape[2:], weight.shape[2:], _tuple(stride, k, "stride"), _tuple(dilation, k, "dilation"), sides, more, strict=True
    )
    shape = tuple((n - 1) * s + d * (size - 1) + 1 - 2 * p + extra for n, size, s, d, p, extra in steps)
    if min(shape) < 1:
        raise ShapeError(f"'conv_transpose' of {x.shape} with padding {sides} leaves shape {shape}: nothing")
    like = np.empty((0, 1, *shape))
    windows = _windows("conv_transpose", like, weight.shape[2:], stride, padding, dilation)
    if any(extra >= max(s, d) for extra, s, d in zip(more, windows.stride, windows.dilation, strict=True)):
        raise ValueError(f"'conv_transpose': output_padding {more} has to be smaller than stride or dilation")
    behind = [m - n for m, n in zip(windows.number(shape), x.shape[2:], strict=True)]
    if any(behind):  # whole windows fit into the output padding: they hold zeros
        x = pad(x, [(0, 0), (0, 0), *((0, n) for n in behind)])
    return _conv_transpose(x, weight, windows, groups, shape)


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
    return _max_pool(x, _windows("max_pool", x, size, size if stride is None else stride, padding, dilation))


def window_sum(x: Any, size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """The sum of the elements of each window; arguments as for `max_pool`, with zeros around.

    >>> import numpy as np, autograd_core as ag
    >>> ag.window_sum(np.array([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    array([[[4., 7.]]])
    """
    x = as_operand(x)
    return _window_sum(x, _windows("window_sum", x, size, size if stride is None else stride, padding, 1))


def unfold(x: Any, size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """The windows side by side: (samples, channels x elements of a window, windows).

    >>> import numpy as np, autograd_core as ag
    >>> ag.unfold(np.array([[[1.0, 3.0, 2.0]]]), 2)
    array([[[1., 3.],
            [3., 2.]]])
    """
    x = as_operand(x)
    return _unfold(x, _windows("unfold", x, size, stride, padding, dilation))


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
    windows = _windows("fold", like, size, stride, padding, dilation)
    channels, rest = divmod(x.shape[1], math.prod(windows.size)) if x.ndim == 3 else (0, 1)
    if rest or x.shape[2] != math.prod(windows.number(tuple(output_size))):
        raise ShapeError(
            f"'fold' into {tuple(output_size)} takes (samples, channels x {math.prod(windows.size)}, "
            f"{math.prod(windows.number(tuple(output_size)))}); got {x.shape}"
        )
    return _fold(x, windows, (len(x), channels, *output_size))
