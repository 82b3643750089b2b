"""The optimizer base: parameters as views into flat buffers, updated block by block.

An optimizer is its state and one update, written like the paper's equations; where the arrays come from, which
parameters have a gradient, and the blocking live here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import autograd_core as ag

__all__ = ["Optimizer"]

_BLOCK = 65_536  # elements: few calls, and the arrays of one update stay in cache
_PART = 4 * _BLOCK  # below two such parts, waking a second thread costs more than it saves (measured)


class _Flat:
    """The parameters of one group and dtype, moved into one array; their gradients and state beside it."""

    def __init__(self, params: list[ag.Tensor], state: Iterable[str]) -> None:
        self.params = params
        ends = np.cumsum([0, *(p.size for p in params)])
        self.spans = [(int(a), int(b)) for a, b in pairwise(ends)]
        self.values = np.empty(self.spans[-1][1], params[0].dtype)
        self.grads = np.zeros_like(self.values)
        self.scratch: dict[int, Any] = {}  # per thread
        real = self.values.real.dtype  # a complex number is updated as its two real parts, as PyTorch does
        self.flat_values, self.flat_grads = self.values.view(real), self.grads.view(real)
        self.per_element = self.flat_values.size // max(self.values.size, 1)
        self.state = {name: np.zeros_like(self.flat_values) for name in state}
        self.steps = [0] * len(params)
        self.views, self.slots = [], []
        for p, (a, b) in zip(params, self.spans, strict=True):
            view = self.values[a:b].reshape(p.shape)
            view[...] = p.data
            p.data = view
            self.views.append(view)
            self.slots.append(self.grads[a:b].reshape(p.shape))

    def get_scratch(self) -> Any:
        """This thread's array to compute in."""
        return self.scratch.setdefault(
            threading.get_ident(), np.empty(min(_BLOCK, self.flat_values.size), self.flat_values.dtype)
        )

    def gather(self) -> list[int]:
        """Copy the gradients into the flat array; give the numbers of the parameters that have one."""
        present = []
        for k, p in enumerate(self.params):
            if p.data is not self.views[k]:
                raise ag.GraphError(
                    f"parameter {p.name or k} of shape {p.shape} was given other memory after the optimizer was made "
                    "(its .data was replaced): write into it with copy_, or make the optimizer afterwards"
                )
            if p.grad is not None:
                np.copyto(self.slots[k], p.grad.data)
                present.append(k)
        return present

    def stretches(self, present: list[int]) -> Iterator[tuple[int, int, int]]:
        """Runs `(start, stop, step number)` of neighbouring parameters that are at the same step."""
        start = stop = step = -1
        for k in present:
            self.steps[k] += 1
            a, b = self.spans[k]
            if a == stop and self.steps[k] == step:
                stop = b
                continue
            if stop >= 0:
                yield start, stop, step
            start, stop, step = a, b, self.steps[k]
        if stop >= 0:
            yield start, stop, step


class Optimizer:
    """Base of all optimizers.

    A subclass names its state arrays in `state_names` and defines `update`.

    Args:
        params: parameters, or a list of dicts `{"params": [...], "lr": ...}`: groups with settings of their own.
        defaults: hyperparameters for groups that do not set them. Each may be a number, or a schedule: a function of
            the step number (0 for the first step).

    Raises:
        ValueError: no parameters, a parameter twice, or an unknown setting.
    """

    state_names: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        if isinstance(params, ag.Tensor):
            raise TypeError("an optimizer takes a list of parameters; got one tensor: write [parameter]")
        entries = list(params)
        if not entries:
            raise ValueError("an optimizer needs at least one parameter; got an empty list")
        groups = entries if isinstance(entries[0], Mapping) else [{"params": entries}]
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._flats: list[list[_Flat]] = []
        self._step = 0
        seen: set[int] = set()
        for group in groups:
            unknown = group.keys() - defaults.keys() - {"params"}
            if unknown:
                raise ValueError(f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(defaults)}")
            members = [group["params"]] if isinstance(group["params"], ag.Tensor) else list(group["params"])
            for p in members:
                if not isinstance(p, ag.Tensor) or not p.is_leaf or not p.requires_grad:
                    raise ValueError(f"an optimizer takes leaf tensors that require a gradient; got {type(p).__name__}")
                if id(p) in seen:
                    raise ValueError(f"parameter {p.name or ''} of shape {p.shape} is given twice")
                seen.add(id(p))
            self.param_groups.append({**defaults, **group, "params": members})
            self._flats.append([_Flat(same, self.state_names) for same in _by_dtype(members)])

    def update(self, p: Any, g: Any, s: dict[str, Any], h: dict[str, Any], t: int, scratch: Any) -> None:
        """Change the block of values `p` in place.

        Args:
            p: values, one axis.
            g: their gradients; may be overwritten.
            s: the state arrays by name, of the same size; zeros before the first step.
            h: hyperparameters of this step, as numbers.
            t: number of this step, from 1.
            scratch: an array of the same size and dtype, to compute in.
        """
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; with a closure, call it first and return its loss."""
        loss = None
        if closure is not None:
            with ag.enable_grad():
                loss = closure()
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            settings = {
                name: value(self._step) if callable(value) else value for name, value in group.items() if name != "params"
            }
            for flat in flats:
                present = flat.gather()
                for start, stop, t in flat.stretches(present):
                    ag.in_threads(
                        partial(self._update_blocks, flat, settings, t),
                        start * flat.per_element,
                        stop * flat.per_element,
                        least=_PART,
                    )
                for k in present:
                    flat.params[k].overwritten()
        self._step += 1
        return loss

    def _update_blocks(self, flat: _Flat, settings: dict[str, Any], t: int, start: int, stop: int) -> None:
        scratch = flat.get_scratch()
        for a in range(start, stop, _BLOCK):
            b = min(a + _BLOCK, stop)
            state = {name: array[a:b] for name, array in flat.state.items()}
            self.update(flat.flat_values[a:b], flat.flat_grads[a:b], state, settings, t, scratch[: b - a])

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                p.zero_grad()


def _by_dtype(params: list[ag.Tensor]) -> list[list[ag.Tensor]]:
    found: dict[Any, list[ag.Tensor]] = {}
    for p in params:
        found.setdefault(p.dtype, []).append(p)
    return list(found.values())
