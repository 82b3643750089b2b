"""Dropout, where it is not random: all kept, and all dropped. What is random stands in tests/test_dropout.py."""

from .base import LayerSpec, normal

P = {"p": [0.0, 1.0]}

ROWS = [
    LayerSpec("Dropout", (), [normal((3, 4)), normal(())], P),
    LayerSpec("Dropout1d", (), [normal((2, 3, 4)), normal((3, 4))], P),
    LayerSpec("Dropout2d", (), [normal((2, 3, 2, 2))], P),
    LayerSpec("AlphaDropout", (), [normal((3, 4))], P),
]
