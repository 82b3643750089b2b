"""`Module` and `Parameter`: layers are plain objects, and what they hold is found by looking at their attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from autograd_core import ShapeError, Tensor, no_grad

__all__ = ["Identity", "Module", "Parameter", "Sequential"]


class Parameter(Tensor):
    """A leaf tensor that a module trains. Keeps the dtype of the data; requires a gradient.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__(data, requires_grad=requires_grad, dtype=dtype, name=name)


class Module:
    """A layer or a network. Subclasses set parameters and modules as attributes and define `forward`.

    >>> from nn import Linear
    >>> class Net(Module):
    ...     def __init__(self):
    ...         self.hidden = Linear(2, 3)
    ...         self.out = Linear(3, 1)
    ...     def forward(self, x):
    ...         return self.out(np.tanh(self.hidden(x)))
    >>> [name for name, _ in Net().named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; what calling the module does."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules held directly, with their attribute names."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules held directly."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with dotted names; each once, unless `remove_duplicate` is False."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [(prefix, self)]
        while pending:
            name, module = pending.pop()
            if id(module) not in seen or not remove_duplicate:
                seen.add(id(module))
                yield name, module
                inner = [(f"{name}.{child}" if name else child, m) for child, m in module.named_children()]
                pending += reversed(inner)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it; each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names; a shared one once, under its first name, unless `remove_duplicate` is False."""
        seen: set[int] = set()
        for prefix, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def parameters(self) -> Iterator[Parameter]:
        """All parameters; a shared one once."""
        return (parameter for _, parameter in self.named_parameters())

    def train(self, mode: bool = True) -> Self:
        """Set training mode (dropout drops, batch norm uses the batch) here and inside."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and inside."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call `fn` on every module inside, and on this one last."""
        for module in [*self.modules()][::-1]:
            fn(module)
        return self

    def astype(self, dtype: Any) -> Self:
        """Convert all parameters to a dtype, in place."""
        for parameter in self.parameters():
            parameter.data = parameter.data.astype(dtype)
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters by name, with PyTorch's names and shapes; a shared one under each of its names."""
        return {name: parameter.numpy().copy() for name, parameter in self.named_parameters(remove_duplicate=False)}

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> None:
        """Write values by name into the parameters.

        Args:
            state_dict: arrays or Tensors by name.
            strict: refuse missing and unexpected names.

        Raises:
            KeyError: with `strict`, names are missing or unexpected. Nothing is changed.
            ShapeError: shapes differ. Nothing is changed.
        """
        own = dict(self.named_parameters(remove_duplicate=False))
        missing, unexpected = sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys())
        if strict and (missing or unexpected):
            raise KeyError(f"the state dict does not fit: missing {missing}, unexpected {unexpected}")
        wrong = [
            f"{name} is {own[name].shape}, given {np.shape(state_dict[name])}"
            for name in own.keys() & state_dict.keys()
            if own[name].shape != np.shape(state_dict[name])
        ]
        if wrong:
            raise ShapeError("the state dict has other shapes: " + "; ".join(sorted(wrong)))
        with no_grad():
            for name in own.keys() & state_dict.keys():
                own[name].copy_(state_dict[name])

    def extra_repr(self) -> str:
        """What to show between the brackets of the repr."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        inside = self.extra_repr() if not lines else "\n  " + "\n  ".join(lines) + "\n"
        return f"{type(self).__name__}({inside})"


class Identity(Module):
    """Gives back its input."""

    def forward(self, x: Any) -> Any:
        """x of any shape, unchanged."""
        return x


class Sequential(Module):
    """Modules applied one after the other, named 0, 1, 2 ...

    >>> from nn import Linear, ReLU
    >>> Sequential(Linear(2, 3), ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential takes modules, one by one; argument {i} is a {type(module).__name__}")
            setattr(self, str(i), module)

    def forward(self, x: Any) -> Any:
        """Each module's output is the next one's input."""
        for module in self.children():
            x = module(x)
        return x

    def __len__(self) -> int:
        return len([*self.children()])

    def __getitem__(self, i: int) -> Module:
        return [*self.children()][i]

    def __iter__(self) -> Iterator[Module]:
        return self.children()
