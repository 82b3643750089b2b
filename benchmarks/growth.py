"""How a training step grows with the batch and with the width: `python -m benchmarks.growth [--docs]`, a table and a plot."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.page import insert
from benchmarks.peers import ours  # before NumPy, so that it can choose NumPy's faster settings
from benchmarks.plots import INK, drawing
from benchmarks.processes import ROOT
from benchmarks.report import PAGE, shown
from benchmarks.workloads import Workload

BATCHES = (1, 4, 16, 64, 256, 1024, 4096)
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
WIDTH, BATCH = 256, 64  # of the other panel
ENOUGH = 0.05  # seconds: shorter steps are repeated until they fill it


def step(batch: int, width: int) -> Callable[[], Any]:
    return ours.mlp(Workload("mlp", "mlp", "", ((width, width, width, width), batch)))


def seconds(run: Callable[[], Any]) -> float:
    run()
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < ENOUGH:
        run()
        count += 1
    return spent / count


def measure(sizes: list[tuple[int, int]], rounds: int) -> list[float]:
    """Medians over rounds that go through all sizes."""
    runs = [step(*size) for size in sizes]
    times = [[seconds(run) for run in runs] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def table(name: str, sizes: tuple[int, ...], times: list[float]) -> str:
    rows = [f"| {name} |", "|---|", "| ms a step |"]
    for size, spent in zip(sizes, times, strict=True):
        for k, cell in enumerate((f" {size:,} |", "---:|", f" {shown(1e3 * spent)} |")):
            rows[k] += cell
    return "\n".join(rows)


def draw(panels: list[tuple[str, tuple[int, ...], list[float], int]], path: Any) -> None:
    """Log-log, with a line in proportion to size**power through the largest."""
    with drawing(path, ncols=2, figsize=(9.2, 3.2), sharey=True) as (_, axes):
        for ax, (label, sizes, times, power) in zip(axes, panels, strict=True):
            line = [times[-1] * (size / sizes[-1]) ** power for size in sizes]
            name = "in proportion to the batch" if power == 1 else "in proportion to the square of the width"
            ax.loglog(sizes, [1e3 * t for t in line], color=INK, linestyle="--", linewidth=1, label=name)
            ax.loglog(sizes, [1e3 * t for t in times], color="#2f8fd0", marker="o", markersize=5, label="measured")
            ax.set_xlabel(label)
            ax.set_ylim(min(times) * 300, max(times) * 4000)
            ax.minorticks_off()
            ax.grid(visible=True, color=INK, alpha=0.25, linewidth=0.6)
            ax.spines[["top", "right"]].set_visible(False)
            ax.legend(frameon=False, loc="upper left", fontsize=9)
        axes[0].set_ylabel("ms a step")


def main() -> None:
    """Measure, print, and write the page's tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md and its plot")
    options = parser.parse_args()
    by_batch = measure([(batch, WIDTH) for batch in BATCHES], options.rounds)
    by_width = measure([(BATCH, width) for width in WIDTHS], options.rounds)
    text = table(f"batch, at width {WIDTH}", BATCHES, by_batch) + "\n\n" + table(f"width, at batch {BATCH}", WIDTHS, by_width)
    print(text)
    if options.docs:
        panels = [(f"batch (width {WIDTH})", BATCHES, by_batch, 1), (f"width (batch {BATCH})", WIDTHS, by_width, 2)]
        draw(panels, ROOT / "docs" / "images" / "growth.svg")
        insert(PAGE, "growth", text)


if __name__ == "__main__":
    main()
