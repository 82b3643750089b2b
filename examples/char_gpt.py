"""A small GPT learns the first page of "Alice's Adventures in Wonderland" (Lewis Carroll, 1865) letter by letter, and recites.

    python examples/char_gpt.py [--quick]

Every position of a window predicts the letter that follows; causal attention lets it see only what stands before.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import autograd_core as ag  # before numpy, so that it can choose NumPy's faster settings

# isort: split
import numpy as np

import nn
import optim

TEXT = Path(__file__).parent / "data" / "alice.txt"


class GPT(nn.Module):
    """Letters become vectors, blocks of attention mix them, and a linear layer scores each possible next letter."""

    def __init__(self, letters: str, width: int, layers: int, heads: int, length: int) -> None:
        self.letters, self.length = letters, length
        self.embedding = nn.Embedding(len(letters), width)
        self.position = nn.LearnedPositionalEncoding(width, length)
        block = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width))
        self.scores = nn.Linear(width, len(letters))

    def forward(self, numbers: Any) -> Any:
        """Numbers of letters (batch, length) to scores (batch, length, letters)."""
        return self.scores(self.blocks(self.position(self.embedding(numbers)), is_causal=True))

    def encode(self, text: str) -> Any:
        """The number of each letter."""
        return np.array([self.letters.index(letter) for letter in text])

    def sample(self, start: str, count: int, rng: np.random.Generator, temperature: float = 0.5) -> str:
        """Write on from `start`: each next letter is drawn by its probability, sharpened by a low temperature."""
        text = start
        with ag.no_grad():
            for _ in range(count):
                scores = self(self.encode(text[-self.length :])[None])[0, -1]
                text += self.letters[rng.choice(len(self.letters), p=ag.softmax(scores.astype(float) / temperature).numpy())]
        return text


def windows(numbers: Any, starts: Any, length: int) -> tuple[Any, Any]:
    """Windows of a text and, as targets, the same moved on by one letter."""
    at = starts[:, None] + np.arange(length)
    return numbers[at], numbers[at + 1]


def loss_of(model: GPT, inputs: Any, targets: Any) -> Any:
    """Mean cross entropy of the next letter, in nats."""
    return nn.functional.cross_entropy(model(inputs).reshape(-1, len(model.letters)), targets.ravel())


def train(model: GPT, text: str, steps: int, batch: int, peak: float, rng: np.random.Generator) -> float:
    """Train on random windows (warm-up, then a cosine down from the peak); return the loss over all windows of the text."""
    numbers = model.encode(text)
    last = len(numbers) - model.length
    warm = steps // 20 + 1
    adam = optim.Adam(
        model.parameters(), lr=lambda step: peak * min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * step / steps)))
    )
    for step in range(steps):
        loss = loss_of(model, *windows(numbers, rng.integers(0, last, batch), model.length))
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % (steps // 5) == 0:
            print(f"step {step:4d}: loss {loss.item():.3f} nats")
    with ag.no_grad():
        parts = np.array_split(np.arange(last), -(-last // 64))
        total = sum(loss_of(model, *windows(numbers, part, model.length)).item() * len(part) for part in parts)
    print(f"step {steps:4d}: loss {total / last:.3f} nats over all windows")
    return total / last


def main(quick: bool = False, seed: int = 0) -> float:
    """Train, and recite from the first letters; return the loss."""
    rng = ag.manual_seed(seed)
    text = TEXT.read_text(encoding="utf-8")
    if quick:
        text = text[: text.index(":")]
    letters = "".join(sorted(set(text)))
    width, layers, steps, batch, peak = (64, 1, 250, 8, 5e-3) if quick else (128, 2, 800, 16, 3e-3)
    model = GPT(letters, width, layers, heads=4, length=64)
    print(f"{len(text)} letters, {len(letters)} different; {sum(p.size for p in model.parameters())} parameters")
    loss = train(model, text, steps, batch, peak, rng)
    print(model.sample(text[:10], 60 if quick else 300, rng))
    return loss


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one sentence and a smaller network, as the tests run it")
    main(parser.parse_args().quick)
