"""Data for training: mini-batches, splits, one-hot labels, and IDX, CSV and NPZ files.

A *dataset* is an array, a tuple or a dict of arrays with one first axis (the samples), or any object with `len(d)` and
`d[indices]`, which gives a batch for an array of sample numbers. Nothing here downloads anything.
"""

from __future__ import annotations

import csv
import gzip
import lzma
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag

__all__ = [
    "Batches",
    "DataError",
    "FunctionDataset",
    "Table",
    "batches",
    "length",
    "one_hot",
    "read_csv",
    "read_idx",
    "read_npz",
    "split",
    "take",
    "write_npz",
]


class DataError(ag.AutogradError, ValueError):
    """A data file that is damaged, or holds something else than was expected; the message names file and place."""


# Datasets


class FunctionDataset:
    """A dataset whose batches are computed: by reading files, drawing, or changing the samples of another dataset.

    Args:
        function: from an array of sample numbers to a batch.
        size: how many samples there are.

    >>> squares = FunctionDataset(lambda i: (i, i**2), 10)
    >>> take(squares, np.array([1, 3]))
    (array([1, 3]), array([1, 9]))
    """

    def __init__(self, function: Callable[[Any], Any], size: int) -> None:
        if size < 0:
            raise ValueError(f"a dataset has 0 or more samples; got size={size}")
        self.function, self.size = function, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, indices: Any) -> Any:
        return self.function(indices)


def _over(function: Callable[[Any], Any], dataset: Any) -> Any:
    """The structure of tuples and dicts, with the function's values in place of what they hold."""
    if isinstance(dataset, dict):
        return {key: _over(function, member) for key, member in dataset.items()}
    if isinstance(dataset, tuple):
        return tuple(_over(function, member) for member in dataset)
    return function(dataset)


def length(dataset: Any) -> int:
    """How many samples a dataset has.

    Raises:
        ShapeError: its arrays have different lengths, or there are none.
        TypeError: it is no dataset.

    >>> length((np.zeros((5, 2)), np.zeros(5)))
    5
    """
    sizes: list[int] = []
    _over(lambda member: sizes.append(_length(member)), dataset)
    if not sizes:
        raise ag.ShapeError(f"a dataset needs at least one array; got {dataset!r}")
    if len(set(sizes)) > 1:
        raise ag.ShapeError(f"all arrays of a dataset have the same number of samples along their first axis; got {sizes}")
    return sizes[0]


def _length(member: Any) -> int:
    if isinstance(member, list) or not hasattr(member, "__getitem__") or not hasattr(member, "__len__"):
        raise TypeError(
            f"a dataset is an array, a tuple or dict of arrays, or an object with len(d) and d[indices]; got a "
            f"{type(member).__name__}. Turn lists into arrays, and put several arrays into a tuple: (x, y)"
        )
    if getattr(member, "shape", None) == ():
        raise ag.ShapeError("an array of a dataset has the samples along its first axis; got shape ()")
    return len(member)


def take(dataset: Any, indices: Any) -> Any:
    """The samples with these numbers, in the structure of the dataset. A slice of arrays shares their memory.

    >>> take({"x": np.arange(4.0), "y": np.array([0, 1, 0, 1])}, np.array([3, 0]))
    {'x': array([3., 0.]), 'y': array([1, 0])}
    """
    return _over(lambda member: member[indices if hasattr(member, "shape") else _numbers(member, indices)], dataset)


def _numbers(member: Any, indices: Any) -> Any:
    return np.arange(len(member))[indices]  # an object of the user's is asked for arrays of numbers only


# Batches


@dataclass(frozen=True)
class Batches:
    """What `batches` returns: iterating gives the batches of the next epoch, `epoch(k)` those of epoch k."""

    dataset: Any = field(repr=False)
    batch_size: int
    shuffle: bool
    drop_last: bool
    generator: Callable[[int], np.random.Generator] = field(repr=False)
    epochs: Iterator[int] = field(repr=False)

    def __len__(self) -> int:
        count = length(self.dataset) / self.batch_size
        return math.floor(count) if self.drop_last else math.ceil(count)

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(next(self.epochs))

    def epoch(self, number: int) -> Iterator[Any]:
        """The batches of one epoch (from 0). With a seed they depend on the seed and this number only."""
        size = length(self.dataset)
        order = self.generator(number).permutation(size) if self.shuffle else None
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            span = slice(start, min(start + self.batch_size, size))
            yield take(self.dataset, span if order is None else order[span])


def batches(
    dataset: Any,
    batch_size: int,
    shuffle: bool = True,
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    drop_last: bool = False,
) -> Batches:
    """Mini-batches of a dataset, in a new random order each epoch.

    Args:
        dataset: see the module.
        batch_size: samples per batch; the last batch has the rest.
        shuffle: a new random order each epoch; else the order of the dataset.
        rng: generator for the orders; by default the one of `ag.manual_seed`.
        seed: instead of a generator: epoch k gets the same order in every run, also when training is resumed there.
        drop_last: leave out a last batch that is not full.

    Returns:
        An object with a length, to iterate over once per epoch.

    Raises:
        ValueError: a batch size below 1, or both `rng` and `seed`.
        ShapeError, TypeError: as `length`.

    >>> x, y = np.arange(5), np.arange(5) ** 2
    >>> for batch in batches((x, y), 2, shuffle=False):
    ...     print(batch)
    (array([0, 1]), array([0, 1]))
    (array([2, 3]), array([4, 9]))
    (array([4]), array([16]))
    """
    if batch_size < 1 or batch_size != int(batch_size):
        raise ValueError(f"batch_size is the number of samples in a batch, at least 1; got {batch_size}")
    length(dataset)
    return Batches(dataset, int(batch_size), shuffle, drop_last, _generator(rng, seed), iter(range(2**63)))


def _generator(rng: np.random.Generator | None, seed: int | None) -> Callable[[int], np.random.Generator]:
    """Generators by epoch: new ones from a seed, or always the same one, which goes on."""
    if seed is None:
        return lambda epoch: ag.default_rng(rng)
    if rng is not None:
        raise ValueError("give rng or seed, not both: with a seed, the order of an epoch depends on nothing else")
    return lambda epoch: np.random.default_rng([seed, epoch])


def split(
    dataset: Any,
    fractions: Sequence[float],
    *,
    rng: np.random.Generator | None = None,
    seed: int | None = None,
    stratify: Any = None,
) -> tuple[Any, ...]:
    """Deal the samples of a dataset at random into parts: training, validation, test.

    Args:
        dataset: see the module; arrays are copied.
        fractions: of the samples in each part; their sum is 1.
        rng: generator; by default the one of `ag.manual_seed`.
        seed: instead of a generator.
        stratify: class numbers or names (n,): each part gets its share of every class, but for one or two
            samples, and the sizes of the parts stay the same.

    Returns:
        Datasets of the same structure, each in the order of the whole. Sizes are the fractions of n,
        rounded so that every sample is in one part.

    Raises:
        ValueError: fractions that are not positive or do not add up to 1, or leave a part empty; or both `rng` and `seed`.
        ShapeError: `stratify` is not one value per sample.

    >>> train, test = split((np.arange(10.0), np.arange(10) % 2), [0.8, 0.2], seed=0, stratify=np.arange(10) % 2)
    >>> len(train[0]), np.bincount(test[1])
    (8, array([1, 1]))
    """
    n, shares = length(dataset), np.asarray(fractions, dtype=float)
    if shares.ndim != 1 or not (shares > 0).all() or not math.isclose(shares.sum(), 1, abs_tol=1e-9):
        raise ValueError(f"fractions are positive and add up to 1, such as [0.8, 0.2]; got {fractions!r}")
    order = _generator(rng, seed)(0).permutation(n)
    if stratify is not None:
        labels = np.asarray(stratify)
        if labels.shape != (n,):
            raise ag.ShapeError(f"stratify has one value per sample: shape ({n},); got {labels.shape}")
        order = order[np.unique(labels[order], return_inverse=True)[1].argsort(kind="stable")]
    # Like dealing cards: sample j of a part of m samples is due at (j + 1/2)/m; neighbours go to different parts.
    ends = np.floor(np.cumsum(shares) * n + 0.5).astype(int)
    ends[-1] = n
    sizes = np.diff(ends, prepend=0)
    if not sizes.all():
        raise ValueError(f"{n} samples in parts of {fractions!r} leave a part empty")
    due = np.concatenate([(np.arange(m) + 0.5) / m for m in sizes])
    part = np.repeat(np.arange(len(sizes)), sizes)[due.argsort(kind="stable")]
    return tuple(_over(partial(_part, np.sort(order[part == k])), dataset) for k in range(len(sizes)))


def _part(indices: Any, member: Any) -> Any:
    return member[indices] if hasattr(member, "shape") else FunctionDataset(lambda i: member[indices[i]], len(indices))


def one_hot(labels: Any, num_classes: int | None = None, dtype: Any = np.float32) -> Any:
    """Rows of the identity: 1 at the class, 0 elsewhere.

    Args:
        labels: class numbers, integers of any shape (...).
        num_classes: by default the largest label + 1.
        dtype: of the result.

    Returns:
        Array of shape (..., num_classes).

    Raises:
        DTypeError: labels are no integers.
        BoundsError: a label is below 0 or not below `num_classes`.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise ag.DTypeError(f"labels are integers, 0 for the first class; got dtype {labels.dtype}")
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        known = "labels" if num_classes is None else f"labels of {classes} classes"
        raise ag.BoundsError(f"{known} are numbers from 0{'' if num_classes is None else f' to {classes - 1}'}; got {wrong[0]}")
    return (labels[..., None] == np.arange(classes)).astype(dtype)


# Files

_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> Any:
    """Read an array in IDX format, in which the MNIST digits are published; compressed by gzip or not.

    The file starts with two zero bytes, a code for the dtype and the number of axes; the sizes follow as 4-byte
    numbers, then the values; all with the most significant byte first.

    Raises:
        DataError: another format, or fewer or more bytes than its header says.

    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path}: damaged gzip file ({error}); fetch it again") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_DTYPES:
        raise DataError(
            f"{path} is no IDX file: it starts with {raw[:4].hex(' ') or 'nothing'}; expected 00 00, a dtype code, axes"
        )
    dtype, start = np.dtype(_IDX_DTYPES[raw[2]]), 4 + 4 * raw[3]
    shape = tuple(int(size) for size in np.frombuffer(raw[4:start][: (len(raw) - 4) // 4 * 4], ">u4"))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(shape) < raw[3] or len(raw) != expected:
        what = f"a header of {start} bytes" if len(shape) < raw[3] else f"{expected} bytes for shape {shape} of {dtype.name}"
        raise DataError(f"{path} is damaged: expected {what}, found {len(raw)} bytes; fetch it again")
    return np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def read_npz(path: str | Path) -> dict[str, Any]:
    """Read the arrays of an NPZ file (`np.savez`) by name. Pickled objects in it are refused: they could run code.

    Raises:
        DataError: no NPZ file, a damaged one, or one with pickled objects.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "data.npz"
    >>> np.savez(path, x=np.arange(3))
    >>> read_npz(path)
    {'x': array([0, 1, 2])}
    """
    with Path(path).open("rb") as file:  # which np.load would leave open at an error
        if not zipfile.is_zipfile(file):  # looks at the end too: a truncated file is none
            raise DataError(f"{path} is no NPZ file, or was cut off: NPZ is a zip archive of arrays, as np.savez writes it")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        except _DAMAGED as error:
            raise DataError(f"{path}: damaged NPZ file, or objects that are no plain arrays ({error})") from error


# What zipfile, its decompressors and NumPy raise for bytes that make no sense: RuntimeError is for archives that are encrypted
# or of a later version, MemoryError and OverflowError for lengths that nothing has.
_DAMAGED = (
    *(ValueError, EOFError, OSError, RuntimeError, MemoryError, OverflowError, KeyError),
    *(struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def write_npz(path: str | Path, arrays: Mapping[str, Any]) -> Path:
    """Write arrays by name, such as a state dict, as an NPZ file: `read_npz` and `numpy.load` read it.

    Equal arrays give equal files. An old file is replaced once the new one is complete.

    Args:
        path: of the file, which gets no other ending.
        arrays: arrays or Tensors by name.

    Returns:
        The path.

    Raises:
        DataError: a name or a value that an NPZ file cannot hold.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.npz"
    >>> {name: x.shape for name, x in read_npz(write_npz(path, {"layer.weight": np.ones((2, 3))})).items()}
    {'layer.weight': (2, 3)}
    """
    path = Path(path)
    found = {name: _storable(name, value) for name, value in arrays.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in found.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _storable(name: Any, value: Any) -> Any:
    """The array, if it and its name come back from the file as they are."""
    array = value.numpy() if isinstance(value, ag.Tensor) else np.asanyarray(value)
    if array.dtype.hasobject:
        raise DataError(f"an NPZ file holds arrays of numbers; '{name}' is a {type(value).__name__} of dtype {array.dtype}")
    try:
        fits = isinstance(name, str) and "\0" not in name and not name.endswith(".npy") and len(name.encode()) < 1 << 15
    except UnicodeEncodeError:  # half of a surrogate pair
        fits = False
    if not fits:
        raise DataError(
            f"the name {name!r:.60} cannot stand in an NPZ file: it has to be text without NUL, not ending in '.npy'"
        )
    return array


class Table(NamedTuple):
    """What `read_csv` returns.

    Attributes:
        x: numbers (rows, columns), without the label column.
        y: labels (rows,) as integers, or None without a label column.
        columns: names of the columns of x: those of the header, or "0", "1" ...
        classes: what the labels are called in the file, in order (of their numbers, if they are): label k is `classes[k]`.
    """

    x: Any
    y: Any
    columns: list[str]
    classes: list[str]


def read_csv(
    path: str | Path,
    label: str | int | None = None,
    *,
    header: bool | None = None,
    delimiter: str = ",",
    dtype: Any = np.float32,
) -> Table:
    r"""Read a table of numbers, with a column of labels if there is one.

    Args:
        path: a text file in UTF-8. Empty lines are skipped.
        label: name or number of the column with the labels, which may be any text; -1 is the last one.
        header: whether the first line names the columns; None looks: it does if a cell that should be a number is none.
        delimiter: between cells.
        dtype: of the numbers.

    Raises:
        DataError: a cell that is no number or an empty label, with line and column; lines of different lengths; no data.
        KeyError, IndexError: there is no such label column.
        ValueError: a label by name without a header.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("length,width,kind\n5.1,3.5,setosa\n7,3.2,versicolor\n")
    >>> table = read_csv(path, label="kind")
    >>> table.columns, table.y, table.classes
    (['length', 'width'], array([0, 1]), ['setosa', 'versicolor'])
    """
    lines = _lines(path, delimiter)
    first = lines[0][1]
    if isinstance(label, str) and header is False:
        raise ValueError(f"label '{label}' is a name, and header=False says that columns have none: give its number")
    at = _column(path, label, first)
    numeric = [k for k in range(len(first)) if k != at]
    if header is None:
        header = isinstance(label, str) or any(_number(first[k]) is None for k in numeric)
    names = first if header else [str(k) for k in range(len(first))]
    rows = lines[header:]
    if not rows:
        raise DataError(f"{path} has a header and no data")
    x = _numbers_in(path, rows, numeric, names).astype(dtype)
    y, classes = (None, []) if at is None else _labels_in(path, rows, at, names)
    return Table(x, y, [names[k] for k in numeric], classes)


Lines = list[tuple[int, list[str]]]  # the number of each line in its file, and its cells


def _lines(path: str | Path, delimiter: str) -> Lines:
    """The lines that are not empty, all with as many cells."""
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        try:
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}, line {reader.line_num + 1}: not a text table in UTF-8 ({error})") from error
    if not lines:
        raise DataError(f"{path} is empty")
    width = len(lines[0][1])
    for line, row in lines:
        if len(row) != width:
            raise DataError(
                f"{path}, line {line}: {len(row)} cells, where the first line has {width} (delimiter {delimiter!r})"
            )
    return lines


def _numbers_in(path: str | Path, rows: Lines, columns: list[int], names: list[str]) -> Any:
    """The cells of these columns as numbers."""
    x = np.array([[_number(row[k]) for k in columns] for _, row in rows], float).reshape(len(rows), len(columns))
    for i, j in np.argwhere(np.isnan(x)):  # what is no number has become NaN
        line, row = rows[i]
        k = columns[j]
        if _number(row[k]) is None:
            raise DataError(f"{path}, line {line}, column {k + 1} ('{names[k]}'): {row[k]!r} is no number")
    return x


def _labels_in(path: str | Path, rows: Lines, at: int, names: list[str]) -> tuple[Any, list[str]]:
    """The labels of a column as integers, and what they are called."""
    for line, row in rows:
        if not row[at]:
            raise DataError(f"{path}, line {line}, column {at + 1} ('{names[at]}'): the label is empty")
    classes, y = np.unique(np.array([row[at] for _, row in rows]), return_inverse=True)
    as_numbers = np.array([_number(name) for name in classes.tolist()], float)
    order = np.arange(len(classes)) if np.isnan(as_numbers).any() else as_numbers.argsort(kind="stable")
    return order.argsort()[y], classes[order].tolist()


def _column(path: str | Path, label: str | int | None, first: list[str]) -> int | None:
    if isinstance(label, str):
        if label not in first:
            raise KeyError(f"{path} has no column '{label}'; its first line is {', '.join(first)}")
        return first.index(label)
    if label is not None and not -len(first) <= label < len(first):
        raise IndexError(f"{path} has no column number {label}: it has {len(first)} columns")
    return None if label is None else label % len(first)


def _number(cell: str) -> float | None:
    """The number in a cell, if it is one."""
    try:
        return None if "_" in cell else float(cell)  # Python's float reads 1_000
    except ValueError:
        return None
