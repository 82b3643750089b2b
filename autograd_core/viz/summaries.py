"""Arrays in few words: a small one by its values, a large one by its statistics and a histogram."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dual import bare
from ..piece import dense

__all__ = ["Summary", "number", "printable", "summarized", "times"]

SHOWN = 64  # so many values are kept
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BARS = "▁▂▃▄▅▆▇█"


def times(shape: tuple[int, ...]) -> str:
    """A shape as text: 3×4; nothing for a single number."""
    return "×".join(map(str, shape))


def printable(text: str) -> str:
    """A name without the characters that no XML or UTF-8 file can hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def number(x: Any) -> str:
    """A number in at most four digits."""
    if isinstance(x, complex):
        return f"{x.real:.3g}{x.imag:+.3g}j"
    return str(x) if isinstance(x, bool | int) else f"{x:.4g}"


@dataclass(frozen=True)
class Summary:
    """What is shown of an array. Statistics are over the finite elements (of complex ones, over the absolute values).

    Attributes:
        shape, dtype: of the array.
        values: all elements in C order, if they are few.
        mean, std, min, max: of the finite elements; NaN if there is none.
        rms: the root of the mean of the squares.
        nan, inf: how many elements are not finite.
        histogram: eight counts from min to max.
    """

    shape: tuple[int, ...]
    dtype: str
    values: list[Any] | None
    mean: float
    std: float
    min: float
    max: float
    rms: float
    nan: int
    inf: int
    histogram: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def finite(self) -> bool:
        """Whether every element is."""
        return not self.nan and not self.inf

    @property
    def spark(self) -> str:
        """The histogram as eight characters."""
        top = max(self.histogram, default=0)
        return "".join(_BARS[-(-7 * count // top)] for count in self.histogram) if top else ""

    @property
    def trouble(self) -> str:
        """How many elements are not finite, in words; empty if all are."""
        parts = [f"{count} {what}" for count, what in ((self.nan, "NaN"), (self.inf, "inf")) if count]
        return " and ".join(parts) + f" of {self.size}" if parts else ""

    def brief(self, most: int = 4) -> str:
        """One short line: the values of a small array, else mean, standard deviation and histogram."""
        if not self.size:
            return "no elements"
        if self.values is not None and self.size <= most:
            inside = ", ".join(map(number, self.values))
            return inside if not self.shape else f"[{inside}]"
        if not self.finite:
            return self.trouble
        return f"{self.mean:.2g} ± {self.std:.2g} {self.spark}".rstrip()

    def details(self) -> str:
        """All statistics in one line."""
        if self.size < 2:
            return self.brief()
        text = f"mean {number(self.mean)}, std {number(self.std)}, min {number(self.min)}, max {number(self.max)}"
        return f"{self.trouble}; {text}" if self.trouble else text


def summarized(x: Any) -> Summary | None:
    """The summary of an array, a number, or a Tensor or Dual around one; None for anything else."""
    x = dense(bare(x))
    if not hasattr(x, "dtype"):
        if not isinstance(x, bool | int | float | complex):
            return None
        x = np.asarray(x)
    x = np.asarray(x.get() if hasattr(x, "get") else x)  # arrays of a GPU have get()
    values = x.ravel().tolist() if x.size <= SHOWN else None
    with np.errstate(all="ignore"):
        size = (np.abs(x) if x.dtype.kind == "c" else x).astype(np.float64).ravel()
        good = size[np.isfinite(size)]
        nan = int(np.isnan(size).sum())
        mean, std, low, high, rms = (float(f(good)) if good.size else np.nan for f in (np.mean, np.std, np.min, np.max, _rms))
        counts = _histogram(good) if x.size > 1 else []
    return Summary(x.shape, str(x.dtype), values, mean, std, low, high, rms, nan, size.size - good.size - nan, counts)


def _rms(x: Any) -> Any:
    largest = np.max(np.abs(x))
    return largest * np.sqrt(np.mean((x / largest) ** 2)) if 0 < largest < np.inf else largest


def _histogram(x: Any) -> list[int]:
    if not x.size or not np.ptp(x) > 0 or not np.isfinite(np.ptp(x)):
        return []
    place = (8 * ((x - x.min()) / np.ptp(x))).astype(int)
    return np.bincount(np.minimum(place, 7), minlength=8).tolist()
