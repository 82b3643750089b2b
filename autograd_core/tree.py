"""Nested tuples, lists and dicts of arrays: taken apart into leaves and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "paths"]


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
        filled = {key: _filled(value, leaves) for key, value in tree.items()}
        return filled if type(tree) is dict else type(tree)(filled)
    if isinstance(tree, (list, tuple)):
        items = [_filled(item, leaves) for item in tree]
        return type(tree)(*items) if _is_namedtuple(tree) else type(tree)(items)
    return None if tree is None else next(leaves)


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """List the leaves of a tree, and give the function that puts new leaves into its structure. None holds no leaf."""
    return [leaf for _, leaf in _leaves(tree, "")], lambda leaves: _filled(tree, iter(leaves))


def paths(tree: Any, root: str) -> list[str]:
    """How each leaf is reached from the root, as in `params['w'][0]`."""
    return [path for path, _ in _leaves(tree, root)]
