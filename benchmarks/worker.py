"""One implementation on one workload in a process of its own: prepares, says its first results, then times on demand.

    python -m benchmarks.worker ours mlp_small       PEER, or PEER@THREADS, and the name of a workload
    python -m benchmarks.worker --startup 'import torch'

Each answer is a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM = 0.5  # seconds of runs before the first round
ROUND = 0.15  # seconds of runs in a round, or one run
WAKE = 0.1  # seconds: after a pause the threads of a pool may share one core until the scheduler parts them


def resident(kind: str = "VmRSS") -> float:
    """MiB of memory now, or at most so far ("VmHWM").

    Not ru_maxrss where it can be helped: on Linux that starts at what the parent had when it started this process.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def prepare(peer: str, name: str) -> Callable[[], Any]:
    """The workload as a function without arguments."""
    peer, _, threads = peer.partition("@")
    module = importlib.import_module(f"benchmarks.peers.{peer}")  # first: ours has to come before NumPy
    from benchmarks.workloads import WORKLOADS

    workload = next(w for w in WORKLOADS if w.name == name)
    if not hasattr(module, workload.kind):
        raise SystemExit(f"benchmarks/peers/{peer}.py has no {workload.kind}")
    if threads:
        module.set_num_threads(int(threads))
    return getattr(module, workload.kind)(workload)


def size(result: Any) -> float:
    """A number as it is, and of several arrays the length as one vector: by it implementations are compared."""
    import numpy as np

    if isinstance(result, float):
        return result
    return float(np.sqrt(sum(np.vdot(a, a) for a in map(np.asarray, result))))


def say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def serve(run: Callable[[], Any], prepared: float) -> None:
    """Say the first two results; answer each line on stdin with the seconds per run, and at its end with the memory."""
    results = [size(run()), size(run())]
    start, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < WARM:
        run()
        count += 1
    repeats, long = max(1, int(count * ROUND / WARM)), spent / count > WAKE
    say(results)  # only now: the next worker starts when it hears from this one, and has the machine for itself
    for _ in sys.stdin:
        start = time.perf_counter()
        while not long and time.perf_counter() - start < WAKE:
            run()
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        say((time.perf_counter() - start) / repeats)
    say({"peak": resident("VmHWM"), "prepared": prepared})


def startup(statement: str) -> None:
    """Seconds that an import takes, and the memory after it."""
    start = time.perf_counter()
    exec(statement, {})  # noqa: S102
    say([time.perf_counter() - start, resident()])


def main() -> None:
    first, second = sys.argv[1:3]
    if first == "--startup":
        startup(second)
    else:
        run = prepare(first, second)
        serve(run, resident())


if __name__ == "__main__":
    main()
