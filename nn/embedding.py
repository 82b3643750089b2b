"""Embedding: rows of a table, chosen by number."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, one_kind, values_of

from . import init
from .module import Module, Parameter

__all__ = ["Embedding"]  # not `embedding`: it would hide this module in nn


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The rows of `weight` with these numbers.

    Args:
        input: integers (...), from 0.
        weight: the table (rows, size).
        padding_idx: number of a row that gets no gradient; negative ones count from the end.

    Returns:
        (..., size). The gradient of a row is the sum of the cotangents of all places that it was put.

    Raises:
        DTypeError: the numbers are not integers.
        BoundsError: a number is no row of the table.

    >>> embedding([[0, 2]], np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    array([[[1., 1.],
            [3., 3.]]])
    """
    numbers = beside(values_of(input), weight) if isinstance(input, (list, tuple, int, np.generic)) else values_of(input)
    one_kind("an embedding", numbers, weight)
    rows = weight.shape[0]
    if numbers.dtype.kind not in "iu":
        raise ag.DTypeError(f"an embedding takes integers, the numbers of rows; got {numbers.dtype} of shape {numbers.shape}")
    if numbers.size and numbers.astype(np.uint64).max() >= rows:  # a negative one is huge
        raise ag.BoundsError(
            f"an embedding of {rows} rows takes numbers from 0 to {rows - 1}; got {numbers.min()} to {numbers.max()}"
        )
    y = ag.take(weight, numbers, axis=0)
    if padding_idx is None or not isinstance(weight, ag.Tensor):
        return y
    padding = numbers == padding_idx % rows
    # elsewhere looking would wait for the device; while a graph is exported it has another type, for any numbers
    if type(padding) is np.ndarray and not padding.any():
        return y
    return ag.where(padding[..., None], weight.detach()[padding_idx], y)


class Embedding(Module):
    """A vector for each of `num_embeddings` words: `weight[input]`.

    Args:
        num_embeddings: how many.
        embedding_dim: size of each vector.
        padding_idx: number of a vector that starts as zeros and gets no gradient.
        dtype: of the parameters.
        rng: generator for the initial values, normal with mean 0 and variance 1.

    Raises:
        ValueError: `padding_idx` is not a row.

    Y. Bengio et al., "A neural probabilistic language model", JMLR 2003.

    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._set(init.normal_(Parameter(np.empty((num_embeddings, embedding_dim), dtype)), rng=rng), padding_idx)
        if padding_idx is not None:
            with ag.no_grad():
                self.weight[padding_idx] = 0

    def _set(self, weight: Parameter, padding_idx: int | None) -> None:
        self.num_embeddings, self.embedding_dim = weight.shape
        if padding_idx is not None and not -self.num_embeddings <= padding_idx < self.num_embeddings:
            raise ValueError(f"padding_idx has to be one of {self.num_embeddings} rows; got {padding_idx}")
        self.padding_idx, self.weight = padding_idx, weight

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """A layer with these vectors (rows, size), which are copied; with `freeze` they are not trained.

        Raises:
            ShapeError: `embeddings` has not two axes.

        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])(np.array([1])).numpy()
        array([[3., 4.]])
        """
        table = values_of(embeddings).copy()
        if table.ndim != 2:
            raise ag.ShapeError(f"pretrained vectors have shape (rows, size); got {table.shape}")
        self = cls.__new__(cls)
        self._set(Parameter(table, requires_grad=not freeze), padding_idx)
        return self

    def forward(self, input: Any) -> Any:
        """Integers (...) to (..., embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Sizes and padding."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
