"""Losses, over their options."""

import numpy as np

from .base import LossSpec, normal

REDUCTION = {"reduction": ["mean", "sum", "none"]}
WEIGHTS = np.array([0.5, 2.0, 1.25])


def pairs(*shapes):
    """Two arrays of each shape."""
    return [normal(shape, shape) for shape in shapes]


def signs(rng, shape):
    return rng.choice([-1.0, 1.0], shape)


def hinge(x, t, p=1, margin=1.0, reduction="mean"):
    """PyTorch has none for two classes."""
    terms = [max(0.0, margin - score * sign) ** p for score, sign in zip(x.flat, t.flat, strict=True)]
    return {"mean": np.mean, "sum": np.sum, "none": lambda terms: np.reshape(terms, x.shape)}[reduction](terms)


def listed(rng, n, classes):
    """Class numbers that differ within a row, and -1 behind a random number of them."""
    rows = np.array([rng.permutation(classes) for _ in range(n)])
    return np.where(np.arange(classes) < rng.integers(1, classes + 1, (n, 1)), rows, -1)


LABELLED = [
    lambda rng: [rng.normal(size=(5, 3)), np.array([0, 2, 1, 2, 0])],
    lambda rng: [rng.normal(size=3), np.array(1)],
]
DENSE = lambda rng: [rng.normal(size=(2, 3, 2, 4)), rng.integers(0, 3, (2, 2, 4))]
CLASSES = [{}, {"weight": WEIGHTS}, {"ignore_index": 1}, {"ignore_index": 2, "weight": WEIGHTS}]
SMOOTHED = [{"label_smoothing": 0.2}, {"label_smoothing": 0.2, "weight": WEIGHTS, "ignore_index": 2}]

ROWS = [
    LossSpec("L1Loss", "l1_loss", pairs((4, 3), ()), REDUCTION, differentiable=2),
    LossSpec("MSELoss", "mse_loss", pairs((4, 3), ()), REDUCTION, differentiable=2),
    LossSpec("HuberLoss", "huber_loss", pairs((4, 3)), REDUCTION, [{}, {"delta": 0.4}], differentiable=2),
    LossSpec("SmoothL1Loss", "smooth_l1_loss", pairs((4, 3)), REDUCTION, [{}, {"beta": 0.4}, {"beta": 0.0}], differentiable=2),
    LossSpec(
        "BCELoss",
        "binary_cross_entropy",
        [lambda rng: [rng.uniform(0.02, 0.98, (4, 3)), rng.uniform(size=(4, 3))]],
        REDUCTION,
        [{}, {"weight": WEIGHTS}],
    ),
    LossSpec(
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        [lambda rng: [rng.normal(size=(4, 3)), rng.uniform(size=(4, 3))]],
        REDUCTION,
        [{}, {"weight": WEIGHTS}, {"pos_weight": WEIGHTS}, {"weight": WEIGHTS, "pos_weight": WEIGHTS[::-1].copy()}],
    ),
    LossSpec("CrossEntropyLoss", "cross_entropy", [LABELLED[0], DENSE], REDUCTION, [*CLASSES, *SMOOTHED]),
    LossSpec("CrossEntropyLoss", "cross_entropy", [LABELLED[1]], REDUCTION, [*CLASSES[:2], {"label_smoothing": 0.2}]),
    LossSpec(
        "CrossEntropyLoss",
        "cross_entropy",
        [
            lambda rng: [rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 4)],
            lambda rng: [rng.normal(size=3), rng.dirichlet(np.ones(3))],
            lambda rng: [rng.normal(size=(2, 3, 4)), np.moveaxis(rng.dirichlet(np.ones(3), (2, 4)), -1, 1)],
        ],
        REDUCTION,
        [{}, {"weight": WEIGHTS}, {"label_smoothing": 0.2}, {"label_smoothing": 0.2, "weight": WEIGHTS}],
    ),
    LossSpec("NLLLoss", "nll_loss", [LABELLED[0], DENSE], REDUCTION, CLASSES),
    LossSpec("NLLLoss", "nll_loss", [LABELLED[1]], REDUCTION, CLASSES[:2]),
    LossSpec(
        "KLDivLoss",
        "kl_div",
        [lambda rng: [rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 4)]],
        {"reduction": ["sum", "none", "batchmean"], "log_target": [False, True]},
        differentiable=2,
    ),
    LossSpec(  # PyTorch warns that its "mean" will change
        "KLDivLoss",
        "kl_div",
        [lambda rng: [rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 4)]],
        differentiable=2,
        reference=lambda x, t: np.mean(t * (np.log(t) - x)),
    ),
    LossSpec(
        "GaussianNLLLoss",
        "gaussian_nll_loss",
        [
            lambda rng, shape=shape: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.3, 2, shape)]
            for shape in ((4, 3), (4, 1), (4,))
        ],
        REDUCTION,
        [{}, {"full": True}],
        differentiable=3,
    ),
    LossSpec(
        "PoissonNLLLoss",
        "poisson_nll_loss",
        [lambda rng: [rng.uniform(0.2, 2, (4, 3)), rng.poisson(2.0, (4, 3)).astype(float)]],
        REDUCTION,
        [{}, {"log_input": False}, {"full": True}, {"log_input": False, "eps": 0.1}],
    ),
    LossSpec(
        "HingeLoss",
        "hinge_loss",
        [lambda rng: [rng.normal(size=(4, 3)), signs(rng, (4, 3))]],
        REDUCTION,
        [{}, {"margin": 0.3}, {"p": 2}, {"p": 2, "margin": 2.0}],
        reference=hinge,
    ),
    LossSpec(
        "HingeEmbeddingLoss",
        "hinge_embedding_loss",
        [lambda rng: [rng.normal(size=(4, 3)), signs(rng, (4, 3))]],
        REDUCTION,
        [{}, {"margin": 0.3}],
    ),
    LossSpec("SoftMarginLoss", "soft_margin_loss", [lambda rng: [rng.normal(size=(4, 3)), signs(rng, (4, 3))]], REDUCTION),
    LossSpec(
        "MarginRankingLoss",
        "margin_ranking_loss",
        [lambda rng: [rng.normal(size=5), rng.normal(size=5), signs(rng, 5)]],
        REDUCTION,
        [{}, {"margin": 0.4}],
        differentiable=2,
    ),
    LossSpec(
        "MultiMarginLoss",
        "multi_margin_loss",
        LABELLED,
        REDUCTION,
        [{}, {"p": 2}, {"margin": 0.3}, {"weight": WEIGHTS}, {"p": 2, "margin": 2.0, "weight": WEIGHTS}],
    ),
    LossSpec(
        "MultiLabelMarginLoss",
        "multilabel_margin_loss",
        [
            lambda rng: [rng.normal(size=(5, 4)), listed(rng, 5, 4)],
            lambda rng: [rng.normal(size=4), np.array([2, 0, -1, 3])],
        ],
        REDUCTION,
    ),
    LossSpec(
        "MultiLabelSoftMarginLoss",
        "multilabel_soft_margin_loss",
        [lambda rng: [rng.normal(size=(4, 3)), rng.integers(0, 2, (4, 3)).astype(float)]],
        REDUCTION,
        [{}, {"weight": WEIGHTS}],
    ),
    LossSpec(
        "TripletMarginLoss",
        "triplet_margin_loss",
        [normal((5, 3), (5, 3), (5, 3)), normal((3,), (3,), (3,))],
        REDUCTION,
        [{}, {"margin": 0.3}, {"p": 1.0}, {"p": 3.0}, {"swap": True}, {"eps": 0.1}],
        differentiable=3,
    ),
    LossSpec(
        "CosineEmbeddingLoss",
        "cosine_embedding_loss",
        [lambda rng: [rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), signs(rng, 5)]],
        REDUCTION,
        [{}, {"margin": 0.3}],
        differentiable=2,
    ),
]
