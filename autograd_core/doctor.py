"""What this process's NumPy could do better on this machine, and the line that makes it so."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator

import numpy as np

from . import memory

__all__ = ["main"]


def _sgemm() -> float:
    """GFLOP/s of a float32 matrix product, best of a few."""
    n = 1024
    a = np.ones((n, n), np.float32)
    a @ a
    best = min(_seconds(lambda: a @ a) for _ in range(5))
    return 2 * n**3 / best / 1e9


def _seconds(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


def _lines() -> Iterator[str]:
    build = np.show_config(mode="dicts")
    blas = build["Build Dependencies"]["blas"] if build else {}
    yield f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, {os.cpu_count()} cores"
    name = f"{blas.get('name', 'unknown')} {blas.get('version', '')}"
    yield f"BLAS: {name}, {_sgemm():.0f} GFLOP/s in a float32 product of size 1024"
    yield f"BLAS kernels: {memory.applied['blas']}"
    yield f"memory: {memory.applied['malloc']}"
    yield ""
    advice = [*_advice(str(blas.get("name", "")))]
    yield from advice or ["Nothing to improve."]


def _advice(blas: str) -> Iterator[str]:
    if memory.applied["blas"].startswith("too late"):
        yield "NumPy was imported before autograd_core, so the BLAS kernels for AVX-512 could not be chosen. Either"
        yield "import autograd_core first, or put this into your shell's start-up file:"
        yield "    export OPENBLAS_CORETYPE=SkylakeX"
        yield "It matters on AMD Zen 5, where the default kernels reach about half of the CPU's speed."
    if "AUTOGRAD_CORE_TUNE=0" in memory.applied["malloc"]:
        yield "AUTOGRAD_CORE_TUNE=0 is set: freed arrays go back to the system, and taking them again costs page faults."
        yield "    unset AUTOGRAD_CORE_TUNE"
    if memory.applied["malloc"] == "left alone: not glibc" and platform.system() == "Linux":
        yield "This is not glibc: if arrays are slow to allocate, try a caching allocator (jemalloc, mimalloc) by LD_PRELOAD."
    if blas and "openblas" not in blas and "mkl" not in blas.lower() and "accelerate" not in blas.lower():
        yield f"NumPy uses '{blas}' for matrix products; a build with OpenBLAS or MKL is usually much faster."


def main() -> int:
    """Print the report."""
    print("\n".join(_lines()))
    return 0
