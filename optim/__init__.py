"""Optimizers: PyTorch's names, defaults and arithmetic, on flat buffers."""

from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
