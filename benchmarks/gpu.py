"""Training steps on a GPU: autograd_core on CuPy's arrays beside PyTorch eager, MLP, CNN and GPT.

    make bench-gpu        (python -m benchmarks.gpu [--steps 50])

Needs CuPy, PyTorch with CUDA, and the device; says what is missing otherwise, and measures nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np

import autograd_core as ag
import nn
import optim


def missing():
    """Why nothing can be measured; None if everything is there."""
    try:
        import cupy
    except ImportError as error:
        return f"CuPy cannot be imported ({error}): pip install 'autograd-core[cuda]'"
    if not cupy.cuda.is_available():
        return "CuPy finds no CUDA device"
    try:
        import torch
    except ImportError as error:
        return f"PyTorch cannot be imported ({error}): pip install 'autograd-core[bench]'"
    return None if torch.cuda.is_available() else "this PyTorch has no CUDA: install one that is built for it"


def networks(lib, linear, conv, norm, block, embedding):
    """The three models and their inputs, from the layers of either library."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(128, 1, 28, 28)).astype(np.float32)
    tokens = rng.integers(0, 512, (16, 128))
    sequential, relu = lib.Sequential, lib.ReLU
    return {
        "MLP 784-1024-1024-10, 512 samples": (
            sequential(linear(784, 1024), relu(), linear(1024, 1024), relu(), linear(1024, 10)),
            rng.normal(size=(512, 784)).astype(np.float32),
            rng.integers(0, 10, 512),
        ),
        "CNN, 128 images": (
            sequential(
                conv(1, 32, 3), norm(32), relu(), conv(32, 64, 3), norm(64), relu(), lib.Flatten(), linear(64 * 576, 10)
            ),
            images,
            rng.integers(0, 10, 128),
        ),
        "GPT, 4 blocks of 256, 16 x 128 tokens": (
            sequential(embedding(512, 256), *[block(256, 4, 1024, 0.0, batch_first=True) for _ in range(4)], linear(256, 512)),
            tokens,
            rng.integers(0, 512, (16, 128)),
        ),
    }


def training_step(net, adam, cross_entropy, x, target):
    def step():
        scores = net(x)
        loss = cross_entropy(scores.reshape(-1, scores.shape[-1]), target.reshape(-1))
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def median_ms(step, wait, steps):
    for _ in range(10):
        step()
    wait()
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        step()
        wait()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def ours(steps):
    import cupy

    ag.manual_seed(0)
    for name, (net, x, target) in networks(
        nn, nn.Linear, nn.Conv2d, nn.BatchNorm2d, nn.TransformerEncoderLayer, nn.Embedding
    ).items():
        net.to(like=cupy.empty(0))
        adam, x, target = optim.Adam(net.parameters()), cupy.asarray(x), cupy.asarray(target)

        step = training_step(net, adam, nn.functional.cross_entropy, x, target)
        yield name, median_ms(step, cupy.cuda.Device().synchronize, steps)


def theirs(steps):
    import torch

    torch.manual_seed(0)
    t = torch.nn
    for name, (net, x, target) in networks(
        t, t.Linear, t.Conv2d, t.BatchNorm2d, t.TransformerEncoderLayer, t.Embedding
    ).items():
        net.cuda()
        adam, x, target = torch.optim.Adam(net.parameters()), torch.tensor(x).cuda(), torch.tensor(target).cuda()

        step = training_step(net, adam, t.functional.cross_entropy, x, target)
        yield name, median_ms(step, torch.cuda.synchronize, steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=50)
    steps = parser.parse_args().steps
    reason = missing()
    if reason is not None:
        print(f"nothing is measured: {reason}")
        return 1
    import cupy

    print(f"{cupy.cuda.runtime.getDeviceProperties(0)['name'].decode()}, float32, Adam, medians of {steps} steps\n")
    print("| step | autograd_core on CuPy, ms | PyTorch eager, ms |\n|---|---:|---:|")
    for (name, own), (_, other) in zip(ours(steps), theirs(steps), strict=True):
        print(f"| {name} | {own:.3g} | {other:.3g} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
