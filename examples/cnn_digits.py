"""A small convolutional network reads scikit-learn's handwritten digits: parameter sharing in twenty lines.

python examples/cnn_digits.py [--quick]
"""

from __future__ import annotations

import argparse
from typing import Any

import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np
from sklearn.datasets import load_digits

import nn
import optim


def network() -> nn.Sequential:
    """Three convolutions with ReLU, two poolings, and one linear layer: 27 thousand parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 2 * 2, 10),
    )


def data() -> tuple[Any, Any, Any, Any]:
    """1437 training and 360 test images (n, 1, 8, 8) in [0, 1], and their labels."""
    digits = load_digits()
    x, labels = (digits.images[:, None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:1437], order[1437:]
    return x[train], labels[train], x[test], labels[test]


def shifted(x: Any, rng: np.random.Generator) -> Any:
    """Each image moved by up to one pixel in both directions: a digit stays what it is."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = (rng.integers(0, 3, len(x))[:, None] + np.arange(8) for _ in range(2))
    return padded[np.arange(len(x))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def main(epochs: int = 40, seed: int = 0) -> float:
    """Train; return the accuracy on the test images."""
    rng = ag.manual_seed(seed)
    x, labels, x_test, labels_test = data()
    model = network()
    batches = -(-len(x) // 64)
    adam = optim.Adam(model.parameters(), lr=lambda step: 2e-3 * 0.5 * (1 + np.cos(np.pi * step / (epochs * batches))))
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 64):
            batch = order[start : start + 64]
            loss = nn.functional.cross_entropy(model(shifted(x[batch], rng)), labels[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
        with ag.no_grad():
            accuracy = float(np.mean(model.eval()(x_test).argmax(axis=1) == labels_test))
        model.train()
        if epoch % 5 == 4 or epoch == epochs - 1:
            print(f"epoch {epoch + 1:2d}: loss {loss.item():.4f}, test accuracy {accuracy:.2%}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few epochs, as the tests run it")
    main(epochs=2 if parser.parse_args().quick else 40)
