"""One implementation on one workload in a process of its own: prepares, says its first result, then times on demand."""

from __future__ import annotations

import importlib
import sys
import time

WAKE = 0.1  # seconds: after a pause the threads of a pool may share one core until the scheduler parts them


def main() -> None:
    """Arguments: implementation, workload. Answers each line on stdin with the seconds per run."""
    peer, workload = sys.argv[1:3]
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    run = module.chain(workload) if workload.startswith("chain") else module.mlp(workload)
    print(repr(run()), flush=True)
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < 0.5:  # warm up, and see how many runs fill a round
        run()
        count += 1
    repeats = max(1, int(count * 0.3))
    for _ in sys.stdin:
        start = time.perf_counter()
        while time.perf_counter() - start < WAKE:
            run()
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        print((time.perf_counter() - start) / repeats, flush=True)


if __name__ == "__main__":
    main()
