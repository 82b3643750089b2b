"""Modules that hold modules, and those that only change shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

import autograd_core as ag

from .module import Module

__all__ = ["Flatten", "Identity", "ModuleDict", "ModuleList", "Residual", "Sequential", "Unflatten"]


class Identity(Module):
    """Gives back its input.

    >>> Identity()(np.array([1.0, 2.0]))
    array([1., 2.])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape, unchanged."""
        return x


class _Numbered(Module):
    """Modules in a row, named by numbers."""

    def append(self, module: Module) -> Self:
        """One more module at the end."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """More modules at the end."""
        for module in modules:
            number = len(self)
            while str(number) in vars(self):  # a slice keeps the names
                number += 1
            setattr(self, str(number), self._checked(module))
        return self

    def _checked(self, module: Any) -> Module:
        if not isinstance(module, Module):
            raise TypeError(f"a {type(self).__name__} takes modules; got a {type(module).__name__}")
        return module

    def __len__(self) -> int:
        return len([*self.children()])

    def __getitem__(self, i: int | slice) -> Any:
        return [*self.children()][i]

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, [name for name, _ in self.named_children()][i], self._checked(module))

    def __iter__(self) -> Iterator[Module]:
        return self.children()


class Sequential(_Numbered):
    """Modules applied one after the other, named 0, 1, 2 ..., or by the keys of one dict of modules.

    >>> from nn import Linear, ReLU
    >>> Sequential(Linear(2, 3), ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    >>> [name for name, _ in Sequential({"hidden": Linear(2, 3), "act": ReLU()}).named_parameters()]
    ['hidden.weight', 'hidden.bias']
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        by_number = {str(i): module for i, module in enumerate(modules)}
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else by_number
        for name, module in named.items():
            if not isinstance(module, Module):
                raise TypeError(
                    f"Sequential takes modules one by one, or one dict of them; argument {name} is a {type(module).__name__}"
                )
            setattr(self, _free_name(self, name), module)

    def forward(self, x: Any) -> Any:
        """Each module's output is the next one's input."""
        for module in self.children():
            x = module(x)
        return x

    def __getitem__(self, i: int | slice) -> Any:
        return Sequential(dict([*self.named_children()][i])) if isinstance(i, slice) else super().__getitem__(i)


class ModuleList(_Numbered):
    """A list of modules, named 0, 1, 2 ...; it has no forward of its own.

    >>> from nn import Linear
    >>> layers = ModuleList([Linear(2, 2) for _ in range(3)])
    >>> len(layers), [name for name, _ in layers.named_parameters()][:2]
    (3, ['0.weight', '0.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def __getitem__(self, i: int | slice) -> Any:
        return ModuleList(super().__getitem__(i)) if isinstance(i, slice) else super().__getitem__(i)


def _free_name(module: Module, name: str) -> str:
    """A name that a module inside can have."""
    if not name or "." in name or hasattr(type(module), name):
        raise ValueError(f"'{name}' cannot name a module: give a name without dots that is no attribute of Module")
    return name


class ModuleDict(Module):
    """Modules by name.

    Raises:
        TypeError: a value is no module.
        ValueError: a name is empty, has a dot, or belongs to an attribute that every module has.

    >>> from nn import Linear
    >>> heads = ModuleDict({"digit": Linear(4, 10), "parity": Linear(4, 2)})
    >>> heads["parity"](np.ones((1, 4), np.float32)).shape
    (1, 2)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"a ModuleDict takes modules; '{name}' is a {type(module).__name__}")
        setattr(self, _free_name(self, name), module)

    def __getitem__(self, name: str) -> Module:
        found = dict(self.named_children())
        if name not in found:
            raise KeyError(f"no module '{name}'; there are {', '.join(found)}")
        return found[name]

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in dict(self.named_children())

    def __len__(self) -> int:
        return len([*self.children()])

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.named_children()))

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self)

    def values(self) -> Iterator[Module]:
        """The modules."""
        return self.children()

    def items(self) -> Iterator[tuple[str, Module]]:
        """Names and modules."""
        return self.named_children()


class Residual(Module):
    """`x + inner(x)`: the gradient has a way around the inner module (He et al., CVPR 2016).

    Args:
        inner: what is added to its input; must keep the shape.
        shortcut: applied to x on the other way, where shapes differ (a 1x1 convolution, say).

    >>> from nn import Linear
    >>> Residual(Linear(3, 3))(np.zeros((2, 3), np.float32)).shape
    (2, 3)
    """

    def __init__(self, inner: Module, shortcut: Module | None = None) -> None:
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x: Any) -> Any:
        """x and inner(x) of one shape."""
        y, around = self.inner(x), x if self.shortcut is None else self.shortcut(x)
        if np.shape(y) != np.shape(around):
            raise ag.ShapeError(
                f"Residual: the inner module gives shape {np.shape(y)} beside {np.shape(around)}; give it a shortcut= module"
            )
        return around + y


class Flatten(Module):
    """Joins neighbouring axes into one; by default all but the first, which counts samples.

    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Any) -> Any:
        """x of any shape with these axes."""
        first, last = (_counted(axis, x) for axis in (self.start_axis, self.end_axis))
        if first > last:
            raise ag.ShapeError(f"Flatten from axis {self.start_axis} to {self.end_axis} of shape {x.shape}: none between them")
        return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_axis={self.start_axis}, end_axis={self.end_axis}"


def _counted(axis: int, x: Any) -> int:
    """An axis, counted from 0."""
    if not -x.ndim <= axis < x.ndim:
        raise ag.BoundsError(f"axis {axis} is out of bounds for shape {x.shape}")
    return axis % x.ndim


class Unflatten(Module):
    """Splits one axis into several.

    >>> Unflatten(1, (3, 4))(np.zeros((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, axis: int, unflattened_size: tuple[int, ...]) -> None:
        self.axis, self.unflattened_size = axis, tuple(unflattened_size)

    def forward(self, x: Any) -> Any:
        """x whose axis has as many elements as the new axes together; one of them may be -1."""
        k = _counted(self.axis, x)
        known = math.prod(n for n in self.unflattened_size if n != -1)
        fits = x.shape[k] == known or (-1 in self.unflattened_size and known > 0 and x.shape[k] % known == 0)
        if not fits:
            raise ag.ShapeError(f"Unflatten: axis {self.axis} of shape {x.shape} does not split into {self.unflattened_size}")
        return x.reshape(*x.shape[:k], *self.unflattened_size, *x.shape[k + 1 :])

    def extra_repr(self) -> str:
        """The axis and its new sizes."""
        return f"axis={self.axis}, unflattened_size={self.unflattened_size}"
