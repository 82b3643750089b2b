"""Files that others made or read: IDX, CSV and NPZ. Whatever is wrong with one is a `DataError` that says where.

None takes more memory than a file can justify, whatever its header claims, and none runs code from it.
"""

from __future__ import annotations

import csv
import gzip
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_core import DataError, DTypeError, Tensor
from autograd_core.files import replacing
from autograd_core.text import one_line

__all__ = ["Table", "read_csv", "read_idx", "read_npz", "write_npz"]

_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_BYTES = 2**33
_DENSEST = 1040  # deflate packs at most 1032 bytes into one; a bit more for the ends


def read_idx(path: str | Path, *, max_bytes: int = _MAX_BYTES) -> Any:
    """Read an array in IDX format, in which the MNIST digits are published; compressed by gzip or not.

    The file starts with two zero bytes, a code for the dtype and the number of axes; the sizes follow as 4-byte
    numbers, then the values; all with the most significant byte first.

    Args:
        path: the file.
        max_bytes: the largest array to make: a small compressed file may hold a thousand times its size.

    Raises:
        DataError: another format, a larger array, or fewer or more bytes than the header says.

    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    with Path(path).open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        available = os.fstat(file.fileno()).st_size * (_DENSEST if packed else 1)
        try:
            return _idx(path, gzip.GzipFile(fileobj=file) if packed else file, available, max_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}: damaged gzip file ({error}); fetch it again") from error


def _idx(path: str | Path, file: Any, available: int, max_bytes: int) -> Any:
    """The array in an open file that holds `available` bytes at most."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES:
        raise DataError(
            f"{path} is no IDX file: it starts with {magic.hex(' ') or 'nothing'}; expected 00 00, a dtype code, axes"
        )
    dtype, sizes = np.dtype(_IDX_DTYPES[magic[2]]), file.read(4 * magic[3])
    shape = tuple(int(size) for size in np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4"))
    size, start = math.prod(shape) * dtype.itemsize, 4 + 4 * magic[3]
    if max_bytes < size <= available:
        raise DataError(f"{path} holds an array of {size} bytes, more than max_bytes={max_bytes}")
    raw = file.read(min(size, available) + 1)
    if len(sizes) < 4 * magic[3] or len(raw) != size:
        what = (
            f"a header of {start} bytes" if len(shape) < magic[3] else f"{start + size} bytes for shape {shape} of {dtype.name}"
        )
        raise DataError(f"{path} is damaged: expected {what}, found {4 + len(sizes) + len(raw)} bytes or more; fetch it again")
    try:
        return np.frombuffer(raw, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:
        raise DataError(f"{path}: NumPy has no arrays of shape {shape}") from error


def read_npz(path: str | Path, *, max_bytes: int = _MAX_BYTES) -> dict[str, Any]:
    """Read the arrays of an NPZ file (`np.savez`) by name. Pickled objects in it are refused: they could run code.

    Args:
        path: the file.
        max_bytes: how large all arrays together may be: a small compressed file may hold a thousand times its size.

    Raises:
        DataError: no NPZ file, a damaged one, one with pickled objects, or larger arrays.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "data.npz"
    >>> np.savez(path, x=np.arange(3))
    >>> read_npz(path)
    {'x': array([0, 1, 2])}
    """
    if not zipfile.is_zipfile(path):  # looks at the end too: a truncated file is none
        Path(path).open("rb").close()  # says if there is no such file
        raise DataError(f"{path} is no NPZ file, or was cut off: NPZ is a zip archive of arrays, as np.savez writes it")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total <= max_bytes:
                return {member.filename.removesuffix(".npy"): _npy(archive, member) for member in members}
    except Exception as error:  # a damaged archive makes zipfile, zlib and NumPy's reader of headers raise nearly anything
        raise DataError(f"{path}: damaged NPZ file, or objects that are no plain arrays ({one_line(error, 80)})") from error
    raise DataError(f"{path} holds arrays of {total} bytes, more than max_bytes={max_bytes}")


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    """One array, whose header has to agree with the size of the member before memory is taken for it."""
    if member.file_size > _DENSEST * (member.compress_size + 1):
        raise ValueError(f"{member.file_size} bytes cannot come from {member.compress_size}")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f"dtype {dtype}, shape {shape} and {member.file_size} bytes")
        array = np.frombuffer(bytearray(file.read()), dtype) if math.prod(shape) else np.empty(0, dtype)
        return array.reshape(shape, order="F" if fortran else "C")


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
        DTypeError: no arrays by name.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.npz"
    >>> {name: x.shape for name, x in read_npz(write_npz(path, {"layer.weight": np.ones((2, 3))})).items()}
    {'layer.weight': (2, 3)}
    """
    path = Path(path)
    if not isinstance(arrays, Mapping):
        raise DTypeError(
            f"write_npz takes a dict of arrays by name, such as module.state_dict(); got a {type(arrays).__name__}. Give each "
            "array a name"
        )
    found = {name: _storable(name, value) for name, value in arrays.items()}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in found.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return path


def _storable(name: Any, value: Any) -> Any:
    """The array, if it and its name come back from the file as they are."""
    try:
        array = value.numpy() if isinstance(value, Tensor) else np.asanyarray(value)
    except ValueError as error:
        raise DataError(f"an NPZ file holds arrays of numbers; '{name}' is none: {error}") from error
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

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "plants.csv"
    >>> _ = path.write_text(chr(10).join(["height,kind", "1.5,tree", "0.25,moss"]))
    >>> table = read_csv(path, label="kind")
    >>> table.x.tolist(), table.y.tolist(), table.classes
    ([[1.5], [0.25]], [1, 0], ['moss', 'tree'])
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
        DataError: a cell that is no number, with its line and column; lines of different lengths; no data.
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
    x = _numbers_in(path, rows, numeric, names, np.dtype(dtype))
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


def _numbers_in(path: str | Path, rows: Lines, columns: list[int], names: list[str], dtype: np.dtype[Any]) -> Any:
    """The cells of these columns as numbers."""
    x = np.array([[_number(row[k]) for k in columns] for _, row in rows], float).reshape(len(rows), len(columns))
    for i, j in np.argwhere(np.isnan(x)):  # what is no number has become NaN
        cell = rows[i][1][columns[j]]
        if _number(cell) is None:
            raise DataError(f"{_place(path, rows[i], columns[j], names)}: '{one_line(cell, 80)}' is no number")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = x.astype(dtype)
    for i, j in np.argwhere(_misfits(converted, x)):
        cell = rows[i][1][columns[j]]
        raise DataError(f"{_place(path, rows[i], columns[j], names)}: {one_line(cell, 80)} does not fit into {dtype}")
    return converted


def _labels_in(path: str | Path, rows: Lines, at: int, names: list[str]) -> tuple[Any, list[str]]:
    """The labels of a column as integers, and what they are called; not as an array of texts, all as long as the longest."""
    for line in rows:
        if not line[1][at]:
            raise DataError(f"{_place(path, line, at, names)}: the label is empty")
    classes = sorted({row[at] for _, row in rows})
    numbers = [_number(name) for name in classes]
    if not any(number is None or math.isnan(number) for number in numbers):
        classes = [name for _, name in sorted(zip(numbers, classes, strict=True), key=lambda pair: pair[0] or 0.0)]
    places = {name: k for k, name in enumerate(classes)}
    return np.array([places[row[at]] for _, row in rows]), classes


def _place(path: str | Path, line: tuple[int, list[str]], column: int, names: list[str]) -> str:
    return f"{path}, line {line[0]}, column {column + 1} ('{one_line(names[column], 80)}')"


def _misfits(converted: Any, x: Any) -> Any:
    """Where a conversion was more than a rounding."""
    return np.isinf(converted) & ~np.isinf(x) if converted.dtype.kind in "fc" else converted != x


def _column(path: str | Path, label: str | int | None, first: list[str]) -> int | None:
    if isinstance(label, str):
        if label not in first:
            raise KeyError(f"{path} has no column '{label}'; its first line is {one_line(', '.join(first), 80)}")
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
