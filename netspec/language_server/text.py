"""The text as it stands in an editor: its lines, places in the editor's units, and edits.

netspec counts lines and columns from 1, a column for each character. Editors count both from 0, and along a line in units of
UTF-16 unless they agree on UTF-8 or whole characters with the server. What ends a line is the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from ..source import Span

BOM = "\ufeff"
COMPARED = 250_000  # pairs of lines, at most, when two texts are compared
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


class Place(NamedTuple):
    """A half-open range, lines and columns counted from 1."""

    line: int
    column: int
    end_line: int
    end_column: int

    def holds(self, line: int, column: int) -> bool:
        """Whether a place is in it, or right behind it, where a cursor may stand."""
        return (self.line, self.column) <= (line, column) <= (self.end_line, self.end_column)


def place_of(span: Span, lines_before: int = 0) -> Place:
    return Place(span.line + lines_before, span.column, span.end_line + lines_before, span.end_column)


class Edit(NamedTuple):
    """New text for a range."""

    place: Place
    text: str


def units(text: str, encoding: str) -> int:
    """How long a text is in the units of an encoding: "utf-8", "utf-16" or "utf-32"."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(c > "\uffff" for c in text)


class Text:
    """A text that does not change; an edit makes another. `spec` is what netspec reads: the same without a byte order mark."""

    def __init__(self, content: str):
        self.content = content
        self.mark = content.startswith(BOM)
        self.spec = content[1:] if self.mark else content

    @cached_property
    def lines(self) -> list[str]:
        """Lines without their ends, at least one."""
        return self.spec.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins in `content`."""
        found = [m.start() for m in _LINE.finditer(self.content)]
        if len(found) > 1 and found[-1] == len(self.content) and self.content[-1] not in "\r\n":
            found.pop()  # the empty match behind the last line
        return found

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    @property
    def newline(self) -> str:
        """What ends its lines."""
        return next((end for end in ("\r\n", "\n", "\r") if end in self.content), "\n")

    # ---------------------------------------------------------------- an editor's units
    def place(self, line: int, character: int, encoding: str) -> tuple[int, int]:
        """The line and column that an editor means; what lies beyond the text is its end, and beyond a line the line's."""
        if line >= len(self.lines):
            return len(self.lines), len(self.lines[-1]) + 1
        line, character = max(0, line), max(0, character)
        text = self.lines[line]
        if self.mark and line == 0:
            character = max(0, character - units(BOM, encoding))
        if encoding == "utf-32" or text.isascii():
            return line + 1, min(character, len(text)) + 1
        column = 0
        for c in text:
            character -= units(c, encoding)
            if character < 0:
                break
            column += 1
        return line + 1, column + 1

    def position(self, line: int, column: int, encoding: str) -> tuple[int, int]:
        """The same for an editor."""
        line = min(max(1, line), len(self.lines))
        text = self.lines[line - 1]
        before = units(text[: column - 1], encoding)
        return line - 1, before + (units(BOM, encoding) if self.mark and line == 1 else 0)

    # ---------------------------------------------------------------- edits
    def offset(self, line: int, column: int) -> int:
        """Where a place is in `content`."""
        return self.starts[line - 1] + (1 if self.mark and line == 1 else 0) + column - 1

    def replaced(self, start: tuple[int, int], end: tuple[int, int], new: str) -> Text:
        """The text with another in a range."""
        a, b = sorted((self.offset(*start), self.offset(*end)))
        return Text(self.content[:a] + new + self.content[b:])

    def with_edits(self, edits: Sequence[Edit]) -> Text:
        """The text after edits that do not overlap. What several insert at one place stands in their order."""
        content = self.content
        for edit in sorted(edits, key=lambda e: e.place)[::-1]:
            a, b = self.offset(*edit.place[:2]), self.offset(*edit.place[2:])
            content = content[:a] + edit.text + content[b:]
        return Text(content)

    def towards(self, lines: Sequence[str]) -> list[Edit]:
        """What makes these lines of the text: one edit for each run of lines that differ."""
        old, edits = self.lines, []
        for a, b, c, d in _changes(old, lines):
            if b - a == d - c:
                edits += [_within(k + 1, old[k], now) for k, now in zip(range(a, b), lines[c:d]) if old[k] != now]
                continue
            new = self.newline.join(lines[c:d])
            if b < len(old):  # whole lines, with their ends
                place = Place(a + 1, 1, b + 1, 1)
                new += self.newline if d > c else ""
            elif a > 0:  # the last ones, with the end of the line before
                place = Place(a, len(old[a - 1]) + 1, len(old), len(old[-1]) + 1)
                new = self.newline + new if d > c else ""
            else:
                place = Place(1, 1, len(old), len(old[-1]) + 1)
            edits.append(Edit(place, new))
        return edits


def same_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many items both begin with, and how many of the others they end with."""
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first, last


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where two texts differ: lines from and up to, of both. Where too much does, all of that is one change."""
    first, last = same_ends(old, new)
    between, now = old[first : len(old) - last], new[first : len(new) - last]
    if len(between) * len(now) > COMPARED or len(between) == len(now):
        if between or now:
            yield first, len(old) - last, first, len(new) - last
        return
    for tag, a, b, c, d in SequenceMatcher(None, between, now, autojunk=False).get_opcodes():
        if tag != "equal":
            yield first + a, first + b, first + c, first + d


def _within(number: int, old: str, new: str) -> Edit:
    """What makes one line of another: the part that differs."""
    first, last = same_ends(old, new)
    return Edit(Place(number, first + 1, number, len(old) - last + 1), new[first : len(new) - last])


def moved_lines(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """For each line of the old text that is still there as it was, its number in the new one. What stands before and after all
    that was changed is quickly told; only between are lines compared one with another."""
    first, last = same_ends(old, new)
    kept = {k: k for k in range(1, first + 1)}
    kept |= {len(old) - k: len(new) - k for k in range(last)}
    between, now = list(old[first : len(old) - last]), list(new[first : len(new) - last])
    if len(between) * len(now) <= COMPARED:
        for a, b, size in SequenceMatcher(None, between, now, autojunk=False).get_matching_blocks():
            kept |= {first + a + k + 1: first + b + k + 1 for k in range(size)}
    return kept
