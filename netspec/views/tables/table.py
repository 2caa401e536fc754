"""A table before it is written: columns, lines of text, and what stands above and below. `formats.py` writes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...plain import shown
from ...terminal import abridged, cells, cut, folded

INDENT = "  "


@dataclass(frozen=True)
class Column:
    """One column. Where a page is too narrow, columns with a `least` width are cut, then those that may be `spared` are left
    out, those of the highest number first. Of a name both ends are kept: the first column is one of names."""

    head: str
    align: Literal["left", "right"] = "left"
    least: int | None = None
    spared: int = 0


@dataclass(frozen=True)
class Line:
    """One line: a text for each column, how far the first is set in, and whether it heads the lines below it."""

    cells: tuple[str, ...]
    depth: int = 0
    heading: bool = False


@dataclass(frozen=True, repr=False)
class Table:
    """A table with its title, what stands below it, and what makes the same line by line as plain values, for programs."""

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    below: tuple[str, ...] = ()
    records: Callable[[], Iterable[Mapping[str, Any]]] = tuple

    def __repr__(self) -> str:
        return f"Table of {len(self.lines)} lines: {', '.join(c.head for c in self.columns)}"

    @property
    def filled(self) -> Table:
        """Without the columns that may be spared and say nothing in any line."""
        kept = [k for k, c in enumerate(self.columns) if not c.spared or any(line.cells[k] for line in self.lines)]
        lines = tuple(replace(line, cells=tuple(line.cells[k] for k in kept)) for line in self.lines)
        return replace(self, columns=tuple(self.columns[k] for k in kept), lines=lines)

    def text(self, width: int | None = None) -> str:
        """For a terminal of so many columns; without a number, all of it."""
        table = [tuple(shown(c) for c in (INDENT * line.depth + line.cells[0], *line.cells[1:])) for line in self.lines]
        kept, widths = self._fitted(table, width or sys.maxsize)
        head = self._line([c.head for c in self.columns], kept, widths)
        wide = sum(widths[k] for k in kept) + 2 * len(kept) - 2
        rule = "-" * min(width or wide, wide)
        return "\n".join([*([self.title, ""] if self.title else []), head, rule, *(self._line(row, kept, widths) for row in table),
                          rule, *(folded(shown(text), width) for text in self.below)]) + "\n"

    def _fitted(self, table: Sequence[tuple[str, ...]], width: int) -> tuple[list[int], list[int]]:
        """Which columns are shown, and how wide each is."""
        full = [max(map(cells, (c.head, *(row[k] for row in table)))) for k, c in enumerate(self.columns)]
        told = [k for k, c in enumerate(self.columns) if not c.spared or any(row[k] for row in table)]
        for kept, share in self._stages(told):
            least = [min(n, max(len(c.head), round(c.least * share))) if c.least else n for n, c in zip(full, self.columns)]
            over = sum(full[k] for k in kept) + 2 * len(kept) - 2 - width
            if over <= sum(full[k] - least[k] for k in kept) or share < 1:
                break
        widths = list(full)
        for _ in range(max(0, over)):  # the widest of those that may give way does
            k = max(kept, key=lambda k: (widths[k] > least[k], widths[k]))
            if widths[k] <= least[k]:
                break
            widths[k] -= 1
        return kept, widths

    def _stages(self, kept: list[int]) -> Iterator[tuple[list[int], float]]:
        """Ever less: columns with what part of their least width they may have."""
        yield kept, 1
        for most in sorted({c.spared for c in self.columns if c.spared}, reverse=True):
            kept = [k for k in kept if self.columns[k].spared < most]
            yield kept, 1
        yield kept, 0.4

    def _line(self, row: Sequence[str], kept: Sequence[int], widths: Sequence[int]) -> str:
        out = []
        for k in kept:
            text = (abridged if k == 0 else cut)(row[k], widths[k])
            room = " " * (widths[k] - cells(text))
            out.append(text + room if self.columns[k].align == "left" else room + text)
        return "  ".join(out).rstrip()
