"""Gradient descent with momentum, in two forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from .optimizer import Block, Optimizer, Options, Setting, State

__all__ = ["SGD", "Momentum"]


class SGD(Optimizer):
    """Gradient descent with momentum (Polyak's; PyTorch's form).

        v = momentum v + (1 - dampening) g        (v = g at the first step)
        p = p - lr v                              (Nesterov: lr (g + momentum v))

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: how much of the last direction stays.
        dampening: how much of the new gradient is left out of it.
        weight_decay: L2 penalty.
        nesterov: look ahead along the momentum (needs momentum and no dampening).
        options: see `Options`.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods, 1964; Nesterov in the form of
    Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013. No eps.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> sgd = SGD([x], lr=0.25)
    >>> (x * x).sum().backward(); sgd.step(); x
    Tensor([1.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-3,
        momentum: Setting = 0.0,
        dampening: Setting = 0.0,
        weight_decay: Setting = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params, options, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def _check_group(self, group: dict[str, Any]) -> None:
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError(
                f"Nesterov needs momentum and no dampening; got momentum={group['momentum']}, dampening={group['dampening']}"
            )

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The direction, if there is momentum."""
        return {"momentum_buffer": 0.0} if h["momentum"] else {}

    def advance(self, numbers: State, h: Mapping[str, Any]) -> None:
        """Count the steps with momentum: dampening spares the first of them."""
        numbers["step"] += bool(h["momentum"])

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        momentum = h["momentum"]
        if momentum:
            v = s["momentum_buffer"]
            v *= momentum
            v += g if s["step"] == 1 or not h["dampening"] else (1 - h["dampening"]) * g
            g = g + momentum * v if h["nesterov"] else v
        p -= h["lr"] * g


class Momentum(Optimizer):
    """Gradient descent along an exponentially weighted average of the gradients.

        v = momentum v + (1 - momentum) g
        p = p - lr v                              (bias correction: v / (1 - momentum^t))

    With `nesterov` the step goes along the average one gradient ahead, `u = momentum v + (1 - momentum) g` after the
    update of v, whose correction is 1 - momentum^(t + 1).

    `Momentum(lr=a)` without correction is `SGD(lr=a (1 - momentum))` up to the first step's weight.

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: weight of the old average; about 1 / (1 - momentum) gradients count.
        weight_decay: L2 penalty.
        bias_correction: divide by the sum of the weights, so that the first steps are not too short.
        nesterov: look ahead along the average.
        options: see `Options`.

    Source: the average with its correction is the first moment of Kingma and Ba, Adam, ICLR 2015, section 3. No eps.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> momentum = Momentum([x], lr=0.25, momentum=0.5)
    >>> (x * x).sum().backward(); momentum.step(); x
    Tensor([2.25], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-2,
        momentum: Setting = 0.9,
        weight_decay: Setting = 0.0,
        bias_correction: bool = False,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            options,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            bias_correction=bias_correction,
            nesterov=nesterov,
        )

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The average."""
        return {"exp_avg": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        v, momentum, t = s["exp_avg"], h["momentum"], s["step"]
        v *= momentum
        v += (1 - momentum) * g
        if h["nesterov"]:
            v, t = momentum * v + (1 - momentum) * g, t + 1
        p -= h["lr"] / (1 - momentum**t if h["bias_correction"] else 1) * v
