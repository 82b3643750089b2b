"""How plots look: transparent, in greys of middle lightness that are readable on white and on black."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INK = "#808080"


@contextmanager
def drawing(path: Path, **options: Any) -> Iterator[Any]:
    """`with drawing(path, ncols=2) as (figure, axes)`: made with these options, and saved as SVG at the end."""
    from autograd_core.extras import need  # here: it sets environment variables that workers would inherit

    need("matplotlib", "viz").use("svg")
    plt = need("matplotlib.pyplot", "viz")
    style = {"svg.fonttype": "none", "svg.hashsalt": path.stem, "font.size": 10, "font.family": "sans-serif"}
    colours = dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK)
    with plt.rc_context(style | colours):
        figure, axes = plt.subplots(layout="constrained", **options)
        yield figure, axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)
