"""Where compiled code outlives the process, whatever the device.

The directory is NETSPEC_CACHE, else the platform's cache directory of this user. It contains code, so it must belong
to the user alone; if it does not, or cannot be written, a private temporary one serves this process, or none at all:
nothing here ever fails for want of a disk.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path

LIMIT = 256 << 20  # bytes kept on disk, over all versions and processors; NETSPEC_CACHE_LIMIT overrides, in MiB


@dataclass(frozen=True)
class Place:
    """The directory in use, or None, and why it is not the usual one."""

    path: Path | None
    why: str = ""


@remember
def place() -> Place:
    """The cache directory of this process, checked once."""
    chosen = os.environ.get("NETSPEC_CACHE")
    if chosen is not None and chosen.strip().lower() in ("", "0", "off", "none"):
        return Place(None, "NETSPEC_CACHE turns the cache off")
    wanted = Path(os.path.abspath(os.path.expanduser(chosen))) if chosen else _usual()
    why = _objection(wanted)
    if not why:
        return Place(wanted)
    try:
        private = Path(tempfile.mkdtemp(prefix="netspec-"))
    except OSError as error:
        return Place(None, f"{why}; no temporary directory: {error}")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return Place(private, why)


def _usual() -> Path:
    home = Path(os.path.expanduser("~"))  # stays "~" for a user without a home
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "netspec" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "netspec"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".cache") / "netspec"


def _objection(path: Path) -> str:
    """Why code must not be kept in a directory, made here if it is missing; empty if it may."""
    if not path.is_absolute():
        return "there is no home directory"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ = path.lstat()
        if not stat.S_ISDIR(is_.st_mode):
            return f"{path} is not a directory of its own"
        if hasattr(os, "getuid"):
            if is_.st_uid != os.getuid():
                return f"{path} belongs to another user"
            if is_.st_mode & 0o022:
                return f"{path} can be written by others"
            if is_.st_mode & 0o077:
                path.chmod(0o700)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, RuntimeError) as error:
        return f"{path} cannot be used: {error}"
    return ""


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all; a full disk is no error."""
    part = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.replace(part, path)
    except OSError:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)


@remember
def prune_once() -> None:
    try:
        prune(int(float(os.environ.get("NETSPEC_CACHE_LIMIT", "")) * (1 << 20)))
    except ValueError:
        prune(LIMIT)


def prune(limit: int) -> int:
    """Remove what has not been used for longest until the files fit in `limit` bytes; how many were removed."""
    directory = place().path
    if directory is None:
        return 0
    files = []
    for path in directory.rglob("*"):
        try:
            is_ = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(is_.st_mode):
            files.append((is_.st_mtime, is_.st_size, path))
    size, removed = sum(s for _, s, _ in files), 0
    for _, s, path in sorted(files):
        if size <= limit:
            break
        try:
            path.unlink()
        except OSError:
            continue
        size, removed = size - s, removed + 1
    return removed
