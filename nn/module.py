"""`Module` and `Parameter`: layers are plain objects, and what they hold is found by looking at their attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np

from autograd_core import DTypeError, ShapeError, Tensor, load, no_grad, save
from autograd_core.arrays import beside, to_host, values_of
from autograd_core.text import one_line

from .summary import Summary

__all__ = ["Buffer", "Module", "Parameter", "StateDictError", "substituted"]


class Parameter(Tensor):
    """A leaf tensor that a module trains. Keeps the dtype of the data; requires a gradient.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__(data, requires_grad=requires_grad, dtype=dtype, name=name)


class Buffer(Tensor):
    """An array that belongs to a module and is not trained: saved with it, converted with it. Running averages, for example.

    Args:
        data: as for a Tensor.
        dtype: convert to this dtype.
        persistent: whether it is part of the state dict.

    >>> Buffer([0.0, 0.0]).requires_grad
    False
    """

    __slots__ = ("persistent",)

    def __init__(self, data: Any, dtype: Any = None, persistent: bool = True) -> None:
        super().__init__(data, dtype=dtype)
        self.persistent = persistent

    def __reduce__(self) -> Any:
        return type(self), (self.data, None, self.persistent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        return type(self)(self.data.copy(), None, self.persistent)


class StateDictError(ShapeError, KeyError):
    """Names or shapes of a state dict that do not fit a module; nothing was changed.

    >>> from nn import Linear
    >>> try:
    ...     Linear(2, 1).load_state_dict({"weight": np.ones((1, 3))})
    ... except StateDictError as error:
    ...     print(str(error).splitlines()[1])
      missing: bias
    """

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show it in quotes, on one line


def _plain(value: Any) -> Any:
    """What stands in a state dict as a plain array; as one of objects, which fits nowhere, if it is no array of numbers."""
    if isinstance(value, Tensor):
        return value.numpy()
    try:
        array = np.asarray(to_host(value))
    except Exception:  # noqa: BLE001  uneven lists, and objects of others, which may raise anything
        return np.empty((), object)
    return array if array.dtype.kind in "biufc" else array.astype(object)


class LoadResult(NamedTuple):
    """What `load_state_dict(strict=False)` left alone."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Hook:
    """A registered hook; `remove()` takes it out again, also as a context manager."""

    def __init__(self, hooks: list[Any], function: Callable[..., Any]) -> None:
        self.hooks, self.function = hooks, function
        hooks.append(self)

    def remove(self) -> None:
        """Call the function no longer."""
        if self in self.hooks:
            self.hooks.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


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
    _before: list[Hook] | tuple[()] = ()
    _after: list[Hook] | tuple[()] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, (Parameter, Buffer)) and not (value is None or isinstance(value, (Parameter, Buffer))):
            kind = type(held).__name__
            raise TypeError(
                f"{type(self).__name__}.{name} is a {kind}; a {type(value).__name__} in its place would be neither saved nor "
                f"trained. Write into it with `.copy_(values)` under no_grad(), or assign a {kind}"
            )
        if isinstance(value, Module) and any(module is self for module in value.modules()):
            raise ValueError(
                f"{type(self).__name__}.{name}: a module cannot stand inside itself. For a reference back to the module around "
                "this one, put it into a tuple: modules in tuples are not looked for"
            )
        super().__setattr__(name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; what calling the module does."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for hook in (*self._before,):
            changed = hook.function(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*args, **kwargs)
        for hook in (*self._after,):
            changed = hook.function(self, args, output)
            output = output if changed is None else changed
        return output

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> Hook:
        """Call `hook(module, args)` before every forward; what it returns, if anything, replaces the arguments.

        Returns:
            A handle with `remove()`.
        """
        self._before = self._before or []
        return Hook(self._before, hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> Hook:
        """Call `hook(module, args, output)` after every forward; what it returns, if anything, replaces the output.

        Returns:
            A handle with `remove()`.

        >>> from nn import Linear
        >>> layer, shapes = Linear(2, 3), []
        >>> with layer.register_forward_hook(lambda module, args, output: shapes.append(output.shape)):
        ...     y = layer(np.ones((4, 2), np.float32))
        >>> shapes
        [(4, 3)]
        """
        self._after = self._after or []
        return Hook(self._after, hook)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules held directly, with their attribute names."""
        held = [*vars(self).items()]  # at once: another thread may set an attribute meanwhile, such as a first hook
        return ((name, value) for name, value in held if isinstance(value, Module))

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

    def _held(self, kind: type[Tensor], remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        """Tensors of a kind with dotted names."""
        seen: set[int] = set()
        for prefix, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, value in [*vars(module).items()]:  # as above
                if isinstance(value, kind) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names; a shared one once, under its first name, unless `remove_duplicate` is False."""
        return self._held(Parameter, remove_duplicate)

    def named_buffers(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Buffer]]:
        """All buffers with dotted names."""
        return self._held(Buffer, remove_duplicate)

    def buffers(self) -> Iterator[Buffer]:
        """All buffers; a shared one once."""
        return (buffer for _, buffer in self.named_buffers())

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
        """Call `fn` on every module inside, in their order, each after those inside it; on this one last."""
        found: dict[int, Module] = {}
        pending: list[Module] = [self]
        while pending:
            module = pending.pop()
            if id(module) not in found:
                found[id(module)] = module
                pending += module.children()  # the last one comes next: the reverse of the order that is wanted
        for module in reversed(found.values()):
            fn(module)
        return self

    def astype(self, dtype: Any) -> Self:
        """Convert parameters, their gradients and the buffers that hold floating-point numbers to a dtype, in place."""
        floating = (buffer for buffer in self.buffers() if buffer.dtype.kind == "f")
        for tensor in (*self.parameters(), *floating):
            grad = tensor.grad
            tensor.data = tensor.data.astype(dtype)
            tensor.grad = None if grad is None else grad.astype(dtype)
        return self

    def to(self, like: Any) -> Self:
        """Move parameters, their gradients and all buffers to where an array is, in place: to a GPU and back.

        Args:
            like: an array of CuPy, or of another library that speaks NumPy's protocols, on the device that is meant; a NumPy
                array, such as `np.empty(0)`, brings the module to the host. Dtypes stay. Make optimizers afterwards.

        Raises:
            DTypeError: `like` is no array, but the name of a device, say.

        >>> from nn import Linear
        >>> type(Linear(2, 1).to(like=np.empty(0)).weight.data)  # it was there already
        <class 'numpy.ndarray'>
        """
        if getattr(like, "dtype", np.dtype(object)).kind not in "biufc":
            raise DTypeError(f"to takes an array that is on the device that is meant; got {one_line(like, 60)}")
        like = values_of(like)
        for tensor in (*self.parameters(), *self.buffers()):
            grad = tensor.grad
            tensor.data = beside(to_host(tensor.data), like)
            tensor.grad = None if grad is None else beside(to_host(grad.data), like)
        return self

    def _state(self) -> dict[str, Tensor]:
        """What is saved, by name and in PyTorch's order: of each module its parameters, then its buffers."""
        found: dict[str, Tensor] = {}
        for prefix, module in self.named_modules(remove_duplicate=False):
            values = [(f"{prefix}.{name}" if prefix else name, value) for name, value in vars(module).items()]
            found.update((name, value) for name, value in values if isinstance(value, Parameter))
            found.update((name, value) for name, value in values if isinstance(value, Buffer) and value.persistent)
        return found

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of parameters and persistent buffers by name, with PyTorch's names and shapes; shared ones repeated."""
        return {name: np.array(tensor.numpy()) for name, tensor in self._state().items()}

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> LoadResult:
        """Write values by name into parameters and buffers.

        Args:
            state_dict: arrays or Tensors by name (PyTorch's: `{k: v.numpy() for k, v in module.state_dict().items()}`).
            strict: refuse missing and unexpected names.

        Returns:
            The names that were left alone: `missing_keys` and `unexpected_keys`; empty if strict.

        Raises:
            StateDictError: a shape differs, values are of a kind that cannot be stored (complex for real, real for integer)
                or, with `strict`, names are missing or unexpected. It lists all of them, and nothing is changed.
        """
        own = self._state()
        if not isinstance(state_dict, Mapping):
            raise StateDictError(f"a state dict is a dict of arrays by name; got a {type(state_dict).__name__}")
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        given = {name: _plain(state_dict[name]) for name in own if name in state_dict}
        mismatched = [
            f"{name} (has {own[name].shape}, given {value.shape})"
            for name, value in given.items()
            if own[name].shape != value.shape
        ]
        unusable = [
            f"{name} (is {own[name].dtype}, given {value.dtype})"
            for name, value in given.items()
            if not np.can_cast(value.dtype, own[name].dtype, "same_kind")
        ]
        wrong = {"missing": missing, "unexpected": unexpected} if strict else {}
        wrong |= {"other shape": mismatched, "other kind of values": unusable}
        lines = [f"  {what}: {', '.join(map(one_line, names))}" for what, names in wrong.items() if names]
        if lines:
            raise StateDictError("\n".join([f"the state dict does not fit {type(self).__name__}:", *lines]))
        with no_grad():
            for name, value in given.items():
                own[name].copy_(value)
        return LoadResult(missing, unexpected)

    def save(self, path: str | PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
        """Write the state dict to a safetensors file, whole or not at all (`ag.save`).

        Args:
            path: the file, replaced if it exists.
            metadata: texts by name to keep with it.

        Raises:
            SaveError: the file could not be written; what was there before is unchanged.
            MissingExtraError: safetensors is not installed.

        >>> import tempfile, pathlib
        >>> from nn import Linear
        >>> path, layer, other = pathlib.Path(tempfile.mkdtemp()) / "layer.safetensors", Linear(2, 3), Linear(2, 3)
        >>> layer.save(path); other.load(path); bool((other(np.ones(2)) == layer(np.ones(2))).all())
        LoadResult(missing_keys=[], unexpected_keys=[])
        True
        """
        save(path, self.state_dict(), metadata)

    def load(self, path: str | PathLike[str], strict: bool = True) -> LoadResult:
        """Read a state dict from a safetensors file, also one that PyTorch wrote, into parameters and buffers.

        Args:
            path: the file.
            strict: refuse missing and unexpected names.

        Returns:
            The names that were left alone, as from `load_state_dict`.

        Raises:
            DataError: no safetensors file, or a damaged one.
            StateDictError: what is in it does not fit; nothing was changed.
            MissingExtraError: safetensors is not installed.
        """
        return self.load_state_dict(load(path), strict)

    def summary(self, input_shape: Any = None, *more: Any) -> Summary:
        """A table of the modules inside: name, type, shape of the output, number of parameters.

        Args:
            input_shape: such as `(64, 784)`, for zeros of the parameters' dtype; or an input, such as an array of integers for
                an embedding. It is evaluated once, in evaluation mode and without recording; None leaves out the shapes.
            more: the same for further arguments.

        >>> from nn import Linear, ReLU, Sequential
        >>> print(Sequential(Linear(4, 8), ReLU(), Linear(8, 2)).summary((1, 4)))
        layer  type        output   parameters
               Sequential  (1, 2)           58
        0      Linear      (1, 8)           40
        1      ReLU        (1, 8)            0
        2      Linear      (1, 2)           18
        58 parameters, 58 trained, 232 bytes
        """
        return Summary(self, () if input_shape is None else (input_shape, *more))

    def _repr_html_(self) -> str:
        return Summary(self, ())._repr_html_()

    def extra_repr(self) -> str:
        """What to show between the brackets of the repr."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({one_line(name)}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        lines = [text for text in (self.extra_repr(), *lines) if text] if lines else []
        inside = self.extra_repr() if not lines else "\n  " + "\n  ".join(lines) + "\n"
        return f"{type(self).__name__}({inside})"


@contextmanager
def substituted(module: Module, values: Mapping[str, Any]) -> Iterator[Module]:
    """Let other tensors stand for parameters and buffers while the block runs: a module as a function of its parameters.

    Args:
        module: changed during the block only; shared parameters are replaced wherever they stand.
        values: Tensors (or arrays) by the names of `named_parameters()` and `named_buffers()`.

    Raises:
        StateDictError: a name is not in the module, or a shape differs.

    >>> import autograd_core as ag
    >>> from nn import Linear
    >>> layer = Linear(2, 1)
    >>> def loss(parameters):
    ...     with substituted(layer, parameters):
    ...         return layer(np.ones((4, 2))).sum()
    >>> ag.grad(loss)({"weight": np.ones((1, 2)), "bias": np.zeros(1)})
    {'weight': array([[4., 4.]]), 'bias': array([4.])}
    """
    known = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    wrong = [name for name in values if name not in known]
    wrong += [
        f"{name} (has {known[name].shape})"
        for name in values.keys() & known.keys()
        if known[name].shape != np.shape(values[name])
    ]
    if wrong:
        raise StateDictError(f"substituted in {type(module).__name__}: unknown or of another shape: {', '.join(sorted(wrong))}")
    instead = {id(known[name]): value for name, value in values.items()}
    places = [(m, name, value) for m in module.modules() for name, value in vars(m).items() if id(value) in instead]
    try:
        for m, name, value in places:
            vars(m)[name] = instead[id(value)]
        yield module
    finally:
        for m, name, value in places:
            vars(m)[name] = value
