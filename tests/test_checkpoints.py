"""`fit` with checkpoints: a run that is interrupted goes on bit by bit, keeps what it should, and says what is wrong."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from nn import checkpoints

from .kills import EPOCHS, Network, data, train

pytest.importorskip("safetensors")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "first"


class Stop(Exception):  # noqa: N818
    """What a callback raises to end a run in the middle, as a crash would."""


def crash_after(epoch):
    def callback(history):
        if len(history) > epoch:
            raise Stop  # of the epoch that has just ended nothing is kept

    return callback


def crashed(folder, epoch, **options):
    with pytest.raises(Stop):
        train(folder, callbacks=[crash_after(epoch)], **options)


def epochs_in(folder):
    return sorted(int(path.stem.removeprefix("epoch-")) for path in folder.iterdir())


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("validation", [None, data(32, 4)])
def test_a_run_goes_on_bit_by_bit_from_every_epoch(tmp_path, seed, validation):
    options = {"seed": seed, "validation": validation, "early_stopping": None}
    expected = train(None, **options)
    for epoch in range(EPOCHS):
        folder = tmp_path / str(epoch)
        crashed(folder, epoch, **options)
        assert train(folder, **options) == expected
        assert train(folder, **options) == expected  # nothing is left to do, and the result is there again


def test_a_run_may_crash_again_and_again(folder):
    for epoch in (0, 2, 2, 5):
        crashed(folder, epoch)
    assert train(folder) == train(None)


def _forget(name):
    """A restore that leaves one thing out."""

    def broken(self):
        before = {k: part.state_dict() for k, part in self.parts.items()} | {"rng": ag.default_rng().bit_generator.state}
        history = checkpoints.Checkpoints._restore(self)
        if history is not None:
            if name == "rng":
                ag.default_rng().bit_generator.state = before["rng"]
            elif name == "epochs":
                history["epochs"][0]["loss"] = float(np.nextafter(history["epochs"][0]["loss"], 9))
            elif name in self.parts:
                self.parts[name].load_state_dict(before[name])
        return history

    return broken


@pytest.mark.parametrize("name", ["model", "optimizer", "rng", "epochs", "hidden", None])
def test_each_thing_in_a_checkpoint_is_needed(folder, monkeypatch, name):
    """Left out, the run ends otherwise: so the test above sees each of them."""
    crashed(folder, 3)
    monkeypatch.setattr(checkpoints.Checkpoints, "_restore", checkpoints.Checkpoints.restore, raising=False)
    monkeypatch.setattr(checkpoints.Checkpoints, "restore", _forget(name))
    if name == "hidden":
        monkeypatch.setattr(checkpoints, "_restore_hidden", lambda module, values: None)
    assert (train(folder) == train(None)) is (name is None)


def test_processes_killed_at_random_instants_lose_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.kills", "--kills", "10", "--seed", "0"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "10 kills" in done.stdout
    assert "every resumed run ended with the same bits" in done.stdout


def recorded(y):
    return isinstance(y, ag.Tensor) and y.requires_grad


def run(folder, epochs, best=3, **options):
    """w becomes 1, 2, 3 ... by training, while the validation loss is lowest at w = best."""
    model, one = nn.Linear(1, 1, bias=False, dtype=float), np.ones((1, 1))
    nn.init.zeros_(model.weight)
    loss = lambda y, _t: -y.sum() if recorded(y) else ((y - best) ** 2).sum()
    sgd = optim.SGD(model.parameters(), lr=1.0)
    options = {"validation": (one, one), "batch_size": 1, "checkpoint_dir": folder, "progress": False} | options
    history = nn.fit(model, (one, one), loss, sgd, epochs=epochs, **options)
    return model.weight.item(), history


def test_the_best_and_the_last_checkpoints_are_kept(folder):
    weight, history = run(folder, 8, keep=2)
    assert (weight, history.best_epoch) == (3.0, 3)
    assert epochs_in(folder) == [3, 7, 8]
    assert ag.load(folder / "epoch-000003.safetensors")["model"]["weight"].tolist() == [[3.0]]
    weight, history = run(folder, 10, keep=1, resume=True)
    assert (weight, len(history)) == (3.0, 10)  # the best weights come from the first half
    assert epochs_in(folder) == [3, 10]
    weight, history = run(folder, 12, keep=3, resume=True, keep_best=False)
    assert (weight, history.best_epoch) == (12.0, 3)
    assert epochs_in(folder) == [3, 10, 11, 12]


def test_a_run_that_had_ended_is_not_trained_further(folder):
    assert len(run(folder, 9, early_stopping=2)[1]) == 5
    weight, history = run(folder, 9, early_stopping=2, resume=True)
    assert (weight, len(history), history.stopped) == (3.0, 5, "early stopping")
    assert len(run(folder, 9, early_stopping=4, resume=True)[1]) == 7  # more patience: it goes on
    stopping = [lambda history: len(history) == 2]
    other = folder.parent / "other"
    assert run(other, 9, callbacks=stopping)[1].stopped == "callback"
    assert len(run(other, 9, resume=True)[1]) == 2


def test_callbacks_and_losses_with_a_state_have_it_again(folder):
    class Average:
        def __init__(self):
            self.mean = 0.0

        def state_dict(self):
            return {"mean": self.mean}

        def load_state_dict(self, state):
            self.mean = state["mean"]

        def update(self, history):
            self.mean = 0.5 * self.mean + len(history)

    whole, first, second = Average(), Average(), Average()
    run(None, 6, callbacks=[whole.update])
    run(folder, 3, callbacks=[first.update])
    run(folder, 6, callbacks=[second.update], resume=True)
    assert second.mean == whole.mean
    with pytest.raises(ValueError, match="no state of 'callback 1': resume with the same arguments"):
        run(folder, 6, callbacks=[second.update, second.update], resume=True)


def test_buffers_that_are_not_saved_with_the_model_go_on_too(folder):
    class Counting(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(np.ones(1))
            self.calls = nn.Buffer(np.zeros(()), persistent=False)

        def forward(self, x):
            with ag.no_grad():
                self.calls.copy_(self.calls.numpy() + self.training)
            return x * self.w * self.calls.item()

    def trained(folder, epochs):
        model = Counting()
        sgd = optim.SGD(model.parameters(), lr=0.01)
        options = {"batch_size": 1, "checkpoint_dir": folder, "resume": folder is not None, "progress": False}
        nn.fit(model, (np.ones(2), np.ones(2)), lambda y, t: ((y - t) ** 2).sum(), sgd, epochs=epochs, **options)
        return model.w.item()

    trained(folder, 2)
    assert trained(folder, 4) == trained(None, 4)


def test_a_damaged_last_checkpoint_is_said_and_the_one_before_is_taken(folder):
    crashed(folder, 5)
    last = folder / "epoch-000005.safetensors"
    raw = last.read_bytes()
    last.write_bytes(raw[: len(raw) // 2])
    with pytest.warns(UserWarning, match=r"going back one checkpoint: .*epoch-000005\.safetensors is no safetensors file"):
        assert train(folder) == train(None)


def test_only_damaged_checkpoints_are_an_error_and_not_a_new_start(folder):
    crashed(folder, 5)
    for path in folder.iterdir():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="going back") as warned,
        pytest.raises(ag.DataError, match=r"none of the checkpoints .*000005.*000004"),
    ):
        train(folder)
    assert len(warned) == 3
    ag.save(folder / "epoch-000009.safetensors", {"model": 1})
    with (
        pytest.warns(UserWarning, match="going back") as warned,
        pytest.raises(ag.DataError, match=r"can be read: .*000009.safetensors is no checkpoint of fit, or of another epoch; "),
    ):
        train(folder)
    assert "epoch-000009.safetensors is no checkpoint of fit, or of another epoch" in str(warned[0].message)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 2},
        {"history": []},
        {"history": {"epochs": [], "best_epoch": None, "stopped": ""}},
        {"history": {"epochs": [{}], "best_epoch": 7, "stopped": ""}},
        {"history": {"epochs": [{}], "best_epoch": "1", "stopped": ""}},
        {"generator": 5},
        {"settings": None},
        {"hidden": [1]},
        {"hidden": {"model": 5}},
        {"history": {"epochs": [1], "best_epoch": None, "stopped": ""}},
        {"ranks": []},
        {"ranks": [1]},
        {"ranks": [{"generator": np.random.default_rng(0), "hidden": 5}]},
    ],
)
def test_forged_checkpoints_are_refused(folder, changes):
    crashed(folder, 1)
    path = folder / "epoch-000001.safetensors"
    ag.save(path, ag.load(path) | changes)
    with (
        pytest.warns(UserWarning, match="is no checkpoint of fit"),
        pytest.raises(
            ag.DataError, match=r"none of the checkpoints can be read: .*is no checkpoint of fit, or of another epoch"
        ),
    ):
        train(folder)


def test_a_generator_of_another_kind_is_refused(folder):
    crashed(folder, 1)
    path = folder / "epoch-000001.safetensors"
    ag.save(path, ag.load(path) | {"generator": np.random.Generator(np.random.MT19937(1))})
    with pytest.raises(ag.DataError, match="have a generator MT19937; this thread has PCG64"):
        train(folder)


def test_a_folder_with_the_name_of_a_checkpoint_is_none(folder):
    (folder / "epoch-000099.safetensors").mkdir(parents=True)
    assert train(folder) == train(None)


def test_the_best_checkpoint_was_deleted(folder):
    crashed(folder, 3)
    history = ag.load(folder / "epoch-000003.safetensors")["history"]
    ag.save(
        folder / "epoch-000003.safetensors",
        ag.load(folder / "epoch-000003.safetensors") | {"history": history | {"best_epoch": 1}},
    )
    (folder / "epoch-000001.safetensors").unlink(missing_ok=True)
    with pytest.raises(ag.DataError, match=r"epoch-000001.safetensors with the best weights is not there.*keep_best=False"):
        train(folder)


@pytest.mark.parametrize("change", [{"validation": None, "early_stopping": None}, {"metrics": [nn.metrics.accuracy]}])
def test_validation_and_metrics_stay_the_same(folder, change):
    crashed(folder, 1)
    with pytest.raises(ValueError, match=r"were made with.*'columns': .*; now .*'columns': "):
        train(folder, **change)
    assert epochs_in(folder) == [1]


@pytest.mark.parametrize("name", ["model", "optimizer"])
@pytest.mark.parametrize("state", [None, {}, {"a": 1}])
def test_forged_states_are_refused(folder, name, state):
    crashed(folder, 1)
    path = folder / "epoch-000001.safetensors"
    ag.save(path, ag.load(path) | {name: state})
    with pytest.raises(ValueError, match=rf"no state of '{name}'|does not fit|no state for"):
        train(folder)


def test_an_earlier_run_is_not_overwritten(folder):
    crashed(folder, 2)
    with pytest.raises(FileExistsError, match="pass resume=True to go on with it"):
        train(folder, resume=False)
    assert epochs_in(folder) == [1, 2]
    with pytest.raises(ValueError, match=re.escape("were made with {'batch_size': 16,")):
        train(folder, batch_size=8)
    with pytest.raises(ValueError, match=r"'seed': None.*; now .*'seed': 7"):
        train(folder, seed=7)
    with pytest.raises(ValueError, match="give checkpoint_dir="):
        train(None, resume=True)
    with pytest.raises(ValueError, match="keep is a whole number, at least 1; got 0"):
        train(folder, keep=0)
    network = Network()
    network.more = np.random.default_rng(0)
    with pytest.raises(nn.StateDictError, match="does not fit Linear"):
        train(folder, model=nn.Linear(8, 3))
    with pytest.raises(ValueError, match=r"buffers and generators \['other.rng'\]; this Network has \['more', 'other.rng'\]"):
        train(folder, model=network)


FULL = """
    import resource, sys
    from pathlib import Path
    import autograd_core as ag
    from tests.kills import train
    folder = Path(sys.argv[1])
    train(folder, epochs=2)
    size = max(path.stat().st_size for path in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
    try:
        train(folder, epochs=8)
    except ag.SaveError as error:
        print(error)
    print(sorted(path.name for path in folder.iterdir()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(train(folder) == train(None))
"""


def test_a_full_disk_keeps_the_last_good_checkpoint(folder):
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(folder)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    error, files, same = done.stdout.splitlines()
    assert "epoch-000003.safetensors could not be written" in error
    assert files == "['epoch-000001.safetensors', 'epoch-000002.safetensors']"
    assert same == "True"


def test_leftovers_of_a_killed_save_are_cleared_away(folder):
    crashed(folder, 2)
    (folder / ".autograd_core-0123.tmp").write_bytes(b"half")
    train(folder)
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []


def test_the_bar_begins_where_the_run_goes_on(folder, capsys):
    crashed(folder, 5)
    train(folder, progress=True)
    assert f"{EPOCHS * 6}/{EPOCHS * 6}" in capsys.readouterr().err
