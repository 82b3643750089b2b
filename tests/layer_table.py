"""Write docs/layers.md from the docstrings of `nn`: `python -m tests.layer_table` (`make ops-table`)."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import nn

PAGE = Path(__file__).parent.parent / "docs" / "layers.md"
HEAD = """# Layers and losses

Names, arguments, defaults and state dicts are PyTorch's (with `axis` for `dim`), so weights cross over both ways:

```python
import numpy as np
import nn

net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
state = net.state_dict()  # arrays by name; in PyTorch: {k: torch.tensor(v) for k, v in state.items()}
net.load_state_dict(state)  # from PyTorch: {k: v.numpy() for k, v in model.state_dict().items()}
print(net.summary((64, 1, 8, 8)))
```

Parameters are float32, or what `dtype=` says; `module.astype(float)` converts. NumPy's arrays are float64 by default,
and make everything behind them float64, at half the speed: give inputs as `x.astype(np.float32)`.

A layer of your own is a class with a `forward`. Parameters, buffers and modules are found as attributes (in containers, not in
plain lists); a buffer is saved with the model and not trained, and written with `copy_`:

```python
class Centred(nn.Module):  # a linear map of the inputs minus their running mean
    def __init__(self, features, out_features):
        self.weight = nn.init.xavier_normal_(nn.Parameter(np.empty((out_features, features), np.float32)))
        self.mean = nn.Buffer(np.zeros(features, np.float32))

    def forward(self, x):
        if self.training:
            self.mean.copy_(0.9 * self.mean.numpy() + 0.1 * x.mean(axis=0))
        return (x - self.mean) @ self.weight.T


layer = Centred(3, 2)
with layer.register_forward_hook(lambda module, args, output: print(output.shape)):
    layer(np.ones((4, 3), np.float32))
print(list(layer.state_dict()))  # ['weight', 'mean']
```

No layer contains a derivative: each is made of ops of `autograd_core`, so second derivatives and forward mode go through all
of them. Each has a row in `tests/layers/`, which is compared with PyTorch over its options (values, gradients of inputs and
parameters, buffers), to second order, and in both precisions. This page is written from their docstrings (`make ops-table`).

"""


def families() -> dict[str, list[str]]:
    """Class names by the module that defines them."""
    found: dict[str, list[str]] = {}
    for name in nn.__all__:
        value = getattr(nn, name)
        if inspect.isclass(value) and issubclass(value, nn.Module):
            found.setdefault(value.__module__, []).append(name)
    return dict(sorted(found.items()))


def first_sentence(name: str, namespace: object = nn) -> str:
    """What the docstring says first, as one cell of a table."""
    return sentence_of(getattr(namespace, name))


def sentence_of(thing: object) -> str:
    """What its docstring says first."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split()).replace("|", "\\|")


def row(name: str) -> str:
    """One class: of those that are a function as a module, their options and what the function does."""
    function = getattr(getattr(nn, name), "_function", None)
    if function is None:
        return f"| `{name}` | {first_sentence(name)} |\n"
    options = str(inspect.signature(getattr(nn, name))).removesuffix(")").removeprefix("(")
    return f"| `{name}({options})`, `{function.__name__}` | {sentence_of(function)} |\n"


def functions() -> list[str]:
    """Those of `nn.functional` that no class is named after."""
    named = {getattr(nn, name)._function for name in nn.__all__ if hasattr(getattr(nn, name), "_function")}
    own = [name for name in nn.functional.__all__ if name.replace("_", "") not in {n.lower() for n in nn.__all__}]
    return sorted(name for name in own if getattr(nn.functional, name) not in named)


def text() -> str:
    """The page."""
    parts = [HEAD]
    for module, names in families().items():
        title = (inspect.getdoc(importlib.import_module(module)) or module).split("\n")[0]
        parts.append(f"## {title}\n\n| | |\n|---|---|\n")
        parts += [row(name) for name in names]
        parts.append("\n")
    parts.append("## Further functions in `nn.functional`\n\n| | |\n|---|---|\n")
    parts += [f"| `{name}` | {first_sentence(name, nn.functional)} |\n" for name in functions()]
    return "".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
