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

No layer contains a derivative: each is made of ops of `autograd_core`, so second derivatives and forward mode go through all
of them. Each has a row in `tests/layers/`, which is compared with PyTorch over its options (values, gradients of inputs and
parameters, buffers), to second order, and in both precisions. This page is written from their docstrings (`make ops-table`).

"""


def families() -> dict[str, list[str]]:
    """Class names by the module that defines them, in the order in which nn lists them."""
    found: dict[str, list[str]] = {}
    for name in nn.__all__:
        value = getattr(nn, name)
        if inspect.isclass(value) and issubclass(value, nn.Module):
            found.setdefault(value.__module__, []).append(name)
    return found


def first_sentence(name: str) -> str:
    """What the docstring says first, as one cell of a table."""
    text = " ".join((inspect.getdoc(getattr(nn, name)) or "").split("\n\n")[0].split())
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page."""
    parts = [HEAD]
    for module, names in families().items():
        title = (inspect.getdoc(importlib.import_module(module)) or module).split("\n")[0]
        parts.append(f"## {title}\n\n| | |\n|---|---|\n")
        parts += [f"| `{name}` | {first_sentence(name)} |\n" for name in names]
        parts.append("\n")
    PAGE.write_text("".join(parts).rstrip() + "\n", encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
