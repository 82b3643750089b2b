"""Arithmetic for formulas that allocate nothing: intermediate results live in buffers that are used again.

`v += (1 - b2) * g * g` on a `Block` computes what it says with NumPy. Each intermediate result takes a buffer from its
thread's pool, and gives it back as soon as no name refers to it: so a formula needs two or three buffers that stay in cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Block", "Pool", "maximum", "sign", "sqrt"]

_SHAPES = 64  # a pool that has seen more shapes than this starts anew, lest it grow for ever


class Pool:
    """Unused buffers of one dtype, by shape. Not shared between threads."""

    __slots__ = ("dtype", "free", "like")

    def __init__(self, dtype: Any, like: Any = None) -> None:
        self.dtype, self.like = dtype, like  # an array of another library, or None for NumPy's
        self.free: dict[tuple[int, ...], list[Any]] = {}

    def take(self, shape: tuple[int, ...]) -> _Buffer:
        """A buffer with whatever values it has."""
        unused = self.free.get(shape)
        if unused is None:
            if len(self.free) >= _SHAPES:
                self.free.clear()
            unused = self.free[shape] = []
        return _Buffer(unused.pop() if unused else np.empty(shape, self.dtype, like=self.like), self, unused)


def _binary(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    def operator(self: Block, other: Any) -> Block:
        result = self.pool.take(self.array.shape)
        ufunc(self.array, other.array if isinstance(other, Block) else other, out=result.array)
        return result

    return operator


def _in_place(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    def operator(self: Block, other: Any) -> Block:
        ufunc(self.array, other.array if isinstance(other, Block) else other, out=self.array)
        return self

    return operator


def _unary(ufunc: np.ufunc) -> Callable[[Any], Any]:
    def operator(self: Block) -> Block:
        result = self.pool.take(self.array.shape)
        ufunc(self.array, result.array)
        return result

    return operator


class Block:
    """An array in a formula. Operators give new blocks, from the pool; augmented assignments write into the array.

    Args:
        array: floating point; the other operand of an operator has its shape and dtype, or is a Python number.
        pool: where results come from.

    >>> p, g = (Block(np.array([1.0, 2.0]), Pool(float)) for _ in range(2))
    >>> p -= 0.5 * g * g
    >>> p.array
    array([0.5, 0. ])
    """

    __slots__ = ("array", "pool")
    __array_ufunc__ = None  # NumPy's numbers leave `number * block` to us

    def __init__(self, array: Any, pool: Pool) -> None:
        self.array = array
        self.pool = pool

    __add__ = __radd__ = _binary(np.add)
    __mul__ = __rmul__ = _binary(np.multiply)
    __sub__ = _binary(np.subtract)
    __truediv__ = _binary(np.divide)
    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.divide)
    __neg__ = _unary(np.negative)
    __abs__ = _unary(np.abs)

    def __matmul__(self, other: Block) -> Block:
        result = self.pool.take((self.array.shape[0], other.array.shape[1]))
        np.matmul(self.array, other.array, result.array)
        return result

    @property
    def T(self) -> Block:  # noqa: N802  NumPy's name
        """The transpose: a view."""
        return _View(self.array.T, self.pool, self)

    def become(self, values: Block) -> None:
        """Take other values."""
        np.copyto(self.array, values.array)


sqrt, sign = _unary(np.sqrt), _unary(np.sign)
_larger = _in_place(np.maximum)


def maximum(into: Block, other: Block) -> Block:
    """The larger of two blocks, written into the first."""
    return _larger(into, other)


class _View(Block):
    """Other axes on the array of a block, which it keeps from being used again."""

    __slots__ = ("owner",)

    def __init__(self, array: Any, pool: Pool, owner: Block) -> None:
        self.array, self.pool, self.owner = array, pool, owner


class _Buffer(Block):
    """An intermediate result: gives its buffer back when the last reference goes."""

    __slots__ = ("unused",)

    def __init__(self, array: Any, pool: Pool, unused: list[Any]) -> None:
        self.array, self.pool, self.unused = array, pool, unused

    def __del__(self) -> None:
        self.unused.append(self.array)
