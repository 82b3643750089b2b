"""How gradients are averaged while the backward pass still runs.

In a parallel forward call a *stand-in* takes the place of each parameter: the identity, recorded. The sweep comes to it
when the parameter's cotangent is complete, which is how we learn that a gradient has arrived, at no cost for other ops.
It goes into a bucket, and when a bucket is full its sum over all ranks begins. What the stand-in hands on to the
parameter is a promise, `Awaited`, which is kept when the sweep is over.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import autograd_core as ag

from .launch import Ranks
from .statistics import all_sum

__all__ = ["Bucket", "Passing", "entering", "planned", "stand_in"]


class Bucket:
    """Which parameters are summed together.

    Args:
        members: numbers of the parameters, in the order in which their gradients are expected.
        params: all parameters.
    """

    def __init__(self, members: list[int], params: list[Any]) -> None:
        self.members, self.dtype = members, params[members[0]].dtype
        ends = np.cumsum([0, *(params[k].size for k in members)]).tolist()
        self.spans = dict(zip(members, pairwise(ends), strict=True))
        self.length = ends[-1]
        self.place = {k: self.length + i for i, k in enumerate(members)}  # behind the gradients: whether there is one


def planned(params: list[Any], nbytes: int) -> list[Bucket]:
    """Deal parameters into buckets of about so many bytes, one dtype each, the last parameters first: so they arrive."""
    dealt: list[list[int]] = []
    filling: dict[Any, tuple[list[int], int]] = {}
    for k in reversed(range(len(params))):
        members, filled = filling.get(params[k].dtype, ([], 0))
        if not members:
            dealt.append(members)
        members.append(k)
        filled += params[k].data.nbytes
        filling[params[k].dtype] = (members, filled) if filled < nbytes else ([], 0)
    return [Bucket(members, params) for members in dealt]


class Passing:
    """One forward call, and its parameters' gradients on their way.

    Args:
        ranks: those that take part.
        params: the parameters.
        buckets: of the parameters; begun in this order on all ranks, whatever the order in which gradients arrive.
        count: how many samples this rank has, and how many it had since gradients were last averaged.
        local: gives and forgets the gradient of parameter k which this rank accumulated without communication, or None.
        done: called when all gradients are there.
    """

    def __init__(
        self,
        ranks: Ranks,
        params: list[Any],
        buckets: list[Bucket],
        count: tuple[int, int],
        local: Callable[[int], Any],
        done: Callable[[], None],
    ) -> None:
        self.ranks, self.params, self.buckets, self.local, self.done = ranks, params, buckets, local, done
        self.bucket_of = {k: i for i, bucket in enumerate(buckets) for k in bucket.members}
        self.counts = np.empty((ranks.size, 2), np.int64)
        self.counting = ranks.common().Iallgather(np.array(count, np.int64), self.counts)
        self._share: float | None = None
        self._begin()

    def _begin(self) -> None:
        self.rooms: list[Any] = [None] * len(self.buckets)
        self.here: set[int] = set()
        self.missing = [len(bucket.members) for bucket in self.buckets]
        self.requests: list[Any] = []
        self.finished = False

    @property
    def share(self) -> float:
        """This rank's samples over the mean of all ranks': what its mean loss counts in the mean over all samples."""
        if self._share is None:
            self.counting.Wait()
            now, before = self.counts.T.tolist()
            if len(set(before)) > 1:
                raise ag.ShapeError(
                    f"under no_sync() the ranks had {before} samples: they need equal numbers there, because gradients are "
                    "weighted by samples only where they are averaged"
                )
            total = sum(now)
            self._share = now[self.ranks.rank] * self.ranks.size / total if total else 1.0
        return self._share

    def arrived(self, k: int, g: Any) -> Any:
        """The gradient of parameter k is complete: put it into its bucket, begin to sum full ones; gives the promise of it."""
        if isinstance(g, ag.Tensor):  # create_graph
            return all_sum(g, self.ranks) * (1 / self.ranks.size)
        if self.finished:  # a second pass through a graph that was retained
            self._begin()
        self.here.add(k)
        self._put(k, g)
        self.missing[self.bucket_of[k]] -= 1
        while len(self.requests) < len(self.buckets) and not self.missing[len(self.requests)]:
            self._sum_next()
        for request in self.requests:
            request.Test()  # lets MPI go on
        return Awaited(np.shape(g), g.dtype, [lambda: self.averaged(k)])

    def _put(self, k: int, g: Any) -> None:
        """A gradient, or None where there is none, with what was accumulated before, into its place."""
        i, before, scale = self.bucket_of[k], self.local(k), 1 / self.ranks.size
        bucket = self.buckets[i]
        if self.rooms[i] is None:
            self.rooms[i] = np.zeros(bucket.length + len(bucket.members), bucket.dtype)
        room, (a, b) = self.rooms[i], bucket.spans[k]
        if g is not None:
            np.multiply(g.reshape(-1), scale, out=room[a:b], casting="same_kind")
        if before is not None:
            room[a:b] += before.reshape(-1).conj() * scale  # what users see is the conjugate of a cotangent
        room[bucket.place[k]] = g is not None or before is not None

    def _sum_next(self) -> None:
        self.requests.append(self.ranks.begin_sum(self.rooms[len(self.requests)]))

    def finish(self) -> None:
        """Wait until all gradients are averaged. A parameter that only other ranks used gets its gradient here."""
        if self.finished:
            return
        absent = [k for k in range(len(self.params)) if k not in self.here]
        for k in absent:
            self._put(k, None)
        while len(self.requests) < len(self.buckets):
            self._sum_next()
        for request in self.requests:
            request.Wait()
        self.finished = True
        self.done()
        for k in absent:
            i = self.bucket_of[k]
            if self.rooms[i][self.buckets[i].place[k]]:
                self.params[k].grad = self.averaged(k).conj()

    def averaged(self, k: int) -> Any:
        """The gradient of parameter k, averaged over the ranks."""
        self.finish()
        i = self.bucket_of[k]
        a, b = self.buckets[i].spans[k]
        return self.rooms[i][a:b].reshape(self.params[k].shape)


class Awaited:
    """The promise of a gradient. It is kept when the array is copied, and until then what is added to it is remembered.

    A parameter may be used outside of the parallel call too, in a penalty say: the sweep adds that to the promise.
    """

    __slots__ = ("dtype", "shape", "terms")

    def __init__(self, shape: tuple[int, ...], dtype: Any, terms: list[Any]) -> None:
        self.shape, self.dtype, self.terms = shape, dtype, terms

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None) -> Any:
        if ufunc is not np.add or method != "__call__":
            return NotImplemented
        terms = [term for x in inputs for term in (x.terms if isinstance(x, Awaited) else [x])]
        if out is None:
            return Awaited(self.shape, self.dtype, terms)
        out[0].terms = terms
        return out[0]

    def __add__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.add, "__call__", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.add, "__call__", other, self)

    def copy(self) -> Any:
        """The array; waits for it."""
        first, *others = [term() if callable(term) else term for term in self.terms]
        for term in others:
            first = first + term
        return first


# (parameter, pass, its number) -> the parameter; the rule is called when its cotangent in this call is complete
stand_in = ag.custom_op(
    "stand_in", lambda x, _passing, _k: x, lambda g, _y, _x, passing, k: passing.arrived(k, g), kind="linear"
)

# (an output, pass) -> the output; on the way back a rank with more samples than the mean counts for more
entering = ag.custom_op(
    "entering", lambda y, _passing: y, lambda g, _y, _x, passing: g if passing.share == 1 else g * passing.share, kind="linear"
)
