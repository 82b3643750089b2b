"""Memory of training steps: `python -m benchmarks.memory [--docs]` prints two tables, and writes them on a page.

The page is docs/performance.md. Peaks of one step are what Python and NumPy have allocated at most beyond what was there
before (tracemalloc): parameters, their gradients and the optimizer's arrays exist already, activations and temporaries do not.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import autograd_core as ag  # before NumPy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np

import nn
from benchmarks.page import insert
from benchmarks.peers import ours
from benchmarks.report import PAGE
from benchmarks.workloads import WORKLOADS

MIB = 1 << 20
DEPTH, WIDTH, BATCH, BLOCK = 64, 256, 1024, 8  # of the network with checkpoints


def peak(run: Callable[[], Any]) -> float:
    """MiB that one run allocates at most, beyond what exists after a first one."""
    tracemalloc.start()
    try:
        run()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return (tracemalloc.get_traced_memory()[1] - before) / MIB
    finally:
        tracemalloc.stop()


def steps() -> str:
    """The peak of one step of every workload."""
    lines = ["| workload | peak of a step, MiB |", "|---|---:|"]
    for workload in WORKLOADS:
        run = getattr(ours, workload.kind)(workload)
        lines.append(f"| {workload.title} | {peak(run):.1f} |")
    return "\n".join(lines)


def deep_network(checkpointed: bool, width: int = WIDTH) -> Callable[[], Any]:
    """Gradients of a deep network, with and without checkpoints around blocks of layers."""
    rng = np.random.default_rng(0)

    def layer():
        linear = nn.Linear(width, width)
        nn.init.xavier_normal_(linear.weight, gain=5 / 3, rng=rng)  # else gradients vanish into slow denormal numbers
        return nn.Sequential(linear, nn.Tanh())

    blocks = [nn.Sequential(*[layer() for _ in range(BLOCK)]) for _ in range(DEPTH // BLOCK)]
    net, x = nn.Sequential(*blocks), rng.normal(size=(BATCH, width)).astype(np.float32)
    passes = [ag.checkpoint(block) for block in blocks] if checkpointed else blocks

    def run():
        net.zero_grad()
        y = ag.Tensor(x, requires_grad=True)
        for block in passes:
            y = block(y)
        (y * y).mean().backward()

    return run


def checkpoints(rounds: int = 9) -> str:
    """Peak and time with and without, in turns."""
    runs = {"everything kept": deep_network(False), f"checkpoint around each {BLOCK} layers": deep_network(True)}
    peaks = {name: peak(run) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    lines = [f"| {DEPTH} layers of {WIDTH}, batch {BATCH} | peak, MiB | forward + backward, ms |", "|---|---:|---:|"]
    lines += [f"| {name} | {peaks[name]:.0f} | {statistics.median(found):.0f} |" for name, found in times.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the tables, and write them on the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    text = f"{steps()}\n\n{checkpoints()}"
    print(text)
    if options.docs:
        insert(PAGE, "memory", text)


if __name__ == "__main__":
    main()
