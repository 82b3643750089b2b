"""Metrics against loops over samples, scikit-learn, and by hand."""

import numpy as np
import pytest
import sklearn.metrics

import autograd_core as ag
from nn import metrics


def test_accuracy_takes_scores_classes_one_hot_targets_and_tensors(rng):
    scores, target = rng.normal(size=(50, 4)), rng.integers(4, size=50)
    expected = sum(int(max(range(4), key=lambda c: row[c]) == t) for row, t in zip(scores, target, strict=True)) / 50
    assert 0 < expected < 1
    assert metrics.accuracy(scores, target) == expected
    assert metrics.accuracy(ag.Tensor(scores, requires_grad=True), target) == expected
    assert metrics.accuracy(scores.argmax(axis=1), target) == expected
    assert metrics.accuracy(scores, np.eye(4)[target]) == expected
    assert metrics.accuracy(scores.reshape(5, 10, 4), target.reshape(5, 10)) == expected
    assert metrics.accuracy([[1.0, 1.0]], [0]) == 1  # the first of equal scores


def test_top_k_accuracy(rng):
    scores, target = rng.normal(size=(60, 7)), rng.integers(7, size=60)
    for k in range(1, 7):
        assert metrics.top_k_accuracy(scores, target, k) == sklearn.metrics.top_k_accuracy_score(target, scores, k=k)
    assert metrics.top_k_accuracy(scores, target, 7) == 1
    assert metrics.top_k_accuracy(np.zeros((3, 7)), [0, 1, 2], 6) == 0  # equal scores tell nothing
    with pytest.raises(ValueError, match="at least 1"):
        metrics.top_k_accuracy(scores, target, 0)


def test_binary_accuracy_of_probabilities_and_logits(rng):
    logits, target = rng.normal(size=40), rng.integers(2, size=40)
    expected = sklearn.metrics.accuracy_score(target, logits > 0)
    assert metrics.binary_accuracy(logits, target, threshold=0) == expected
    assert metrics.binary_accuracy(1 / (1 + np.exp(-logits)), target) == expected
    assert metrics.binary_accuracy([0.5, 0.5, 0.6], [0, 0, 1]) == 1  # at the threshold it is class 0


def test_confusion_matrix_has_true_classes_in_rows(rng):
    found, target = rng.integers(5, size=200), rng.integers(4, size=200)
    matrix = metrics.confusion_matrix(found, target)
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(target, found))
    assert matrix.trace() / matrix.sum() == metrics.accuracy(found, target)
    assert metrics.confusion_matrix(found, target, 9).shape == (9, 9)
    assert metrics.confusion_matrix(np.eye(3)[[0, 0]], [0, 0]).shape == (3, 3)  # as many as there are scores
    assert metrics.confusion_matrix(np.array([1], np.uint8), [300])[300, 1] == 1
    with pytest.raises(ag.BoundsError, match=r"of 4 classes are 0 to 3; got 4"):
        metrics.confusion_matrix(found, target, 4)
    with pytest.raises(ag.BoundsError, match="got -1"):
        metrics.confusion_matrix([-1, 0], [0, 0])


@pytest.mark.parametrize(
    "metric", [metrics.accuracy, metrics.top_k_accuracy, metrics.binary_accuracy, metrics.confusion_matrix]
)
def test_what_cannot_be_compared_is_refused(metric):
    with pytest.raises(ag.ShapeError, match="sample by sample"):
        metric(np.zeros((3, 2)), np.zeros((4, 1), int))
    with pytest.raises(ag.ShapeError, match=r"no samples|sample by sample"):
        metric(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ValueError, match="NaN among 2"):
        metric(np.array([[np.nan, 1.0]]), np.array([[0.0, 1.0]]))


def test_scores_without_an_axis_and_classes_out_of_range_are_refused():
    with pytest.raises(ag.ShapeError, match="last axis"):
        metrics.accuracy(0.5, 1)
    with pytest.raises(ag.BoundsError, match="got 2"):
        metrics.top_k_accuracy(np.zeros((1, 2)), [2])
