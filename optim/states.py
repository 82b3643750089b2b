"""Loading a state that may come from a damaged file: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, to_host
from autograd_core.text import one_line

__all__ = ["array_like", "count", "load_or_restore"]


def load_or_restore(owner: Any, state_dict: Mapping[str, Any]) -> None:
    """Let `owner._load` take a state; if that fails, put back the one that was there.

    Raises:
        ShapeError: with arrays of other shapes.
        DataError: no state of such an object at all.
    """
    before = owner.state_dict()
    try:
        owner._load(state_dict)
    except Exception as error:  # a state from a file may have anything in any place
        owner._load(before)
        if isinstance(error, ag.ShapeError):
            raise
        raise ag.DataError(f"this is no state for {type(owner).__name__}: {one_line(error, 300)}") from error


def count(value: Any) -> int:
    """A number of steps."""
    found = int(value)
    if not 0 <= found < 2**53:
        raise ValueError(f"a number of steps is at least 0; got {one_line(found, 40)}")
    return found


def array_like(name: str, value: Any, own: Any) -> Any:
    """An array that fits into another: its shape, and numbers that its dtype can hold."""
    array = np.asarray(to_host(value))
    if array.shape != own.shape or not np.can_cast(array.dtype, own.dtype, "same_kind"):
        raise ValueError(f"{name} has shape {array.shape} and dtype {array.dtype}; expected {own.shape} and {own.dtype}")
    return beside(array.astype(own.dtype), own)
