"""A step size for every element, from the sizes of its gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from .block import sqrt
from .optimizer import Block, Optimizer, Options, Setting, State

__all__ = ["Adadelta", "Adagrad", "RMSprop"]


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients.

        S = S + g^2
        p = p - lr/(1 + (t - 1) lr_decay) g / (sqrt(S) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: lets the learning rate fall as 1/t.
        weight_decay: L2 penalty.
        initial_accumulator_value: what S starts from.
        eps: keeps the division finite.
        options: see `Options`.

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization,
    JMLR 12 (2011), diagonal case, eps (delta there) outside of the root.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adagrad = Adagrad([x], lr=0.5)
    >>> (x * x).sum().backward(); adagrad.step(); x
    Tensor([2.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-2,
        lr_decay: Setting = 0.0,
        weight_decay: Setting = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: Setting = 1e-10,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            options,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The sum of squares."""
        return {"sum": h["initial_accumulator_value"]}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        total, lr = s["sum"], h["lr"] / (1 + (s["step"] - 1) * h["lr_decay"])
        total += g * g
        root = sqrt(total)
        root += h["eps"]
        p -= lr * (g / root)


class Adadelta(Optimizer):
    """Steps in the parameters' own units: the root of their recent squares over that of the gradients.

        S = rho S + (1 - rho) g^2
        d = sqrt(D + eps) / sqrt(S + eps) g
        D = rho D + (1 - rho) d^2
        p = p - lr d

    Args:
        params: parameters or groups.
        lr: scale of the steps; 1 in the paper.
        rho: decay of both averages.
        eps: lets the first steps begin, and keeps the division finite.
        weight_decay: L2 penalty.
        options: see `Options`.

    Source: Zeiler, ADADELTA: an adaptive learning rate method, arXiv:1212.5701, algorithm 1, eps inside of both roots,
    as there.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adadelta = Adadelta([x], lr=100.0)
    >>> (x * x).sum().backward(); adadelta.step(); x.numpy().round(4)
    array([2.6838])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1.0,
        rho: Setting = 0.9,
        eps: Setting = 1e-6,
        weight_decay: Setting = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, options, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """Averages of the squares of gradients and steps."""
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        squares, steps, rho, eps = s["square_avg"], s["acc_delta"], h["rho"], h["eps"]
        squares *= rho
        squares += (1 - rho) * g * g
        d = sqrt((steps + eps) / (squares + eps))
        d *= g
        steps *= rho
        steps += (1 - rho) * d * d
        p -= h["lr"] * d


class RMSprop(Optimizer):
    """Steps divided by the root of a running average of squared gradients.

        S = alpha S + (1 - alpha) g^2
        p = p - lr g / (sqrt(S) + eps)            (eps_inside_root: g / sqrt(S + eps))

    With `centered` the average gradient's square is subtracted from S; with `momentum` b the quotient is gathered in
    `v = b v + quotient`, and p goes along lr v.

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: decay of the average.
        eps: keeps the division finite.
        weight_decay: L2 penalty.
        momentum: how much of the last direction stays.
        centered: divide by the standard deviation of the gradient instead of by its root mean square.
        eps_inside_root: add eps before taking the root, as many texts write it.
        options: see `Options`.

    Source: Tieleman and Hinton, Lecture 6.5, Neural Networks for Machine Learning, Coursera 2012, which has no eps; outside
    of the root by default, as in PyTorch. Centered: Graves, arXiv:1308.0850, equations 38 to 45, eps inside.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> rmsprop = RMSprop([x], lr=0.1, alpha=0.75)
    >>> (x * x).sum().backward(); rmsprop.step(); x
    Tensor([2.8], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-2,
        alpha: Setting = 0.99,
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
        momentum: Setting = 0.0,
        centered: bool = False,
        eps_inside_root: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            options,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            eps_inside_root=eps_inside_root,
        )

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The average of squares; of gradients and the direction, if they are needed."""
        needed = {"square_avg": True, "grad_avg": h["centered"], "momentum_buffer": h["momentum"]}
        return {name: 0.0 for name, condition in needed.items() if condition}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        mean_square, alpha, eps = s["square_avg"], h["alpha"], h["eps"]
        mean_square *= alpha
        mean_square += (1 - alpha) * g * g
        if h["centered"]:
            mean = s["grad_avg"]
            mean *= alpha
            mean += (1 - alpha) * g
            mean_square = mean_square - mean * mean
        step = g / (sqrt(mean_square + eps) if h["eps_inside_root"] else sqrt(mean_square) + eps)
        if h["momentum"]:
            v = s["momentum_buffer"]
            v *= h["momentum"]
            v += step
            step = v
        p -= h["lr"] * step
