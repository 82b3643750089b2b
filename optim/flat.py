"""The parameters of one group and dtype in one array, their gradients, and their state beside it."""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

import autograd_core as ag
from autograd_core.arrays import foreign, is_foreign, overlap

from .block import Block, Pool

__all__ = ["Flat"]

State = dict[str, Any]

_SMALL = 65_536  # elements: so few are copied faster than they are looked at one by one


class Flat:
    """Parameters moved into one array, of which they become views; state arrays of the same length.

    Complex numbers are updated as their two real parts, as PyTorch does: positions count real numbers.

    Args:
        params: leaves of one dtype.
        numbers: what each parameter starts with beside its arrays, such as its step number.
        labels: what messages call the parameters.
    """

    def __init__(self, params: list[ag.Tensor], numbers: Mapping[str, float], labels: list[str]) -> None:
        self.params, self.labels = params, labels
        self.values = _together(params)
        self.views = [p.data for p in params]
        self.shapes = [view.shape for view in self.views]
        self.real = self.values.view(self.values.real.dtype)
        self.on_host = not is_foreign(self.real)
        self.arrays: dict[str, Any] = {}
        self.numbers = [dict(numbers) for _ in params]
        self.grads: list[Any] = [None] * len(params)  # of the step that is running, with one axis
        self.present: list[int] = []  # which parameters have a gradient
        self.copies: dict[int, tuple[Any, Any]] = {}  # of gradients, with one axis and with the parameter's
        self.pools: dict[int, Pool] = {}  # one for each thread
        self.trial = ag.ThreadTrial()
        per_element = 2 if self.values.dtype.kind == "c" else 1
        ends = [0, *np.cumsum([p.size for p in params]).tolist()]
        self.spans = [(a * per_element, b * per_element) for a, b in pairwise(ends)]
        self.starts = [a for a, _ in self.spans]
        self.together = np.empty_like(self.real) if self.real.size <= _SMALL else None  # all gradients, if they are small
        if self.together is not None:
            for k, (a, b) in enumerate(self.spans):
                self._copy_into(k, self.together[a:b])

    def gather(self) -> None:
        """Look up the gradients; note which parameters have one."""
        for k, p in enumerate(self.params):
            view, g = self.views[k], p.grad
            if p.data is not view or view.shape != self.shapes[k]:
                raise ag.GraphError(self._replaced(k))
            if g is None:
                self.grads[k] = None
            elif k in self.copies:
                self.grads[k], shaped = self.copies[k]
                np.copyto(shaped, g.data)
            else:
                self.grads[k] = self._flattened(k, g.data)
        self.present = [k for k, g in enumerate(self.grads) if g is not None]

    def _flattened(self, k: int, g: Any) -> Any:
        """A gradient with one axis: as it is, or from now on copied if it is not contiguous."""
        if g.flags.c_contiguous:
            return g.reshape(-1).view(self.real.dtype)
        self._copy_into(k, np.empty(g.size * g.itemsize // self.real.itemsize, self.real.dtype, like=foreign(g)))
        np.copyto(self.copies[k][1], g)
        return self.copies[k][0]

    def _copy_into(self, k: int, room: Any) -> None:
        """Let the gradient of parameter k be copied at every step."""
        self.copies[k] = room, room.view(self.values.dtype).reshape(self.shapes[k])

    def _replaced(self, k: int) -> str:
        p = self.params[k]
        others = (q for q in self.params if q is not p and q.size and overlap(q.data, p.data))
        shared = next(others, None)
        if p.data is self.views[k] or p.shape != self.shapes[k]:
            what = f"was resized to {p.shape}"
        elif shared is not None:
            what = f"now shares the memory of parameter {shared.name or 'of shape ' + str(shared.shape)}"
        else:
            what = "was given other memory (its .data was replaced, its dtype converted, or it went to another optimizer)"
        return (
            f"parameter {self.labels[k]} of shape {self.shapes[k]} {what} after the optimizer was made. Write into it with "
            "copy_ under no_grad(), or make the optimizer afterwards"
        )

    def release(self) -> None:
        """After the update: say that the parameters were overwritten, and let go of the gradients."""
        for k in self.present:
            self.params[k].overwritten()
            self.grads[k] = None

    def pool(self) -> Pool:
        """Buffers for the thread that asks."""
        thread = threading.get_ident()
        if thread not in self.pools:
            self.pools[thread] = Pool(self.real.dtype, foreign(self.real))
        return self.pools[thread]

    def gradient(self, a: int, b: int, pool: Pool) -> Block:
        """The gradients of positions a to b: as they are if one parameter has them all, otherwise put together in a buffer."""
        if self.together is not None:
            return Block(self.together[a:b], pool)
        k = bisect_right(self.starts, a) - 1
        start, stop = self.spans[k]
        if b <= stop:
            return Block(self.grads[k][a - start : b - start], pool)
        together, done = pool.take((b - a,)), a
        while done < b:
            start, stop = self.spans[k]
            stop = min(stop, b)
            if done < stop:
                together.array[done - a : stop - a] = self.grads[k][done - start : stop - start]
                done = stop
            k += 1
        return together

    def reserve(self, arrays: Mapping[str, float]) -> None:
        """Make the state arrays that are not there yet, filled with their first value."""
        for name, first in arrays.items():
            if name not in self.arrays:
                self.arrays[name] = np.full_like(self.real, first)

    def stretches(self, advance: Callable[[State], None]) -> Iterator[tuple[int, int, State]]:
        """Runs `(start, stop, numbers)` of neighbouring parameters with equal numbers, such as their step."""
        start = stop = -1
        numbers: State = {}
        for k in self.present:
            advance(self.numbers[k])
            a, b = self.spans[k]
            if a == stop and self.numbers[k] == numbers:
                stop = b
                continue
            if stop >= 0:
                yield start, stop, numbers
            start, stop, numbers = a, b, self.numbers[k]
        if stop >= 0:
            yield start, stop, numbers

    # Per parameter, with its shape: as PyTorch stores it

    def of_parameter(self, k: int) -> State:
        """Views into the state arrays and the numbers of parameter k."""
        a, b = self.spans[k]
        views = {name: x[a:b].view(self.values.dtype).reshape(self.shapes[k]) for name, x in self.arrays.items()}
        return views | self.numbers[k]


# Memory of optimizers, by id: a second optimizer for the same parameters joins the first instead of moving them again
_memory: WeakValueDictionary[int, Any] = WeakValueDictionary()


def _together(params: list[ag.Tensor]) -> Any:
    """One array of which the parameters are views, in their order."""
    first: Any = params[0].data
    size = sum(p.size for p in params)
    if is_foreign(first):
        return _together_elsewhere(params, size)
    base = first.base
    if base is not None and id(base) in _memory:
        ends = _address(first) + np.cumsum([0, *(p.data.nbytes for p in params)])
        if all(p.data.base is base and _address(p.data) == end for p, end in zip(params, ends, strict=False)):
            start = (_address(first) - _address(base)) // first.itemsize
            return base[start : start + size]
    values, start = np.empty(size, first.dtype), 0
    _memory[id(values)] = values
    for p in params:
        view = values[start : start + p.size].reshape(p.shape)
        view[...] = p.data
        p.data = view
        start += p.size
    return values


_places: dict[int, tuple[Any, int]] = {}  # of views into an array of another library, by id: the array, and where they begin


def _together_elsewhere(params: list[ag.Tensor], size: int) -> Any:
    """The same for arrays of another library, which tell no addresses: so it is noted where the views are."""
    first: Any = params[0].data
    values, start = _places.get(id(first), (None, 0))
    ends = np.cumsum([start, *(p.size for p in params)]).tolist()
    if values is not None:
        found = [_places.get(id(p.data), (None, 0)) for p in params]
        if all(array is values and at == end for (array, at), end in zip(found, ends, strict=False)):
            return values[start : start + size]
    values, start = np.empty(size, first.dtype, like=first), 0
    for p in params:
        view = values[start : start + p.size].reshape(p.shape)
        view[...] = p.data
        p.data = view
        _places[id(view)] = values, start
        weakref.finalize(view, _places.pop, id(view), None)
        start += p.size
    return values


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])
