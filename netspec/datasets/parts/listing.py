"""Which pictures a folder gives, and the target of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice
from ...words.dataset import DataError
from .folders import Place, files, named
from .pictures import SUFFIXES

Array = NDArray[Any]


@dataclass(frozen=True)
class Listed:
    """Pictures by their paths, the target of each, and the files beside them that are none."""

    files: tuple[str, ...]
    y: Any
    others: tuple[str, ...] = ()

    def few(self, of_each: int = 2) -> list[str]:
        """A few pictures of each class."""
        firsts = np.unique(self.y, return_index=True)[1]
        return [f for k in firsts for f in self.files[k : k + of_each]]

    def of(self, numbers: Array) -> Listed:
        """Some of them, by their numbers."""
        return Listed(tuple(self.files[k] for k in numbers), self.y[numbers], self.others)


def classes(root: Place, line: str) -> tuple[str, ...]:
    """The names of the classes: of the folders in a folder. `line` is how the data line begins, for a hint.

    Errors: there are not two.
    """
    found = root.folders()
    if len(found) > 1:
        return tuple(found)
    if not found:
        loose = any(os.path.splitext(e.name)[1].lower() in SUFFIXES for e in root.entries())
        raise DataError(f"{root.path} has no folders of classes",
                        "it holds pictures, and nothing says what is on them" if loose
                        else "there is a folder in it for each class",
                        hint=f'{line} labels="labels.csv"' if loose
                        else Advice(f"{root.path.name}/cats/1.jpg   {root.path.name}/dogs/1.jpg"))
    inner = (root / found[0]).folders()
    raise DataError(f"{root.path} has one class, {found[0]}, and nothing to tell it from",
                    f"the folders in {found[0]} are: {named(inner)}" if inner else "each class has a folder of its own",
                    hint=f'{line.rpartition(chr(34))[0]}/{found[0]}"' if len(inner) > 1 else None)


def by_class(root: Place, names: Sequence[str], all_of_them: bool) -> Listed:
    """The pictures of a folder with a folder for each class, and the number of the class of each. In the training part
    (`all_of_them`) no class is empty; other parts may lack some.

    Errors: an empty class; a folder that is none of the classes.
    """
    paths: list[str] = []
    labels: list[Array] = []
    others: list[str] = []
    for e in root.entries():
        if e.is_dir() and e.name not in names:
            raise DataError(f"{e.path} is no class of the training part", f"the classes are: {named(tuple(names))}",
                            code="unknown-class")
        if not e.is_dir():
            others.append(e.name)
    there = set(root.folders())
    for k, name in enumerate(names):
        found = files(root / name, SUFFIXES) if name in there else None
        if found is not None:
            others += [f"{name}/{f}" for f in found.others]
            paths += [os.path.join(root.path, name, f) for f in found.wanted]
        if all_of_them and (found is None or not found.wanted):
            raise empty(name, f"{root.path / name} holds {named(found.others)}" if found and found.others
                        else str(root.path / name))
        labels.append(np.full(len(found.wanted) if found else 0, k, np.int64))
    return Listed(tuple(paths), np.concatenate(labels), tuple(others))


def empty(name: str, why: str) -> DataError:
    return DataError(f"class {name} has no pictures", why, code="empty-class",
                     hint=Advice("put pictures into its folder, or take the folder away"))
