"""Dropout: zeros at random while training, and nothing in evaluation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, foreign

from .module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "alpha_dropout",
]  # not `dropout`: it would hide this module in nn

_STEPS = 1 << 16  # a draw takes 16 bits: a fifth of the time of a float32 number


def _probability(p: float) -> int:
    """p as a number of steps."""
    if not 0 <= p <= 1:
        raise ValueError(f"the probability p of dropping has to be from 0 to 1; got {p}")
    return round(p * _STEPS)


def _kept(shape: tuple[int, ...], steps: int, dtype: Any, rng: np.random.Generator | None) -> np.ndarray:
    """1 with probability 1 - steps/2^16, else 0, each element on its own."""
    if dtype.kind not in "fc":
        raise ag.DTypeError(f"dropout scales what it keeps: it takes floating-point numbers; got {dtype} (use x.astype(float))")
    size = math.prod(shape)
    words = ag.default_rng(rng).integers(0, 1 << 64, -(-size // 4), np.uint64)
    return (words.view(np.uint16)[:size] >= steps).reshape(shape).astype(dtype)


def dropout(
    input: Any, p: float = 0.5, training: bool = True, rng: np.random.Generator | None = None, channels: int = 0
) -> Any:
    """Each element becomes 0 with probability p; the others are divided by 1 - p, so that the mean stays.

    Args:
        input: array of floats.
        p: probability, rounded to a multiple of 2^-16 (what is kept is scaled by that multiple, so the mean is exact).
        training: False gives the input back.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.
        channels: how many trailing axes are dropped or kept together.

    Raises:
        ValueError: p is not from 0 to 1.
        DTypeError: the input are no floats.

    N. Srivastava et al., "Dropout", JMLR 2014.

    >>> import autograd_core as ag
    >>> rng = ag.manual_seed(0)
    >>> float(dropout(np.ones(1000), p=0.5).max())
    2.0
    """
    steps = _probability(p)
    if not training or not steps:
        return input
    shape = (*input.shape[: input.ndim - channels], *(1,) * channels)
    if steps == _STEPS:
        return input * np.zeros(shape, input.dtype, like=foreign(input))
    factors = _kept(shape, steps, input.dtype, rng)
    factors *= _STEPS / (_STEPS - steps)
    return input * beside(factors, input)


_SATURATED = -1.7580993408473766  # what SELU tends to: -lambda alpha


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, rng: np.random.Generator | None = None) -> Any:
    """Each element becomes SELU's lower limit with probability p, then all are scaled back to mean 0 and variance 1.

    With a = ((1 - p)(1 + p s^2))^(-1/2): `a x - a p s` where x is kept, and `a s - a p s` elsewhere; s = -1.758.

    Args:
        input: array of floats, of mean 0 and variance 1, as SELU layers keep it.
        p: probability, rounded to a multiple of 2^-16; 1 gives zeros.
        training: False, as by default in PyTorch, gives the input back.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.

    Raises:
        ValueError: p is not from 0 to 1.

    G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.

    >>> x = np.random.default_rng(1).normal(size=100_000)
    >>> y = alpha_dropout(x, 0.1, training=True, rng=np.random.default_rng(0))
    >>> bool(abs(y.mean()) < 0.02), round(float(y.std()), 1)
    (True, 1.0)
    """
    steps = _probability(p)
    if not training or not steps:
        return input
    if steps == _STEPS:
        return input * input.dtype.type(0)
    p = steps / _STEPS
    scale = ((1 - p) * (1 + p * _SATURATED**2)) ** -0.5
    kept = _kept(input.shape, steps, input.dtype, rng)
    kept *= scale
    kept = beside(kept, input)
    return input * kept + (scale * _SATURATED * (1 - p) - _SATURATED * kept)


class Dropout(Module):
    """`dropout` while training: each element is 0 with probability p, the others are divided by 1 - p.

    Args:
        p: probability of dropping.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.

    Raises:
        ValueError: p is not from 0 to 1.

    N. Srivastava et al., "Dropout", JMLR 2014.

    >>> Dropout(0.2).eval()(np.array([1.0, 2.0]))
    array([1., 2.])
    """

    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        _probability(p)
        self.p, self.rng = p, rng

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return dropout(x, self.p, self.training, self.rng)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class _ChannelDropout(Dropout):
    """Drops whole channels; the number of axes inside a channel says which inputs fit."""

    inside: int

    def forward(self, x: Any) -> Any:
        """Samples and channels, then the axes inside a channel; or one sample without the first axis."""
        if x.ndim not in (self.inside + 1, self.inside + 2):
            raise ag.ShapeError(
                f"{type(self).__name__} takes (samples, channels, ...) with {self.inside} axes behind the channels, or one "
                f"sample; got shape {x.shape}"
            )
        return dropout(x, self.p, self.training, self.rng, self.inside)


class Dropout1d(_ChannelDropout):
    """Drops whole channels of (samples, channels, length) with probability p, and divides the others by 1 - p.

    Args:
        p: probability of dropping.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.

    Raises:
        ShapeError: (when called) the input has another number of axes.

    J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    >>> Dropout1d(0.5, rng=np.random.default_rng(0))(np.ones((1, 4, 2)))[0, :, 0]  # of four channels
    array([2., 2., 2., 2.])
    """

    inside = 1


class Dropout2d(_ChannelDropout):
    """Drops whole channels of (samples, channels, height, width) with probability p, and divides the others by 1 - p.

    Args:
        p: probability of dropping.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.

    Raises:
        ShapeError: (when called) the input has another number of axes.

    J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    >>> x = Dropout2d(0.5)(np.ones((4, 3, 2, 2)))
    >>> bool((x == x[..., :1, :1]).all())
    True
    """

    inside = 2


class AlphaDropout(Dropout):
    """`alpha_dropout` while training: for networks of SELU, whose mean and variance it keeps.

    Args:
        p: probability of dropping.
        rng: generator to draw from; by default the one that `ag.manual_seed` seeds.

    Raises:
        ValueError: p is not from 0 to 1.

    G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.

    >>> layer = AlphaDropout(0.1, rng=np.random.default_rng(0))
    >>> y = layer(np.random.default_rng(1).normal(size=100_000))
    >>> bool(abs(y.mean()) < 0.02), round(float(y.std()), 1)
    (True, 1.0)
    """

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return alpha_dropout(x, self.p, self.training, self.rng)
