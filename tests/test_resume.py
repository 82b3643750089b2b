"""A run that is killed at any moment and started again ends with the same bits."""

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RUN = """
import os, pickle, sys
import autograd_core as ag
import numpy as np
import nn, optim

path, epochs = sys.argv[1], 5
rng = np.random.default_rng(1)
x = rng.normal(size=(96, 6)).astype(np.float32)
y = (x[:, 0] * x[:, 1] > 0).astype(int)

ag.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
lr = optim.schedules.warmup(optim.schedules.cosine(0.05, 60), 5)
groups = optim.groups_by_name(net.named_parameters(), {"*.bias": {"weight_decay": 0.0}})
optimizer = getattr(optim, sys.argv[2])(groups, lr=lr, weight_decay=0.01, **eval(sys.argv[3]))
ema, plateau = optim.EMA(net, decay=0.9), optim.ReduceOnPlateau(optimizer, patience=0, factor=0.5)
done = 0  # steps

def checkpoint():
    state = {
        "net": net.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state_dict(),
        "plateau": plateau.state_dict(), "random": ag.default_rng().bit_generator.state, "done": done,
    }
    with open(path + ".new", "wb") as file:
        pickle.dump(state, file)
    os.replace(path + ".new", path)  # there is always a whole one

if os.path.exists(path):
    with open(path, "rb") as file:
        state = pickle.load(file)
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    ema.load_state_dict(state["ema"])
    plateau.load_state_dict(state["plateau"])
    ag.default_rng().bit_generator.state = state["random"]
    done = state["done"]

loader = nn.data.batches((x, y), 8, seed=3)
for epoch in range(done // len(loader), epochs):
    for number, (inputs, targets) in enumerate(loader.epoch(epoch)):
        if epoch * len(loader) + number < done:
            continue
        loss = nn.functional.cross_entropy(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        ema.update()
        done += 1
        if done % len(loader) == 0:
            plateau.step(loss.item())
        checkpoint()
        print(done, flush=True)
"""


def start(folder, name, *run):
    command = [sys.executable, "-c", RUN, str(folder / name), *run]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent, text=True)


def finished(process):
    process.communicate(timeout=120)
    assert process.returncode == 0


def killed_after(process, step):
    """Let it run until it has said that step, and kill it wherever it is then."""
    for line in process.stdout:
        if int(line) >= step:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize(
    "run",
    [("Adam", "{'amsgrad': True}"), ("SGD", "{'momentum': 0.9, 'dampening': 0.1}"), ("NAdam", "{}")],
    ids=lambda run: run[0],
)
def test_a_killed_run_ends_with_the_same_bits(tmp_path, run):
    whole = start(tmp_path, "whole", *run)
    for step in (7, 30):
        killed_after(start(tmp_path, "killed", *run), step)
    finished(start(tmp_path, "killed", *run))
    finished(whole)
    one, other = (pickle.loads((tmp_path / name).read_bytes()) for name in ("whole", "killed"))  # noqa: S301  our own
    assert one["done"] == other["done"] == 60
    np.testing.assert_equal(other, one)
    assert one["plateau"]["reductions"] > 0
    assert one["optimizer"]["step_count"] == 60
