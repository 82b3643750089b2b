"""Side-by-side benchmark: every implementation in its own process, interleaved rounds, medians, ratio to PyTorch.

    python -m benchmarks.bench [--rounds 15] [--only mlp_small,...] [--out build/bench]

Times depend on the machine and its other users; the ratios within one run are what to read.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.workloads import WORKLOADS, Workload

SETTLE = 0.4  # seconds: after its work a BLAS or OpenMP thread pool spins for a while, and would slow the next one
PEERS = {
    "ours": "autograd_core",
    "pytorch": "PyTorch eager",
    "jax_jit": "jax.jit",
    "hips": "HIPS autograd",
    "my_grad": "MyGrad",
    "by_hand": "NumPy by hand",
    "products": "matrix products alone",
}


def start(peer: str, workload: Workload) -> tuple[subprocess.Popen[str], float] | str:
    """Start a worker; its process and first result, or why there is none."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", peer, workload.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if line:
        return process, float(line)
    process.wait()
    return (process.stderr.read().strip().splitlines() or ["no output"])[-1]


def measure(workload: Workload, peers: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds per run for every peer that could be started, round by round."""
    workers, first = {}, {}
    for peer in peers:
        found = start(peer, workload)
        if isinstance(found, str):
            print(f"  {PEERS[peer]} left out: {found}", file=sys.stderr)
        else:
            workers[peer], first[peer] = found
    for peer, value in first.items():  # all have to do the same work
        if not np.isnan(value) and not np.isclose(value, first["ours"], rtol=1e-3):
            raise SystemExit(f"{workload.name}: {peer} computed {value}, ours {first['ours']}")
    times: dict[str, list[float]] = {peer: [] for peer in workers}
    for _ in range(rounds):
        for peer, process in workers.items():
            assert process.stdin is not None
            assert process.stdout is not None
            time.sleep(SETTLE)
            process.stdin.write("go\n")
            process.stdin.flush()
            times[peer].append(float(process.stdout.readline()))
    for process in workers.values():
        process.communicate()
    return times


def main() -> None:
    """Measure, print the Markdown table, and write it beside a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="workloads, separated by commas")
    parser.add_argument("--peers", default=",".join(PEERS), help="implementations, separated by commas")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    peers = options.peers.split(",")
    chosen = [w for w in WORKLOADS if not options.only or w.name in options.only.split(",")]
    results = {}
    for workload in chosen:
        print(f"{workload.title} ...", file=sys.stderr)
        results[workload.name] = measure(workload, peers, options.rounds)
    table = [
        "Median per unit, and in brackets the ratio to PyTorch eager in the same run (below 1 is faster).",
        "",
        "| workload | " + " | ".join(PEERS[p] for p in peers) + " |",
        "|---|" + "---:|" * len(peers),
    ]
    for workload in chosen:
        scale = (1e6 if workload.unit.startswith("us") else 1e3) / workload.ops
        medians = {peer: statistics.median(times) for peer, times in results[workload.name].items()}
        cells = []
        for peer in peers:
            ratio = f" ({medians[peer] / medians['pytorch']:.2f})" if peer in medians and "pytorch" in medians else ""
            cells.append(f"{medians[peer] * scale:.3g}{ratio}" if peer in medians else "-")
        table.append(f"| {workload.title}, {workload.unit} | " + " | ".join(cells) + " |")
    text = "\n".join(table) + "\n"
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.md").write_text(text, encoding="utf-8")
    machine = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    (options.out / "bench.json").write_text(json.dumps({"machine": machine, "seconds": results}, indent=1), encoding="utf-8")
    print(f"written: {options.out / 'bench.md'}, {options.out / 'bench.json'}")


if __name__ == "__main__":
    main()
