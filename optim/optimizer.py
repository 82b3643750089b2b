"""The optimizer base: parameters as views into flat buffers, updated block by block.

An optimizer is its state and one update, written like the paper's equations; where the arrays come from, which
parameters have a gradient, and the blocking live here.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
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
    """The parameters of one group and dtype, moved into one array; their state beside it.

    Complex numbers are updated as their two real parts, as PyTorch does: positions count real numbers.
    """

    def __init__(self, params: list[ag.Tensor], state: Iterable[str]) -> None:
        self.params = params
        self.values = np.empty(sum(p.size for p in params), params[0].dtype)
        self.real = self.values.view(self.values.real.dtype)
        self.state = {name: np.zeros_like(self.real) for name in state}
        self.steps = [0] * len(params)
        self.grads: list[Any] = [None] * len(params)  # of the step that is running, with one axis
        self.buffers: dict[int, Any] = {}  # per thread: a block of gradients, and one to compute in
        self.views = []
        ends = [0]
        for p in params:
            view = self.values[ends[-1] : ends[-1] + p.size].reshape(p.shape)
            view[...] = p.data
            p.data = view
            self.views.append(view)
            ends.append(ends[-1] + p.size)
        per_element = 2 if self.values.dtype.kind == "c" else 1
        self.spans = [(a * per_element, b * per_element) for a, b in pairwise(ends)]
        self.starts = [a for a, _ in self.spans]

    def gather(self) -> list[int]:
        """Look up the gradients; give the numbers of the parameters that have one."""
        for k, p in enumerate(self.params):
            if p.data is not self.views[k]:
                raise ag.GraphError(
                    f"parameter {p.name or k} of shape {p.shape} was given other memory after the optimizer was made "
                    "(its .data was replaced): write into it with copy_, or make the optimizer afterwards"
                )
            g = p.grad
            self.grads[k] = None if g is None else np.ascontiguousarray(g.data).reshape(-1).view(self.real.dtype)
        return [k for k, g in enumerate(self.grads) if g is not None]

    def block(self, a: int, b: int) -> tuple[Any, Any]:
        """The gradients of positions a to b, copied into this thread's buffer while they are needed; and scratch."""
        buffers = self.buffers.get(threading.get_ident())
        if buffers is None:
            buffers = self.buffers[threading.get_ident()] = np.empty((2, min(_BLOCK, self.real.size)), self.real.dtype)
        g = buffers[0, : b - a]
        k = bisect_right(self.starts, a) - 1
        while k < len(self.spans) and self.starts[k] < b:
            start, stop = self.spans[k]
            low, high = max(a, start), min(b, stop)
            if low < high:
                g[low - a : high - a] = self.grads[k][low - start : high - start]
            k += 1
        return g, buffers[1, : b - a]

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
                    ag.in_threads(partial(self._update_blocks, flat, settings, t), start, stop, least=_PART)
                for k in present:
                    flat.params[k].overwritten()
                    flat.grads[k] = None
        self._step += 1
        return loss

    def _update_blocks(self, flat: _Flat, settings: dict[str, Any], t: int, start: int, stop: int) -> None:
        for a in range(start, stop, _BLOCK):
            b = min(a + _BLOCK, stop)
            g, scratch = flat.block(a, b)
            state = {name: array[a:b] for name, array in flat.state.items()}
            self.update(flat.real[a:b], g, state, settings, t, scratch)

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
