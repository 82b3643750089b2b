"""What a row says about a layer or a loss, and how it is built here and in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

import nn

Inputs = Callable[[np.random.Generator], Sequence[Any]]


def normal(*shapes: tuple[int, ...]) -> Inputs:
    """Inputs drawn from a normal distribution, one per shape."""
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


@dataclass
class LayerSpec:
    """A layer of `nn`, its options, and inputs to try it with.

    Layers have PyTorch's names and arguments, so a row needs nothing more to be compared with it; where an argument has
    another name there (`axis` is `dim`), `torch_names` says so. Layers that PyTorch lacks give a `reference` instead: a
    function `(module, *arrays) -> output` in plain NumPy that does not use the engine.
    """

    name: str
    args: tuple[Any, ...] = ()
    inputs: Sequence[Inputs] = ()
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # every combination of these is tried
    options: Sequence[Mapping[str, Any]] = ({},)  # each of these on top, such as combinations that only work together
    torch_names: Mapping[str, str] = field(default_factory=dict)
    torch_name: str | None = None  # if another class is meant there
    reference: Callable[..., Any] | None = None
    call: Callable[..., Any] | None = None  # how to call ours, `call(module, *tensors)`, to give one array or a tuple
    torch_call: Callable[..., Any] | None = None  # the same for PyTorch's
    smooth: bool = True  # second derivatives exist at these inputs (kinks are fine where inputs stay off them)
    seeds: int = 1

    def variants(self) -> Iterator[dict[str, Any]]:
        """Keyword arguments to build the layer with."""
        for extra in self.options:
            for values in product(*self.grid.values()):
                yield dict(zip(self.grid, values, strict=True)) | dict(extra)

    def build(self, dtype: Any = np.float64, **options: Any) -> nn.Module:
        """Ours; dtype goes to layers that have parameters."""
        cls = getattr(nn, self.name)
        module = cls(*self.args, **options)
        return module.astype(dtype)

    def build_torch(self, torch: Any, **options: Any) -> Any:
        """PyTorch's, in double precision."""
        cls = getattr(torch.nn, self.torch_name or self.name)
        return cls(*self.args, **{self.torch_names.get(k, k): v for k, v in options.items()}).double()

    def run(self, module: nn.Module, *tensors: Any) -> tuple[Any, ...]:
        """The outputs of ours as a tuple."""
        return _tuple((self.call or _call)(module, *tensors))

    def run_torch(self, module: Any, *tensors: Any) -> tuple[Any, ...]:
        """The outputs of PyTorch's as a tuple."""
        return _tuple((self.torch_call or self.call or _call)(module, *tensors))


@dataclass
class LossSpec:
    """A loss class: `Name(**options)(*inputs)`, with the function `nn.functional.<function>`.

    Inputs are arrays; those of integer or boolean dtype are passed as they are, and `differentiable` says how many of the
    leading ones get gradients.
    """

    name: str
    function: str
    inputs: Sequence[Inputs] = ()
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    options: Sequence[Mapping[str, Any]] = ({},)
    differentiable: int = 1
    torch_name: str | None = None
    reference: Callable[..., Any] | None = None  # `reference(*arrays, **options)` where PyTorch has none
    smooth: bool = True

    variants = LayerSpec.variants


def _call(module: Any, *tensors: Any) -> Any:
    return module(*tensors)


def _tuple(outputs: Any) -> tuple[Any, ...]:
    """Nested outputs as one flat tuple."""
    if isinstance(outputs, (tuple, list)):
        return tuple(x for part in outputs for x in _tuple(part))
    return () if outputs is None else (outputs,)
