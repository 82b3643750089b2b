"""L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

import numpy as np

import autograd_core as ag
from autograd_core.arrays import foreign, to_host

from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, Options, Setting
from .states import array_like, count

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Quasi-Newton steps: the inverse Hessian from the last changes of parameters (s) and gradients (y).

        d = -H g,  H from H_0 = s.y / y.y by  H = (1 - r s y^T) H (1 - r y s^T) + r s s^T,  r = 1 / y.s
        p = p + t d,   t = lr, or from a line search

    One call of `step` makes up to `max_iter` such iterations and calls the closure again and again: it sets the gradients to
    zero, computes the loss, calls backward and returns the loss, of the same data each time.

    Args:
        params: parameters of one dtype; there is one group.
        lr: step length, or what the line search tries first.
        max_iter: iterations per step.
        max_eval: evaluations per step; 5/4 of the iterations by default.
        tolerance_grad: end when no element of the gradient is larger.
        tolerance_change: end when no element of a step, or the loss's change, is larger.
        history_size: how many changes are kept.
        line_search_fn: "strong_wolfe" or None.
        options: `maximize` and `skip_nonfinite` (see `Options`).

    Raises:
        ValueError: several groups or dtypes, or an unknown line search.

    Source: Liu and Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming 45
    (1989); the order of tests is minFunc's and PyTorch's. No eps.

    >>> import autograd_core as ag
    >>> x = ag.Tensor([3.0, 1.0], requires_grad=True)
    >>> lbfgs = LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     lbfgs.zero_grad()
    ...     loss = ((x - 1) ** 2 * [1.0, 10.0]).sum()
    ...     loss.backward()
    ...     return loss
    >>> loss = lbfgs.step(closure); x.numpy().round(6)
    array([1., 1.])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Setting = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: Setting = 1e-7,
        tolerance_change: Setting = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.memory: dict[str, Any] = {}  # of the steps so far, with PyTorch's names
        super().__init__(
            params,
            options,
            lr=lr,
            max_iter=max_iter,
            max_eval=max_iter * 5 // 4 if max_eval is None and not callable(max_iter) else max_eval,
            tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change,
            history_size=history_size,
            line_search_fn=line_search_fn,
        )

    def _check_group(self, group: dict[str, Any]) -> None:
        if any(other["params"] is not group["params"] for other in self.param_groups):
            raise ValueError("LBFGS has one group: its direction depends on all parameters together")
        if len({p.dtype for p in group["params"]}) > 1:
            raise ValueError(f"LBFGS needs parameters of one dtype; got {sorted({str(p.dtype) for p in group['params']})}")
        if group["line_search_fn"] not in {None, "strong_wolfe"}:
            raise ValueError(f"line_search_fn is 'strong_wolfe' or None; got {group['line_search_fn']!r}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to `max_iter` iterations; returns the loss that the closure gave first."""
        if closure is None:
            raise TypeError("LBFGS evaluates the loss several times: step(closure), where closure() computes loss and gradient")
        h, flat = self._settings(self.param_groups[0]), self._flats[0][0]
        if h["max_eval"] is None:
            h["max_eval"] = h["max_iter"] * 5 // 4
        with ag.enable_grad():
            first = closure()
        flat.gather()
        if self.skip_nonfinite and self._is_skipped():
            return first
        memory = self.memory = {"func_evals": 0, "n_iter": 0} | self.memory
        memory["func_evals"] += 1
        sign = -1.0 if h["maximize"] else 1.0
        here = Point(0.0, sign * float(first), self._gradient(sign), 0.0)
        self._iterate(here, h, lambda: sign * float(closure()), sign)
        flat.release()
        self.step_count += 1
        return first

    def _iterate(self, here: Point, h: Mapping[str, Any], closure: Callable[[], float], sign: float) -> None:
        memory, evaluations = self.memory, 1
        if _largest(here.gradient) <= h["tolerance_grad"]:
            return
        for iteration in range(1, h["max_iter"] + 1):
            memory["n_iter"] += 1
            g = here.gradient
            d = memory["d"] = self._direction(g, h["history_size"])
            memory["prev_flat_grad"], memory["prev_loss"] = g, here.value
            first = min(1.0, 1.0 / float(np.abs(g).sum())) if memory["n_iter"] == 1 else 1.0
            memory["t"] = first * h["lr"]
            start = Point(0.0, here.value, g, float(g.dot(d)))
            if start.slope > -h["tolerance_change"]:
                break
            here, calls = self._moved(start, d, h, closure, sign, iteration, h["max_eval"] - evaluations)
            memory["t"] = here.t
            evaluations += calls
            memory["func_evals"] += calls
            if evaluations >= h["max_eval"] or _largest(here.gradient) <= h["tolerance_grad"]:
                break
            if _largest(d) * abs(here.t) <= h["tolerance_change"] or abs(here.value - start.value) < h["tolerance_change"]:
                break

    def _moved(
        self, start: Point, d: Any, h: Mapping[str, Any], closure: Callable[[], float], sign: float, iteration: int, most: int
    ) -> tuple[Point, int]:
        """Go along d; the point that was reached, and how often the closure was called."""
        flat, t = self._flats[0][0], self.memory["t"]
        origin = flat.real.copy()

        def go(t: float) -> None:
            np.add(origin, t * d, out=flat.real)
            for p in flat.params:
                p.overwritten()

        def evaluate(t: float) -> Point:
            go(t)
            with ag.enable_grad():
                value = closure()
            flat.gather()
            g = self._gradient(sign)
            return Point(t, math.inf if math.isnan(value) else value, g, float(g.dot(d)))

        if h["line_search_fn"] is None:
            if iteration < h["max_iter"]:  # the last gradient would not be used: the next step begins with one of its own
                return evaluate(t), 1
            go(t)
            return start._replace(t=t), 0
        found, calls = strong_wolfe(evaluate, start, t, _largest(d), h["tolerance_change"], most)
        go(found.t)
        return found, calls

    def _gradient(self, sign: float) -> Any:
        """All gradients, in one new array."""
        flat = self._flats[0][0]
        parts = [
            np.zeros(b - a, flat.real.dtype, like=foreign(flat.real)) if g is None else g
            for g, (a, b) in zip(flat.grads, flat.spans, strict=True)
        ]
        return sign * np.concatenate(parts)

    def _direction(self, g: Any, history_size: int) -> Any:
        """-H g by two loops over the history, newest first and then oldest first."""
        memory = self.memory
        if memory["n_iter"] == 1:
            memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        self._remember(g - memory["prev_flat_grad"], memory["d"] * memory["t"], history_size)
        history = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
        q, weights = -g, []
        for y, s, r in reversed(history):
            weights.append(r * float(s.dot(q)))
            q -= weights[-1] * y
        q *= memory["H_diag"]
        for (y, s, r), weight in zip(history, reversed(weights), strict=True):
            q += (weight - r * float(y.dot(q))) * s
        return q

    def _remember(self, y: Any, s: Any, history_size: int) -> None:
        """Keep a change of the gradient and the step that made it, if the curvature along it is positive."""
        memory, ys = self.memory, float(y.dot(s))
        if ys > 1e-10:
            for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / ys)):
                memory[name] = [*memory[name], value][-history_size:]
            memory["H_diag"] = ys / float(y.dot(y))

    def state_dict(self) -> dict[str, Any]:
        """As of every optimizer; the history is with parameter 0, under PyTorch's names."""
        copied = {n: [*map(_copied, v)] if isinstance(v, list) else _copied(v) for n, v in self.memory.items()}
        return super().state_dict() | {"state": {0: copied} if copied else {}}

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        given = dict(next(iter(state_dict["state"].values()), {}))
        memory = _memory({n: v for n, v in given.items() if n != "al" and v is not None}, self._flats[0][0].real)
        super()._load({**state_dict, "state": {}})
        self.memory = memory


# what is remembered, and how a loaded value becomes it: from the first step, and from the first iteration
_ALWAYS: dict[str, Callable[[Any, Any], Any]] = dict.fromkeys(("func_evals", "n_iter"), lambda value, _own: count(value))
_LATER: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("t", "H_diag", "prev_loss"), lambda value, _own: float(value)),
    **dict.fromkeys(("d", "prev_flat_grad"), lambda value, own: array_like("the history", value, own)),
    **dict.fromkeys(("old_dirs", "old_stps"), lambda value, own: [array_like("the history", x, own) for x in value]),
    "ro": lambda value, _own: [float(x) for x in value],
}


def _memory(given: Mapping[str, Any], own: Any) -> dict[str, Any]:
    """A loaded memory, if it is complete and fits to the parameters `own`."""
    kinds = _ALWAYS | _LATER if given.get("n_iter") else _ALWAYS if given else {}
    wrong = sorted(map(str, given.keys() ^ kinds.keys()))
    if wrong:
        raise ValueError(f"its history has too much or too little of {wrong}")
    memory = {name: kinds[name](value, own) for name, value in given.items()}
    if len({len(memory[name]) for name in ("old_dirs", "old_stps", "ro") if name in memory}) > 1:
        raise ValueError("its history has lists of different lengths")
    return memory


def _largest(x: Any) -> float:
    return float(np.abs(x).max()) if x.size else 0.0


def _copied(x: Any) -> Any:
    return np.array(to_host(x))
