"""The notebooks: committed with the outputs of one run from top to bottom, and running still (in reduced sizes)."""

import os
import subprocess
import sys

import nbformat
import pytest

from notebooks import run

ROOT = run.FOLDER.parent
NOTEBOOKS = [pytest.param(path, id=path.stem) for path in run.notebooks()]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_runs_from_top_to_bottom(path):
    # a process of its own: kernels, their sockets and event loops stay out of pytest's
    command = [sys.executable, "-m", "notebooks.run", "--reduced", path.name]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # as all tests: several run at once, and threads of BLAS would wait
    done = subprocess.run(command, cwd=ROOT, env=one_thread, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_is_committed_with_its_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "not one run from top to bottom"
    assert run.complaints(notebook) == []
    kinds = {kind for cell in code for output in cell.outputs for kind in output.get("data", ())}
    assert kinds & {"image/png", "image/svg+xml"}, "no picture"
    assert notebook == run.plain(nbformat.read(path, as_version=4)), "written by something else than notebooks.run --write"


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_is_small_and_speaks_of_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    for place in ("/work", "/home", "/root", "site-packages"):
        assert place not in text
