"""What PyTorch has too has PyTorch's names, order and defaults of arguments."""

import inspect

import pytest

import autograd_core as ag
import nn

torch = pytest.importorskip("torch")

ELSEWHERE = {"axis": "dim", "start_axis": "start_dim", "end_axis": "end_dim", "modules": "args"}
OURS = {"dtype", "rng", "channels"}  # further arguments, by name
THEIRS = {"inplace", "device", "dtype", "size_average", "reduce", "return_indices", "add_bias_kv", "add_zero_attn"}
DEFAULTS = {("dim", -1), ("activation", "relu"), ("modules", ()), ("value", 0.0)}  # instead of None, or of a function
BY_HAND = {"RNN", "LSTM", "GRU", "RNNCell"}  # PyTorch's take *args, or have an order that is tested below
NAMES = [name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)]
FUNCTIONS = [name for name in nn.functional.__all__ if getattr(nn.functional, name) is not getattr(ag, name, None)]


def arguments(function, without):
    found = inspect.signature(function).parameters.values()
    return [(ELSEWHERE.get(p.name, p.name), p.default) for p in found if p.name not in {"self", "_stacklevel", *without}]


def same(ours, theirs):
    ours, theirs = arguments(ours, OURS), arguments(theirs, THEIRS)
    assert [name for name, _ in ours] == [name for name, _ in theirs][: len(ours)]
    for (name, one), (_, other) in zip(ours, theirs, strict=False):
        assert one == other or (name, one) in DEFAULTS, name


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(torch.nn, n) and n not in BY_HAND | {"Module", "ModuleList"}])
def test_of_layers_and_losses(name):
    same(getattr(nn, name), getattr(torch.nn, name).__init__)


def readable(name):
    """Whether PyTorch has a function whose arguments can be read: no builtin, nor one that calls others with *args."""
    try:
        return not {"args", "kwargs"} & {*inspect.signature(getattr(torch.nn.functional, name)).parameters}
    except (AttributeError, ValueError):
        return False


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if readable(n)])
def test_of_functions(name):
    same(getattr(nn.functional, name), getattr(torch.nn.functional, name))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_of_recurrent_layers(name):
    positional = {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.25, "bidirectional": True}
    if name == "RNN":
        positional = {"num_layers": 2, "nonlinearity": "relu"} | positional
    ours, theirs = getattr(nn, name)(3, 4, *positional.values()), getattr(torch.nn, name)(3, 4, *positional.values())
    for option in positional:
        assert getattr(ours, option) == getattr(theirs, option)
