"""Pictures of files as an array whose examples are decoded when they are asked for, and a look at all of them beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words.dataset import DataError, Lazy
from . import pictures

Array = NDArray[Any]
WORKERS = 8  # threads that look at files: while one waits for a disk, others work


class Pictures(Lazy):
    """N x C x H x W: bytes, or numbers in [0, 1] where any picture has greys of 16 bits."""

    def __init__(self, files: Sequence[str], shape: tuple[int, int, int], resize: str, deep: bool):
        self.files, self.resize = files, resize
        self.shape = (len(files), *shape)
        self.dtype = np.dtype(np.float32 if deep else np.uint8)

    def example(self, number: int) -> Array:
        _, channels, height, width = self.shape
        a = pictures.read(self.files[number], channels, (height, width), self.resize)
        if a.dtype == self.dtype:
            return a
        if self.dtype == np.float32:
            return a / np.float32(255)
        raise DataError(f"{self.files[number]} is another picture than when training began", "its greys have 16 bits now",
                        code="unreadable-picture")


def looked_at(files: Sequence[str], check: Callable[[str], bool]) -> tuple[list[bool], dict[int, DataError]]:
    """`check` of every file, on several threads: what it says of each (False of one that it refuses), and the refusals by the
    number of the file."""
    refused: dict[int, DataError] = {}

    def one(k: int) -> bool:
        try:
            return check(files[k])
        except DataError as e:
            refused[k] = e
            return False

    with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as workers:
        said = list(workers.map(one, range(len(files))))
    return said, dict(sorted(refused.items()))


def begins_well(file: str) -> bool:
    """Whether a picture's greys have 16 bits. Errors: it does not even begin as a picture."""
    return pictures.deep(file)


def reads_well(file: str) -> bool:
    """The same, of a picture that is decoded to its end."""
    return pictures.read(file, size=(8, 8)).dtype != np.uint8


def refusal(refused: dict[int, DataError], of: int, hint: str) -> DataError:
    """What is said of pictures that cannot be read: the first of them, and how many there are."""
    first = next(iter(refused.values())).diagnostics[0]
    others = len(refused) - 1
    more = (f"nor can {others:,} other{'s' if others > 1 else ''} of {of:,} pictures",) if others else ()
    return DataError(first.title, *first.notes, *more, hint=hint, code="unreadable-picture")
