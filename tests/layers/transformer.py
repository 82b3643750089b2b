"""Transformers: layers over their options, and stacks of them."""

import numpy as np

import nn

from .base import LayerSpec, normal

MASK = np.triu(np.ones((4, 4), bool), 1)
PADDING = np.array([[False, False, False, True], [False, False, False, False]])


def encode(module, src, *masks):
    """Call ours or PyTorch's with masks among the inputs."""
    return module(src, *masks)


def causal(module, src):
    return module(src, is_causal=True)


def causal_in_torch(module, src):
    return module(src, src.new_tensor(MASK).bool(), is_causal=True)


class Stack(LayerSpec):
    """A stack is built around a layer of the same library."""

    def build(self, dtype=np.float64, **options):
        layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True, norm_first=options["normed"])
        norm = nn.LayerNorm(4) if options["normed"] else None
        return nn.TransformerEncoder(layer, 2, norm).astype(dtype)

    def build_torch(self, torch, **options):
        layer = torch.nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True, norm_first=options["normed"])
        norm = torch.nn.LayerNorm(4) if options["normed"] else None
        return torch.nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False).double()


def inputs(shape, *masks):
    return lambda rng: [*normal(shape)(rng), *masks]


ROWS = [
    LayerSpec(
        "TransformerEncoderLayer",
        (4, 2, 6),
        [inputs((4, 2, 4)), inputs((4, 2, 4), MASK, PADDING), inputs((4, 4), MASK)],
        {"norm_first": [False, True], "activation": ["relu", "gelu"], "bias": [True, False]},
        options=[{"dropout": 0.0}],
        call=encode,
    ),
    LayerSpec(
        "TransformerEncoderLayer",
        (4, 2, 6),
        [normal((2, 4, 4))],
        {"norm_first": [False, True]},
        options=[{"dropout": 0.0, "batch_first": True, "layer_norm_eps": 0.1}],
        call=causal,
        torch_call=causal_in_torch,
    ),
    Stack(
        "TransformerEncoder",
        (),
        [normal((2, 4, 4))],
        {"normed": [False, True]},
        call=causal,
        torch_call=causal_in_torch,
    ),
]
