"""Nested tuples, lists and dicts of arrays: taken apart into leaves and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from .errors import ShapeError

__all__ = ["flatten", "flatten_like", "paths"]


def _is_namedtuple(tree: Any) -> bool:
    return isinstance(tree, tuple) and hasattr(tree, "_fields")


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key in tree:
            yield from _leaves(tree[key], f"{path}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        for i, item in enumerate(tree):
            yield from _leaves(item, f"{path}[{i}]")
    elif tree is not None:
        yield path, tree


def _filled(tree: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, dict):
        filled = {} if type(tree) is dict else copy(tree)  # of a defaultdict its default too
        filled.update({key: _filled(value, leaves) for key, value in tree.items()})
        return filled
    if isinstance(tree, (list, tuple)):
        items = [_filled(item, leaves) for item in tree]
        return type(tree)(*items) if _is_namedtuple(tree) else type(tree)(items)
    return None if tree is None else next(leaves)


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """List the leaves of a tree, and give the function that puts new leaves into its structure. None holds no leaf."""
    return [leaf for _, leaf in _leaves(tree, "")], lambda leaves: _filled(tree, iter(leaves))


def flatten_like(tree: Any, like: Any, name: str) -> list[Any]:
    """List the leaves of a tree in the order of another one of the same structure; dicts are matched by key.

    Raises:
        ShapeError: the structures differ.
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            raise ShapeError(
                f"{name} needs the keys {list(like)}; got {list(tree) if isinstance(tree, dict) else type(tree).__name__}"
            )
        return [leaf for key in like for leaf in flatten_like(tree[key], like[key], f"{name}[{key!r}]")]
    if isinstance(like, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(like):
            got = len(tree) if isinstance(tree, (list, tuple)) else type(tree).__name__
            raise ShapeError(f"{name} needs {len(like)} items; got {got}")
        pairs = enumerate(zip(tree, like, strict=True))
        return [leaf for i, (item, model) in pairs for leaf in flatten_like(item, model, f"{name}[{i}]")]
    return [] if like is None else [tree]


def paths(tree: Any, root: str) -> list[str]:
    """How each leaf is reached from the root, as in `params['w'][0]`."""
    return [path for path, _ in _leaves(tree, root)]
