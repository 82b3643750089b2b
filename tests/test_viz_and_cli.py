"""Pictures, the demo, the doctor and the command line."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import memory
from autograd_core.__main__ import main
from autograd_core.extras import need
from autograd_core.graph import topological_order

SVG = "{http://www.w3.org/2000/svg}"


def counts(svg):
    groups = [g.get("class") for g in ET.fromstring(svg).iter(f"{SVG}g")]  # noqa: S314  our own output
    return groups.count("node"), groups.count("edge")


def example():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    return net, nn.functional.cross_entropy(net(np.ones((5, 3), np.float32)), np.zeros(5, int))


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_dot")
def test_svg_without_a_dot_program_shows_every_node_and_edge(tmp_path):
    net, loss = example()
    path = ag.viz.draw(loss, names=dict(net.named_parameters())).save(tmp_path / "graph.svg")
    svg = path.read_text(encoding="utf-8")
    order = topological_order([loss._node])
    edges = sum(p is not None for node in order for p in node.parents)
    assert counts(svg) == (len(order) + 1, edges + 1)  # and the output
    for text in ("0.weight", "4×3", "softmax_cross_entropy", "output = "):
        assert text in svg


def test_drawing_is_deterministic_and_changes_no_gradient():
    net, loss = example()
    assert ag.viz.draw(loss).dot == ag.viz.draw(loss).dot
    assert all(p.grad is None for p in net.parameters())
    loss.backward()
    assert "linear" in ag.viz.draw(loss).dot  # also when the saved values are gone


def test_names_are_escaped(no_dot):
    x = ag.Tensor(2.0, requires_grad=True, name='<script>"\\n&')
    svg = ag.viz.draw(x * x).svg
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_drawing_errors(tmp_path):
    x = ag.Tensor(2.0, requires_grad=True)
    with pytest.raises(ag.GraphError, match="recorded graph"):
        ag.viz.draw(ag.Tensor(1.0))
    y = x
    for _ in range(50):
        y = y * x
    with pytest.raises(ag.GraphError, match="51 nodes, more than max_nodes=10"):
        ag.viz.draw(y, max_nodes=10)
    with pytest.raises(ValueError, match="'LR' or 'TB'"):
        ag.viz.draw(y, direction="up")
    with pytest.raises(ValueError, match=r"graph\.bmp"):
        ag.viz.draw(y).save(tmp_path / "graph.bmp")


def test_missing_extra_names_the_pip_line():
    with pytest.raises(ag.MissingExtraError, match=r"pip install 'autograd-core\[viz\]'"):
        need("a_package_that_is_not_there", "viz")


def test_demo_learns_checks_and_draws(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path), "--epochs", "12", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    accuracy = float(out.split("test accuracy ")[1].split("%")[0])
    assert accuracy >= 97.0
    assert out.count("passed") == 2
    for name in ("graph.svg", "history.svg", "mistakes.svg"):
        ET.parse(tmp_path / name)  # noqa: S314
        assert name in out


def test_command_line_help_and_errors(capsys, tmp_path):
    assert main([]) == 0
    assert "doctor" in capsys.readouterr().out
    assert main(["demo", "--epochs", "0", "--out", str(tmp_path)]) == 1
    assert "--epochs has to be at least 1; got 0" in capsys.readouterr().err


def test_doctor_reports(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "GFLOP/s" in out
    assert "BLAS kernels" in out


def run(code, **environment):
    variables = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "AUTOGRAD_CORE_TUNE")}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env={**variables, **environment}, capture_output=True, text=True, check=True).stdout.strip()


APPLIED = "from autograd_core import memory; print(memory.applied['blas'], '|', memory.applied['malloc'])"


def test_settings_are_made_before_numpy_is_imported():
    blas, malloc = run(f"import autograd_core; {APPLIED}").split(" | ")
    if memory.cpu_flags() >= {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}:
        assert blas == "OPENBLAS_CORETYPE=SkylakeX"
        assert run(f"import numpy, autograd_core; {APPLIED}").startswith("too late")
        assert "set outside" in run(f"import autograd_core; {APPLIED}", OPENBLAS_CORETYPE="Haswell")
    else:
        assert "no AVX-512" in blas
    assert malloc.startswith(("mmap threshold", "left alone"))


def test_settings_can_be_switched_off():
    assert run(f"import autograd_core; {APPLIED}", AUTOGRAD_CORE_TUNE="0").count("AUTOGRAD_CORE_TUNE=0") == 2


def test_release_memory_gives_back(rng):
    arrays = [rng.normal(size=100_000) for _ in range(20)]
    del arrays
    assert isinstance(ag.release_memory(), bool)
