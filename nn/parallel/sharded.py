"""`ZeroRedundancyOptimizer`: each rank keeps the state of its slice of the parameters only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import foreign
from optim import clip_grad_value_, global_norm

from .data_parallel import DataParallel

__all__ = ["ZeroRedundancyOptimizer"]


class _Slices:
    """Parameters of one dtype in one array, padded so that every rank has an equal slice of it.

    Attributes:
        values: the array, of which the parameters become views.
        own: this rank's slice, as a leaf that an optimizer can update.
    """

    def __init__(self, params: list[Any], rank: int, size: int) -> None:
        self.params, self.size = params, size
        ends = np.cumsum([0, *(p.size for p in params)]).tolist()
        self.spans = [*pairwise(ends)]
        length = -(-ends[-1] // size)
        self.values, self.gradient = (np.zeros(length * size, params[0].dtype) for _ in range(2))
        for p, view in zip(params, self.cut(self.values), strict=True):
            view[...] = p.data
            p.data = view
        self.own = ag.Tensor(self.values[rank * length : (rank + 1) * length].copy(), requires_grad=True)

    def cut(self, flat: Any) -> list[Any]:
        """What each parameter has of such an array, in its shape."""
        return [flat[a:b].reshape(p.shape) for (a, b), p in zip(self.spans, self.params, strict=True)]

    def joined(self, arrays: list[Any]) -> Any:
        """The opposite of `cut`."""
        flat = np.zeros_like(self.values)
        for (a, b), array in zip(self.spans, arrays, strict=True):
            flat[a:b] = np.reshape(array, -1)
        return flat


class ZeroRedundancyOptimizer:
    """An optimizer of which each of n ranks has one n-th of the state, and does one n-th of the work.

    Gradients are summed so that each rank gets the sum of its slice (reduce-scatter), each updates its slice, and the slices
    are put together again (allgather). Two sends of all parameters, as many as averaging takes; the state, twice the
    parameters' memory for Adam, is divided by n. From now on `backward` leaves each rank's own gradients in `.grad`.

    Args:
        model: whose parameters are trained.
        optimizer_class: of `optim`, with an update that looks at elements one by one (not Muon, not LBFGS).
        settings: for the optimizer.

    Raises:
        TypeError: the optimizer needs whole parameters.
        ValueError: no parameters.

    Source: Rajbhandari et al., ZeRO: memory optimizations toward training trillion parameter models, SC 2020, stage 1;
    PyTorch's class of this name.

    >>> import optim
    >>> from nn import Linear
    >>> from nn.parallel import DataParallel
    >>> model = DataParallel(Linear(1, 1, bias=False))
    >>> adam = ZeroRedundancyOptimizer(model, optim.Adam, lr=0.1)
    >>> model(np.ones((4, 1), np.float32)).mean().backward(); adam.step()
    """

    def __init__(self, model: DataParallel, optimizer_class: type[Any], **settings: Any) -> None:
        if getattr(optimizer_class, "by_parameter", True):
            raise TypeError(
                f"{optimizer_class.__name__} needs whole parameters, and a rank has a slice of them: take an optimizer whose "
                "update is element by element, such as Adam, or give up the sharding"
            )
        self.ranks, self.params = model.ranks, [p for p in model.parameters() if p.requires_grad]
        by_dtype: dict[Any, list[Any]] = {}
        for p in self.params:
            by_dtype.setdefault(p.dtype, []).append(p)
        if foreign(*self.params) is not None:
            raise ag.ArrayKindError(
                "ZeroRedundancyOptimizer works on NumPy arrays: bring the module to the host, module.to(like=np.empty(0)), or "
                f"make the optimizer itself, {optimizer_class.__name__}(model.parameters())"
            )
        self.slices = [_Slices(params, self.ranks.rank, self.ranks.size) for params in by_dtype.values()]
        self.inner = optimizer_class([s.own for s in self.slices], **settings)
        self.reduced = False
        model.averages = False

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The settings, with all parameters; change settings in `inner.param_groups`."""
        return [self.inner.param_groups[0] | {"params": self.params}]

    @property
    def step_count(self) -> int:
        """Steps done."""
        return int(self.inner.step_count)

    def reduce(self) -> None:
        """Average the gradients of all ranks, of which each gets its slice. `step` does it, where it was not done yet.

        Raises:
            GraphError: a parameter has no gradient.
        """
        if self.reduced:
            return
        for s in self.slices:
            for p, view in zip(s.params, s.cut(s.gradient), strict=True):
                if p.grad is None:
                    raise ag.GraphError(
                        f"parameter {p.name or ''} of shape {p.shape} has no gradient: a sharded optimizer updates all of "
                        "them; set requires_grad = False where none is wanted, before the optimizer is made"
                    )
                np.multiply(p.grad.data, 1 / self.ranks.size, out=view)
            s.own.grad = self.ranks.sum_of_slice(s.gradient)
        self.reduced = True

    def clip(self, value: float | None = None, norm: float | None = None) -> float:
        """Clip the averaged gradients by value and then by their norm over all parameters; gives that norm."""
        self.reduce()
        own = [s.own for s in self.slices]
        if value is not None:
            clip_grad_value_(own, value)
        squares = self.ranks.gathered(global_norm(own))
        total = math.hypot(*squares)
        if norm is not None and not norm / (total + 1e-6) >= 1:
            for part in own:
                part.grad = part.grad.numpy() * (norm / (total + 1e-6))  # type: ignore[union-attr]
        return total

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters; with a closure, call it first and return its loss."""
        loss = None
        if closure is not None:
            with ag.enable_grad():
                loss = closure()
        self.reduce()
        self.inner.step()
        for s in self.slices:
            self.ranks.put_together(s.own.numpy(), s.values)
            for p in s.params:
                p.overwritten()
        self.reduced = False
        return loss

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        self.reduced = False
        for p in self.params:
            p.zero_grad()

    # State: as that of an optimizer that is not sharded, so that a run goes on with any number of ranks

    def state_dict(self) -> dict[str, Any]:
        """The state of all ranks, in the form of `inner`'s for whole parameters. Every rank has to call this."""
        sliced = self.inner.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for i, s in enumerate(self.slices):
            for name, value in sliced["state"].get(i, {}).items():
                whole = np.ndim(value) > 0
                parts = s.cut(np.concatenate(self.ranks.gathered(value))) if whole else [value] * len(s.params)
                for p, part in zip(s.params, parts, strict=True):
                    state.setdefault(self._number(p), {})[name] = np.array(part)
        group = sliced["param_groups"][0] | {"params": [*range(len(self.params))]}
        return {"state": dict(sorted(state.items())), "param_groups": [group], "step_count": sliced["step_count"]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state of this optimizer, or of one that is not sharded, with one group."""
        state, count = state_dict["state"], len(state_dict["param_groups"][0]["params"])
        if len(state_dict["param_groups"]) != 1 or count != len(self.params):
            raise ValueError(
                f"the state is of {count} parameters in its first group; this optimizer has {len(self.params)} in one"
            )
        sliced: dict[int, dict[str, Any]] = {}
        for i, s in enumerate(self.slices):
            found = [state.get(self._number(p), {}) for p in s.params]
            for name in found[0]:
                values = [values[name] for values in found]
                if np.shape(values[0]) == s.params[0].shape and name not in self.inner.numbers:
                    length = s.own.size
                    sliced.setdefault(i, {})[name] = s.joined(values)[self.ranks.rank * length :][:length]
                else:
                    sliced.setdefault(i, {})[name] = values[0]
        group = dict(state_dict["param_groups"][0]) | {"params": [*range(len(self.slices))]}
        self.inner.load_state_dict({**state_dict, "state": sliced, "param_groups": [group]})

    def _number(self, p: Any) -> int:
        return next(k for k, q in enumerate(self.params) if q is p)
