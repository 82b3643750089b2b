"""The project itself: which way imports run, what is documented, and that the README is true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_core as ag

from . import layer_table, optimizer_table

ROOT = Path(__file__).parent.parent
# Each may import from those before it (and itself); what is not listed may import anything.
LAYERS = [
    {"errors", "files", "memory", "version", "extras", "text", "threads"},
    {"arrays", "graph", "piece"},
    {"randomness", "tree"},
    {"tensor"},
    {"dual"},
    {"display"},
    {"forward"},
    {"record"},
    {"fused"},
    {"ops"},
    {"methods"},
    {"anomaly", "packing"},
    {"storage"},
    {"transforms"},
    {"jacobians", "recompute"},
    {"check", "testing", "viz", "doctor", "onnx"},
]


def imported(path):
    """Top names of sibling modules that a file of autograd_core imports at module level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = package_of(path)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            outward = node.level == (2 if package else 1)
            if outward:
                yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            else:
                yield package


def package_of(path):
    """The package inside of autograd_core (ops, check ...) that a file belongs to, if any."""
    return "" if path.parent.name == "autograd_core" else path.parent.name


@pytest.mark.parametrize("path", sorted((ROOT / "autograd_core").rglob("*.py")), ids=lambda p: p.name)
def test_imports_run_one_way(path):
    name = package_of(path) or path.stem
    rank = {module: i for i, layer in enumerate(LAYERS) for module in layer}
    if name in rank:
        for other in imported(path):
            assert rank[other] <= rank[name], f"{name} imports {other}, which stands above it"


@pytest.mark.parametrize("package", ["nn", "optim"])
def test_layers_and_optimizers_use_public_names_only(package):
    for path in (ROOT / package).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"autograd_core\.\w*(graph|tensor|record|methods|ops)\b", text), path
        assert not re.search(r"(?<!self)\._(data|node|grad)\b", text), path


def test_graph_and_tensor_contain_no_formula():
    for name in ("graph", "tensor"):
        text = (ROOT / "autograd_core" / f"{name}.py").read_text(encoding="utf-8")
        assert not re.search(r"\bnp\.(exp|log|sin|cos|tanh|sqrt|matmul)\(", text)


def test_importing_needs_numpy_only():
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'graphviz', 'matplotlib', 'sklearn', 'tqdm', 'scipy', 'torch', 'safetensors',\n"
        "                                  'onnx', 'onnxruntime'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import autograd_core as ag, nn, optim\n"
        "assert ag.check and ag.viz and ag.export_onnx\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_no_file_is_longer_than_about_600_lines():
    for package in ("autograd_core", "nn", "optim"):
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 620, path


def test_the_support_table_lists_every_function():
    """docs/ops.md is written by `make ops-table`: after adding a function, write it again."""
    page = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert [name for name in ag.ops.__all__ if f"| `{name}` |" not in page] == []
    assert [name for name in ag.linalg.__all__ if f"| `linalg.{name}` |" not in page] == []


def test_the_page_of_optimizers_has_their_formulas():
    """docs/optimizers.md is written by `make ops-table`: after changing a formula, write it again."""
    assert optimizer_table.formulas() in (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")


def test_the_page_of_layers_is_what_the_docstrings_say():
    """docs/layers.md is written by `make ops-table`: after adding a layer, write it again."""
    assert layer_table.PAGE.read_text(encoding="utf-8") == layer_table.text()
    assert sum(map(len, layer_table.families().values())) > 100
