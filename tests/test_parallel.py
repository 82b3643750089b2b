"""Several ranks, started by mpiexec for real, against one process: the same numbers, the same bits, and never a hang."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from nn.parallel import DataParallel, ZeroRedundancyOptimizer

from . import parallel_jobs

ROOT = Path(__file__).parent.parent
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def _has_mpi():
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        return False
    return MPIEXEC is not None


needs_mpi = pytest.mark.skipif(not _has_mpi(), reason="needs mpiexec and mpi4py: pip install 'autograd-core[mpi]'")


def launch(size, *command, timeout=240, cwd=None):
    """Run a Python command by so many ranks; they share the cores of this machine."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMIX_", "PRTE_"))}
    env |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    env |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
    return subprocess.run(
        [str(MPIEXEC), "--oversubscribe", "-n", str(size), sys.executable, *command],
        capture_output=True, text=True, timeout=timeout, env=env, cwd=cwd or ROOT, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone():
    return parallel_jobs.results(parallel_jobs.JOBS)


def _together(size, folder, *jobs):
    done = launch(size, "-m", "tests.parallel_jobs", str(folder / f"{size}.npz"), *jobs)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / f"{size}.npz"))


@pytest.fixture(scope="module", params=[2, 4])
def together(request, tmp_path_factory):
    return request.param, _together(request.param, tmp_path_factory.mktemp("ranks"))


@needs_mpi
def test_ranks_give_what_one_process_gives(alone, together):
    _, found = together
    jobs = {name.split(":")[0] for name in alone}
    assert jobs == set(parallel_jobs.JOBS)
    assert {name for name in found if name.split(":")[0] in jobs} == set(alone)
    for name, value in alone.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10, err_msg=name)


@needs_mpi
def test_a_run_gives_the_same_bits_again(together, tmp_path):
    size, before = together
    again = _together(size, tmp_path, "mlp", "cnn_with_batch_norm", "transformer", "sharded_state")
    assert len(again) > 40
    for name, value in again.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@needs_mpi
def test_each_rank_drops_differently(together):
    size, found = together
    for k in range(2):
        masks = found[f"dropped: mask {k}"]
        assert len({mask.tobytes() for mask in masks}) == size
        assert 0.3 < (masks == 0).mean() < 0.7
    rng = ag.manual_seed(0)
    np.testing.assert_array_equal(found["dropped: mask 0"][0], nn.Dropout(0.5, rng=rng)(np.ones(64)))  # rank 0 as alone


@needs_mpi
def test_a_run_with_dropout_on_every_rank_is_resumed_bit_for_bit(together):
    _, found = together
    assert all(found[name] for name in found if name.startswith("dropout_resumed"))


@needs_mpi
def test_what_cannot_be_trained_together_is_refused_on_all_ranks(together):
    _, found = together
    refused = {name for name in found if name.startswith("refused: ")}  # each job looks at its messages
    names = ("other shapes", "elsewhere", "unequal", "no samples", "other values", "earlier run")
    assert refused == {f"refused: {name}" for name in names}


@needs_mpi
def test_sums_begin_within_the_backward_pass_and_gradients_go_through_sums(together):
    size, found = together
    assert found["overlapped: begun"].size == 12
    assert found["overlapped: begun"].all()
    # each of the ranks has the loss sum((n x)^2): the gradient of all of them is n * 2 n x
    np.testing.assert_allclose(found["overlapped: all_sum"], 2 * size**2 * np.array([1.0, 2.0]))
    np.testing.assert_allclose(found["overlapped: tangent"], size * np.array([1.0, 2.0]))


# Ends


FAILING = """
import os, signal, sys, threading, time
import numpy as np
import nn
from nn.parallel import DataParallel

model = DataParallel(nn.Linear(3, 1))
for step in range(10**9):
    if step == 3 and model.rank == 1:
        {what}
    model(np.ones((2, 3), np.float32)).mean().backward()
"""


@needs_mpi
@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("raise ValueError('no such file')", r"rank 1 of 3 ends all others:\n(.*\n)*ValueError: no such file"),
        ("os.kill(os.getpid(), signal.SIGKILL)", r"signal 9|SIGKILL|Killed"),
        ("threading.Thread(target=lambda: [][1]).start(); time.sleep(60)", r"rank 1 of 3 .*\n(.*\n)*IndexError"),
    ],
    ids=["raises", "killed", "thread"],
)
def test_a_rank_that_ends_ends_all_others_within_seconds(what, shown, tmp_path):
    script = tmp_path / "failing.py"
    script.write_text(FAILING.format(what=what))
    done = launch(3, str(script), timeout=120)  # it would run for days; a hang is a TimeoutExpired
    assert done.returncode != 0
    assert re.search(shown, done.stderr + done.stdout)


@needs_mpi
@pytest.mark.parametrize("what", ["sys.exit(1)", "sys.exit(0)", "break", "raise SystemExit('no more')"])
def test_a_rank_that_leaves_in_good_order_while_others_wait_ends_all(what, tmp_path):
    script = tmp_path / "leaving.py"
    script.write_text(FAILING.format(what=what))
    begun = time.monotonic()
    done = launch(2, str(script), timeout=120)
    assert done.returncode != 0
    assert re.search(r"rank 0 of 2 ends all others: it waits for rank 1, which has left by sys.exit", done.stderr), done.stderr
    assert time.monotonic() - begun < 60  # seconds, but the machine may be busy


@needs_mpi
def test_a_rank_that_works_on_when_the_others_are_done_is_waited_for(tmp_path):
    script = tmp_path / "working.py"
    script.write_text(
        "import time\nimport nn\nfrom nn.parallel import DataParallel\n"
        "model = DataParallel(nn.Linear(3, 1))\n"
        "if model.rank == 0:\n    time.sleep(3)\n    print('written by rank 0')\n"
    )
    done = launch(2, str(script), timeout=120)
    assert done.returncode == 0, done.stderr
    assert "written by rank 0" in done.stdout


@needs_mpi
def test_the_demo_runs_by_four_ranks(tmp_path):
    done = launch(4, "-m", "autograd_core", "demo", "--epochs", "1", "--out", str(tmp_path / "demo"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("parameters, seed 0") == 1  # one rank speaks
    assert "4 ranks" in done.stdout
    assert 1 <= done.stderr.count("1/1 [") <= 2  # one bar, which shows its last state twice
    assert (tmp_path / "demo" / "graph.svg").exists()


# Alone


def test_alone_no_mpi_is_loaded_or_needed():
    code = (
        "import sys; sys.modules['mpi4py'] = None\n"
        "import numpy as np, nn, optim\nfrom nn.parallel import *\n"
        "model = DataParallel(nn.Linear(2, 1), sync_batchnorm=True)\n"
        "model(np.ones((4, 2), np.float32)).mean().backward()\n"
        "ZeroRedundancyOptimizer(model, optim.Adam).step()\n"
        "print(world(), model.size)"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMI"))}
    run = lambda env: subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=ROOT, check=False
    )
    assert run(env).stdout.split() == ["None", "1"]
    launched = run(env | {"OMPI_COMM_WORLD_SIZE": "2"})
    assert "pip install 'autograd-core[mpi]'" in launched.stderr


def test_alone_the_module_is_called_as_it_is():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    model = DataParallel(net, sync_batchnorm=True)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(model(x).numpy(), net(x).numpy())
    assert list(model.state_dict()) == list(net.state_dict())
    assert [*map(id, model.parameters())] == [*map(id, net.parameters())]
    assert not model.eval().module[1].training
    assert "rank 0 of 1" in repr(model)


def test_what_a_sharded_optimizer_cannot_do():
    model = DataParallel(nn.Linear(3, 2))
    with pytest.raises(TypeError, match="Muon needs whole parameters"):
        ZeroRedundancyOptimizer(model, optim.Muon)
    adam = ZeroRedundancyOptimizer(model, optim.Adam)
    with pytest.raises(ag.GraphError, match="has no gradient: a sharded optimizer updates all"):
        adam.step()
    with pytest.raises(ValueError, match="the state is of 1 parameters in its first group; this optimizer has 2"):
        adam.load_state_dict(optim.Adam([ag.Tensor([1.0], requires_grad=True)]).state_dict())


def test_a_sharded_optimizer_goes_on_from_the_state_of_one_that_is_not():
    x = np.random.default_rng(0).normal(size=(8, 5))
    nets = [parallel_jobs.small()[0] for _ in range(2)]
    plain = optim.Adam(nets[0].parameters(), lr=0.1)

    def step(net, optimizer):
        optimizer.zero_grad()
        (net(x) ** 2).mean().backward()
        optimizer.step(lambda: None)

    step(nets[0], plain)
    nets[1].load_state_dict(nets[0].state_dict())
    sharded = ZeroRedundancyOptimizer(DataParallel(nets[1]), optim.Adam, lr=0.1)
    sharded.load_state_dict(plain.state_dict())
    for net, optimizer in zip(nets, (plain, sharded), strict=True):
        step(net, optimizer)
    for name, value in nets[0].state_dict().items():
        np.testing.assert_array_equal(nets[1].state_dict()[name], value)
    ours, its = sharded.state_dict(), plain.state_dict()
    assert json.dumps(ours, default=np.ndarray.tolist) == json.dumps(its, default=np.ndarray.tolist)


# Shares of batches


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("drop_last", [False, True])
def test_shares_are_disjoint_and_make_up_the_batches_of_one_process(size, drop_last):
    x = np.arange(29)
    whole = [*nn.data.batches(x, 4 * size, seed=5, drop_last=drop_last)]
    shares = [[*nn.data.batches(x, 4, seed=5, drop_last=drop_last, rank=r, size=size)] for r in range(size)]
    assert [np.concatenate(parts).tolist() for parts in zip(*shares, strict=True)] == [batch.tolist() for batch in whole]
    assert all(np.ptp([len(part) for part in parts]) <= 1 for parts in zip(*shares, strict=True))


def test_shares_without_a_common_order_are_refused():
    with pytest.raises(ValueError, match="processes that share batches need one order: give seed="):
        nn.data.batches(np.arange(4), 2, rank=0, size=2)
    with pytest.raises(ValueError, match=r"from 0 to size - 1; got rank=2, size=2"):
        nn.data.batches(np.arange(4), 2, rank=2, size=2)
    assert len(nn.data.batches(np.arange(4), 1, shuffle=False, rank=1, size=2)) == 2
