"""Whether training for long takes more and more memory: `python -m benchmarks.soak` writes docs/soak.md and its plot.

Ten thousand training steps of each network, in a process of its own and with the garbage collector off: what is not freed
by reference count stays, and shows.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import optim
from autograd_core.extras import need

DOCS = Path(__file__).parent.parent / "docs"
WARM = 0.3  # of the steps: Python keeps up to 2000 freed tuples of each length, which one step after the other adds


class LastStep(nn.Module):
    """An LSTM over a sequence, and a linear layer on its last state."""

    def __init__(self) -> None:
        self.lstm, self.out = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def convolutional() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1)),
        *(nn.Flatten(), nn.Linear(8 * 5 * 5, 10)),
    )


NETWORKS = {
    "MLP": (lambda: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10)), (64, 64)),
    "CNN": (convolutional, (16, 1, 12, 12)),
    "LSTM": (LastStep, (16, 12, 8)),
}


def resident() -> int:
    """Bytes of memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def trainer(name: str) -> Callable[[], None]:
    """One step of training, of a new batch each time."""
    make, shape = NETWORKS[name]
    rng = ag.manual_seed(0)
    model = make()
    adam = optim.Adam(model.parameters(), lr=lambda step: 1e-3 / (1 + step / 1000))
    x, labels = rng.normal(size=(8, *shape)).astype(np.float32), rng.integers(10, size=(8, shape[0]))
    turn = iter(range(2**63))

    def step() -> None:
        k = next(turn) % 8
        loss = nn.functional.cross_entropy(model(x[k]), labels[k])
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def soak(name: str, steps: int, samples: int = 100) -> dict[str, list[float]]:
    """Memory, memory blocks of Python, and objects that the collector knows, along the steps."""
    step, samples = trainer(name), min(samples, steps)
    step()
    gc.collect()
    gc.disable()
    found = np.zeros((4, samples))  # made now, so that keeping the numbers takes no memory
    for k in range(steps):
        step()
        if (k + 1) % (steps // samples) == 0:
            found[:, k * samples // steps] = k + 1, resident(), sys.getallocatedblocks(), len(gc.get_objects())
    cycles = gc.collect()  # what only the collector could free
    return dict(zip(("step", "bytes", "blocks", "objects"), found.tolist(), strict=True)) | {"cycles": cycles}


def traced(name: str, steps: int) -> dict[str, float]:
    """Bytes per step that Python and NumPy take and do not give back, by tracemalloc, in the second half of the steps."""
    step = trainer(name)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    sizes = []
    for _ in range(2):
        for _ in range(steps // 2):
            step()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return {"traced": (sizes[1] - sizes[0]) / (steps // 2)}


def growth(found: dict[str, list[float]], key: str) -> float:
    """Slope of a straight line through what was measured after the warm-up, per 1000 steps."""
    at = [k for k, step in enumerate(found["step"]) if step > WARM * found["step"][-1]]
    return float(np.polyfit(np.array(found["step"])[at] / 1000, np.array(found[key], float)[at], 1)[0])


def apart(*arguments: str) -> dict[str, list[float]]:
    """In a process of its own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.soak", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


INK = "#808080"  # readable on white and on black
COLOURS = {"MLP": ("#2f8fd0", "-"), "CNN": ("#d98a00", "--"), "LSTM": ("#c2609a", "-.")}


def draw(results: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Memory against the steps, in whole and enlarged."""
    plt = need("matplotlib.pyplot", "viz")
    need("matplotlib", "viz").use("svg")
    options = {"svg.fonttype": "none", "svg.hashsalt": "soak", "font.size": 10, "font.family": "sans-serif"}
    colours = dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK)
    with plt.rc_context(options | colours):
        figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
        for name, found in results.items():
            colour, line = COLOURS[name]
            memory = np.array(found["bytes"])
            for ax, values in zip(axes, (memory / 2**20, (memory - memory[0]) / 1024), strict=True):
                ax.plot(found["step"], values, color=colour, linestyle=line, label=name, linewidth=1.6)
        for ax, label in zip(axes, ("memory in use, MiB", "more than at the first sample, KiB"), strict=True):
            low, high = ax.get_ylim()
            ax.set(xlabel="training steps", ylabel=label, ylim=(min(0, low), 1.2 * high), xlim=(0, None))
            ax.grid(visible=True, color=INK, alpha=0.25, linewidth=0.6)
            ax.spines[["top", "right"]].set_visible(False)
        axes[0].legend(frameon=False, loc="lower right", ncols=3)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)


PAGE = """# Training for long

`make soak` trains three networks for {steps:,} steps each, in processes of their own and with Python's garbage collector
switched off, and writes this page. Graphs have no cycles: what a step makes is freed by reference count, and memory
stays as it is.

![Memory in use over the steps, in whole and enlarged: level lines after the first two thousand](images/soak.svg)

{table}

The slopes are of straight lines through the last {share:.0%} of the samples: until then Python's lists of freed tuples fill,
up to 2000 of each length. *Cycles* is the number of objects that only the collector could free, at the end. *Traced* is what
tracemalloc sees of Python's and NumPy's memory: the growth over {traced:,} steps after as many others, per step.

A training loop of your own keeps memory level too if it keeps numbers and not tensors: `losses.append(loss.item())`. A list of
`loss` tensors holds all their graphs.
"""


def main() -> None:
    """Run all, draw, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--one", nargs=2, metavar=("NAME", "KIND"), help="a single measurement, as JSON")
    options = parser.parse_args()
    if options.one:
        name, kind = options.one
        print(json.dumps({"soak": soak, "traced": traced}[kind](name, options.steps)))
        return
    few = str(options.steps * 3 // 5)
    results = {name: apart("--steps", str(options.steps), "--one", name, "soak") for name in NETWORKS}
    rows = ["| | memory, MiB | slope, KiB per 1000 steps | objects, per 1000 steps | cycles | traced, bytes per step |"]
    rows.append("|---|---:|---:|---:|---:|---:|")
    for name, found in results.items():
        lost = apart("--steps", few, "--one", name, "traced")["traced"]
        slopes = [f"{round(slope, 2) + 0.0:.2f}" for slope in (growth(found, "bytes") / 1024, growth(found, "objects"))]
        rows.append(f"| {name} | {found['bytes'][-1] / 2**20:.0f} | {' | '.join(slopes)} | {found['cycles']} | {lost:.2f} |")
    draw(results, DOCS / "images" / "soak.svg")
    page = PAGE.format(steps=options.steps, table="\n".join(rows), share=1 - WARM, traced=options.steps * 3 // 10)
    (DOCS / "soak.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
