"""Embedding: padding, pretrained vectors, and numbers that are no rows."""

import numpy as np
import pytest

import autograd_core as ag
import nn


def test_repeated_rows_add_up_and_the_padding_row_gets_nothing(rng):
    layer = nn.Embedding(5, 3, padding_idx=-4, dtype=float)
    assert not layer.weight.numpy()[1].any()
    numbers, g = np.array([[0, 1, 0], [4, 1, 0]]), rng.normal(size=(2, 3, 3))
    layer(numbers).backward(g)
    expected = np.zeros((5, 3))
    expected[0], expected[4] = g[0, 0] + g[0, 2] + g[1, 2], g[1, 0]
    np.testing.assert_allclose(layer.weight.grad, expected, rtol=1e-12)


def test_pretrained_vectors_are_copied_and_frozen_unless_asked():
    table = np.arange(6.0).reshape(3, 2)
    frozen, trained = nn.Embedding.from_pretrained(table), nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    assert not frozen(np.array([0, 2])).requires_grad
    assert trained(np.array([0, 2])).requires_grad
    assert not np.shares_memory(frozen.weight.numpy(), table)
    np.testing.assert_array_equal(trained(np.array([0, 2])).numpy(), table[[0, 2]])  # padding is given as it stands
    with pytest.raises(ag.ShapeError, match=r"\(rows, size\); got \(2,\)"):
        nn.Embedding.from_pretrained([1.0, 2.0])


def test_numbers_have_to_be_rows():
    layer = nn.Embedding(4, 2)
    for numbers in ([[0, 4]], [-1]):
        with pytest.raises(ag.BoundsError, match="numbers from 0 to 3; got"):
            layer(np.array(numbers))
    with pytest.raises(ag.DTypeError, match="takes integers"):
        layer(np.array([0.0]))
    with pytest.raises(ValueError, match="one of 4 rows; got 4"):
        nn.Embedding(4, 2, padding_idx=4)
    assert layer(np.zeros((0, 3), int)).shape == (0, 3, 2)
