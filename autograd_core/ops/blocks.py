"""Elementwise work of many passes, block by block, so that what is between the passes stays in the cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..threads import ThreadTrial, get_num_threads, in_threads

__all__ = ["by_blocks", "constant", "positive_part", "spread"]

# Elements: few calls, and about ten blocks of float32 fit in the second-level cache. In threads the blocks are no faster: they
# wait for each other's interpreter lock, and for the threads that BLAS keeps spinning (measured on two cores).
_BLOCK = 1 << 15
_LARGE = 1 << 17  # elements: below, waking a thread takes a good part of what it saves


def spread(ufunc: np.ufunc) -> Callable[[Any], Any]:
    """A ufunc of one argument that computes large arrays in several threads, where trying both finds that faster.

    For functions that compute much for each element: a sum or a product waits for memory, whoever asks for it.
    """
    trials: dict[tuple[Any, int], ThreadTrial] = {}  # by dtype and magnitude of the size

    def forward(x: Any) -> Any:
        if (
            x.__class__ is not np.ndarray
            or x.size < _LARGE
            or x.dtype.kind not in "fc"
            or not x.dtype.isnative
            or get_num_threads() < 2
        ):
            return ufunc(x)
        y = np.empty_like(x)
        if y.strides != x.strides:  # has gaps, or lies backwards
            return ufunc(x)
        trial = trials.setdefault((x.dtype, x.size.bit_length()), ThreadTrial())
        flat, into = x.ravel("K"), y.ravel("K")  # views

        def part(first: int, last: int) -> None:
            ufunc(flat[first * _BLOCK : last * _BLOCK], into[first * _BLOCK : last * _BLOCK])

        # whole blocks, so that every element takes the same way through the ufunc's loop whatever the number of threads
        blocks = -(-x.size // _BLOCK)
        with trial as threaded:
            in_threads(part, 0, blocks, least=1 if threaded else blocks)
        return y

    return forward


def constant(value: float, x: Any) -> Any:
    """A number for the maximum with a block of NumPy's: of two arrays it is four times as fast as of an array and a number."""
    return _filled(value, x.dtype)[: len(x)] if type(x) is np.ndarray else value


@lru_cache(64)
def _filled(value: float, dtype: Any) -> Any:
    block = np.full(_BLOCK, value, dtype)
    block.flags.writeable = False
    return block


def positive_part(x: Any, out: Any) -> None:
    """max(x, 0) of a block."""
    np.maximum(x, constant(0, x), out=out)


def by_blocks(kernel: Callable[..., None], x: Any, outputs: int = 1) -> list[Any]:
    """New arrays like x, filled by `kernel(x, *outputs)` on flat blocks of all of them, in the memory order of x."""
    if type(x) is not np.ndarray:  # another library's: its caches are its own matter
        made = [np.empty_like(x, order="C") for _ in range(outputs)]
        kernel(*[a.reshape(-1) for a in (x, *made)])
        return made
    made = [np.empty_like(x) for _ in range(outputs)]
    if made[0].strides != x.strides:  # has gaps, or lies backwards
        x = x.copy("K")
    flat = [a.ravel("K") for a in (x, *made)]  # views
    for k in range(0, x.size, _BLOCK):
        kernel(*[a[k : k + _BLOCK] for a in flat])
    return made
