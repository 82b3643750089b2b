"""What a Tensor shows of itself in a notebook: a few values and statistics, however large it is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import to_host
from .dual import bare

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["tensor_html"]

_MOST = 6  # rows and columns that are shown


def tensor_html(tensor: Tensor) -> str:
    """An HTML table of the (first) values, with shape, dtype, op and statistics in its caption."""
    data = np.asarray(to_host(bare(tensor)))
    name = f"{type(tensor).__name__} {tensor.name!r}" if tensor.name else type(tensor).__name__
    shape = "×".join(map(str, data.shape)) or "number"
    facts = [name, shape, str(data.dtype)]
    if tensor._node is not None:
        facts.append("requires a gradient" if tensor._node.op is None else f"result of {tensor._node.op.name}")
    if data.size > 1 and data.dtype.kind in "fiu":
        facts.append(_statistics(data))
    page = data.reshape((-1, *data.shape[-2:]))[0] if data.ndim > 2 and data.size else data
    if data.ndim > 2:
        facts.append("the first matrix is shown")
    return f"<table><caption>{escape(', '.join(facts))}</caption>{_rows(np.atleast_2d(page))}</table>"


def _statistics(data: Any) -> str:
    finite = data[np.isfinite(data)].astype(float)
    bad = data.size - finite.size
    if not finite.size:
        return f"{bad} not finite"
    with np.errstate(all="ignore"):
        text = f"mean {finite.mean():.3g}, std {finite.std():.3g}, {finite.min():.3g} to {finite.max():.3g}"
    return f"{text}, {bad} not finite" if bad else text


def _rows(page: Any) -> str:
    rows = []
    for row in page[:_MOST]:
        cells = [f"{x:.4g}" if isinstance(x, float | complex) else str(x) for x in row[:_MOST].tolist()]
        rows.append(_row([*cells, "…"] if page.shape[1] > _MOST else cells))
    if page.shape[0] > _MOST:
        rows.append(_row(["…"]))
    return "".join(rows)


def _row(cells: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
