"""`Piece`: the cotangent of an array of which only a part was used, without the zeros around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

__all__ = ["Piece", "dense"]


class Piece(NDArrayOperatorsMixin):
    """An array of zeros in which `values` stand at `index`.

    The sweep adds it into its buffer at the cost of the piece, so that the gradient of all T rows of an array costs O(size)
    and not O(T size). Anything else that is done to it is done to the whole array, which is then made.
    """

    __slots__ = ("_whole", "dtype", "index", "ndim", "shape", "values")

    def __init__(self, values: Any, index: Any, shape: tuple[int, ...]) -> None:
        self.values = values
        self.index = index  # selects no element twice
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = values.dtype
        self._whole: Any = None

    def whole(self) -> Any:
        """The array with its zeros."""
        if self._whole is None:
            self._whole = np.zeros(self.shape, self.dtype)
            self._whole[self.index] = self.values
        return self._whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.whole(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.get("out")
        if ufunc is np.add and out and out[0] is inputs[0] and inputs[1] is self:
            out[0][self.index] += self.values
            return out[0]
        return getattr(ufunc, method)(*map(dense, inputs), **options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        args = [[dense(x) for x in a] if isinstance(a, (list, tuple)) else dense(a) for a in args]
        return func(*args, **{name: dense(x) for name, x in kwargs.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole(), name)

    def __getitem__(self, index: Any) -> Any:
        return self.whole()[index]

    def __len__(self) -> int:
        return self.shape[0]


def dense(x: Any) -> Any:
    """The whole array of a piece; anything else as it is."""
    return x.whole() if x.__class__ is Piece else x
