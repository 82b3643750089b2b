"""How the ops under layers are written: linear maps, convolution, pooling, normalization, attention, recurrent cells."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from .build import Builder, Value, is_static, row
from .elementwise import log1p
from .reductions import deviation, log_softmax

__all__: list[str] = []

G: TypeAlias = Builder
Name: TypeAlias = Any


@row("linear")
def _linear(g: G, y: Value, x: Value, weight: Value, bias: Value | None) -> Name:
    x_name, w = g.cast(x, y.dtype), g.cast(weight, y.dtype)
    b = None if bias is None else g.cast(bias, y.dtype)
    if x.ndim == 2:
        return g.op("Gemm", x_name, w, b, transB=1)
    found = g.op("MatMul", x_name, g.op("Transpose", w, perm=[1, 0]))
    return found if b is None else g.op("Add", found, b)


@row("softmax_cross_entropy")
def _softmax_cross_entropy(g: G, y: Value, scores: Value, labels: Value) -> Name:
    logs = log_softmax(g, y, scores, -1)
    labels_name = g.op("Unsqueeze", g.cast(labels, np.int64), np.array([-1]))
    chosen = g.op("GatherElements", logs, labels_name, axis=scores.ndim - 1)
    return g.op("Sub", 0.0, g.op("Squeeze", chosen, np.array([-1])))


@row("sigmoid_cross_entropy")
def _sigmoid_cross_entropy(g: G, y: Value, scores: Value, targets: Value) -> Name:
    z, t = g.cast(scores, y.dtype), g.cast(targets, y.dtype)
    linear = g.op("Add", g.op("Mul", g.op("Sub", 1.0, t), z), g.op("Max", g.op("Neg", z), 0.0))
    return g.op("Add", linear, log1p(g, g.op("Exp", g.op("Neg", g.op("Abs", z)))))


# Windows


def _lengths(shape: Any) -> list[int]:
    """Lengths of the position axes, which may not depend on the batch."""
    if not is_static(shape[2:]):
        raise NotImplementedError("windows along an axis whose length depends on the batch")
    return [*shape[2:]]


def _pads(windows: Any) -> list[int]:
    return [before for before, _ in windows.padding] + [after for _, after in windows.padding]


def _convolution(windows: Any, groups: int) -> dict[str, Any]:
    """The attributes of a convolution and of its transpose."""
    return {
        "kernel_shape": [*windows.size],
        "strides": [*windows.stride],
        "pads": _pads(windows),
        "dilations": [*windows.dilation],
        "group": groups,
    }


@row("conv")
def _conv(g: G, y: Value, x: Value, weight: Value, windows: Any, groups: int) -> Name:
    return g.op(
        "Conv",
        g.cast(x, y.dtype),
        g.cast(weight, y.dtype),
        **_convolution(windows, groups),
    )


@row("conv_transpose")
def _conv_transpose(g: G, y: Value, x: Value, weight: Value, windows: Any, groups: int, shape: Any) -> Name:
    axes = zip(_lengths(x.shape), *windows, strict=True)
    least = [(n - 1) * s + d * (k - 1) + 1 - a - b for n, k, s, (a, b), d in axes]
    return g.op(
        "ConvTranspose",
        g.cast(x, y.dtype),
        g.cast(weight, y.dtype),
        **_convolution(windows, groups),
        output_padding=[n - m for n, m in zip(shape, least, strict=True)],
    )


def _padded(g: G, x: Value, windows: Any, value: float = 0.0) -> Any:
    """x with the padding around it."""
    pads, k = _pads(windows), len(windows.size)
    return g.op("Pad", x, np.array([0, 0, *pads[:k], 0, 0, *pads[k:]]), np.asarray(value, x.dtype)) if any(pads) else x


@row("max_pool")
def _max_pool(g: G, _y: Value, x: Value, windows: Any) -> Name:
    options: dict[str, Any] = {"kernel_shape": [*windows.size], "strides": [*windows.stride], "dilations": [*windows.dilation]}
    if any(max(pair) >= size for pair, size in zip(windows.padding, windows.size, strict=True)):  # onnxruntime refuses these
        return g.op("MaxPool", _padded(g, x, windows, -np.inf), **options)
    return g.op("MaxPool", x, pads=_pads(windows), **options)


@row("window_sum")
def _window_sum(g: G, _y: Value, x: Value, windows: Any) -> Name:
    mean = g.op("AveragePool", _padded(g, x, windows), kernel_shape=[*windows.size], strides=[*windows.stride])
    return g.op("Mul", mean, float(math.prod(windows.size)))


@row("unfold")
def _unfold(g: G, y: Value, x: Value, windows: Any) -> Name:
    lengths, k = _lengths(x.shape), len(windows.size)
    count = windows.number(tuple(lengths))
    name = _padded(g, x, windows)
    for axis, (size, stride, n, d) in enumerate(zip(windows.size, windows.stride, count, windows.dilation, strict=True)):
        places = d * np.arange(size)[:, None] + stride * np.arange(n)
        name = g.op("Gather", name, places, axis=2 + 2 * axis)
    name = g.transpose(name, [0, 1, *range(2, 2 + 2 * k, 2), *range(3, 3 + 2 * k, 2)])
    return g.reshape(name, y.shape)


@row("fold")
def _fold(g: G, y: Value, x: Value, windows: Any, _shape: Any) -> Name:
    options: dict[str, Any] = {"strides": [*windows.stride], "pads": _pads(windows), "dilations": [*windows.dilation]}
    return g.op("Col2Im", x, np.array(_lengths(y.shape)), np.array(windows.size), **options)


# Normalization and attention


@row("normalize")
def _normalize(g: G, y: Value, x: Value, axes: Any, eps: float, center: bool, _found: Any) -> Name:
    name = g.cast(x, y.dtype)
    d = deviation(g, name, [*axes]) if center else name
    variance = g.reduce("Mean", g.op("Mul", d, d), [*axes])
    return g.op("Div", d, g.op("Sqrt", g.op("Add", variance, eps)))


@row("scale_shift")
def _scale_shift(g: G, y: Value, x: Value, weight: Any, bias: Any) -> Name:
    scaled = g.op("Mul", g.cast(x, y.dtype), g.cast(weight, y.dtype))
    return scaled if bias is None else g.op("Add", scaled, g.cast(bias, y.dtype))


@row("attention_weights")
def _attention_weights(g: G, y: Value, scores: Value, bias: Any, scale: float) -> Name:
    z = g.cast(scores, y.dtype)
    z = z if scale == 1 else g.op("Mul", z, scale)
    if bias is None:
        return g.op("Softmax", z, axis=-1)
    z = g.op("Add", z, g.cast(bias, y.dtype))
    weights = g.op("Softmax", z, axis=-1)
    if bias.array is not None and not np.isneginf(bias.array).all(axis=-1).any():
        return weights
    blind = g.op("Equal", g.reduce("Max", z, [y.ndim - 1]), -np.inf)  # positions that may read nothing read zeros
    return g.where(blind, 0.0, weights)


@row("rotate_pairs")
def _rotate_pairs(g: G, y: Value, x: Value, turn: Value) -> Name:
    if turn.array is None:
        raise NotImplementedError("it has angles for each sample: give them length 1 along the batch axis, and they broadcast")
    cos, sin = turn.array.real.astype(y.dtype), turn.array.imag.astype(y.dtype)
    pairs = g.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2))
    a, b = g.pick(pairs, 0, -1), g.pick(pairs, 1, -1)
    turned = [
        g.op("Sub", g.op("Mul", a, cos), g.op("Mul", b, sin)),
        g.op("Add", g.op("Mul", a, sin), g.op("Mul", b, cos)),
    ]
    return g.reshape(g.op("Concat", *[g.op("Unsqueeze", t, np.array([-1])) for t in turned], axis=-1), y.shape)


# Recurrent cells: their output is a stack, of which mostly the state is used


def _split(g: G, x: Any, n: int) -> Any:
    return g.op("Split", x, outputs=n, axis=-1, num_outputs=n)


@row("lstm_cell")
def _lstm_cell(g: G, y: Value, z: Value, c: Value) -> list[Name]:
    i, f, candidate, o = _split(g, g.cast(z, y.dtype), 4)
    i, f, o = (g.op("Sigmoid", gate) for gate in (i, f, o))
    candidate = g.op("Tanh", candidate)
    new = g.op("Add", g.op("Mul", f, g.cast(c, y.dtype)), g.op("Mul", i, candidate))
    squashed = g.op("Tanh", new)
    return [i, f, o, candidate, new, squashed, g.op("Mul", o, squashed)]


@row("gru_cell")
def _gru_cell(g: G, y: Value, a: Value, b: Value, h: Value) -> list[Name]:
    (ar, az, an), (br, bz, bn) = (_split(g, g.cast(x, y.dtype), 3) for x in (a, b))
    r, z = (g.op("Sigmoid", g.op("Add", *pair)) for pair in ((ar, br), (az, bz)))
    candidate = g.op("Tanh", g.op("Add", an, g.op("Mul", r, bn)))
    kept = g.op("Mul", z, g.op("Sub", g.cast(h, y.dtype), candidate))
    return [r, z, candidate, g.op("Add", candidate, kept)]
