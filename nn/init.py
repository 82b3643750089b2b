"""Initializers: they fill a parameter in place and return it.

`ag.manual_seed(seed)` makes all of them reproducible; `rng=` gives one its own generator. For a weight of shape
(out, in, ...kernel) the fan-in is in * kernel size, the fan-out out * kernel size.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeVar

import numpy as np

import autograd_core as ag

__all__ = [
    "calculate_gain",
    "constant_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

T = TypeVar("T", bound=ag.Tensor)
FanMode = Literal["fan_in", "fan_out"]


def _fill(tensor: T, values: Any) -> T:
    with ag.no_grad():
        tensor.copy_(np.broadcast_to(values, tensor.shape))
    return tensor


def constant_(tensor: T, val: float) -> T:
    """Fill with one value."""
    return _fill(tensor, val)


def zeros_(tensor: T) -> T:
    """Fill with zeros: for biases. Equal weights stay equal, so symmetry between neurons is never broken."""
    return _fill(tensor, 0)


def ones_(tensor: T) -> T:
    """Fill with ones."""
    return _fill(tensor, 1)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from the uniform distribution on [a, b)."""
    return _fill(tensor, ag.default_rng(rng).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from the normal distribution with this mean and standard deviation."""
    return _fill(tensor, ag.default_rng(rng).normal(mean, std, tensor.shape))


def _fans(tensor: ag.Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ag.ShapeError(f"fan-in and fan-out need a weight with at least 2 axes; got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity shrinks the standard deviation, inverted: sqrt 2 for relu, 5/3 for tanh.

    >>> round(calculate_gain("relu") ** 2, 12)
    2.0
    """
    slope = 0.01 if param is None else param
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    gains |= {"leaky_relu": math.sqrt(2 / (1 + slope**2)), "conv1d": 1.0, "conv2d": 1.0}
    if nonlinearity not in gains:
        raise ValueError(f"no gain for nonlinearity '{nonlinearity}'; known: {', '.join(gains)}")
    return gains[nonlinearity]


def xavier_normal_(tensor: T, gain: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from N(0, gain^2 2/(fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng)


def xavier_uniform_(tensor: T, gain: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill uniformly with variance gain^2 2/(fan_in + fan_out) (Glorot and Bengio, AISTATS 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


def _kaiming_std(tensor: ag.Tensor, a: float, mode: FanMode, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out'; got '{mode}'")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_normal_(
    tensor: T,
    a: float = 0.0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | None = None,
) -> T:
    """Fill from N(0, gain^2/fan), variance 2/fan_in for relu (He et al., ICCV 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def kaiming_uniform_(
    tensor: T,
    a: float = 0.0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | None = None,
) -> T:
    """Fill uniformly with variance gain^2/fan, 2/fan_in for relu (He et al., ICCV 2015)."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)
