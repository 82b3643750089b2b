"""Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer

__all__ = ["Adam"]

Value = float | Callable[[int], float]


class Adam(Optimizer):
    """Steps scaled by running moments of the gradient (PyTorch's form).

        g = g + weight_decay p
        m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2
        p = p - lr/(1 - b1^t) m / (sqrt(v/(1 - b2^t)) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: keeps the division finite; outside the root.
        weight_decay: L2 penalty.
        maximize: climb instead.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adam = Adam([x], lr=0.5)
    >>> (x * x).sum().backward(); adam.step(); x
    Tensor([2.5], requires_grad=True)
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: Value = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: Value = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def update(self, p: Any, g: Any, s: dict[str, Any], h: dict[str, Any], t: int, scratch: Any) -> None:
        """One block of the equations above."""
        m, v, (b1, b2) = s["exp_avg"], s["exp_avg_sq"], h["betas"]
        if h["maximize"]:
            np.negative(g, out=g)
        if h["weight_decay"]:
            g += np.multiply(p, h["weight_decay"], out=scratch)
        m *= b1
        m += np.multiply(g, 1 - b1, out=scratch)
        v *= b2
        g *= g
        g *= 1 - b2
        v += g
        correction = math.sqrt(1 - b2**t)  # root and eps are both multiplied by it: one pass less
        root = np.sqrt(v, out=scratch)
        root += h["eps"] * correction
        step = np.divide(m, root, out=g)
        step *= h["lr"] * correction / (1 - b1**t)
        p -= step
