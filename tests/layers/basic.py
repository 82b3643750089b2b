"""Fully connected layers, and those that only change shapes."""

import nn

from .base import LayerSpec, normal

ROWS = [
    LayerSpec("Linear", (4, 3), [normal((5, 4)), normal((2, 3, 4)), normal((4,))], {"bias": [True, False]}),
    LayerSpec("Identity", (), [normal((2, 3))]),
    LayerSpec(
        "Flatten",
        (),
        [normal((2, 3, 4, 2))],
        {"start_axis": [1, 0, 2], "end_axis": [-1, 2]},
        torch_names={"start_axis": "start_dim", "end_axis": "end_dim"},
    ),
    LayerSpec("Unflatten", (1, (2, 3)), [normal((2, 6, 4))]),
    LayerSpec(
        "Residual",
        (),
        [normal((4, 3))],
        options=[{"inner": nn.Linear(3, 3, dtype=float)}],
        reference=lambda module, x, inner: x + x @ module.inner.weight.numpy().T + module.inner.bias.numpy(),
    ),
]
