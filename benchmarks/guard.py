"""Compare the speed of two commits on this machine: A B A B ..., each in processes of its own.

    python -m benchmarks.guard A [B] [--only mlp_small,...] [--rounds 15] [--limit 1.10]

Without B, A is compared with the working folder. The packages are those of the commits, the benchmark is the one that runs
this. The exit code is 1 where a workload became slower than the limit and the interval of the ratio lies above 1, or fails.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.processes import ROOT, LeftOutError, check_values, start, take_turns
from benchmarks.report import shown
from benchmarks.workloads import WORKLOADS, Workload

PACKAGES = ("autograd_core", "nn", "optim")


def check_out(commit: str, folder: Path) -> Path:
    """The packages of a commit, and the benchmark of this folder beside them."""
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "-o", str(archive), commit, *PACKAGES], cwd=ROOT, check=True)  # noqa: S607
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
    return folder


def interval(before: list[float], after: list[float], draws: int = 2000) -> tuple[float, float]:
    """95 % of the ratios of medians of rounds drawn with replacement (the bootstrap)."""
    rng = np.random.default_rng(0)
    medians = lambda times: np.median(rng.choice(times, (draws, len(times))), axis=1)
    low, high = np.quantile(medians(after) / medians(before), [0.025, 0.975])
    return float(low), float(high)


def slower(before: list[float], after: list[float], limit: float) -> bool:
    """Above the limit, and not by noise alone."""
    return statistics.median(after) / statistics.median(before) > limit and interval(before, after)[0] > 1


def compare(workload: Workload, folders: list[Path], rounds: int) -> list[list[float]]:
    """Seconds before and after, measured in turns."""
    names = ("before", "after")
    workers = {name: start("ours", workload.name, folder) for name, folder in zip(names, folders, strict=True)}
    check_values(workload.name, {name: worker.values for name, worker in workers.items()})
    take_turns(workers, min(rounds, workload.rounds))
    return [workers[name].seconds for name in names]


def row(workload: Workload, before: list[float], after: list[float], limit: float) -> str:
    scale = (1e6 if workload.unit.startswith("us") else 1e3) / workload.ops
    times = [shown(statistics.median(seconds) * scale) for seconds in (before, after)]
    ratio, (low, high) = statistics.median(after) / statistics.median(before), interval(before, after)
    verdict = "slower" if slower(before, after, limit) else "faster" if slower(after, before, limit) else "-"
    return f"| {workload.title}, {workload.unit} | {times[0]} | {times[1]} | {ratio:.3f} | {low:.3f}-{high:.3f} | {verdict} |"


def main() -> None:
    """Measure, print a table as it grows, and say by the exit code whether something became slower."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", default="", help="a commit; the working folder if it is left out")
    parser.add_argument("--only", default=",".join(w.name for w in WORKLOADS if w.name != "chain_deep"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--limit", type=float, default=1.10, help="ratio from which a workload is slower")
    options = parser.parse_args()
    names, worse = options.only.split(","), []
    with tempfile.TemporaryDirectory() as temporary:
        before = check_out(options.before, Path(temporary) / "before")
        after = check_out(options.after, Path(temporary) / "after") if options.after else ROOT
        print(f"| workload | {options.before} | {options.after or 'working folder'} | ratio | 95 % | |")
        print("|---|---:|---:|---:|---:|---|")
        for workload in [w for w in WORKLOADS if w.name in names]:
            try:
                times = compare(workload, [before, after], options.rounds)
            except LeftOutError as reason:
                print(f"| {workload.title} | failed: {reason} | | | | |")
                worse.append(workload.name)
                continue
            print(row(workload, *times, options.limit), flush=True)
            worse += [workload.name] if slower(*times, options.limit) else []
    if worse:
        raise SystemExit(f"slower than {options.limit}, or failed: {', '.join(worse)}")


if __name__ == "__main__":
    main()
