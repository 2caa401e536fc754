"""Zip archives that hold numbers, read with suspicion: a part's place and size are known before a byte of it is read."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from ...reading import opened
from .source import Damaged

LOCAL = 30  # bytes of the head before a part, its names apart
MOST = 1_000_000  # parts


class Part(NamedTuple):
    """A part of the archive that lies in it as it is."""

    start: int  # byte of the file
    size: int


@contextmanager
def archive(path: str | os.PathLike[str]) -> Iterator[tuple[zipfile.ZipFile, BinaryIO]]:
    """The archive and the file it lies in; whatever is wrong with either is Damaged."""
    with opened(path) as f:
        try:
            with zipfile.ZipFile(f) as z:
                if len(z.filelist) > MOST or len(z.NameToInfo) != len(z.filelist):
                    raise Damaged("it holds parts of one name" if len(z.filelist) <= MOST else f"more than {MOST:,} parts")
                yield z, f
        except Damaged:
            raise
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError,
                OverflowError, struct.error) as e:
            raise Damaged(f"its archive is damaged: {e}"[:200]) from None


def parts(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names of the parts."""
    with archive(path) as (z, _):
        return tuple(z.NameToInfo)


def stored(z: zipfile.ZipFile, f: BinaryIO, name: str) -> Part:
    """Where a part lies that is not packed."""
    about = z.NameToInfo[name]
    if about.compress_type != zipfile.ZIP_STORED or about.flag_bits & 1 or about.compress_size != about.file_size:
        raise Damaged(f"{name} is packed or locked, and PyTorch writes it as it is")
    f.seek(about.header_offset)
    head = f.read(LOCAL)
    if len(head) != LOCAL or head[:4] != b"PK\x03\x04":
        raise Damaged(f"there is no {name} where it is said to be")
    start = about.header_offset + LOCAL + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    if start + about.file_size > os.fstat(f.fileno()).st_size:
        raise Damaged(f"{name} is cut short")
    return Part(start, about.file_size)


def between(f: Any, start: int, size: int, name: str) -> bytes:
    """Bytes of a file. Raises Damaged where there are fewer."""
    f.seek(start)
    data: bytes = f.read(size)
    if len(data) != size:
        raise Damaged(f"{name} is cut short")
    return data
