"""The IDX format of MNIST, gzipped or not: two zero bytes, 8 for bytes, the number of axes, their lengths with the most
significant byte first, and the numbers.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", its page
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reading import opened
from ...words.dataset import DataError

Array = NDArray[Any]
BYTES = 8  # the code of their type
PACKED = 1032  # how many bytes gzip can make of one, at most
PIECE = 1 << 24  # bytes that are unpacked at a time


def read(path: Path, axes: int, what: str, heads: bool = False) -> Array:
    """The bytes of a file, which have so many axes; `what` they are: "images". A file that is not packed is mapped into
    memory. With `heads` no number is read: zeros that take no memory.

    Errors: a file of another format, or whose length is not what its beginning says.
    """
    try:
        with opened(path) as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            held = os.fstat(file.fileno()).st_size
            source: Any = gzip.GzipFile(fileobj=file) if packed else file
            shape = _shape(source, path, axes, what)
            claims = f"it claims {'x'.join(map(str, shape))} bytes"
            if not packed and prod(shape) != held - 4 - 4 * axes:
                raise DataError(f"{path} is cut short, or too long", claims, f"and has {held - 4 - 4 * axes:,}")
            if packed and prod(shape) > held * PACKED:
                raise DataError(f"{path} is cut short", claims, "which cannot be packed into so few")
            if heads:
                return np.broadcast_to(np.zeros((), np.uint8), shape)
            if not packed:
                return np.memmap(file, np.uint8, "r", 4 + 4 * axes, shape) if prod(shape) else np.zeros(shape, np.uint8)
            out = np.empty(prod(shape), np.uint8)
            at = 0
            while at < len(out) and (got := source.readinto(out[at : at + PIECE].data)):
                at += got
            if at < len(out) or source.read(1):
                raise DataError(f"{path} is {'cut short' if at < len(out) else 'too long'}", claims)
            return out.reshape(shape)
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise DataError(f"{path} is damaged", f"gzip says: {e}") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}", code="unreadable-file") from None


def _shape(file: Any, path: Path, axes: int, what: str) -> tuple[int, ...]:
    first = file.read(4)
    if len(first) < 4 or first[:2] != b"\0\0":
        raise DataError(f"{path} is no IDX file", "it does not begin as one: two zero bytes, then the type of its numbers")
    if first[2] != BYTES or first[3] != axes:
        raise DataError(f"{path} holds no {what}", f"{what} are bytes (type 8) with {axes} ax{'is' if axes == 1 else 'es'}",
                        f"these have type {first[2]}, and {first[3]} axes")
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(f"{path} is cut short", "its head is not whole")
    return struct.unpack(f">{axes}I", lengths)
