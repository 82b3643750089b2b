"""Positional encodings, beside their formulas written with loops."""

import numpy as np

from .base import LayerSpec, normal


def waves(length, features, base):
    """The table of Vaswani et al., number by number."""
    table = np.empty((length, features))
    for t in range(length):
        for j in range(features):
            angle = t / base ** ((j - j % 2) / features)
            table[t, j] = np.cos(angle) if j % 2 else np.sin(angle)
    return table


def rotated(module, x, base=10000.0):
    """RoFormer's block-diagonal matrix, position by position."""
    y = np.empty_like(x)
    *_, length, features = x.shape
    for t in range(length):
        matrix = np.zeros((features, features))
        for i in range(0, features, 2):
            angle = t * base ** (-i / features)
            matrix[i : i + 2, i : i + 2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        y[..., t, :] = x[..., t, :] @ matrix.T
    return y


ROWS = [
    LayerSpec(
        "SinusoidalPositionalEncoding",
        (4,),
        [normal((2, 3, 4)), normal((5, 4))],
        options=[{}, {"max_len": 5, "base": 100.0}],
        # as a buffer the table was float32 before the layer was converted
        reference=lambda _, x, max_len=0, base=10000.0: x + waves(*x.shape[-2:], base).astype(np.float32),
    ),
    LayerSpec(
        "LearnedPositionalEncoding",
        (4, 5),
        [normal((2, 3, 4)), normal((5, 4))],
        reference=lambda module, x: x + np.stack([module.weight.numpy()[t] for t in range(x.shape[-2])]),
    ),
    LayerSpec("RotaryEmbedding", (), [normal((2, 3, 4)), normal((5, 2))], {"base": [10000.0, 10.0]}, reference=rotated),
]
