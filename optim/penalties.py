"""Penalties to add to a loss, and the proximal step that makes weights exactly zero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import autograd_core as ag

__all__ = ["elastic_penalty", "l1_penalty", "l2_penalty", "proximal_l1_"]


def l1_penalty(parameters: Any, weight: float) -> Any:
    """weight times the sum of |w|; its gradient is weight sgn(w), 0 at 0.

    Args:
        parameters: one, or several.
        weight: of the penalty.

    Returns:
        A Tensor with one number, to add to the loss.

    >>> w = ag.Tensor([-1.0, 2.0], requires_grad=True)
    >>> penalty = l1_penalty([w], 0.1); penalty.backward(); w.grad
    Tensor([-0.1,  0.1])
    """
    return weight * sum(np.sum(np.abs(w)) for w in _listed(parameters))


def l2_penalty(parameters: Any, weight: float) -> Any:
    """weight times the sum of w^2; its gradient is 2 weight w.

    As `weight_decay` of SGD it is half as strong: l2_penalty(w, c) is weight_decay=2c.

    Args:
        parameters: one, or several.
        weight: of the penalty.

    Returns:
        A Tensor with one number, to add to the loss.

    >>> w = ag.Tensor([-1.0, 2.0], requires_grad=True)
    >>> penalty = l2_penalty([w], 0.5); penalty.backward(); w.grad
    Tensor([-1.,  2.])
    """
    return weight * sum(np.sum(np.abs(w) ** 2) if w.dtype.kind == "c" else np.sum(w * w) for w in _listed(parameters))


def elastic_penalty(parameters: Any, l1: float, l2: float) -> Any:
    """Both: l1 times the sum of |w|, plus l2 times the sum of w^2.

    Args:
        parameters: one, or several.
        l1, l2: the weights.

    Returns:
        A Tensor with one number, to add to the loss.

    Source: Zou and Hastie, Regularization and variable selection via the elastic net, JRSS B 67 (2005).

    >>> w = ag.Tensor([-1.0, 2.0], requires_grad=True)
    >>> elastic_penalty(w, l1=1.0, l2=0.5).item()
    5.5
    """
    parameters = _listed(parameters)
    return l1_penalty(parameters, l1) + l2_penalty(parameters, l2)


def proximal_l1_(parameters: Any, threshold: float) -> None:
    """Move every weight towards zero by the threshold, and those that are closer to exactly zero (soft thresholding).

        w = sgn(w) max(|w| - threshold, 0)

    After each step of gradient descent with threshold = lr * weight, this minimizes loss + weight sum |w|, and the weights
    that do not matter become 0, which the gradient of `l1_penalty` never does.

    Args:
        parameters: one, or several; written in place.
        threshold: at least 0.

    Source: Daubechies, Defrise and De Mol, An iterative thresholding algorithm for linear inverse problems, CPAM 57 (2004);
    Parikh and Boyd, Proximal algorithms, 2014, section 6.5.2.

    >>> w = ag.Tensor([-1.0, 0.2], requires_grad=True)
    >>> proximal_l1_([w], 0.5); w
    Tensor([-0.5,  0. ], requires_grad=True)
    """
    if not threshold >= 0:
        raise ValueError(f"threshold is at least 0; got {threshold}")
    with ag.no_grad():
        for w in _listed(parameters):
            x = w.data
            w.copy_(np.where(np.abs(x) > threshold, x - threshold * np.sign(x), 0))


def _listed(parameters: Any) -> list[Any]:
    given: Iterable[Any] = [parameters] if isinstance(parameters, ag.Tensor) else parameters
    return list(given)
