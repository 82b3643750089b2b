"""The processes of a run: how they find each other, and how they end together."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np

from autograd_core.extras import need

__all__ = ["ALONE", "Ranks", "abort", "real", "world"]

_LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE", "PMI_RANK")  # set by mpiexec and by Slurm's srun


def world() -> Any:
    """The communicator of all processes that `mpiexec` started together; None for a process that was started alone.

    Alone, MPI is neither needed nor started. Otherwise an error that nobody catches ends all ranks, from now on: it is
    printed with the number of its rank, and the others do not wait for a partner that is gone.

    Raises:
        MissingExtraError: started by mpiexec, and mpi4py is not installed.

    >>> world() is None  # no mpiexec here
    True
    """
    if not any(name in os.environ for name in _LAUNCHED):
        return None
    comm = need("mpi4py.MPI", "mpi").COMM_WORLD
    if comm.size > 1 and not isinstance(sys.excepthook, partial):
        sys.excepthook = partial(_end_all, comm)
        threading.excepthook = lambda args: _end_all(comm, args.exc_type, args.exc_value, args.exc_traceback)
        _Leaving(comm)
    return comm


def _end_all(comm: Any, kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    """Show an error that nobody caught, and end all ranks."""
    text = "".join(traceback.format_exception(kind, error, where))
    sys.stderr.write(f"rank {comm.rank} of {comm.size} ends all others:\n{text}")
    sys.stdout.flush()
    sys.stderr.flush()
    comm.Abort(1)


class _Leaving:
    """Ranks that leave in good order say how many common calls they took part in; nobody waits for one that is gone.

    MPI sees a rank that is killed, but not `sys.exit(1)` on one rank, nor a script that comes to its end earlier on one rank
    than on others: these would wait for ever. A thread looks twice a second whether somebody has left, and ends all ranks
    if this one has begun a common call that the other did not. A rank that leaves sleeps until all have left: MPI itself
    would wait by spinning, and take the cores from those that still work.
    """

    _TAG = 31_997  # of messages, which have nothing to do with the common calls on the same communicator
    begun = 0  # common calls of all ranks that this process took part in

    def __init__(self, comm: Any) -> None:
        self.comm, self.left, self.over = comm, dict[int, int](), threading.Event()
        self.mpi = mpi = need("mpi4py.MPI", "mpi")
        self.thread = threading.Thread(target=self._watch, name="ranks that leave", daemon=True)
        if mpi.Query_thread() == mpi.THREAD_MULTIPLE:  # else MPI may be called by one thread only, which may be waiting
            self.thread.start()
        atexit.register(self._leave)

    def _watch(self) -> None:
        while not self.over.wait(0.5) and not self.mpi.Is_finalized():
            self._look()
            early = [rank for rank, begun in self.left.items() if begun < _Leaving.begun]
            if early:
                sys.stderr.write(
                    f"rank {self.comm.rank} of {self.comm.size} ends all others: it waits for rank {early[0]}, which has left "
                    f"by sys.exit or by coming to its end, after {self.left[early[0]]} common calls. Every rank has to make "
                    "the same calls in the same order; nn.parallel.abort(status) ends all of them.\n"
                )
                sys.stdout.flush()
                sys.stderr.flush()
                self.comm.Abort(1)

    def _look(self) -> None:
        """Take in who has left."""
        while self.comm.Iprobe(tag=self._TAG):
            rank, begun = self.comm.recv(tag=self._TAG)
            self.left[rank] = begun

    def _leave(self) -> None:
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()
        others = [rank for rank in range(self.comm.size) if rank != self.comm.rank]
        sent = [self.comm.isend((self.comm.rank, _Leaving.begun), rank, self._TAG) for rank in others]
        while len(self.left) < len(others) or not all(request.Test() for request in sent):
            time.sleep(0.01)
            self._look()


def abort(status: int) -> None:
    """End all ranks with an exit status; does nothing in a process that was started alone.

    >>> abort(1)  # alone: nothing happens
    """
    comm = world()
    if comm is not None and comm.size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        comm.Abort(status)


class Ranks:
    """The processes that train together, with what they have to agree on; or one process alone, where all of it is trivial.

    Args:
        comm: communicator of mpi4py; by default that of all processes (`world`). "alone" for this process by itself.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.

    >>> ranks = Ranks()
    >>> ranks.rank, ranks.size, ranks.gathered("x")
    (0, 1, ['x'])
    """

    def __init__(self, comm: Any = None) -> None:
        self._counts = comm is None  # common calls of all ranks, not those on a communicator of the user's
        comm = world() if comm is None else None if comm == "alone" else comm
        self.rank: int = 0 if comm is None else comm.rank
        self.size: int = 1 if comm is None else comm.size
        self.comm: Any = comm if self.size > 1 else None

    def __deepcopy__(self, _memo: dict[int, Any]) -> Ranks:
        return self  # a copied module is trained by the same processes

    def common(self) -> Any:
        """The communicator, for one call that all ranks make: counted, so that a rank which leaves before is found out."""
        _Leaving.begun += self._counts
        return self.comm

    def gathered(self, value: Any) -> list[Any]:
        """What each rank gave, in the order of the ranks; on all of them."""
        return [value] if self.comm is None else self.common().allgather(value)

    def from_first(self, value: Any) -> Any:
        """What rank 0 gave; on all ranks."""
        return value if self.comm is None else self.common().bcast(value, root=0)

    def by_first(self, f: Callable[[], Any]) -> Any:
        """What a function gives on rank 0, which alone calls it; an error is raised on all ranks."""
        value, error = None, None
        if not self.rank:
            try:
                value = f()
            except Exception as raised:
                if self.comm is None:
                    raise
                error = raised
        value, error = self.from_first((value, error))
        if error is not None:
            raise error
        return value

    def sum(self, values: Any) -> Any:
        """The sum of the ranks' arrays, element by element; the same bits on all ranks."""
        total = np.array(values, order="C")
        if self.comm is not None:
            self.common().Allreduce(_in_place(), real(total))
        return total

    def broadcast(self, array: Any) -> Any:
        """The array of rank 0, on all ranks."""
        array = np.array(array, order="C")
        if self.comm is not None:
            self.common().Bcast(real(array), root=0)
        return array

    def begin_sum(self, buffer: Any) -> Any:
        """Begin to replace a buffer by the sum of the ranks' buffers; gives a request with `Test()` and `Wait()`."""
        return self.common().Iallreduce(_in_place(), real(buffer))

    def sum_of_slice(self, array: Any) -> Any:
        """Of the sum of the ranks' arrays, this rank's slice: arrays (size m,) give slices (m,)."""
        if self.comm is None:
            return array.copy()
        part = np.empty(array.size // self.size, array.dtype)
        self.common().Reduce_scatter_block(real(array), real(part))
        return part

    def put_together(self, part: Any, array: Any) -> None:
        """Write the slices (m,) of all ranks into an array (size m,), in the order of the ranks."""
        if self.comm is None:
            array[...] = part
        else:
            self.common().Allgather(real(part), real(array))

    def own_stream(self, generator: np.random.Generator) -> None:
        """Move a generator that is in the same state on all ranks to a stream of this rank's own; that of rank 0 stays.

        The streams are the generator's `jumped` ones: they do not overlap (2^127 numbers apart for PCG64).
        """
        if self.rank:
            bits: Any = generator.bit_generator
            generator.bit_generator.state = bits.jumped(self.rank).state


ALONE = Ranks("alone")


def _in_place() -> Any:
    return need("mpi4py.MPI", "mpi").IN_PLACE


def real(array: Any) -> Any:
    """The real numbers that an array consists of, along one axis: what is sent of complex and of boolean arrays too."""
    flat = array.reshape(-1)
    return flat.view(np.uint8) if flat.dtype.kind == "b" else flat.view(flat.real.dtype)
