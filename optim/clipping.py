"""The size of all gradients together, and limits to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import foreign

__all__ = ["clip_grad_norm_", "clip_grad_value_", "global_norm"]


def global_norm(parameters: Any, norm_type: float = 2.0) -> float:
    """The norm of all gradients, as if they were one vector.

    Args:
        parameters: one, or several; those without a gradient do not count.
        norm_type: the p of the norm; may be infinite.

    Returns:
        A number. Where squares are too large for the dtype, the gradient is divided by its largest element first.

    >>> x, y = ag.Tensor([0.0], requires_grad=True), ag.Tensor([0.0], requires_grad=True)
    >>> x.grad, y.grad = np.array([3.0]), np.array([4.0])
    >>> global_norm([x, y])
    5.0
    """
    if not norm_type > 0:
        raise ValueError(f"norm_type is positive; got {norm_type}")
    norms = [_norm(p.grad.data, norm_type) for p in _with_gradient(parameters)]
    return math.hypot(*norms) if norm_type == 2 else float(np.linalg.norm(norms, norm_type)) if norms else 0.0


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> float:
    """Scale all gradients by one factor, so that their norm together is at most max_norm.

        g = g min(1, max_norm / (norm + 1e-6))

    Gradients that are small enough stay as they are. Others are replaced: their arrays may not be ours to write into.

    Args:
        parameters: one, or several; those without a gradient do not count.
        max_norm: the limit, at least 0.
        norm_type: the p of the norm; may be infinite.
        error_if_nonfinite: raise if the norm is NaN or infinite.

    Returns:
        The norm before.

    Raises:
        AnomalyError: the norm is not finite and `error_if_nonfinite` is set; nothing was changed then.
        ValueError: a limit that is negative or NaN.

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013; PyTorch's
    function of this name.

    >>> x = ag.Tensor([0.0, 0.0], requires_grad=True)
    >>> x.grad = np.array([3.0, 4.0])
    >>> clip_grad_norm_(x, 1.0), x.grad.numpy().round(3)
    (5.0, array([0.6, 0.8]))
    """
    _check_limit("max_norm", max_norm)
    parameters = _with_gradient(parameters)
    norm = global_norm(parameters, norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        bad = [p.name or f"of shape {p.shape}" for p in parameters if not np.isfinite(p.grad.data).all()]
        where = f"those of {', '.join(bad)} are not finite" if bad else "they are too large together"
        raise ag.AnomalyError(f"the norm of the gradients is {norm}: it cannot be clipped; {where}")
    factor = max_norm / (norm + 1e-6)
    if not factor >= 1:  # also for NaN
        with np.errstate(invalid="ignore"):  # infinity times zero
            for p in parameters:
                p.grad = p.grad.data * factor
    return norm


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Clip every element of the gradients to [-clip_value, clip_value]; of complex numbers, both parts.

    Args:
        parameters: one, or several; those without a gradient do not count.
        clip_value: the limit, at least 0.

    Raises:
        ValueError: a limit that is negative or NaN.

    >>> x = ag.Tensor([0.0, 0.0], requires_grad=True)
    >>> x.grad = np.array([-3.0, 0.5])
    >>> clip_grad_value_(x, 1.0); x.grad
    Tensor([-1. ,  0.5])
    """
    _check_limit("clip_value", clip_value)
    for p in _with_gradient(parameters):
        g = np.ascontiguousarray(p.grad.data, like=foreign(p.grad)).reshape(-1)
        p.grad = np.clip(g.view(g.real.dtype), -clip_value, clip_value).view(p.dtype).reshape(p.shape)


def _check_limit(name: str, limit: float) -> None:
    if not limit >= 0:  # also for NaN; a negative one would turn the gradients around
        raise ValueError(f"{name} is at least 0; got {limit}")


def _with_gradient(parameters: Any) -> list[Any]:
    given: Iterable[Any] = [parameters] if isinstance(parameters, ag.Tensor) else parameters
    return [p for p in given if p.grad is not None]


def _norm(g: Any, p: float) -> float:
    flat = np.ascontiguousarray(g, like=foreign(g)).reshape(-1)
    if not flat.size:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(np.linalg.norm(flat, p))
    if math.isfinite(found):
        return found
    wide = flat.astype(np.complex128 if flat.dtype.kind == "c" else np.float64)
    largest = float(np.abs(wide).max())
    return largest * float(np.linalg.norm(wide / largest, p)) if math.isfinite(largest) else largest
