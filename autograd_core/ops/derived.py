"""What functions composed of other rows share: errors that name them, and arguments brought into one form."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import beside
from ..dual import bare
from ..errors import AutogradError, NoRuleError, ShapeError
from ..graph import Op
from ..record import explained, implements


def derived(*numpy_functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `implements`, and NumPy's errors about shapes, axes and indices become ours, which name the function."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        op = Op(function.__name__, function, ())  # for its name in messages only

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except ShapeError as error:  # of a row that it is composed of
                if repr(op.name) in str(error):
                    raise
                raise type(error)(f"{op.name!r}: {error}") from error
            except AutogradError:
                raise
            except (ValueError, IndexError) as error:
                raise explained(error, op, tuple(bare(x) for x in args)) from error

        return implements(*numpy_functions)(call)

    return register


def as_operand(x: Any, *others: Any) -> Any:
    """An array or a Tensor as it is; numbers and lists as an array of the library that the others are of."""
    return x if hasattr(x, "shape") else beside(np.asarray(x), *others)


def refuse_out(name: str, out: Any) -> None:
    """Raise if a function whose result is recorded is asked to write it into an array."""
    if out is not None:
        raise NoRuleError(f"'{name}' does not take out=: use the value that it returns")
