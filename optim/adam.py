"""Adam and its relatives: steps from running averages of the gradient and of its size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from .block import maximum, sqrt
from .optimizer import Betas, Block, Optimizer, Options, Setting, State

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


def _averages(g: Block, s: State, b1: float, b2: float) -> tuple[Block, Block]:
    """Both moments: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2."""
    m, v = s["exp_avg"], s["exp_avg_sq"]
    m *= b1
    m += (1 - b1) * g
    v *= b2
    square = g * g
    square *= 1 - b2  # in the same buffer: a third one would not stay in cache
    v += square
    return m, v


class Adam(Optimizer):
    """Steps scaled by running moments of the gradient.

        m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2
        p = p - lr/(1 - b1^t) m / (sqrt(v/(1 - b2^t)) + eps)

    With `amsgrad` the largest v so far stands under the root.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: keeps the division finite.
        weight_decay: L2 penalty.
        amsgrad: never let a step size grow again.
        options: see `Options`.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1, eps outside of the root and
    after the correction, as there; amsgrad: Reddi, Kale and Kumar, On the convergence of Adam and beyond, ICLR 2018
    (here, as in PyTorch, of the uncorrected v).

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adam = Adam([x], lr=0.5)
    >>> (x * x).sum().backward(); adam.step(); x
    Tensor([2.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """Both moments, and the largest second one if it is asked for."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0} | ({"max_exp_avg_sq": 0.0} if h["amsgrad"] else {})

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        (b1, b2), t = h["betas"], s["step"]
        m, v = _averages(g, s, b1, b2)
        if h["amsgrad"]:
            v = maximum(s["max_exp_avg_sq"], v)
        correction = math.sqrt(1 - b2**t)  # root and eps are both multiplied by it: one pass less
        root = sqrt(v)
        root += h["eps"] * correction
        step = m / root
        step *= h["lr"] * correction / (1 - b1**t)
        p -= step


class AdamW(Adam):
    """Adam with decoupled weight decay.

        p = p - lr weight_decay p,   then as Adam, whose moments do not see the decay

    Args:
        params, lr, betas, eps, weight_decay, amsgrad: as of `Adam`; the weight decay is 0.01 by default.
        options: see `Options`.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2 (with lr for its
    schedule multiplier, as in PyTorch). eps as in `Adam`.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adam = AdamW([x], lr=0.5, weight_decay=0.1)
    >>> (x * x).sum().backward(); adam.step(); x
    Tensor([2.35], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 1e-2,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("decoupled_weight_decay", True)
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the second moment.

        m = b1 m + (1 - b1) g,    u = max(b2 u, |g| + eps)
        p = p - lr/(1 - b1^t) m / u

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the first moment and of the maximum.
        eps: keeps the division finite.
        weight_decay: L2 penalty.
        options: see `Options`.

    Source: Kingma and Ba, Adam, ICLR 2015, algorithm 2, which has no eps; here, as in PyTorch, it is added to |g|.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> adamax = Adamax([x], lr=0.5)
    >>> (x * x).sum().backward(); adamax.step(); x
    Tensor([2.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """The first moment and the maximum."""
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        m, u, (b1, b2) = s["exp_avg"], s["exp_inf"], h["betas"]
        m *= b1
        m += (1 - b1) * g
        u *= b2
        u = maximum(u, abs(g) + h["eps"])
        p -= h["lr"] / (1 - b1 ** s["step"]) * (m / u)


class NAdam(Optimizer):
    """Adam with Nesterov's look-ahead.

        mu_t = b1 (1 - 0.96^(t momentum_decay) / 2),    M_t = mu_1 mu_2 ... mu_t
        m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2
        p = p - lr (mu_(t+1)/(1 - M_(t+1)) m + (1 - mu_t)/(1 - M_t) g) / (sqrt(v/(1 - b2^t)) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: keeps the division finite.
        weight_decay: L2 penalty.
        momentum_decay: how fast mu grows from b1/2 to b1.
        options: see `Options`.

    Source: Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016, eps outside of the root and after the
    correction.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> nadam = NAdam([x], lr=0.5)
    >>> (x * x).sum().backward(); nadam.step(); x.numpy().round(3)
    array([2.472])
    """

    numbers = {"step": 0, "mu_product": 1.0}  # noqa: RUF012  a constant

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
        momentum_decay: Setting = 4e-3,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """Both moments."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def advance(self, numbers: State, h: Mapping[str, Any]) -> None:
        """M_t: a product, because betas may change from step to step."""
        numbers["step"] += 1
        numbers["mu_product"] *= _mu(numbers["step"], h)

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        (b1, b2), t, product = h["betas"], s["step"], s["mu_product"]
        mu, ahead = _mu(t, h), _mu(t + 1, h)
        m, v = _averages(g, s, b1, b2)
        root = sqrt(v)
        root *= 1 / math.sqrt(1 - b2**t)
        root += h["eps"]
        direction = ahead / (1 - product * ahead) * m + (1 - mu) / (1 - product) * g
        p -= h["lr"] * (direction / root)


def _mu(t: int, h: Mapping[str, Any]) -> float:
    return float(h["betas"][0] * (1 - 0.5 * 0.96 ** (t * h["momentum_decay"])))


class RAdam(Optimizer):
    """Adam whose adaptive step sets in when enough gradients have been seen to trust it.

        m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2
        n = 2/(1 - b2) - 1,       n_t = n - 2 t b2^t/(1 - b2^t)
        r = sqrt((n_t - 4) (n_t - 2) n / ((n - 4) (n - 2) n_t))
        p = p - lr r sqrt(1 - b2^t)/(1 - b1^t) m / (sqrt(v) + eps)   if n_t > 5, otherwise lr/(1 - b1^t) m

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: keeps the division finite.
        weight_decay: L2 penalty.
        options: see `Options`.

    Source: Liu et al., On the variance of the adaptive learning rate and beyond, ICLR 2020, algorithm 2; eps, which the
    paper does not have, outside of the root and before the correction, as in PyTorch.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0], requires_grad=True)
    >>> radam = RAdam([x], lr=0.25)
    >>> (x * x).sum().backward(); radam.step(); x
    Tensor([1.5], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: Setting = 1e-8,
        weight_decay: Setting = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def arrays(self, h: Mapping[str, Any]) -> dict[str, float]:
        """Both moments."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, p: Block, g: Block, s: State, h: Mapping[str, Any]) -> None:
        """One block of the equations above."""
        (b1, b2), t = h["betas"], s["step"]
        m, v = _averages(g, s, b1, b2)
        scale = h["lr"] / (1 - b1**t)
        n = 2 / (1 - b2) - 1
        n_t = n - 2 * t * b2**t / (1 - b2**t)
        if n_t > 5:
            r = math.sqrt((n_t - 4) * (n_t - 2) * n / ((n - 4) * (n - 2) * n_t))
            root = sqrt(v)
            root += h["eps"]
            p -= scale * r * math.sqrt(1 - b2**t) * (m / root)
        else:
            p -= scale * m
