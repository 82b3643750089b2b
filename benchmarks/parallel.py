"""What training by several ranks costs, and what a network would make of it: `make bench-parallel` writes docs/parallel.md.

    python -m benchmarks.parallel [--steps 30]

Runs itself under mpiexec with 1, 2 and 4 ranks, one BLAS thread each. Four ways to do a step take turns, so that what else
the machine does meets all of them:

- *averaged*: as `DataParallel` does it, sums begin in the backward pass;
- *at the end*: one bucket, whose sum begins when the last gradient has arrived;
- *silent*: nothing is averaged (`no_sync`): computation alone;
- *sums*: the buckets' sums alone, without computation;
- *wire*: as averaged, and each sum is also waited for as long as a network of so many nodes would take for it, one sum
  after the other. On one machine the sums are the processor's work, which computation cannot hide; a network works by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import autograd_core as ag
import nn
import optim
from autograd_core.extras import need
from benchmarks.page import insert
from nn.parallel import DataParallel, Ranks

DOCS = Path(__file__).parent.parent / "docs"
RANKS = (1, 2, 4)
NODES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
NETWORKS = {"10 Gbit/s": (30e-6, 10e9 / 8), "100 Gbit/s": (3e-6, 100e9 / 8)}  # seconds per message, bytes per second
WIRED = 64  # nodes of the network that is waited for
SIZES = [2**k for k in range(2, 23, 2)]  # of the sums that the model is fitted to, in bytes


class GPT(nn.Module):
    """Embedding, four blocks, classes for each token."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(256, 128)
        blocks = (nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True) for _ in range(4))
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(128, 256)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.blocks(self.embedding(tokens))).reshape(-1, 256)


def mlp(rng):
    net = nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))
    return net, rng.normal(size=(128, 784)).astype(np.float32), rng.integers(0, 10, 128)


def conv(rng):
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return net, rng.normal(size=(64, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 64)


def gpt(rng):
    return GPT(), rng.integers(0, 256, (8, 64)), rng.integers(0, 256, 8 * 64)


MODELS = {
    "MLP 784-1024-1024-10, 128 samples": mlp,
    "convolutional network, 64 images": conv,
    "transformer, 4 blocks of 128, 8 x 64 tokens": gpt,
}


class Wire:
    """Sums as before, and over a network that is not there: each is done when its bytes would have come through."""

    def __init__(self, ranks, network):
        self.ranks, self.network, self.begin, self.free, self.needed = ranks, network, ranks.begin_sum, 0.0, 0.0

    def begin_sum(self, room):
        seconds = summed(WIRED, room.nbytes, *self.network)
        self.free = max(self.free, time.perf_counter()) + seconds
        self.needed += seconds
        return _Wired(self.begin(room), self.free)


class _Wired:
    def __init__(self, request, until):
        self.request, self.until = request, until

    def Test(self):  # noqa: N802  MPI's names
        return self.request.Test()

    def Wait(self):  # noqa: N802
        self.request.Wait()
        time.sleep(max(self.until - time.perf_counter(), 0.0))


# Measured by every rank


def timed(ranks, work):
    """Seconds until all ranks have done it, all having begun together."""
    ranks.sum(0)
    start = time.perf_counter()
    work()
    ranks.sum(0)
    return time.perf_counter() - start


def measured_steps(build, steps):
    """Median seconds of the four ways; bytes of gradients."""
    net, x, labels = build(ag.manual_seed(0))
    models = {"averaged": DataParallel(net), "at the end": DataParallel(net, bucket_bytes=2**60), "silent": DataParallel(net)}
    models["silent"].counts = False
    wires = {}
    for name, network in NETWORKS.items():
        models[name] = DataParallel(net)
        wires[name] = Wire(models[name].ranks, network)
        models[name].ranks.begin_sum = wires[name].begin_sum
    ranks, adam = models["averaged"].ranks, optim.Adam(net.parameters())

    def step(model):
        loss = nn.functional.cross_entropy(model(x), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()

    _, buckets = models["averaged"]._planned()
    rooms = [np.ones(bucket.length + len(bucket.members), bucket.dtype) for bucket in buckets]

    def sums():
        if ranks.size > 1:
            for request in [ranks.begin_sum(room) for room in rooms]:
                request.Wait()

    ways = {name: lambda model=model: step(model) for name, model in models.items()} | {"sums": sums}
    seconds = {name: [] for name in ways}
    for _ in range(steps):
        for name, work in ways.items():
            seconds[name].append(timed(ranks, work))
    found = {name: statistics.median(values[3:]) for name, values in seconds.items()}
    for name, wire in wires.items():
        pairs = zip(seconds[name][3:], seconds["averaged"][3:], strict=True)
        found |= {f"needed at {name}": wire.needed / steps, f"longer at {name}": statistics.median(a - b for a, b in pairs)}
    return found | {"bytes": sum(p.data.nbytes for p in net.parameters()), "buckets": len(buckets)}


def measured_sums(rounds):
    """Median seconds of one sum of a row of them, by bytes."""
    ranks, found = Ranks(), {}
    for nbytes in SIZES:
        room, row = np.zeros(nbytes // 4, np.float32), 50 if nbytes < 2**18 else 5

        def sums(room=room, row=row):
            for _ in range(row):
                ranks.begin_sum(room).Wait()

        found[nbytes] = statistics.median(timed(ranks, sums) for _ in range(rounds)) / row
    return found


def worker(steps):
    found = {title: measured_steps(build, steps) for title, build in MODELS.items()}
    sums = measured_sums(steps) if Ranks().size > 1 else {}
    if not Ranks().rank:
        print(json.dumps({"steps": found, "sums": sums}))


def run(size, steps):
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    command = [mpiexec, "--oversubscribe", "-n", str(size), sys.executable, "-m", "benchmarks.parallel", "--worker"]
    done = subprocess.run([*command, "--steps", str(steps)], env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# What follows from it


def fitted(sums):
    """alpha (seconds) and beta (seconds per byte) of `alpha + beta bytes`, by least squares of relative errors."""
    m, t = np.array([float(k) for k in sums]), np.array([*sums.values()])
    weights = np.stack([1 / t, m / t], axis=1)
    (alpha, beta), *_ = np.linalg.lstsq(weights, np.ones(len(t)), rcond=None)
    return max(float(alpha), 0.0), float(beta)


def summed(nodes, nbytes, alpha, bandwidth):
    """Seconds of a sum over so many nodes: reduce-scatter and allgather by halves and doubles (Rabenseifner 2004)."""
    return 2 * math.log2(nodes) * alpha + 2 * (nodes - 1) / nodes * nbytes / bandwidth if nodes > 1 else 0.0


def efficiency(nodes, row, hidden, network):
    """The time of one node over that of so many with as many samples each."""
    alone = row["silent"]
    sums = sum(summed(nodes, row["bytes"] / row["buckets"], *network) for _ in range(row["buckets"]))
    return alone / (alone + (1 - hidden) * sums)


def hidden_share(row, name):
    """What part of the time that the sums need on a network does not make the step longer."""
    needed = row[f"needed at {name}"]
    return min(max(1 - row[f"longer at {name}"] / needed, 0.0), 1.0)


def ms(seconds):
    return f"{seconds * 1e3:.3g}"


def table_of_steps(runs):
    yield "| network, of each rank | ranks | silent, ms | averaged, ms | at the end, ms | sums alone, ms | MB a step |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for title in MODELS:
        for size, found in runs.items():
            row = found["steps"][title]
            cells = [ms(row["silent"])]
            if size > 1:
                sent = 2 * (size - 1) / size * row["bytes"] / 1e6
                cells += [ms(row["averaged"]), ms(row["at the end"]), ms(row["sums"]), f"{sent:.3g}"]
            else:
                cells += ["-"] * 4
            yield f"| {title} | {size} | " + " | ".join(cells) + " |"


def table_of_hiding(row_of):
    yield (
        "| network, of each node | sums begin | "
        + " | ".join(f"{n}: need, ms | step longer by, ms | hidden" for n in NETWORKS)
        + " |"
    )
    yield "|---|---|" + "---:|---:|---:|" * len(NETWORKS)
    for title in MODELS:
        row, cells = row_of[title], []
        for name in NETWORKS:
            cells += [ms(row[f"needed at {name}"]), ms(row[f"longer at {name}"]), f"{hidden_share(row, name):.0%}"]
        yield f"| {title} | in {row['buckets']} | " + " | ".join(cells) + " |"


def table_of_sums(runs):
    sizes = [size for size in runs if size > 1]
    yield "| bytes | " + " | ".join(f"{size} ranks, us | fit" for size in sizes) + " |"
    yield "|---:|" + "---:|---:|" * len(sizes)
    fits = {size: fitted(runs[size]["sums"]) for size in sizes}
    for nbytes in SIZES:
        cells = []
        for size in sizes:
            alpha, beta = fits[size]
            cells += [f"{runs[size]['sums'][str(nbytes)] * 1e6:.3g}", f"{(alpha + beta * nbytes) * 1e6:.3g}"]
        yield f"| {nbytes:,} | " + " | ".join(cells) + " |"
    yield ""
    for size, (alpha, beta) in fits.items():
        yield f"- {size} ranks: alpha = {alpha * 1e6:.3g} us, beta = {beta * 1e9:.3g} ns a byte, {1e-9 / beta:.2g} GB/s."


def table_of_predictions(row_of):
    shown = [n for n in NODES if n >= 8]
    yield "| network, of each node | at | " + " | ".join(f"{n}" for n in shown) + " |"
    yield "|---|---|" + "---:|" * len(shown)
    for title, row in row_of.items():
        for name, network in NETWORKS.items():
            cells = [
                f"{efficiency(n, row, hidden_share(row, name), network):.0%} ({efficiency(n, row, 0.0, network):.0%})"
                for n in shown
            ]
            yield f"| {title} | {name} | " + " | ".join(cells) + " |"


def plot(runs, row_of, path):
    figure = need("matplotlib.figure", "viz").Figure(figsize=(10.5, 3.5), layout="constrained")
    left, *right = figure.subplots(1, 3)
    for size, colour in zip((2, 4), ("#0072b2", "#d55e00"), strict=True):
        sums = {int(k): v for k, v in runs[size]["sums"].items()}
        alpha, beta = fitted(sums)
        left.loglog([*sums], [t * 1e6 for t in sums.values()], "o", color=colour, markersize=4, label=f"{size} ranks")
        left.loglog([*sums], [(alpha + beta * m) * 1e6 for m in sums], color=colour, linewidth=1)
    left.set(xlabel="bytes", ylabel="microseconds", title="one sum: measured, and fitted line")
    left.legend(frameon=False, fontsize=8)
    colours = dict(zip(MODELS, ("#0072b2", "#009e73", "#d55e00"), strict=True))
    for ax, (name, network) in zip(right, NETWORKS.items(), strict=True):
        for title in MODELS:
            row = row_of[title]
            for share, style in ((hidden_share(row, name), "-"), (0.0, ":")):
                ax.plot(
                    NODES, [efficiency(n, row, share, network) * 100 for n in NODES], style, color=colours[title],
                    label=title.split(",")[0].split(" 7")[0] if style == "-" else None, linewidth=1.4,
                )  # fmt: skip
        ax.set(xlabel="nodes", title=f"predicted efficiency, {name}", ylim=(0, 103), ylabel="percent")
        ax.set_xscale("log", base=2)
        ax.set_xticks([1, 8, 64, 512], ["1", "8", "64", "512"])
    right[0].plot([], [], ":", color="#777777", label="nothing hidden")
    right[0].legend(frameon=False, fontsize=8, loc="lower left")
    for ax in (left, *right):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.steps)
        return
    runs = {size: run(size, options.steps) for size in RANKS}
    row_of = runs[2]["steps"]  # a core for each rank
    tables = table_of_steps(runs), table_of_sums(runs), table_of_hiding(row_of), table_of_predictions(row_of)
    for name, lines in zip(("steps", "sums", "hiding", "predictions"), tables, strict=True):
        table = "\n".join(lines)
        print(table, "\n")
        insert(DOCS / "parallel.md", name, table)
    plot(runs, row_of, DOCS / "images" / "parallel.svg")


if __name__ == "__main__":
    main()
