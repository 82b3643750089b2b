"""`Stateless`: a function of `nn.functional` as a module."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_core import Tensor

from .module import Buffer, Module


class Stateless(Module):
    """A module that calls one function: its inputs are the function's arguments without a default, its options the others.

    `class ELU(Stateless, function=elu)` is all that a layer or loss without parameters needs: the constructor takes the
    options, with the function's names, order and defaults, and keeps them as attributes: arrays (weights of classes) as
    buffers, as PyTorch does.
    """

    _function: Callable[..., Any]
    _options: tuple[str, ...]
    __signature__: inspect.Signature

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if function is None:  # a subclass of ReLU: it has that function
            return
        parameters = inspect.signature(function).parameters.values()
        given = [p.replace(annotation=p.empty) for p in parameters if p.default is not p.empty]
        cls._function = staticmethod(function)
        cls._options = tuple(p.name for p in given)
        cls.__signature__ = inspect.Signature(given)  # what help() shows

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            bound = inspect.signature(type(self)).bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}{inspect.signature(type(self))}: {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            plain = np.ndim(value) and not (isinstance(value, Tensor) and value.requires_grad)
            setattr(self, name, Buffer(value) if plain else value)

    def forward(self, *inputs: Any) -> Any:
        """The function of these inputs, with the options of this module."""
        held = vars(self)
        return self._function(*inputs, **{name: held[name] for name in self._options})

    def extra_repr(self) -> str:
        """The options; of an array its shape."""
        values = {name: vars(self)[name] for name in self._options}
        shown = {k: f"array of shape {np.shape(v)}" if np.ndim(v) else repr(v) for k, v in values.items()}
        return ", ".join(f"{name}={text}" for name, text in shown.items())
