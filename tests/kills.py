"""Kills processes that train or save, at random instants, and looks whether anything was lost: `python -m tests.kills`.

Training: a run is killed (SIGKILL) once, somewhere between its start and its end, and started again with resume=True. Its
weights, optimizer, generators and history must be those of a run that was not killed, bit by bit. Saving: a process that
replaces one file again and again is killed, and the file must hold one of the contents, whole. Each process is forked from
this one, which has imported everything already, so that two hundred kills take a minute.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a forked process has no threads but its own

import argparse
import hashlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import optim
from autograd_core.packing import pack

EPOCHS = 8


class Network(nn.Module):
    """One with everything that has a state: buffers, the default generator, one of its own."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.first = nn.Linear(8, 16, rng=rng)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.2)
        self.other = nn.Dropout(0.2, rng=np.random.default_rng(2))
        self.last = nn.Linear(16, 3, rng=rng)

    def forward(self, x: object) -> object:
        return self.last(self.other(self.drop(np.tanh(self.norm(self.first(x))))))


def data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return x, (x[:, :3] ** 2).argmax(axis=1)


SETTINGS = {
    "epochs": EPOCHS,
    "batch_size": 16,
    "validation": data(32, 4),
    "early_stopping": 50,
    "clip_norm": 1.0,
    "keep": 2,
    "progress": False,
}


def train(folder: Path | None, seed: int | None = None, model: nn.Module | None = None, **options: object) -> str:
    """One whole run; what it ended with, as a checksum."""
    ag.manual_seed(0)
    model = model or Network()
    adam = optim.Adam(model.parameters(), lr=lambda step: 0.02 / (1 + step / 20))
    history = nn.fit(
        model,
        data(96, 3),
        nn.functional.cross_entropy,
        adam,
        seed=seed,
        checkpoint_dir=folder,
        **{"resume": folder is not None} | SETTINGS | options,
    )
    return fingerprint([model.state_dict(), adam.state_dict(), model.other.rng, ag.default_rng(), vars(history)])


def fingerprint(tree: object) -> str:
    node, arrays = pack(tree)
    found = hashlib.sha256(repr(node).encode())
    for name, array in arrays.items():
        found.update(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def forked(work: Callable[[], str], kill_after: float | None = None) -> str | None:
    """Do the work in a process of its own; what it returned, or None if it was killed before."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writer, work().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as file:
        answer = file.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process failed with status {status}")
    return answer or None


def training_kill(folder: Path, instant: float, expected: str, seed: int | None) -> int:
    """Kill one run and go on with it; the number of epochs that had checkpoints."""
    forked(lambda: train(folder, seed=seed), kill_after=instant)
    epochs = sorted(folder.glob("epoch-*"))
    if forked(lambda: train(folder, seed=seed)) != expected:
        raise AssertionError(f"killed after {instant:.4f} s: the resumed run ended otherwise")
    return int(epochs[-1].stem.split("-")[1]) if epochs else 0


def saving_kill(path: Path, instant: float) -> int:
    """Kill a process that saves all the time; which content the file had."""

    def save() -> str:
        for k in range(1, 10**6):
            ag.save(path, {"k": k, "w": np.full(50_000, k), "more": [np.full(k % 100, k)]})
        return ""

    ag.save(path, {"k": 0, "w": np.zeros(50_000, int), "more": [np.zeros(0, int)]})
    forked(save, kill_after=instant)
    tree = ag.load(path)
    k = tree["k"]
    if not ((tree["w"] == k).all() and len(tree["w"]) == 50_000 and tree["more"][0].tolist() == [k] * (k % 100)):
        raise AssertionError(f"killed after {instant:.4f} s: a mixture of contents")
    return k


def main(kills: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as root:
        expected = {order: train(None, seed=order) for order in (None, 5)}
        start = time.perf_counter()
        assert forked(lambda: train(Path(root, "whole"), seed=5)) == expected[5]
        whole = time.perf_counter() - start
        reached = []
        for k in range(kills):
            folder = Path(root, str(k))
            order = (None, 5)[k % 2]
            reached.append(training_kill(folder, rng.uniform(0, whole), expected[order], order))
        print(
            f"training: {kills} kills in runs of {whole:.3f} s and {EPOCHS} epochs; every resumed run ended with the same bits"
        )
        found = np.bincount(reached, minlength=EPOCHS + 1).tolist()
        print(f"  checkpoints found after the kill, of 0 to {EPOCHS} epochs: {found}")
        path = Path(root, "saving", "file.safetensors")
        path.parent.mkdir()
        contents = [saving_kill(path, rng.uniform(0, 0.05)) for _ in range(kills)]
        leftovers = len(list(path.parent.iterdir())) - 1
        print(f"saving: {kills} kills, {leftovers} of them while a file was being written; after {max(contents)} saves at most")
        print("  every file was whole")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    sys.exit(main(options.kills, options.seed))
