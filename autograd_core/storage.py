"""`save` and `load`: nested containers of arrays as safetensors files, written whole or not at all, read without running code.

The arrays lie in the file as in any safetensors file. Its metadata hold the structure, and checksums of everything.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError, DTypeError, SaveError
from .extras import need
from .files import replacing
from .packing import pack, unpack
from .text import one_line

__all__ = ["load", "load_metadata", "save"]

_STRUCTURE, _SEAL = "autograd_core", "autograd_core.crc32"
_DTYPES = {
    "BOOL": "?",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "C64": "<c8",
    "BF16": "<u2",
}
_Path = str | PathLike[str]


def save(path: _Path, tree: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays in nested containers to a safetensors file: all of it, or nothing.

    After a kill at any instant `path` holds the old content or the new one, whole. A flat dict of arrays is stored
    under its own names, so that PyTorch and other readers of safetensors find a state dict there.

    Args:
        path: the file, replaced if it exists.
        tree: dicts, lists and tuples of arrays, Tensors, `numpy.random.Generator`s and plain values (None, bool, int, float,
            complex, str, bytes), which come back as they are. Dicts of other kinds come back as plain dicts. A Tensor keeps
            its name and whether it requires a gradient; the result of an operation is saved without its graph.
        metadata: texts by name to keep with it; read them with `load_metadata`.

    Raises:
        DTypeError: something else stands in the tree (says where), or in the metadata.
        DataError: metadata that are no valid Unicode.
        SaveError: the file could not be written (disk full); what was there before is unchanged.
        MissingExtraError: safetensors is not installed.

    >>> import tempfile, pathlib, numpy as np, autograd_core as ag
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.safetensors"
    >>> ag.save(path, {"weights": [np.ones(2), np.zeros(3)], "step": 7, "betas": (0.9, 0.999)})
    >>> ag.load(path)
    {'weights': [array([1., 1.]), array([0., 0., 0.])], 'step': 7, 'betas': (0.9, 0.999)}
    """
    safetensors = need("safetensors.numpy", "io")
    node, arrays = pack(tree)
    texts = _texts(metadata)
    sums = {name: _checksum(array) for name, array in arrays.items()}
    texts[_STRUCTURE] = json.dumps({"version": 1, "crc32": sums, "tree": node}, allow_nan=False, separators=(",", ":"))
    texts[_SEAL] = _seal(texts)
    with replacing(path) as temporary:
        _write(safetensors, arrays, temporary, texts)


def _texts(metadata: Mapping[str, str] | None) -> dict[str, str]:
    if not isinstance(metadata, Mapping | None):
        raise DTypeError(f"metadata are a dict of texts by name; got a {type(metadata).__name__}")
    texts = dict(metadata or {})
    for name, text in texts.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise DTypeError(f"metadata are texts by name; got {name!r}: {text!r}. Other values belong into the tree")
        try:
            f"{name}{text}".encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"the metadata {name!r:.60} have half of a surrogate pair, which UTF-8 cannot hold: write "
                "text.encode(errors='backslashreplace').decode()"
            ) from error
        if name.startswith(_STRUCTURE):
            raise ValueError(f"metadata named '{_STRUCTURE}...' are used by save itself; got {name!r}")
    return texts


def _write(safetensors: Any, arrays: dict[str, Any], path: Path, texts: dict[str, str]) -> None:
    path.touch(exist_ok=False)  # says what is wrong with the folder
    try:
        safetensors.save_file(arrays, path, texts)
    except need("safetensors", "io").SafetensorError as error:
        if "header too large" in str(error):
            raise ValueError(
                "names, structure and plain values do not fit into the header of a file, at most 100 MB: turn long lists of "
                "numbers into arrays"
            ) from error
        number = int((re.search(r"os error (\d+)", str(error)) or [0, 0])[1])
        raise SaveError(number, os.strerror(number) if number else str(error)) from error


def _reason(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}", 100)


def load(path: _Path, *, mmap: bool = False) -> Any:
    """Read what `save` wrote, or any other safetensors file: those give a flat dict of arrays by name.

    No code in the file can run: it holds numbers and names only. Files may come from people whom you do not trust.

    Args:
        path: the file.
        mmap: let the arrays be windows into the file, read when they are touched: large files open at once. Writing into
            them changes memory only. Checksums of arrays are not compared then; bfloat16 and complex128 are read at once.

    Returns:
        The tree. bfloat16, which NumPy does not have, becomes float32.

    Raises:
        DataError: no safetensors file, a damaged one, or a dtype that NumPy does not have.
        OSError: it cannot be read.
        MissingExtraError: safetensors is not installed.

    >>> import numpy as np, autograd_core as ag
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.safetensors"
    >>> _ = ag.save(path, {"w": np.ones(2), "step": 3})
    >>> ag.load(path)
    {'w': array([1., 1.]), 'step': 3}
    """
    arrays, texts = _read(path, mmap)
    if texts.keys().isdisjoint({_STRUCTURE, _SEAL}):
        return arrays  # another program's
    try:
        content = json.loads(texts[_STRUCTURE])
        version, sums, node = content["version"], content["crc32"], content["tree"]
        if version == 1 and (sums.keys() != arrays.keys() or texts[_SEAL] != _seal(texts)):
            raise ValueError("names and structure do not have their checksum")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"{_shown(path)} is damaged: its header does not fit together ({_reason(error)})") from error
    if version != 1:
        raise DataError(f"{_shown(path)} is of version {str(version)[:40]}, and this package reads version 1: update it")
    for name, array in {} if mmap else arrays.items():
        if _checksum(array) != sums[name]:
            raise DataError(f"{_shown(path)} is damaged: the values of {name!r} do not have their checksum")
    try:
        return unpack(node, arrays)
    except DataError as error:
        raise DataError(f"{_shown(path)}: {error}") from error


def load_metadata(path: _Path) -> dict[str, str]:
    """The texts that were saved with a file; also those of other safetensors files.

    Raises:
        DataError, OSError, MissingExtraError: as `load`.

    >>> import tempfile, pathlib, autograd_core as ag
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.safetensors"
    >>> ag.save(path, {}, metadata={"dataset": "digits"}); ag.load_metadata(path)
    {'dataset': 'digits'}
    """
    with _opened(path) as (_, texts, _):
        pass
    return {name: text for name, text in texts.items() if name not in (_STRUCTURE, _SEAL)}


def _checksum(array: Any) -> int:
    """Of dtype, shape and values."""
    return zlib.crc32(array.reshape(-1).view(np.uint8), zlib.crc32(f"{array.dtype.name}{array.shape}".encode()))


def _seal(texts: Mapping[str, str]) -> str:
    rest = {name: text for name, text in texts.items() if name != _SEAL}
    return f"{zlib.crc32(json.dumps(rest, sort_keys=True).encode()):08x}"


def _shown(path: _Path) -> str:
    return one_line(os.fspath(path))


# Reading arrays


_Array = tuple[str, str, tuple[int, ...]]


@contextmanager
def _opened(path: _Path) -> Iterator[tuple[BufferedReader, dict[str, str], list[_Array]]]:
    """The file at its first array; its metadata; name, dtype and shape of the arrays in order. The library checks them."""
    rust = need("safetensors", "io")
    while True:
        with Path(path).open("rb") as file:
            try:
                with rust.safe_open(path, framework="np") as opened:
                    views = [(name, opened.get_slice(name)) for name in opened.offset_keys()]
                    found = [(name, view.get_dtype(), tuple(view.get_shape())) for name, view in views]
                    texts = opened.metadata() or {}
            except (rust.SafetensorError, ValueError, TypeError, OverflowError) as error:
                raise DataError(f"{_shown(path)} is no safetensors file, or was cut off ({str(error)[:200]})") from error
            if os.path.samestat(os.fstat(file.fileno()), Path(path).stat()):  # else it was replaced between both openings
                file.seek(8 + int.from_bytes(file.read(8), "little"))
                yield file, texts, found
                return


def _read(path: _Path, mmap: bool) -> tuple[dict[str, Any], dict[str, str]]:
    with _opened(path) as (file, texts, found):
        start = file.tell()
        window = np.memmap(file, mode="c").view(np.ndarray) if mmap else None
        arrays = {}
        for name, code, shape in found:
            if code not in _DTYPES:
                raise DataError(f"{_shown(path)}: {name!r} has dtype {code}, which NumPy does not have: convert it first")
            size = math.prod(shape) * np.dtype(_DTYPES[code]).itemsize
            raw = _bytes(path, file, size) if window is None else window[start : start + size]
            arrays[name] = _shaped(path, name, raw, code, shape)
            start += size
    return arrays, texts


def _bytes(path: _Path, file: BufferedReader, size: int) -> Any:
    raw: Any = np.empty(size, np.uint8)
    if file.readinto(raw) != size:
        raise DataError(f"{_shown(path)} was cut off while it was read")
    return raw


def _shaped(path: _Path, name: str, raw: Any, code: str, shape: tuple[int, ...]) -> Any:
    """The bytes of one array as numbers."""
    if code == "BOOL" and (raw > 1).any():
        raise DataError(f"{_shown(path)} is damaged: {name!r} has booleans that are neither 0 nor 1")
    array = raw.view(_DTYPES[code])
    if code == "BF16":  # the upper half of a float32
        array = (array.astype("<u4") << 16).view("<f4")
    try:
        return array.reshape(shape)
    except ValueError as error:
        raise DataError(f"{_shown(path)}: NumPy has no arrays of the shape of {name!r} ({len(shape)} axes)") from error
