"""CIFAR-10 and CIFAR-100 as they are given away: a folder, or the .tar.gz it came in; the binary version, or that for Python.

Source: Krizhevsky, "The CIFAR-10 dataset" and "The CIFAR-100 dataset", their page
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import pickled
from ...diagnostics import MissingFileError
from ...reading import opened
from ...words.dataset import DataError
from .folders import Place

Array = NDArray[Any]
PIXELS = 3 * 32 * 32
MOST = 400_000_000  # bytes of one file in an archive; the largest of CIFAR has 155 million
MEMBERS = 10_000  # files of an archive that are looked through


@dataclass(frozen=True)
class Kind:
    """What the files of a data set are called, and where its labels stand in them."""

    title: str
    train: str  # a pattern for the files to train on; the binary ones end in .bin
    test: str
    folders: tuple[str, ...]  # that it unpacks to
    labels: tuple[str, ...]  # bytes of a binary record before the pixels; names in the batches for Python
    names: tuple[tuple[str, str, str], ...]  # of each label: its names in a text file; in which file for Python, and where in it
    whole: tuple[str, ...] = ()  # the batches there are, without .bin


CIFAR10 = Kind("CIFAR-10", r"data_batch_\d+", "test_batch", ("cifar-10-batches-bin", "cifar-10-batches-py"), ("labels",),
               (("batches.meta.txt", "batches.meta", "label_names"),), (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"))
CIFAR100 = Kind("CIFAR-100", "train", "test", ("cifar-100-binary", "cifar-100-python"), ("coarse_labels", "fine_labels"),
                (("coarse_label_names.txt", "meta", "coarse_label_names"), ("fine_label_names.txt", "meta", "fine_label_names")), ("train", "test"))


@dataclass
class Found:
    """What was read: pictures N x 3 x 32 x 32 and labels of each part, and the names of the labels."""

    train: list[tuple[str, Array, Array]] = field(default_factory=list)  # with the name of the file
    test: list[tuple[str, Array, Array]] = field(default_factory=list)
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # batches that would be there

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know."""
        return (f"{', '.join(self.missing)} {'is' if len(self.missing) == 1 else 'are'} not there",) if self.missing else ()

    def pair(self, part: str) -> tuple[Array, Array]:
        """Pictures and labels of all batches of a part, in the order of their names."""
        return np.concatenate([np.zeros((0, 3, 32, 32), np.uint8), *(x for _, x, _ in self._ordered(part))]), self.labels(part)

    def labels(self, part: str) -> Array:
        return np.concatenate([np.zeros(0, np.int64), *(y for _, _, y in self._ordered(part))])

    def _ordered(self, part: str) -> list[tuple[str, Array, Array]]:
        return sorted(self.train if part == "train" else self.test, key=lambda b: (len(b[0]), b[0]))


def read(kind: Kind, label: int, root: Place) -> Found:
    """The batches of a folder or an archive, with the label of this number.

    Errors: no such files; one that holds something else, is cut short, or asks to run something.
    """
    found = Found()
    for name, what, content in _files(kind, root):
        stem, binary = name.removesuffix(".bin"), name.endswith(".bin")
        part = found.train if re.fullmatch(kind.train, stem) else found.test if stem == kind.test else None
        if part is not None:
            part.append((name, *(_binary(content(), kind, label, what) if binary else _python(content(), kind, label, what))))
        elif name == kind.names[label][0]:
            found.names = tuple(content().decode("utf-8", "replace").split())
        elif name == kind.names[label][1] and not found.names:
            found.names = _names(_unpickled(content(), what), kind.names[label][2])
    if not found.train:
        raise MissingFileError(f"{root.path} holds no {kind.title}", notes=(
            f"it would be a folder with {kind.train.replace(chr(92) + 'd+', '1')}.bin (or without .bin), or the .tar.gz that one came in",))
    there = {name.removesuffix(".bin") for name, *_ in (*found.train, *found.test)}
    found.missing = tuple(name for name in kind.whole if name not in there)
    if found.names:
        for name, _, y in (*found.train, *found.test):
            if len(y) and y.max() >= len(found.names):
                raise DataError(f"{name} has label {y.max()}, and there are {len(found.names)} names of classes",
                                code="label-range")
    return found


def archive(kind: Kind, root: Place) -> Path | None:
    """The archive that is meant: what was named, or one in the folder that was, where there are no batches."""
    if not root.path.is_dir():
        return root.path
    if _batches(kind, root) is not None:
        return None
    names = [e.name for e in root.entries()]
    return next((root.path / f"{n}.tar.gz" for n in map(_packed, kind.folders) if f"{n}.tar.gz" in names), None)


def _files(kind: Kind, root: Place) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The files by their names, and what messages call them; each is to be read before the next."""
    packed = archive(kind, root)
    if packed is not None:
        yield from _members(packed)
        return
    for path in _batches(kind, root) or ():
        yield path.name, str(path), lambda path=path: _whole(path)  # type: ignore[misc]


def _batches(kind: Kind, root: Place) -> list[Path] | None:
    """The files of the folder, or of the first one in it that the data unpack to, which has batches."""
    for folder in (root, *(root / f for f in kind.folders)):
        files = [e for e in folder.entries() if not e.is_dir()] if folder.path.is_dir() else []
        train = [e.name for e in files if re.fullmatch(kind.train, e.name.removesuffix(".bin"))]
        if train:
            other = [e.name for e in files if re.fullmatch(f"{kind.train}|{kind.test}", e.name.removesuffix(".bin"))
                     and e.name.endswith(".bin") != train[0].endswith(".bin")]  # both versions lie in one folder
            return [folder.path / e.name for e in files if e.name not in other]
    return None


def _packed(folder: str) -> str:
    """What the archive of a folder is called: cifar-10-python of cifar-10-batches-py."""
    return folder.replace("batches-py", "python").replace("batches-bin", "binary")


def _whole(path: Path) -> bytes:
    try:
        with opened(path) as file:
            return file.read()
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}", code="unreadable-file") from None


def _members(path: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The plain files of an archive, by the last part of their names; nothing is unpacked to disk."""
    with _sound(path), opened(path) as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
        for k, member in enumerate(tar):
            if k == MEMBERS:
                raise DataError(f"{path} holds more than {MEMBERS:,} files")
            if member.isreg() and not member.issparse():
                name = member.name.rpartition("/")[2]
                yield name, f"{name} in {path}", lambda member=member: _content(path, tar, member)  # type: ignore[misc]


def _content(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MOST:
        raise DataError(f"{member.name} in {path} claims {member.size:,} bytes", f"the limit is {MOST:,}")
    with _sound(path):
        file = tar.extractfile(member)
        return b"" if file is None else file.read()


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as e:
        raise DataError(f"{path} is damaged, or no .tar.gz", f"{type(e).__name__}: {e}") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}", code="unreadable-file") from None


def _binary(data: bytes, kind: Kind, label: int, what: str) -> tuple[Array, Array]:
    record = len(kind.labels) + PIXELS
    if not data or len(data) % record:
        raise DataError(f"{what} is no batch of {kind.title}", f"it has {len(data):,} bytes; a picture has {record:,}")
    held = np.frombuffer(data, np.uint8).reshape(-1, record)
    return held[:, len(kind.labels) :].reshape(-1, 3, 32, 32), held[:, label].astype(np.int64)


def _python(data: bytes, kind: Kind, label: int, what: str) -> tuple[Array, Array]:
    held = _unpickled(data, what)
    x, y = held.get("data"), held.get(kind.labels[label])
    if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != PIXELS or y is None:
        raise DataError(f"{what} is no batch of {kind.title}",
                        f"it would have data, N x {PIXELS} bytes, and {kind.labels[label]}")
    y = np.asarray(y)
    if y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise DataError(f"{what}: {kind.labels[label]} are not one whole number a picture", f"there are {len(x):,} pictures")
    return x.reshape(-1, 3, 32, 32), y.astype(np.int64)


def _unpickled(data: bytes, what: str) -> dict[str, Any]:
    try:
        held = pickled.load(data)
        if isinstance(held, dict):
            return {pickled.text(k): v for k, v in held.items()}
        raise pickled.Refused("it is no dict")
    except pickled.Refused as e:
        raise DataError(f"{what} is no batch for Python", f"it is refused: {e}", "nothing in it was run") from None


def _names(held: dict[str, Any], where: str) -> tuple[str, ...]:
    found = held.get(where)
    return tuple(map(pickled.text, found)) if isinstance(found, list) and all(isinstance(n, str | bytes) for n in found) else ()
