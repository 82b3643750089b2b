"""Every `raise` of the packages: the page that lists them, and which of them no test looks at.

    python -m tests.raises page     writes docs/errors.md
    python -m tests.raises check    runs the tests, and lists the raise statements that no `pytest.raises(..., match=...)` saw

Loaded as a plugin (`-p tests.raises`), it notes for each error that a `pytest.raises` caught where it was raised.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd_core", "nn", "optim")
PAGE = ROOT / "docs" / "errors.md"
NOTES = "RAISES_NOTES"


class Site(NamedTuple):
    """A raise statement: where it stands, what it raises, and its message with dots for what is filled in."""

    file: str
    first: int
    last: int
    error: str
    message: str


def sites() -> list[Site]:
    """All of the packages, in their order."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [site for path in paths for site in _of_file(path)]


def _of_file(path: Path) -> Iterator[Site]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, (ast.Call, ast.Name)):
            function = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            error = ast.unparse(function).rsplit(".", maxsplit=1)[-1]
            arguments = node.exc.args if isinstance(node.exc, ast.Call) else []
            texts = [_text(argument, constants) for argument in arguments]
            message = max(texts, key=len, default="")
            if error[0].isupper() and not (error == "NotImplementedError" and not message):
                yield Site(str(path.relative_to(ROOT)), node.lineno, node.end_lineno or node.lineno, error, message)


def _text(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    """The text that an expression gives, with dots for what is only known when it runs."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else "…"
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, constants) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left, constants) + _text(node.right, constants)
    if isinstance(node, ast.Name) and node.id in constants:
        return _text(constants[node.id], {})
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = _text(node.func.value, constants)
        for k in range(len(node.args)):
            text = text.replace(f"{{{k}}}", "…")
        return text.replace("{}", "…")
    return "…"


# The page

KINDS = {
    "ShapeError": ("shapes do not fit", "compare the shapes in the message; `reshape`, `x[:, None]`, or another axis"),
    "BoundsError": ("an index or class number outside of its axis", "check the data, or how many classes there are"),
    "DTypeError": ("numbers of the wrong kind", "convert with `astype`, or create with `dtype=`"),
    "ArrayKindError": (
        "arrays of two libraries in one computation, or a function that a library lacks",
        "`module.to(like=array)`, `np.asarray(data, like=array)`; docs/arrays.md",
    ),
    "GraphError": ("the recorded graph cannot answer", "what the message says: record again, `retain_graph=True`, `detach()`"),
    "NoRuleError": ("no derivative rule for this function or argument", "use functions of docs/ops.md, or `ag.custom_op`"),
    "AnomalyError": ("a value that is not finite, or changed data", "look at the op and the source line in the message"),
    "CheckError": ("a checker found a wrong derivative", "read the report in the message: it names the rule and the place"),
    "StateDictError": (
        "names, shapes or kinds of values that do not fit a module",
        "compare the lists in the message; `strict=False`",
    ),
    "ExportError": ("what ONNX cannot say, or a value that was not recorded", "the op or value that the message names"),
    "DifferError": ("an exported file computes something else", "report it, with the op that the message names"),
    "DataError": ("a damaged or foreign file", "fetch or save the file again; take the checkpoint before it"),
    "SaveError": ("a file could not be written", "free disk space, or write elsewhere; the old file is unchanged"),
    "MissingExtraError": ("an optional package is not installed", "the pip line in the message"),
    "AutogradError": ("base of those above", "the message says"),
    "ValueError": ("an argument that cannot be meant", "pass what the message asks for"),
    "TypeError": ("an argument of the wrong kind", "pass what the message asks for"),
    "KeyError": ("a name that is not there", "use one of the names in the message"),
    "IndexError": ("a number that is not there", "use a number within the bounds in the message"),
    "AttributeError": ("an attribute that is not there", "check its spelling"),
    "FileExistsError": ("a folder that is in use", "pass `resume=True`, or another folder"),
    "NotImplementedError": ("a method that a subclass has to define", "define it"),
}

HEAD = """# Errors

What is raised on purpose, with cause and cure. `except ag.AutogradError` catches all that is about arrays, graphs and files;
each kind is also the builtin that one would expect (a `ShapeError` is a `ValueError`). A setting that cannot be meant is a
plain `ValueError` or `TypeError`. Every message says what was given, what was expected, and what to do. `make ops-table`
writes this page from the source, and `make raises` finds messages that no test looks at.

| error | also a | cause | cure |
|---|---|---|---|
"""


def page() -> str:
    """The text of docs/errors.md."""
    found: dict[str, list[Site]] = {}
    for site in sites():
        found.setdefault(site.error, []).append(site)
    order = [kind for kind in KINDS if kind in found]
    rows = [f"| [`{kind}`](#{kind.lower()}) | {_bases(kind)} | {' | '.join(KINDS[kind])} |" for kind in order]
    parts = [HEAD + "\n".join(rows)]
    for kind in order:
        lines = sorted({(site.file.removesuffix(".py").replace("/", "."), _cell(site.message)) for site in found[kind]})
        parts.append("\n".join([f"## {kind}", "", "| in | message |", "|---|---|", *(f"| `{m}` | {t} |" for m, t in lines)]))
    return "\n\n".join(parts) + "\n"


def _cell(message: str) -> str:
    text = " ".join(message.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("`", "'")
    return text or "(none)"


def _bases(kind: str) -> str:
    import autograd_core as ag
    import nn

    error = getattr(ag, kind, None) or getattr(nn, kind, None) or getattr(ag.check, kind, None)
    return " and ".join(f"`{base.__name__}`" for base in error.__bases__ if base is not ag.AutogradError) if error else ""


# What the tests look at


def note(error: BaseException, looked_at: bool) -> None:
    """Write down where a caught error was raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is not None:
        line = json.dumps([traceback.tb_frame.f_code.co_filename, traceback.tb_lineno, looked_at])
        with Path(os.environ[NOTES]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def within(inner: BaseException, error: BaseException, match: Any) -> bool:
    """Whether the text of one error stands in that of another, and the pattern covers some of it."""
    text, whole = getattr(inner, "strerror", None) or str(inner), str(error)
    found = re.search(match, whole) if match is not None and text else None
    places = [start for start in range(len(whole)) if whole.startswith(text, start)]
    return found is not None and any(found.start() < start + len(text) and start < found.end() for start in places)


def pytest_configure() -> None:
    """As a plugin, and in processes of tests: look over the shoulder of `pytest.raises`."""
    if NOTES not in os.environ:
        return
    from _pytest.raises import RaisesExc

    leave = RaisesExc.__exit__

    def noting(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
        caught = leave(self, kind, error, traceback)
        chain = [error] if caught and error is not None else []
        for inner in chain:  # grows: the text of what it was raised from may stand in the message, also after `from None`
            note(inner, self.match is not None if inner is error else within(inner, error, self.match))
            before = inner.__cause__ or inner.__context__
            if before not in (None, *chain):  # one may have been raised from itself
                chain.append(before)
        return caught

    RaisesExc.__exit__ = noting


@cache
def relative(name: str) -> str:
    path = Path(name).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else name


def check(arguments: list[str]) -> int:
    """Run the tests and list what none of them looked at; the number of such statements."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        notes.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.raises", *arguments]
        status = subprocess.run(command, env=os.environ | {NOTES: str(notes)}, cwd=ROOT, check=False).returncode
        seen = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    raised = {(relative(name), line): False for name, line, _ in seen}
    raised |= {(relative(name), line): True for name, line, matched in seen if matched}
    missing = []
    for site in sites():
        how = [matched for (name, line), matched in raised.items() if name == site.file and site.first <= line <= site.last]
        if not any(how):
            state = "raised, but its message is not looked at" if how else "never raised"
            missing.append(f"{site.file}:{site.first}: {state}: {site.error}: {site.message[:90]}")
    print(*missing, sep="\n")
    print(f"{len(sites())} raise statements, {len(missing)} of them without a test of their message")
    return len(missing) or status


if __name__ == "__main__":
    if sys.argv[1:2] == ["page"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.exit(min(check(sys.argv[2:]), 1))
