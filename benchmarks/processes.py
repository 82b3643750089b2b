"""Workers in processes of their own, asked in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
SETTLE = 0.4  # seconds: after its work a BLAS or OpenMP thread pool spins for a while, and would slow the next one


class LeftOutError(Exception):
    """A worker that did not come so far as to give a result; says why."""


@dataclass
class Worker:
    """A process that has prepared one workload with one implementation."""

    process: subprocess.Popen[str]
    values: list[float]  # results of the first two runs
    seconds: list[float] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)

    def measure(self) -> None:
        """One round."""
        time.sleep(SETTLE)
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.seconds.append(json.loads(self.process.stdout.readline()))

    def stop(self) -> None:
        self.memory = json.loads(self.process.communicate()[0])

    def results(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "values": self.values, **self.memory}


def start(peer: str, workload: str, folder: Path = ROOT) -> Worker:
    """Start a worker with the packages of a folder."""
    command = [sys.executable, "-m", "benchmarks.worker", peer, workload]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=folder)
    assert process.stdout
    line = process.stdout.readline()
    if line:
        return Worker(process, json.loads(line))
    said = process.communicate()[1].strip().splitlines()
    raise LeftOutError(said[-1] if said else f"ended with code {process.returncode}")


def check_values(workload: str, values: dict[str, list[float]]) -> None:
    """All have to do the same work: the first two results agree (nan where there is none)."""
    known = {name: found for name, found in values.items() if not np.isnan(found).any()}
    for name, found in known.items():
        first, expected = next(iter(known.items()))
        if not np.allclose(found, expected, rtol=1e-3, atol=0):
            raise SystemExit(f"{workload}: {name} computed {found}, {first} {expected}")


def take_turns(workers: dict[str, Worker], rounds: int) -> None:
    """Measure all in every round, and stop them."""
    for _ in range(rounds):
        for worker in workers.values():
            worker.measure()
    for worker in workers.values():
        worker.stop()


def startup(statement: str) -> tuple[float, float]:
    """Seconds that an import takes in a new process, and MiB of memory after it."""
    command = [sys.executable, "-m", "benchmarks.worker", "--startup", statement]
    # all read compiled files, as what pip has installed does
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory
