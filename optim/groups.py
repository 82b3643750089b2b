"""Groups of parameters by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["groups_by_name"]


def groups_by_name(
    named_parameters: Iterable[tuple[str, Any]], settings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Put parameters into groups by patterns of their names, each with settings of its own.

    Args:
        named_parameters: pairs of name and parameter, such as `module.named_parameters()`.
        settings: for each pattern the settings that differ from the optimizer's. A pattern has `*` for any text and `?` for
            any character; of several that fit a name the first counts.

    Returns:
        Groups for an optimizer: one for each pattern, and one for the parameters that no pattern fits.

    Raises:
        ValueError: a pattern fits no name, or only names that an earlier one fits.

    >>> import optim
    >>> from nn import Linear, Sequential
    >>> net = Sequential(Linear(2, 3), Linear(3, 1))
    >>> groups = groups_by_name(net.named_parameters(), {"*.bias": {"weight_decay": 0.0}, "0.*": {"lr": 1e-4}})
    >>> [group["param_names"] for group in groups]
    [['0.bias', '1.bias'], ['0.weight'], ['1.weight']]
    >>> adam = optim.AdamW(groups, lr=1e-3)
    """
    found: dict[str | None, list[tuple[str, Any]]] = {pattern: [] for pattern in settings}
    rest: list[tuple[str, Any]] = []
    for name, parameter in named_parameters:
        pattern = next((pattern for pattern in settings if fnmatchcase(name, pattern)), None)
        found.get(pattern, rest).append((name, parameter))
    unused = [pattern for pattern, members in found.items() if not members]
    if unused:
        names = [name for members in (*found.values(), rest) for name, _ in members]
        raise ValueError(f"no parameter is left for {unused}; the names are {names}, and the first pattern that fits counts")
    listed = [*((members, settings[str(pattern)]) for pattern, members in found.items()), (rest, {})]
    return [
        {"params": [p for _, p in members], "param_names": [name for name, _ in members], **own}
        for members, own in listed
        if members
    ]
