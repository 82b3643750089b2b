"""Muon."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

import numpy as np

from .optimizer import Block, Optimizer, Options, Setting, State

__all__ = ["Muon"]


class Muon(Optimizer):
    """Momentum whose direction is made orthogonal: for the matrices of hidden layers.

        v = momentum v + (1 - momentum) g
        u = momentum v + (1 - momentum) g         (Nesterov; otherwise u = v)
        p = p - lr weight_decay p
        p = p - lr s O(u)

    O replaces the singular values of u by about 1, with `ns_steps` steps of `x = a x + (b x x^T + c (x x^T)^2) x` from u
    divided by its norm. s is `sqrt(max(1, rows/columns))`, or `0.2 sqrt(max(rows, columns))` with
    `adjust_lr_fn="match_rms_adamw"`, for learning rates that were found with AdamW.

    PyTorch computes O in bfloat16; here it has the precision of the parameter, so that steps agree to bfloat16's rounding.

    Args:
        params: parameters or groups; matrices. Everything else needs an optimizer of its own, such as AdamW.
        lr: learning rate.
        weight_decay: decoupled.
        momentum: weight of the old average.
        nesterov: look ahead along the average.
        ns_coefficients: a, b, c.
        eps: the least norm that u is divided by.
        ns_steps: how many steps.
        adjust_lr_fn: "original" (or None) or "match_rms_adamw".
        options: see `Options`.

    Raises:
        ValueError: a parameter is not a real matrix, or an unknown `adjust_lr_fn`.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; Liu et al., Muon is scalable for LLM
    training, arXiv:2502.16982.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([[3.0]], requires_grad=True)
    >>> muon = Muon([x], lr=0.5, weight_decay=0.0)
    >>> (x * x).sum().backward(); muon.step(); x.numpy().round(1)
    array([[2.7]])
    """

    by_parameter = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-3,
        weight_decay: Setting = 0.1,
        momentum: Setting = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[Setting, Setting, Setting] = (3.4445, -4.7750, 2.0315),
        eps: Setting = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("decoupled_weight_decay", True)
        super().__init__(
            params,
            options,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_coefficients=ns_coefficients,
            eps=eps,
            ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn,
        )

    def _check_group(self, group: dict[str, Any]) -> None:
        names = group.get("param_names") or [p.name or f"number {k}" for k, p in enumerate(group["params"])]
        for name, p in zip(names, group["params"], strict=True):
            if p.ndim != 2 or p.dtype.kind == "c":
                raise ValueError(
                    f"Muon is for real matrices; parameter {name} has shape {p.shape} and dtype {p.dtype}. "
                    "Give it to AdamW, for instance."
                )
        if group["adjust_lr_fn"] not in _SCALES:
            raise ValueError(f"adjust_lr_fn is 'original', 'match_rms_adamw' or None; got {group['adjust_lr_fn']!r}")

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The average."""
        return {"momentum_buffer": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One matrix, by the equations above."""
        v, momentum = s["momentum_buffer"], h["momentum"]
        v *= momentum
        v += (1 - momentum) * g
        u = momentum * v + (1 - momentum) * g if h["nesterov"] else v
        scale = _SCALES[h["adjust_lr_fn"]](*p.array.shape)
        p -= h["lr"] * scale * _orthogonal(u, h["ns_coefficients"], h["ns_steps"], h["eps"])


_SCALES: dict[str | None, Callable[[int, int], float]] = {
    None: lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


def _orthogonal(u: Block, coefficients: tuple[float, float, float], steps: int, eps: float) -> Block:
    """Newton and Schulz's iteration, on the wide one of u and its transpose."""
    a, b, c = coefficients
    tall = u.array.shape[0] > u.array.shape[1]
    x = (u.T if tall else u) * (1 / max(float(np.linalg.norm(u.array)), eps))
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
