"""Rows of convolution: the map and its two transposes, each a few matrix products.

In memory the samples stand last and the first position axis (*lines*, the rows of an image) first. Then the window elements
that one line of outputs reads, ordered (line, offset along the other axes, channel), are consecutive rows of one matrix:
a line of outputs is one product, and the input has to be copied once for each offset along the *other* axes, not once
for each element of a window. An output keeps this order in memory, NumPy's elementwise functions keep it too, and the next
convolution finds its lines without a transposition.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import foreign, is_foreign
from ..errors import ShapeError
from ..record import primitive
from .derived import as_operand
from .joining import pad
from .windows import Windows, numbers_per_axis, windows_over

__all__ = ["conv", "conv_transpose"]

_BLOCK = 1 << 24  # elements of copied windows at a time: large products (2^20 takes up to three times as long), bounded memory
_SHORT = 256  # a product with fewer columns is slower: lines that short are joined into one


class _Plan:
    """How one convolution is laid out: its sizes, and the indices that its copies take.

    `lines` are output positions along the first axis, `columns` all positions of a line, of all samples. A convolution over
    one axis, with dilated lines or with short ones, gets an axis of one line in front: then all its axes are other axes.
    """

    def __init__(self, x_shape: tuple[int, ...], w_shape: tuple[int, ...], windows: Windows, groups: int) -> None:
        samples, channels, *positions = x_shape
        count = windows.number(tuple(positions))
        if len(positions) == 1 or windows.dilation[0] > 1 or samples * math.prod(count[1:]) < _SHORT:
            windows = Windows((1, *windows.size), (1, *windows.stride), ((0, 0), *windows.padding), (1, *windows.dilation))
            positions, count = [1, *positions], (1, *count)
        self.samples, self.groups, self.outs, self.channels = samples, groups, w_shape[0] // groups, channels // groups
        self.windows, self.positions, self.count = windows, tuple(positions), count
        self.padded = windows.around(self.positions)
        self.height, self.stride = windows.size[0], windows.stride[0]
        self.others = list(Windows(*[part[1:] for part in windows]).offsets(count[1:]))  # type: ignore[arg-type]
        self.columns = math.prod(count[1:]) * samples
        self.depth = len(self.others) * self.channels  # matrix rows of one line
        self.copied = groups * self.padded[0] * self.depth * self.columns

    def lines_of(self, x: Any, channels: int, positions: tuple[int, ...]) -> Any:
        """(samples, groups x channels, *positions) seen as (groups, lines, channels, *others, samples)."""
        x = x.reshape(len(x), self.groups, channels, *positions)
        return x.transpose(1, 3, 2, *range(4, x.ndim), 0)

    def array_of(self, lines: Any, shape: tuple[int, ...]) -> Any:
        """The inverse of `lines_of`."""
        last = lines.ndim - 1
        channels = self.groups * lines.shape[2]
        return lines.transpose(last, 0, 2, 1, *range(3, last)).reshape(self.samples, channels, *shape)

    def unfolded(self, x: Any, dtype: Any) -> Any:
        """For every line of outputs the matrix that it is computed from: (lines, groups, height x depth, columns)."""
        x = self.lines_of(x, self.channels, self.positions)
        if any(map(any, self.windows.padding)):
            whole = np.zeros(
                (self.groups, self.padded[0], self.channels, *self.padded[1:], self.samples), dtype, like=foreign(x)
            )
            whole[self.inside] = x
            x = whole
        every = len(self.others) == 1 and x.shape[3:-1] == self.count[1:]  # the one offset takes all of every line
        if every and x.flags.c_contiguous and x.dtype == dtype:
            copied = x
        else:
            shape = (*x.shape[:2], len(self.others), self.channels, *self.count[1:], self.samples)
            copied = np.empty(shape, dtype, like=foreign(x))
            for j, index in enumerate(self.others):
                copied[:, :, j] = x[(*index, slice(None))]
        return self.overlapping(copied, self.height, self.stride, self.count[0], self.depth)

    @property
    def inside(self) -> tuple[Any, ...]:
        """The index of the positions within the padding, in lines."""
        first, *others = self.windows.inner(self.positions)[1:]
        return (slice(None), first, slice(None), *others)

    def overlapping(self, lines: Any, height: int, stride: int, count: int, depth: int) -> Any:
        """Windows of `height` lines as matrices (count, groups, height x depth, columns), without a copy."""
        if is_foreign(lines):  # copied: nothing reaches a library's strides through NumPy
            lines = lines.reshape(self.groups, lines.shape[1], depth, self.columns)
            windows = np.lib.stride_tricks.sliding_window_view(lines, height, 1)[:, : stride * (count - 1) + 1 : stride]
            return windows.transpose(1, 0, 4, 2, 3).reshape(count, self.groups, height * depth, self.columns)
        size = lines.itemsize
        row = self.columns * size
        shape = (count, self.groups, height * depth, self.columns)
        strides = (stride * depth * row, lines.shape[1] * depth * row, row, size)
        return np.lib.stride_tricks.as_strided(lines, shape, strides)

    def matrices(self, g: Any, dtype: Any) -> Any:
        """An output's cotangent as (lines, groups, outs, columns)."""
        lines = self.lines_of(g, self.outs, self.count).swapaxes(0, 1)
        return np.ascontiguousarray(lines, dtype, like=foreign(lines)).reshape(
            self.count[0], self.groups, self.outs, self.columns
        )

    def flat(self, weight: Any) -> Any:
        """The weight as (groups, outs, height x others x channels): the order of the rows."""
        w = weight.reshape(self.groups, self.outs, self.channels, self.height, -1)
        return w.transpose(0, 1, 3, 4, 2).reshape(self.groups, self.outs, -1)

    def folded(self, w: Any, shape: tuple[int, ...]) -> Any:
        """The inverse of `flat`."""
        w = w.reshape(self.groups, self.outs, self.height, len(self.others), self.channels)
        return w.transpose(0, 1, 4, 2, 3).reshape(shape)


def _plans(x_shape: tuple[int, ...], w_shape: tuple[int, ...], windows: Windows, groups: int) -> list[tuple[slice, _Plan]]:
    """Equal runs of samples, each with a plan that copies no more than a block."""
    whole = _Plan(x_shape, w_shape, windows, groups)
    samples = x_shape[0]
    runs = min(samples, -(-whole.copied // _BLOCK))
    if runs < 2:
        return [(slice(None), whole)]
    ends = pairwise(samples * k // runs for k in range(runs + 1))
    return [(slice(a, b), _Plan((b - a, *x_shape[1:]), w_shape, windows, groups)) for a, b in ends]


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _forward(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    dtype, count = np.result_type(x, weight), windows.number(x.shape[2:])

    def part(x: Any, plan: _Plan) -> Any:
        y = plan.flat(weight) @ plan.unfolded(x, dtype)
        lines = y.reshape(plan.count[0], groups, plan.outs, *plan.count[1:], len(x)).swapaxes(0, 1)
        return plan.array_of(lines, count)

    return _joined([part(x[run], plan) for run, plan in _plans(x.shape, weight.shape, windows, groups)])


def _input(g: Any, weight: Any, windows: Windows, groups: int, shape: tuple[int, ...]) -> Any:
    """The transpose of the convolution in x: `shape` is that of x without samples and channels."""
    dtype, whole = np.result_type(g, weight), (len(g), weight.shape[1] * groups, *shape)

    def part(g: Any, plan: _Plan) -> Any:
        spread = _every_line(plan, g, weight, dtype) if plan.stride == 1 else _line_by_line(plan, g, weight, dtype)
        return plan.array_of(_added(plan, spread)[plan.inside], shape)

    return _joined([part(g[run], plan) for run, plan in _plans(whole, weight.shape, windows, groups)])


def _added(plan: _Plan, spread: Any) -> Any:
    """What lines get (lines, groups, depth, columns), added up over the offsets along the other axes, as `lines_of` x."""
    spread = spread.reshape(*spread.shape[:2], len(plan.others), plan.channels, *plan.count[1:], plan.samples)
    if len(plan.others) == 1 and plan.count[1:] == plan.padded[1:]:
        return spread[:, :, 0].swapaxes(0, 1)
    whole = np.zeros(
        (plan.padded[0], plan.groups, plan.channels, *plan.padded[1:], plan.samples), spread.dtype, like=foreign(spread)
    )
    for j, index in enumerate(plan.others):
        whole[(*index, slice(None))] += spread[:, :, j]
    return whole.swapaxes(0, 1)


def _every_line(plan: _Plan, g: Any, weight: Any, dtype: Any) -> Any:
    """What every line of x gets, as one product: a convolution of the lines of g with the weight turned round."""
    k = plan.height - 1
    lines = np.zeros((plan.groups, plan.count[0] + 2 * k, plan.outs, *plan.count[1:], plan.samples), dtype, like=foreign(g))
    lines[:, k : k + plan.count[0]] = plan.lines_of(g, plan.outs, plan.count)
    w = plan.flat(weight).reshape(plan.groups, plan.outs, plan.height, plan.depth)
    turned = w[:, :, ::-1].transpose(0, 3, 2, 1).reshape(plan.groups, plan.depth, -1)
    return turned @ plan.overlapping(lines, plan.height, 1, plan.padded[0], plan.outs)


def _line_by_line(plan: _Plan, g: Any, weight: Any, dtype: Any) -> Any:
    """The same where windows lie further apart: each line of a window adds to the lines that it stands on."""
    spread = np.zeros((plan.padded[0], plan.groups, plan.depth, plan.columns), dtype, like=foreign(g))
    g = plan.matrices(g, dtype)
    w = plan.flat(weight).reshape(plan.groups, plan.outs, plan.height, plan.depth).swapaxes(1, 3)
    for i in range(plan.height):
        spread[i : i + plan.stride * (plan.count[0] - 1) + 1 : plan.stride] += w[:, :, i] @ g
    return spread


def _weight(g: Any, x: Any, windows: Windows, groups: int) -> Any:
    """The transpose of the convolution in its weight."""
    dtype, shape = np.result_type(g, x), (g.shape[1], x.shape[1] // groups, *windows.size)

    def part(g: Any, x: Any, plan: _Plan) -> Any:
        total = np.zeros((groups, plan.height * plan.depth, plan.outs), dtype, like=foreign(g))
        for line, rows in zip(plan.matrices(g, dtype), plan.unfolded(x, dtype), strict=True):
            total += rows @ line.swapaxes(1, 2)  # the transposed product takes half the time
        return plan.folded(total.swapaxes(1, 2), shape)

    return sum(part(g[run], x[run], plan) for run, plan in _plans(x.shape, shape, windows, groups))


# Three maps of two arrays each, bilinear: the rule of each is one of the others, so that they have derivatives of any order.
_conv: Any = primitive(
    "conv",
    _forward,
    lambda g, _y, x, weight, windows, groups: _conv_transpose(g, weight, windows, groups, x.shape[2:]),
    lambda g, _y, x, _weight, windows, groups: _weight_of(g, x, windows, groups),
    kind="multilinear",
)
_conv_transpose: Any = primitive(
    "conv_transpose",
    _input,
    lambda g, _y, _x, weight, windows, groups, _shape: _conv(g, weight, windows, groups),
    lambda g, _y, x, _weight, windows, groups, _shape: _weight_of(x, g, windows, groups),
    kind="multilinear",
)
_weight_of: Any = primitive(
    "conv_weight",
    _weight,
    lambda g, _y, _c, x, windows, groups: _conv(x, g, windows, groups),
    lambda g, _y, c, x, windows, groups: _conv_transpose(c, g, windows, groups, x.shape[2:]),
    kind="multilinear",
)


# The public functions


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
    return _conv(x, weight, windows_over("conv", x, weight.shape[2:], stride, padding, dilation), groups)


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
    more, sides = numbers_per_axis(output_padding, k, "output_padding"), numbers_per_axis(padding, k, "padding")
    steps = zip(
        x.shape[2:],
        weight.shape[2:],
        numbers_per_axis(stride, k, "stride"),
        numbers_per_axis(dilation, k, "dilation"),
        sides,
        more,
        strict=True,
    )
    shape = tuple((n - 1) * s + d * (size - 1) + 1 - 2 * p + extra for n, size, s, d, p, extra in steps)
    if min(shape) < 1:
        raise ShapeError(f"'conv_transpose' of {x.shape} with padding {sides} leaves shape {shape}: nothing")
    like = np.empty((0, 1, *shape))
    windows = windows_over("conv_transpose", like, weight.shape[2:], stride, padding, dilation)
    if any(extra >= max(s, d) for extra, s, d in zip(more, windows.stride, windows.dilation, strict=True)):
        raise ValueError(f"'conv_transpose': output_padding {more} has to be smaller than stride or dilation")
    behind = [m - n for m, n in zip(windows.number(shape), x.shape[2:], strict=True)]
    if any(behind):  # whole windows fit into the output padding: they hold zeros
        x = pad(x, [(0, 0), (0, 0), *((0, n) for n in behind)])
    return _conv_transpose(x, weight, windows, groups, shape)
