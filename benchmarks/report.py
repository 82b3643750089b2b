"""Tables and the plot from the benchmark's JSON file: `python -m benchmarks.report build/bench/bench.json [--docs]`."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.page import insert
from benchmarks.plots import INK, drawing
from benchmarks.processes import ROOT
from benchmarks.workloads import WORKLOADS, Workload

PEERS = {
    "ours": "autograd_core",
    "pytorch": "PyTorch",
    "pytorch@1": "PyTorch, 1 thread",
    "jax_jit": "jax.jit",
    "hips": "HIPS autograd",
    "my_grad": "MyGrad",
    "by_hand": "NumPy by hand",
    "products": "products alone",
}
STARTUP = {
    "ours": "import autograd_core, nn, optim",
    "pytorch": "import torch",
    "jax_jit": "import jax, jax.numpy",
    "hips": "import autograd, autograd.numpy",
    "my_grad": "import mygrad",
    "by_hand": "import numpy",
}
ROWS = [*WORKLOADS, Workload("startup", "startup", "import")]
# The first is what it is about; then colours of middle lightness, told apart also by those who do not see red and green.
STYLES = {
    "ours": ("#2f8fd0", "o"),
    "pytorch@1": ("#d98a00", "s"),
    "jax_jit": ("#c2609a", "^"),
    "hips": ("#4f9d69", "D"),
    "my_grad": ("#8c7ae6", "v"),
    "by_hand": ("#808080", "x"),
}
PAGE = ROOT / "docs" / "performance.md"

EDGE = 0.05  # ratios below are drawn here: a compiled chain of 0-d operations would stretch the axis

Times = dict[str, dict[str, Any]]


def medians(found: Times) -> dict[str, float]:
    return {peer: statistics.median(result["seconds"]) for peer, result in found.items()}


def quartiles(seconds: list[float]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    return low, high


def shown(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def table(results: dict[str, Times]) -> str:
    """Our time and PyTorch's with quartiles, and the ratio of each implementation to PyTorch."""
    others = [p for p in PEERS if p not in ("ours", "pytorch") and any(p in found for found in results.values())]
    heads = ["workload", "autograd_core", "PyTorch", "**ratio**", *(PEERS[p] for p in others)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in ROWS:
        if row.name in results:
            found = results[row.name]
            times = [time_cell(row, found, peer) for peer in ("ours", "pytorch")]
            ratios = [ratio_cell(found, peer) for peer in ("ours", *others)]
            cells = [f"{row.title}, {row.unit}", *times, f"**{ratios[0]}**", *ratios[1:]]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def time_cell(row: Workload, found: Times, peer: str) -> str:
    if peer not in found:
        return "-"
    scale = (1e6 if row.unit.startswith("us") else 1e3) / row.ops
    low, high = quartiles(found[peer]["seconds"])
    return f"{shown(medians(found)[peer] * scale)} ({shown(low * scale)} to {shown(high * scale)})"


def ratio_cell(found: Times, peer: str) -> str:
    times = medians(found)
    return f"{times[peer] / times['pytorch']:.2f}" if {peer, "pytorch"} <= times.keys() else "-"


def memory_table(results: dict[str, Times]) -> str:
    """MiB: the highest so far of each process, with its packages, and in brackets what came after everything was prepared."""
    peers = [p for p in PEERS if p != "products" and any(p in found for found in results.values())]
    lines = ["| workload | " + " | ".join(PEERS[p] for p in peers) + " |", "|---|" + "---:|" * len(peers)]
    for row in ROWS:
        if row.name in results:
            found = results[row.name]
            cells = [memory_cell(found[p]) if p in found else "-" for p in peers]
            lines.append(f"| {row.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def memory_cell(result: dict[str, Any]) -> str:
    grown = f" (+{result['peak'] - result['prepared']:.0f})" if "prepared" in result else ""
    return f"{result['peak']:.0f}{grown}"


def within(results: dict[str, Times]) -> list[str]:
    """Ratios of our own, and to jax.jit."""
    said = []
    times = {name: medians(found) for name, found in results.items()}
    if "hvp" in times and "gradient" in times:
        said.append(
            f"Our Hessian-vector product takes {times['hvp']['ours'] / times['gradient']['ours']:.2f} times our gradient."
        )
    jitted = [(name, times[name]) for name in ("mlp_small", "mlp_large") if "jax_jit" in times.get(name, {})]
    if jitted:
        ratios = " and ".join(f"{found['ours'] / found['jax_jit']:.2f} ({name})" for name, found in jitted)
        said.append(f"Against jax.jit the MLP steps take {ratios}.")
    if "startup" in results and "pytorch" in results["startup"]:
        ours, theirs = (results["startup"][peer]["peak"] for peer in ("ours", "pytorch"))
        said.append(f"After import, resident memory is {ours / theirs:.2f} of PyTorch's.")
    return said


def block(results: dict[str, Any]) -> str:
    """What is written between the markers of the page."""
    facts, found = results["machine"], results["workloads"]
    versions = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("cpu", "cores", "settings"))
    rounds = max(len(result["seconds"]) for times in found.values() for result in times.values())
    about = [
        f"{facts['cores']} cores of {facts['cpu']}; {versions}; settings of autograd_core: {facts['settings']}.",
        f"Medians of {rounds} rounds (deep chain: fewer), in brackets their quartiles; then the ratio of autograd_core to",
        "PyTorch with all threads, and in the columns after it that of the others to PyTorch.",
    ]
    memory = "Peak memory of the process in MiB, packages included; in brackets what came on top after everything was prepared."
    return "\n\n".join(["\n".join(about), table(found), " ".join(within(found)), memory, memory_table(found)])


def draw(results: dict[str, Times], path: Path) -> None:
    """For each workload the time of each implementation relative to PyTorch's, on a logarithmic axis."""
    rows = [row for row in ROWS if {"ours", "pytorch"} <= results.get(row.name, {}).keys()]
    with drawing(path, figsize=(9.2, 0.42 * len(rows) + 1.4)) as (figure, ax):
        for peer, (colour, mark) in STYLES.items():
            points = [ratio(results[row.name], peer, y) for y, row in enumerate(rows) if peer in results[row.name]]
            if points:
                middle, low, high, heights = zip(*points, strict=True)
                size, width, order = (9, 2.5, 3) if peer == "ours" else (5.5, 1.2, 2)
                ax.hlines(heights, low, high, color=colour, alpha=0.6, linewidth=width)
                ax.plot(middle, heights, mark, color=colour, markersize=size, label=PEERS[peer], zorder=order)
        ax.axvline(1, color=INK, linewidth=1)
        ax.set_xscale("log")
        ax.set_yticks(range(len(rows)), [row.title for row in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(EDGE * 0.9, None)
        ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10])
        ax.set_xlabel("time relative to PyTorch with all threads (at the left edge: less)")
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.grid(visible=True, axis="x", color=INK, alpha=0.25, linewidth=0.6)
        ax.grid(visible=True, axis="y", color=INK, alpha=0.12, linewidth=0.6)
        ax.tick_params(length=0)
        ax.minorticks_off()
        ax.spines[:].set_visible(False)
        figure.legend(frameon=False, loc="outside upper center", ncols=len(STYLES), fontsize=9, columnspacing=1.2)


def ratio(found: Times, peer: str, height: int) -> tuple[float, float, float, int]:
    """Median and quartiles relative to PyTorch's median, and where they are drawn."""
    base = statistics.median(found["pytorch"]["seconds"])
    low, high = quartiles(found[peer]["seconds"])
    drawn = [max(EDGE, seconds / base) for seconds in (statistics.median(found[peer]["seconds"]), low, high)]
    return drawn[0], drawn[1], drawn[2], height


def write(results: dict[str, Any], folder: Path, docs: bool) -> None:
    """Print the tables, and write them and the plot to a folder, and on the page."""
    text = block(results)
    print(text)
    (folder / "bench.md").write_text(text + "\n", encoding="utf-8")
    draw(results["workloads"], folder / "benchmark.svg")
    if docs:
        # NumPy's functions and OpenBLAS are others where the CPU has no AVX-512: such machines have tables of their own
        kind = "-without-avx512" if "no AVX-512" in results["machine"]["cpu"] else ""
        insert(PAGE, f"workloads{kind}", text)
        draw(results["workloads"], ROOT / "docs" / "images" / f"benchmark{kind}.svg")
    print(f"\nwritten: bench.md, bench.json and benchmark.svg in {folder}{', docs/performance.md' if docs else ''}")


def main() -> None:
    """Arguments: the JSON file, and --docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md and its plot")
    options = parser.parse_args()
    write(json.loads(options.results.read_text(encoding="utf-8")), options.results.parent, options.docs)


if __name__ == "__main__":
    main()
