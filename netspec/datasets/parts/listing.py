"""Which pictures a folder gives, and the target of each."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice, MissingFileError
from ...reading import Outside, irregular, placed
from ...words.dataset import DataError
from . import tables
from .folders import TRAIN, Files, Place, files, named, outside
from .pixels import SUFFIXES

Array = NDArray[Any]


@dataclass(frozen=True)
class Listed:
    """Pictures by their paths, the target of each, and the files beside them that are none. `columns` are the names of a target's
    numbers, where they have some."""

    files: tuple[Any, ...]  # paths, or places in archives
    y: Array | None = None  # None where the targets are masks, or nothing
    masks: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def of(self, numbers: Any) -> Listed:
        """Some of them, by their numbers."""
        return replace(self, files=tuple(self.files[k] for k in numbers), y=None if self.y is None else self.y[numbers],
                       masks=tuple(self.masks[k] for k in numbers) if self.masks else ())

    def few(self, of_each: int = 2) -> Array:
        """The numbers of a few pictures of each class."""
        firsts = np.unique(self.labels, return_index=True)[1] if self.labels is not None else np.zeros(1, np.intp)
        return np.unique((firsts[:, None]
                          + np.arange(of_each)).clip(max=max(0, len(self.files) - 1))) if self.files else firsts[:0]

    @property
    def labels(self) -> Array | None:
        """The number of the class of each, where each is of one."""
        return self.y if self.y is not None and self.y.dtype == np.int64 else None


Parts = dict[str, Listed]  # by the names of folders.PARTS


def classes(root: Place, line: str) -> tuple[str, ...]:
    """The names of the classes: of the folders in a folder. `line` is the data line, for a hint.

    Errors: there are not two.
    """
    found = root.folders()
    if len(found) > 1:
        return tuple(found)
    if not found:
        loose = any(os.path.splitext(e.name)[1].lower() in SUFFIXES for e in root.entries())
        raise DataError(f"{root.path} has no folders of classes",
                        "it holds pictures, and nothing says what is on them" if loose
                        else "there is a folder in it for each class", hint=f'{line} labels="labels.csv"' if loose else Advice(
                            f"{root.path.name}/cats/1.jpg   {root.path.name}/dogs/1.jpg"))
    inner = (root / found[0]).folders()
    raise DataError(f"{root.path} has one class, {found[0]}, and nothing to tell it from",
                    f"the folders in {found[0]} are: {named(inner)}" if inner else "each class has a folder of its own",
                    hint=f'{line.rpartition(chr(34))[0]}/{found[0]}"' if len(inner) > 1 else None)


def by_class(found: dict[str, Place], names: tuple[str, ...]) -> Parts:
    """The pictures of folders with a folder for each class. In the training part no class is empty; other parts may lack some.

    Errors: an empty class; a folder that is none of the classes.
    """
    return {part: _of_classes(place, names, part == TRAIN) for part, place in found.items()}


def _of_classes(root: Place, names: tuple[str, ...], all_of_them: bool) -> Listed:
    paths: list[str] = []
    labels: list[Array] = []
    others: list[str] = []
    for e in root.entries():
        if e.is_dir() and e.name not in names:
            raise DataError(f"{e.path} is no class of the training part", f"the classes are: {named(names)}",
                            code="unknown-class")
        if not e.is_dir():
            others.append(e.name)
    there = set(root.folders())
    for k, name in enumerate(names):
        held = files(root / name, SUFFIXES) if name in there else Files((), ())
        others += [f"{name}/{f}" for f in held.others]
        paths += [os.path.join(root.path, name, f) for f in held.wanted]
        if all_of_them and not held.wanted:
            raise empty(name, f"{root.path / name} holds {named(held.others)}" if held.others else str(root.path / name))
        labels.append(np.full(len(held.wanted), k, np.int64))
    return Listed(tuple(paths), np.concatenate(labels), others=tuple(others))


def empty(name: str, why: str) -> DataError:
    return DataError(f"class {name} has no pictures", why, code="empty-class",
                     hint=Advice("put pictures into its folder, or take the folder away"))


def bare(found: dict[str, Place], without: tuple[Path, ...] = ()) -> Parts:
    """All pictures of folders, for what needs no targets; not what lies in one of the folders `without`."""
    parts = {}
    for part, place in found.items():
        held = files(place, SUFFIXES)
        kept = [os.path.join(place.path, f) for f in held.wanted]
        for folder in without:
            kept = [f for f in kept if not f.startswith(os.path.join(folder, ""))]
        if part == TRAIN and not kept:
            raise DataError(f"{place.path} holds no pictures", f"it holds {named(held.others)}" if held.others else "it is empty")
        parts[part] = Listed(tuple(kept), others=tuple(f for f in held.others if place.path / f not in without))
    return parts


def by_table(root: Place, found: dict[str, Place], path: Path, wants: str | None) -> tuple[Parts, tuple[str, ...]]:
    """The pictures that a table names, with what it says of them, and the names of the classes. `wants` is what the losses
    read, as Request has it.

    Errors: those of the table; a class without pictures to train on.
    """
    if (sort := irregular(path)) is not None:
        raise DataError(f"{path} is {sort}, and a table lies in a file", code="not-a-file")
    listed = bare(found, (path,))
    of = [(part, f) for part, here in listed.items() for f in here.files]
    table = tables.read(path, tables.Index((_from(root.path, f), _from(found[part].path, f)) for part, f in of), str(root.path))
    targets = tables.targets(table, wants)
    parts: Parts = {}
    for part, here in listed.items():
        lines = [k for k, number in enumerate(table.pictures) if of[number][0] == part]
        lines.sort(key=lambda k: int(table.pictures[k]))
        parts[part] = Listed(tuple(of[table.pictures[k]][1] for k in lines), targets.y[lines], others=here.others,
                             columns=targets.columns)
    train = parts[TRAIN].labels
    for k in sorted(set(range(len(targets.names))).difference(map(int, train))) if train is not None else ():
        raise DataError(f"class {targets.names[k]} has no pictures", f"no line of {path} names one to train on",
                        code="empty-class")
    if train is not None and len(targets.names) < 2:
        raise DataError(f"{path} has one class, {targets.names[0]}, and nothing to tell it from")
    return parts, targets.names


def by_masks(root: Place, found: dict[str, Place], masks: Place) -> Parts:
    """The pictures that are not masks, and the mask of each: the file of the same path, whatever the suffix.

    Errors: a picture without a mask.
    """
    parts = bare(found, (masks.path,))
    held = {os.path.splitext(f)[0]: os.path.join(masks.path, f) for f in files(masks, SUFFIXES).wanted}
    for part, here in parts.items():
        chosen = []
        for f in here.files:
            mask = next((held[n] for p in (root.path, found[part].path) if (n := os.path.splitext(_from(p, f))[0]) in held), None)
            if mask is None:
                raise DataError(f"{f} has no mask", f"it would be {masks.path / os.path.splitext(_from(root.path, f))[0]}.png")
            chosen.append(mask)
        parts[part] = replace(here, masks=tuple(chosen))
    return parts


def _from(folder: Path, file: str) -> str:
    """The path of a file from a folder, with slashes; its whole path where it lies elsewhere."""
    return Path(file).relative_to(folder).as_posix() if file.startswith(os.path.join(folder, "")) else file


def beside(name: str, folder: str | None, root: Place) -> Path:
    """A file or folder that a line names beside its pictures: looked for from the folder of the spec, then from theirs."""
    where = []
    for base in (folder, root.path):
        try:
            path = placed(name, base)
        except Outside as e:
            raise outside(f"{name}: {e.strerror}") from None
        except OSError as e:
            raise DataError(f"there can be no file {name}", str(e.strerror)) from None
        if os.path.exists(path):
            return path
        where.append(path)
    raise MissingFileError(f"there is no {where[0]}", notes=(f"nor {where[1]}",) if where[0] != where[1] else ())
