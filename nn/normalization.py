"""Normalization layers, all on `ag.normalize`; and normalizers of inputs, fitted to data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

import autograd_core as ag
from autograd_core.arrays import one_kind, values_of

from .module import Buffer, Module, Parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "MinMaxNorm",
    "RMSNorm",
    "ZScoreNorm",
    "group_norm",
    "layer_norm",
    "rms_norm",
]


# Over the trailing axes of each sample, or over groups of its channels


def _trailing(x: Any, normalized_shape: Sequence[int], name: str) -> tuple[int, ...]:
    """The axes that have this shape."""
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ag.ShapeError(f"{name} takes arrays whose last axes have shape {shape}; got shape {x.shape}")
    return tuple(range(-len(shape), 0))


def layer_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """`(x - mean) / sqrt(var + eps) * weight + bias` over the trailing axes.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the shape of one sample.
        weight: (*normalized_shape), or None.
        bias: (*normalized_shape), or None.
        eps: added to the variance.

    Raises:
        ShapeError: the trailing axes have another shape.

    J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016.

    >>> layer_norm(np.array([[1.0, 3.0]]), (2,)).round(3)
    array([[-1.,  1.]])
    """
    return ag.scale_shift(ag.normalize(input, _trailing(input, normalized_shape, "layer_norm"), eps), weight, bias)


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """`x / sqrt(mean x^2 + eps) * weight` over the trailing axes.

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the shape of one sample.
        weight: (*normalized_shape), or None.
        eps: added to the mean square; None for the spacing of the input's dtype at 1.

    Raises:
        ShapeError: the trailing axes have another shape.

    B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    >>> rms_norm(np.array([[3.0, 3.0]]), (2,))
    array([[1., 1.]])
    """
    axes = _trailing(input, normalized_shape, "rms_norm")
    eps = float(np.finfo(np.result_type(input.dtype, np.float16)).eps) if eps is None else eps  # integers become floats
    return ag.scale_shift(ag.normalize(input, axes, eps, center=False), weight)


def _per_channel(parameter: Any, ndim: int) -> Any:
    """A vector over channels, as it broadcasts to (samples, channels, ...)."""
    return parameter if parameter is None or ndim == 2 else parameter.reshape(-1, *(1,) * (ndim - 2))


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """`(x - mean) / sqrt(var + eps) * weight + bias` over groups of channels of each sample.

    Args:
        input: (samples, channels, ...).
        num_groups: how many groups of neighbouring channels; has to divide their number.
        weight: (channels,), or None.
        bias: (channels,), or None.
        eps: added to the variance.

    Raises:
        ShapeError: the channels do not go into the groups.

    Y. Wu, K. He, "Group normalization", ECCV 2018.

    >>> group_norm(np.array([[1.0, 3.0, 7.0, 7.0]]), 2).round(3)
    array([[-1.,  1.,  0.,  0.]])
    """
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ag.ShapeError(
            f"group_norm takes (samples, channels, ...) and divides channels into {num_groups}; got {input.shape}"
        )
    grouped = input.reshape(input.shape[0], num_groups, math.prod(input.shape[1:]) // num_groups)
    y = ag.normalize(grouped, -1, eps).reshape(input.shape)
    return ag.scale_shift(y, _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))


class LayerNorm(Module):
    """`layer_norm`: over the trailing axes of each sample, with a learned scale and shift.

    Args:
        normalized_shape: the shape of the trailing axes; one number for the last axis.
        eps: added to the variance.
        elementwise_affine: whether to learn a scale (and a shift).
        bias: whether to learn a shift.
        dtype: of the parameters, which start as ones and zeros.

    J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016.

    >>> LayerNorm(3)(np.array([[1.0, 2.0, 3.0]])).numpy().round(3)
    array([[-1.225,  0.   ,  1.225]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        """x (..., *normalized_shape)."""
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Shape and eps."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class RMSNorm(Module):
    """`rms_norm`: the trailing axes of each sample divided by their root mean square, with a learned scale.

    Args:
        normalized_shape: the shape of the trailing axes; one number for the last axis.
        eps: added to the mean square; None for the spacing of the input's dtype at 1.
        elementwise_affine: whether to learn a scale.
        dtype: of the parameter, which starts as ones.

    B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    >>> RMSNorm(2)(np.array([[3.0, 3.0]])).numpy()
    array([[1., 1.]])
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, x: Any) -> Any:
        """x (..., *normalized_shape)."""
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Shape and eps."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class GroupNorm(Module):
    """`group_norm`: over groups of channels of each sample, with a learned scale and shift for each channel.

    Args:
        num_groups: has to divide `num_channels`.
        num_channels: size of axis 1.
        eps: added to the variance.
        affine: whether to learn scale and shift.
        dtype: of the parameters, which start as ones and zeros.

    Raises:
        ValueError: the groups do not divide the channels.

    Y. Wu, K. He, "Group normalization", ECCV 2018.

    >>> GroupNorm(2, 4)(np.array([[1.0, 3.0, 7.0, 7.0]])).numpy().round(3)
    array([[-1.,  1.,  0.,  0.]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, dtype: Any = np.float32
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"num_channels has to be a multiple of num_groups; got {num_channels} and {num_groups}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Any:
        """x (samples, num_channels, ...)."""
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ag.ShapeError(f"GroupNorm takes (samples, {self.num_channels}, ...); got shape {x.shape}")
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Groups, channels, eps."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.weight is not None}"


# Over samples, or over the places inside each channel, with running statistics for evaluation


class _OwnBatch:
    """Statistics of the batch that this process has; `DataParallel` may put those of all processes in its place."""

    @staticmethod
    def count(own: int) -> int:
        """How many values of each channel there are."""
        return own

    @staticmethod
    def normalize(x: Any, axes: tuple[int, ...], eps: float, _count: int) -> Any:
        """Normalized x, mean and variance."""
        return ag.normalize(x, axes, eps, returned=True)


class _RunningNorm(Module):
    """Normalizes channels by statistics of the batch while training, and by running averages of them in evaluation.

    A subclass says over which axes the statistics go, and how many axes an input may have.
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    ndims: tuple[int, ...]
    batch: Any = _OwnBatch

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if track_running_stats else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if track_running_stats else None
        self.num_batches_tracked = Buffer(np.array(0)) if track_running_stats else None

    def _axes(self, x: Any) -> tuple[int, ...]:
        raise NotImplementedError

    def _share(self) -> float:
        """What part of the running averages the batch replaces."""
        raise NotImplementedError

    def _check(self, x: Any) -> None:
        if x.ndim not in self.ndims or x.shape[1] != self.num_features:
            shapes = " or ".join(f"(samples, {self.num_features}{', *' * (n - 2)})" for n in self.ndims)
            raise ag.ShapeError(f"{type(self).__name__} takes {shapes}; got shape {x.shape}")

    def _normalized(self, x: Any) -> Any:
        """x (samples, channels, ...), before the learned scale and shift."""
        if self.running_mean is not None and self.running_var is not None and not self.training:
            scale = 1 / ag.sqrt(self.running_var + self.eps)
            return ag.scale_shift(x, _per_channel(scale, x.ndim), _per_channel(-self.running_mean * scale, x.ndim))
        if self.running_mean is not None:
            one_kind(type(self).__name__, x, self.running_mean)
        axes = self._axes(x)
        count = self.batch.count(math.prod(x.shape[k] for k in axes))
        if count <= 1 and self.training:
            raise ag.ShapeError(
                f"{type(self).__name__} needs more than one value per channel while training; got shape {x.shape}. "
                "In evaluation (`module.eval()`) it uses its running averages; "
                "drop_last=True leaves out a last batch of one sample."
            )
        y, mean, variance = self.batch.normalize(x, axes, self.eps, count)
        if self.training and self.running_mean is not None:
            self._track(mean, variance * (count / (count - 1)))
        return y

    def _track(self, mean: Any, variance: Any) -> None:
        """Move the running averages towards the statistics of a batch."""
        share = self._share()
        with ag.no_grad():
            for running, value in ((self.running_mean, mean), (self.running_var, variance)):
                if running is not None:
                    value = value.mean(axis=0).reshape(-1)  # of the samples' own statistics, if they have some
                    running.copy_(running.data * (1 - share) + value * share)

    def forward(self, x: Any) -> Any:
        """x (samples, num_features, ...)."""
        self._check(x)
        return ag.scale_shift(self._normalized(x), _per_channel(self.weight, x.ndim), _per_channel(self.bias, x.ndim))

    def extra_repr(self) -> str:
        """Channels and options."""
        options = f"momentum={self.momentum}, affine={self.affine}, track_running_stats={self.track_running_stats}"
        return f"{self.num_features}, eps={self.eps}, {options}"


class _BatchNorm(_RunningNorm):
    def _axes(self, x: Any) -> tuple[int, ...]:
        return (0, *range(2, x.ndim))

    def _share(self) -> float:
        tracked: Any = self.num_batches_tracked
        with ag.no_grad():
            tracked.copy_(tracked.data + 1)
        return 1 / float(tracked) if self.momentum is None else self.momentum


class BatchNorm1d(_BatchNorm):
    """Normalizes each channel over the batch: `(x - mean) / sqrt(var + eps) * weight + bias`.

    In evaluation mean and variance are running averages: `running = (1 - momentum) running + momentum batch`, with the
    variance of the batch divided by n - 1.

    Args:
        num_features: channels, axis 1.
        eps: added to the variance.
        momentum: share of the newest batch; None for the plain mean over all batches.
        affine: whether to learn scale and shift.
        track_running_stats: False uses the batch in evaluation too.
        dtype: of parameters and buffers.

    Raises:
        ShapeError: (when called) the input does not fit, or has one value per channel while training.

    A layer before it needs no bias. S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.

    >>> BatchNorm1d(1)(np.array([[1.0], [3.0]])).numpy().round(3)
    array([[-1.],
           [ 1.]])
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalizes each channel over the batch and all places: (samples, channels, height, width).

    Args:
        num_features: channels, axis 1.
        eps: added to the variance.
        momentum: share of the newest batch in the running averages; None for the plain mean over all batches.
        affine: whether to learn scale and shift.
        track_running_stats: False uses the batch in evaluation too.
        dtype: of parameters and buffers.

    Raises:
        ShapeError: (when called) the input does not fit, or has one value per channel while training.

    S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.

    >>> BatchNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ndims = (4,)


class _InstanceNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def _axes(self, x: Any) -> tuple[int, ...]:
        return tuple(range(2, x.ndim))

    def _share(self) -> float:
        return self.momentum or 0.0

    def forward(self, x: Any) -> Any:
        """x (samples, num_features, ...), or one sample without the first axis."""
        return super().forward(x[None])[0] if x.ndim == self.ndims[0] - 1 else super().forward(x)


class InstanceNorm1d(_InstanceNorm):
    """Normalizes each channel of each sample over its length: (samples, channels, length).

    Args:
        num_features: channels.
        eps: added to the variance.
        momentum: share of the newest batch in the running averages.
        affine: whether to learn scale and shift.
        track_running_stats: whether evaluation uses running averages, instead of the sample itself.
        dtype: of parameters and buffers.

    Raises:
        ShapeError: (when called) the input does not fit, or has one value per channel while training.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization", 2016.

    >>> InstanceNorm1d(1)(np.array([[[1.0, 3.0]]])).round(3)
    array([[[-1.,  1.]]])
    """

    ndims = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Normalizes each channel of each sample over its places: (samples, channels, height, width).

    Args:
        num_features: channels.
        eps: added to the variance.
        momentum: share of the newest batch in the running averages.
        affine: whether to learn scale and shift.
        track_running_stats: whether evaluation uses running averages, instead of the sample itself.
        dtype: of parameters and buffers.

    Raises:
        ShapeError: (when called) the input does not fit, or has one value per channel while training.

    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization", 2016.

    >>> InstanceNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ndims = (4,)


# Of inputs


def _mean_and_deviation(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """In double precision."""
    x = x.astype(np.float64)
    return x.mean(axis=axes), _usable(x.std(axis=axes), x, axes)


def _least_and_range(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """In double precision."""
    x = x.astype(np.float64)
    return x.min(axis=axes), _usable(np.ptp(x, axis=axes), x, axes)


def _usable(scale: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """1 where all values are equal: their standard deviation may be rounding instead of 0; and for a scale of 0."""
    return np.where((x.min(axis=axes) == x.max(axis=axes)) | (scale == 0), 1.0, scale)


class _FittedNorm(Module):
    """`(x - offset) / scale` for each feature, as found in data; both are saved with the model.

    A subclass says what they are. A feature that is constant in the data gets scale 1, and becomes 0.
    """

    _statistics: Callable[[Any, tuple[int, ...]], tuple[Any, Any]]

    def __init__(self, num_features: int, axis: int = -1, dtype: Any = np.float32) -> None:
        self.num_features, self.axis = num_features, axis
        self.offset, self.scale = Buffer(np.zeros(num_features, dtype)), Buffer(np.ones(num_features, dtype))

    def _axis(self, x: Any) -> int:
        """The axis of features, counted from 0."""
        if not -x.ndim <= self.axis < x.ndim or x.shape[self.axis] != self.num_features:
            raise ag.ShapeError(
                f"{type(self).__name__} takes {self.num_features} features along axis {self.axis}; got shape {x.shape}"
            )
        return self.axis % x.ndim

    def _broadcast(self, x: Any) -> tuple[Any, Any]:
        """Offset and scale, as they broadcast to x."""
        shape = (-1, *(1,) * (x.ndim - 1 - self._axis(x)))
        return self.offset.reshape(shape), self.scale.reshape(shape)

    def fit(self, x: Any) -> Self:
        """Take offset and scale of each feature from data, and return the module.

        Args:
            x: array with `num_features` along `axis`; of the training set only, else the test set leaks.

        Raises:
            ShapeError: there are other features, or no samples.
            ValueError: an element is NaN or infinite.
        """
        values = values_of(x)
        axis = self._axis(values)
        if not values.size:
            raise ag.ShapeError(f"{type(self).__name__} cannot be fitted to no samples: shape {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{type(self).__name__}.fit: {np.sum(~np.isfinite(values))} elements are NaN or infinite")
        offset, scale = self._statistics(values, tuple(k for k in range(values.ndim) if k != axis))
        with ag.no_grad():
            self.offset.copy_(offset)
            self.scale.copy_(scale)
        return self

    def forward(self, x: Any) -> Any:
        """x with `num_features` along `axis`, of any other shape."""
        offset, scale = self._broadcast(x)
        return (x - offset) / scale

    def inverse(self, y: Any) -> Any:
        """What was normalized to y."""
        offset, scale = self._broadcast(y)
        return y * scale + offset

    def extra_repr(self) -> str:
        """Features and their axis."""
        return f"{self.num_features}, axis={self.axis}"


class MinMaxNorm(_FittedNorm):
    """`(x - min) / (max - min)` of each feature, so that the data it was fitted to lie in [0, 1].

    Args:
        num_features: size of the axis of features.
        axis: the axis of features; minimum and maximum are taken over all others.
        dtype: of the buffers.

    Raises:
        ShapeError: (when fitted or called) there are other features.

    >>> norm = MinMaxNorm(2).fit([[0.0, 5.0], [4.0, 5.0]])
    >>> norm(np.array([[1.0, 5.0]])).numpy()
    array([[0.25, 0.  ]])
    >>> norm.inverse(np.array([[0.25, 0.0]])).numpy()
    array([[1., 5.]])
    """

    _statistics = staticmethod(_least_and_range)


class ZScoreNorm(_FittedNorm):
    """`(x - mean) / std` of each feature, so that the data it was fitted to have mean 0 and standard deviation 1.

    Args:
        num_features: size of the axis of features.
        axis: the axis of features; mean and standard deviation (of the population) are taken over all others.
        dtype: of the buffers.

    Raises:
        ShapeError: (when fitted or called) there are other features.

    >>> ZScoreNorm(1).fit([[1.0], [3.0]])(np.array([[1.0], [2.0]])).numpy()
    array([[-1.],
           [ 0.]])
    """

    _statistics = staticmethod(_mean_and_deviation)
