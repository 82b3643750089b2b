"""Files: what is saved comes back, PyTorch reads it, damage is found, and a path always holds one whole content."""

import errno
import itertools
import json
import math
import os
import struct
import subprocess
import sys
import textwrap
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
import nn
from autograd_core import files, storage

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def round_trip(path, tree, **options):
    ag.save(path, tree)
    return ag.load(path, **options)


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        assert [type(key) for key in found] == [type(key) for key in expected]
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, ag.Tensor):
        assert (found.requires_grad, found.name) == (expected.requires_grad, expected.name)
        assert_same(found.numpy(), expected.numpy())
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert (found.dtype, found.shape) == (expected.dtype.newbyteorder("="), expected.shape)
        assert found.tobytes() == expected.astype(found.dtype).tobytes()  # NaNs and the sign of 0 too
    elif isinstance(expected, float) and math.isnan(expected):
        assert math.isnan(found)
    else:
        assert found == expected
        assert str(found) == str(expected)  # -0.0


DTYPES = [np.bool_, *(np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8", "c8", "c16"]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**300), 2**300)
    | st.floats()
    | st.text(st.characters())
    | st.binary()
)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
TENSORS = st.builds(
    ag.Tensor, hnp.arrays(st.sampled_from(["f4", "f8", "c16"]), (2,)), st.booleans(), name=st.none() | st.text(st.characters())
)
SCALARS = ARRAYS.filter(lambda array: array.size).map(lambda array: array.flat[0])
KEYS = st.text(st.characters()) | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
TREES = st.recursive(
    PLAIN | ARRAYS | TENSORS | SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS | st.just("a.b"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(TREES, st.booleans())
def test_every_tree_comes_back_as_it_was(tmp_path_factory, tree, mmap):
    path = tmp_path_factory.getbasetemp() / "drawn.safetensors"
    assert_same(round_trip(path, tree, mmap=mmap), tree)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_generators_go_on_where_they_were(path, kind):
    rng = np.random.Generator(kind(5))
    rng.integers(10, size=3, dtype=np.uint32)  # half of a word is left over
    other = round_trip(path, [rng])[0]
    assert type(other.bit_generator) is kind
    np.testing.assert_array_equal(other.integers(10, size=700, dtype=np.uint32), rng.integers(10, size=700, dtype=np.uint32))


@pytest.mark.parametrize("mmap", [False, True])
def test_layouts_and_byte_orders(path, rng, mmap):
    a = rng.normal(size=(4, 6))
    trees = [a.T, a[::2, ::-3], a.astype(">f4"), np.broadcast_to(a[0], (3, 6)), np.asfortranarray(a), a.astype(">c16")]
    for found, expected in zip(round_trip(path, trees, mmap=mmap), trees, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.flags.writeable
        assert found.flags.c_contiguous
        assert found.dtype.isnative


def test_results_of_operations_are_saved_without_their_graph(path):
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    found = round_trip(path, {"x": x, "y": x * 2})
    assert (found["x"].requires_grad, found["y"].requires_grad) == (True, False)
    assert found["y"].numpy().tolist() == [2.0, 4.0]


def test_other_dicts_become_plain_ones(path):
    assert_same(round_trip(path, OrderedDict(b=1, a=np.ones(2))), {"b": 1, "a": np.ones(2)})


class Pair(NamedTuple):
    a: int
    b: int


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [1, {2}]}, r"tree\['a'\]\[1\] is a set"),
        ((Pair(1, 2),), r"tree\[0\] is a Pair"),
        ({"net": nn.Linear(1, 1)}, r"tree\['net'\] is a Linear.*state_dict\(\)"),
        (np.array(["x"]), "tree is an array of dtype <U1"),
        ([np.array([{}], object)], r"tree\[0\] is an array of dtype object"),
        ([np.zeros(2, np.longdouble)], "dtype (float128|longdouble)"),
        ([np.zeros(1, "M8[s]")], "datetime64"),
        ([np.zeros(1, "i4,f4")], "dtype"),
        ([np.ma.masked_array([1.0])], "is a MaskedArray"),
        ({frozenset(): 1}, r"tree\['key'\] is a frozenset"),
        ([ag.sin], "is a function"),
    ],
)
def test_what_would_not_come_back_is_refused_with_its_place(path, tree, message):
    ag.save(path, [1])
    with pytest.raises(ag.DTypeError, match=message):
        ag.save(path, tree)
    assert ag.load(path) == [1]


def test_containers_in_themselves_are_refused(path):
    tree = []
    tree.append(tree)
    with pytest.raises(ValueError, match="more than 200 deep"):
        ag.save(path, tree)


def test_metadata(path):
    ag.save(path, {"a": np.ones(2)}, metadata={"licence": "CC0", "\n<b>": "ü"})
    assert ag.load_metadata(path) == {"licence": "CC0", "\n<b>": "ü"}
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata()["licence"] == "CC0"
    with pytest.raises(ag.DTypeError, match="texts by name; got 'n': 1"):
        ag.save(path, {}, metadata={"n": 1})
    with pytest.raises(ag.DTypeError, match="a dict of texts by name; got a list"):
        ag.save(path, {}, metadata=["n"])
    for metadata in ({"note": "a\ud800"}, {"\udcff": "name"}):
        with pytest.raises(ag.DataError, match=r"metadata '(note|\\udcff)' have half of a surrogate pair.*backslashreplace"):
            ag.save(path, {}, metadata=metadata)
    with pytest.raises(ValueError, match="used by save itself"):
        ag.save(path, {}, metadata={"autograd_core.x": ""})
    assert ag.load_metadata(path)["licence"] == "CC0"


# Other programs


def test_a_state_dict_is_an_ordinary_safetensors_file(path, rng):
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net.save(path)
    theirs = safetensors.load_file(path)
    assert theirs.keys() == net.state_dict().keys()
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(theirs[name], value)
    safetensors.save_file({name: np.asarray(value + 1) for name, value in theirs.items()}, path, {"format": "pt"})
    net.load(path)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, theirs[name] + 1)
    with pytest.raises(nn.StateDictError, match=r"missing: weight, bias\n  unexpected: .*0\.weight"):
        nn.Linear(3, 2).load(path)


def test_pytorch_reads_our_files_and_we_its(path):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("safetensors.torch")
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net.save(path)
    other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    other.load_state_dict(theirs.load_file(path))
    other[1].running_mean += 3
    theirs.save_file(other.state_dict(), path, {"format": "pt"})
    net.load(path)
    np.testing.assert_array_equal(net[1].running_mean.numpy(), [3, 3])
    half = torch.tensor([1.5, -2.25, float("inf"), 3e38]).to(torch.bfloat16)
    theirs.save_file({"half": half, "z": torch.tensor([1 + 2j])}, path)
    for mmap in (False, True):
        found = ag.load(path, mmap=mmap)
        assert found["half"].dtype == np.float32
        np.testing.assert_array_equal(found["half"], half.float().numpy())
        np.testing.assert_array_equal(found["z"], np.array([1 + 2j], np.complex64))
    theirs.save_file({"small": torch.zeros(2, dtype=torch.float8_e4m3fn)}, path)
    with pytest.raises(ag.DataError, match="'small' has dtype F8_E4M3"):
        ag.load(path)


def test_mapped_arrays_are_windows_into_the_file(path):
    ag.save(path, {"w": np.arange(1000.0), "n": 1})
    before = path.read_bytes()
    first, second = ag.load(path, mmap=True)["w"], ag.load(path, mmap=True)["w"]
    assert not first.flags.owndata
    first[0] = 5.0  # in memory only
    assert (second[0], path.read_bytes() == before) == (0.0, True)
    ag.save(path, {"w": np.zeros(1000)})  # the old content lives on for those who have it open
    assert second[-1] == 999.0


def test_mapping_reads_only_what_is_touched(path):
    ag.save(path, [np.ones(1), np.ones(2)])
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert ag.load(path, mmap=True)[0] == 1.0
    with pytest.raises(ag.DataError, match=r"'[01]' do not have their checksum"):
        ag.load(path)


# Damage


def test_every_changed_byte_is_found(path):
    ag.save(path, {"w": np.arange(3.0), "b": (np.array([True, False]), "text", 2**70)}, metadata={"note": "hello"})
    raw, expected = path.read_bytes(), ag.load(path)
    for place, change in itertools.product(range(len(raw)), (1, 0x20, 0xFF)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ change]) + raw[place + 1 :])
        try:
            found = ag.load(path)
        except ag.DataError:
            continue
        # the header is JSON text, and blanks around it or another spelling of an escape say the same
        assert_same(found, expected)


def test_every_shortened_file_is_found(path):
    ag.save(path, {"w": np.arange(3.0), "b": [1]})
    raw = path.read_bytes()
    for size in range(len(raw)):
        path.write_bytes(raw[:size])
        with pytest.raises(ag.DataError, match="no safetensors file, or was cut off"):
            ag.load(path)


def test_what_is_no_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        ag.load(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        ag.load(tmp_path)


def forged(path, node, arrays=(), version=1, **changes):
    """A file with right checksums and any structure."""
    arrays = dict(arrays)
    content = {"version": version, "crc32": {k: storage._checksum(v) for k, v in arrays.items()}, "tree": node} | changes
    texts = {"autograd_core": json.dumps(content)}
    texts["autograd_core.crc32"] = storage._seal(texts)
    safetensors.save_file(arrays, path, texts)
    return path


A = {"a": np.arange(2.0)}
STATE = np.random.default_rng(0).bit_generator.state
MT = np.random.MT19937(0).state
PHILOX = np.random.Philox(0).state


def generator(path, state, **changes):
    ag.save(path, state | changes)
    texts = json.loads(storage._read(path, False)[1]["autograd_core"])
    return forged(path, {"generator": texts["tree"]}, storage._read(path, False)[0])


@pytest.mark.parametrize(
    ("node", "arrays"),
    [
        ({"array": "b"}, A),
        ([{"array": "a"}, {"array": "a"}], A),  # no two places share memory
        (1, A),
        ({"unknown": 1}, {}),
        ({}, {}),
        ({"array": "a", "tuple": []}, A),
        ({"_known": 1}, {}),
        ({"tuple": {}}, {}),
        ({"tuple": 5}, {}),
        ({"dict": []}, {}),
        ({"items": [[1]]}, {}),
        ({"items": [[[], 1]]}, {}),
        ({"float": "1e999999"}, {}),
        ({"int": 5}, {}),
        ({"int": "zz"}, {}),
        ({"complex": [1, 2, 3]}, {}),
        ({"bytes": "0"}, {}),
        ({"pairs": "a"}, {"a": np.zeros(3)}),
        ({"pairs": "a"}, {"a": np.zeros((2, 2), np.float32)}),
        ({"scalar": 1}, {}),
        ({"tensor": [{"array": "a"}, 1, None]}, A),
        ({"tensor": [{"array": "a"}, True, ["x"]]}, A),
        ({"tensor": [{"array": "a"}, True, None]}, {"a": np.zeros(2, int)}),
        ({"tensor": [{"array": "a"}]}, A),
        ({"generator": {"dict": {"bit_generator": "system", "state": 1}}}, {}),
        ({"generator": 5}, {}),
    ],
)
def test_forged_structures_are_refused(path, node, arrays):
    with pytest.raises(ag.DataError, match=r"a\.safetensors: the structure in the file"):
        ag.load(forged(path, node, arrays))


@pytest.mark.parametrize(
    "state",
    [
        STATE | {"state": {"state": 0, "inc": 0}},  # draws 0 for ever
        STATE | {"state": {"state": 1, "inc": -1}},
        STATE | {"state": {"state": 2**130, "inc": 1}},
        STATE | {"bit_generator": "SFC64"},
        STATE | {"has_uint32": "x"},
        MT | {"state": MT["state"] | {"pos": 10**6}},  # NumPy would read beyond its memory
        MT | {"state": MT["state"] | {"pos": -1}},
        MT | {"state": MT["state"] | {"key": np.zeros(624, np.uint32)}},
        MT | {"state": MT["state"] | {"key": np.ones(3, np.uint32)}},
        PHILOX | {"buffer_pos": 10**6},
        PHILOX | {"buffer_pos": -5},
        PHILOX | {"state": 3},
    ],
)
def test_forged_generators_are_refused(path, state):
    with pytest.raises(ag.DataError, match="the structure in the file is damaged"):
        ag.load(generator(path, state))


def test_the_forger_makes_good_files_too(path):
    assert ag.load(forged(path, {"tuple": [{"array": "a"}]}, A))[0].tolist() == [0, 1]
    assert ag.load(generator(path, MT)).random() == np.random.Generator(np.random.MT19937(0)).random()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2, and this package reads version 1: update it"),
        ({"crc32": {}}, r"header does not fit together \(ValueError: names and structure do not have their checksum"),
        ({"crc32": None}, r"header does not fit together \(AttributeError: "),
        ({"crc32": {"a": 1}}, "the values of 'a' do not have their checksum"),
    ],
)
def test_forged_headers_are_refused(path, changes, message):
    with pytest.raises(ag.DataError, match=message):
        ag.load(forged(path, {"array": "a"}, A, **changes))


def raw_file(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def row(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": row(shape=(2**62, 2**62))}, bytes(4)),
        ({"a": row(shape=(2**40,), offsets=(0, 2**42))}, bytes(4)),
        ({"a": row(offsets=(4, 0))}, bytes(4)),
        ({"a": row(shape=(-1,))}, bytes(4)),
        ({"a": row(), "b": row()}, bytes(4)),  # overlapping
        ({"a": row("S8")}, bytes(4)),
        ({"a": row("F8_E5M2", (4,))}, bytes(4)),
        ({"a": row("BOOL", (4,))}, b"\0\1\2\3"),
        ({"a": row(shape=(1,) * 70)}, bytes(4)),
        ({"a": row(shape=(0, 2**63 - 1, 2**63 - 1), offsets=(0, 0))}, b""),
        ({"a": row(shape=(0, 2**40, 2**40), offsets=(0, 0))}, b""),
        ({"__metadata__": {"a": 1}}, b""),
        ({"__metadata__": {"autograd_core": "[" * 100_000}}, b""),
        ({"__metadata__": {"autograd_core": "9" * 5000}}, b""),
        ({"__metadata__": {"autograd_core": '{"version":1,"crc32":{},"tree":' + "[" * 900 + "]" * 900 + "}"}}, b""),
        (b"[" * 100_000, b""),
        (b"{}" + b"x", b""),
        (b"\xff\xfe", b""),
    ],
)
@pytest.mark.parametrize("mmap", [False, True])
def test_forged_files_are_refused_without_large_allocations(path, header, data, mmap):
    with pytest.raises(ag.DataError, match=r"a\.safetensors"):
        ag.load(raw_file(path, header, data), mmap=mmap)


def test_names_in_messages_stay_on_one_line(tmp_path):
    path = tmp_path / "a\n\x1b[31m.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ag.DataError) as caught:
        ag.load(path)
    assert str(caught.value).isprintable()
    with pytest.raises(ag.DataError) as caught:
        ag.load(raw_file(tmp_path / "b", {"\x1b[31m\n<script>": row("F8_E5M2", (4,))}, bytes(4)))
    assert str(caught.value).isprintable()


# Writing


def test_the_content_is_on_the_disk_before_its_name_changes(path, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(("sync", os.path.realpath(f"/proc/self/fd/{fd}"))), fsync(fd)))
    monkeypatch.setattr(Path, "replace", lambda old, new: (done.append(("rename", str(new))), replace(old, new))[1])
    ag.save(path, [np.ones(3)])
    (first, temporary), second, third = done
    assert first == "sync"
    assert Path(temporary).parent == path.parent
    assert second == ("rename", str(path))
    assert third == ("sync", str(path.parent))


@pytest.mark.parametrize("step", ["fsync", "replace", "save_file", "interrupt"])
def test_whatever_goes_wrong_the_old_content_stays_and_nothing_lies_about(path, monkeypatch, step):
    ag.save(path, [1])

    def fail(*_args):
        raise KeyboardInterrupt if step == "interrupt" else OSError(errno.EIO, "no luck")

    target, name = {"fsync": (os, "fsync"), "replace": (Path, "replace")}.get(step, (safetensors, "save_file"))
    monkeypatch.setattr(target, name, fail)
    with pytest.raises(KeyboardInterrupt if step == "interrupt" else ag.SaveError) as caught:
        ag.save(path, [2])
    if step != "interrupt":
        assert caught.value.errno == errno.EIO
        assert "could not be written (no luck; " in str(caught.value)
    monkeypatch.undo()
    assert ag.load(path) == [1]
    assert [*path.parent.iterdir()] == [path]


FULL = """
    import errno, resource, sys
    import numpy as np
    import autograd_core as ag
    path = sys.argv[1]
    ag.save(path, np.ones(10))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        ag.save(path, np.ones(100_000))
    except ag.SaveError as error:
        print(error)
        print(error.errno == errno.EFBIG)
    print(ag.load(path).sum())
"""


def test_a_full_disk_is_a_clear_error_and_the_old_content_stays(path):
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FULL), str(path)], capture_output=True, text=True, check=True)
    error, number, total = done.stdout.splitlines()
    assert number == "True"
    assert "a.safetensors could not be written" in error
    assert "bytes are free). What was there before is unchanged" in error
    assert total == "10.0"
    assert [*path.parent.iterdir()] == [path]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ag.SaveError, match=r"none/a could not be written \(No such file or directory\)"):
        ag.save(tmp_path / "none" / "a", [1])


def test_a_file_in_the_place_of_a_folder(path):
    ag.save(path, 1)
    with pytest.raises(ag.SaveError, match=r"could not be written \(Not a directory"):
        ag.save(path / "inner", 2)
    assert ag.load(path) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", None)])
def test_folders_pipes_and_devices_are_not_replaced(path, make):
    make(path)
    before = path.stat()
    with pytest.raises(ag.SaveError, match=r"could not be written \(it is a folder, a pipe or a device"):
        ag.save(path, 1)
    assert os.path.samestat(before, path.stat())
    assert list(path.parent.iterdir()) == [path]


def test_too_much_structure_is_refused_before_the_old_file_is_touched(path, monkeypatch):
    ag.save(path, [1])
    with pytest.raises(ValueError, match="at most 100 MB: turn long lists of numbers into arrays"):
        ag.save(path, ["x" * 101_000_000])
    assert ag.load(path) == [1]


def test_links_and_permissions_stay(path, tmp_path):
    ag.save(path, [1])
    path.chmod(0o600)
    link = tmp_path / "latest"
    link.symlink_to(path)
    ag.save(link, [2])
    assert link.is_symlink()
    assert ag.load(path) == [2]
    assert path.stat().st_mode & 0o777 == 0o600


def test_leftovers_of_killed_processes_are_found(tmp_path):
    with files.replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(b"x")
        assert temporary.parent == tmp_path
        (tmp_path / "other.tmp").write_bytes(b"")
        left = temporary.with_name(temporary.name.replace(".tmp", "0.tmp"))
        left.write_bytes(b"")
    files.remove_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "other.tmp"]


def test_a_reader_beside_a_writer_sees_whole_contents(path):
    import threading

    ag.save(path, [np.zeros(1000), 0])
    stop = threading.Event()

    def write():
        for k in itertools.count(1):
            ag.save(path, [np.full(1000 + k, float(k)), k])
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        while len(seen) < 5:
            values, k = ag.load(path)
            assert (values == k).all()
            assert len(values) == 1000 + k
            seen.add(k)
    finally:
        stop.set()
        writer.join()


def test_the_missing_package_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: ag.save(path, []), lambda: ag.load(__file__), lambda: ag.load_metadata(__file__)):
        with pytest.raises(ag.MissingExtraError, match=r"pip install 'autograd-core\[io\]'"):
            call()


def test_checksums_are_of_dtype_shape_and_values():
    a = np.arange(4, dtype=np.float32)
    sums = {storage._checksum(x) for x in (a, a.reshape(2, 2), a.view(np.int32), a + 1)}
    assert len(sums) == 4
    assert storage._checksum(a) == zlib.crc32(a.tobytes(), zlib.crc32(b"float32(4,)"))


def test_errors_of_the_library_while_writing_have_the_number_of_the_system(path, monkeypatch):
    import safetensors as package

    def full(*_args):
        raise package.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors, "save_file", full)
    with pytest.raises(ag.SaveError, match="could not be written \\(No space left on device; ") as caught:
        ag.save(path, [1])
    assert caught.value.errno == errno.ENOSPC


def test_a_file_that_shrinks_while_it_is_read(path):
    path.write_bytes(b"12")
    with path.open("rb") as file, pytest.raises(ag.DataError, match="was cut off while it was read"):
        storage._bytes(path, file, 5)
