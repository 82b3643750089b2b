"""Lion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from .block import sign
from .optimizer import Betas, Block, Optimizer, Options, Setting, State

__all__ = ["Lion"]


class Lion(Optimizer):
    """Steps of one size, in the direction of the sign of an average.

        p = p - lr weight_decay p
        p = p - lr sign(b1 m + (1 - b1) g)
        m = b2 m + (1 - b2) g

    Args:
        params: parameters or groups.
        lr: how far every element goes in each step; about a tenth of what Adam would get.
        betas: weights of the average: in the step, and in what is kept.
        weight_decay: decoupled.
        options: see `Options`.

    Source: Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023, algorithm 2. No eps.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> lion = Lion([x], lr=0.5)
    >>> (x * x).sum().backward(); lion.step(); x
    Tensor([2.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-4,
        betas: Betas = (0.9, 0.99),
        weight_decay: Setting = 0.0,
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("decoupled_weight_decay", True)
        super().__init__(params, options, lr=lr, betas=betas, weight_decay=weight_decay)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The average."""
        return {"exp_avg": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        m, (b1, b2) = s["exp_avg"], h["betas"]
        p -= h["lr"] * sign(b1 * m + (1 - b1) * g)
        m *= b2
        m += (1 - b2) * g
