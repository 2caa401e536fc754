"""A table that says what is on each picture: `labels="labels.csv"`.

    file,kind            a class each
    cats/1.jpg,cat

    file,kinds           several labels each, or none
    1.jpg,cat;outdoors

    file,cat,outdoors    the same, as a column for each
    1.jpg,1,1

    file,x,y             numbers
    1.jpg,0.25,-3.1

The first column names pictures: by their paths from the folder, without the folders or the suffix where that is enough. A
first line that names none is a heading. Columns stand apart by commas, tabs or semicolons; the text is UTF-8.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reading import opened
from ...words.dataset import DataError

Array = NDArray[Any]
LARGEST = float(np.finfo(np.float32).max)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Index:
    """Pictures by what a table may call them. Each has a number."""

    def __init__(self, paths: Iterable[Iterable[str]]):
        """The paths of each, with slashes, from whichever folders a table may mean."""
        self.tiers: tuple[dict[str, list[int]], ...] = ({}, {}, {}, {})
        for k, names in enumerate(paths):
            for name in dict.fromkeys(names):
                last = name.rpartition("/")[2]
                for tier, called in zip(self.tiers, (name, os.path.splitext(name)[0], last, os.path.splitext(last)[0])):
                    if (hits := tier.setdefault(called, [])) == [] or hits[-1] != k:
                        hits.append(k)

    def find(self, name: str) -> list[int]:
        """The pictures of a name: several where it is not enough to tell them apart."""
        name = name.strip().replace("\\", "/").removeprefix("./")
        last = name.rpartition("/")[2]
        return next((tier[called] for tier, called in zip(self.tiers, (name, name, last, last)) if called in tier), [])


@dataclass(frozen=True)
class Table:
    """What a table says of pictures, line by line."""

    name: str  # what messages call it
    heading: tuple[str, ...]  # of the columns behind the first; empty where there is none
    pictures: Array  # the number of the picture that a line names
    cells: tuple[tuple[str, ...], ...]  # of the columns behind the first
    places: tuple[str, ...]  # what messages call the lines

    def refuse(self, k: int, title: str, *notes: str, hint: str | None = None) -> DataError:
        return DataError(f"{self.name}, {self.places[k]}: {title}", *notes, hint=hint)


@dataclass(frozen=True)
class Targets:
    """The targets that the lines of a table give, and the names of their classes or labels, or of the columns of numbers."""

    y: Array
    names: tuple[str, ...]
    columns: tuple[str, ...] = ()


def read(path: Path, index: Index, folder: str) -> Table:
    """A table of the pictures of an index; `folder` is what messages call where those lie.

    Errors, with the line: a picture that is not there, or one that cannot be told from others, or stands twice; a line with
    fewer or more columns than the first; text that is not UTF-8.
    """
    name = str(path)
    try:
        with opened(path) as file:
            text = file.read().decode("utf-8-sig")
    except OSError as e:
        raise DataError(f"{name} cannot be read: {e.strerror}", code="unreadable-file") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{name} is not in UTF-8", f"byte {e.start:,} is no letter", "save it as UTF-8, as text (CSV)") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{name}, line {line}: it holds a zero byte, which no text has", "save it as UTF-8, as text (CSV)")
    rows = _rows(name, text)
    if not rows:
        raise DataError(f"{name} is empty", "it has a line for each picture:  cats/1.jpg,cat")
    heading = rows[0][1][1:] if not index.find(rows[0][1][0]) else []
    body = rows[bool(heading) :]
    if not body:
        raise DataError(f"{name} names no picture of {folder}", f"its first line is: {','.join(rows[0][1])}")
    found: list[int] = []
    seen: dict[int, int] = {}
    missing: list[tuple[int, str]] = []
    for line, cells in body:
        hits = index.find(cells[0])
        if len(cells) != len(rows[0][1]):
            raise DataError(f"{name}, line {line}: {len(cells)} columns, where the first line has {len(rows[0][1])}")
        if not hits:
            missing.append((line, cells[0]))
            continue
        if len(hits) > 1:
            raise DataError(f"{name}, line {line}: {cells[0]} may be {len(hits)} pictures",
                            "a path from the folder of the pictures says which")
        if hits[0] in seen:
            raise DataError(f"{name}, line {line}: {cells[0]} stands in line {seen[hits[0]]} already")
        seen[hits[0]] = line
        found.append(hits[0])
    if missing:
        more = (f"nor {len(missing) - 1:,} more of its {len(body):,} lines",) if len(missing) > 1 else ()
        raise DataError(f"{name}, line {missing[0][0]}: there is no picture {missing[0][1]} in {folder}", *more)
    return Table(name, tuple(heading), np.array(found, np.intp), tuple(tuple(c[1:]) for _, c in body),
                 tuple(f"line {n}" for n, _ in body))


def _rows(name: str, text: str) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, cut into cells, with their numbers."""
    first = text.lstrip().partition("\n")[0]
    delimiter = next((d for d in (",", "\t", ";") if d in first), None)
    if delimiter is None and first:
        raise DataError(f"{name} has one column", f"its first line is: {first.strip()}",
                        "it has two or more: a picture, and what is on it:  cats/1.jpg,cat")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter or ",", strict=True)
    try:
        return [(reader.line_num, [c.strip() for c in cells]) for cells in reader if any(c.strip() for c in cells)]
    except csv.Error as e:
        raise DataError(f"{name}, line {reader.line_num}: it cannot be read as CSV", str(e)) from None


def targets(table: Table, wants: str | None) -> Targets:
    """What the columns behind the first say. `wants` is what the losses read, as Request has it.

    Several columns are a label each where they hold 0 and 1 alone, else numbers. One column holds names of classes, or
    several labels with semicolons between them, or numbers; where nobody says what is wanted, numbers are those of classes
    if every one from 0 on occurs.

    Errors, with the line: a cell that is no number among numbers, or not finite; no class, or several where one is wanted.
    """
    if len(table.cells[0]) > 1:
        return _columns(table, wants)
    column = [c[0] for c in table.cells]
    several = any(";" in c for c in column)
    numeric = all(NUMBER.fullmatch(c) for c in column)
    if wants == "classes" or (wants is None and not several and (not numeric or _counted(column))):
        return _classes(table, column)
    if several or not any(NUMBER.fullmatch(c) for c in column):
        return _labels(column)
    return Targets(np.array([_number(table, k, c) for k, c in enumerate(column)]), (), table.heading)


def _counted(column: Sequence[str]) -> bool:
    """Whether the numbers of a column are 0, 1, 2, ..., each of them there."""
    found = {float(c) for c in column}
    return found == set(range(len(found))) and len(found) > 1


def _classes(table: Table, column: Sequence[str]) -> Targets:
    """Class names in alphabetical order; in that of numbers where they are whole numbers."""
    for k, c in enumerate(column):
        if not c:
            raise table.refuse(k, "there is no class")
        if ";" in c:
            raise table.refuse(k, f"{c} are several labels, and the loss reads one class", hint="loss bce")
    names = sorted(set(column))
    if all(re.fullmatch(r"-?\d{1,18}", n, re.ASCII) for n in names):
        names.sort(key=int)
    return Targets(_numbered(column, {n: k for k, n in enumerate(names)}), tuple(names))


def _numbered(column: Sequence[str], numbers: Mapping[str, int]) -> Array:
    return np.array([numbers[c] for c in column], np.int64)


def _labels(column: Sequence[str]) -> Targets:
    """Several labels a line, a column of 0 and 1 for each, in alphabetical order."""
    cut = [{label for c in cell.split(";") if (label := c.strip())} for cell in column]
    names = sorted(set().union(*cut))
    numbers = {n: k for k, n in enumerate(names)}
    y = np.zeros((len(cut), len(names)))
    for row, labels in zip(y, cut):
        row[[numbers[n] for n in labels]] = 1
    return Targets(y, tuple(names))


def _columns(table: Table, wants: str | None) -> Targets:
    y = np.array([[_number(table, k, c, j) for j, c in enumerate(cells)] for k, cells in enumerate(table.cells)])
    if not ((y == 0) | (y == 1)).all():
        return Targets(y, (), table.heading)
    if wants != "classes":
        return Targets(y, table.heading)
    for k in np.flatnonzero(y.sum(1) != 1)[:1]:
        raise table.refuse(int(k), f"{int(y[k].sum())} labels, and the loss reads one class", hint="loss bce")
    return Targets(y.argmax(1).astype(np.int64), table.heading)


def _number(table: Table, k: int, cell: str, column: int = 0) -> float:
    found = float(cell) if NUMBER.fullmatch(cell) else float("nan")
    if abs(found) <= LARGEST:
        return found
    where = f"column {table.heading[column] if table.heading else column + 2}"
    raise table.refuse(k, f"{cell or 'nothing'} is no number" if found != found else f"{cell} is too large", where)
