"""Pooling layers: one number for each window; and their opposites, which make images larger."""

from __future__ import annotations

from inspect import Parameter, Signature, signature
from typing import Any, Literal

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .convolution import Fold, Size, Unfold, _each, with_samples
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "PixelShuffle",
    "PixelUnshuffle",
    "Upsample",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "fold",
    "interpolate",
    "max_pool1d",
    "max_pool2d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
]


def _floating(x: Any) -> Any:
    """The dtype of means of these elements."""
    return x.dtype if x.dtype.kind in "fc" else np.float64


class _Pool(Module):
    """Windows over the last axes, with samples and channels before them or channels alone."""

    axes: int
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any = 1
    ceil_mode: bool

    def _sides(self, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """The padding of each axis; with ceil_mode as much more behind as the last window needs."""
        size, stride, padding, dilation = (
            _each(value, self.axes, name)
            for name, value in (
                ("kernel_size", self.kernel_size),
                ("stride", self.stride),
                ("padding", self.padding),
                ("dilation", self.dilation),
            )
        )
        if min(*size, *stride, *dilation) < 1:
            raise ValueError(f"{type(self).__name__}: kernel_size, stride and dilation are at least 1; got {self}")
        sides = []
        for n, k, s, p, d in zip(shape, size, stride, padding, dilation, strict=True):
            if 2 * p > k:
                raise ValueError(f"{type(self).__name__}: padding {p} is more than half of the kernel_size {k}")
            reach = d * (k - 1) + 1
            over = (n + 2 * p - reach) % s
            # a window that would start in the padding behind is left out
            more = s - over if self.ceil_mode and over and n + 2 * p - over + s - reach < n + p else 0
            sides.append((p, p + more))
        return tuple(sides)

    def _pooled(self, x: Any, sides: tuple[tuple[int, int], ...]) -> Any:
        raise NotImplementedError

    def forward(self, x: Any) -> Any:
        """x (samples, channels, *positions), or (channels, *positions)."""
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ag.ShapeError(
                f"{type(self).__name__} takes {self.axes + 2} axes (samples, channels, *positions); got {x.shape}"
            )
        sides = self._sides(x.shape[-self.axes :])
        return with_samples(self.axes, x, lambda x: self._pooled(x, sides))

    def extra_repr(self) -> str:
        """Sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_Pool):
    """The largest element of each window; of equal ones the first gets the gradient.

    Args:
        kernel_size: of the window.
        stride: steps between windows; the kernel_size by default.
        padding: elements of -inf at both ends, at most half of the kernel_size.
        dilation: steps between the elements of a window.
        ceil_mode: also take a last window that is not full.

    >>> MaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 5.0]]]))
    array([[[3., 5.]]])
    """

    axes = 1

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, ceil_mode: bool = False
    ) -> None:
        self.kernel_size, self.padding, self.dilation, self.ceil_mode = kernel_size, padding, dilation, ceil_mode
        self.stride = kernel_size if stride is None else stride

    def _pooled(self, x: Any, sides: tuple[tuple[int, int], ...]) -> Any:
        return ag.max_pool(x, self.kernel_size, self.stride, sides, self.dilation)


class MaxPool2d(MaxPool1d):
    """`MaxPool1d` over images; sizes are a number or a pair (height, width).

    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    axes = 2


class AvgPool1d(_Pool):
    """The mean of each window.

    Args:
        kernel_size: of the window.
        stride: steps between windows; the kernel_size by default.
        padding: zeros at both ends, at most half of the kernel_size.
        ceil_mode: also take a last window that is not full.
        count_include_pad: whether the padding counts in the mean.

    >>> AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 5.0]]]))
    array([[[2. , 3.5]]])
    """

    axes = 1

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride
        self.count_include_pad = count_include_pad

    def _pooled(self, x: Any, sides: tuple[tuple[int, int], ...]) -> Any:
        total = ag.window_sum(x, self.kernel_size, self.stride, sides)
        if not any(map(any, sides)):
            return total / int(np.prod(_each(self.kernel_size, self.axes, "kernel_size")))
        # how many elements each window has; what ceil_mode added behind never counts
        inside = beside(np.ones((1, 1, *x.shape[2:]), x.dtype), x)
        if self.count_include_pad:
            own = _each(self.padding, self.axes, "padding")
            inside = beside(np.ones((1, 1, *(n + 2 * p for n, p in zip(x.shape[2:], own, strict=True))), x.dtype), x)
            sides = tuple((0, b - p) for (_, b), p in zip(sides, own, strict=True))
        return total / ag.window_sum(inside, self.kernel_size, self.stride, sides)


class AvgPool2d(AvgPool1d):
    """`AvgPool1d` over images; sizes are a number or a pair (height, width).

    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """

    axes = 2

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def _pooled(self, x: Any, sides: tuple[tuple[int, int], ...]) -> Any:
        if self.divisor_override is None:
            return super()._pooled(x, sides)
        return ag.window_sum(x, self.kernel_size, self.stride, sides) / self.divisor_override


class _Adaptive(Module):
    """As many windows as are wanted, of nearly equal size, which share elements where it does not come out even."""

    axes: int

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def _spans(self, x: Any) -> list[list[tuple[int, int]]]:
        wanted = (self.output_size,) * self.axes if np.ndim(self.output_size) == 0 else tuple(self.output_size)
        if len(wanted) != self.axes or x.ndim <= self.axes:
            raise ag.ShapeError(f"{type(self).__name__}({self.output_size}) takes (..., channels, *positions); got {x.shape}")
        shape = x.shape[-self.axes :]
        sizes = [n if m is None else int(m) for n, m in zip(shape, wanted, strict=True)]
        if min(*shape, *sizes) < 1:
            raise ag.ShapeError(f"{type(self).__name__}({self.output_size}) of shape {x.shape}: a window would be empty")
        return [[(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for n, m in zip(shape, sizes, strict=True)]

    def extra_repr(self) -> str:
        """How many windows."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The means of `output_size` windows.

    >>> AdaptiveAvgPool1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[1.5, 2.5]])
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        """x (..., channels, *positions)."""
        for axis, spans in enumerate(self._spans(x), -self.axes):
            means = np.zeros((x.shape[axis], len(spans)), _floating(x))
            for i, (a, b) in enumerate(spans):
                means[a:b, i] = 1 / (b - a)
            means = beside(means, x)
            x = x @ means if axis == -1 else (x.mT @ means).mT
        return x


class AdaptiveAvgPool2d(AdaptiveAvgPool1d):
    """`AdaptiveAvgPool1d` over images: a number or a pair, None for the size that is there.

    >>> AdaptiveAvgPool2d(1)(np.ones((5, 3, 4, 4))).shape
    (5, 3, 1, 1)
    """

    axes = 2


class AdaptiveMaxPool1d(_Adaptive):
    """The largest elements of `output_size` windows; of equal ones the first gets the gradient.

    >>> AdaptiveMaxPool1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 3.]])
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        """x (..., channels, *positions)."""
        for axis, spans in reversed([*enumerate(self._spans(x), -self.axes)]):  # so that the first is that in reading order
            rest = (slice(None),) * (-1 - axis)
            x = np.concatenate([_first_largest(x[(..., slice(a, b), *rest)], axis) for a, b in spans], axis=axis)
        return x


def _first_largest(x: Any, axis: int) -> Any:
    return ag.take_along_axis(x, np.expand_dims(np.argmax(x, axis), axis), axis)


class AdaptiveMaxPool2d(AdaptiveMaxPool1d):
    """`AdaptiveMaxPool1d` over images: a number or a pair, None for the size that is there.

    >>> AdaptiveMaxPool2d((1, 2))(np.arange(16.0).reshape(1, 4, 4))
    array([[[13., 15.]]])
    """

    axes = 2


class Upsample(Module):
    """More positions, by repeating elements or by interpolating between them.

    Args:
        size: the new positions, a number or one per axis; or give `scale_factor`.
        scale_factor: how many times as many, a number or one per axis.
        mode: "nearest", or "linear" (3 axes) and "bilinear" (4 axes).
        align_corners: for the linear modes: the ends of old and new positions are the same points; else the borders of
            the elements are.

    >>> Upsample(scale_factor=2)(np.array([[[1.0, 2.0]]]))
    array([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: Literal["nearest", "linear", "bilinear"] = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError("Upsample takes either size or scale_factor")
        if mode not in ("nearest", "linear", "bilinear"):
            raise ValueError(f"mode is 'nearest', 'linear' or 'bilinear'; got {mode!r}")
        if mode == "nearest" and align_corners is not None:
            raise ValueError("align_corners is for the linear modes")
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Any) -> Any:
        """x (samples, channels, *positions)."""
        axes = x.ndim - 2
        if axes < 1 or (self.mode != "nearest" and axes != {"linear": 1, "bilinear": 2}[self.mode]):
            raise ag.ShapeError(f"Upsample with mode {self.mode!r} does not take shape {x.shape}")
        given = self.size if self.scale_factor is None else self.scale_factor
        values = (given,) * axes if np.ndim(given) == 0 else tuple(given)
        if len(values) != axes:
            raise ag.ShapeError(f"Upsample to {given} takes samples, channels and {len(values)} more axes; got shape {x.shape}")
        for axis, (n, value) in enumerate(zip(x.shape[2:], values, strict=True), 2):
            m = int(value) if self.scale_factor is None else int(np.floor(n * value))
            x = self._along(x, axis, n, m, n / m if self.scale_factor is None else 1 / value)
        return x

    def _along(self, x: Any, axis: int, n: int, m: int, step: float) -> Any:
        if self.mode == "nearest":
            return x.take(np.minimum((np.arange(m) * step).astype(int), n - 1), axis=axis)
        if m == n:  # as in PyTorch, also where the scale is not quite 1
            return x
        if self.align_corners:
            places = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
        else:
            places = np.maximum((np.arange(m) + 0.5) * step - 0.5, 0)
        low = np.minimum(places.astype(int), n - 1)
        weights = beside((places - low).astype(_floating(x)).reshape(-1, *(1,) * (x.ndim - 1 - axis)), x)
        return x.take(low, axis=axis) * (1 - weights) + x.take(np.minimum(low + 1, n - 1), axis=axis) * weights

    def extra_repr(self) -> str:
        """The new size and how it is reached."""
        return f"size={self.size}, scale_factor={self.scale_factor}, mode={self.mode!r}"


def _of_images(layer: Module, x: Any) -> tuple[int, ...]:
    if x.ndim < 3:
        raise ag.ShapeError(f"{type(layer).__name__} takes (..., channels, height, width); got shape {x.shape}")
    return tuple(x.shape)


class PixelShuffle(Module):
    """(..., c r^2, h, w) to (..., c, h r, w r): channels become positions (Shi et al., CVPR 2016).

    >>> PixelShuffle(2)(np.zeros((1, 8, 3, 3))).shape
    (1, 2, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Any:
        """x (..., channels, height, width), channels divisible by the square of the factor."""
        r, (*rest, c, h, w) = self.upscale_factor, _of_images(self, x)
        if c % r**2:
            raise ag.ShapeError(f"PixelShuffle({r}) takes channels divisible by {r**2}; got shape {x.shape}")
        k = len(rest)
        y = x.reshape(*rest, c // r**2, r, r, h, w)
        return y.transpose(*range(k + 1), k + 3, k + 1, k + 4, k + 2).reshape(*rest, c // r**2, h * r, w * r)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of `PixelShuffle`: positions become channels.

    >>> PixelUnshuffle(2)(np.zeros((1, 2, 6, 6))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Any:
        """x (..., channels, height, width), both divisible by the factor."""
        r, (*rest, c, h, w) = self.downscale_factor, _of_images(self, x)
        if h % r or w % r:
            raise ag.ShapeError(f"PixelUnshuffle({r}) takes height and width divisible by {r}; got shape {x.shape}")
        k = len(rest)
        y = x.reshape(*rest, c, h // r, r, w // r, r)
        return y.transpose(*range(k + 1), k + 2, k + 4, k + 1, k + 3).reshape(*rest, c * r**2, h // r, w // r)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"


def _as_function(layer: type[Module], name: str, arguments: str, shown: str) -> Any:
    """A layer without parameters as a function: the input first, then what the layer is made with; and an example."""

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        return layer(*args, **kwargs)(input)

    call.__name__ = call.__qualname__ = name
    doc = f"`nn.{layer.__name__}` as a function: the input, then the arguments of the layer."
    call.__doc__ = f"{doc}\n\n>>> {name}({arguments})\n{shown}"
    call.__signature__ = _with_input(layer)  # type: ignore[attr-defined]
    return call


def _with_input(layer: type[Module]) -> Signature:
    own = [*signature(layer).parameters.values()]
    return Signature([Parameter("input", Parameter.POSITIONAL_OR_KEYWORD), *own])


_LINE = "np.array([[[1.0, 3.0, 2.0, 5.0]]])"
_IMAGE = "np.arange(16.0).reshape(1, 4, 4)"
max_pool1d = _as_function(MaxPool1d, "max_pool1d", f"{_LINE}, 2", "array([[[3., 5.]]])")
max_pool2d = _as_function(MaxPool2d, "max_pool2d", f"{_IMAGE}, 2", "array([[[ 5., 7.], [13., 15.]]])")
avg_pool1d = _as_function(AvgPool1d, "avg_pool1d", f"{_LINE}, 2", "array([[[2. , 3.5]]])")
avg_pool2d = _as_function(AvgPool2d, "avg_pool2d", f"{_IMAGE}, 2", "array([[[ 2.5, 4.5], [10.5, 12.5]]])")
adaptive_avg_pool1d = _as_function(AdaptiveAvgPool1d, "adaptive_avg_pool1d", f"{_LINE}, 1", "array([[[2.75]]])")
adaptive_avg_pool2d = _as_function(AdaptiveAvgPool2d, "adaptive_avg_pool2d", f"{_IMAGE}, 1", "array([[[7.5]]])")
adaptive_max_pool1d = _as_function(AdaptiveMaxPool1d, "adaptive_max_pool1d", f"{_LINE}, 1", "array([[[5.]]])")
adaptive_max_pool2d = _as_function(AdaptiveMaxPool2d, "adaptive_max_pool2d", f"{_IMAGE}, (1, 2)", "array([[[13., 15.]]])")
pixel_shuffle = _as_function(
    PixelShuffle, "pixel_shuffle", "np.arange(4.0).reshape(4, 1, 1), 2", "array([[[0., 1.], [2., 3.]]])"
)
pixel_unshuffle = _as_function(
    PixelUnshuffle, "pixel_unshuffle", "np.arange(4.0).reshape(1, 2, 2), 2", "array([[[0.]], [[1.]], [[2.]], [[3.]]])"
)
interpolate = _as_function(Upsample, "interpolate", f"{_LINE}, scale_factor=2", "array([[[1., 1., 3., 3., 2., 2., 5., 5.]]])")
unfold = _as_function(Unfold, "unfold", "np.arange(4.0).reshape(1, 1, 2, 2), 2", "array([[[0.], [1.], [2.], [3.]]])")
fold = _as_function(Fold, "fold", "np.ones((1, 4, 4)), (3, 3), 2", "array([[[[1., 2., 1.], [2., 4., 2.], [1., 2., 1.]]]])")
