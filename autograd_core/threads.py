"""Large elementwise work split over threads: NumPy lets go of the interpreter lock while it computes.

`set_num_threads` is the one switch. Matrix products have threads of their own, inside BLAS.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

__all__ = ["get_num_threads", "in_threads", "set_num_threads"]


def _default() -> int:
    """As many as this process may use: its cores, or fewer where the usual variables say so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
    return min([cores, *(int(limit) for limit in limits if limit.isdigit() and int(limit))])


class _Pool:
    """The number of threads, and the executor that has one fewer (the caller works too); made when first needed."""

    def __init__(self) -> None:
        self.threads = _default()
        self.forget()

    def forget(self) -> None:
        """After a fork the threads are not in the child: it makes its own."""
        self.executor: ThreadPoolExecutor | None = None
        self.lock = threading.Lock()

    def submit(self, jobs: list[Callable[[], Any]]) -> list[Future[Any]]:
        """Hand out work to the other threads; the number of threads does not change meanwhile."""
        with self.lock:
            if self.executor is None:
                self.executor = ThreadPoolExecutor(max(1, self.threads - 1), "autograd_core")
            return [self.executor.submit(job) for job in jobs]

    def resize(self, threads: int) -> None:
        """Another number of threads from now on; what was handed out is finished by the old ones."""
        with self.lock:
            if self.executor is not None and threads != self.threads:
                self.executor.shutdown(wait=False)
                self.executor = None
            self.threads = threads


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


class _Working(threading.local):
    inside = False  # whether this is one of the pool's threads


_working = _Working()


def _inside(work: Callable[[int, int], None], start: int, stop: int) -> None:
    _working.inside = True
    work(start, stop)


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
    _pool.resize(n)


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
    others = _pool.submit([partial(copy_context().run, _inside, work, ends[k], ends[k + 1]) for k in range(1, parts)])
    try:
        work(ends[0], ends[1])
    finally:
        for other in others:
            other.exception()  # wait for all, whatever happened
    for other in others:
        other.result()
