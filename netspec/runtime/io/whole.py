"""Files that are whole at every moment: written beside their place, flushed to the disk, and then moved there."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...diagnostics import MissingFileError, unwritable
from ...reading import irregular


def write(path: Path, data: bytes | Iterable[Any], last: Callable[[], None] = lambda: None) -> None:
    """Put a file in its place, whole. `data` may be pieces, bytes or arrays; `last` is done when all of it is on the disk, right
    before it takes its place. The part of a file that a killed process left is removed. What stands there and is no
    file stays: to move a file over a device would take it from everybody."""
    if (what := irregular(path)) is not None:
        raise MissingFileError(f"{path} cannot be written: it is {what}, not a file", code="unwritable-file")
    try:
        handle, beside = _begun(path)
    except (OSError, ValueError) as e:
        why = getattr(e, "strerror", None) or "no file can be called so"
        raise MissingFileError(f"{path} cannot be written: {why}", f"is {path.parent} a folder you may write to?",
                               "unwritable-file") from None
    try:
        with os.fdopen(handle, "wb") as f:
            pieces: Iterable[Any] = (data,) if isinstance(data, bytes) else data
            for piece in pieces:
                f.write(piece)
            f.flush()
            os.fsync(f.fileno())
            os.chmod(beside, 0o644)
            last()
            os.replace(beside, path)
    except OSError as e:
        os.unlink(beside)
        raise unwritable(path, e) from None
    except BaseException:
        os.unlink(beside)
        raise
    _swept(path)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _begun(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open and locked: whoever holds the lock is alive."""
    while True:
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        if _locked(handle, wait=True) and os.fstat(handle).st_nlink:
            return handle, beside
        os.close(handle)  # it was swept away between the two


def _locked(handle: int, wait: bool) -> bool:
    """Whether this process now holds the lock of a file; the system gives it back when the process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # another system: files are not swept there
        return wait
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return wait  # a disk without locks
    return True


def _swept(path: Path) -> None:
    """Remove parts of this very file that nobody writes any more."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):
            handle = os.open(part, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            try:
                found = os.fstat(handle)
                if stat.S_ISREG(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid
                                                    == os.getuid()) and _locked(handle, wait=False):
                    os.unlink(part)
            finally:
                os.close(handle)
