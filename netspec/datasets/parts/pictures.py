"""One picture as an array: whatever a camera, a scanner or a program has written, the way a browser would show it.

    read("cat.jpg", 3, (64, 64))        3 x 64 x 64 uint8
    header("cat.jpg")                   its size, and what its pixels are; only the beginning of the file is read

A picture that its camera says to turn is turned (EXIF). Transparent places are white. Palettes, CMYK and one bit a pixel
become grey or red, green and blue; of several pictures in a file the first is read. Colour profiles are not applied.
A change of size averages what a new pixel covers (triangle filter, Pillow's BILINEAR: what torchvision calls bilinear with
antialias). A large JPEG is decoded at a half, a quarter or an eighth of its size where that is twice what is wanted or more.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401  (plugins: formats known from here)

from ...diagnostics import NetspecError
from ...limits import PIXELS
from ...reading import opened
from ...words.dataset import DataError
from .pixels import TURNS, deep, numbers, orientation, pixels, placed

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Inside:
    """A picture that lies within a file: a member of an archive that is not packed."""

    path: str
    begins: int
    size: int
    name: str  # what messages call it

    def __str__(self) -> str:
        return self.name


Picture = str | os.PathLike[str] | bytes | Inside  # a path, what a file holds, or where in a file it lies

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # no others are looked for: some run programs, as EPS does
# Pillow warns of damaged notes beside a picture, and of many pixels, for which there is a limit of our own.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Header:
    """What the beginning of a file says of its picture, which may still be cut short."""

    height: int  # as it is shown, turned where the camera says so
    width: int
    deep: bool  # greys of 16 bits
    numbers: bool  # its pixels may be numbers of classes: a palette, or greys


def header(picture: Picture, name: str | None = None) -> Header:
    """Only the beginning of the file is read. Errors: as for `read`."""
    with _open(picture, name) as image:
        noted = image.format in ("JPEG", "MPO", "WEBP") or (image.format == "PNG" and "exif" in image.info)
        w, h = image.size[::-1] if noted and orientation(image, decoded=False) >= 5 else image.size
        return Header(h, w, deep(image), numbers(image))


def read(picture: Picture, channels: int = 3, size: tuple[int, int] | None = None, resize: str = "cover",
         name: str | None = None) -> Array:
    """A picture, channels x height x width: uint8, or float32 in [0, 1] where its greys have 16 bits.

    channels  1 for grey (0.299 R + 0.587 G + 0.114 B), 3 for red, green and blue
    size      (height, width) wanted; its own where none is given
    resize    "cover": the shorter side is scaled to fit, and the middle cut out; "fit": all of it, with black bars;
              "stretch": each side is scaled by itself
    name      what messages call it

    Errors: DataError `unreadable-picture`: no picture, damaged, cut short, of another format, or too large.
    """
    with _open(picture, name) as image:
        return pixels(image, channels, size, resize)


def indexed(picture: Picture, size: tuple[int, int] | None = None, resize: str = "cover", bars: int = 0,
            name: str | None = None) -> Array:
    """A picture whose values are numbers, not colours, height x width: the indices of a palette, or greys. No value is
    made up: a change of size takes the nearest pixel; with "fit" the bars are `bars`. Errors: as for `read`."""
    with _open(picture, name) as image:
        turn = orientation(image)
        if turn != 1:
            image = image.transpose(TURNS[turn])
        if not numbers(image):
            raise ValueError(
                f"its pixels are colours ({image.mode}), not numbers of classes: it would be grey, or have a palette")
        if image.mode == "1":
            image = image.convert("L").point(lambda v: v // 255)
        a = np.asarray(image, np.int32 if deep(image) else np.uint8)
        return a if size is None else nearest(a, size, resize, bars)


def nearest(a: Array, size: tuple[int, int], resize: str = "cover", bars: int = 0) -> Array:
    """Numbers in a plane, brought to a size as `read` brings pictures, each new one that of the nearest old one."""
    h, w = size
    top, left, height, width, box = placed(a.shape[1], a.shape[0], size, resize)
    rows = (box[1] + (np.arange(height) + 0.5) * ((box[3] - box[1]) / height)).astype(np.intp).clip(0, a.shape[0] - 1)
    columns = (box[0] + (np.arange(width) + 0.5) * ((box[2] - box[0]) / width)).astype(np.intp).clip(0, a.shape[1] - 1)
    out = np.full((h, w), bars, a.dtype)
    out[top : top + height, left : left + width] = a[rows[:, None], columns]
    return out


def returned(a: Array, size: tuple[int, int], was: tuple[int, int], resize: str, unseen: int) -> Array:
    """Numbers in a plane, of a picture of `size` that was brought to the size `was`, as numbers of that picture: each of its
    pixels has the nearest; `unseen` what was cut away. The plane may be coarser than `was`."""
    h, w = size
    top, left, height, width, box = placed(w, h, was, resize)

    def along(many: int, first: float, last: float, at: int, to: int, steps: int, whole: int) -> tuple[Array, Array]:
        middle = np.arange(many) + 0.5
        place = (at + (middle - first) * (to / (last - first))) * (steps / whole)
        return np.clip(place.astype(np.intp), 0, steps - 1), (middle >= first) & (middle <= last)

    rows, seen = along(h, box[1], box[3], top, height, a.shape[0], was[0])
    columns, also = along(w, box[0], box[2], left, width, a.shape[1], was[1])
    return np.where(seen[:, None] & also, a[rows[:, None], columns], np.asarray(unseen, a.dtype))


@contextmanager
def _open(picture: Picture, name: str | None) -> Iterator[Any]:
    """The picture as Pillow has it, its pixels not yet decoded; whatever goes wrong meanwhile is said of the file."""
    what = name if name is not None else f"a picture of {len(picture):,} bytes" if isinstance(picture, bytes) else str(picture)
    try:
        with _file(picture) as file, Image.open(file, formats=FORMATS) as image:
            w, h = image.size
            if w * h > PIXELS:
                raise ValueError(f"it is {w:,} x {h:,} pixels; the limit is {PIXELS:,} in all")
            if not w or not h:
                raise ValueError("it has no pixels")
            yield image
    except (NetspecError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{what} cannot be read as a picture", f"it claims more than {PIXELS:,} pixels",
                        code="unreadable-picture") from None
    except Exception as e:  # each format raises other kinds for a damaged file
        raise DataError(f"{what} cannot be read as a picture", _reason(e), code="unreadable-picture") from None


def _file(picture: Picture) -> Any:
    if isinstance(picture, bytes):
        return io.BytesIO(picture)
    return io.BufferedReader(_Window(picture)) if isinstance(picture, Inside) else opened(picture)


class _Window(io.RawIOBase):
    """Some bytes of a file, as a file of their own."""

    def __init__(self, where: Inside):
        self.where, self.file, self.at = where, opened(where.path), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        self.at = max(0, to + (0, self.at, self.where.size)[whence])
        return self.at

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.where.begins + self.at)
        data = self.file.read(min(len(buffer), max(0, self.where.size - self.at)))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()


def _reason(e: Exception) -> str:
    if isinstance(e, UnidentifiedImageError):
        return f"it is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, whatever it is called"
    if isinstance(e, OSError) and e.strerror:
        return e.strerror
    return str(e) or type(e).__name__
