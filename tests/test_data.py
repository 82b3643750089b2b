"""Batches, splits, labels, and files: good ones and damaged ones."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_core as ag
from nn import data

SAMPLES = {"x": np.arange(20.0).reshape(10, 2), "y": (np.arange(10) * 3, np.arange(10)[::-1])}


class Squares:
    """A dataset of a user's own: it is asked for arrays of sample numbers only."""

    def __len__(self):
        return 10

    def __getitem__(self, indices):
        assert isinstance(indices, np.ndarray)
        return indices, indices**2


def numbers(loader):
    return [batch[0].tolist() for batch in loader]


@pytest.mark.parametrize(
    "dataset", [(np.arange(10), np.arange(10) ** 2), Squares(), data.FunctionDataset(lambda i: (i, i**2), 10)]
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_gives_every_sample_once_with_its_own_label(dataset, shuffle):
    loader = data.batches(dataset, 4, shuffle)
    found = [*loader]
    assert len(loader) == 3
    assert [len(x) for x, _ in found] == [4, 4, 2]
    x, y = (np.concatenate(part) for part in zip(*found, strict=True))
    np.testing.assert_array_equal(y, x**2)
    np.testing.assert_array_equal(np.sort(x), np.arange(10))
    assert (x.tolist() == [*range(10)]) is not shuffle
    assert [len(x) for x, _ in data.batches(dataset, 4, shuffle, drop_last=True)] == [4, 4]
    assert len(data.batches(dataset, 4, shuffle, drop_last=True)) == 2


def test_structure_of_the_dataset_is_that_of_the_batch():
    (batch,) = data.batches(SAMPLES, 10, seed=0)
    order = batch["y"][0] // 3
    assert order.tolist() != [*range(10)]
    np.testing.assert_array_equal(batch["x"], SAMPLES["x"][order])
    np.testing.assert_array_equal(batch["y"][1], 9 - order)
    x = np.arange(6.0)
    assert np.shares_memory(next(iter(data.batches(x, 2, shuffle=False))), x)
    assert isinstance(next(iter(data.batches(ag.Tensor(x), 2))), ag.Tensor)


def test_orders_are_reproducible_per_epoch_and_differ_between_epochs():
    x = (np.arange(10),)
    one, other = (data.batches(x, 3, seed=5) for _ in range(2))
    first, second = numbers(one), numbers(one)
    assert first != second
    assert (numbers(other), numbers(other)) == (first, second)
    assert numbers(other.epoch(1)) == second  # resumed there
    assert numbers(data.batches(x, 3, seed=6)) != first
    ag.manual_seed(3)
    drawn = numbers(data.batches(x, 3))
    assert numbers(data.batches(x, 3, rng=np.random.default_rng(3))) == drawn
    ag.manual_seed(3)
    assert numbers(data.batches(x, 3)) == drawn


def test_what_is_no_dataset_is_refused():
    with pytest.raises(ag.ShapeError, match=r"got \[3, 4\]"):
        data.batches((np.zeros(3), np.zeros(4)), 2)
    with pytest.raises(TypeError, match="into a tuple"):
        data.batches([np.zeros(3), np.zeros(3)], 2)
    with pytest.raises(TypeError, match="got a int"):
        data.length(3)
    with pytest.raises(ag.ShapeError, match="at least one array"):
        data.length(())
    with pytest.raises(ag.ShapeError, match="first axis"):
        data.length(np.zeros(()))
    with pytest.raises(ValueError, match="at least 1; got 0"):
        data.batches(np.zeros(3), 0)
    with pytest.raises(ValueError, match="not both"):
        data.batches(np.zeros(3), 1, rng=np.random.default_rng(), seed=1)
    with pytest.raises(ValueError, match="size=-1"):
        data.FunctionDataset(lambda i: i, -1)
    assert [*data.batches(np.zeros(0), 3)] == []


@given(st.integers(5, 200), st.floats(0.1, 0.9), st.integers(1, 6), st.integers(0, 2**32))
def test_split_is_a_partition_in_which_each_part_has_its_share_of_every_class(n, fraction, classes, seed):
    labels = np.random.default_rng(seed).integers(classes, size=n)
    if min(round(n * fraction), round(n * (1 - fraction))) < 1:
        return
    parts = data.split((np.arange(n), labels), [fraction, 1 - fraction], seed=seed, stratify=labels)
    np.testing.assert_array_equal(np.sort(np.concatenate([i for i, _ in parts])), np.arange(n))
    assert abs(len(parts[0][0]) - fraction * n) <= 0.5 + 1e-9
    for (indices, found), share in zip(parts, (fraction, 1 - fraction), strict=True):
        np.testing.assert_array_equal(found, labels[indices])
        assert (np.diff(indices) > 0).all()
        counts, whole = np.bincount(found, minlength=classes), np.bincount(labels, minlength=classes)
        assert (np.abs(counts - share * whole) <= 1.5 + 1e-9).all()


def test_small_classes_do_not_all_round_the_same_way():
    labels = np.repeat(np.arange(100), 4)
    train, test = data.split(labels, [0.9, 0.1], seed=0, stratify=labels)
    assert (len(train), len(test)) == (360, 40)
    assert np.bincount(test).max() == 1


def test_split_of_three_parts_dicts_and_objects():
    parts = data.split(SAMPLES, [0.5, 0.3, 0.2], seed=1)
    assert [len(p["x"]) for p in parts] == [5, 3, 2]
    assert not np.shares_memory(parts[0]["x"], SAMPLES["x"])
    again = data.split(SAMPLES, [0.5, 0.3, 0.2], seed=1)
    np.testing.assert_array_equal(parts[1]["x"], again[1]["x"])
    assert data.split(SAMPLES, [0.5, 0.5], seed=2)[0]["x"].tolist() != data.split(SAMPLES, [0.5, 0.5], seed=3)[0]["x"].tolist()
    lazy = data.split(Squares(), [0.5, 0.5], rng=np.random.default_rng(0))
    x, y = (np.concatenate(part) for part in zip(*[batch for half in lazy for batch in data.batches(half, 3)], strict=True))
    np.testing.assert_array_equal(np.sort(x), np.arange(10))
    np.testing.assert_array_equal(y, x**2)


def test_split_at_random_is_uniform():
    """Each of 4 samples is in the half of 2 in half of the draws: 2000 draws, 5 standard deviations."""
    rng = np.random.default_rng(0)
    counts = sum(np.bincount(data.split(np.arange(4), [0.5, 0.5], rng=rng)[0], minlength=4) for _ in range(2000))
    assert (np.abs(counts - 1000) < 5 * np.sqrt(500)).all()


@pytest.mark.parametrize("fractions", [[0.5, 0.6], [1.5, -0.5], [], 0.5])
def test_fractions_are_positive_and_add_up_to_one(fractions):
    with pytest.raises(ValueError, match="add up to 1"):
        data.split(np.zeros(10), fractions)


def test_split_refuses_empty_parts_and_labels_of_another_length():
    with pytest.raises(ValueError, match=r"3 samples .* empty"):
        data.split(np.zeros(3), [0.9, 0.1])
    with pytest.raises(ag.ShapeError, match=r"\(3,\); got \(2,\)"):
        data.split(np.zeros(3), [0.5, 0.5], stratify=[0, 1])


def test_one_hot():
    np.testing.assert_array_equal(data.one_hot(np.array([[1, 0], [2, 2]])), np.eye(3)[[[1, 0], [2, 2]]])
    assert data.one_hot(3, 5, dtype=int).tolist() == [0, 0, 0, 1, 0]
    assert data.one_hot(np.zeros(0, int), 4).shape == (0, 4)
    assert data.one_hot([1]).dtype == np.float32
    with pytest.raises(ag.BoundsError, match="0 to 2; got 3"):
        data.one_hot([1, 3], 3)
    with pytest.raises(ag.BoundsError, match="got -1"):
        data.one_hot([-1, 2])
    with pytest.raises(ag.DTypeError, match="float64"):
        data.one_hot([0.5])


def idx(code, layout, array):
    header = bytes([0, 0, code, array.ndim]) + b"".join(struct.pack(">i", size) for size in array.shape)
    return header + struct.pack(f">{array.size}{layout}", *array.reshape(-1).tolist())


IDX_TYPES = [(8, "B", "u1"), (9, "b", "i1"), (11, "h", "i2"), (12, "i", "i4"), (13, "f", "f4"), (14, "d", "f8")]


@pytest.mark.parametrize(("code", "layout", "dtype"), IDX_TYPES)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shape", [(4,), (2, 3, 3), (0, 2), ()])
def test_idx_files_of_every_dtype(tmp_path, rng, code, layout, dtype, compressed, shape):
    array = (rng.normal(size=shape) * 50).astype(dtype) if dtype != "u1" else rng.integers(256, size=shape).astype(dtype)
    raw = idx(code, layout, array)
    path = tmp_path / "a.idx"  # found out by what is in it, not by its name
    path.write_bytes(gzip.compress(raw) if compressed else raw)
    found = data.read_idx(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


def test_damaged_idx_files(tmp_path, rng):
    raw = idx(8, "B", rng.integers(256, size=(5, 2)))
    path = tmp_path / "a.idx"

    def read(content):
        path.write_bytes(content)
        return data.read_idx(path)

    for content in (raw[:-1], raw + b"\0", raw[:9], raw[:4]):
        with pytest.raises(ag.DataError, match=f"a.idx is damaged.*found {len(content)} bytes"):
            read(content)
    for content in (b"", b"\0\0", b"P5 2 3 255", bytes([0, 0, 7, 1]) + raw[4:]):
        with pytest.raises(ag.DataError, match="no IDX file"):
            read(content)
    packed = gzip.compress(raw)
    for content in (packed[:-6], packed[:12] + b"\xff\xff" + packed[14:]):
        with pytest.raises(ag.DataError, match="gzip"):
            read(content)
    with pytest.raises(FileNotFoundError):
        data.read_idx(tmp_path / "none")


def test_npz_compressed_in_an_unknown_way(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 10] = 99  # the method of compression, in the directory
    path.write_bytes(raw)
    with pytest.raises(ag.DataError, match=r"a\.npz"):
        data.read_npz(path)


def test_npz_files(tmp_path, rng):
    path = tmp_path / "a.npz"
    x, y = rng.normal(size=(3, 2)), np.arange(3)
    np.savez_compressed(path, x=x, y=y)
    found = data.read_npz(path)
    np.testing.assert_array_equal(found["x"], x)
    np.testing.assert_array_equal(found["y"], y)
    raw = path.read_bytes()
    for content in (raw[:-30], b"", b"hello", raw[:60] + bytes(40) + raw[100:]):
        path.write_bytes(content)
        with pytest.raises(ag.DataError, match=r"a\.npz"):
            data.read_npz(path)
    np.savez(path, x=np.array([{}], object))
    with pytest.raises(ag.DataError, match="no plain arrays"):
        data.read_npz(path)
    with pytest.raises(FileNotFoundError):
        data.read_npz(tmp_path / "none.npz")


def csv_file(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_csv_with_and_without_header_and_labels(tmp_path):
    path = csv_file(tmp_path, '\ufeffa,b,"kind, if any"\r\n1, 2.5,x\r\n\r\n-3e2,"4",y\r\n5,nan,x\r\n')
    table = data.read_csv(path, label="kind, if any")
    np.testing.assert_array_equal(table.x, np.array([[1, 2.5], [-300, 4], [5, np.nan]], np.float32))
    assert table.x.dtype == np.float32
    assert (table.columns, table.classes, table.y.tolist()) == (["a", "b"], ["x", "y"], [0, 1, 0])
    assert data.read_csv(path, label=-1).y.tolist() == [0, 1, 0]
    plain = data.read_csv(csv_file(tmp_path, "1;2\n3;4"), delimiter=";", dtype=float)
    assert (plain.x.tolist(), plain.y, plain.columns, plain.classes) == ([[1, 2], [3, 4]], None, ["0", "1"], [])
    labelled = data.read_csv(csv_file(tmp_path, "10,1\n9,2\n10,3\n"), label=0)  # numbers as labels are in their order
    assert (labelled.classes, labelled.y.tolist(), labelled.columns) == (["9", "10"], [1, 0, 1], ["1"])
    assert data.read_csv(csv_file(tmp_path, "1,2\n3,4\n"), header=True).columns == ["1", "2"]
    assert data.read_csv(csv_file(tmp_path, "nan,2\n3,4\n")).x.shape == (2, 2)
    assert data.read_csv(csv_file(tmp_path, "7,8\n3,4\n"), label="8").y.tolist() == [0]  # a name: there is a header


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n3,oops\n", {}, r"line 3, column 2 \('b'\): 'oops'"),
        ("a,b\n\n\n1,2\n3,\n", {}, r"line 5, column 2 \('b'\): ''"),
        ("1,2\n1_0,3\n", {}, r"line 2, column 1 \('0'\): '1_0'"),
        ("x,2\n1,3\n", {"header": False}, "line 1, column 1"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3: 3 cells.* has 2"),
        ("1,2,\n3,4,\n", {"label": -1}, r"line 1, column 3 \('2'\): the label is empty"),
        ("a,b\n", {}, "no data"),
        ("\n", {}, "empty"),
    ],
)
def test_csv_mistakes_are_named_with_their_place(tmp_path, text, options, message):
    with pytest.raises(ag.DataError, match=message):
        data.read_csv(csv_file(tmp_path, text), **options)


def test_csv_label_columns_that_do_not_exist(tmp_path):
    path = csv_file(tmp_path, "a,b\n1,2\n")
    with pytest.raises(KeyError, match="no column 'c'; its first line is a, b"):
        data.read_csv(path, label="c")
    with pytest.raises(IndexError, match="number 2: it has 2"):
        data.read_csv(path, label=2)
    with pytest.raises(ValueError, match="give its number"):
        data.read_csv(path, label="a", header=False)
    with pytest.raises(ag.DataError, match="UTF-8"):
        data.read_csv(csv_file(tmp_path, "a,b\n1,\xe9\n", "latin-1"))


# Files that claim or hold more than they should


def bomb(size):
    """A small gzip file that holds an IDX array of many zeros."""
    return gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", size) + bytes(size))


def test_idx_files_take_no_more_memory_than_they_can_justify(tmp_path):
    path = tmp_path / "a.idx"
    path.write_bytes(bomb(10**6))
    assert path.stat().st_size < 2000
    assert len(data.read_idx(path)) == 10**6
    with pytest.raises(ag.DataError, match="1000000 bytes, more than max_bytes=1000"):
        data.read_idx(path, max_bytes=1000)
    for axes in (1, 3, 255):  # claims up to 2^8160 bytes
        path.write_bytes(bytes([0, 0, 14, axes]) + b"\xff" * 4 * axes)
        with pytest.raises(ag.DataError, match="is damaged: expected"):
            data.read_idx(path)
        path.write_bytes(gzip.compress(path.read_bytes()))
        with pytest.raises(ag.DataError, match="is damaged: expected"):
            data.read_idx(path)
    path.write_bytes(bytes([0, 0, 8, 70]) + bytes([0, 0, 0, 1]) * 70 + b"x")
    with pytest.raises(ag.DataError, match="NumPy has no arrays of shape"):
        data.read_idx(path)


def npz_of(path, **members):
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(header, content=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n", bytes(8)),  # 8 TB
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}\n", bytes(8)),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", bytes(8)),
        npy("{'descr': '|V0', 'fortran_order': False, 'shape': (3,)}\n"),
        npy("-" * 9000),
        npy("(" * 9000),
        npy("__import__('os').abort()"),
        b"\x93NUMPY\x03\x00" + bytes(100),
        b"hello",
    ],
)
def test_arrays_of_npz_files_have_to_fit_their_headers(tmp_path, content):
    with pytest.raises(ag.DataError, match="damaged NPZ file, or objects that are no plain arrays"):
        data.read_npz(npz_of(tmp_path / "a.npz", x=content))


def test_npz_arrays_of_another_size_say_which(tmp_path):
    content = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}\n") + bytes(8)
    with pytest.raises(ag.DataError, match=r"damaged NPZ file, .* \(dtype float64, shape \(3,\) and \d+ bytes\)"):
        data.read_npz(npz_of(tmp_path / "a.npz", x=content))


def test_npz_files_take_no_more_memory_than_they_can_justify(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(10**6), y=np.zeros(0))
    assert path.stat().st_size < 10_000
    assert data.read_npz(path)["x"].shape == (10**6,)
    with pytest.raises(ag.DataError, match=r"holds arrays of 80002.. bytes, more than max_bytes=1000"):
        data.read_npz(path, max_bytes=1000)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"x.npy") - 46 + 24  # the size in the list at the end
    raw[at : at + 4] = struct.pack("<I", 2**31)
    path.write_bytes(raw)
    with pytest.raises(ag.DataError, match="cannot come from"):
        data.read_npz(path)


def test_npz_keeps_layouts_and_texts(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "names": np.array(["a", "bc"]),
        "z": np.array(3),
        "e": np.zeros((0, 2)),
    }
    np.savez(path, **arrays)
    for name, found in data.read_npz(path).items():
        np.testing.assert_array_equal(found, arrays[name])
        assert (found.dtype, found.shape, found.flags.writeable) == (arrays[name].dtype, arrays[name].shape, True)


def test_one_long_label_does_not_make_all_labels_long(tmp_path):
    """As an array of texts these labels would take 40 GB."""
    text = "1," + "x" * 100_000 + "\n" + "1,y\n" * 100_000
    table = data.read_csv(csv_file(tmp_path, text), label=1)
    assert np.bincount(table.y).tolist() == [1, 100_000]


@pytest.mark.parametrize(
    ("cell", "dtype"), [("1e300", "f4"), ("-1e6", "f2"), ("2.5", int), ("nan", int), ("300", "u1"), ("inf", int), ("2", bool)]
)
def test_numbers_that_do_not_fit_are_named(tmp_path, cell, dtype):
    with pytest.raises(ag.DataError, match=rf"line 2, column 2 \('1'\): {cell} does not fit into {np.dtype(dtype)}"):
        data.read_csv(csv_file(tmp_path, f"1,1\n1,{cell}\n"), dtype=dtype)
    assert data.read_csv(csv_file(tmp_path, f"1,1\n1,{cell}\n"), dtype=float).x.shape == (2, 2)


def test_messages_about_files_are_short_and_on_one_line(tmp_path):
    for text in ('"a\n\x1b[31m",b\n' + "x" * 10_000 + ",1\n", f'a,b\n1,"{"y" * 9000}\n"\n'):
        with pytest.raises(ag.DataError, match="is no number") as caught:
            data.read_csv(csv_file(tmp_path, text))
        assert len(str(caught.value)) < 400
        assert str(caught.value).isprintable()
