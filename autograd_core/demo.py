"""The demo: an MLP learns scikit-learn's handwritten digits; its derivatives are checked and its graph is drawn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import nn
import optim

from . import check, viz
from .extras import need
from .graph import no_grad
from .randomness import manual_seed

__all__ = ["main"]

BATCH = 64


def load_digits() -> tuple[Any, Any, Any, Any]:
    """8x8 images of handwritten digits, scaled to [0, 1]: training images and labels, test images and labels."""
    data = need("sklearn.datasets", "demo").load_digits()
    x, labels = (data.data / 16).astype(np.float32), data.target
    order = np.random.default_rng(0).permutation(len(x))  # the split does not depend on --seed
    train, test = order[: len(x) * 4 // 5], order[len(x) * 4 // 5 :]
    return x[train], labels[train], x[test], labels[test]


def build(rng: np.random.Generator) -> nn.Sequential:
    """A 64-128-64-10 network with He initialization."""
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", rng=rng)
        else:
            nn.init.zeros_(parameter)
    return net


def evaluate(net: nn.Module, x: Any, labels: Any) -> tuple[float, float]:
    """Mean loss and accuracy."""
    with no_grad():
        logits = net(x)
        return nn.functional.cross_entropy(logits, labels).item(), float(np.mean(logits.argmax(axis=1) == labels))


def train(model: nn.parallel.DataParallel, data: tuple[Any, Any, Any, Any], epochs: int, seed: int) -> list[dict[str, float]]:
    """Train with Adam under a progress bar; one record per epoch. Of several ranks, each takes its share of every batch."""
    x, labels, x_test, labels_test = data
    loader = nn.data.batches((x, labels), max(1, BATCH // model.size), seed=seed, rank=model.rank, size=model.size)
    schedule = optim.schedules.cosine(4e-3, total_steps=epochs * len(loader))
    adam = optim.Adam(model.parameters(), lr=schedule, weight_decay=1e-4)
    history = []
    bar = need("tqdm", "demo").tqdm(range(epochs), desc="training", unit="epoch", disable=model.rank > 0)
    for _ in bar:
        for images, digits in loader:
            loss = nn.functional.cross_entropy(model(images), digits)
            adam.zero_grad()
            loss.backward()
            adam.step()
        loss, accuracy = evaluate(model, x, labels)
        test_loss, test_accuracy = evaluate(model, x_test, labels_test)
        history.append({"loss": loss, "accuracy": accuracy, "test_loss": test_loss, "test_accuracy": test_accuracy})
        bar.set_postfix(loss=f"{loss:.4f}", test_accuracy=f"{test_accuracy:.1%}")
    return history


def check_derivatives(net: nn.Sequential, x: Any, labels: Any, rng: np.random.Generator) -> list[check.Report]:
    """Check gradient and Hessian-vector product of the trained network's loss, in float64, for all parameters."""
    names = [name for name, _ in net.named_parameters()]

    def loss(*values: Any) -> Any:
        with nn.substituted(net, dict(zip(names, values, strict=True))):
            return nn.functional.cross_entropy(net(x.astype(np.float64)), labels)

    point = [p.numpy() for p in net.parameters()]
    # a small step, so that no ReLU of the batch changes sides within the differences
    reports = [check.gradcheck(loss, *point, step=1e-5, rng=rng), check.hvpcheck(loss, *point, step=1e-5, rng=rng)]
    for report, title in zip(reports, ("gradient", "Hessian-vector product"), strict=True):
        report.title = f"{title} of the trained network against finite differences"
    return reports


def plot_history(history: list[dict[str, float]], path: Path) -> None:
    """Loss and accuracy over the epochs."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    epochs = range(1, len(history) + 1)
    for ax, name in zip(axes, ("loss", "accuracy"), strict=True):
        ax.plot(epochs, [h[name] for h in history], color="#0072b2", label="training")
        ax.plot(epochs, [h[f"test_{name}"] for h in history], color="#d55e00", label="test")
        ax.set(xlabel="epoch", title=name, yscale="log" if name == "loss" else "linear")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.3)
        ax.legend(frameon=False)
    figure.savefig(path)
    plt.close(figure)


def plot_mistakes(net: nn.Module, x: Any, labels: Any, path: Path) -> int:
    """The test digits that the network gets wrong; how many there are."""
    plt = _pyplot()
    with no_grad():
        guesses = net(x).argmax(axis=1)
    wrong = np.flatnonzero(guesses != labels)
    shown = wrong[:16]
    columns = max(1, min(8, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.3 * columns + 0.6, 1.55 * rows + 0.5), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, i in zip(axes.flat, shown, strict=False):
        ax.imshow(x[i].reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{labels[i]} read as {guesses[i]}", fontsize=8)
    figure.suptitle(f"{len(wrong)} of {len(x)} test digits misread", fontsize=10)
    figure.savefig(path)
    plt.close(figure)
    return len(wrong)


def _pyplot() -> Any:
    matplotlib = need("matplotlib", "demo")
    matplotlib.use("svg")
    return need("matplotlib.pyplot", "demo")


def main(out: Path, epochs: int, seed: int) -> int:
    """Train, check, draw; exit status 0 when both checks pass."""
    if epochs < 1:
        raise ValueError(f"--epochs has to be at least 1; got {epochs}")
    start = time.perf_counter()
    data = load_digits()
    rng = manual_seed(seed)
    net = build(rng)
    model = nn.parallel.DataParallel(net)  # started by mpiexec, all processes train together
    if model.rank:
        train(model, data, epochs, seed)
        return 0
    out.mkdir(parents=True, exist_ok=True)
    count = sum(p.size for p in net.parameters())
    together = f", {model.size} ranks" if model.size > 1 else ""
    print(
        f"{len(data[0])} training and {len(data[2])} test images of handwritten digits; {count} parameters, seed {seed}"
        f"{together}"
    )
    history = train(model, data, epochs, seed)
    print(f"test accuracy {history[-1]['test_accuracy']:.1%} after {epochs} epochs, {time.perf_counter() - start:.1f} s\n")

    reports = check_derivatives(net, data[0][:8], data[1][:8], rng)
    for report in reports:
        print(f"{report}\n  largest relative error {report.max_error:.1e}\n")

    images = data[0][:BATCH]
    with viz.trace(net):  # which tells the picture what kinds of layers there are
        loss = nn.functional.cross_entropy(net(images), data[1][:BATCH])
    files = {
        "graph.svg": "the graph of one training step's loss",
        "history.svg": "loss and accuracy over the epochs",
        "mistakes.svg": "the test digits that it misreads",
    }
    viz.draw(loss, names={"images": images, **dict(net.named_parameters())}).save(out / "graph.svg")
    plot_history(history, out / "history.svg")
    plot_mistakes(net, data[2], data[3], out / "mistakes.svg")
    print(f"written to {out.resolve()}:")
    for name, what in files.items():
        print(f"  {name:<13} {what}")
    print("\nnext: open graph.svg in a browser; try --epochs 5, --seed 1, or `python -m autograd_core doctor`;")
    print("then train a network of your own with the ten lines in README.md.")
    return 0 if all(reports) else 1
