"""Pictures of files as an array whose examples are decoded when they are first asked for, and a look at all of them before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...waiting import each
from ...words.dataset import DataError
from . import pictures
from .remembered import Remembered

Array = NDArray[Any]
BARS = 255  # the label of what lies outside of a picture; losses leave it out that say  ignore=255
WORKERS = 8  # threads that look at files: while one waits for a disk, others work


class Pictures(Remembered):
    """N x C x H x W: bytes, or numbers in [0, 1] where any picture has greys of 16 bits. `hint` is what mends one that cannot
    be read, which may be seen only when it is decoded."""

    def __init__(self, files: Sequence[Any], shape: tuple[int, int, int], resize: str, deep: bool, hint: str | None = None):
        super().__init__((len(files), *shape), np.float32 if deep else np.uint8)
        self.files, self.resize, self.hint = files, resize, hint

    def called(self, number: int) -> str:
        return str(self.files[number])

    def make(self, number: int) -> Array:
        _, channels, height, width = self.shape
        try:
            a = pictures.read(self.files[number], channels, (height, width), self.resize)
        except DataError as e:
            raise (e if self.hint is None else refusal({number: e}, len(self.files), self.hint)) from None
        if a.dtype == self.dtype:
            return a
        if self.dtype == np.float32:
            return a / np.float32(255)
        raise DataError(f"{self.files[number]} is another picture than when training began", "its greys have 16 bits now",
                        code="unreadable-picture")


class Masks(Remembered):
    """N x H x W whole numbers: the class of each pixel, of masks that go with pictures. Bars are labelled BARS."""

    def __init__(self, files: Sequence[str], size: tuple[int, int], resize: str, hint: str | None = None):
        super().__init__((len(files), *size), np.int64)
        self.files, self.resize, self.hint = files, resize, hint

    def called(self, number: int) -> str:
        return self.files[number]

    def make(self, number: int) -> Array:
        try:
            a = pictures.indexed(self.files[number], self.shape[1:], self.resize, BARS)  # type: ignore[arg-type]
        except DataError as e:
            raise (e if self.hint is None else refusal({number: e}, len(self.files), self.hint)) from None
        return a.astype(np.int64)


def looked_at(files: Sequence[Any], masks: Sequence[str] = (), whole: bool = False) -> tuple[bool, dict[int, DataError]]:
    """Look at the beginnings of pictures, or at the `whole` of each, and of the mask that goes with it, on several threads:
    whether any has greys of 16 bits, and why some cannot be read, by their numbers."""
    refused: dict[int, DataError] = {}

    def look(k: int) -> bool:
        try:
            found = pictures.header(files[k])
            if masks:
                _goes_with(found, files[k], masks[k])
            if whole:
                pictures.read(files[k], size=(8, 8))
                if masks:
                    pictures.indexed(masks[k], (8, 8))
        except DataError as e:
            refused[k] = e
            return False
        return found.deep

    with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as workers:
        deep = any(list(each("looking at picture", workers.map(look, range(len(files))), len(files))))
    return deep, dict(sorted(refused.items()))


def _goes_with(picture: pictures.Header, file: str, mask: str) -> None:
    """Errors: a mask of other pixels than those of its picture, or of colours."""
    found = pictures.header(mask)
    if (found.height, found.width) != (picture.height, picture.width):
        raise DataError(f"{mask} is no mask of {file}", f"it has {found.height} x {found.width} pixels, and the picture has "
                        f"{picture.height} x {picture.width}", code="unreadable-picture")
    if not found.numbers:
        raise DataError(f"{mask} is no mask", "its pixels are colours; numbers of classes are greys, or a palette's",
                        code="unreadable-picture")


def refusal(refused: dict[int, DataError], of: int, hint: str) -> DataError:
    """What is said of pictures that cannot be read: the first of them, and how many there are."""
    first = next(iter(refused.values())).diagnostics[0]
    others = len(refused) - 1
    more = (f"nor can {others:,} other{'s' if others > 1 else ''} of {of:,} pictures",) if others else ()
    return DataError(first.title, *first.notes, *more, hint=hint, code="unreadable-picture")
