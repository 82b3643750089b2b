"""`DataParallel`: a module whose gradients are averaged over the processes that train it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

import autograd_core as ag
from autograd_core.arrays import foreign
from autograd_core.tree import flatten

from ..module import Module, substituted
from ..normalization import BatchNorm1d, BatchNorm2d
from .launch import Ranks
from .passing import Passing, entering, planned, stand_in
from .statistics import Batch

__all__ = ["DataParallel"]


class DataParallel(Module):
    """A module that every rank trains on its share of the batch: after `backward`, gradients are averaged over all ranks.

        g = sum_r n_r g_r / sum_r n_r,    g_r the gradient of rank r's mean loss over its n_r samples

    So ranks with uneven batches step as one process with all samples would. Averaging begins in the backward pass, bucket
    by bucket, and is over when it returns: clipping and the optimizer see averaged gradients. Parameters and buffers start as
    those of rank 0. Names in state dicts are those of the module, so that they cross over to a run by one process. Alone,
    this is the module and nothing else.

    Args:
        module: the same on all ranks; stays usable by itself.
        comm: communicator of mpi4py; by default of all processes that mpiexec started.
        sync_batchnorm: normalize by the statistics of all ranks' batches, as one process would.
        bucket_bytes: how many bytes of gradients are summed together: fewer begin earlier, more have less overhead.

    Every rank has to make the same calls in the same order. Random numbers of the model, from `ag.default_rng()` and from
    generators of its own, are moved to a stream of each rank's own: dropout drops differently. Where the module has more
    inputs than one, the samples are counted along the first axis of the first one.

    Attributes:
        module: what is trained.
        rank, size: of this process; how many there are.

    Raises:
        ValueError: the modules of the ranks differ in names, shapes or dtypes.
        ArrayKindError: there are several ranks, and the parameters are not NumPy arrays.

    Source: Li et al., PyTorch distributed: experiences on accelerating data parallel training, VLDB 2020, for buckets
    and their order; Goyal et al., Accurate, large minibatch SGD, 2017, for what has to be averaged how.

    >>> from nn import Linear
    >>> model = DataParallel(Linear(3, 1))  # started without mpiexec: one rank
    >>> model.rank, model.size, model(np.ones((2, 3), np.float32)).shape
    (0, 1, (2, 1))
    """

    def __init__(self, module: Module, comm: Any = None, sync_batchnorm: bool = False, bucket_bytes: int = 2**20) -> None:
        self.module, self.ranks, self.bucket_bytes = module, Ranks(comm), bucket_bytes
        self.rank, self.size = self.ranks.rank, self.ranks.size
        self.averages = True  # whether gradients are averaged in the backward pass
        self.counts = True  # whether ranks tell each other how many samples they have
        self._samples = 0  # under no_sync, since gradients were last averaged
        self._buffers_differ = False
        self._counting: Any = None
        self._plan: tuple[Any, ...] | None = None
        if self.size == 1:
            return
        if foreign(*self.parameters(), *self.buffers()) is not None:
            raise ag.ArrayKindError(
                f"{self.size} ranks send each other NumPy arrays: bring the module to the host, module.to(like=np.empty(0))"
            )
        self._check_same({name: (t.shape, str(t.dtype)) for name, t in self._tensors()}, "differ in names, shapes or dtypes")
        self._broadcast(self._tensors())
        self.verify()
        norms = [m for m in module.modules() if isinstance(m, BatchNorm1d | BatchNorm2d)]
        for norm in norms if sync_batchnorm else ():
            norm.batch = Batch(self.ranks)
        self._same_buffers = sync_batchnorm and {id(b) for b in self.buffers()} <= {id(b) for m in norms for b in m.buffers()}
        self.own_streams()

    # The module's own: so names and modes are as if this were not there

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Those of the module."""
        return self.module.named_modules(prefix, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Those of the module."""
        return self.module.named_children()

    def extra_repr(self) -> str:
        """What is trained, by how many."""
        return f"{type(self.module).__name__}, rank {self.rank} of {self.size}"

    # What ranks have in common

    def _tensors(self) -> list[tuple[str, Any]]:
        return [*self.named_parameters(), *self.named_buffers()]

    def _broadcast(self, tensors: list[tuple[str, Any]]) -> None:
        with ag.no_grad():
            for _, tensor in tensors:
                tensor.copy_(self.ranks.broadcast(tensor.numpy()))

    def _check_same(self, value: Any, what: str) -> None:
        found = self.ranks.gathered(value)
        others = [r for r, other in enumerate(found) if other != found[0]]
        if others:
            raise ValueError(f"the modules of ranks 0 and {others} {what}: build the same model on all ranks")

    def verify(self) -> None:
        """Compare all bits of parameters and buffers over the ranks.

        Raises:
            ValueError: they differ; says on which ranks.
        """
        digest = hashlib.blake2b()
        for name, tensor in self._tensors():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
        self._check_same(digest.hexdigest(), "have other values")

    def own_streams(self) -> None:
        """Move `ag.default_rng()` and the generators of the module, in the same state on all ranks, to streams of their own."""
        held = (value for m in self.modules() for value in vars(m).values() if isinstance(value, np.random.Generator))
        for generator in {id(g): g for g in (ag.default_rng(), *held)}.values():
            self.ranks.own_stream(generator)

    # Calls

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the module; the first argument has this rank's samples along its first axis."""
        if self.size == 1:
            return self.module(*args, **kwargs)
        if self._buffers_differ and not self._same_buffers:
            self._broadcast([*self.named_buffers()])
        self._buffers_differ = self.module.training
        params, buckets = self._planned()
        if not params or not self.counts or not stand_in(params[0][1], None, 0).requires_grad:  # under no_grad
            self._samples += _samples(args, kwargs) if params and not self.counts else 0
            return self.module(*args, **kwargs)
        tensors = [p for _, p in params]
        if self._counting is not None:
            self._counting.Wait()  # of a call whose backward pass never came: MPI may still write into its memory
        passing = Passing(self.ranks, tensors, buckets, (_samples(args, kwargs), self._samples), self._local, self._averaged)
        self._counting = passing.counting
        instead = {name: stand_in(p, passing, k) for k, (name, p) in enumerate(params)} if self.averages else {}
        with substituted(self.module, instead):
            output = self.module(*args, **kwargs)
        leaves, rebuild = flatten(output)
        return rebuild([entering(y, passing) if isinstance(y, ag.Tensor) and y.requires_grad else y for y in leaves])

    def _planned(self) -> tuple[Any, ...]:
        """The parameters that are trained, and their buckets; made again when others are."""
        params = [(name, p) for name, p in self.named_parameters() if p.requires_grad]
        key = [(id(p), p.dtype, p.shape) for _, p in params]
        if self._plan is None or self._plan[0] != key:
            self._plan = key, params, planned([p for _, p in params], self.bucket_bytes)
        return self._plan[1:]

    def _local(self, k: int) -> Any:
        """What parameter k accumulated under `no_sync`, which is averaged with the gradient that arrives."""
        if not self._samples:
            return None
        p = cast("Any", self._plan)[1][k][1]
        before = p.grad
        p.zero_grad()
        return None if before is None else before.numpy()

    def _averaged(self) -> None:
        self._samples = 0

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Calls inside accumulate gradients without communication; the first backward pass of a call after it averages them.

        The ranks need equal numbers of samples inside. As in one process, divide each loss by the number of batches that
        are accumulated.

        >>> from nn import Linear
        >>> model, x = DataParallel(Linear(3, 1)), np.ones((4, 3), np.float32)
        >>> with model.no_sync():
        ...     (model(x[:2]).mean() / 2).backward()
        >>> (model(x[2:]).mean() / 2).backward()
        >>> model.module.bias.grad
        Tensor([1.], dtype=float32)
        """
        before, self.counts = self.counts, False
        try:
            yield
        finally:
            self.counts = before


def _samples(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    first = next((x for x in flatten([args, kwargs])[0] if np.ndim(x)), None)
    if first is None:
        raise ag.ShapeError("DataParallel counts samples along the first axis of the first argument; got no array")
    return len(first)
