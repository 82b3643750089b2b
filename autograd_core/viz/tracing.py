"""`trace`: while it is on, every recorded op knows its source line, its module, and what went in and came out."""

from __future__ import annotations

import sys
from contextlib import ContextDecorator
from typing import Any, NamedTuple, Self

from ..anomaly import Watch
from ..dual import bare
from ..graph import modes
from .summaries import printable

__all__ = ["Call", "trace"]


class Call(NamedTuple):
    """One call of a module: two calls of a shared one differ in their number."""

    name: str
    type: str
    parameters: int
    number: int = 0
    given: frozenset[int] = frozenset()  # ids of the arrays that it was called with: they come from outside


class _Running(NamedTuple):
    call: Call
    frame: Any  # of Module.__call__: an exception may leave it without the forward hook being called


class trace(ContextDecorator):
    """Record for a picture: source lines, the calls of modules, all values, and which op a second-order op belongs to.

    What is recorded in the block keeps every argument and output alive, and computes checksums of what it saves: it is for
    drawing, not for training. Outside of the block nothing is slower. It sees this thread only.

    Args:
        models: modules (of `nn`, or anything with `named_modules` and forward hooks) whose calls are to be known.

    Raises:
        TypeError: a model is no module.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> with ag.viz.trace():
    ...     y = x * x
    >>> "y = x * x" in ag.viz.draw(y).html
    True
    """

    def __init__(self, *models: Any) -> None:
        for model in models:
            if not hasattr(model, "named_modules"):
                raise TypeError(f"trace takes modules, whose calls are to be known; got a {type(model).__name__}")
        self.models = models
        self._entered: list[tuple[Any, Any, list[Any]]] = []

    def __enter__(self) -> Self:
        watch = _Tracing(bool(getattr(modes.watch, "check_nan", False)))
        hooks = [hook for model in self.models for hook in watch.hooked(model)]
        self._entered.append((modes.watch, modes.recording, hooks))
        modes.watch = watch
        if modes.recording:
            modes.recording = None
        return self

    def __exit__(self, *exc: object) -> None:
        modes.watch, modes.recording, hooks = self._entered.pop()
        for hook in hooks:
            hook.remove()

    def _recreate_cm(self) -> trace:
        return type(self)(*self.models)


class _Tracing(Watch):
    """A watch that knows which modules are running."""

    def __init__(self, check_nan: bool) -> None:
        super().__init__(check_nan)
        self.running: list[_Running] = []
        self.calls = 0

    def hooked(self, model: Any) -> list[Any]:
        """Hooks on every module of the model, which follow its calls in this thread."""
        hooks = []
        for name, module in model.named_modules():
            count = sum(p.size for p in module.parameters())
            hooks.append(module.register_forward_pre_hook(self._entering(Call(printable(name), type(module).__name__, count))))
            hooks.append(module.register_forward_hook(self._leaving))
        return hooks

    def _entering(self, call: Call) -> Any:
        def enter(_module: Any, args: tuple[Any, ...]) -> None:
            if modes.watch is self:  # not in another thread
                self.scope()
                self.calls += 1
                given = frozenset(id(bare(x)) for x in args)
                self.running.append(_Running(call._replace(number=self.calls, given=given), sys._getframe(1)))

        return enter

    def _leaving(self, _module: Any, _args: Any, _output: Any) -> None:
        if modes.watch is self and self.running:
            self.running.pop()

    def scope(self) -> tuple[Call, ...]:
        """The calls that are running; those that ended by an exception are dropped."""
        if not self.running:
            return ()
        alive, frame = set(), sys._getframe(1)
        while frame is not None:
            alive.add(frame)
            frame = frame.f_back  # type: ignore[assignment]
        while self.running and self.running[-1].frame not in alive:
            self.running.pop()
        return tuple([running.call for running in self.running])
