"""Large elementwise work split over threads: NumPy lets go of the interpreter lock while it computes.

`set_num_threads` is the one switch. Matrix products have threads of their own, inside BLAS.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from time import perf_counter
from typing import Any

__all__ = ["ThreadTrial", "get_num_threads", "in_threads", "set_num_threads"]


def _default() -> int:
    """As many as this process may use: its cores, or fewer where the usual variables say so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
    return min([cores, *(int(limit) for limit in limits if limit.isdigit() and int(limit))])


class _Part:
    """One part of some work, and its end."""

    __slots__ = ("arguments", "done", "error")

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.done = threading.Lock()  # held until the part has ended
        self.done.acquire()
        self.error: BaseException | None = None


class _Worker:
    """A thread that waits for parts of work."""

    def __init__(self, number: int) -> None:
        self.parts: SimpleQueue[_Part | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=f"autograd_core_{number}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        _working.inside = True
        while (part := self.parts.get()) is not None:
            context, work, start, stop = part.arguments
            try:
                context.run(work, start, stop)
            except BaseException as error:  # noqa: BLE001  raised again where the work was given out
                part.error = error
            part.done.release()
            del part, context, work  # nothing is kept alive while waiting


class _Pool:
    """The number of threads, and the workers, one fewer (the caller works too); made when first needed."""

    def __init__(self) -> None:
        self.threads = _default()
        self.workers: list[_Worker] = []
        self.lock = threading.Lock()

    def hand_out(self, parts: list[_Part]) -> None:
        """Give a part to each of as many workers, none of which is stopped meanwhile."""
        with self.lock:
            while len(self.workers) < len(parts):
                self.workers.append(_Worker(len(self.workers) + 1))
            workers = self.workers[: len(parts)]
            _send_away(workers)
            for worker, part in zip(workers, parts, strict=True):
                worker.parts.put(part)

    def stop(self) -> None:
        with self.lock:
            for worker in self.workers:
                worker.parts.put(None)
            self.workers = []

    def forget(self) -> None:
        """After a fork the threads are not in the child: it makes its own."""
        self.workers = []
        self.lock = threading.Lock()


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


class _Working(threading.local):
    inside = False  # whether this is one of the pool's threads


_working = _Working()


def _this_core() -> Callable[[], int] | None:
    """The C library's function that tells the core on which this thread runs, where threads can be moved at all."""
    try:
        return ctypes.CDLL(None).sched_getcpu if hasattr(os, "sched_setaffinity") else None
    except (AttributeError, OSError):
        return None


_core = _this_core()


def _send_away(workers: list[_Worker]) -> None:
    """Keep workers off the core of the caller, who is about to compute there.

    Linux wakes a thread on the core of the one that wakes it, and moves it to an idle one only milliseconds later: two
    threads took as long as one for anything that short (measured on two cores; the threads that BLAS keeps spinning give way).
    """
    if _core is None:
        return
    elsewhere = os.sched_getaffinity(0) - {_core()}
    if elsewhere:
        for worker in workers:
            try:
                os.sched_setaffinity(worker.thread.native_id or 0, elsewhere)
            except OSError:  # forbidden here, or the thread has ended: only speed depends on it
                return


def get_num_threads() -> int:
    """How many threads elementwise work on large arrays is split over.

    >>> import autograd_core as ag
    >>> ag.get_num_threads() >= 1
    True
    """
    return _pool.threads


def set_num_threads(n: int) -> None:
    """Split elementwise work on large arrays over `n` threads; 1 switches splitting off. Results do not depend on it.

    Raises:
        ValueError: `n` is less than 1.

    >>> import autograd_core as ag
    >>> ag.set_num_threads(ag.get_num_threads())
    """
    if n < 1:
        raise ValueError(f"the number of threads is at least 1; got {n}")
    if n < _pool.threads:
        _pool.stop()
    _pool.threads = n


def in_threads(work: Callable[[int, int], None], start: int, stop: int, least: int) -> None:
    """Call `work(a, b)` on parts of range(start, stop), at once in several threads; no part is smaller than `least`.

    The parts must not write to the same memory. Returns when all are done; an error in a part is raised.

    >>> import numpy as np, autograd_core as ag
    >>> x = np.arange(6.0)
    >>> def double(a, b):
    ...     x[a:b] *= 2
    >>> ag.in_threads(double, 0, 6, least=3); x
    array([ 0.,  2.,  4.,  6.,  8., 10.])
    """
    parts = min(_pool.threads, (stop - start) // least)
    if parts < 2 or _working.inside:  # a part waiting for the pool that it occupies would wait for ever
        work(start, stop)
        return
    ends = [start + (stop - start) * k // parts for k in range(parts + 1)]
    # a copy of the context, so that np.errstate holds in the other threads too
    others = [_Part(copy_context(), work, ends[k], ends[k + 1]) for k in range(1, parts)]
    _pool.hand_out(others)
    try:
        work(ends[0], ends[1])
    finally:
        for part in others:
            part.done.acquire()  # wait for all, whatever happened
    for part in others:
        if part.error is not None:
            raise part.error


class ThreadTrial:
    """Finds out, by trying both in turn, whether work that comes again and again is faster in threads.

    Which it is depends on what else runs: threads that BLAS keeps spinning after a product of matrices take the core that a
    second thread was to have, and an update of 2 million parameters that takes 2.4 ms in two threads alone, and 3.1 in one,
    takes 5 in two right behind a backward pass (two cores, OpenBLAS). And on what other programs do meanwhile: so a decision
    holds for a while only.

    >>> import autograd_core as ag
    >>> trial = ag.ThreadTrial()
    >>> for _ in range(30):
    ...     with trial as threaded:
    ...         ag.in_threads(lambda a, b: None, 0, 8, least=4 if threaded else 8)
    >>> trial.decided
    True
    """

    rounds = 7  # with each; medians are compared
    holds = 1000  # uses of a decision

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.seconds: dict[bool, list[float]] = {True: [], False: []}
        self.best = True
        self.decided = False
        self.left = self.holds

    def __enter__(self) -> bool:
        """Whether to use threads this time."""
        if self.decided:
            self.left -= 1
            if self.left >= 0:
                return self.best
            self._begin()
        self._threaded = len(self.seconds[True]) <= len(self.seconds[False])
        self._start = perf_counter()
        return self._threaded

    def __exit__(self, *exc: object) -> None:
        if self.decided:
            return
        self.seconds[self._threaded].append(perf_counter() - self._start)
        if len(self.seconds[False]) > self.rounds:  # the first of each made arrays and threads
            threaded, alone = (sorted(self.seconds[which][1 : self.rounds + 1])[self.rounds // 2] for which in (True, False))
            self.best, self.decided = threaded < alone, True
