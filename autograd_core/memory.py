"""Settings of this process that make NumPy several times faster at training, made once, before NumPy is imported.

1. glibc hands freed arrays back to the system, and taking them again costs page faults, often more than the
   arithmetic. `keep_memory` raises the thresholds; `release_memory` gives back what is free now.
2. OpenBLAS picks AVX2 kernels on some CPUs that have AVX-512 (AMD Zen 4 and 5). `choose_blas_kernels` names the better
   ones, which works only before NumPy is loaded.

Set the environment variable AUTOGRAD_CORE_TUNE=0 to leave both alone.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

__all__ = ["release_memory"]

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_MIB = 1 << 20
_AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}

applied: dict[str, str] = {}  # what was set, for `python -m autograd_core doctor`


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version, libc.mallopt, libc.malloc_trim  # noqa: B018  musl has none of them
    except (OSError, AttributeError):
        return None
    return libc


def keep_memory() -> None:
    """Let glibc keep up to 1 GiB of freed memory in the process instead of returning it after every array."""
    libc = _glibc()
    if libc is None:
        applied["malloc"] = "left alone: not glibc"
        return
    for size in (1024 * _MIB, 32 * _MIB):  # older glibc refuses more than 32 MiB
        if libc.mallopt(_M_MMAP_THRESHOLD, size):
            break
    else:
        applied["malloc"] = "left alone: glibc refused the mmap threshold"
        return
    trim = libc.mallopt(_M_TRIM_THRESHOLD, 1024 * _MIB)
    pad = libc.mallopt(_M_TOP_PAD, 64 * _MIB)
    applied["malloc"] = f"mmap threshold {size // _MIB} MiB" + ("" if trim and pad else ", trim threshold or padding refused")


def release_memory() -> bool:
    """Give freed memory back to the system now (glibc's malloc_trim); whether anything was given back.

    >>> import autograd_core as ag
    >>> type(ag.release_memory())
    <class 'bool'>
    """
    libc = _glibc()
    return libc is not None and bool(libc.malloc_trim(0))


def cpu_flags() -> set[str]:
    """The feature flags of the first CPU, as Linux lists them; empty elsewhere."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next((set(line.split(":")[1].split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return set()


def choose_blas_kernels() -> None:
    """Ask OpenBLAS for its AVX-512 kernels where the CPU has AVX-512, unless the user chose or it is too late."""
    if "OPENBLAS_CORETYPE" in os.environ:
        applied["blas"] = f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']} was set outside"
    elif not cpu_flags() >= _AVX512:
        applied["blas"] = "left alone: this CPU has no AVX-512"
    elif "numpy" in sys.modules:
        applied["blas"] = "too late: NumPy was imported first"
    else:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
        applied["blas"] = "OPENBLAS_CORETYPE=SkylakeX"


def tune() -> None:
    """Apply both settings, unless AUTOGRAD_CORE_TUNE=0."""
    if os.environ.get("AUTOGRAD_CORE_TUNE", "1") == "0":
        applied["malloc"] = applied["blas"] = "left alone: AUTOGRAD_CORE_TUNE=0"
        return
    choose_blas_kernels()
    keep_memory()
