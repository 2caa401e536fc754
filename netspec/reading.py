"""Which files may be named, and how they are opened.

A spec may come from anybody: it names files in its own folder and below, whether it imports them, trains on them or takes
weights from them. No link leads out of there. What the user says on the command line or in Python may lie anywhere.
Either way only a regular file is opened: a pipe would wait for ever, and a device has no end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_SORTS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
          (stat.S_ISBLK, "a device"))
BEST, LAST = "best.safetensors", "last.safetensors"  # the weights in the folder of a run


class Own(str):
    """A text of the user's own, from the command line or Python. What a spec makes of it is the spec's again."""

    __slots__ = ()


class Told(str):
    """A text of which a file says that it once was a user's own. Here it is a spec's."""

    __slots__ = ()


class Outside(OSError):
    """A spec names a file that is not below its folder."""


class NotRegular(OSError):
    """There is something of this name, and it is no file to read. `strerror` says what it is: "a pipe"."""


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, open for reading. Raises OSError, NotRegular among them: then nothing was opened that notices."""
    try:
        _regular(os.stat(path))
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
                         | getattr(os, "O_BINARY", 0))
    except ValueError as e:  # a NUL, or a character that no name has
        raise OSError(errno.EINVAL, f"no file can be called so: {e}") from None
    try:
        _regular(os.fstat(handle))  # it may be another by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write what the user asked for where the user said, be it a device or a pipe. Raises OSError or ValueError: for a pipe
    that nobody reads as well, instead of waiting for somebody who does."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as e:
        if e.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a pipe, and nobody reads it") from None
        raise
    with os.fdopen(handle, "wb") as f:
        if hasattr(os, "set_blocking"):
            os.set_blocking(handle, True)
        f.write(data)


def _regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotRegular(errno.EINVAL, next((sort for test, sort in _SORTS if test(found.st_mode)), "no file"))


def irregular(path: str | os.PathLike[str]) -> str | None:
    """What stands there instead of a regular file; None where one does, or nothing at all."""
    try:
        _regular(os.stat(path))
    except NotRegular as e:
        return e.strerror
    except (OSError, ValueError):
        pass
    return None


def weights_of(path: str | os.PathLike[str]) -> Path | None:
    """The checkpoint that a path means: itself, or the best of the run whose folder it is, else its last. None for what is
    neither, a spec for example."""
    for name in (BEST, LAST):
        if os.path.isfile(inside := os.path.join(path, name)):
            return Path(inside)
    return Path(path) if _holds_numbers(path) else None


def _holds_numbers(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as safetensors do. A spec holds no NUL."""
    try:
        with opened(path) as f:
            head = f.read(9)
    except OSError:
        return False
    return head[8:] == b"{" and b"\0" in head


def placed(name: str, folder: str | os.PathLike[str] | None) -> Path:
    """The path of a file that a spec in `folder` names. Raises Outside; names of the user's own may be any."""
    base = Path(folder or os.curdir)
    if isinstance(name, Own):
        return base / name
    if os.path.isabs(name):
        raise Outside(errno.EPERM, "this is a place of one machine, wherever the spec lies")
    try:
        home, place = base.resolve(), (base / name).resolve()
        place.exists()  # a name may be too long to ask for
    except (OSError, ValueError, RuntimeError) as e:
        raise OSError(errno.EINVAL, f"not a path: {e}") from None
    if not place.is_relative_to(home):
        raise Outside(errno.EPERM, "this is outside")
    return place
