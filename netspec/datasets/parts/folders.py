"""A folder of pictures: which of its files they are, and which part and class each belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...diagnostics import MissingFileError, near
from ...reading import Outside, Own, placed
from ...words.dataset import DataError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = {"train": TRAIN, "training": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST,
         "testing": TEST}  # what the folders of a data set that is split already are called, in any case
PASSED_OVER = {"__macosx", "thumbs.db", "desktop.ini"}  # what systems leave in folders, besides names that begin with a dot
SHOWN = 3  # names in a message


@dataclass(frozen=True)
class Place:
    """A folder, or a file, and what links in it may lead to."""

    path: Path
    home: Path | None  # what no link may lead out of; None where the user named the folder

    def __truediv__(self, name: str) -> Place:
        return Place(self.path / name, self.home)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """What lies in it, by name; not what systems leave there. Errors: a link that leads out; a folder that may not be
        read."""
        try:
            with os.scandir(self.path) as found:
                kept = sorted((e for e in found if not e.name.startswith(".") and e.name.casefold() not in PASSED_OVER),
                              key=lambda e: e.name)
        except OSError as e:
            raise DataError(f"{self.path} cannot be read: {e.strerror}", code="unreadable-file") from None
        for entry in kept:
            if self.home is not None and entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(self.home):
                raise outside(f"{entry.path} is a link that leads out of it")
            yield entry

    def folders(self) -> list[str]:
        return [e.name for e in self.entries() if e.is_dir()]


@dataclass(frozen=True)
class Files:
    """The files below a folder, by their paths from it, in order."""

    wanted: tuple[str, ...]
    others: tuple[str, ...]


def place(name: str, folder: str | None, line: str) -> Place:
    """A folder that a `data` line of a spec in `folder` names; `line` is how the line begins, for a hint.

    Errors: there is none, it is no folder, or a spec names one outside of its own folder.
    """
    found = there(name, folder, line)
    if not os.path.isdir(found.path):
        raise DataError(f"{found.path} is no folder", code="not-a-file")
    return found


def there(name: str, folder: str | None, line: str) -> Place:
    """A file or folder that a `data` line names. Errors: there is none, or a spec names one outside of its own folder."""
    try:
        path = placed(name, folder)
    except Outside as e:
        raise outside(f"{name}: {e.strerror}") from None
    except OSError as e:
        raise DataError(f"there can be no folder {name}", str(e.strerror)) from None
    if os.path.exists(path):
        return Place(path, None if isinstance(name, Own) else Path(folder or os.curdir).resolve())
    try:
        alike = near(path.name, [p.name for p in path.parent.iterdir() if p.is_dir()])
    except OSError:
        alike = None
    raise MissingFileError(f"there is no folder {path}",
                           f'{line} "{name[: len(name) - len(path.name)]}{alike}"' if alike else None)


def outside(why: str) -> DataError:
    return DataError("a spec names data in its own folder, or below it", why, "name the data yourself: --data",
                     code="file-outside")


def parts(root: Place) -> dict[str, Place]:
    """The folders of the parts, where a folder holds a data set that is split already; else it is all for training.

    Errors: two folders for one part.
    """
    found: dict[str, str] = {}
    for name in root.folders():
        part = PARTS.get(name.casefold())
        if part in found:
            raise DataError(f"{root.path} has two folders to {'train' if part == TRAIN else part}: {found[part]} and {name}",
                            "it is not clear which is meant")
        if part is not None:
            found[part] = name
    return {part: root / name for part, name in found.items()} if TRAIN in found else {TRAIN: root}


def files(root: Place, suffixes: frozenset[str]) -> Files:
    """Every file below a folder, folders in it included; those with one of these suffixes are wanted."""
    wanted: list[str] = []
    others: list[str] = []
    waiting, seen = [""], set()
    while waiting:
        below = waiting.pop()
        here = Place(root.path / below, root.home)
        real = os.path.realpath(here.path)
        if real in seen:  # a link to a folder above
            continue
        seen.add(real)
        for e in here.entries():
            name = f"{below}/{e.name}" if below else e.name
            if e.is_dir():
                waiting.append(name)
            else:
                (wanted if os.path.splitext(e.name)[1].lower() in suffixes else others).append(name)
    return Files(tuple(sorted(wanted)), tuple(sorted(others)))


def named(names: tuple[str, ...] | list[str]) -> str:
    """A few names of many, for a message."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
