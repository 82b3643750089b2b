"""Write what CuPy lacks into docs/arrays.md: `python -m tests.array_table` (`make ops-table`)."""

from __future__ import annotations

from pathlib import Path

import autograd_core as ag
from autograd_core.tensor import IMPLEMENTED

from .cupy_api import FUNCTIONS, UNDEFINED

PAGE = Path(__file__).parent.parent / "docs" / "arrays.md"
START, END = "<!-- lacking: written by make ops-table -->\n", "<!-- end of lacking -->"


def lacking() -> list[str]:
    """NumPy's functions that record on Tensors, and that CuPy does not have."""
    names = {f"{(f.__module__ or 'numpy').removeprefix('numpy').lstrip('.')}.{f.__name__}".lstrip(".") for f in IMPLEMENTED}
    plain = {f.__name__ for f in ag.methods.PLAIN}
    return sorted(name for name in names - FUNCTIONS.keys() if name not in plain)


def text() -> str:
    """The section."""
    composed = ", ".join(f"`{name}`" for name in lacking())
    rows = "\n".join(f"| `{name}` | {reason} |" for name, reason in UNDEFINED.items())
    return f"""CuPy 14 does not have these functions of NumPy's; on Tensors of its arrays they work, because here they consist
of others:
{composed}.

These rows of the tests run on ducks, and are left out for CuPy's own arrays:

| row | why |
|---|---|
{rows}
"""


def page() -> str:
    """The page, with the section written again."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    return before + START + text() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")
