"""The one default random generator: initializers, dropout and shuffling draw from it unless given `rng=`."""

from __future__ import annotations

import threading

import numpy as np

from .graph import modes

__all__ = ["default_rng", "manual_seed"]


class _Generators(threading.local):
    def __init__(self) -> None:  # runs once in each thread
        self.rng = np.random.default_rng()


_generators = _Generators()


def manual_seed(seed: int) -> np.random.Generator:
    """Seed everything random in this thread, and return the generator.

    >>> import autograd_core as ag
    >>> a = ag.manual_seed(0).random()
    >>> a == ag.manual_seed(0).random()
    True
    """
    _generators.rng = np.random.default_rng(seed)
    return _generators.rng


def default_rng(rng: np.random.Generator | None = None) -> np.random.Generator:
    """The given generator, or this thread's default one.

    Raises:
        TypeError: a seed was given.

    >>> import autograd_core as ag
    >>> ag.default_rng() is ag.default_rng()
    True
    """
    if rng is None:
        return _generators.rng
    if isinstance(rng, (int, np.integer)):  # a seed: NumPy's function of this name takes one
        raise TypeError(f"rng= takes a generator; got {rng}: pass np.random.default_rng({rng}), or call ag.manual_seed({rng})")
    if modes.written is not None and id(rng) not in modes.written:  # what draws changes the generator
        modes.written[id(rng)] = rng, rng.bit_generator.state
    return rng
