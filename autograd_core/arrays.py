"""Arrays of other libraries that speak NumPy's protocols, such as CuPy's on a GPU: how values get to them and back.

Everything that is computed stays where its operands are, because the rules are NumPy's functions, which the protocols hand to
the other library. What is left is here: constants, indices and random numbers are made by NumPy on the host and brought
`beside` an operand, and `to_host` brings results back. Nothing else crosses, and nothing crosses silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ArrayKindError
from .piece import Piece
from .text import one_line

__all__ = [
    "beside",
    "foreign",
    "is_foreign",
    "kind_of",
    "mixed",
    "one_kind",
    "overlap",
    "to_host",
    "unsupported",
    "values_of",
]

_OURS = (np.ndarray, np.generic, Piece)


def is_foreign(x: Any) -> bool:
    """Whether `x` itself is an array of another library that speaks NumPy's protocols (CuPy, say)."""
    return type(x) is not np.ndarray and hasattr(x, "__array_function__") and not (isinstance(x, _OURS) or hasattr(x, "_data"))


def _inside(x: Any) -> Any:
    """What Tensors and Duals hold, however they are nested; other objects with a `_data`, such as a table's column, stay."""
    while hasattr(x, "_data") and hasattr(x, "__array_function__"):
        x = x._data
    return x


def foreign(*values: Any) -> Any:
    """The first array of another library among these, or inside these Tensors and Duals; None if there is none."""
    for x in values:
        if type(x) is not np.ndarray:
            x = _inside(x)
            if is_foreign(x):
                return x
    return None


def beside(values: Any, *likes: Any) -> Any:
    """Values of the host as an array of the library that the others are of; as they are if that is NumPy.

    Args:
        values: NumPy array, number, or anything that is foreign already.
        likes: arrays, Tensors, Duals.
    """
    like = foreign(*likes)
    return values if like is None or foreign(values) is not None else np.asarray(values, like=like)


def to_host(x: Any) -> Any:
    """The values as a NumPy array: a foreign one by its own `get`, as CuPy calls it.

    Raises:
        ArrayKindError: the library has no `get`.
    """
    if not is_foreign(x):
        return x
    get = getattr(x, "get", None)
    if get is None:
        raise ArrayKindError(
            f"{kind_of(x)} arrays have no method get(), which copies to the host: convert them with what their library offers"
        )
    return get()


def values_of(x: Any) -> Any:
    """The array inside a Tensor or a Dual, of whatever library it is; numbers and lists as a NumPy array."""
    x = _inside(x)
    return x if is_foreign(x) else np.asanyarray(x)


def overlap(a: Any, b: Any) -> bool:
    """Whether two arrays may share memory; those of two libraries do not."""
    both = (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)) or (is_foreign(a) and type(a) is type(b))
    return both and bool(np.may_share_memory(a, b))


def one_kind(what: str, *values: Any) -> None:
    """Raise if these are arrays of more than one library.

    Raises:
        ArrayKindError: names them, and says how to bring them to one place.
    """
    if foreign(*values) is not None:
        refused = unsupported(what, TypeError(), *values)
        if mixed(*values) is not None and refused is not None:
            raise refused


def kind_of(x: Any) -> str:
    """What to call the library of an array: CuPy, NumPy ..., or its class."""
    x = foreign(x)
    if x is None:
        return "NumPy"
    library = type(x).__module__.partition(".")[0]
    return {"cupy": "CuPy"}.get(library, type(x).__name__)


def mixed(*values: Any) -> tuple[str, str] | None:
    """The names of two kinds, if arrays of more than one are among these; numbers go with all."""
    kinds: dict[str, None] = {}
    for x in values:
        for item in x if isinstance(x, (list, tuple)) else (x,):
            item = _inside(item)
            if isinstance(item, np.ndarray) or is_foreign(item):
                kinds[kind_of(item)] = None
    return None if len(kinds) < 2 else tuple(kinds)[:2]  # type: ignore[return-value]


def unsupported(what: str, error: Exception, *values: Any) -> ArrayKindError | None:
    """An error that says what is wrong with these arrays, if that they are foreign may be the reason; None if they are not.

    Args:
        what: what could not be computed.
        error: what the other library said.
        values: the operands.
    """
    kinds = mixed(*values)
    if kinds is not None:
        return ArrayKindError(
            f"{what} mixes {kinds[0]} and {kinds[1]} arrays: bring all of them to one place, a module by "
            "module.to(like=array), data by np.asarray(data, like=array)"
        )
    like = foreign(*(item for x in values for item in (x if isinstance(x, (list, tuple)) else (x,))))
    if like is None:
        return None
    return ArrayKindError(
        f"{what} cannot be computed with {kind_of(like)} arrays: {one_line(error, 200)}. docs/arrays.md lists what is missing; "
        "t.numpy() has the values on the host"
    )
