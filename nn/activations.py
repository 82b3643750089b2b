"""Activations: functions in `nn.functional`, and the same as modules. All take arrays of any shape, and keep float32.

At a kink the derivative is 0 for those that are flat on one side (relu, relu6, hardtanh, shrinkage), and that of the left
side for leaky_relu, prelu, elu, celu and selu.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

import autograd_core as ag
from autograd_core import hardtanh, log_softmax, relu, sigmoid, silu, softmax, softsign, tanh

from .module import Module, Parameter
from .stateless import Stateless

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Heaviside",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "heaviside",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]


# Straight on the right, something else on the left: relu(x) + f(min(x, 0))


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """max(x, 0) + negative_slope min(x, 0); derivative 1 for x > 0, else the slope (Maas et al., ICML workshop 2013).

    >>> leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    return relu(input) + ag.nonpositive_part(input) * negative_slope


def prelu(input: Any, weight: Any) -> Any:
    """max(x, 0) + weight min(x, 0), with a slope that is learnt (He et al., "Delving deep into rectifiers", ICCV 2015).

    Args:
        input: (n, channels, ...), or of any shape for one slope.
        weight: (channels,) for the slopes of axis 1, or (1,).

    Raises:
        ShapeError: there are neither one slope nor as many as channels.

    >>> prelu(np.array([[-2.0, -2.0]]), np.array([0.5, 0.25]))
    array([[-1. , -0.5]])
    """
    shape, slopes = np.shape(input), np.shape(weight)
    if slopes != (1,) and slopes != shape[1:2]:
        raise ag.ShapeError(f"'prelu' takes input (n, channels, ...) and weight (channels,) or (1,); got {shape} and {slopes}")
    along = (-1, *[1] * (len(shape) - 2)) if len(shape) > 1 else shape and (1,)
    return relu(input) + ag.nonpositive_part(input) * ag.reshape(weight, along)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """x for x > 0, else alpha (e^x - 1); derivative alpha e^x there, alpha at 0 (Clevert et al., ICLR 2016).

    >>> elu(np.array([-1000.0, 3.0]))
    array([-1.,  3.])
    """
    return relu(input) + ag.expm1(ag.nonpositive_part(input)) * alpha


def celu(input: Any, alpha: float = 1.0) -> Any:
    """x for x > 0, else alpha (e^(x/alpha) - 1); derivative e^(x/alpha) there, continuous (Barron, 2017).

    Raises:
        ValueError: alpha is 0.

    >>> celu(np.array([-1000.0, 3.0]), alpha=2.0)
    array([-2.,  3.])
    """
    if not alpha:
        raise ValueError("'celu' divides by alpha; got 0")
    return relu(input) + ag.expm1(ag.nonpositive_part(input) / alpha) * alpha


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def selu(input: Any) -> Any:
    """1.0507 elu(x, 1.6733): keeps mean 0 and variance 1 through layers with `lecun_normal_` (Klambauer et al., NIPS 2017).

    >>> selu(np.array([-1000.0, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """
    return elu(input, _SELU_ALPHA) * _SELU_SCALE


# Limited, or cut


def relu6(input: Any) -> Any:
    """x limited to [0, 6]; derivative 1 inside, 0 at the bounds and outside (Howard et al., "MobileNets", 2017).

    >>> relu6(np.array([-2.0, 3.0, 9.0]))
    array([0., 3., 6.])
    """
    return hardtanh(input, 0, 6)


def hardsigmoid(input: Any) -> Any:
    """(x + 3)/6 limited to [0, 1]; derivative 1/6 inside, 0 at the bounds and outside (Courbariaux et al., NIPS 2015).

    >>> hardsigmoid(np.array([-9.0, 0.0, 9.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(input + 3) / 6


def hardswish(input: Any) -> Any:
    """x hardsigmoid(x); derivative 0 at -3 and 1 at 3 (Howard et al., "Searching for MobileNetV3", ICCV 2019).

    >>> hardswish(np.array([-9.0, 1.5, 9.0]))
    array([-0.   ,  1.125,  9.   ])
    """
    return input * hardsigmoid(input)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x - x limited to [-lambd, lambd]; derivative 1 outside, 0 inside and at the bounds (the lasso's proximal operator).

    Raises:
        ValueError: lambd is negative.

    Source: Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996.

    >>> softshrink(np.array([-2.0, 0.3, 2.0]))
    array([-1.5,  0. ,  1.5])
    """
    if not lambd >= 0:
        raise ValueError(f"'softshrink' takes lambd >= 0; got {lambd}")
    return relu(input - lambd) - relu(-input - lambd)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x where |x| > lambd, else 0; derivative 1 and 0 (Donoho and Johnstone, Biometrika 81, 1994).

    >>> hardshrink(np.array([-2.0, 0.3, 2.0]))
    array([-2.,  0.,  2.])
    """
    return ag.where((input >= -lambd) & (input <= lambd), 0, input)


def threshold(input: Any, threshold: float, value: float) -> Any:
    """x where x > threshold, else a value; derivative 1 and 0.

    >>> threshold(np.array([0.0, 1.0, 2.0]), 1.0, -5.0)
    array([-5., -5.,  2.])
    """
    return ag.where(input <= threshold, value, input)


def heaviside(input: Any, values: float = 1.0) -> Any:
    """0 for x < 0, `values` at 0, 1 for x > 0: the perceptron's step; derivative 0 (McCulloch and Pitts, 1943).

    >>> heaviside(np.array([-2.0, 0.0, 3.0]))
    array([0., 1., 1.])
    """
    return ag.heaviside(input, values)


# Smooth


def gelu(input: Any, approximate: Literal["none", "tanh"] = "none") -> Any:
    """x P(x) with the normal distribution function P, or x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    Args:
        input: real, any shape.
        approximate: "none" or "tanh".

    Raises:
        ValueError: `approximate` is neither.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> gelu(np.array([-1000.0, 1.0])).round(6), gelu(np.array([-1000.0, 1.0]), approximate="tanh").round(6)
    (array([0.      , 0.841345]), array([0.      , 0.841192]))
    """
    if approximate == "none":
        return ag.gelu(input)
    if approximate != "tanh":
        raise ValueError(f"approximate is 'none' or 'tanh'; got {approximate!r}")
    half = input * 0.5
    return half + half * tanh(input * (input * input * (0.044715 * _ROOT_TWO_BY_PI) + _ROOT_TWO_BY_PI))


_ROOT_TWO_BY_PI = math.sqrt(2 / math.pi)


def mish(input: Any) -> Any:
    """x tanh(softplus(x)) (Misra, BMVC 2020).

    >>> mish(np.array([-1000.0, 0.0, 1.0])).round(6)
    array([-0.      ,  0.      ,  0.865098])
    """
    return input * tanh(ag.softplus(input))


def glu(input: Any, axis: int = -1) -> Any:
    """a sigmoid(b) of the two halves along an axis (Dauphin et al., "Language modeling with gated networks", ICML 2017).

    Raises:
        ShapeError: the axis does not exist, or has an odd size.

    >>> glu(np.array([3.0, 4.0, 0.0, 1000.0]))
    array([1.5, 4. ])
    """
    shape = np.shape(input)
    if not -len(shape) <= axis < len(shape) or shape[axis] % 2:
        raise ag.ShapeError(f"'glu' halves axis {axis}, which has to exist and be of even size; got shape {shape}")
    a, b = ag.split(input, 2, axis)
    return a * sigmoid(b)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta x))/beta, and x itself where beta x > threshold; derivative sigmoid(beta x) (Dugas et al., NIPS 2000).

    Nothing overflows without the threshold; it is there to give PyTorch's values.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(2)
    array([0.0e+00, 6.9e-01, 1.0e+03])
    """
    y = ag.softplus(input * beta) / beta if beta != 1 else ag.softplus(input)
    linear = input * beta > threshold if beta != 1 else input > threshold
    return ag.where(linear, input, y) if np.any(linear) else y


def logsigmoid(input: Any) -> Any:
    """log(sigmoid(x)) without rounding to log 0; derivative sigmoid(-x).

    >>> logsigmoid(np.array([-10.0, 0.0, 10.0])).round(6)
    array([-1.0000045e+01, -6.9314700e-01, -4.5000000e-05])
    """
    return -ag.softplus(-input)


def tanhshrink(input: Any) -> Any:
    """x - tanh(x); derivative tanh(x)^2.

    >>> tanhshrink(np.array([-1000.0, 0.0]))
    array([-999.,    0.])
    """
    return input - tanh(input)


def softmin(input: Any, axis: int = -1) -> Any:
    """softmax(-x) along an axis.

    >>> softmin(np.array([0.0, 1000.0]))
    array([1., 0.])
    """
    return softmax(-input, axis)


# As modules


class ReLU(Stateless, function=relu):
    """`relu` as a module.

    >>> ReLU()(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """


class ReLU6(Stateless, function=relu6):
    """`relu6` as a module.

    >>> ReLU6()(np.array([-2.0, 3.0, 9.0]))
    array([0., 3., 6.])
    """


class LeakyReLU(Stateless, function=leaky_relu):
    """`leaky_relu` as a module, `LeakyReLU(negative_slope=0.01)`.

    >>> LeakyReLU(0.1)(np.array([-2.0, 0.0, 3.0]))
    array([-0.2,  0. ,  3. ])
    """


class PReLU(Module):
    """`prelu` with slopes that are parameters.

    Args:
        num_parameters: 1 for one slope, or the number of channels (axis 1 of the input).
        init: what the slopes start from.
        dtype: of the slopes.

    >>> PReLU(3).weight.numpy()
    array([0.25, 0.25, 0.25], dtype=float32)
    """

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = np.float32) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, x: Any) -> Any:
        """x (n, num_parameters, ...), or any shape for one slope."""
        return prelu(x, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"


class ELU(Stateless, function=elu):
    """`elu` as a module, `ELU(alpha=1.0)`.

    >>> ELU(alpha=2.0)(np.array([-1000.0, 3.0]))
    array([-2.,  3.])
    """


class CELU(Stateless, function=celu):
    """`celu` as a module, `CELU(alpha=1.0)`.

    >>> CELU(alpha=2.0)(np.array([-1000.0, 3.0]))
    array([-2.,  3.])
    """


class SELU(Stateless, function=selu):
    """`selu` as a module.

    >>> SELU()(np.array([-1000.0, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """


class GELU(Stateless, function=gelu):
    """`gelu` as a module, `GELU(approximate="none")`.

    >>> GELU()(np.array([-1000.0, 0.0, 1.0])).round(4) + 0
    array([0.    , 0.    , 0.8413])
    """


class SiLU(Stateless, function=silu):
    """`silu` as a module.

    >>> SiLU()(np.array([-1000.0, 0.0, 1.0])).round(4) + 0
    array([0.    , 0.    , 0.7311])
    """


class Mish(Stateless, function=mish):
    """`mish` as a module.

    >>> Mish()(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8651])
    """


class GLU(Stateless, function=glu):
    """`glu` as a module, `GLU(axis=-1)`.

    >>> GLU()(np.array([3.0, 4.0, 0.0, 1000.0]))  # (3, 4) times the sigmoid of (0, 1000)
    array([1.5, 4. ])
    """


class Softplus(Stateless, function=softplus):
    """`softplus` as a module, `Softplus(beta=1.0, threshold=20.0)`.

    >>> Softplus(beta=2.0)(np.array([0.0, 50.0])).round(4)
    array([ 0.3466, 50.    ])
    """


class Softsign(Stateless, function=softsign):
    """`softsign` as a module.

    >>> Softsign()(np.array([-1.0, 0.0, 3.0]))
    array([-0.5 ,  0.  ,  0.75])
    """


class Hardtanh(Stateless, function=hardtanh):
    """`hardtanh` as a module, `Hardtanh(min_val=-1.0, max_val=1.0)`.

    >>> Hardtanh(-1.0, 2.0)(np.array([-5.0, 1.5, 5.0]))
    array([-1. ,  1.5,  2. ])
    """


class Hardswish(Stateless, function=hardswish):
    """`hardswish` as a module.

    >>> Hardswish()(np.array([1.5, 9.0]))
    array([1.125, 9.   ])
    """


class Hardsigmoid(Stateless, function=hardsigmoid):
    """`hardsigmoid` as a module.

    >>> Hardsigmoid()(np.array([-9.0, 0.0, 9.0]))
    array([0. , 0.5, 1. ])
    """


class Tanhshrink(Stateless, function=tanhshrink):
    """`tanhshrink` as a module.

    >>> Tanhshrink()(np.array([-1000.0, 0.0]))
    array([-999.,    0.])
    """


class Softshrink(Stateless, function=softshrink):
    """`softshrink` as a module, `Softshrink(lambd=0.5)`.

    >>> Softshrink(0.5)(np.array([-2.0, 0.3, 2.0]))
    array([-1.5,  0. ,  1.5])
    """


class Hardshrink(Stateless, function=hardshrink):
    """`hardshrink` as a module, `Hardshrink(lambd=0.5)`.

    >>> Hardshrink(0.5)(np.array([-2.0, 0.3, 2.0]))
    array([-2.,  0.,  2.])
    """


class Sigmoid(Stateless, function=sigmoid):
    """`sigmoid` as a module.

    >>> Sigmoid()(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """


class Tanh(Stateless, function=tanh):
    """`tanh` as a module.

    >>> Tanh()(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """


class LogSigmoid(Stateless, function=logsigmoid):
    """`logsigmoid` as a module.

    >>> LogSigmoid()(np.array([-1000.0, 0.0])).round(4)
    array([-1.000e+03, -6.931e-01])
    """


class Softmax(Stateless, function=softmax):
    """`softmax` as a module, `Softmax(axis=-1)`.

    >>> Softmax(axis=-1)(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """


class LogSoftmax(Stateless, function=log_softmax):
    """`log_softmax` as a module, `LogSoftmax(axis=-1)`.

    >>> LogSoftmax()(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """


class Softmin(Stateless, function=softmin):
    """`softmin` as a module, `Softmin(axis=-1)`.

    >>> Softmin()(np.array([0.0, 1000.0]))
    array([1., 0.])
    """


class Threshold(Module):
    """`threshold` as a module.

    Args:
        threshold: x above it is left as it is.
        value: what the others become.

    >>> Threshold(0.5, 20.0)(np.array([0.0, 1.0]))
    array([20.,  1.])
    """

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Any:
        """x of any shape."""
        return threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"threshold={self.threshold}, value={self.value}"


class Heaviside(Stateless, function=heaviside):
    """`heaviside` as a module, `Heaviside(values=1.0)`.

    >>> Heaviside(values=0.5)(np.array([-2.0, 0.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
