"""Discrete Fourier transforms, as `autograd_core.fft` and through `np.fft`.

The transform's matrix is its own transpose, so the rule of `fft` is `fft`, and that of `ifft` is `ifft`. The transforms
of real signals are each other's transposes but for weights: a frequency other than 0 and n/2 counts twice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..arrays import beside
from ..dual import bare
from ..errors import ShapeError
from ..record import primitive
from .derived import as_operand, refuse_out
from .products import replaces
from .shapes import roll

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

fftfreq, rfftfreq = np.fft.fftfreq, np.fft.rfftfreq

_SWAPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}  # the inverse's scale


def _with_length(x: Any, n: int, axis: int) -> Any:
    at = (slice(None),) * axis
    if n <= x.shape[axis]:
        return x[(*at, slice(n))]
    y = np.zeros_like(x, shape=(*x.shape[:axis], n, *x.shape[axis + 1 :]))
    y[(*at, slice(x.shape[axis]))] = x
    return y


_fft: Any = primitive(
    "fft",
    lambda x, axes, norm: np.fft.fftn(x, axes=axes, norm=norm),
    lambda g, _y, _x, axes, norm: _fft(g, axes, norm),
    kind="linear",
)
_ifft: Any = primitive(
    "ifft",
    lambda x, axes, norm: np.fft.ifftn(x, axes=axes, norm=norm),
    lambda g, _y, _x, axes, norm: _ifft(g, axes, norm),
    kind="linear",
)
_rfft: Any = primitive(
    "rfft",
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    lambda g, _y, x_shape, axis, norm: _irfft(
        np.conj(g) / _weights(g, x_shape[axis], axis), x_shape[axis], axis, _SWAPPED[norm]
    ),
    kind="linear",
)
_irfft: Any = primitive(
    "irfft",
    np.fft.irfft,
    lambda g, _y, _x, n, axis, norm: _conjugated_half(_rfft(g, axis, _SWAPPED[norm]), n, axis),
    kind="linear",
)
# Cut or filled up with zeros at the end of one axis: its transpose is the same to the length before
_resized: Any = primitive(
    "resized",
    _with_length,
    lambda g, _y, x_shape, _n, axis: _resized(g, x_shape[axis], axis),
    kind="linear",
)


def _weights(g: Any, n: int, axis: int) -> Any:
    """How often each frequency of the half spectrum stands in the whole one, along `axis` of `g`."""
    count = np.full(n // 2 + 1, 2, dtype=bare(g).real.dtype)
    count[0] = 1
    if n % 2 == 0:
        count[-1] = 1
    return beside(count.reshape((-1,) + (1,) * (g.ndim - 1 - axis)), g)


def _conjugated_half(z: Any, n: int, axis: int) -> Any:
    return np.conj(z) * _weights(z, n, axis)


def _fitted(x: Any, lengths: Sequence[int | None], axes: Sequence[int]) -> Any:
    """x cut or filled up to the lengths asked for; None and -1 keep a length."""
    for n, axis in zip(lengths, axes, strict=True):
        if n is not None and n != -1 and n != x.shape[axis]:
            if n < 1:
                raise ShapeError(f"a Fourier transform of length {n}: it needs at least 1 point")
            x = _resized(x, n, axis)
    return x


def _axes(a: Any, s: Any, axes: Any) -> tuple[int, ...]:
    """The axes to transform: all, or as many of the last as `s` has entries."""
    if axes is None:
        axes = range(a.ndim) if s is None else range(-len(s), 0)
    return tuple(normalize_axis_index(axis, a.ndim) for axis in axes)  # an axis may be named twice


def _many(op: Any, a: Any, s: Any, axes: Any, norm: Any, out: Any) -> Any:
    refuse_out("fft", out)
    a = as_operand(a)
    axes = _axes(a, s, axes)
    return op(_fitted(a, [None] * len(axes) if s is None else s, axes), axes, norm)


@replaces(np.fft.fft)
def fft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """Discrete Fourier transform along one axis: y[k] = sum_j a[j] e^(-2 pi i jk/n).

    Args:
        a: real or complex.
        n: cut or fill up with zeros to this length first.
        axis: the axis to transform.
        norm: "backward" (or None), "ortho" or "forward": which direction carries the factor 1/n.
        out: not supported.

    >>> import autograd_core as ag
    >>> ag.fft.fft([1.0, 0.0])
    array([1.+0.j, 1.+0.j])
    """
    return _many(_fft, a, (n,), (axis,), norm, out)


@replaces(np.fft.ifft)
def ifft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """Inverse of `fft`: y[j] = 1/n sum_k a[k] e^(2 pi i jk/n). Arguments as there.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.array([1.0, 2.0, 3.0])
    >>> np.allclose(ag.fft.ifft(ag.fft.fft(a)), a)
    True
    >>> ag.grad(lambda a: ag.real(ag.fft.ifft(a))[0])(a).round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    return _many(_ifft, a, (n,), (axis,), norm, out)


@replaces(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    """`fft` along two axes, cut or filled up to lengths `s`.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2)
    >>> ag.grad(lambda a: (ag.absolute(ag.fft.fft2(a)) ** 2).sum())(a)  # 2 N a, by Parseval
    array([[ 0.,  8.],
           [16., 24.]])
    """
    return _many(_fft, a, s, axes, norm, out)


@replaces(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    """Inverse of `fft2`.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2)
    >>> np.allclose(ag.fft.ifft2(ag.fft.fft2(a)), a)
    True
    >>> ag.grad(lambda a: ag.real(ag.fft.ifft2(a))[0, 0])(a)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    return _many(_ifft, a, s, axes, norm, out)


@replaces(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    """`fft` along several axes (all by default), cut or filled up to lengths `s`.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2, 1)
    >>> ag.grad(lambda a: (ag.absolute(ag.fft.fftn(a)) ** 2).sum())(a).ravel()  # 2 N a, by Parseval
    array([ 0.,  8., 16., 24.])
    """
    return _many(_fft, a, s, axes, norm, out)


@replaces(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    """Inverse of `fftn`.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2)
    >>> ag.grad(lambda a: ag.real(ag.fft.ifftn(a))[0, 0])(a)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    return _many(_ifft, a, s, axes, norm, out)


@replaces(np.fft.rfft)
def rfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """`fft` of a real signal: only the n//2 + 1 frequencies that the others mirror.

    >>> import autograd_core as ag
    >>> ag.fft.rfft([1.0, 2.0, 3.0, 4.0]).round(2)
    array([10.+0.j, -2.+2.j, -2.+0.j])
    """
    return rfftn(a, (n,), (axis,), norm, out)


@replaces(np.fft.irfft)
def irfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """Inverse of `rfft`, a real signal of length n (by default 2 (m - 1) for m frequencies).

    >>> import numpy as np, autograd_core as ag
    >>> a = np.array([1.0, 2.0, 3.0, 4.0])
    >>> ag.fft.irfft(ag.fft.rfft(a)).round(12)
    array([1., 2., 3., 4.])
    >>> ag.grad(lambda a: ag.fft.irfft(ag.fft.rfft(a))[1])(a).round(12) + 0
    array([0., 1., 0., 0.])
    """
    return irfftn(a, (n,), (axis,), norm, out)


@replaces(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    """`rfft` along the last of two axes, `fft` along the other.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fft.rfft2(np.ones((4, 4))).shape
    (4, 3)
    >>> ag.grad(lambda a: ag.real(ag.fft.rfft2(a))[0, 0])(np.ones((2, 2)))
    array([[1., 1.],
           [1., 1.]])
    """
    return rfftn(a, s, axes, norm, out)


@replaces(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    """Inverse of `rfft2`.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2)
    >>> ag.grad(lambda a: ag.fft.irfft2(ag.fft.rfft2(a))[0, 1])(a).round(12) + 0
    array([[0., 1.],
           [0., 0.]])
    """
    return irfftn(a, s, axes, norm, out)


@replaces(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    """`rfft` along the last axis named, `fft` along the others.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fft.rfftn(np.ones((4, 4, 4))).shape
    (4, 4, 3)
    >>> ag.grad(lambda a: ag.real(ag.fft.rfftn(a))[0, 0])(np.ones((2, 2)))
    array([[1., 1.],
           [1., 1.]])
    """
    refuse_out("rfft", out)
    a = as_operand(a)
    axes = _axes(a, s, axes)
    half = _rfft(_fitted(a, [None] * len(axes) if s is None else s, axes), axes[-1], norm)
    return _fft(half, axes[:-1], norm) if axes[:-1] else half


@replaces(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    """Inverse of `rfftn`; the last length in `s` is that of the result.

    >>> import numpy as np, autograd_core as ag
    >>> a = np.arange(4.0).reshape(2, 2)
    >>> ag.grad(lambda a: ag.fft.irfftn(ag.fft.rfftn(a))[0, 1])(a).round(12) + 0
    array([[0., 1.],
           [0., 0.]])
    """
    refuse_out("irfft", out)
    a = as_operand(a)
    axes = _axes(a, s, axes)
    lengths = [None] * len(axes) if s is None else list(s)
    n = 2 * (a.shape[axes[-1]] - 1) if lengths[-1] in (None, -1) else lengths[-1]
    a = _fitted(a, [*lengths[:-1], n // 2 + 1], axes)
    # a real half spectrum becomes complex first, as its cotangent is
    a = _ifft(a, axes[:-1], norm) if axes[:-1] else a if a.dtype.kind == "c" else a + 0j
    return _irfft(a, n, axes[-1], norm)


@replaces(np.fft.hfft)
def hfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """Spectrum, which is real, of a signal with Hermitian symmetry given by its first half.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fft.hfft(np.array([1.0, 2.0, 3.0])).round(12) + 0
    array([ 8., -2.,  0., -2.])
    >>> ag.grad(lambda a: ag.fft.hfft(a)[0])(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 1.])
    """
    return irfft(np.conj(as_operand(a)), n, axis, _SWAPPED[norm], out)


@replaces(np.fft.ihfft)
def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """Inverse of `hfft`.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fft.ihfft(np.array([15.0, -4.0, 0.0, -1.0, 0.0, -4.0])).real.round(12)
    array([1., 2., 3., 4.])
    >>> ag.grad(lambda a: ag.real(ag.fft.ihfft(a))[0])(np.ones(4))
    array([0.25, 0.25, 0.25, 0.25])
    """
    return np.conj(rfft(a, n, axis, _SWAPPED[norm], out))


def _shift(x: Any, axes: Any, inverse: bool) -> Any:
    x = as_operand(x)
    axes = normalize_axis_tuple(range(x.ndim) if axes is None else axes, x.ndim)
    return roll(x, tuple(-(x.shape[i] // 2) if inverse else x.shape[i] // 2 for i in axes), axes)


@replaces(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """Move frequency 0 from the front to the middle.

    >>> import autograd_core as ag
    >>> ag.fft.fftshift([0, 1, 2, -2, -1])
    array([-2, -1,  0,  1,  2])
    """
    return _shift(x, axes, inverse=False)


@replaces(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Inverse of `fftshift`.

    >>> import numpy as np, autograd_core as ag
    >>> ag.fft.ifftshift(ag.fft.fftshift(np.arange(5.0)))
    array([0., 1., 2., 3., 4.])
    >>> ag.grad(lambda a: ag.fft.ifftshift(a)[0])(np.arange(5.0))
    array([0., 0., 1., 0., 0.])
    """
    return _shift(x, axes, inverse=True)
