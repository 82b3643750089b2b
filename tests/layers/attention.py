"""Attention, over its masks and forms of input."""

import numpy as np

from .base import LayerSpec, normal

L, S, N, E = 4, 3, 2, 6
BOOLEAN = np.array([[False, True, False], [True, False, False], [False, False, True], [False, False, False]])
PER_HEAD = np.stack([np.roll(BOOLEAN, k, axis=0) for k in range(2 * N)])
FLOAT = np.linspace(-1, 1, L * S).reshape(L, S) ** 3
PADDING = np.array([[False, False, False], [False, False, True]])


def attend(module, query, key, value, *options):
    """Call ours or PyTorch's with a mask or more among the inputs."""
    names = ("attn_mask", "key_padding_mask", "average_attn_weights")
    return module(query, key, value, **{k: v for k, v in zip(names, options, strict=False) if v is not None})


def inputs(query, key, value, *options):
    return lambda rng: [*normal(query, key, value)(rng), *options]


ROWS = [
    LayerSpec(
        "MultiheadAttention",
        (E, 2),
        [
            inputs((L, N, E), (S, N, E), (S, N, E)),
            inputs((L, N, E), (S, N, E), (S, N, E), BOOLEAN, PADDING),
            inputs((L, N, E), (S, N, E), (S, N, E), PER_HEAD, PADDING, False),
            inputs((L, N, E), (S, N, E), (S, N, E), FLOAT),
            inputs((L, E), (S, E), (S, E), BOOLEAN, PADDING[1]),
        ],
        {"bias": [True, False]},
        call=attend,
    ),
    LayerSpec(
        "MultiheadAttention",
        (E, 3),
        [inputs((N, L, E), (N, S, 5), (N, S, 4)), inputs((N, L, E), (N, S, 5), (N, S, 4), None, PADDING)],
        {"bias": [True, False]},
        options=[{"kdim": 5, "vdim": 4, "batch_first": True}],
        call=attend,
    ),
    LayerSpec(
        "MultiheadAttention",
        (E, 2),
        [normal((N, L, E))],
        options=[{"batch_first": True}],
        call=lambda module, x: module(x, x, x, need_weights=False, is_causal=True)[0],
        torch_call=lambda module, x: module(
            x, x, x, need_weights=False, attn_mask=x.new_ones(L, L).triu(1).bool(), is_causal=True
        )[0],
    ),
]
