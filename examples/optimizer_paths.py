"""Fifteen optimizers walk down one valley: their paths over a 2-d surface, drawn side by side.

python examples/optimizer_paths.py [--out optimizers.png] [--steps 200]
"""

from __future__ import annotations

import argparse
from typing import Any

import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np

import optim

START, OPTIMUM = (-1.2, 1.6), (1.0, 1.0)

# Each with a learning rate that suits it; a schedule where steps do not shrink by themselves
WALKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.016}),
    "SGD, momentum 0.9": ("SGD", {"lr": 0.006, "momentum": 0.9}),
    "SGD, Nesterov": ("SGD", {"lr": 0.006, "momentum": 0.9, "nesterov": True}),
    "Momentum, corrected": ("Momentum", {"lr": 0.05, "momentum": 0.9, "bias_correction": True}),
    "Adagrad": ("Adagrad", {"lr": 0.5}),
    "Adadelta": ("Adadelta", {"lr": 0.5, "eps": 1e-3}),
    "RMSprop": ("RMSprop", {"lr": optim.schedules.cosine(0.05, 200), "alpha": 0.9}),
    "Adam": ("Adam", {"lr": 0.1}),
    "AdamW, decay 0.1": ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    "Adamax": ("Adamax", {"lr": 0.1}),
    "NAdam": ("NAdam", {"lr": 0.1}),
    "RAdam": ("RAdam", {"lr": optim.schedules.piecewise([0.003, 0.4], [6])}),
    "Lion": ("Lion", {"lr": optim.schedules.cosine(0.03, 200)}),
    "Muon": ("Muon", {"lr": optim.schedules.cosine(0.17, 200), "weight_decay": 0.0}),
    "L-BFGS": ("LBFGS", {"max_iter": 1, "max_eval": 20, "line_search_fn": "strong_wolfe"}),
}


def surface(x: Any, y: Any) -> Any:
    """Rosenbrock's valley, less steep: lowest at (1, 1)."""
    return (1 - x) ** 2 + 10 * (y - x**2) ** 2


def walk(name: str, options: dict[str, Any], steps: int) -> Any:
    """The points that an optimizer visits."""
    p = ag.Tensor([START], requires_grad=True)  # a matrix with one row, for Muon
    optimizer = getattr(optim, name)([p], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = surface(p[0, 0], p[0, 1])
        loss.backward()
        return loss

    path = [p.numpy()[0].copy()]
    for _ in range(steps):
        optimizer.step(closure)
        path.append(p.numpy()[0].copy())
    return np.array(path)


def arrival(path: Any, within: float = 0.1) -> int | None:
    """The step after which the path stays near the optimum."""
    far = np.flatnonzero(np.hypot(*(path - OPTIMUM).T) > within)
    return int(far[-1]) + 1 if far[-1] + 1 < len(path) else None


def draw(paths: dict[str, Any], file: str) -> None:
    """One picture per optimizer, all over the same contours."""
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    x, y = np.meshgrid(np.linspace(-1.75, 1.75, 200), np.linspace(-0.6, 2.4, 200))
    figure = Figure(figsize=(13.0, 7.6), layout="constrained")
    for ax, (title, path) in zip(figure.subplots(3, 5, sharex=True, sharey=True).flat, paths.items(), strict=True):
        levels = np.geomspace(0.03, 150, 12)
        ax.contourf(x, y, surface(x, y), levels=levels, norm=LogNorm(0.03, 1e5), cmap="Greys", extend="both")
        # Okabe and Ito's colours: safe for colour-blind readers
        ax.plot(*path.T, color="#0072B2", linewidth=1.3, marker=".", markersize=3.5)
        ax.plot(*START, marker="o", color="#000000", markersize=5)
        ax.plot(*OPTIMUM, marker="*", color="#D55E00", markersize=11, markeredgecolor="white", markeredgewidth=0.6)
        there = arrival(path)
        ax.set_title(f"{title}: " + (f"{there} steps" if there else "not there yet"), fontsize=10)
        ax.set(xlim=(-1.75, 1.75), ylim=(-0.6, 2.4))
        ax.tick_params(labelsize=8)
    figure.savefig(file, dpi=110)


def main(steps: int = 200, file: str | None = None) -> dict[str, int | None]:
    """Walk, print when each arrives, and draw."""
    paths = {title: walk(name, options, steps) for title, (name, options) in WALKERS.items()}
    found = {title: arrival(path) for title, path in paths.items()}
    for title, there in found.items():
        print(f"{title:22s} {f'within 0.1 of the optimum after {there} steps' if there else 'not there yet'}")
    if file is not None:
        draw(paths, file)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="where to draw the paths, such as optimizers.png")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    main(options.steps, options.out)
