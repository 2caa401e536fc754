"""Where compiled code outlives the process, whatever the device: the one rule for all that netspec keeps.

The folder is NETSPEC_CACHE, else the platform's cache folder of this user. What lies in it is run, so it must be this
user's alone: its path is absolute, nobody else can write in it, nor in a folder above it so that another could take its
place, and no link stands in its stead. Where it is not so, a private temporary folder serves this process, or none at
all: nothing here ever fails for want of a disk.

An entry is believed if it carries the seal of a secret that lies in the folder, readable by its owner only. Code with a
seal was written whole, under this name, by this user; whatever else is found is removed and made anew.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path

LIMIT = 256 << 20  # bytes kept on disk, over all versions and processors; NETSPEC_CACHE_LIMIT overrides, in MiB
LARGEST = 64 << 20  # bytes of one entry
SEAL = 32  # bytes, before what they seal
STALE = 3600  # seconds after which nobody is still writing a part of a file
OFF = ("", "0", "off", "none")
_LINKS = 40  # on the way to the folder


@dataclass(frozen=True)
class Place:
    """The folder in use, or None, and why it is not the usual one."""

    path: Path | None
    why: str = ""


@remember
def place() -> Place:
    """The cache folder of this process, checked once."""
    chosen = os.environ.get("NETSPEC_CACHE")
    if chosen is not None and chosen.strip().lower() in OFF:
        return Place(None, "NETSPEC_CACHE turns the cache off")
    found = _checked(Path(os.path.expanduser(chosen)) if chosen else _usual())
    if isinstance(found, Path):
        return Place(found)
    try:
        private = _checked(Path(tempfile.mkdtemp(prefix="netspec-")))
    except OSError as error:
        return Place(None, f"{found}; no temporary folder: {error}")
    if not isinstance(private, Path):
        return Place(None, f"{found}; no temporary folder: {private}")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return Place(private, found)


def _usual() -> Path:
    home = Path(os.path.expanduser("~"))  # stays "~" for a user without a home
    if sys.platform == "win32":
        return _absolute("LOCALAPPDATA", home / "AppData" / "Local") / "netspec" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "netspec"
    return _absolute("XDG_CACHE_HOME", home / ".cache") / "netspec"


def _absolute(variable: str, otherwise: Path) -> Path:
    """The path that a variable gives; a relative one would be another folder wherever netspec is started, and is ignored."""
    given = os.environ.get(variable, "")
    return Path(given) if os.path.isabs(given) else otherwise


def _checked(path: Path) -> Path | str:
    """The folder without links, made if it is missing; or why code must not be kept in it."""
    if not path.is_absolute():
        return "there is no home directory" if path.parts[:1] == ("~",) else f"{path} is not an absolute path"
    try:
        _make(Path(os.path.abspath(path)))
        owners = {0, os.getuid(), os.stat("/").st_uid} if hasattr(os, "getuid") else None
        folder = _without_links(Path(os.path.abspath(path)), owners)
        if isinstance(folder, str):
            return folder
        is_ = folder.lstat()
        if hasattr(os, "getuid"):
            if is_.st_uid != os.getuid():
                return f"{path} belongs to another user"
            if is_.st_mode & 0o022:
                return f"{path} can be written by others"
            if is_.st_mode & 0o077:
                folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError, ValueError) as error:
        return f"{path} cannot be used: {error}"
    return folder


def _make(path: Path) -> None:
    """A folder and what is missing above it, for this user alone whatever the umask."""
    if not path.is_dir():
        if path.parent != path:
            _make(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)


def _without_links(path: Path, owners: set[int] | None) -> Path | str:
    """The same folder by a path without links, if none but `owners` can put another in the place of any part of it; else
    what is wrong."""
    here, waiting, links = Path(path.anchor), list(path.parts[1:]), 0
    while waiting:
        name = waiting.pop(0)
        above = here.lstat()
        if owners is not None and (above.st_uid not in owners or (above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX)):
            return f"{here}, above {path}, can be written by others"
        found = (here / name).lstat()
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if not waiting or links > _LINKS:
                return f"{path} is not a directory of its own"
            if owners is not None and found.st_uid not in owners:
                return f"{here / name}, a link, belongs to another user"
            target = Path(os.path.normpath(here / os.readlink(here / name)))
            here, waiting = Path(target.anchor), [*target.parts[1:], *waiting]
        elif stat.S_ISDIR(found.st_mode):
            here /= name
        else:
            return f"{path} is not a directory of its own"
    return here


# ---- entries ----------------------------------------------------------------------------------------------------------------
def read_entry(path: Path) -> bytes | None:
    """What was written as this entry, if it is there and bears the seal. Anything else in its place is removed."""
    data = read_plain(path, LARGEST + SEAL)
    if data is None:
        return None
    if _seal(path, data[SEAL:]) != data[:SEAL]:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return data[SEAL:]


def write_entry(path: Path, data: bytes) -> None:
    """Keep something, sealed."""
    write_whole(path, _seal(path, data) + data)


def _seal(path: Path, data: bytes) -> bytes:
    """Of these bytes under this name."""
    sealed = hashlib.blake2b(f"{path.parent.name}/{path.name}\0".encode(), key=_secret(), digest_size=SEAL)
    sealed.update(data)
    return sealed.digest()


@remember
def _secret() -> bytes:
    """The folder's, made when it is first needed. One that cannot be kept serves this process."""
    folder, made = place().path, os.urandom(SEAL)
    if folder is None:
        return made
    path = folder / "secret"
    for _ in range(2):
        kept = read_plain(path, SEAL, 0o077)
        if kept is not None and len(kept) == SEAL:
            return kept
        with contextlib.suppress(OSError):
            path.unlink()
        write_whole(path, made, replace=False)  # another process may have been quicker
    return made


def read_plain(path: Path, largest: int, closed: int = 0o022) -> bytes | None:
    """The bytes of a file of this user's that is no link, no pipe and not too large, and whose mode has none of the bits
    `closed`. Whatever else stands there is removed; None too where nothing does."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                         | getattr(os, "O_BINARY", 0))
        try:
            is_ = os.fstat(handle)
            mine = not hasattr(os, "getuid") or (is_.st_uid == os.getuid() and not is_.st_mode & closed)
            if stat.S_ISREG(is_.st_mode) and mine and is_.st_size <= largest:
                if time.time() - is_.st_mtime > 86400:
                    os.utime(path)  # pruning removes what has not been used for longest
                with open(handle, "rb", buffering=0, closefd=False) as f:
                    return f.read(is_.st_size)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return None
    except OSError:
        pass
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return None


def write_whole(path: Path, data: bytes, replace: bool = True) -> None:
    """Put a file in place whole or not at all; a full disk is no error. Without `replace`, what is there stays."""
    part = None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        if replace:
            os.replace(part, path)
            part = None
        else:
            try:
                os.link(part, path)
            except FileExistsError:
                pass
            except OSError:  # a disk without links
                os.replace(part, path)
    except OSError:
        pass
    finally:
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
        if path.name.startswith(".part-") and time.time() - is_.st_mtime > STALE:  # whoever wrote it was killed
            with contextlib.suppress(OSError):
                path.unlink()
        elif stat.S_ISREG(is_.st_mode) and path.name != "secret":
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
