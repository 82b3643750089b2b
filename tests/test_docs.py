"""The documents are true: their code runs, their links lead somewhere, their commands exist, and the site builds."""

import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autograd_core.__main__ import main

from .test_docstrings import THINGS

THING = dict(THINGS)
ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# other languages and libraries: what has to be installed for their blocks to run, and what need not run
OTHERS = {'python title="PyTorch"': "torch", 'python title="JAX"': "jax", 'python title="HIPS autograd"': "autograd"}
OTHERS['python title="NumPy"'] = "numpy"
NOT_CODE = {"text": "output", "": "commands, which test_the_commands_of_the_documents_exist looks at"}


OURS = ("python", 'python title="autograd-core"')


def blocks(path, *kinds):
    return [code for info, code in FENCE.findall(path.read_text(encoding="utf-8")) if info in kinds]


def run(path, kinds, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    for block in blocks(path, *kinds):
        exec(compile(block, str(path), "exec"), names)  # noqa: S102


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_code_blocks_of_the_documents_run(path, tmp_path, monkeypatch):
    run(path, OURS, tmp_path, monkeypatch)


@pytest.mark.parametrize(("path", "kind"), [(p, k) for p in PAGES for k in OTHERS if blocks(p, k)], ids=str)
def test_code_blocks_in_other_libraries_run_where_they_are_installed(path, kind, tmp_path, monkeypatch):
    pytest.importorskip(OTHERS[kind])
    run(path, [kind], tmp_path, monkeypatch)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_code_block_is_run_or_has_a_reason_not_to(path):
    for info, code in FENCE.findall(path.read_text(encoding="utf-8")):
        assert info in {*OURS, *OTHERS, *NOT_CODE}, f"{path.name}: ```{info}\n{code}"
    assert path.read_text(encoding="utf-8").count("\n```") == 2 * len(FENCE.findall(path.read_text(encoding="utf-8"))), (
        path.name
    )


def slug(heading):
    """The anchor of a heading, as repository hosts and the site make it."""
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text).strip())


def anchors(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def links(text):
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def notebooks():
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize(
    "path", [*PAGES, *sorted((ROOT / "notebooks").glob("*.md")), *notebooks()], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_lead_to_files_and_headings_that_exist(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = markdown_of(path)
    reference = {f"{path}.md": names for path, names in reference_anchors().items()}
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+(/[\w./~%+=?&#()-]*)?", link), link
            continue
        target, _, anchor = link.partition("#")
        if "reference/" in target:
            page = target.rsplit("reference/", 1)[1]
            assert page in reference, link
            assert not anchor or anchor in reference[page], link
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{path.name} links to {link}"
        assert ROOT in file.parents, link
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{path.name} links to {link}"


def markdown_of(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


COMMANDS = re.compile(r"(?:^|[;&]|\bgate run)\s*(make|pip install|python -m|mpiexec|python)\b(.*)")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_the_commands_of_the_documents_exist(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    lines = [line for code in blocks(path, "") for line in code.splitlines()]
    lines += re.findall(r"`(make [a-z-]+|pip install [^`]*|python -m [^`]*)`", text) + re.findall(
        r"^    (\w.*)$", text, re.MULTILINE
    )
    for line in lines:
        if made := re.match(r"make ([a-z-]+)", line):
            assert made[1] in targets, line
        for names in re.findall(r"pip install .*\[([a-z,]+)\]", line):
            assert set(names.split(",")) <= set(extras), line
        for module in re.findall(r"python3? -m ([\w.]+)", line):
            assert importlib.util.find_spec(module), line
        if command := re.search(r"python -m autograd_core ([a-z]+)", line):
            with pytest.raises(SystemExit) as ended:
                main([command[1], "--help"])
            assert ended.value.code == 0, line


def test_the_command_line_lists_its_commands(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert {"demo", "doctor", "draw"} <= set(shown.split())
    for command in re.findall(r"^    ([a-z]+)\b", shown, re.MULTILINE):
        assert re.search(rf"^    {command}\s+\S+ \S+ \S+", shown, re.MULTILINE), f"{command} says what it does, in a line"


def reference_pages():
    """docs/reference.py, which needs nothing but the packages."""
    if "reference" not in sys.modules:
        spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
        sys.modules["reference"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["reference"].pages()


def reference_anchors():
    return {f"{path}": set(re.findall(r"\{ #([\w.]+)", text)) for path, (text, _, _) in reference_pages().items()}


def test_the_reference_has_every_public_name():
    found = set().union(*reference_anchors().values())
    short = {"autograd_core.ops.linalg": "ag.linalg", "autograd_core.ops.fft": "ag.fft", "autograd_core": "ag"}
    for name, _ in THINGS:
        module, _, last = name.rpartition(".")
        module = short.get(module, module.replace("autograd_core", "ag"))
        assert f"{module}.{last}" in found, name


def test_the_reference_shows_each_docstring_with_its_example():
    pages = {path: text for path, (text, _, _) in reference_pages().items()}
    parts = [part for text in pages.values() for part in re.split(r"^## ", text, flags=re.MULTILINE)]
    entries = {match[1]: part for part in parts if (match := re.match(r".*\{ #([\w.]+)", part))}
    short = {"ag": "autograd_core", "ag.linalg": "autograd_core.ops.linalg", "ag.fft": "autograd_core.ops.fft"}
    shown = 0
    for anchor, entry in entries.items():
        module, _, name = anchor.rpartition(".")
        own = f"{short.get(module, module.replace('ag.', 'autograd_core.'))}.{name}"
        if own not in THING or THING[own].__module__.startswith("numpy"):
            continue
        text = inspect.getdoc(THING[own]) or ""
        if examples := re.findall(r"^>>> .*", text, re.MULTILINE):
            shown += 1
            assert examples[0] in entry, anchor
    assert shown > 500


def test_every_page_is_in_the_navigation():
    """Also where mkdocs is not installed, whose strict build refuses a page that is left out."""
    listed = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - set(listed) == set()


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("material")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "docs/training.md" not in re.findall(r'href="([^"]*)"', home)
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(https?:[^\"> ]+)", page.read_text(encoding="utf-8")
        )
        assert not loaded, f"{page.name} would load {loaded}"
