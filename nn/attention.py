"""Attention: every position of a sequence reads from others, with weights that depend on what stands there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, values_of

from . import init
from .dropout import dropout
from .linear import Linear
from .module import Module, Parameter

__all__ = ["MultiheadAttention", "scaled_dot_product_attention"]


def _bias(mask: Any, allowed: bool, dtype: Any) -> Any:
    """What a mask adds to the scores: a boolean one 0 where it is `allowed` and -inf elsewhere, a float one itself."""
    if mask is None or mask.dtype.kind == "f":
        return mask
    if mask.dtype.kind != "b":
        raise ag.DTypeError(f"a mask is boolean, or floating-point numbers that are added to the scores; got {mask.dtype}")
    return np.where(values_of(mask) == allowed, 0, -np.inf).astype(dtype)


@lru_cache(64)
def _triangle(length: int, source: int, dtype: Any) -> Any:
    bias = np.triu(np.full((length, source), -np.inf, dtype), 1)
    bias.flags.writeable = False  # shared by all callers
    return bias


def _causal(query: Any, key: Any) -> Any:
    """0 where a position may read, -inf at later ones."""
    return beside(_triangle(query.shape[-2], key.shape[-2], query.dtype), query)


def _total(*biases: Any) -> Any:
    """The sum of those that are there; None if none is."""
    given = [bias for bias in biases if bias is not None]
    return sum(given[1:], given[0]) if given else None


def _check_shapes(query: Any, key: Any, value: Any) -> None:
    q, k, v = (np.shape(x) for x in (query, key, value))
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ag.ShapeError(
            "attention takes a query (..., length, features), a key (..., source, features) and a value (..., source, any); "
            f"got {q}, {k} and {v}"
        )


def _weights(q: Any, k: Any, bias: Any, p: float, scale: float | None = None, rng: Any = None) -> Any:
    """How much each query reads of each value."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return dropout(ag.attention_weights(q @ k.mT, bias, scale), p, rng=rng)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    rng: np.random.Generator | None = None,
) -> Any:
    """softmax(scale Q K^T + mask) V: every query reads the values whose keys resemble it.

    Args:
        query: (..., length, features).
        key: (..., source, features).
        value: (..., source, any).
        attn_mask: broadcasts to (..., length, source). Boolean: True takes part. Float: added to the scores; it may be a
            Tensor that is trained. A query that may read nothing gives zeros.
        dropout_p: the probability with which a weight is dropped. Applies always, as in PyTorch: pass 0 in evaluation.
        is_causal: a position reads itself and earlier ones only. May be combined with a mask.
        scale: 1/sqrt(features) if None.
        rng: generator of the dropout.

    Returns:
        (..., length, any).

    Raises:
        ShapeError: the shapes do not fit.
        DTypeError: the mask is neither boolean nor float.

    Source:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1.

    >>> q, k, v = np.ones((2, 4)), np.ones((2, 4)), np.array([[1.0], [3.0]])
    >>> scaled_dot_product_attention(q, k, v)
    array([[2.],
           [2.]])
    >>> scaled_dot_product_attention(q, k, v, is_causal=True)
    array([[1.],
           [2.]])
    """
    _check_shapes(query, key, value)
    bias = _total(_bias(attn_mask, True, query.dtype), _causal(query, key) if is_causal else None)
    return _weights(query, key, bias, dropout_p, scale, rng) @ value


def _heads(x: Any, n: int) -> Any:
    """(..., length, features) to (..., heads, length, features of a head)."""
    return x.reshape(*x.shape[:-1], n, x.shape[-1] // n).swapaxes(-2, -3)


class MultiheadAttention(Module):
    """Attention in several subspaces at once: concat(head_1, ..., head_h) W_out, head_i = attention(Q W_i, K W_i, V W_i).

    Args:
        embed_dim: features of the query and of the output.
        num_heads: how many heads share them; divides `embed_dim`.
        dropout: the probability with which a weight is dropped in training.
        bias: whether the projections have one.
        kdim: features of the key; `embed_dim` if None.
        vdim: features of the value; `embed_dim` if None.
        batch_first: arrays are (batch, length, features) instead of PyTorch's older (length, batch, features).
        dtype: of the parameters.
        rng: generator for the initial values: Xavier uniform into the heads, zero biases.

    Raises:
        ValueError: `num_heads` does not divide `embed_dim`.

    Source:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.

    >>> layer = MultiheadAttention(8, 2, batch_first=True)
    >>> x = np.ones((3, 5, 8), np.float32)
    >>> y, weights = layer(x, x, x)
    >>> y.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: {num_heads} heads cannot share embed_dim={embed_dim} features equally")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim

        def drawn(rows: int, columns: int) -> Parameter:
            return init.xavier_uniform_(Parameter(np.empty((rows, columns), dtype)), rng=rng)

        # one matrix where that is possible, under PyTorch's names
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = drawn(embed_dim, embed_dim)
            self.k_proj_weight = drawn(embed_dim, self.kdim)
            self.v_proj_weight = drawn(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype, rng)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Let every position of the query read from the key and value.

        In both masks True means *not* to read there, as in PyTorch (and the reverse of `scaled_dot_product_attention`);
        float masks are added to the scores. A position that may read nothing reads zeros.

        Args:
            query: (length, batch, embed_dim), with `batch_first` (batch, length, embed_dim), or (length, embed_dim).
            key: the same with `source` positions of `kdim` features.
            value: the same with `source` positions of `vdim` features.
            key_padding_mask: (batch, source), or (source,) without a batch.
            need_weights: whether to return the weights.
            attn_mask: (length, source), or (batch * num_heads, length, source).
            average_attn_weights: return their mean over the heads.
            is_causal: a position reads itself and earlier ones only; needs no mask beside it.

        Returns:
            The output, of the query's shape, and the weights: (batch, length, source), or
            (batch, num_heads, length, source) if they are not averaged; None if they are not needed.

        Raises:
            ShapeError: the shapes do not fit.
        """
        swap = query.ndim == 3 and not self.batch_first
        projected = self._projected(*(x.swapaxes(0, 1) if swap else x for x in (query, key, value)))
        q, k, v = (_heads(x, self.num_heads) for x in projected)
        _check_shapes(q, k, v)
        bias = self._biases(q, k, key_padding_mask, attn_mask, is_causal)
        weights = _weights(q, k, bias, self.dropout if self.training else 0.0)
        y = (weights @ v).swapaxes(-2, -3)
        y = self.out_proj(y.reshape(*y.shape[:-2], self.embed_dim))
        shown = None if not need_weights else weights.mean(axis=-3) if average_attn_weights else weights
        return y.swapaxes(0, 1) if swap else y, shown

    def _projected(self, *inputs: Any) -> Iterator[Any]:
        """Query, key and value, each times its matrix."""
        n = self.embed_dim
        parts = [slice(k * n, (k + 1) * n) for k in range(3)]
        if self.kdim == self.vdim == n:
            matrices = [self.in_proj_weight[part] for part in parts]
        else:
            matrices = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        for x, matrix, part in zip(inputs, matrices, parts, strict=True):
            yield ag.linear(x, matrix, None if self.in_proj_bias is None else self.in_proj_bias[part])

    def _biases(self, q: Any, k: Any, key_padding_mask: Any, attn_mask: Any, is_causal: bool) -> Any:
        """The masks together, as what they add to the scores (..., heads, length, source)."""
        if attn_mask is not None:
            plain, scores = (q.shape[-2], k.shape[-2]), (*q.shape[:-1], k.shape[-2])
            each = (math.prod(q.shape[:-2]), *plain)
            if attn_mask.shape not in (plain, each):
                raise ag.ShapeError(
                    f"attn_mask is of shape (length, source) = {plain}, or (batch * num_heads, length, source) = {each}; "
                    f"got {attn_mask.shape}"
                )
            attn_mask = attn_mask if attn_mask.ndim == 2 else attn_mask.reshape(scores)
        if key_padding_mask is not None:
            expected = (*k.shape[:-3], k.shape[-2])
            if key_padding_mask.shape != expected:
                raise ag.ShapeError(f"key_padding_mask is of shape (batch, source) = {expected}; got {key_padding_mask.shape}")
            key_padding_mask = key_padding_mask[..., None, None, :]
        masks = (_bias(mask, False, q.dtype) for mask in (attn_mask, key_padding_mask))
        return _total(*masks, _causal(q, k) if is_causal else None)
