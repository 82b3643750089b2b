"""Convolution layers, and the windows they look through."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

import autograd_core as ag

from . import init
from .module import Module, Parameter
from .padding import pad

__all__ = [
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Fold",
    "Unfold",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
]

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
Size = int | tuple[int, ...]


def _each(value: Any, axes: int, name: str) -> tuple[int, ...]:
    """One number per position axis."""
    values = (value,) * axes if np.ndim(value) == 0 else tuple(value)
    if len(values) != axes or not all(isinstance(v, (int, np.integer)) for v in values):
        raise ValueError(f"{name} is one integer or {axes}; got {value!r}")
    return tuple(int(v) for v in values)


def _sides(
    padding: Any, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """The padding before and behind each axis."""
    if not isinstance(padding, str):
        return tuple((n, n) for n in _each(padding, len(size), "padding"))
    if padding not in ("valid", "same"):
        raise ValueError(f"padding is a number, 'valid' or 'same'; got {padding!r}")
    if padding == "same" and max(stride) > 1:
        raise ValueError(f"padding 'same' needs stride 1; got {stride}")
    more = [d * (k - 1) * (padding == "same") for k, d in zip(size, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in more)


def with_samples(axes: int, x: Any, apply: Callable[[Any], Any]) -> Any:
    """Apply what takes (samples, channels, *positions) also to one sample (channels, *positions)."""
    return apply(x[None])[0] if x.ndim == axes + 1 else apply(x)


def _biased(y: Any, bias: Any) -> Any:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def _convolved(axes: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    size = weight.shape[2:]
    stride, dilation = _each(stride, axes, "stride"), _each(dilation, axes, "dilation")
    sides = _sides(padding, size, stride, dilation)
    return with_samples(axes, input, lambda x: _biased(ag.conv(x, weight, stride, sides, dilation, groups), bias))


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Any:
    """`Conv1d` as a function: input (samples, channels, length), weight (out, channels / groups, size), bias (out,).

    >>> conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 3)), padding="same")
    array([[[2., 3., 3., 2.]]])
    """
    return _convolved(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Any:
    """`Conv2d` as a function: input (samples, channels, height, width), weight (out, channels / groups, *size), bias (out,).

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))[0, 0, 0]
    array([4., 4.])
    """
    return _convolved(2, input, weight, bias, stride, padding, dilation, groups)


def _transposed(axes: int, input: Any, weight: Any, bias: Any, options: tuple[Any, ...]) -> Any:
    return with_samples(axes, input, lambda x: _biased(ag.conv_transpose(x, weight, *options), bias))


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Any:
    """`ConvTranspose1d` as a function: input (samples, channels, length), weight (channels, out / groups, size).

    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.ones((1, 1, 2)), stride=2)
    array([[[1., 1., 2., 2.]]])
    """
    return _transposed(1, input, weight, bias, (stride, padding, output_padding, groups, dilation))


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Any:
    """`ConvTranspose2d` as a function: input (samples, channels, height, width), weight (channels, out / groups, *size).

    >>> conv_transpose2d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 2, 2))).shape
    (1, 1, 2, 2)
    """
    return _transposed(2, input, weight, bias, (stride, padding, output_padding, groups, dilation))


class _Convolution(Module):
    """What all convolutions share: sizes, the parameters and their initial values, the check of the input."""

    axes: int
    padding: Any
    weight: Parameter
    bias: Parameter | None

    def _build(
        self,
        channels: tuple[int, int],
        kernel_size: Any,
        stride: Any,
        dilation: Any,
        groups: int,
        bias: bool,
        transposed: bool,
        dtype: Any,
        rng: np.random.Generator | None,
    ) -> None:
        self.in_channels, self.out_channels = channels
        if groups < 1 or channels[0] % groups or channels[1] % groups:
            raise ValueError(f"groups divides in_channels and out_channels; got {groups} for {channels[0]} and {channels[1]}")
        self.kernel_size = _each(kernel_size, self.axes, "kernel_size")
        self.stride = _each(stride, self.axes, "stride")
        self.dilation = _each(dilation, self.axes, "dilation")
        self.groups = groups
        first, second = channels[::-1] if not transposed else channels
        shape = (first, second // groups, *self.kernel_size)
        fan_in = shape[1] * math.prod(self.kernel_size)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        self.weight = init.uniform_(Parameter(np.empty(shape, dtype)), -bound, bound, rng)
        self.bias = init.uniform_(Parameter(np.empty(channels[1], dtype)), -bound, bound, rng) if bias else None

    def _check(self, x: Any) -> None:
        """Refuse other numbers of axes and of channels."""
        if x.ndim not in (self.axes + 1, self.axes + 2) or x.shape[-self.axes - 1] != self.in_channels:
            positions = ("length",) if self.axes == 1 else ("height", "width")
            raise ag.ShapeError(
                f"{type(self).__name__} takes (samples, {self.in_channels}, {', '.join(positions)}) or one sample without the "
                f"first axis; got {x.shape}"
            )

    def extra_repr(self) -> str:
        """Channels and sizes."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        parts += [f"padding={self.padding}"] if self.padding else []
        parts += [f"dilation={self.dilation}"] if max(self.dilation) > 1 else []
        parts += [f"groups={self.groups}"] if self.groups > 1 else []
        return ", ".join(parts + ["bias=False"] * (self.bias is None))


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | Literal["valid", "same"] = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._build((in_channels, out_channels), kernel_size, stride, dilation, groups, bias, False, dtype, rng)
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(f"padding_mode is 'zeros', 'reflect', 'replicate' or 'circular'; got {padding_mode!r}")
        self._sides = _sides(padding, self.kernel_size, self.stride, self.dilation)
        self.padding, self.padding_mode = padding, padding_mode

    def forward(self, x: Any) -> Any:
        """x (samples, in_channels, *positions) to (samples, out_channels, *windows); also one sample alone."""
        self._check(x)
        padding = self.padding
        if self.padding_mode != "zeros" and any(map(any, self._sides)):
            x, padding = pad(x, [n for pair in reversed(self._sides) for n in pair], self.padding_mode), 0
        return _convolved(self.axes, x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Convolution over sequences: `y[o, p] = b[o] + sum_{c, k} w[o, c, k] x[c, stride p + dilation k]`.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: positions that a window covers.
        stride: steps between windows.
        padding: elements added at both ends; "same" keeps the length, "valid" adds none.
        dilation: steps between the elements of a window.
        groups: groups of channels that do not see each other.
        bias: whether to add one per output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        dtype: of the parameters.
        rng: generator for the initial values: uniform in +-1/sqrt(fan_in), as in PyTorch.

    Raises:
        ValueError: settings that do not go together.
        ShapeError: (forward) the input has other channels, or no window fits.

    >>> Conv1d(2, 3, 3, padding="same")(np.zeros((5, 2, 8), np.float32)).shape
    (5, 3, 8)
    """

    axes = 1


class Conv2d(_Conv):
    """Convolution over images; arguments as `Conv1d`, sizes a number or a pair (height, width).

    One small kernel serves all positions: parameters are shared (LeCun et al., Proc. IEEE 86, 1998).

    >>> Conv2d(1, 4, 3, stride=2)(np.zeros((5, 1, 9, 9), np.float32)).shape
    (5, 4, 4, 4)
    """

    axes = 2


class _ConvTranspose(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._build((in_channels, out_channels), kernel_size, stride, dilation, groups, bias, True, dtype, rng)
        self.padding = _each(padding, self.axes, "padding")
        self.output_padding = _each(output_padding, self.axes, "output_padding")

    def forward(self, x: Any) -> Any:
        """x (samples, in_channels, *windows) to (samples, out_channels, *positions); also one sample alone."""
        self._check(x)
        options = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return _transposed(self.axes, x, self.weight, self.bias, options)


class ConvTranspose1d(_ConvTranspose):
    """The transpose of a convolution as a linear map: every input element adds a kernel to the output. For upsampling.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: positions that one element spreads over.
        stride: steps between the kernels in the output.
        padding: elements taken away at both ends.
        output_padding: further elements at the far end; smaller than stride or dilation.
        groups: groups of channels that do not see each other.
        bias: whether to add one per output channel.
        dilation: steps between the elements of a kernel.
        dtype: of the parameters.
        rng: generator for the initial values.

    >>> ConvTranspose1d(2, 3, 2, stride=2)(np.zeros((5, 2, 4), np.float32)).shape
    (5, 3, 8)
    """

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """The transpose of `Conv2d`; arguments as `ConvTranspose1d`, sizes a number or a pair.

    >>> ConvTranspose2d(2, 3, 2, stride=2)(np.zeros((5, 2, 4, 4), np.float32)).shape
    (5, 3, 8, 8)
    """

    axes = 2


class Unfold(Module):
    """The windows of images as columns: (samples, channels, h, w) to (samples, channels x elements, windows).

    >>> Unfold(2)(np.zeros((1, 3, 4, 4))).shape
    (1, 12, 9)
    """

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Any) -> Any:
        """x (samples, channels, height, width)."""
        return ag.unfold(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """The transpose of `Unfold`: columns put back as windows of an image and added up where they overlap.

    >>> Fold((4, 4), 2)(np.zeros((1, 12, 9))).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self, output_size: tuple[int, int], kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, x: Any) -> Any:
        """x (samples, channels x elements of a window, windows)."""
        return ag.fold(x, self.output_size, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"output_size={self.output_size}, kernel_size={self.kernel_size}, stride={self.stride}"
