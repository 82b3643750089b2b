"""Time of one optimizer step against PyTorch's, each in a process of its own, in turns: `make bench-optim`.

    python -m benchmarks.optim [--rounds 9] [--only 'Adam;SGD, momentum'] [--write]

Large: the 1.86 million float32 parameters of a 784-1024-1024-10 network. Small: eight parameters, 288 numbers together, where
what is measured is the way to the arithmetic. PyTorch runs as it does by default (not fused).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.page import insert

PAGE = Path(__file__).parent.parent / "docs" / "optimizers.md"
SETTLE = 0.3  # seconds: after its work a thread pool spins for a while, and would slow the next process
SIZES = {
    "large": [(1024, 784), (1024,), (1024, 1024), (1024,), (10, 1024), (10,)],
    "small": [(8, 8), (8,)] * 4,
}
CASES = {
    "SGD": ("SGD", {"lr": 1e-3}),
    "SGD, momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}),
    "Momentum": ("Momentum", {"lr": 1e-3}),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {}),
    "RMSprop": ("RMSprop", {}),
    "Adam": ("Adam", {}),
    "AdamW": ("AdamW", {}),
    "Adamax": ("Adamax", {}),
    "NAdam": ("NAdam", {}),
    "RAdam": ("RAdam", {}),
    "Lion": ("Lion", {}),
    "Muon": ("Muon", {}),
}


def stepper(library, case, size):
    """A function that makes one step, or None where the library does not have the optimizer."""
    if library == "ours":
        import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings
        import optim
    import numpy as np

    name, options = CASES[case]
    rng = np.random.default_rng(0)
    shapes = [shape for shape in SIZES[size] if name != "Muon" or len(shape) == 2]
    values, grads = ([rng.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(2))
    if library == "torch":
        import torch

        if not hasattr(torch.optim, name):
            return None
        params = [torch.tensor(value, requires_grad=True) for value in values]
        for p, g in zip(params, grads, strict=True):
            p.grad = torch.tensor(g)
        return getattr(torch.optim, name)(params, **options).step
    params = [ag.Tensor(value, requires_grad=True) for value in values]
    for p, g in zip(params, grads, strict=True):
        p.grad = g
    return getattr(optim, name)(params, **options).step


def worker(library, size):
    """Answers each line on stdin, the name of a case, with the seconds of one step."""
    steps = {}
    for line in sys.stdin:
        case = line.strip()
        if case not in steps:
            steps[case] = stepper(library, case, size)
        step = steps[case]
        if step is None:
            print("nan", flush=True)
            continue
        for _ in range(3):  # wakes the threads, and fills the caches
            step()
        times = []
        start = time.perf_counter()
        while time.perf_counter() - start < 0.1:
            before = time.perf_counter()
            step()
            times.append(time.perf_counter() - before)
        print(statistics.median(times), flush=True)


def measured(cases, rounds):
    """Seconds by size, case and library: the median over rounds in turns."""
    found = {}
    for size in SIZES:
        processes = {
            library: subprocess.Popen(
                [sys.executable, "-m", "benchmarks.optim", "--worker", library, size],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for library in ("ours", "torch")
        }
        for case in cases:
            times = {library: [] for library in processes}
            for _ in range(rounds):
                for library, process in processes.items():
                    time.sleep(SETTLE if size == "large" else 0.02)
                    process.stdin.write(f"{case}\n")
                    process.stdin.flush()
                    times[library].append(float(process.stdout.readline()))
            found[size, case] = {library: statistics.median(values) for library, values in times.items()}
            print(size, case, found[size, case], file=sys.stderr)
        for process in processes.values():
            process.communicate()
    return found


def table(found, cases):
    """The times as Markdown."""
    lines = [
        "| optimizer | large, ms | PyTorch | ratio | small, µs | PyTorch | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        cells = []
        for size, unit in (("large", 1e3), ("small", 1e6)):
            times = found[size, case]
            has_peer = times["torch"] == times["torch"]
            cells.append(f"{times['ours'] * unit:.3g}")
            cells += [f"{times['torch'] * unit:.3g}", f"{times['ours'] / times['torch']:.2f}"] if has_peer else ["-", "-"]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Measure, print the table, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="cases, separated by semicolons")
    parser.add_argument("--write", action="store_true", help="put the table into docs/optimizers.md")
    parser.add_argument("--worker", nargs=2, metavar=("LIBRARY", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(*options.worker)
        return
    cases = [case for case in CASES if not options.only or case in options.only.split(";")]
    text = table(measured(cases, options.rounds), cases)
    print(text)
    if options.write:
        insert(PAGE, "times", text)
        print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
