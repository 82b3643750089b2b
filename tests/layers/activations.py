"""Activations, over their options."""

import numpy as np

from .base import LayerSpec, normal

AXIS = {"torch_names": {"axis": "dim"}}
WIDE = [normal((3, 4)), lambda rng: [rng.normal(size=(2, 3, 4)) * 5], lambda rng: [np.array(rng.normal())]]


def smooth(name, grid=None, **more):
    return LayerSpec(name, (), WIDE, grid or {}, **more)


ROWS = [
    smooth("ReLU"),
    smooth("ReLU6"),
    smooth("LeakyReLU", {"negative_slope": [0.01, 0.3, 2.0]}),
    LayerSpec("PReLU", (), [normal((2, 3, 4)), normal((2, 3))], {"num_parameters": [1, 3], "init": [0.25, 0.5]}),
    smooth("ELU", {"alpha": [1.0, 0.4]}),
    smooth("CELU", {"alpha": [1.0, 0.5]}),  # PyTorch rounds 1/alpha to float32
    smooth("SELU"),
    smooth("GELU", {"approximate": ["none", "tanh"]}),
    smooth("SiLU"),
    smooth("Mish"),
    LayerSpec("GLU", (), [normal((4, 2, 6)), normal((2, 4))], {"axis": [-1, 0]}, **AXIS),
    smooth("Softplus", options=[{}, {"beta": 2.5}, {"beta": 0.5, "threshold": 0.3}]),
    smooth("Softsign"),
    smooth("Hardtanh", options=[{}, {"min_val": -0.3, "max_val": 0.8}]),
    smooth("Hardswish"),
    # PyTorch rounds 1/6 to float32
    smooth("Hardsigmoid", torch_call=lambda module, x: (x + 3).clamp(0, 6) / 6),
    smooth("Tanhshrink"),
    smooth("Softshrink", {"lambd": [0.5, 1.2]}),
    smooth("Hardshrink", {"lambd": [0.5, 1.2]}),
    smooth("Sigmoid"),
    smooth("Tanh"),
    smooth("LogSigmoid"),
    *(LayerSpec(name, (), [normal((3, 4, 2))], {"axis": [-1, 0]}, **AXIS) for name in ("Softmax", "LogSoftmax", "Softmin")),
    LayerSpec("Threshold", (0.3, -2.0), WIDE),
    smooth("Heaviside", reference=lambda module, x: 1.0 * (x >= 0)),
]
