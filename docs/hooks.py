"""What mkdocs.yml adds to the pages in docs/: the API reference, the notebooks, README, CONTRIBUTING and CHANGELOG.

Links between files of the repository become links between pages, so the Markdown files read the same on a repository host.
A file that is linked and is no page (a test, an example) becomes a page that shows it.
"""

from __future__ import annotations

import html
import json
import os
import posixpath
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import reference
from latex2mathml.converter import convert
from mkdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).parent.parent
FROM_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCE = re.compile(r"^(```.*?^```$)", re.DOTALL | re.MULTILINE)
LANGUAGES = {".py": "python", ".yml": "yaml", ".toml": "toml", ".md": "markdown", ".js": "js"}


def page_of(path: str) -> str:
    """The page of the site for a file of the repository, by its path there."""
    if path in FROM_ROOT:
        return FROM_ROOT[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path == "notebooks/README.md":
        return path
    if path.endswith(".ipynb"):
        return path.removesuffix(".ipynb") + ".md"
    return f"files/{path}.md"


def with_links(text: str, origin: str, wanted: set[str] | None = None) -> str:
    """Links as they are in a file of the repository, as links between pages; those to other files are noted as wanted."""
    here = posixpath.dirname(page_of(origin))

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[1]))
        if not (ROOT / target).is_file():
            return match[0]  # a dead link, or one to a generated page: mkdocs says so
        page = page_of(target)
        if wanted is not None and page.startswith("files/"):
            wanted.add(target)
        return posixpath.relpath(page, here or ".") + (match[2] or "")

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(replaced, part) for part in parts)


def on_config(config: Any) -> Any:
    """Put the generated pages into the navigation, in the places that mkdocs.yml names."""
    chapters: dict[str, list[Any]] = {}
    for path, (_, title, chapter) in reference.pages().items():
        chapters.setdefault(chapter, []).append({title: f"reference/{path}.md"})
    parts = {
        "API reference": [*chapters.pop(""), *({title: items} for title, items in chapters.items())],
        "Notebooks": ["notebooks/README.md", *(page_of(f"notebooks/{path.name}") for path in notebooks())],
    }
    config.nav = _filled(config.nav, parts)
    return config


def _filled(nav: list[Any], parts: dict[str, list[Any]]) -> list[Any]:
    result = []
    for item in nav:
        ((title, value),) = item.items() if isinstance(item, dict) else (("", item),)
        if value == "generated":
            value = parts[title]
        elif isinstance(value, list):
            value = _filled(value, parts)
        result.append({title: value} if title else value)
    return result


def notebooks() -> list[Path]:
    """The numbered notebooks."""
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    wanted: set[str] = set()

    def add(path: str, content: str | bytes) -> None:
        shown = InclusionLevel.NOT_IN_NAV if path.startswith("files/") else InclusionLevel.UNDEFINED
        files.append(File.generated(config, path, content=content, inclusion=shown))

    for name, page in FROM_ROOT.items():
        add(page, with_links((ROOT / name).read_text(encoding="utf-8"), name, wanted))
    for path, (text, _, _) in reference.pages().items():
        add(f"reference/{path}.md", text)
    add(
        "notebooks/README.md",
        with_links((ROOT / "notebooks/README.md").read_text(encoding="utf-8"), "notebooks/README.md", wanted),
    )
    for path in notebooks():
        origin = f"notebooks/{path.name}"
        text, pictures = notebook(json.loads(path.read_text(encoding="utf-8")), path.stem)
        add(page_of(origin), with_links(text, origin, wanted))
        for name, data in pictures.items():
            add(f"notebooks/{name}", data)
    for path in sorted((ROOT / "docs").glob("*.md")):
        with_links(path.read_text(encoding="utf-8"), f"docs/{path.name}", wanted)
    for name in sorted(wanted):
        code = (ROOT / name).read_text(encoding="utf-8")
        add(page_of(name), f"# {name}\n\n``````{LANGUAGES.get(Path(name).suffix, 'text')}\n{code}\n``````\n")
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of the pages in docs/; those of the others have been written when they were made."""
    if page.file.generated_by is None:
        return with_links(markdown, f"docs/{page.file.src_uri}")
    return markdown


# Notebooks, as they were committed: nothing is executed

ANSI = re.compile(r"\x1b\[[0-9;]*m")
_raw: list[str] = []  # HTML of outputs, which Markdown is not to see


def notebook(content: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by file name."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in content["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(with_maths(source))
        elif cell["cell_type"] == "code" and source.strip():
            parts.append(f"``````python\n{source}\n``````")
            for output in cell.get("outputs", ()):
                parts += _output(output, name, pictures)
    return "\n\n".join(parts) + "\n", pictures


CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
MATHS = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?! )([^$\n]+(?:\n[^$\n]+)?)(?<! )\$(?!\d)", re.DOTALL)


def with_maths(text: str) -> str:
    """Formulas in TeX as MathML, which browsers show without a script."""
    parts = CODE.split(text)
    return "".join(part if k % 2 else MATHS.sub(_formula, part) for k, part in enumerate(parts))


def _formula(match: re.Match[str]) -> str:
    block = match[1] is not None
    tex = (match[1] or match[2]).replace("{aligned}", "{align*}")  # which is what the converter knows
    _raw.append(convert(tex, display="block" if block else "inline"))
    element = "div" if block else "span"
    return f'<{element} class="maths" id="raw-{len(_raw) - 1}"></{element}>'


def _output(output: dict[str, Any], name: str, pictures: dict[str, bytes]) -> list[str]:
    if output["output_type"] == "stream":
        return [_text("".join(output["text"]))]
    if output["output_type"] == "error":
        return [_text(ANSI.sub("", "\n".join(output["traceback"])))]
    data = {kind: value if isinstance(value, str) else "".join(value) for kind, value in output["data"].items() if value}
    for kind, ending in (("image/svg+xml", "svg"), ("image/png", "png"), ("image/jpeg", "jpg")):
        if kind in data:
            file = f"{name}_{len(pictures)}.{ending}"
            pictures[file] = data[kind].encode() if ending == "svg" else b64decode(data[kind])
            return [f"![Output of the cell above]({file})"]
    if "text/html" in data:
        _raw.append(data["text/html"])
        return [f'<div class="output" id="raw-{len(_raw) - 1}"></div>']
    if "text/markdown" in data:
        return [data["text/markdown"]]
    return [_text(data["text/plain"])] if "text/plain" in data else []


def _text(text: str) -> str:
    shown = html.escape(ANSI.sub("", text).rstrip())
    _raw.append(f"<pre><code>{shown}</code></pre>")
    return f'<div class="output" id="raw-{len(_raw) - 1}"></div>'


def on_page_content(content: str, **_: Any) -> str:
    """Outputs of notebooks in their places; tables in a box that scrolls by itself."""
    content = re.sub(r'(<(?:div|span) class="\w+") id="raw-(\d+)">', lambda m: f"{m[1]}>{_raw[int(m[2])]}", content)
    return content.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def on_post_build(config: Any) -> None:
    """Nothing that a page loads may come from elsewhere."""
    for folder, _, names in os.walk(config.site_dir):
        for name in names:
            if name.endswith(".html"):
                text = Path(folder, name).read_text(encoding="utf-8")
                found = re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(https?:[^"'> ]+)""", text)
                if loaded := [url for url in found if 'rel="canonical"' not in url]:
                    raise SystemExit(f"{name} would load {loaded}")
