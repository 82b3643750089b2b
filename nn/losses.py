"""Losses: functions in `nn.functional`, and the same as modules. A loss never broadcasts prediction and target.

Every one takes `reduction`: "mean" over all elements (or over samples, where it says so), "sum", or "none".
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .reduction import Reduction, class_numbers, class_weights, paired, reduced, targets_of, weighted
from .stateless import Stateless

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]

# Differences


def l1_loss(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """|input - target|, the mean absolute error; derivative sign(input - target)/m, 0 where they are equal.

    Raises:
        ShapeError: shapes differ.

    >>> float(l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0
    """
    target = paired(input, target, "l1_loss")
    return reduced(abs(input - target), reduction)


def mse_loss(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """(input - target)^2, mean over all elements; derivative 2/m (input - target).

    Some texts put 1/2 in front: that is `0.5 * mse_loss(...)`.

    Raises:
        ShapeError: shapes differ.

    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    target = paired(input, target, "mse_loss")
    return reduced((input - target) ** 2, reduction)


def _huber(input: Any, target: Any, delta: float) -> Any:
    d = input - target
    c = ag.clip(d, -delta, delta)
    return c * (d - c * 0.5)  # d^2/2 inside, delta (|d| - delta/2) outside


def huber_loss(input: Any, target: Any, reduction: Reduction = "mean", delta: float = 1.0) -> Any:
    """d^2/2 where |d| <= delta, else delta (|d| - delta/2), with d = input - target; derivative d limited to +-delta.

    Args:
        input: any shape.
        target: of the same shape.
        reduction: "mean", "sum" or "none".
        delta: positive.

    Raises:
        ShapeError: shapes differ.
        ValueError: delta is not positive.

    Source: Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    >>> huber_loss(np.array([0.5, 3.0]), np.zeros(2), "none")
    array([0.125, 2.5  ])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss takes delta > 0; got {delta}")
    target = paired(input, target, "huber_loss")
    return reduced(_huber(input, target, delta), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: Reduction = "mean", beta: float = 1.0) -> Any:
    """d^2/(2 beta) where |d| < beta, else |d| - beta/2: the Huber loss divided by beta, and the L1 loss for beta = 0.

    Raises:
        ShapeError: shapes differ.
        ValueError: beta is negative.

    Source: Girshick, "Fast R-CNN", ICCV 2015.

    >>> smooth_l1_loss(np.array([0.5, 3.0]), np.zeros(2), "none", beta=2.0)
    array([0.0625, 2.    ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss takes beta >= 0; got {beta}")
    if not beta:
        return l1_loss(input, target, reduction)
    target = paired(input, target, "smooth_l1_loss")
    return reduced(_huber(input, target, beta) / beta, reduction)


# Probabilities


def _clamped_log(p: Any) -> Any:
    """log p, but not below -100."""
    known = p > np.exp(-100.0)
    return ag.where(known, ag.log(ag.where(known, p, 1)), -100)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: Reduction = "mean") -> Any:
    """-t log p - (1 - t) log(1 - p) of probabilities p, with logarithms not below -100 (derivative 0 where they are cut).

    Through a sigmoid p = s(z) the derivative in z is (p - t)/m. Where p comes from a sigmoid, prefer
    `binary_cross_entropy_with_logits`: it is exact where p rounds to 0 or 1.

    Args:
        input: probabilities in [0, 1].
        target: probabilities in [0, 1], of the same shape.
        weight: None, or an array that broadcasts to the shape of `input`.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: shapes differ.
        ValueError: an input is outside of [0, 1].

    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([  0.6931, 100.    ])
    """
    target = paired(input, target, "binary_cross_entropy")
    if np.any((input < 0) | (input > 1)):
        raise ValueError("binary_cross_entropy takes probabilities in [0, 1]; of logits, binary_cross_entropy_with_logits")
    loss = -(_clamped_log(input) * target + _clamped_log(1 - input) * (1 - target))
    return reduced(weighted(loss, weight, "binary_cross_entropy"), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: Reduction = "mean", pos_weight: Any = None
) -> Any:
    """-t log s(z) - (1 - t) log(1 - s(z)) of logits z, computed as t softplus(-z) + (1 - t) softplus(z).

    The derivative is (s(z) - t)/m.

    Args:
        input: logits.
        target: probabilities in [0, 1], of the same shape.
        weight: None, or an array that broadcasts to the shape of `input`.
        reduction: "mean", "sum" or "none".
        pos_weight: None, or what the terms with t are multiplied by; broadcasts to the shape of `input`.

    Raises:
        ShapeError: shapes differ.

    >>> float(binary_cross_entropy_with_logits(np.array([1000.0]), np.array([1.0])))
    0.0
    """
    target = paired(input, target, "binary_cross_entropy_with_logits")
    if pos_weight is None:
        loss = ag.sigmoid_cross_entropy(input, target)
        return reduced(weighted(loss, weight, "binary_cross_entropy_with_logits"), reduction)
    positive = weighted(ag.softplus(-input) * target, pos_weight, "binary_cross_entropy_with_logits")
    loss = positive + ag.softplus(input) * (1 - target)
    return reduced(weighted(loss, weight, "binary_cross_entropy_with_logits"), reduction)


def _without(excluded: Any, x: Any) -> Any:
    """x with zeros where a distribution excludes something: there 0 times -inf is meant to be 0."""
    return ag.where(excluded, 0, x) if np.any(excluded) else x


def _times(log_p: Any, target: Any) -> Any:
    """log_p * target, also where both distributions exclude something."""
    return _without((log_p == -np.inf) & (target == 0), log_p) * target


def kl_div(
    input: Any, target: Any, reduction: Literal["mean", "batchmean", "sum", "none"] = "mean", log_target: bool = False
) -> Any:
    """t (log t - input), the divergence of a distribution t from one whose logarithm is given; 0 where t = 0.

    Args:
        input: log-probabilities.
        target: probabilities of the same shape; with `log_target` their logarithms.
        reduction: "mean" over all elements, "batchmean" over the first axis (the divergence itself), "sum" or "none".
        log_target: whether `target` holds logarithms.

    Raises:
        ShapeError: shapes differ.

    Source: Kullback and Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951.

    >>> float(kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), "batchmean").round(6))
    0.693147
    """
    target = paired(input, target, "kl_div")
    if log_target:
        excluded = target == -np.inf
        loss = ag.exp(target) * (_without(excluded, target) - _without(excluded, input))
    else:
        loss = ag.xlogy(target, target) - _times(input, target)
    if reduction == "batchmean":
        return ag.sum(loss) / (loss.shape[0] if loss.ndim else 1)
    return reduced(loss, reduction)


# Classes


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-log softmax(input) at the target class; derivative (softmax - onehot)/m.

    Args:
        input: logits (n, classes), (n, classes, d1, ...), or (classes,) for one sample.
        target: class numbers (n,), (n, d1, ...) or (), or probabilities of the shape of `input`.
        weight: None, or a weight for each class (classes,).
        ignore_index: samples with this class number count for nothing.
        reduction: "mean" over samples (for class numbers weighted by `weight`; 0 if all are ignored), "sum" or "none".
        label_smoothing: this share of every target is spread evenly over the classes (Szegedy et al., CVPR 2016).

    Raises:
        ShapeError: the target is neither.
        BoundsError: a class number is out of range.
        ValueError: label_smoothing is not in [0, 1].

    >>> float(cross_entropy(np.zeros((1, 4)), np.array([2])).round(6))
    1.386294
    """
    labels = targets_of(target, input, "cross_entropy")
    shape = input.shape if hasattr(input, "shape") else np.shape(input)
    axis = 1 if len(shape) > 1 else 0
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is in [0, 1]; got {label_smoothing}")
    if labels.dtype.kind in "iu" and shape and labels.shape == shape[:axis] + shape[axis + 1 :]:
        if weight is None and not label_smoothing and not 0 <= ignore_index < shape[axis]:
            try:
                last = input if len(shape) <= 2 else ag.moveaxis(input, 1, -1)
                return reduced(ag.softmax_cross_entropy(last, labels), reduction)
            except ag.BoundsError:  # looking for ignored labels first would cost the others time
                if not np.any(labels == ignore_index):
                    raise
        log_p = ag.log_softmax(input, axis)
        return _of_labels(log_p, labels, weight, ignore_index, reduction, label_smoothing, "cross_entropy")
    if shape and shape == labels.shape and labels.dtype.kind == "f":
        return reduced(_of_probabilities(ag.log_softmax(input, axis), target, weight, label_smoothing), reduction)
    raise ag.ShapeError(
        f"cross_entropy takes logits (n, classes, ...) with integer targets (n, ...), or "
        f"floating-point probabilities of the same shape; got logits {shape} and {labels.dtype} targets {labels.shape}"
    )


def _of_probabilities(log_p: Any, target: Any, weight: Any, smoothing: float) -> Any:
    """The loss of each sample, where targets are distributions over the classes."""
    axis = min(1, log_p.ndim - 1)
    classes = log_p.shape[axis]
    terms = _times(log_p, target * (1 - smoothing) + smoothing / classes if smoothing else target)
    if weight is not None:
        terms = terms * _along(class_weights(weight, log_p, classes, "cross_entropy").astype(terms.dtype), terms.ndim)
    return -terms.sum(axis=axis)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: Reduction = "mean") -> Any:
    """-input at the target class: the negative log-likelihood of log-probabilities; derivative -onehot/m.

    Args:
        input: log-probabilities (n, classes), (n, classes, d1, ...), or (classes,) for one sample.
        target: class numbers (n,), (n, d1, ...) or ().
        weight: None, or a weight for each class (classes,).
        ignore_index: samples with this class number count for nothing.
        reduction: "mean" over samples, weighted by `weight` (0 if all are ignored), "sum" or "none".

    Raises:
        ShapeError: shapes do not fit.
        DTypeError: class numbers are not integers.
        BoundsError: a class number is out of range.

    >>> float(nll_loss(np.log([[0.25, 0.75]]), np.array([0])).round(6))
    1.386294
    """
    labels, shape = class_numbers(target, input, "nll_loss"), np.shape(input)
    axis = 1 if len(shape) > 1 else 0
    if not shape or labels.shape != shape[:axis] + shape[axis + 1 :]:
        raise ag.ShapeError(
            f"nll_loss takes log-probabilities (n, classes, ...) and targets (n, ...); got {shape} and {labels.shape}"
        )
    return _of_labels(input, labels, weight, ignore_index, reduction, 0.0, "nll_loss")


def _along(weight: Any, ndim: int) -> Any:
    """Class weights, along the class axis of an array with this many axes."""
    return weight.reshape(-1, *[1] * (ndim - 2))


def _of_labels(
    log_p: Any, labels: Any, weight: Any, ignore_index: int, reduction: Reduction, smoothing: float, name: str
) -> Any:
    """The loss of log-probabilities with classes along axis 1 (or the only one) at the labels, each with its weight."""
    axis = min(1, log_p.ndim - 1)
    classes = log_p.shape[axis]
    kept = labels != ignore_index
    at = np.where(kept, labels, 0)
    if at.size and (at.min() < 0 or at.max() >= classes):
        raise ag.BoundsError(f"{name}: labels from {at.min()} to {at.max()} for {classes} classes")
    weights = beside(np.ones(classes), log_p) if weight is None else class_weights(weight, log_p, classes, name)
    each = weights.astype(log_p.dtype)
    share = each[at] * kept
    picked = ag.take_along_axis(log_p, np.expand_dims(at, axis), axis).reshape(labels.shape)
    loss = ag.where(kept, picked, 0) * -share  # not even an infinite one that is ignored may count
    if smoothing:
        spread = ag.where(kept, (log_p * _along(each, log_p.ndim)).sum(axis=axis), 0)
        loss = loss * (1 - smoothing) - spread * (smoothing / classes)
    if reduction != "mean":
        return reduced(loss, reduction)
    return loss.sum() / (share.sum() or 1)


# Likelihoods


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
) -> Any:
    """(log v + (input - target)^2/v)/2 with v = max(var, eps): a normal distribution's mean and variance are learnt.

    Args:
        input: means.
        target: of the same shape.
        var: variances of the shape of `input`, or one for each row: that shape without the last axis, or with size 1 there;
            or one number.
        full: whether to add log(2 pi)/2.
        eps: what variances are raised to; there they get derivative 0.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: shapes do not fit.
        ValueError: a variance is negative, or eps is not positive.

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    >>> float(gaussian_nll_loss(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(6))
    1.193147
    """
    target = paired(input, target, "gaussian_nll_loss")
    shape = np.shape(input)
    if not hasattr(var, "dtype"):
        var = np.array(var, input.dtype)
    if var.shape == shape[:-1] and var.ndim:
        var = var[..., None]
    if var.shape not in ((), shape, (*shape[:-1], 1)):
        raise ag.ShapeError(f"gaussian_nll_loss: var has shape {var.shape}, which is neither {shape} nor one for each row")
    if not eps > 0 or np.any(var < 0):
        raise ValueError(f"gaussian_nll_loss takes variances that are not negative, and eps > 0; got eps={eps}")
    v = ag.clip(var, eps, None)
    loss = (ag.log(v) + (input - target) ** 2 / v) * 0.5
    return reduced(loss + _HALF_LOG_TWO_PI if full else loss, reduction)


_HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: Reduction = "mean"
) -> Any:
    """e^x - t x: counts t with a Poisson distribution, of which x is the logarithm of the mean.

    Args:
        input: logarithms of means; with `log_input=False` the means, and the loss is x - t log(x + eps).
        target: counts of the same shape.
        log_input: what `input` holds.
        full: whether to add Stirling's t log t - t + log(2 pi t)/2 where t > 1.
        eps: keeps the logarithm finite.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: shapes differ.

    >>> float(poisson_nll_loss(np.array([0.0]), np.array([2.0])))
    1.0
    """
    target = paired(input, target, "poisson_nll_loss")
    loss = ag.exp(input) - input * target if log_input else input - ag.log(input + eps) * target
    if full:
        many = target > 1
        t = ag.where(many, target, 1)
        loss = loss + ag.where(many, t * ag.log(t) - t + ag.log(t) * 0.5 + _HALF_LOG_TWO_PI, 0)
    return reduced(loss, reduction)


# As modules


class L1Loss(Stateless, function=l1_loss):
    """`l1_loss` as a module, `L1Loss(reduction="mean")`.

    >>> float(L1Loss()(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0
    """


class MSELoss(Stateless, function=mse_loss):
    """`mse_loss` as a module, `MSELoss(reduction="mean")`.

    >>> float(MSELoss()(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """


class HuberLoss(Stateless, function=huber_loss):
    """`huber_loss` as a module, `HuberLoss(reduction="mean", delta=1.0)`.

    >>> HuberLoss(reduction="none", delta=1.0)(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    """


class SmoothL1Loss(Stateless, function=smooth_l1_loss):
    """`smooth_l1_loss` as a module, `SmoothL1Loss(reduction="mean", beta=1.0)`.

    >>> SmoothL1Loss("none", beta=2.0)(np.array([0.5, 3.0]), np.zeros(2))
    array([0.0625, 2.    ])
    """


class BCELoss(Stateless, function=binary_cross_entropy):
    """`binary_cross_entropy` as a module, `BCELoss(weight=None, reduction="mean")`.

    >>> float(BCELoss()(np.array([0.5, 0.5]), np.array([1.0, 0.0])).round(4))
    0.6931
    """


class BCEWithLogitsLoss(Stateless, function=binary_cross_entropy_with_logits):
    """`binary_cross_entropy_with_logits` as a module, `BCEWithLogitsLoss(weight=None, reduction="mean", pos_weight=None)`.

    >>> BCEWithLogitsLoss(reduction="none")(np.array([0.0, 1000.0]), np.array([1.0, 1.0])).round(4)
    array([0.6931, 0.    ])
    """


class KLDivLoss(Stateless, function=kl_div):
    """`kl_div` as a module, `KLDivLoss(reduction="mean", log_target=False)`.

    >>> p = np.array([[0.5, 0.5]])
    >>> float(KLDivLoss(reduction="batchmean")(np.log(p), np.array([[1.0, 0.0]])).round(4))
    0.6931
    """


class CrossEntropyLoss(Stateless, function=cross_entropy):
    """`cross_entropy` as a module.

    `CrossEntropyLoss(weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0)`.

    >>> loss = CrossEntropyLoss(label_smoothing=0.1)
    >>> float(loss(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 0])).round(4))
    25.3466
    """


class NLLLoss(Stateless, function=nll_loss):
    """`nll_loss` as a module, `NLLLoss(weight=None, ignore_index=-100, reduction="mean")`.

    >>> float(NLLLoss()(np.log([[0.25, 0.75]]), np.array([1])).round(4))
    0.2877
    """


class GaussianNLLLoss(Stateless, function=gaussian_nll_loss):
    """`gaussian_nll_loss` as a module, `GaussianNLLLoss(full=False, eps=1e-6, reduction="mean")`.

    >>> float(GaussianNLLLoss()(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(4))
    1.1931
    """


class PoissonNLLLoss(Stateless, function=poisson_nll_loss):
    """`poisson_nll_loss` as a module, `PoissonNLLLoss(log_input=True, full=False, eps=1e-8, reduction="mean")`.

    >>> float(PoissonNLLLoss()(np.array([0.0]), np.array([2.0])))
    1.0
    """
