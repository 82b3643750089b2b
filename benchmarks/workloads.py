"""What is measured: sizes, inputs and weights, the same for every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

LR, DECAY = 1e-3, 1e-2  # Adam's and AdamW's defaults in PyTorch
STATES, STEPS, HEADS = 128, 64, 4  # of the LSTM and the GPT
VOCABULARY, BLOCKS = 64, 2  # of the GPT


@dataclass(frozen=True)
class Workload:
    """One row of the table; `kind` is the function of a peer's module that does it.

    `ops` is what a time is divided by: the operations of a chain, 1 for a step. `rounds` bounds the rounds of what takes long.
    """

    name: str
    kind: str
    title: str
    size: Any = None
    ops: int = 1
    unit: str = "ms"
    rounds: int = 1000


@dataclass(frozen=True)
class Chain:
    """The link x = tanh(x w) + x again and again: three operations. w ~ 1 / links, so that nothing vanishes on the way."""

    shape: tuple[int, ...]
    links: int
    backward: bool = True


def chain(name: str, title: str, size: Chain, kind: str = "chain", rounds: int = 1000) -> Workload:
    return Workload(name, kind, title, size, 3 * size.links, "us/op", rounds)


SMALL, LARGE = ((784, 256, 128, 10), 64), ((784, 1024, 1024, 10), 512)  # widths, batch

WORKLOADS = [
    chain("chain_0d_forward", "0-d chain, forward", Chain((), 300, backward=False)),
    chain("chain_0d", "0-d chain, forward + backward", Chain((), 300)),
    chain("chain_deep", "0-d chain of 10^6 nodes", Chain((), 333_333), "deep_chain", rounds=3),
    chain("chain_64", "64x64 chain", Chain((64, 64), 300)),
    chain("chain_512", "512x512 chain", Chain((512, 512), 30)),
    Workload("mlp_small", "mlp", "MLP 784-256-128-10, batch 64, Adam", SMALL),
    Workload("mlp_large", "mlp", "MLP 784-1024-1024-10, batch 512, Adam", LARGE),
    Workload("cnn", "cnn", "CNN (LeNet), batch 64, Adam", 64),
    Workload("gpt", "gpt", "GPT, 2 blocks of 128, T 64, batch 16, AdamW", 16),
    Workload("lstm", "lstm", "LSTM of 128, T 64, batch 32, Adam", 32),
    Workload("gradient", "gradient", "gradient of the small MLP", SMALL),
    Workload("hvp", "hvp", "Hessian-vector product of the small MLP", SMALL),
    Workload("logistic", "logistic", "logistic regression, 10^5 x 20, full batch", (100_000, 20)),
]
QUICK = ("chain_0d", "mlp_small", "lstm", "hvp")


def chain_inputs(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """x and w of a chain, float64."""
    rng, size = np.random.default_rng(0), workload.size
    return np.asarray(rng.uniform(0.1, 0.5, size.shape)), np.asarray(rng.uniform(-0.9, -0.5, size.shape) / size.links)


def inputs(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """A batch and what is to be predicted: labels, the next tokens, or 0 and 1."""
    rng, size = np.random.default_rng(0), workload.size
    drawn = lambda *shape: rng.normal(size=shape).astype(np.float32)
    match workload.kind:
        case "cnn":
            return drawn(size, 1, 28, 28), rng.integers(0, 10, size)
        case "gpt":
            text = rng.integers(0, VOCABULARY, (size, STEPS + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        case "lstm":
            return drawn(STEPS, size, STATES), rng.integers(0, 10, size)
        case "logistic":
            return drawn(*size), rng.integers(0, 2, (size[0], 1)).astype(np.float32)
        case _:
            widths, batch = size
            return drawn(batch, widths[0]), rng.integers(0, widths[-1], batch)


def weights(workload: Workload) -> dict[str, np.ndarray]:
    """Weights by their names in PyTorch's state dicts, float32: normal with variance 1 / inputs, near 0 and 1 for the rest."""
    rng, drawn = np.random.default_rng(1), {}
    for name, shape in shapes(workload).items():
        if len(shape) > 1:
            value = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        else:
            value = rng.normal(size=shape) * 0.01 + (name.endswith("weight"))
        drawn[name] = value.astype(np.float32)
    return drawn


def direction(workload: Workload) -> dict[str, np.ndarray]:
    """The vector of a Hessian-vector product, in the structure of the weights."""
    rng = np.random.default_rng(2)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes(workload).items()}


def shapes(workload: Workload) -> dict[str, tuple[int, ...]]:
    match workload.kind:
        case "cnn":
            convolutions = linear("0", 25, 16) | linear("3", 16 * 25, 32)
            convolutions["0.weight"], convolutions["3.weight"] = (16, 1, 5, 5), (32, 16, 5, 5)
            return convolutions | linear("7", 800, 120) | linear("9", 120, 84) | linear("11", 84, 10)
        case "gpt":
            return gpt_shapes()
        case "lstm":
            gates = {
                f"lstm.{a}_{b}_l0": (4 * STATES, STATES)[: 2 if a == "weight" else 1]
                for a in ("weight", "bias")
                for b in ("ih", "hh")
            }
            return gates | linear("head", STATES, 10)
        case "logistic":
            return linear("0", workload.size[1], 1)
        case _:
            layers = [linear(str(2 * k), n, m) for k, (n, m) in enumerate(pairwise(workload.size[0]))]
            return {name: shape for layer in layers for name, shape in layer.items()}


def linear(name: str, n: int, m: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (m, n), f"{name}.bias": (m,)}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (STATES,), f"{name}.bias": (STATES,)}


def gpt_shapes() -> dict[str, tuple[int, ...]]:
    found = {"embedding.weight": (VOCABULARY, STATES), "positions": (STEPS, STATES)}
    for k in range(BLOCKS):
        block = f"blocks.layers.{k}"
        found |= {f"{block}.self_attn.in_proj_weight": (3 * STATES, STATES), f"{block}.self_attn.in_proj_bias": (3 * STATES,)}
        found |= linear(f"{block}.self_attn.out_proj", STATES, STATES)
        found |= linear(f"{block}.linear1", STATES, 4 * STATES) | linear(f"{block}.linear2", 4 * STATES, STATES)
        found |= norm(f"{block}.norm1") | norm(f"{block}.norm2")
    return found | norm("blocks.norm") | linear("head", STATES, VOCABULARY)
