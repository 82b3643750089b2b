"""The benchmark measures what it says: all implementations compute the same, and tables and guard read times rightly."""

import importlib
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import growth, guard, memory, report
from benchmarks.page import insert
from benchmarks.processes import LeftOutError, check_values, start
from benchmarks.worker import size
from benchmarks.workloads import WORKLOADS, Chain


def shortened(workload):
    links = {"size": replace(workload.size, links=10)} if isinstance(workload.size, Chain) else {}
    return replace(workload, **links)


def two_results(peer, workload):
    run = getattr(importlib.import_module(f"benchmarks.peers.{peer}"), workload.kind)(workload)
    return [size(run()), size(run())]


OURS = {}


def our_results(workload):
    if workload.name not in OURS:
        OURS[workload.name] = two_results("ours", shortened(workload))
    return OURS[workload.name]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_every_workload_runs_and_trains(workload):
    first, second = our_results(workload)
    assert np.isfinite([first, second]).all()
    assert first != 0
    if workload.kind in ("mlp", "cnn", "gpt", "lstm", "logistic"):
        assert second < first
    else:
        assert second == first


@pytest.mark.parametrize("peer", ["by_hand", "pytorch"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_implementations_compute_the_same(workload, peer):
    if peer == "pytorch":
        pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    elif workload.kind not in {"chain", "deep_chain", "mlp", "gradient", "hvp", "lstm", "logistic"}:
        pytest.skip("not written by hand")
    np.testing.assert_allclose(two_results(peer, shortened(workload)), our_results(workload), rtol=1e-4)


def test_a_worker_says_results_times_and_memory():
    worker = start("ours", "mlp_small")
    worker.measure()
    worker.stop()
    found = worker.results()
    np.testing.assert_allclose(found["values"], our_results(next(w for w in WORKLOADS if w.name == "mlp_small")), rtol=1e-4)
    assert len(found["seconds"]) == 1
    assert 0 < found["prepared"] <= found["peak"] < 1000


def test_a_peer_without_the_workload_is_left_out_with_a_reason():
    with pytest.raises(LeftOutError, match=r"by_hand.py has no gpt"):
        start("by_hand", "gpt")


def test_different_results_end_the_benchmark():
    check_values("w", {"a": [1.0, 2.0], "b": [1.0005, 2.0], "c": [np.nan, np.nan]})
    with pytest.raises(SystemExit, match="w: b computed"):
        check_values("w", {"a": [1.0, 2.0], "b": [1.0, 2.01]})
    with pytest.raises(SystemExit, match="w: b computed"):
        check_values("w", {"a": [1e-90, 1e-90], "b": [2e-90, 1e-90]})


def results():
    times = lambda *milliseconds: {
        "seconds": [m / 1e3 for m in milliseconds],
        "values": [1.0, 1.0],
        "peak": 50.0,
        "prepared": 40.0,
    }
    found = {
        "mlp_small": {"ours": times(1.0, 2.0, 3.0), "pytorch": times(4.0, 4.0, 4.0), "jax_jit": times(2.0, 2.0, 2.0)},
        "gradient": {"ours": times(1.0), "by_hand": times(1.0)},
        "hvp": {"ours": times(2.5)},
        "startup": {"ours": {"seconds": [0.1], "peak": 25.0}, "pytorch": {"seconds": [1.0], "peak": 100.0}},
    }
    machine = {"cpu": "some", "cores": "2", "Python": "3", "settings": "none"}
    return {"machine": machine, "workloads": found}


def test_tables_give_medians_quartiles_and_ratios():
    text = report.block(results())
    assert "Adam, ms | 2 (1.5 to 2.5) | 4 (4 to 4) | **0.50** | 0.50 | - |" in text
    assert "| gradient of the small MLP, ms | 1 (1 to 1) | - | **-** | - | - |" in text  # no PyTorch, no ratio
    assert "takes 2.50 times our gradient" in text
    assert "take 1.00 (mlp_small)" in text
    assert "memory is 0.25 of PyTorch's" in text
    assert "| 50 (+10) | 50 (+10) |" in text


def test_results_are_written_between_the_markers(tmp_path):
    path, page = tmp_path / "page.md", "before\n<!-- a: written by make x -->\n{}\n<!-- end of a -->\n<!-- end of b -->\n"
    path.write_text(page.format("old\nlines"))
    for text in (r"new \1", r"new \1", ""):
        insert(path, "a", text)
        assert path.read_text() == page.format(text)
    for name in ("b", "c"):
        with pytest.raises(ValueError, match=f"needs `<!-- {name}: written by make ... -->` and .*, once each"):
            insert(path, name, "new")
    assert path.read_text() == page.format("")


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("performance", ["workloads", "workloads-without-avx512", "memory", "growth"]),
        ("optimizers", ["formulas", "times"]),
        ("parallel", ["steps", "sums", "hiding", "predictions"]),
    ],
)
def test_pages_have_the_markers_of_what_is_written_into_them(page, names, tmp_path):
    text = (report.ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- (.*): written by make .* -->", text) == re.findall(r"<!-- end of (.*) -->", text) == names
    copy = tmp_path / "page.md"
    copy.write_text(text, encoding="utf-8")
    for name in names:
        insert(copy, name, "new")
    assert copy.read_text(encoding="utf-8").count("-->\nnew\n<!-- end of") == len(names)


@pytest.mark.parametrize(("cpu", "kind"), [("some, AVX-512", ""), ("some, no AVX-512", "-without-avx512")])
def test_tables_go_to_the_section_of_the_machines_kind(cpu, kind, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(report, "insert", lambda _page, name, _text: written.append(name))
    monkeypatch.setattr(report, "draw", lambda _results, path: written.append(path.name))
    found = results()
    report.write({**found, "machine": {**found["machine"], "cpu": cpu}}, tmp_path, docs=True)
    assert written == ["benchmark.svg", f"workloads{kind}", f"benchmark{kind}.svg"]


def test_the_plot_shows_every_workload_that_pytorch_does(tmp_path):
    pytest.importorskip("matplotlib")
    report.draw(results()["workloads"], tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert ">import<" in text
    assert "MLP 784-256-128-10" in text
    assert "Hessian" not in text


def test_the_guard_sees_a_slowdown_and_not_noise():
    rng = np.random.default_rng(0)
    before, noisy = 1 + 0.02 * rng.random(15), 1 + 2 * rng.random(15)
    assert guard.slower(list(before), list(1.2 * before), 1.1)
    assert not guard.slower(list(before), list(1.05 * before), 1.1)
    assert not guard.slower(list(noisy), list(1.15 * rng.permutation(noisy)), 1.1)
    assert guard.interval(list(before), list(1.2 * before))[1] < 1.25


def test_the_guard_measures_the_packages_of_a_commit(tmp_path):
    folder = guard.check_out("HEAD", tmp_path / "head")
    assert (folder / "autograd_core" / "__init__.py").exists()
    assert (folder / "benchmarks" / "guard.py").exists()
    worker = start("ours", "chain_0d_forward", folder)
    worker.stop()
    assert worker.values[0] == worker.values[1]


def test_checkpoints_trade_time_for_memory():
    kept, recomputed = (memory.peak(memory.deep_network(on, width=64)) for on in (False, True))
    assert recomputed < 0.5 * kept


def test_the_plot_of_growth_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    growth.draw([("batch", (1, 2), [0.1, 0.2], 1), ("width", (1, 2), [0.1, 0.4], 2)], tmp_path / "plot.svg")
    assert "square of the width" in (tmp_path / "plot.svg").read_text()
