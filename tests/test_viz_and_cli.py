"""The demo, the doctor and the command line; test_viz.py has the pictures."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

import autograd_core as ag
from autograd_core import memory
from autograd_core.__main__ import main
from autograd_core.extras import need


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
