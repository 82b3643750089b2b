"""Side-by-side benchmark: every implementation in its own process, interleaved rounds, medians, ratio to PyTorch.

    python -m benchmarks.bench [--quick] [--rounds 11] [--only mlp_small,...] [--peers ours,pytorch,...] [--add] [--docs]

Times depend on the machine and its other users; the ratios within one run are what to read.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.processes import ROOT, LeftOutError, Worker, check_values, start, startup, take_turns
from benchmarks.report import PEERS, STARTUP
from benchmarks.workloads import QUICK, WORKLOADS, Workload

QUICK_PEERS = ("ours", "pytorch", "jax_jit", "by_hand")


def measure(workload: Workload, peers: list[str], rounds: int) -> dict[str, Any]:
    """Times, memory and first results of every peer that can do it."""
    workers: dict[str, Worker] = {}
    for peer in peers:
        try:
            workers[peer] = start(peer, workload.name)
        except LeftOutError as reason:
            print(f"  {PEERS[peer]} left out: {reason}", file=sys.stderr)
    check_values(workload.name, {peer: worker.values for peer, worker in workers.items()})
    take_turns(workers, min(rounds, workload.rounds))
    return {peer: worker.results() for peer, worker in workers.items()}


def measure_startup(peers: list[str], rounds: int) -> dict[str, Any]:
    """Import times and the memory after it; one import more before, which fills the file cache."""
    found: dict[str, Any] = {peer: {"seconds": [], "peak": 0.0} for peer in peers if peer in STARTUP}
    for number in range(rounds + 1):
        for peer, times in found.items():
            try:
                seconds, memory = startup(STARTUP[peer])
            except subprocess.CalledProcessError:
                continue  # not installed
            times["seconds"] += [seconds] if number else []
            times["peak"] = max(times["peak"], memory)
    return {peer: times for peer, times in found.items() if times["seconds"]}


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    # not by autograd_core's function: importing it would set variables that the workers inherit
    try:
        about = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        about = ""
    names = (line.split(":")[1].strip() for line in about.splitlines() if line.startswith("model name"))
    cpu, vectors = next(names, platform.processor()), "AVX-512" if "avx512f" in about else "no AVX-512"
    found = {"cpu": f"{cpu}, {vectors}", "cores": str(os.cpu_count()), "Python": platform.python_version()}
    for name in ("numpy", "torch", "jax", "autograd", "mygrad"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    said = "import autograd_core; print('; '.join(autograd_core.memory.applied.values()))"
    found["settings"] = subprocess.run(
        [sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    return found


def main() -> None:
    """Measure, print the Markdown tables, and write them beside a JSON file and a plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="", help="workloads, or 'startup', separated by commas")
    parser.add_argument("--peers", default="", help="implementations, separated by commas; pytorch@1 has one thread")
    parser.add_argument("--quick", action="store_true", help="few workloads, peers and rounds")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--add", action="store_true", help="keep what the JSON file has of workloads that are not measured now")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/performance.md, and its plot")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else QUICK if options.quick else [*(w.name for w in WORKLOADS), "startup"]
    peers = options.peers.split(",") if options.peers else list(QUICK_PEERS if options.quick else PEERS)
    if unknown := {*names} - {w.name for w in WORKLOADS} - {"startup"} | {p for p in peers if p.partition("@")[0] not in PEERS}:
        raise SystemExit(f"unknown: {', '.join(unknown)}; workloads are {', '.join(w.name for w in WORKLOADS)}, startup")
    rounds = min(options.rounds, 3) if options.quick else options.rounds

    path = options.out / "bench.json"
    options.out.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text(encoding="utf-8"))["workloads"] if options.add and path.exists() else {}
    for workload in WORKLOADS:
        if workload.name in names:
            print(f"{workload.title} ...", file=sys.stderr)
            kept[workload.name] = measure(workload, peers, rounds)
    if "startup" in names:
        kept["startup"] = measure_startup(peers, rounds)
    results = {"machine": machine(), "workloads": kept}
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    report.write(results, options.out, docs=options.docs)


if __name__ == "__main__":
    main()
