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
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

T = TypeVar("T", bound=ag.Tensor)
FanMode = Literal["fan_in", "fan_out"]


def _fill(tensor: T, values: Any) -> T:
    if not isinstance(tensor, ag.Tensor):
        raise TypeError(f"initializers fill a Parameter or Tensor in place; got a {type(tensor).__name__}")
    with ag.no_grad():
        tensor.copy_(np.broadcast_to(values, tensor.shape))
    return tensor


def constant_(tensor: T, val: float) -> T:
    """Fill with one value.

    >>> from nn import Parameter
    >>> constant_(Parameter(np.empty((1, 2))), 0.5).numpy()
    array([[0.5, 0.5]])
    """
    return _fill(tensor, val)


def zeros_(tensor: T) -> T:
    """Fill with zeros: for biases. Equal weights stay equal, so symmetry between neurons is never broken.

    >>> from nn import Parameter
    >>> zeros_(Parameter(np.empty(2))).numpy()
    array([0., 0.])
    """
    return _fill(tensor, 0)


def ones_(tensor: T) -> T:
    """Fill with ones.

    >>> from nn import Parameter
    >>> ones_(Parameter(np.empty(2))).numpy()
    array([1., 1.])
    """
    return _fill(tensor, 1)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from the uniform distribution on [a, b).

    >>> from nn import Parameter
    >>> w = uniform_(Parameter(np.empty(10_000)), -1.0, 1.0, rng=np.random.default_rng(0)).numpy()
    >>> print(f"{w.min():.2f} {w.max():.2f}")
    -1.00 1.00
    """
    return _fill(tensor, ag.default_rng(rng).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from the normal distribution with this mean and standard deviation.

    >>> from nn import Parameter
    >>> w = normal_(Parameter(np.empty(10_000)), mean=1.0, std=0.1, rng=np.random.default_rng(0)).numpy()
    >>> round(float(w.mean()), 1), round(float(w.std()), 1)
    (1.0, 0.1)
    """
    return _fill(tensor, ag.default_rng(rng).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, rng: np.random.Generator | None = None
) -> T:
    """Fill from the normal distribution restricted to [a, b].

    Args:
        tensor: what to fill.
        mean: of the distribution before it is restricted.
        std: of the distribution before it is restricted; positive.
        a: lower bound, in the units of the values (not of std).
        b: upper bound; may be inf, as `a` may be -inf.
        rng: generator.

    Raises:
        ValueError: the bounds are in the wrong order, or std is not positive.

    Source: rejection from a uniform proposal, Robert, "Simulation of truncated normal variables", Statistics and Computing 5,
    1995; bounds beyond which the density is below e^-40 of its largest are drawn in.

    >>> values = trunc_normal_(ag.Tensor(np.empty(1000)), std=3.0).numpy()
    >>> bool(abs(values).max() <= 2)
    True
    """
    if not (a < b and std > 0):
        raise ValueError(f"trunc_normal_ takes a < b and std > 0; got a={a}, b={b}, std={std}")
    low, high = (a - mean) / std, (b - mean) / std
    top = min(max(0.0, low), high)  # where the density is largest
    reach = math.sqrt(top * top + 80)
    low, high = max(low, -reach), min(high, reach)
    rng = ag.default_rng(rng)
    values = np.empty(tensor.size)
    left = np.arange(tensor.size)
    while left.size:
        z = rng.uniform(low, high, left.size)
        taken = np.log1p(-rng.random(left.size)) < (top * top - z * z) / 2
        values[left[taken]] = z[taken]
        left = left[~taken]
    return _fill(tensor, np.clip(values.reshape(tensor.shape) * std + mean, a, b))


def _fans(tensor: ag.Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ag.ShapeError(f"fan-in and fan-out need a weight with at least 2 axes; got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return max(tensor.shape[1] * kernel, 1), max(tensor.shape[0] * kernel, 1)  # 0 only where there is nothing to fill


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity shrinks the standard deviation, inverted: sqrt 2 for relu, 5/3 for tanh.

    Args:
        nonlinearity: "linear", "conv1d" to "conv3d", "conv_transpose1d" to "conv_transpose3d", "sigmoid" (1), "tanh" (5/3),
            "relu" (sqrt 2), "leaky_relu" (sqrt(2/(1 + slope^2))) or "selu" (3/4).
        param: the slope of leaky_relu, 0.01 by default.

    Raises:
        ValueError: another nonlinearity.

    >>> round(calculate_gain("relu") ** 2, 12)
    2.0
    """
    slope = 0.01 if param is None else param
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    gains |= {"leaky_relu": math.sqrt(2 / (1 + slope**2))}
    gains |= {f"conv{transposed}{n}d": 1.0 for n in (1, 2, 3) for transposed in ("", "_transpose")}
    if nonlinearity not in gains:
        raise ValueError(f"no gain for nonlinearity '{nonlinearity}'; known: {', '.join(gains)}")
    return gains[nonlinearity]


def xavier_normal_(tensor: T, gain: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill from N(0, gain^2 2/(fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010); 1/fan_in is `lecun_normal_`.

    >>> from nn import Parameter
    >>> w = xavier_normal_(Parameter(np.empty((100, 300))), rng=np.random.default_rng(0)).numpy()
    >>> print(f"{w.var():.4f}")  # 2 / (300 + 100)
    0.0050
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng)


def xavier_uniform_(tensor: T, gain: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill uniformly with variance gain^2 2/(fan_in + fan_out) (Glorot and Bengio, AISTATS 2010).

    >>> from nn import Parameter
    >>> w = xavier_uniform_(Parameter(np.empty((100, 300))), rng=np.random.default_rng(0)).numpy()
    >>> print(f"{w.var():.4f}")  # 2 / (300 + 100)
    0.0050
    """
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
    """Fill from N(0, gain^2/fan), variance 2/fan_in for relu (He et al., ICCV 2015).

    >>> from nn import Parameter
    >>> w = kaiming_normal_(Parameter(np.empty((100, 200))), nonlinearity="relu", rng=np.random.default_rng(0)).numpy()
    >>> print(f"{w.var():.3f}")  # 2 / 200
    0.010
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def kaiming_uniform_(
    tensor: T,
    a: float = 0.0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | None = None,
) -> T:
    """Fill uniformly with variance gain^2/fan, 2/fan_in for relu (He et al., ICCV 2015).

    >>> from nn import Parameter
    >>> w = kaiming_uniform_(Parameter(np.empty((100, 200))), nonlinearity="relu", rng=np.random.default_rng(0)).numpy()
    >>> print(f"{w.var():.3f}")  # 2 / 200
    0.010
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def lecun_normal_(tensor: T, rng: np.random.Generator | None = None) -> T:
    """Fill from N(0, 1/fan_in): keeps the variance through linear layers, and through `selu` (LeCun et al., 1998).

    >>> lecun_normal_(ag.Tensor(np.empty((2, 3)))).shape
    (2, 3)
    """
    return normal_(tensor, 0.0, math.sqrt(1 / _fans(tensor)[0]), rng)


def lecun_uniform_(tensor: T, rng: np.random.Generator | None = None) -> T:
    """Fill uniformly with variance 1/fan_in (LeCun et al., "Efficient BackProp", 1998).

    >>> bool(abs(lecun_uniform_(ag.Tensor(np.empty((2, 3)))).numpy()).max() <= 1)
    True
    """
    bound = math.sqrt(3 / _fans(tensor)[0])
    return uniform_(tensor, -bound, bound, rng)


def orthogonal_(tensor: T, gain: float = 1.0, rng: np.random.Generator | None = None) -> T:
    """Fill with a random orthogonal matrix times `gain`: lengths are kept through any number of linear layers.

    Args:
        tensor: (rows, columns), or (rows, ...) taken as a matrix of `rows` rows. The shorter of rows and columns become
            orthonormal.
        gain: factor.
        rng: generator.

    Raises:
        ShapeError: fewer than two axes.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning", ICLR 2014; uniform over all
    orthogonal matrices by Mezzadri, Notices of the AMS 54, 2007.

    >>> w = orthogonal_(ag.Tensor(np.empty((2, 3)))).numpy()
    >>> (w @ w.T).round(12) + 0
    array([[1., 0.],
           [0., 1.]])
    """
    if tensor.ndim < 2:
        raise ag.ShapeError(f"orthogonal_ fills a matrix; got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(ag.default_rng(rng).normal(size=(max(rows, columns), min(rows, columns))))
    d = np.diagonal(r)
    q = q * np.where(d < 0, -1, 1)  # else q would depend on the signs that the factorisation happens to choose
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def eye_(tensor: T) -> T:
    """Fill a matrix with the identity: ones where row and column have the same number.

    Raises:
        ShapeError: not two axes.

    >>> eye_(ag.Tensor(np.empty((2, 3)))).numpy()
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ag.ShapeError(f"eye_ fills a matrix; got shape {tensor.shape}")
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Fill the kernel of a convolution so that it hands on its input channels: 1 in the middle, from channel to same channel.

    Args:
        tensor: (out, in/groups, ...kernel) with one to three kernel axes.
        groups: of the convolution; each group does the same.

    Raises:
        ShapeError: the shape is not one of a kernel, or `out` is not divisible by groups.

    >>> dirac_(ag.Tensor(np.empty((2, 2, 3)))).numpy()[0]
    array([[0., 1., 0.],
           [0., 0., 0.]])
    """
    if tensor.ndim not in (3, 4, 5) or groups < 1 or tensor.shape[0] % groups:
        raise ag.ShapeError(f"dirac_ fills (out, in, ...kernel) with out divisible by groups; got {tensor.shape} and {groups}")
    values = np.zeros(tensor.shape)
    out = tensor.shape[0] // groups
    channels = np.arange(min(out, tensor.shape[1]))
    for group in range(groups):
        at: tuple[Any, ...] = (group * out + channels, channels, *[n // 2 for n in tensor.shape[2:]])
        values[at] = 1
    return _fill(tensor, values)


def sparse_(tensor: T, sparsity: float, std: float = 0.01, rng: np.random.Generator | None = None) -> T:
    """Fill a matrix from N(0, std^2), but in each column set a share of the elements to 0, rounded up.

    Args:
        tensor: (rows, columns).
        sparsity: the share, from 0 to 1.
        std: standard deviation of the others.
        rng: generator.

    Raises:
        ShapeError: not two axes.
        ValueError: the share is not in [0, 1].

    Source: Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    >>> (sparse_(ag.Tensor(np.empty((4, 3))), sparsity=0.5).numpy() == 0).sum(axis=0)
    array([2, 2, 2])
    """
    if tensor.ndim != 2:
        raise ag.ShapeError(f"sparse_ fills a matrix; got shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_ takes a share of zeros in [0, 1]; got {sparsity}")
    rng = ag.default_rng(rng)
    values = rng.normal(0.0, std, tensor.shape)
    rank = rng.random(tensor.shape).argsort(axis=0)  # a permutation in each column
    return _fill(tensor, np.where(rank < math.ceil(sparsity * tensor.shape[0]), 0.0, values))
