"""Write docs/ops.md from a run of the op tests: `python -m tests.support` (`make ops-table`).

A cell is filled only by a test that has just passed for a row of that function; nothing is listed that is not tested.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

import autograd_core as ag
from tests import test_ops as suite
from tests.specs import SPECS

PAGE = Path(__file__).parent.parent / "docs" / "ops.md"
COLUMNS = ("value", "gradient", "second order", "forward mode", "float32", "broadcast", "empty", "hard points", "complex step")
HEAD = """# What is differentiable

Every function below is called under its NumPy name, as `np.f(tensor)` or `ag.f(tensor)`. This table is written by a run of the
tests (`make ops-table`); a mark means that a test has passed:

- **value**: equal to NumPy's; **gradient** and **second order**: against extrapolated differences;
- **forward mode**: `jvp` against `backward`; **float32**: stays float32, forwards and backwards;
- **broadcast**, **empty**: tested with broadcast and with empty arguments;
- **hard points**: exact gradients at zeros, ties, infinities;
- **complex step**: against a derivative that is exact to rounding.

"""


def functions():
    """Public functions by section, under the names that users write."""
    flat = [(name, name) for name in ag.ops.__all__]
    yield "Functions", sorted(flat)
    for space in ("linalg", "fft"):
        module = getattr(ag, space, None)
        if module is not None:
            yield f"`{space}`", sorted((name, f"{space}.{name}") for name in module.__all__)


def rows_of(name):
    """The spec rows of a function: of its own name, or its name and what is special about them."""
    exact = [s for s in SPECS if s.name in (name, f"linalg_{name}", f"fft_{name}")]
    others = [s for s in SPECS if s.name.startswith(f"{name}_")]
    longer = {other for other in ag.ops.__all__ if other.startswith(f"{name}_")}
    return exact + [s for s in others if not any(s.name == other or s.name.startswith(f"{other}_") for other in longer)]


def passes(test, spec):
    try:
        getattr(test, "__wrapped__", test)(spec)
    except Exception as error:  # noqa: BLE001
        print(f"{test.__name__}[{spec.name}] failed: {error}", file=sys.stderr)
        return False
    return True


def broadcasts(spec):
    shapes = [[np.shape(x) for x in args if suite.is_real(x)] for args in suite.cases(spec)]
    return "elementwise" in spec.kinds and any(len(set(group)) > 1 for group in shapes)


def cells(specs):
    every = lambda test: all(passes(test, spec) for spec in specs)
    good = every(suite.test_gradients_of_order_1_and_2_agree_with_differences)
    return (
        every(suite.test_value_equals_numpy),
        good,
        good,
        every(suite.test_forward_mode_agrees_with_reverse_mode),
        any(s.keeps_float32 for s in specs) and every(suite.test_gradient_has_shape_and_dtype_of_its_tensor),
        any(broadcasts(s) for s in specs),
        any(np.size(x) == 0 for s in specs for args in suite.cases(s) for x in args),
        any(s.points for s in specs) and every(suite.test_special_points),
        any(s.analytic and passes(suite.test_gradient_agrees_with_complex_step, s) for s in specs),
    )


def main():
    warnings.simplefilter("ignore")
    lines = [HEAD]
    for title, names in functions():
        lines += [f"## {title}\n", "| | " + " | ".join(COLUMNS) + " |", "|---|" + ":-:|" * len(COLUMNS)]
        for name, shown in names:
            specs = rows_of(name)
            if specs:
                marks = " | ".join("x" if cell else "" for cell in cells(specs))
                lines.append(f"| `{shown}` | {marks} |")
            else:
                print(f"{shown} has no row of its name", file=sys.stderr)
        lines.append("")
    plain = sorted(f.__name__ for f in ag.ops.PLAIN) if hasattr(ag.ops, "PLAIN") else []
    if plain:
        lines.append(f"Without a gradient, giving plain arrays: {', '.join(f'`{name}`' for name in plain)}.\n")
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
