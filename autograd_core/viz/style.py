"""Colours of the pictures, each with its counterpart for dark pages; all told apart by colour-blind readers too.

Kinds differ in shape and in the style of the border as well, so that no meaning hangs on a colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summaries import Summary

__all__ = ["DARK", "EDGES", "KINDS", "PALETTE", "RAMP", "css", "grade", "largest_of"]

# light colour: the one on dark pages. A colour stands for one role only, so that a style sheet can exchange it.
DARK = {
    "#1f2328": "#e6edf3",  # text
    "#59636e": "#a3adb8",  # quiet text
    "#8c959f": "#7d8590",  # edges, borders of ops
    "#fdfdfe": "#161b22",  # ops
    "#f6f8fa": "#12181f",  # open modules
    "#c4cad1": "#3d444d",  # their borders
    "#f1edf9": "#272038",  # closed modules
    "#7356a8": "#b49af0",  # their borders
    "#dcecf7": "#11324a",  # parameters
    "#0072b2": "#56b4e9",
    "#d9f0e6": "#0d3a2b",  # inputs
    "#00805f": "#3fcf9f",
    "#ededee": "#262b32",  # constants
    "#77808a": "#8b949e",
    "#fce5cd": "#4b2e10",  # outputs
    "#c65102": "#ff9d52",
    "#b0578d": "#e79bc9",  # second order
    "#fffefa": "#1a1b1c",  # ops by their gradient, from vanishing ...
    "#fff8e5": "#27241c",
    "#fff0cc": "#37301f",
    "#ffe7ae": "#4a3d1f",
    "#ffdc8c": "#554217",  # ... to the largest
    "#e4dfd3": "#3b3a36",  # edges by it
    "#d9c9a3": "#5f5640",
    "#d0ac64": "#8a7443",
    "#c48a2c": "#bb9244",
    "#a86400": "#f0b040",
    "#ffcccc": "#7a1620",  # not finite
    "#b00020": "#ff8a8a",
}
RAMP = ("#fffefa", "#fff8e5", "#fff0cc", "#ffe7ae", "#ffdc8c")
EDGES = {"#fffefa": "#e4dfd3", "#fff8e5": "#d9c9a3", "#fff0cc": "#d0ac64", "#ffe7ae": "#c48a2c", "#ffdc8c": "#a86400"}
BAD, BAD_LINE = "#ffcccc", "#b00020"
TEXT, QUIET, LINE, SECOND = "#1f2328", "#59636e", "#8c959f", "#b0578d"
OPEN, OPEN_LINE = "#f6f8fa", "#c4cad1"

# fill, border, Graphviz shape, style, width of the border
KINDS = {
    "op": ("#fdfdfe", LINE, "box", "rounded,filled", 1.0),
    "parameter": ("#dcecf7", "#0072b2", "box", "filled", 1.6),
    "input": ("#d9f0e6", "#00805f", "cds", "filled", 1.4),
    "constant": ("#ededee", "#77808a", "note", "filled", 1.0),
    "output": ("#fce5cd", "#c65102", "box", "rounded,filled,bold", 2.0),
    "module": ("#f1edf9", "#7356a8", "box", "filled", 1.6),
    "more": ("#fdfdfe", LINE, "plaintext", "", 0.0),
}
# the names under which the interactive page's style sheet knows them
PALETTE = {
    "paper": "#ffffff",
    "text": TEXT,
    "quiet": QUIET,
    "open": OPEN,
    "open-line": OPEN_LINE,
    "second": SECOND,
    "bad": BAD,
    "bad-line": BAD_LINE,
    **{kind: row[0] for kind, row in KINDS.items() if kind != "more"},
    **{f"{kind}-line": row[1] for kind, row in KINDS.items() if kind != "more"},
    **{f"ramp{k}": colour for k, colour in enumerate(RAMP)},
    **{f"edge{k}": EDGES[colour] for k, colour in enumerate(RAMP)},
}
DECADES = 5  # of gradients over which the ramp goes


def grade(gradient: Summary | None, largest: float) -> str | None:
    """The colour of a gradient beside the largest one: None without a gradient, red if it is not finite."""
    if gradient is None or not gradient.size:
        return None
    if not gradient.finite:
        return BAD
    if not gradient.rms > 0 or not largest > 0:
        return RAMP[0]
    below = min(max(math.log10(largest / gradient.rms), 0.0), DECADES)
    return RAMP[len(RAMP) - 1 - int(min(below, DECADES - 0.01) * len(RAMP) / DECADES)]


def largest_of(gradients: Sequence[Summary]) -> float:
    """The largest size among the finite gradients."""
    return max((g.rms for g in gradients if g.finite and g.size), default=0.0)


def css(prefix: str) -> str:
    """The style sheet of an SVG: smaller second lines, and the colours of dark pages."""
    dark = "".join(
        f'{prefix} [{what}="{light}"]{{{what}:{dark}}}' for light, dark in DARK.items() for what in ("fill", "stroke")
    )
    small = f"{prefix} .node text~text{{font-size:10px;fill:{QUIET}}}"
    return f"{small}@media (prefers-color-scheme:dark){{{dark}{prefix} .node text~text{{fill:{DARK[QUIET]}}}}}"
