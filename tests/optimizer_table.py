"""Write the optimizers' formulas into docs/optimizers.md: `python -m tests.optimizer_table` (`make ops-table`)."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import optim
from benchmarks.page import insert

PAGE = Path(__file__).parent.parent / "docs" / "optimizers.md"


def classes() -> list[type[optim.Optimizer]]:
    """The optimizers, those of a file together."""
    found = [getattr(optim, name) for name in optim.__all__]
    those = [c for c in found if isinstance(c, type) and issubclass(c, optim.Optimizer) and c is not optim.Optimizer]
    order = ["sgd", "adaptive", "adam", "lion", "muon", "lbfgs"]
    line = lambda c: inspect.getsourcelines(c)[1]
    return sorted(those, key=lambda c: (order.index(c.__module__.split(".")[-1]), line(c)))


def section(optimizer: type[optim.Optimizer]) -> str:
    """Heading, arguments, and of the docstring what stands before the arguments, and the source."""
    text = inspect.getdoc(optimizer) or ""
    paragraphs = re.split(r"\n\n(?=\S)", text)
    arguments = next(i for i, part in enumerate(paragraphs) if part.startswith("Args:"))
    source = next(part for part in paragraphs if part.startswith("Source:"))
    shown = [re.sub(r"\n\n((?: {4}.*\n?)+)", r"\n\n```text\n\1\n```", part) for part in paragraphs[:arguments]]
    body = "\n\n".join(re.sub(r"\n+```$", "\n```", part, flags=re.MULTILINE) for part in shown)
    parameters = list(inspect.signature(optimizer).parameters.values())[1:-1]
    defaults = ", ".join(f"{p.name}={p.default!r}" for p in parameters)
    body = re.sub(r"^ {4}", "", body, flags=re.MULTILINE)
    return f"### {optimizer.__name__}\n\n`{optimizer.__name__}(params, {defaults})`\n\n{body}\n\n{source}\n"


def formulas() -> str:
    """All sections."""
    return "\n".join(section(optimizer) for optimizer in classes())


def main() -> None:
    """Write the page."""
    insert(PAGE, "formulas", f"\n{formulas()}")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
