"""What is true of modules while a block runs, and is undone after it, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module

__all__ = ["in_mode", "watched"]


@contextmanager
def in_mode(module: Module, training: bool) -> Iterator[None]:
    """Training or evaluation mode while the block runs; then every module has its own again."""
    before = [(m, m.training) for m in module.modules()]
    try:
        module.train(training)
        yield
    finally:
        for m, mode in before:
            m.training = mode


@contextmanager
def watched(modules: Iterable[tuple[Any, Module]], note: Callable[[Any, Module, Any], None]) -> Iterator[None]:
    """Call `note(key, module, output)` after every call of these (key, module) pairs, while the block runs."""
    with ExitStack() as hooks:
        for key, m in modules:
            hooks.enter_context(m.register_forward_hook(lambda m, _args, output, key=key: note(key, m, output)))
        yield
