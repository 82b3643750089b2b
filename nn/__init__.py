"""Layers, losses and initializers on the engine of `autograd_core`; no layer contains a derivative."""

from . import functional, init
from .activations import ReLU, Sigmoid, Softmax, Tanh
from .linear import Linear
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from .module import Identity, Module, Parameter, Sequential

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Identity",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
