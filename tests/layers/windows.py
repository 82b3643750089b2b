"""Convolution, pooling, padding, upsampling."""

from .base import LayerSpec, normal

LINE, IMAGE = [normal((2, 4, 9)), normal((4, 7))], [normal((2, 4, 7, 8)), normal((4, 6, 6))]
POOL = {"padding": [0, 1], "stride": [None, 1, 2], "ceil_mode": [False, True]}

ROWS = [
    LayerSpec(
        "Conv1d",
        (4, 6, 3),
        LINE,
        {"stride": [1, 2], "padding": [0, 2], "dilation": [1, 2], "groups": [1, 2], "bias": [True, False]},
    ),
    LayerSpec(
        "Conv1d",
        (4, 6, 4),
        LINE,
        options=[{"padding": p, "padding_mode": m} for p in ("same", 2) for m in ("zeros", "reflect", "replicate", "circular")]
        + [{"padding": "valid"}],
    ),
    LayerSpec(
        "Conv2d",
        (4, 6, (3, 2)),
        IMAGE,
        {"stride": [1, (2, 3)], "padding": [0, (1, 2)], "dilation": [1, (1, 2)], "groups": [1, 2]},
    ),
    LayerSpec(
        "Conv2d",
        (4, 4, 3),
        IMAGE,
        options=[{"padding": "same", "padding_mode": m} for m in ("zeros", "reflect", "replicate", "circular")]
        + [{"groups": 4, "bias": False}],
    ),
    LayerSpec(
        "ConvTranspose1d",
        (4, 6, 3),
        LINE,
        {"stride": [1, 3], "padding": [0, 1], "dilation": [1, 2], "groups": [1, 2], "bias": [True, False]},
        [{}, {"stride": 3, "output_padding": 2}],
    ),
    LayerSpec(
        "ConvTranspose2d",
        (4, 6, (3, 2)),
        [normal((2, 4, 3, 4)), normal((4, 3, 3))],
        {"stride": [1, (2, 3)], "padding": [0, (1, 0)], "groups": [1, 2]},
        [{}, {"stride": 3, "output_padding": (1, 2)}],
    ),
    LayerSpec("Unfold", ((2, 3),), [normal((2, 3, 5, 6))], {"dilation": [1, 2], "padding": [0, 1], "stride": [1, 2]}),
    LayerSpec("Fold", ((5, 6), (2, 3)), [normal((2, 12, 16))]),
    LayerSpec("Fold", ((5, 6), (2, 3)), [normal((2, 12, 12))], options=[{"stride": (1, 2), "padding": (0, 1)}]),
    LayerSpec("MaxPool1d", (3,), LINE, POOL | {"dilation": [1, 2]}),
    LayerSpec("MaxPool2d", ((3, 2),), IMAGE, POOL),
    LayerSpec("AvgPool1d", (3,), LINE, POOL | {"count_include_pad": [True, False]}),
    LayerSpec("AvgPool2d", ((3, 2),), IMAGE, POOL | {"count_include_pad": [True, False]}, [{}, {"divisor_override": 5}]),
    LayerSpec("AdaptiveAvgPool1d", (), LINE, {"output_size": [1, 3, 7]}),
    LayerSpec("AdaptiveAvgPool2d", (), IMAGE, {"output_size": [1, 3, (2, None), (5, 4)]}),
    LayerSpec("AdaptiveMaxPool1d", (), LINE, {"output_size": [1, 3, 7]}),
    LayerSpec("AdaptiveMaxPool2d", (), IMAGE, {"output_size": [1, 3, (2, None), (5, 4)]}),
    *[
        LayerSpec(f"{kind}Pad1d", (), LINE, {"padding": [1, (2, 3)]})
        for kind in ("Zero", "Reflection", "Replication", "Circular")
    ],
    *[
        LayerSpec(f"{kind}Pad2d", (), IMAGE, {"padding": [1, (2, 3, 0, 1)]})
        for kind in ("Zero", "Reflection", "Replication", "Circular")
    ],
    LayerSpec("ConstantPad1d", (), LINE, {"padding": [1, (2, -1)], "value": [0.0, 1.5]}),
    LayerSpec("ConstantPad2d", (), IMAGE, {"padding": [1, (-1, 2, 3, -2)], "value": [1.5]}),
    LayerSpec(
        "Upsample",
        (),
        [normal((2, 3, 4))],
        {"size": [7, 3]},
        [{}, *({"mode": "linear", "align_corners": a} for a in (False, True))],
    ),
    LayerSpec(
        "Upsample",
        (),
        [normal((2, 3, 4, 5))],
        {"scale_factor": [2, (1.5, 2)]},
        [{}, *({"mode": "bilinear", "align_corners": a} for a in (False, True))],
    ),
    LayerSpec("PixelShuffle", (2,), [normal((2, 8, 3, 2)), normal((4, 3, 2))]),
    LayerSpec("PixelUnshuffle", (2,), [normal((2, 3, 4, 6))]),
]
