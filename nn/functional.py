"""Layers and losses as plain functions."""

from autograd_core import linear, log_softmax, logsumexp, relu, sigmoid, softmax, softplus, tanh

from .losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "linear",
    "log_softmax",
    "logsumexp",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]
