"""Averages over time: of numbers, and of a model's weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import to_host

from .states import array_like, count, load_or_restore

__all__ = ["EMA", "SWA", "ExponentialAverage"]


class ExponentialAverage:
    """Exponentially weighted average of what it is given: numbers or arrays, one after the other.

        v = beta v + (1 - beta) x,    average = v / (1 - beta^t)

    Args:
        beta: weight of the past; about 1 / (1 - beta) values count.
        bias_correction: divide by the sum of the weights. Without, the average starts near zero.

    Attributes:
        value: the average; None before the first update.

    Source: Kingma and Ba, Adam, ICLR 2015, section 3.

    >>> average = ExponentialAverage(beta=0.5)
    >>> [average.update(x) for x in (1.0, 1.0, 4.0)]
    [1.0, 1.0, 2.7142857142857144]
    """

    def __init__(self, beta: float = 0.9, bias_correction: bool = True) -> None:
        if not 0 <= beta < 1:
            raise ValueError(f"beta is in [0, 1); got {beta}")
        self.beta, self.bias_correction = beta, bias_correction
        self._sum: Any = 0.0
        self._count = 0

    def update(self, x: Any) -> Any:
        """Take in a value; returns the average."""
        self._sum = self.beta * self._sum + (1 - self.beta) * x
        self._count += 1
        return self.value

    @property
    def value(self) -> Any:
        """The average; None before the first update."""
        if not self._count:
            return None
        return self._sum / (1 - self.beta**self._count) if self.bias_correction else self._sum

    def state_dict(self) -> dict[str, Any]:
        """What the next values depend on."""
        return {"sum": np.array(to_host(self._sum)), "count": self._count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            DataError: it is none; nothing was changed.
        """
        load_or_restore(self, state_dict)

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        total, seen = np.array(state_dict["sum"]), count(state_dict["count"])
        if total.dtype.kind not in "iufc":
            raise ValueError(f"a sum of dtype {total.dtype}")
        self._sum, self._count = total if total.ndim else total.item(), seen


class _AveragedWeights:
    """Averages of parameters: v = v + w (p - v) at every update, where w is 1 at the first one."""

    def __init__(self, parameters: Any) -> None:
        found = parameters.parameters() if hasattr(parameters, "parameters") else parameters
        self.parameters: list[Any] = [found] if isinstance(found, ag.Tensor) else list(found)
        if not self.parameters:
            raise ValueError("there is nothing to average: no parameters")
        self.averages = [p.data.copy() for p in self.parameters]
        self.count = 0

    def _weight(self, count: int) -> float:
        raise NotImplementedError

    def update(self) -> None:
        """Take in the weights as they are."""
        self.count += 1
        weight = 1.0 if self.count == 1 else self._weight(self.count)
        for average, p in zip(self.averages, self.parameters, strict=True):
            if average.shape != p.shape:
                raise ag.ShapeError(
                    f"parameter {p.name or ''} had shape {average.shape} when the average was made; now {p.shape}"
                )
            average += weight * (p.data - average)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The parameters have the averaged values while the block runs, and then their own again."""
        own = [p.data.copy() for p in self.parameters]
        try:
            self.copy_to_parameters()
            yield
        finally:
            _write(self.parameters, own)

    def copy_to_parameters(self) -> None:
        """Give the parameters the averaged values for good."""
        _write(self.parameters, self.averages)

    def state_dict(self) -> dict[str, Any]:
        """What the next updates depend on."""
        return {"averages": [np.array(to_host(a)) for a in self.averages], "count": self.count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ShapeError: of other parameters; nothing was changed.
            DataError: it is none; nothing was changed.
        """
        load_or_restore(self, state_dict)

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        given, own = [np.shape(a) for a in state_dict["averages"]], [a.shape for a in self.averages]
        if given != own:
            raise ag.ShapeError(f"the state has averages of shapes {given}; the parameters have {own}")
        for average, values in zip(self.averages, state_dict["averages"], strict=True):
            average[...] = array_like("an average", values, average)
        self.count = count(state_dict["count"])


class EMA(_AveragedWeights):
    """Exponential moving average of weights: often better than the last ones, and always smoother.

        v = decay v + (1 - decay) p

    starting from the weights at the first update; with `bias_correction` divided by 1 - decay^t instead, so that the first
    weights do not count more than the others.

    Args:
        parameters: a module, or parameters. Buffers are not averaged.
        decay: weight of the past.
        bias_correction: see there.

    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992; PyTorch's AveragedModel with
    get_ema_multi_avg_fn.

    >>> x = ag.Tensor([1.0], requires_grad=True)
    >>> ema = EMA([x], decay=0.5)
    >>> ema.update()
    >>> with ag.no_grad():
    ...     x = x.copy_([3.0])
    >>> ema.update()
    >>> with ema.applied():
    ...     print(x.numpy())
    [2.]
    >>> x.numpy()
    array([3.])
    """

    def __init__(self, parameters: Any, decay: float = 0.999, bias_correction: bool = False) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is in [0, 1); got {decay}")
        super().__init__(parameters)
        self.decay, self.bias_correction = decay, bias_correction

    def _weight(self, count: int) -> float:
        return (1 - self.decay) / (1 - self.decay**count if self.bias_correction else 1)


class SWA(_AveragedWeights):
    """Stochastic weight averaging: the plain mean of the weights at the updates, for instance at the end of each epoch.

    Args:
        parameters: a module, or parameters. Buffers are not averaged: running statistics of batch normalization belong to
            the weights that they were measured with, so measure them again with the averaged ones.

    Source: Izmailov et al., Averaging weights leads to wider optima and better generalization, UAI 2018; PyTorch's
    AveragedModel.

    >>> x = ag.Tensor([1.0], requires_grad=True)
    >>> swa = SWA([x])
    >>> for value in (1.0, 2.0, 6.0):
    ...     with ag.no_grad():
    ...         x = x.copy_([value])
    ...     swa.update()
    >>> swa.copy_to_parameters(); x
    Tensor([3.], requires_grad=True)
    """

    def _weight(self, count: int) -> float:
        return 1 / count


def _write(parameters: Iterable[Any], values: Iterable[Any]) -> None:
    with ag.no_grad():
        for p, value in zip(parameters, values, strict=True):
            p.copy_(value)
