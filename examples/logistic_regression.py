"""Logistic regression is one neuron with cross entropy, softmax regression one layer: both to their optimum, on real data.

    python examples/logistic_regression.py

Newton's method finds the optimum in a few steps, with the Hessian from `ag.hessian`. Both problems have one optimum: no
plane separates the classes without mistakes (with all thirty columns of the tumours one does, and the weights would grow
without end).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine

import nn


def tumours() -> tuple[Any, Any]:
    """569 tumours: the means of ten measurements of their cells, scaled (569, 10), and 1 for benign (569,)."""
    data = load_breast_cancer()
    x = data.data[:, :10]
    return nn.ZScoreNorm(x.shape[1], dtype=float).fit(x)(x).numpy(), data.target


def wines() -> tuple[Any, Any]:
    """178 wines: alcohol, malic acid, ash and its alkalinity, scaled (178, 4), and which of three growers (178,)."""
    data = load_wine()
    x = data.data[:, :4]
    return nn.ZScoreNorm(x.shape[1], dtype=float).fit(x)(x).numpy(), data.target


def newton(model: nn.Module, loss: Callable[[nn.Module], Any], tolerance: float = 1e-12) -> float:
    """Minimize a convex loss over all parameters of a model by Newton's method; return the least loss.

    Steps are halved until the loss falls by a share of what its slope promises (Armijo). The least-norm solution of the
    Newton equations leaves directions alone in which the loss does not change: in softmax regression, adding the same to
    all classes. Source: Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.1 and 3.2.
    """
    parameters = dict(model.named_parameters())
    ends = np.cumsum([p.size for p in parameters.values()])[:-1]

    def named(theta: Any) -> dict[str, Any]:
        parts = np.split(theta, ends)
        return {name: part.reshape(p.shape) for (name, p), part in zip(parameters.items(), parts, strict=True)}

    def f(theta: Any) -> Any:
        with nn.substituted(model, named(theta)):
            return loss(model)

    theta = np.concatenate([p.numpy().reshape(-1) for p in parameters.values()])
    for _ in range(100):
        value, g = ag.value_and_grad(f)(theta)
        direction = -np.linalg.lstsq(ag.hessian(f)(theta), g, rcond=1e-10)[0]
        decrease = float(-g @ direction)
        if decrease < tolerance:
            break
        step = 1.0
        while float(f(theta + step * direction)) > value - 1e-4 * step * decrease:
            step /= 2
        theta = theta + step * direction
    model.load_state_dict(named(theta))
    return float(value)


def logistic_regression() -> tuple[nn.Linear, float]:
    """One neuron for the tumours, and its loss."""
    x, benign = tumours()
    model = nn.Linear(x.shape[1], 1, dtype=float)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model, newton(model, lambda m: nn.functional.binary_cross_entropy_with_logits(m(x), benign[:, None]))


def softmax_regression() -> tuple[nn.Linear, float]:
    """One layer for the wines, and its loss."""
    x, grower = wines()
    model = nn.Linear(x.shape[1], 3, dtype=float)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model, newton(model, lambda m: nn.functional.cross_entropy(m(x), grower))


def main() -> None:
    """Fit both and print what was found."""
    model, loss = logistic_regression()
    x, benign = tumours()
    right = nn.metrics.binary_accuracy(model(x), benign[:, None], threshold=0)
    print(f"tumours: loss {loss:.9f}, {right:.1%} right; weights {model.weight.numpy()[0].round(4)}")
    model, loss = softmax_regression()
    x, grower = wines()
    print(f"wines: loss {loss:.9f}, {nn.metrics.accuracy(model(x), grower):.1%} right; of true (rows) and predicted growers:")
    print(nn.metrics.confusion_matrix(model(x), grower))


if __name__ == "__main__":
    main()
