"""Spec rows: Fourier transforms. Complex results are shown as real and imaginary parts, and complex inputs put together."""

from typing import Any

import numpy as np

from .base import Spec, general

NORMS = ("backward", "ortho", "forward")


def _parts(y: Any) -> Any:
    return np.stack([np.real(y), np.imag(y)]) if y.dtype.kind == "c" else y


def _rows(name: str, *shapes: Any, real: bool = False, **options: Any) -> list[Spec]:
    """The plain call, and one row per set of keyword arguments (given as lists), for each norm."""
    f = getattr(np.fft, name)
    variants = [{}, *(dict(zip(options, values, strict=True)) for values in zip(*options.values(), strict=True))]

    def row(k: int, keywords: dict[str, Any]) -> Spec:
        keywords = {**keywords, "norm": NORMS[k % 3]}
        label = name if not k else f"{name}_{k}"
        if real:
            return general(label, lambda x: _parts(f(x, **keywords)), *shapes, analytic=False)
        pairs = [[shape, shape] for shape in shapes]
        return general(label, lambda a, b: _parts(f(a + 1j * b, **keywords)), *pairs, analytic=False)

    return [row(k, keywords) for k, keywords in enumerate(variants)]


SHAPES = (2, 4), (2, 5), (1, 3)
ONE = {"n": [None, 3, 6], "axis": [0, -1, 1]}
HALF = {"n": [3, 5, 6, 7], "axis": [0, -1, 1, -1]}
TWO = {"s": [(-1, 4), (3, 2), (-1, 5)], "axes": [(1, 0), (0, 1), (-2, -1)]}
MANY = {"s": [None, (3, 2), (5,)], "axes": [(-1,), (0, 1), (0,)]}

FFT = [
    *_rows("fft", *SHAPES, **ONE),
    general("fft_real", lambda x: _parts(np.fft.fft(x, 4)), (3,), (2, 5), (0, 3), analytic=False),
    *_rows("ifft", *SHAPES, **ONE),
    *_rows("fft2", *SHAPES, **TWO),
    *_rows("ifft2", *SHAPES, **TWO),
    *_rows("fftn", *SHAPES, **MANY),
    general("fftn_real", lambda x: _parts(np.fft.fftn(x)), (3,), (2, 3, 2), analytic=False),
    *_rows("ifftn", *SHAPES, **MANY),
    *_rows("rfft", *SHAPES, **HALF, real=True),
    *_rows("irfft", *SHAPES, **HALF),
    general("irfft_real", lambda x: np.fft.irfft(x, 5), (3,), (2, 4), analytic=False),
    *_rows("rfft2", *SHAPES, **TWO, real=True),
    *_rows("irfft2", *SHAPES, **TWO),
    *_rows("rfftn", *SHAPES, **MANY, real=True),
    *_rows("irfftn", *SHAPES, **MANY),
    *_rows("hfft", *SHAPES, **HALF),
    *_rows("ihfft", *SHAPES, **HALF, real=True),
    general("fftshift", np.fft.fftshift, (5,), (2, 3), (0, 2)),
    general("fftshift_axes", lambda x: np.fft.fftshift(x, axes=(0, -1)), (2, 3, 5)),
    general("ifftshift", np.fft.ifftshift, (5,), (2, 3)),
    general("ifftshift_axis", lambda x: np.fft.ifftshift(x, axes=1), (2, 3)),
]
