"""What derivatives cost against the size of the circuit: `python -m benchmarks.scaling` writes docs/scaling.md and its plot.

    python -m benchmarks.scaling [--rounds 3] [--largest 1000000]

Circuits of 0-d operations, so that what is measured is the engine and not NumPy's loops. Seconds are of processor time,
which other programs on the machine do not lengthen by having their turn.
"""

from __future__ import annotations

import argparse
import gc
import operator
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.extras import need
from benchmarks.peers.ours import loss_of_weights
from benchmarks.plots import INK, drawing
from benchmarks.workloads import WORKLOADS, direction, weights

DOCS = Path(__file__).parent.parent / "docs"
ENOUGH = 0.02  # seconds: shorter runs are repeated until they fill it
PATIENCE = 8.0  # seconds: finite differences that would take longer are left out ...
LONG = 60.0  # seconds: further rounds measure only what has taken less
OPERATION = 0.5e-6  # ... at so many for each operation
FROM_NODES, FROM_INPUTS = 1000, 100  # where fits begin: below, a constant time per call shows
KINDS = ("gradient", "Hessian-vector product", "finite differences")

Point = tuple[int, int]  # nodes, inputs


def circuit(x: list[Any], nodes: int) -> Any:
    """The sum of sin(x[k] x[k+1]) over the inputs, again and again: three operations a term."""
    total = 0.0
    for k in range(nodes // 3):
        total = total + ag.sin(x[k % len(x)] * x[(k + 1) % len(x)])
    return total


def differences(f: Callable[[list[Any]], Any], x: list[Any], step: float = 1e-6) -> list[Any]:
    """The gradient by one-sided finite differences: as many further evaluations as there are inputs."""
    base, found = f(x), []
    for k, value in enumerate(x):
        x[k] = value + step
        found.append((f(x) - base) / step)
        x[k] = value
    return found


def work(nodes: int, inputs: int) -> dict[str, Callable[[], Any]]:
    """What is timed, after a check that all agree."""
    rng = np.random.default_rng(0)
    x, v = list(rng.uniform(0.5, 1.5, inputs)), list(rng.uniform(-1.0, 1.0, inputs))
    f = lambda x: circuit(x, nodes)
    runs = {
        "gradient": lambda: ag.grad(f)(x),
        "Hessian-vector product": lambda: ag.hvp(f, (x,), (v,))[0],
        "finite differences": lambda: differences(f, x),
    }
    if nodes <= 1000:
        expected = runs["gradient"]()
        np.testing.assert_allclose(runs["finite differences"](), expected, rtol=1e-3, atol=1e-3)
        moved = [a + 1e-6 * b for a, b in zip(x, v, strict=True)]
        slope = (np.array(ag.grad(f)(moved)) - np.array(expected)) / 1e-6
        np.testing.assert_allclose(runs["Hessian-vector product"](), slope, rtol=1e-3, atol=1e-3)
    return runs


def seconds(run: Callable[[], Any], collecting: bool = False) -> float:
    """Time per run. Garbage is collected before, and not meanwhile: it is for the whole process and not for what is timed."""
    gc.collect()
    count, start = 0, time.process_time()
    try:
        if not collecting:
            gc.disable()
        while (spent := time.process_time() - start) < ENOUGH:
            run()
            count += 1
        return spent / count
    finally:
        gc.enable()


def measure(points: list[Point], rounds: int) -> dict[Point, dict[str, float]]:
    """Medians over rounds, each of which goes through all sizes; what has taken long enough is left out of further ones."""
    times: dict[Point, dict[str, list[float]]] = {point: {} for point in points}
    for number in range(rounds):
        for nodes, inputs in points:
            print(f"round {number + 1} of {rounds}: {nodes} nodes, {inputs} inputs", file=sys.stderr)
            for kind, run in work(nodes, inputs).items():
                found = times[nodes, inputs].setdefault(kind, [])
                too_long = kind == "finite differences" and OPERATION * nodes * (inputs + 1) > PATIENCE
                if not too_long and sum(found) < LONG:
                    found.append(seconds(run))
    return {point: {kind: statistics.median(found) for kind, found in kinds.items() if found} for point, kinds in times.items()}


def slope(sizes: list[int], times: list[float]) -> float:
    """The exponent in time ~ size**exponent: a line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def network(rounds: int = 25) -> dict[str, tuple[float, float]]:
    """Gradient of the small network's loss over all parameters, and Hessian-vector products: (seconds, times a gradient).

    The ratio is the median over rounds of the ratios within a round, which other programs on the machine disturb less.
    """
    workload = next(w for w in WORKLOADS if w.name == "hvp")
    loss, layers, v = loss_of_weights(workload), weights(workload), direction(workload)
    gradient = ag.grad(loss)
    runs: dict[str, Callable[[], Any]] = {"gradient": lambda: gradient(layers)}
    for mode in ("reverse-over-reverse", "forward-over-reverse"):
        runs[f"HVP, {mode}"] = lambda mode=mode: ag.hvp(loss, (layers,), (v,), mode=mode)
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    with need("threadpoolctl", "bench").threadpool_limits(1):
        for _ in range(rounds):
            for name, run in runs.items():
                times[name].append(seconds(run))
    return {
        name: (statistics.median(found), statistics.median(map(operator.truediv, found, times["gradient"])))
        for name, found in times.items()
    }


def shown(value: float) -> str:
    """Milliseconds with three digits."""
    return f"{1e3 * value:.3g}" if value < 1 else f"{1e3 * value:,.0f}"


def table(results: dict[Point, dict[str, float]]) -> str:
    lines = ["| nodes N | inputs l | gradient, ms | HVP, ms | HVP / gradient | finite differences, ms |", "|" + "---:|" * 6]
    for (nodes, inputs), times in results.items():
        gradient, product, numeric = (times.get(kind) for kind in KINDS)
        ratio = f"{product / gradient:.1f}"
        cells = [f"{nodes:,}", f"{inputs:,}", shown(gradient), shown(product), ratio, shown(numeric) if numeric else "-"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def fitted(results: dict[Point, dict[str, float]], axis: int, start: int) -> dict[str, float]:
    """The slope of each kind against nodes (axis 0) or inputs (axis 1), from a size on."""
    found = {}
    for kind in KINDS:
        points = [(point[axis], times[kind]) for point, times in results.items() if point[axis] >= start and kind in times]
        found[kind] = slope(*map(list, zip(*points, strict=True)))
    return found


# Colours of middle lightness, told apart also by those who do not see red and green, with marks and lines of their own.
STYLES = {
    "gradient": ("#2f8fd0", "o", "-"),
    "Hessian-vector product": ("#d98a00", "s", "-"),
    "finite differences": ("#c2609a", "^", "--"),
}


def draw(panels: list[tuple[str, int, dict[Point, dict[str, float]], dict[str, float]]], path: Path) -> None:
    """Log-log plots side by side: time against size, with the fitted slopes."""
    with drawing(path, ncols=len(panels), figsize=(9.2, 3.8), sharey=True) as (_, axes):
        for ax, (label, axis, results, slopes) in zip(axes, panels, strict=True):
            for kind, (colour, mark, line) in STYLES.items():
                points = [(point[axis], times[kind]) for point, times in results.items() if kind in times]
                name = f"{kind}, slope {slopes[kind]:.2f}"
                ax.loglog(*zip(*points, strict=True), color=colour, marker=mark, linestyle=line, markersize=5, label=name)
            ax.set_xlabel(label)
            ax.minorticks_off()
            ax.grid(visible=True, color=INK, alpha=0.25, linewidth=0.6)
            ax.spines[["top", "right"]].set_visible(False)
            ax.legend(frameon=False, loc="upper left", fontsize=9)
        axes[0].set_ylabel("seconds")
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(low, high * 30)  # room for the legends


PAGE = """# What derivatives cost

**Theorem.** A circuit of N operations with l inputs has a gradient that costs O(N + l) (Linnainmaa 1970; Baur and Strassen
1983). Finite differences evaluate the circuit l + 1 times: O(N l). **Corollary.** For any v the Hessian-vector product costs
O(N + l) as well: it is the gradient of <grad f, v> (Pearlmutter 1994).

`make bench-scaling` measures it and writes this page. The circuit is the sum of sin(x[k] x[k+1]), of 0-d numbers: three
operations for a term, so that the time is the engine's and not that of NumPy's loops.

![Time against the number of operations and of inputs, on logarithmic axes: straight lines](images/scaling.svg)

## Against the number of operations, with ten inputs

{by_nodes}

Fitted exponents, from N = {from_nodes:,} on: {slopes_nodes}.
The time of smaller circuits is partly that of the call.

## Against the number of inputs

N and l grow together, N = 3 l: with fewer operations than inputs some of these would not be used.

{by_inputs}

Fitted exponents, from l = {from_inputs:,} on: {slopes_inputs}.
The gradient with respect to {largest:,} inputs takes {per_input:.0f} us for each of them.

## A network

The loss of the MLP 784-256-128-10 (batch 64, float32), over all parameters, on one core:

{mlp}

An HVP costs about two gradients where arrays are large. On 0-d numbers it costs more: there the time is that of recording,
and the gradient has to be recorded as well.

## How it was measured

Medians of {rounds} rounds, each going through all sizes (fewer of what takes more than {long:.0f} s together). Runs shorter
than {enough:.0f} ms are repeated to fill these. Seconds of processor time, of one core. Finite differences that would take more
than about {patience:.0f} s are left out. At small sizes the derivatives are compared with each other before they are timed.
Python {python}, NumPy {numpy}.

Garbage is collected before each measurement, and not meanwhile: graphs have no cycles, so that nothing waits for the collector,
but it looks through all objects again and again as they grow in number. With it the gradient of {most:,} operations takes
{collecting:.2f} times as long, and exponents are higher by about 0.05. Where other programs use the machine, as here, single
times vary by up to a factor of 2, and exponents by 0.05 from run to run.
"""


def main() -> None:
    """Measure, fit, draw, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--largest", type=int, default=10**6)
    options = parser.parse_args()
    decades = [10**k for k in range(len(str(options.largest)))]
    mlp = network()
    by_nodes = measure([(n, 10) for n in decades if n >= 100], options.rounds)
    by_inputs = measure([(3 * n, n) for n in decades], options.rounds)
    largest = work(decades[-1], 10)["gradient"]
    collecting = statistics.median(seconds(largest, collecting=True) / seconds(largest) for _ in range(3))
    slopes = fitted(by_nodes, 0, FROM_NODES), fitted(by_inputs, 1, FROM_INPUTS)
    draw(
        [("operations N (10 inputs)", 0, by_nodes, slopes[0]), ("inputs l (3 l operations)", 1, by_inputs, slopes[1])],
        DOCS / "images" / "scaling.svg",
    )
    say = lambda found: ", ".join(f"{kind} {value:.2f}" for kind, value in found.items())
    rows = [f"| {name} | {shown(spent)} | {ratio:.2f} |" for name, (spent, ratio) in mlp.items()]
    page = PAGE.format(
        by_nodes=table(by_nodes),
        by_inputs=table(by_inputs),
        slopes_nodes=say(slopes[0]),
        slopes_inputs=say(slopes[1]),
        from_nodes=FROM_NODES,
        from_inputs=FROM_INPUTS,
        largest=decades[-1],
        per_input=1e6 * by_inputs[3 * decades[-1], decades[-1]]["gradient"] / decades[-1],
        mlp="\n".join(["| | ms | times a gradient |", "|---|---:|---:|", *rows]),
        rounds=options.rounds,
        long=LONG,
        most=decades[-1],
        collecting=collecting,
        enough=1e3 * ENOUGH,
        patience=PATIENCE,
        python=platform.python_version(),
        numpy=np.__version__,
    )
    (DOCS / "scaling.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
