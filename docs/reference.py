"""The API reference as Markdown pages, from the docstrings of what is public: `pages()`, for docs/hooks.py.

It asks the imported packages and not their source text, because many functions are made by rows and decorators. A name goes to
the page of the module that defines it, so that a new one appears by itself, and a module that is new gets a page of its own.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autograd_core as ag  # noqa: E402
import nn  # noqa: E402
import optim  # noqa: E402

SHORT = {"autograd_core": "ag", "autograd_core.ops.linalg": "ag.linalg", "autograd_core.ops.fft": "ag.fft"}
# modules whose names stand together on one page, with its title
TOGETHER = {
    "autograd_core.tensor": ("tensor", "Tensor and graphs"),
    "autograd_core.graph": ("tensor", "Tensor and graphs"),
    "autograd_core.anomaly": ("tensor", "Tensor and graphs"),
    "autograd_core.transforms": ("transforms", "Transforms"),
    "autograd_core.jacobians": ("transforms", "Transforms"),
    "autograd_core.recompute": ("transforms", "Transforms"),
    "autograd_core.record": ("transforms", "Transforms"),
    "autograd_core.storage": ("files", "Files"),
    "autograd_core.onnx.export": ("files", "Files"),
    "autograd_core.randomness": ("machine", "Randomness, threads, memory"),
    "autograd_core.threads": ("machine", "Randomness, threads, memory"),
    "autograd_core.memory": ("machine", "Randomness, threads, memory"),
    "autograd_core.errors": ("errors", "Errors"),
    "nn.contexts": ("nn-module", "Module, Parameter, Buffer"),
    "nn.module": ("nn-module", "Module, Parameter, Buffer"),
    "nn.linear": ("nn-containers", "Containers, Linear, Embedding"),
    "nn.containers": ("nn-containers", "Containers, Linear, Embedding"),
    "nn.embedding": ("nn-containers", "Containers, Linear, Embedding"),
    "nn.convolution": ("nn-convolution", "Convolution, pooling, padding"),
    "nn.pooling": ("nn-convolution", "Convolution, pooling, padding"),
    "nn.padding": ("nn-convolution", "Convolution, pooling, padding"),
    "nn.normalization": ("nn-normalization", "Normalization and dropout"),
    "nn.dropout": ("nn-normalization", "Normalization and dropout"),
    "nn.activations": ("nn-activations", "Activations"),
    "nn.losses": ("nn-losses", "Losses"),
    "nn.margins": ("nn-losses", "Losses"),
    "nn.recurrent": ("nn-recurrent", "Recurrent layers"),
    "nn.attention": ("nn-attention", "Attention and transformers"),
    "nn.positional": ("nn-attention", "Attention and transformers"),
    "nn.transformer": ("nn-attention", "Attention and transformers"),
    "nn.training": ("nn-training", "Training"),
}
FAMILIES = {
    "elementwise": "Arithmetic and elementary functions",
    "rounding": "Rounding, remainders, signs",
    "special": "Special functions",
    "reductions": "Reductions",
    "scans": "Running sums, sorting, quantiles",
    "shapes": "Shapes",
    "joining": "Joining, splitting, padding",
    "indexing": "Indexing",
    "products": "Products",
    "neural": "Functions of networks",
}
SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Source:", "Yields:")


@dataclass
class Entry:
    """A public name."""

    name: str  # as users write it: ag.exp, nn.Linear
    anchor: str
    value: Any
    page: str


@dataclass
class Page:
    """A page of the reference."""

    path: str
    title: str
    chapter: str
    intro: str = ""
    entries: list[Entry] = field(default_factory=list)


def public_modules() -> dict[str, types.ModuleType]:
    """The packages and the public modules in them, found through `__all__`."""
    found: dict[str, types.ModuleType] = {}
    waiting: list[types.ModuleType] = [optim, nn, ag]
    while waiting:
        module = waiting.pop()
        if module.__name__ not in found:
            found[module.__name__] = module
            waiting += [v for n in reversed(module.__all__) if isinstance(v := getattr(module, n), types.ModuleType)]
    return found


def _family(name: str) -> str:
    for family in sorted(p.stem for p in (ROOT / "autograd_core" / "ops").glob("[a-z]*.py")):
        module = importlib.import_module(f"autograd_core.ops.{family}")
        if family not in ("linalg", "fft") and name in getattr(module, "__all__", ()):
            return family
    raise KeyError(name)


def _place(module: types.ModuleType, name: str, value: Any) -> tuple[str, str, str]:
    """The page of a name: path, title, chapter."""
    if module is ag and name in ag.ops.__all__:
        family = _family(name)
        family = family if family in FAMILIES else "neural"
        return f"functions-{family}", FAMILIES[family], "Functions"
    own = getattr(value, "__module__", module.__name__)
    if module in (ag, nn):
        chapter = "Engine" if module is ag else "nn"
        if own in TOGETHER:
            return (*TOGETHER[own], chapter)
        return own.replace(".", "-").removeprefix("autograd_core-"), _title(own), chapter
    if module is optim:
        optimizer = own in {m.__module__ for m in vars(optim).values() if inspect.isclass(m) and issubclass(m, optim.Optimizer)}
        return (
            ("optim", "Optimizers", "optim") if optimizer else ("optim-tools", "Averages, clipping, penalties, tools", "optim")
        )
    short = SHORT.get(module.__name__, module.__name__).replace("autograd_core", "ag")
    chapter = "Functions" if short in ("ag.linalg", "ag.fft") else short.split(".", maxsplit=1)[0].replace("ag", "Engine")
    return short.removeprefix("ag.").replace(".", "-"), short, chapter


def _title(module: str) -> str:
    return (inspect.getdoc(importlib.import_module(module)) or module).split("\n")[0].rstrip(".")


def collect() -> dict[str, Page]:
    """All pages with their entries, in the order of the navigation."""
    pages: dict[str, Page] = {}
    for module in public_modules().values():
        prefix = SHORT.get(module.__name__, module.__name__).replace("autograd_core", "ag")
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, types.ModuleType):
                continue
            path, title, chapter = _place(module, name, value)
            page = pages.setdefault(path, Page(path, title, chapter))
            if title == prefix and not page.intro:
                page.intro = inspect.getdoc(module) or ""
            page.entries.append(Entry(f"{prefix}.{name}", f"{prefix}.{name}", value, path))
    order = ["Engine", "Functions", "nn", "optim"]
    front = ["tensor", "transforms", *(f"functions-{family}" for family in FAMILIES), "nn-module", "optim"]
    return dict(
        sorted(
            pages.items(),
            key=lambda item: (
                order.index(item[1].chapter),
                "." in item[1].title,
                front.index(item[0]) if item[0] in front else len(front),
            ),
        )
    )


# From a docstring to Markdown


class Writer:
    """Markdown of entries, with links from one name to another."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.links: dict[str, Entry] = {}
        for page in pages.values():
            for entry in page.entries:
                self.links.setdefault(entry.name, entry)

    def link(self, text: str, entry: Entry) -> str:
        """A name in code as a link, if it is one of ours."""
        word = re.match(r"[A-Za-z_][\w.]*", text)
        if word is None or word.group() in dir(builtins):
            return f"`{text}`"
        prefix = entry.name.rpartition(".")[0]
        for name in (f"{prefix}.{word.group()}", word.group(), *(f"{p}.{word.group()}" for p in ("ag", "nn", "nn.functional"))):
            target = self.links.get(name)
            if target is not None:
                return f"`{text}`" if target.value is entry.value else f"[`{text}`]({target.page}.md#{target.anchor})"
        return f"`{text}`"

    def inline(self, text: str, entry: Entry) -> str:
        """Running text: what Markdown would take for markup is escaped, and names become links."""
        parts = text.split("`")
        if len(parts) % 2 == 0:  # a lonely backtick
            return _escaped(text)
        return "".join(self.link(part, entry) if k % 2 else _escaped(part) for k, part in enumerate(parts))

    def paragraphs(self, lines: list[str], entry: Entry) -> Iterator[str]:
        """Paragraphs; indented ones are formulas."""
        for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
            if not block.strip():
                continue
            if block.startswith("    "):
                yield "```text\n" + inspect.cleandoc(block) + "\n```"
            elif block.startswith("- "):
                yield "\n".join(f"- {self.inline(' '.join(item.split()), entry)}" for item in block[2:].split("\n- "))
            else:
                text = self.inline(" ".join(block.split()), entry)
                yield re.sub(r"^([-+#]|\d+\.)", r"\\\1", text)

    def items(self, lines: list[str], entry: Entry) -> str:
        """`name: text` with continuation lines."""
        found: list[str] = []
        text = inspect.cleandoc("\n".join(lines))
        for item in re.split(r"\n(?=\S)", text):
            name, colon, rest = item.partition(": ")
            name, rest = " ".join(name.split()), " ".join(rest.split())
            shown = ", ".join(f"`{part}`" for part in name.split(", "))
            found.append(f"- {shown}: {self.inline(rest, entry)}" if colon else f"- {self.inline(name, entry)}")
        return "\n".join(found)

    def docstring(self, text: str, entry: Entry) -> Iterator[str]:
        """A docstring, section by section."""
        for title, lines in _sections(text):
            if title == ">>>":
                yield "```pycon\n" + "\n".join(lines) + "\n```"
            elif title in ("Args:", "Attributes:", "Raises:"):
                named = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Raises"}[title]
                yield f"**{named}**\n\n{self.items(lines, entry)}"
            elif title:
                text = " ".join(inspect.cleandoc("\n".join(lines)).split())
                yield f"**{title.removesuffix(':')}:** {self.inline(text, entry)}"
            else:
                yield from self.paragraphs(lines, entry)

    def entry(self, entry: Entry) -> str:
        """A heading, the signature, the docstring, and the members of a class."""
        value = entry.value
        parts = [f"## {_escaped(entry.name)} {{ #{entry.anchor} data-toc-label='{entry.name.rpartition('.')[2]}' }}"]
        if not (inspect.isroutine(value) or inspect.isclass(value)):
            if type(value).__module__ == "builtins":
                return "\n\n".join([*parts, f"```python\n{entry.name} = {value!r}\n```"])
            parts.append(f"An instance of `{type(value).__name__}`.")
            return "\n\n".join([*parts, *self.docstring(inspect.getdoc(value) or "", entry)])
        if value.__module__.startswith("numpy"):
            return "\n\n".join([*parts, f"`np.{entry.name.removeprefix('ag.')}` itself: it makes plain arrays, of numbers."])
        above = [base for base in getattr(value, "__mro__", ())[1:] if base is not object and not base.__name__.startswith("_")]
        bases = [self.link(base.__name__, entry) for base in above[:1]]
        parts.append(f"```python\n{signature(entry.name, value)}\n```")
        if inspect.isclass(value) and bases:
            parts.append(f"A subclass of {', '.join(bases)}.")
        parts += self.docstring(inspect.getdoc(value) or "", entry)
        if inspect.isclass(value):
            parts += self.members(value, entry)
        return "\n\n".join(parts)

    def members(self, value: type, entry: Entry) -> Iterator[str]:
        """Methods and properties, but for those that only name options and steps of their class."""
        if value.__module__.startswith("nn.") and value is not nn.Module and issubclass(value, nn.Module):
            own = {name: member for name, member in vars(value).items() if name != "extra_repr"}
        else:
            own = dict(vars(value))
        for name, member in own.items():
            if name.startswith("_") or not (inspect.isroutine(member) or isinstance(member, property)):
                continue
            if value is not optim.Optimizer and issubclass(value, optim.Optimizer) and name in vars(optim.Optimizer):
                continue  # the steps of every optimizer, described there
            text = inspect.getdoc(member)
            if not text:
                continue
            function = getattr(value, name)
            same = self.links.get(f"ag.{getattr(function, '__name__', '')}")
            title = f"### {_escaped(name)} {{ #{entry.anchor}.{name} }}"
            if same is not None and same.value is function:
                yield title
                yield f"As the function [`{same.name}`]({same.page}.md#{same.anchor}), of this tensor."
                continue
            yield title
            if isinstance(member, property):
                yield f"```python\n{value.__name__.lower()}.{name}\n```"
            else:
                yield f"```python\n{signature(name, function, method=not isinstance(member, (staticmethod, classmethod)))}\n```"
            yield from self.docstring(text, entry)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Titles and lines of a docstring; examples have the title >>>, running text has none."""
    title, lines, example = "", [], False
    for line in text.split("\n"):
        if line.startswith(">>>") and not example:
            yield title, lines
            title, lines, example = ">>>", [line], True
        elif example and not line.strip():
            yield title, lines
            title, lines, example = "", [], False
        elif not example and (head := next((s for s in SECTIONS if line.startswith(s)), None)):
            yield title, lines
            title, lines = head, [line.removeprefix(head)]
        elif title and not example and line and not line.startswith(" ") and title not in ("Source:", "Returns:"):
            yield title, lines
            title, lines = "", [line]
        elif title in ("Source:", "Returns:") and not line.strip():
            yield title, lines
            title, lines = "", []
        else:
            lines.append(line)
    yield title, lines


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_\[\]#|])", r"\\\1", text).replace("<", "&lt;")


def signature(name: str, value: Any, method: bool = False) -> str:
    """A call as one writes it, on several lines where it is long; `Any` says nothing and is left out."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return f"{name}(...)"
    parameters = [p for p in found.parameters.values() if not (method and p.name == "self")]
    parts = [_parameter(p) for p in parameters]
    if any(p.kind is p.POSITIONAL_ONLY for p in parameters):
        parts.insert(sum(p.kind is p.POSITIONAL_ONLY for p in parameters), "/")
    bare = [k for k, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY]
    if bare and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        parts.insert(bare[0] + ("/" in parts), "*")
    back = "" if inspect.isclass(value) else _annotation(found.return_annotation)
    back = f" -> {back}" if back not in ("", "Any", "None") else ""
    line = f"{name}({', '.join(parts)}){back}"
    if len(line) <= 88 or not parts:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){back}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = _annotation(parameter.annotation)
    text = f"{stars}{parameter.name}" + (f": {kind}" if kind not in ("", "Any") else "")
    if parameter.default is parameter.empty:
        return text
    default = parameter.default
    shown = default.__module__ + "." + default.__name__ if inspect.isclass(default) else repr(default)
    shown = re.sub(r"^<function (\w+)[^>]*>$|^<ufunc '(\w+)'>$", lambda m: m[1] or m[2], shown).replace("numpy.", "np.")
    return f"{text} = {shown}" if ": " in text else f"{text}={shown}"


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("collections.abc.", "").replace("typing.", "").replace("_Path", "str | Path")


# Pages


def _intro(page: Page, writer: Writer) -> str:
    first = page.entries[0]
    return "\n\n".join(writer.paragraphs(page.intro.split("\n"), first)) if page.intro else ""


def _assumed(page: Page) -> str:
    prefix = page.entries[0].name.rpartition(".")[0]
    if page.chapter == "Functions":
        return (
            "Each is NumPy's function of that name, or called as here, on Tensors and plain arrays. "
            "[What is tested of each](../ops.md)."
        )
    if prefix == "ag":
        return ""
    return (
        f"The examples are run by the tests, in the module that defines the name: after `from {prefix} import *` they "
        "run as they stand, with `import numpy as np` and `import autograd_core as ag`."
    )


def pages() -> dict[str, tuple[str, str, str]]:
    """Markdown by path, with the title and the chapter; the first is the index."""
    found = collect()
    writer = Writer(found)
    result = {"index": (_index(found), "All names", "")}
    for path, page in found.items():
        head = [f"# {page.title}"]
        head += [text for text in (_intro(page, writer), _assumed(page)) if text]
        head.append(" · ".join(f"[{_escaped(e.name.rpartition('.')[2])}](#{e.anchor})" for e in page.entries))
        body = [writer.entry(entry) for entry in page.entries]
        result[path] = ("\n\n".join([*head, *body]) + "\n", page.title, page.chapter)
    return result


def _index(found: dict[str, Page]) -> str:
    count = sum(len(page.entries) for page in found.values())
    lines = [
        "# API reference",
        (
            f"All {count} public names, from their docstrings. `import autograd_core as ag`, `import nn`, `import optim`; "
            "what is not listed here is private. Every name has an example, which the tests run."
        ),
    ]
    chapter = ""
    for path, page in found.items():
        if page.chapter != chapter:
            chapter = page.chapter
            lines.append(f"## {chapter}")
        names = ", ".join(f"[{_escaped(e.name.rpartition('.')[2])}]({path}.md#{e.anchor})" for e in page.entries)
        lines.append(f"**[{page.title}]({path}.md)**: {names}")
    return "\n\n".join(lines) + "\n"
