"""State dicts as NPZ files: what is written comes back, names and all; what is damaged is refused."""

import io
import os
import zipfile

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import DataError
from nn.data import read_npz, write_npz


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_a_state_dict_moves_from_one_network_to_another(tmp_path):
    first, second = network(), network()
    first[1].running_mean.copy_(np.arange(4.0))
    path = write_npz(tmp_path / "weights.npz", first.state_dict())
    assert path == tmp_path / "weights.npz"
    second.load_state_dict(read_npz(path))
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, first.state_dict()[name])
        assert value.dtype == first.state_dict()[name].dtype


def test_numpy_reads_what_we_write_and_we_read_what_numpy_writes(tmp_path):
    state = network().state_dict()
    write_npz(tmp_path / "ours", state)  # the name stays as it is
    with np.load(tmp_path / "ours", allow_pickle=False) as found:
        assert found.files == [*state]
        np.testing.assert_array_equal(found["0.weight"], state["0.weight"])
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "theirs.npz", **state)
        assert read_npz(tmp_path / "theirs.npz").keys() == state.keys()


@pytest.mark.parametrize(
    "name",
    ["file", '"quoted"', "line\nbreak", "<script>", "naïve 名前 🎉", "../../etc/passwd", "/root", "C:\\x", "", " ", "a.npy.x"],
)
def test_hostile_names_come_back(name, tmp_path):
    found = read_npz(write_npz(tmp_path / "a.npz", {name: ag.Tensor([1.0, 2.0]), "b": np.float32(3)}))
    assert [*found] == [name, "b"]
    np.testing.assert_array_equal(found[name], [1.0, 2.0])
    assert (found["b"].shape, found["b"].dtype) == ((), np.float32)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a\0b": np.ones(1)}, "the name 'a.x00b' cannot stand"),
        ({"\ud800": np.ones(1)}, "cannot stand"),
        ({"a.npy": np.ones(1)}, "not ending in '.npy'"),
        ({"x" * 40000: np.ones(1)}, "cannot stand"),
        ({3: np.ones(1)}, "the name 3 cannot stand"),
        ({"a": object()}, "arrays of numbers; 'a' is a object"),
        ({"a": [[1, 2], [3]]}, "arrays of numbers; 'a' is none: .*inhomogeneous"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_old_file_stays(arrays, message, tmp_path):
    path = write_npz(tmp_path / "a.npz", {"x": np.ones(2)})
    before = path.read_bytes()
    with pytest.raises(DataError, match=message):
        write_npz(path, {"x": np.zeros(2), **arrays})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_equal_arrays_give_equal_files(tmp_path):
    state = network().state_dict()
    files = [write_npz(tmp_path / name, state).read_bytes() for name in ("a.npz", "b.npz")]
    assert files[0] == files[1]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "a.npz", {"x": np.ones(2)})
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match=os.strerror(28)):
        write_npz(path, {"x": np.zeros(2)})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_damaged_files_and_state_dicts_end_in_our_errors(tmp_path, rng):
    """Also archives that say they are encrypted, of a later version, or compressed in a way that nobody knows."""
    net = network()
    whole = write_npz(tmp_path / "a.npz", net.state_dict()).read_bytes()
    path = tmp_path / "damaged.npz"
    refused, kept = [], []
    for k in range(1000):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(256)
        path.write_bytes(data[: rng.integers(len(data))] if k % 5 == 0 else data)
        before = net.state_dict()
        try:
            net.load_state_dict(read_npz(path))
        except ag.AutogradError as error:
            refused.append(str(error))
            same = [np.array_equal(before[name], value, equal_nan=True) for name, value in net.state_dict().items()]
            kept.append(all(same))
    assert len(refused) > 700
    assert all(str(path) in message or "state dict" in message for message in refused)
    assert all(kept)


@pytest.mark.parametrize("shape", [(10**10,), (10**18,), (10**40,), (-1,), (10**9, 10**9)])
def test_a_length_that_nothing_has_is_refused(shape, tmp_path):
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(80))
    with pytest.raises(DataError, match=r"a\.npz: damaged"):
        read_npz(path)


@pytest.mark.parametrize("arrays", [[np.ones(2)], np.ones(2), None, network()])
def test_arrays_without_names_are_refused(arrays, tmp_path):
    with pytest.raises(ag.DTypeError, match=f"a dict of arrays by name, .*got a {type(arrays).__name__}. Give each"):
        write_npz(tmp_path / "a.npz", arrays)
    assert not [*tmp_path.iterdir()]
