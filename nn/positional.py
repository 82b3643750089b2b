"""Where a position stands: attention by itself does not see the order of a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, values_of

from . import init
from .module import Buffer, Module, Parameter

__all__ = [
    "LearnedPositionalEncoding",
    "RotaryEmbedding",
    "SinusoidalPositionalEncoding",
    "rotary_embedding",
    "sinusoidal_encoding",
]


def _angles(positions: Any, pairs: int, features: int, base: float) -> Any:
    """Position times frequency base^(-2 i / features) of each pair i: (..., pairs)."""
    return values_of(positions)[..., None] * beside(base ** (-2 * np.arange(pairs) / max(features, 1)), positions)


def sinusoidal_encoding(length: int, features: int, base: float = 10000.0, dtype: Any = np.float32) -> np.ndarray:
    """PE[t, 2i] = sin(t / base^(2i/features)), PE[t, 2i+1] = cos of the same: a position as hands of ever slower clocks.

    Args:
        length: how many positions.
        features: how many numbers for each.
        base: the slowest hand turns once in about 2 pi base positions.
        dtype: of the result.

    Returns:
        (length, features).

    Source:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    >>> sinusoidal_encoding(2, 4).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]], dtype=float32)
    """
    angles = _angles(np.arange(length), (features + 1) // 2, features, base)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, 2 * angles.shape[1])
    return waves[:, :features].astype(dtype)


def _check_length(name: str, x: Any, table: Any) -> None:
    if x.ndim < 2 or x.shape[-2] > table.shape[0] or x.shape[-1] != table.shape[1]:
        raise ag.ShapeError(
            f"{name} takes x (..., length, features) with at most {table.shape[0]} positions of {table.shape[1]} features; "
            f"got {x.shape}"
        )


class SinusoidalPositionalEncoding(Module):
    """Add `sinusoidal_encoding` to a sequence. Nothing is learned, and nothing saved in the state dict.

    Args:
        features: of each position.
        max_len: the longest sequence.
        base: as in `sinusoidal_encoding`.
        dtype: of the encoding.

    Source:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    >>> SinusoidalPositionalEncoding(4)(np.zeros((2, 3, 4), np.float32)).shape
    (2, 3, 4)
    """

    def __init__(self, features: int, max_len: int = 5000, base: float = 10000.0, dtype: Any = np.float32) -> None:
        self.encoding = Buffer(sinusoidal_encoding(max_len, features, base, dtype), persistent=False)

    def forward(self, x: Any) -> Any:
        """x (..., length, features).

        Raises:
            ShapeError: the sequence is longer than `max_len`, or has another number of features.
        """
        _check_length(type(self).__name__, x, self.encoding)
        return x + self.encoding.data[: x.shape[-2]]

    def extra_repr(self) -> str:
        """Sizes."""
        return f"features={self.encoding.shape[1]}, max_len={self.encoding.shape[0]}"


class LearnedPositionalEncoding(Module):
    """Add a trained vector for each position to a sequence.

    Args:
        features: of each position.
        max_len: the longest sequence.
        dtype: of the parameter.
        rng: generator for the initial values: normal with standard deviation 0.02.

    Source:
        Radford et al., "Improving language understanding by generative pre-training", 2018 (GPT).

    >>> LearnedPositionalEncoding(4, max_len=16)(np.zeros((2, 3, 4), np.float32)).shape
    (2, 3, 4)
    """

    def __init__(self, features: int, max_len: int, dtype: Any = np.float32, rng: np.random.Generator | None = None) -> None:
        self.weight = init.normal_(Parameter(np.empty((max_len, features), dtype)), std=0.02, rng=rng)

    def forward(self, x: Any) -> Any:
        """x (..., length, features).

        Raises:
            ShapeError: the sequence is longer than `max_len`, or has another number of features.
        """
        _check_length(type(self).__name__, x, self.weight)
        return x + self.weight[: x.shape[-2]]

    def extra_repr(self) -> str:
        """Sizes."""
        return f"features={self.weight.shape[1]}, max_len={self.weight.shape[0]}"


def rotary_embedding(x: Any, positions: Any = None, base: float = 10000.0) -> Any:
    """Rotate each pair of features by t base^(-2i/features), t being the position: for queries and keys.

    The product of a query at s and a key at t then depends on where they stand only through s - t.

    Args:
        x: (..., length, features), float32 or float64, with an even number of features.
        positions: (length,), or (..., length); 0, 1, 2 ... if None.
        base: the slowest pair turns once in about 2 pi base positions.

    Returns:
        (..., length, features).

    Raises:
        ShapeError: the number of features is odd, or there are not as many positions as elements.

    Source:
        Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, equation 34.

    >>> q = rotary_embedding(np.ones((9, 4)))
    >>> bool(np.isclose(q[3] @ q[1], q[8] @ q[6]))
    True
    """
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ag.ShapeError(f"rotary_embedding takes x (..., length, features) with an even number of features; got {x.shape}")
    positions = beside(np.arange(x.shape[-2]), x) if positions is None else values_of(positions)
    if positions.shape[-1:] != x.shape[-2:-1]:
        raise ag.ShapeError(f"rotary_embedding of x {x.shape} takes {x.shape[-2]} positions; got shape {positions.shape}")
    return ag.rotate_pairs(x, _angles(positions, x.shape[-1] // 2, x.shape[-1], base))


class RotaryEmbedding(Module):
    """`rotary_embedding` as a module.

    Args:
        base: as there.

    >>> RotaryEmbedding()(np.ones((2, 3, 4), np.float32)).shape
    (2, 3, 4)
    """

    def __init__(self, base: float = 10000.0) -> None:
        self.base = base

    def forward(self, x: Any, positions: Any = None) -> Any:
        """x (..., length, features), positions (..., length)."""
        return rotary_embedding(x, positions, self.base)

    def extra_repr(self) -> str:
        """The base."""
        return f"base={self.base}"
