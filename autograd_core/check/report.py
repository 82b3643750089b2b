"""Reports: what a checker compared, row by row, as a table that a person can read and a test can ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from traceback import extract_tb
from typing import ClassVar, Self

import numpy as np

from ..errors import AutogradError
from ..text import one_line

__all__ = ["CheckError", "Property", "Report", "Row", "naming_writes"]


class CheckError(AutogradError, AssertionError):
    """A derivative failed its check; the message is the report.

    >>> import numpy as np, autograd_core as ag
    >>> wrong = ag.custom_op("wrong", np.sin, lambda g, _y, x: g * np.sin(x))
    >>> try:
    ...     ag.check.gradcheck(wrong, 1.0).raise_if_failed()
    ... except ag.check.CheckError as error:
    ...     print(str(error).splitlines()[0])
    gradcheck of wrong: FAILED
    """


@dataclass
class Row:
    """One comparison: where, the two values, the tolerance, and whether they agree.

    >>> import numpy as np, autograd_core as ag
    >>> row = ag.check.gradcheck(np.square, 3.0).rows[0]
    >>> row.where, bool(row)
    ('input 0', True)
    """

    where: str
    analytic: float
    numeric: float
    tolerance: float
    note: str = ""  # what the verdict has to add, such as the two slopes at a kink

    @property
    def error(self) -> float:
        """Absolute difference of the two values."""
        return abs(self.analytic - self.numeric)

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; never for NaN, nor within an infinite one."""
        return bool(self.error <= self.tolerance < np.inf)

    @property
    def verdict(self) -> str:
        """One word for the table, with what there is to add."""
        if np.isnan(self.numeric) and not np.isnan(self.analytic):
            return "no numeric value: f is not finite within a step; give a smaller step="
        word = "ok" if self.ok else "WRONG"
        return f"{word} ({self.note})" if self.note else word

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return self.where, f"{self.analytic:.7g}", f"{self.numeric:.7g}", f"{self.error:.2e}", self.verdict


@dataclass
class Property:
    """Something that a right gradient has besides its value, such as being the same twice.

    >>> import numpy as np, autograd_core as ag
    >>> [p.where for p in ag.check.gradcheck(np.sin, 1.0).properties][:2]
    ['deterministic', 'zero cotangent gives zero']
    """

    where: str
    ok: bool
    note: str = ""  # what was found instead
    checked: bool = True  # False: could not be tested, which is no pass

    @property
    def verdict(self) -> str:
        """One word for the table, with what there is to add."""
        if not self.checked:
            return f"not checked: {self.note}"
        word = "ok" if self.ok else "WRONG"
        return f"{word}: {self.note}" if self.note else word

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text; it has no numbers."""
        return self.where, "", "", "", self.verdict


@dataclass(repr=False)
class Report:
    """The outcome of a check: truthy if everything agrees, printed as a table.

    `rows` compare numbers, `properties` hold or do not; iterating gives both, `failures` those that are wrong.

    >>> import numpy as np, autograd_core as ag
    >>> report = ag.check.gradcheck(np.sin, 1.0)
    >>> bool(report), report.failures, len(report.rows)
    (True, [], 1)
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)

    headings: ClassVar[tuple[str, ...]] = ("where", "analytic", "numeric", "error", "verdict")

    def __bool__(self) -> bool:
        return bool(self.rows) and not self.failures

    def __iter__(self) -> Iterator[Row | Property]:
        yield from self.rows
        yield from self.properties

    @property
    def failures(self) -> list[Row | Property]:
        """The rows and properties that are wrong."""
        return [row for row in self if not row.ok]

    @property
    def max_error(self) -> float:
        """Largest error relative to the size of the values compared."""
        return max((row.error / max(abs(row.numeric), abs(row.analytic), 1e-300) for row in self.rows), default=np.nan)

    def raise_if_failed(self) -> Self:
        """Raise CheckError with the table if anything disagrees; else return this report."""
        if not self:
            raise CheckError(str(self))
        return self

    @property
    def table(self) -> list[tuple[str, ...]]:
        """The lines of the printed table, without its headings."""
        return [row.cells for row in self]

    def _headline(self) -> str:
        return f"{one_line(self.title)}: {'passed' if self else 'FAILED'}"

    def __str__(self) -> str:
        lines = [self.headings, *(tuple(map(one_line, cells)) for cells in self.table)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headings))]
        return "\n".join([self._headline(), *("  " + _aligned(line, widths) for line in lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.headings)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in self.table)
        return f"<table><caption>{escape(self._headline())}</caption><tr>{head}</tr>{body}</table>"


@contextmanager
def naming_writes(report: Report) -> Iterator[None]:
    """Make a row of the error with which NumPy refuses to write into what a rule was handed, and leave the block."""
    try:
        yield
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        frame = extract_tb(error.__traceback__)[-1]
        culprit = f"{frame.name}, {Path(frame.filename).name}:{frame.lineno}"
        report.properties.append(
            Property("nothing given is changed", False, f"{culprit}: writes into an array that it was handed ({error})")
        )


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """The three columns of numbers to the right, text to the left."""
    cells = [cell.rjust(n) if 0 < i < 4 else cell.ljust(n) for i, (cell, n) in enumerate(zip(line, widths, strict=True))]
    return "  ".join(cells).rstrip()
