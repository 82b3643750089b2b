"""Losses with margins: of scores, rankings, pairs and triplets; functions in `nn.functional`, and the same as modules."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside

from .losses import binary_cross_entropy_with_logits
from .reduction import Reduction, check_same_shape, class_numbers, class_weights, paired, reduced, targets_of
from .stateless import Stateless

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "hinge_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


def hinge_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, reduction: Reduction = "mean") -> Any:
    """max(0, margin - t x)^p for scores x and targets t of 1 and -1; derivative -p t max(0, margin - t x)^(p - 1).

    Args:
        input: scores, any shape: the sign is the class.
        target: 1 and -1, of the same shape.
        p: 1, or 2 for the squared hinge.
        margin: by how much a score should be on the right side of 0.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: shapes differ.
        ValueError: p is neither 1 nor 2, or a target is neither 1 nor -1.

    Source: Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995 (with a penalty on the weights' norm).

    >>> hinge_loss(np.array([0.5, 2.0, 0.5]), np.array([1, 1, -1]), reduction="none")
    array([0.5, 0. , 1.5])
    """
    _check_power(p, "hinge_loss")
    target = paired(input, target, "hinge_loss")
    _alike(target, input, "hinge_loss")
    return reduced(ag.relu(margin - input * target) ** p, reduction)


def _check_power(p: int, name: str) -> None:
    if p not in (1, 2):
        raise ValueError(f"{name} takes p=1 or p=2; got {p}")


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: Reduction = "mean") -> Any:
    """x where the target is 1, max(0, margin - x) where it is -1: of distances between pairs that are alike, or not.

    Raises:
        ShapeError: shapes differ.
        ValueError: a target is neither 1 nor -1.

    >>> hinge_embedding_loss(np.array([0.2, 0.2]), np.array([1, -1]), reduction="none")
    array([0.2, 0.8])
    """
    check_same_shape(input, target, "hinge_embedding_loss")
    alike = _alike(target, input, "hinge_embedding_loss")
    return reduced(ag.where(alike, input, ag.relu(margin - input)), reduction)


def _alike(target: Any, input: Any, name: str) -> Any:
    """Where targets are 1; the others have to be -1."""
    t = targets_of(target, input, name)
    if np.any(abs(t) != 1):
        raise ValueError(f"{name} takes targets 1 and -1; got values from {t.min()} to {t.max()}")
    return t > 0


def soft_margin_loss(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """log(1 + e^(-t x)) for targets t of 1 and -1, without overflow: logistic regression.

    Raises:
        ShapeError: shapes differ.

    >>> soft_margin_loss(np.array([0.0, -1000.0]), np.array([1, 1]), "none").round(2)
    array([6.9e-01, 1.0e+03])
    """
    return reduced(ag.softplus(-input * paired(input, target, "soft_margin_loss")), reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Reduction = "mean") -> Any:
    """max(0, -t (x1 - x2) + margin): where t is 1, x1 should be larger, where it is -1, smaller.

    Raises:
        ShapeError: shapes differ.

    >>> margin_ranking_loss(np.array([1.0]), np.array([3.0]), np.array([1.0]), reduction="none")
    array([2.])
    """
    check_same_shape(input1, input2, "margin_ranking_loss")
    target = paired(input1, target, "margin_ranking_loss")
    return reduced(ag.relu((input2 - input1) * target + margin), reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: Reduction = "mean"
) -> Any:
    """Sum over the other classes j of max(0, margin - x_y + x_j)^p, over the number of classes: a hinge for classes.

    Args:
        input: scores (n, classes), or (classes,) for one sample.
        target: class numbers (n,), or ().
        p: 1 or 2.
        margin: by how much the target's score should be ahead.
        weight: None, or a weight for each class (classes,), which applies to samples of that class.
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ShapeError: shapes do not fit.
        BoundsError: a class number is out of range.
        ValueError: p is neither 1 nor 2.

    Source: Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2, 2001.

    >>> float(multi_margin_loss(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([3])).round(3))
    0.325
    """
    labels, shape = class_numbers(target, input, "multi_margin_loss"), np.shape(input)
    _check_power(p, "multi_margin_loss")
    if len(shape) not in (1, 2) or labels.shape != shape[:-1]:
        raise ag.ShapeError(f"multi_margin_loss takes scores (n, classes) and targets (n,); got {shape} and {labels.shape}")
    classes = shape[-1]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ag.BoundsError(f"multi_margin_loss: labels from {labels.min()} to {labels.max()} for {classes} classes")
    ahead = ag.take_along_axis(input, labels[..., None], -1)
    terms = ag.relu(input - ahead + margin) ** p
    others = (beside(np.arange(classes), labels) != labels[..., None]).astype(terms.dtype)
    if weight is not None:
        others *= class_weights(weight, labels, classes, "multi_margin_loss")[labels][..., None]
    return reduced((terms * others).sum(axis=-1) / classes, reduction)


def multilabel_margin_loss(input: Any, target: Any, reduction: Reduction = "mean") -> Any:
    """Sum of max(0, 1 - (x_k - x_j)) over target classes k and other classes j, over the number of classes.

    Args:
        input: scores (n, classes), or (classes,) for one sample.
        target: integers of the same shape: in each row the numbers of the target classes, then -1 (what follows is not read).
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ShapeError: shapes differ.
        BoundsError: a class number is out of range.

    >>> float(multilabel_margin_loss(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([[3, 0, -1, 1]])).round(2))
    0.85
    """
    check_same_shape(input, target, "multilabel_margin_loss")
    labels, classes = class_numbers(target, input, "multilabel_margin_loss"), np.shape(input)[-1]
    listed = np.cumprod(labels >= 0, axis=-1) > 0
    if np.any(labels[listed] >= classes):
        raise ag.BoundsError(f"multilabel_margin_loss: labels to {labels.max()} for {classes} classes")
    onehot = (labels[..., None] == beside(np.arange(classes), labels)) & listed[..., None]
    times = onehot.sum(axis=-2)  # how often each class is listed
    pairs = (times[..., :, None] * (times == 0)[..., None, :]).astype(input.dtype)
    terms = ag.relu(1 - (input[..., :, None] - input[..., None, :])) * pairs
    return reduced(terms.sum(axis=(-2, -1)) / classes, reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: Reduction = "mean") -> Any:
    """`binary_cross_entropy_with_logits`, averaged over the classes in the last axis; then `reduction` over samples.

    Raises:
        ShapeError: shapes differ.

    >>> float(multilabel_soft_margin_loss(np.zeros((1, 3)), np.array([[1.0, 0.0, 1.0]])).round(6))
    0.693147
    """
    check_same_shape(input, target, "multilabel_soft_margin_loss")
    return reduced(binary_cross_entropy_with_logits(input, target, weight, "none").mean(axis=-1), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Any:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), with d the p-norm of the difference + eps.

    Args:
        anchor: (n, features), or (features,) for one.
        positive: of the same shape; should be near.
        negative: of the same shape; should be further by the margin.
        margin: see above.
        p: of the norm.
        eps: added to differences, as PyTorch does.
        swap: whether the distance of positive and negative counts, where it is smaller (Balntas et al., BMVC 2016).
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ShapeError: shapes differ.

    Source: Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015.

    >>> a, b, c = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]])
    >>> float(triplet_margin_loss(a, b, c).round(4))
    4.0
    """
    check_same_shape(anchor, positive, "triplet_margin_loss")
    check_same_shape(anchor, negative, "triplet_margin_loss")
    far = ag.linalg.norm(anchor - negative + eps, ord=p, axis=-1)
    if swap:
        far = ag.minimum(far, ag.linalg.norm(positive - negative + eps, ord=p, axis=-1))
    return reduced(ag.relu(ag.linalg.norm(anchor - positive + eps, ord=p, axis=-1) - far + margin), reduction)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Reduction = "mean") -> Any:
    """1 - cos of the angle between two vectors where the target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1: (n, features), or (features,) for one.
        input2: of the same shape.
        target: 1 or -1, (n,) or ().
        margin: from -1 to 1.
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ShapeError: shapes do not fit.
        ValueError: a target is neither 1 nor -1.

    >>> a = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> cosine_embedding_loss(a, a, np.array([1, -1]), reduction="none").round(6)
    array([0., 1.])
    """
    check_same_shape(input1, input2, "cosine_embedding_loss")
    if np.shape(target) != np.shape(input1)[:-1] or not np.ndim(input1):
        raise ag.ShapeError(
            f"cosine_embedding_loss takes vectors (n, features) and targets (n,); got {np.shape(input1)} and {np.shape(target)}"
        )
    alike = _alike(target, input1, "cosine_embedding_loss")
    squares = ((input1 * input1).sum(axis=-1) + _TINY) * ((input2 * input2).sum(axis=-1) + _TINY)
    cosine = (input1 * input2).sum(axis=-1) / ag.sqrt(squares)
    return reduced(ag.where(alike, 1 - cosine, ag.relu(cosine - margin)), reduction)


_TINY = 1e-12  # PyTorch's; a vector of zeros has cosine 0


# As modules


class HingeLoss(Stateless, function=hinge_loss):
    """`hinge_loss` as a module, `HingeLoss(p=1, margin=1.0, reduction="mean")`.

    >>> HingeLoss(reduction="none")(np.array([0.5, 2.0, -1.0]), np.array([1, 1, 1]))
    array([0.5, 0. , 2. ])
    """


class HingeEmbeddingLoss(Stateless, function=hinge_embedding_loss):
    """`hinge_embedding_loss` as a module, `HingeEmbeddingLoss(margin=1.0, reduction="mean")`.

    >>> HingeEmbeddingLoss(reduction="none")(np.array([0.2, 0.2]), np.array([1, -1]))
    array([0.2, 0.8])
    """


class SoftMarginLoss(Stateless, function=soft_margin_loss):
    """`soft_margin_loss` as a module, `SoftMarginLoss(reduction="mean")`.

    >>> float(SoftMarginLoss()(np.array([0.0]), np.array([1])).round(4))
    0.6931
    """


class MarginRankingLoss(Stateless, function=margin_ranking_loss):
    """`margin_ranking_loss` as a module, `MarginRankingLoss(margin=0.0, reduction="mean")`.

    >>> MarginRankingLoss(reduction="none")(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    array([2.])
    """


class MultiMarginLoss(Stateless, function=multi_margin_loss):
    """`multi_margin_loss` as a module, `MultiMarginLoss(p=1, margin=1.0, weight=None, reduction="mean")`.

    >>> float(MultiMarginLoss()(np.array([[0.0, 1.0, 0.5]]), np.array([1])).round(4))
    0.1667
    """


class MultiLabelMarginLoss(Stateless, function=multilabel_margin_loss):
    """`multilabel_margin_loss` as a module, `MultiLabelMarginLoss(reduction="mean")`.

    >>> float(MultiLabelMarginLoss()(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([[3, 0, -1, 1]])).round(2))
    0.85
    """


class MultiLabelSoftMarginLoss(Stateless, function=multilabel_soft_margin_loss):
    """`multilabel_soft_margin_loss` as a module, `MultiLabelSoftMarginLoss(weight=None, reduction="mean")`.

    >>> float(MultiLabelSoftMarginLoss()(np.zeros((1, 3)), np.array([[1.0, 0.0, 1.0]])).round(4))
    0.6931
    """


class TripletMarginLoss(Stateless, function=triplet_margin_loss):
    """`triplet_margin_loss` as a module, `TripletMarginLoss(margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean")`.

    >>> float(TripletMarginLoss(margin=6.0)(np.zeros((1, 2)), np.zeros((1, 2)), np.array([[3.0, 4.0]])).round(4))
    1.0
    """


class CosineEmbeddingLoss(Stateless, function=cosine_embedding_loss):
    """`cosine_embedding_loss` as a module, `CosineEmbeddingLoss(margin=0.0, reduction="mean")`.

    >>> a = np.array([[1.0, 0.0]])
    >>> float(CosineEmbeddingLoss()(a, np.array([[0.0, 2.0]]), np.array([1])).round(4))
    1.0
    """
