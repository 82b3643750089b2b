"""Normalization."""

import numpy as np

from .base import LayerSpec, normal

OPTIONS = {"momentum": [0.1, 0.3], "affine": [True, False], "track_running_stats": [True, False]}
DATA = np.array([[1.0, 7.0, -2.0], [2.0, 7.0, 5.0], [4.5, 7.0, 0.5]])  # one feature is constant


def _fitted(module, x):
    data = np.moveaxis(DATA.reshape(3, *(1,) * (x.ndim - 2), 3), -1, module.axis)
    return module.fit(data)(x)


def _min_max(_module, x, axis):
    y = np.moveaxis(x, axis, -1)
    return np.moveaxis((y - [1.0, 7.0, -2.0]) / [3.5, 1.0, 7.0], -1, axis)


def _z_score(_module, x, axis):
    y = np.moveaxis(x, axis, -1)
    mean = DATA.sum(0) / 3
    std = (((DATA - mean) ** 2).sum(0) / 3) ** 0.5
    return np.moveaxis((y - mean) / np.where(std == 0, 1, std), -1, axis)


ROWS = [
    LayerSpec(
        "BatchNorm1d", (3,), [normal((4, 3)), normal((3, 3, 2)), normal((1, 3, 2))], OPTIONS | {"momentum": [0.1, 0.3, None]}
    ),
    LayerSpec("BatchNorm2d", (2,), [normal((2, 2, 2, 3))], OPTIONS | {"momentum": [0.1, None], "eps": [1e-5, 0.1]}),
    LayerSpec("InstanceNorm1d", (3,), [normal((2, 3, 4)), normal((3, 4))], OPTIONS),
    LayerSpec("InstanceNorm2d", (2,), [normal((2, 2, 2, 3))], OPTIONS),
    LayerSpec(
        "LayerNorm",
        (),
        [normal((3, 2, 4)), normal((2, 4))],
        {"normalized_shape": [4, (2, 4)], "elementwise_affine": [True, False], "bias": [True, False], "eps": [1e-5, 0.1]},
    ),
    LayerSpec(
        "RMSNorm",
        (),
        [normal((3, 2, 4))],
        {"normalized_shape": [4, (2, 4)], "eps": [None, 0.1], "elementwise_affine": [True, False]},
    ),
    LayerSpec("GroupNorm", (2, 4), [normal((3, 4, 2)), normal((2, 4)), normal((2, 4, 2, 2))], {"affine": [True, False]}),
    LayerSpec("MinMaxNorm", (3,), [normal((3, 3)), normal((3, 3, 3))], {"axis": [-1, 0]}, call=_fitted, reference=_min_max),
    LayerSpec("ZScoreNorm", (3,), [normal((3, 3)), normal((3, 3, 3))], {"axis": [-1, 0]}, call=_fitted, reference=_z_score),
]
