"""Transformers: attention between positions and a small network at each, around which the input passes unchanged."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

import autograd_core as ag

from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": ag.relu, "gelu": ag.gelu}


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers at each position; each is added to its input and normalized.

    With `norm_first` x + attend(norm1(x)), then x + feed(norm2(x)) (the form of GPT, with `is_causal`); otherwise
    norm1(x + attend(x)), then norm2(x + feed(x)); feed(x) = linear2(activation(linear1(x))).

    Args:
        d_model: features of each position.
        nhead: heads of the attention; divides `d_model`.
        dim_feedforward: width between the two linear layers.
        dropout: the probability of dropping attention weights, hidden units, and what is added to the input.
        activation: "relu", "gelu", or a function.
        layer_norm_eps: `eps` of the normalizations.
        batch_first: arrays are (batch, length, features) instead of (length, batch, features).
        norm_first: normalize before, not after: deep stacks then train without warm-up.
        bias: whether linear layers and normalizations have one.
        dtype: of the parameters.
        rng: generator for the initial values.

    Raises:
        ValueError: `nhead` does not divide `d_model`, or the activation is unknown.

    Sources:
        Vaswani et al., "Attention is all you need", NeurIPS 2017; Xiong et al., "On layer normalization in the transformer
        architecture", ICML 2020 (norm_first).

    >>> layer = TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(np.ones((3, 5, 8), np.float32), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        if isinstance(activation, str) and activation not in _ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(_ACTIVATIONS)}, or a function; got {activation!r}")
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, rng=rng)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype, rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype, rng)
        self.norm1, self.norm2 = (LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(2))
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))
        self.activation, self.norm_first = activation, norm_first

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """Let positions read from each other; then transform each.

        Args:
            src: (length, batch, d_model), with `batch_first` (batch, length, d_model), or (length, d_model).
            src_mask: `attn_mask` of the attention: boolean, True where not to read, or float.
            src_key_padding_mask: (batch, length), True at positions that none may read.
            is_causal: a position reads itself and earlier ones only; needs no mask beside it.

        Returns:
            The shape of `src`.
        """
        activate = _ACTIVATIONS[self.activation] if isinstance(self.activation, str) else self.activation

        def attend(x: Any) -> Any:
            return self.dropout1(self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0])

        def feed(x: Any) -> Any:
            return self.dropout2(self.linear2(self.dropout(activate(self.linear1(x)))))

        if self.norm_first:
            x = src + attend(self.norm1(src))
            return x + feed(self.norm2(x))
        x = self.norm1(src + attend(src))
        return self.norm2(x + feed(x))


class TransformerEncoder(Module):
    """Copies of a layer, one after the other.

    Args:
        encoder_layer: copied, with its parameters; the copies begin equal and are trained apart.
        num_layers: how many.
        norm: applied to the result.

    Source:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1.

    >>> layer = TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> len(TransformerEncoder(layer, num_layers=2).layers)
    2
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.layers = ModuleList([deepcopy(encoder_layer) for _ in range(num_layers)])
        self.norm = norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """The arguments of `TransformerEncoderLayer`, for every layer."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)
