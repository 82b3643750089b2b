"""`ReduceOnPlateau`: the one controller that looks at the training, and so has a state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import schedules
from .states import count, load_or_restore

if TYPE_CHECKING:
    from .optimizer import Optimizer

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau:
    """Multiply the learning rate by a factor when a metric has stopped improving.

    Call `step(metric)` once per epoch. A learning rate that is a schedule is scaled: it keeps its shape.

    Args:
        optimizer: whose groups' `lr` is changed.
        mode: "min" if the metric should fall, "max" if it should grow.
        factor: below 1.
        patience: so many epochs without improvement are borne.
        threshold: how much better than the best counts as an improvement ...
        threshold_mode: ... "rel" as a share of it, "abs" as a difference.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: never below this; one number, or one per group. Of a schedule, its value at the time is meant.
        eps: reductions by less are left out.

    Attributes:
        best: the best metric so far.
        reductions: how often the learning rate was reduced.

    Raises:
        ValueError: settings that cannot be meant.

    Source: PyTorch's ReduceLROnPlateau.

    >>> import autograd_core as ag
    >>> from optim import SGD
    >>> sgd = SGD([ag.Tensor([1.0], requires_grad=True)], lr=0.5)
    >>> plateau = ReduceOnPlateau(sgd, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     plateau.step(loss)
    >>> sgd.param_groups[0]["lr"], plateau.reductions
    (0.05, 1)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        if not 0 < factor < 1:
            raise ValueError(f"factor is between 0 and 1; got {factor}")
        if len(self.min_lrs) != groups:
            raise ValueError(f"min_lr is one number, or one for each of the {groups} groups; got {len(self.min_lrs)}")
        if (mode, threshold_mode) not in _BETTER:
            raise ValueError(f"mode is 'min' or 'max', threshold_mode 'rel' or 'abs'; got {mode!r} and {threshold_mode!r}")
        self.optimizer, self.factor, self.patience, self.threshold, self.eps = optimizer, factor, patience, threshold, eps
        self.cooldown = cooldown
        self._modes = mode, threshold_mode  # not their function, which could not be pickled
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = self.cooling = self.reductions = 0
        self._scales = [1.0] * groups  # of the learning rates that are schedules
        self._schedules = [group["lr"] if callable(group["lr"]) else None for group in optimizer.param_groups]

    def step(self, metric: Any) -> None:
        """Take in the metric of an epoch, and reduce the learning rate if it is time."""
        current = float(metric)
        improved = _BETTER[self._modes](current, self.best, self.threshold)
        self.best = current if improved else self.best
        self.bad_epochs = 0 if improved or self.cooling else self.bad_epochs + 1
        self.cooling = max(self.cooling - 1, 0)
        if self.bad_epochs > self.patience:
            self._reduce()
            self.reductions += 1
            self.bad_epochs, self.cooling = 0, self.cooldown

    def _reduce(self) -> None:
        for k, (group, least) in enumerate(zip(self.optimizer.param_groups, self.min_lrs, strict=True)):
            old = group["lr"](self.optimizer.step_count) if callable(group["lr"]) else group["lr"]
            new = max(old * self.factor, least)
            if old - new > self.eps:
                self._scales[k] *= new / old
                self._set(k, new)

    def _set(self, k: int, lr: float) -> None:
        schedule = self._schedules[k]
        self.optimizer.param_groups[k]["lr"] = lr if schedule is None else schedules.scale(schedule, self._scales[k])

    def state_dict(self) -> dict[str, Any]:
        """What the next calls depend on; load it after the optimizer's own state."""
        return {name: vars(self)[name] for name in ("best", *_COUNTS)} | {"scales": list(self._scales)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            DataError: it is none, or of another number of groups; nothing was changed.
        """
        load_or_restore(self, state_dict)

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        scales = [float(x) for x in state_dict["scales"]]
        best, counts = float(state_dict["best"]), {name: count(state_dict[name]) for name in _COUNTS}
        if len(scales) != len(self._scales) or not all(0 <= scale <= 1 for scale in scales) or math.isnan(best):
            raise ValueError(f"best {best} and scales {scales}, for {len(self._scales)} groups")
        self.best, self._scales = best, scales
        vars(self).update(counts)
        for k, schedule in enumerate(self._schedules):
            if schedule is not None:
                self._set(k, 0.0)


_COUNTS = ("bad_epochs", "cooling", "reductions")
_BETTER: dict[tuple[str, str], Callable[[float, float, float], bool]] = {
    ("min", "rel"): lambda a, best, threshold: a < best * (1 - threshold),
    ("min", "abs"): lambda a, best, threshold: a < best - threshold,
    ("max", "rel"): lambda a, best, threshold: a > best * (1 + threshold),
    ("max", "abs"): lambda a, best, threshold: a > best + threshold,
}
