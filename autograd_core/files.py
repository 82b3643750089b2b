"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import SaveError

__all__ = ["new_folder", "remove_leftovers", "replacing"]

_PREFIX, _SUFFIX = ".autograd_core-", ".tmp"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name beside `path`; the file written there takes the place of `path` when the block ends.

    Its content is on the disk before its name is changed, and the change of name is one step of the file system: after a
    kill or a power failure at any instant, `path` holds the old content or the new, whole.

    Raises:
        SaveError: the system could not write, or `path` is a device, a pipe or a folder; it is as it was.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    try:
        _check_replaceable(target)
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _sync(temporary, os.O_RDWR)
        temporary.replace(target)
        if os.name == "posix":
            _sync(target.parent, os.O_RDONLY)
    except OSError as error:
        reason = f"{error.strerror or error}{_free(target.parent)}"
        raise SaveError(
            error.errno or 0, f"{target} could not be written ({reason}). What was there before is unchanged"
        ) from error
    finally:
        with suppress(OSError):  # the error that says why is on its way already
            temporary.unlink()


def _check_replaceable(target: Path) -> None:
    """Refuse what is no file: renaming would put one in the place of a device."""
    if target.exists() and not target.is_file():
        raise SaveError(errno.EINVAL, "it is a folder, a pipe or a device: give the name of a file")


def _sync(path: Path, flags: int) -> None:
    """Wait until what was written is on the disk; of a folder, its names."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(folder: Path) -> str:
    return f"; {shutil.disk_usage(folder).free} bytes are free" if folder.is_dir() else ""


def new_folder(folder: Path) -> None:
    """Make a folder, with those above it, whose name outlives a power failure; nothing if it is there."""
    if not folder.is_dir():
        new_folder(folder.absolute().parent)
        folder.mkdir(exist_ok=True)
        if os.name == "posix":
            _sync(folder.absolute().parent, os.O_RDONLY)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that killed processes left in a folder which nobody else is writing to."""
    for leftover in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)
