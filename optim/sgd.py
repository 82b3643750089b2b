"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer

__all__ = ["SGD"]

Value = float | Callable[[int], float]


class SGD(Optimizer):
    """Gradient descent with momentum (Polyak 1964; PyTorch's form).

        g = g + weight_decay p
        v = momentum v + (1 - dampening) g        (v = g at the first step)
        p = p - lr v                              (Nesterov: lr (g + momentum v))

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: how much of the last direction stays.
        dampening: how much of the new gradient is left out of it.
        weight_decay: L2 penalty.
        nesterov: look ahead along the momentum (needs momentum and no dampening).
        maximize: climb instead.

    Source: Sutskever et al., On the importance of initialization and momentum, ICML 2013.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> sgd = SGD([x], lr=0.25)
    >>> (x * x).sum().backward(); sgd.step(); x
    Tensor([1.5], requires_grad=True)
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: Value = 1e-3,
        momentum: Value = 0.0,
        dampening: float = 0.0,
        weight_decay: Value = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if nesterov and (not momentum or dampening):
            raise ValueError(f"Nesterov needs momentum and no dampening; got momentum={momentum}, dampening={dampening}")
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )

    def update(self, p: Any, g: Any, s: dict[str, Any], h: dict[str, Any], t: int, scratch: Any) -> None:
        """One block of the equations above."""
        v, lr, momentum = s["momentum_buffer"], h["lr"], h["momentum"]
        if h["maximize"]:
            np.negative(g, out=g)
        if h["weight_decay"]:
            g += np.multiply(p, h["weight_decay"], out=scratch)
        if momentum:
            v *= momentum
            v += g if t == 1 or not h["dampening"] else np.multiply(g, 1 - h["dampening"], out=scratch)
            if h["nesterov"]:
                g += np.multiply(v, momentum, out=scratch)
            else:
                g = v
        p -= np.multiply(g, lr, out=scratch)
