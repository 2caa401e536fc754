"""A page cut at what it defines, each piece parsed by itself.

Who writes changes one block or net at a time. The others stay the trees they are, so that the names and the outline of a page of
thousands of lines are at hand right after each key, and a piece that cannot be read spoils no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from ..limits import SPEC_BYTES
from ..source import Source
from ..syntax import tree
from ..syntax.formatter import Printed, printed, text_of
from ..syntax.parser import parse_recovering
from .scopes import Names, joined, names_of, names_of_body
from .text import Place, Text

_HEAD = re.compile(r"(?:import|block|net|train|default)\b|[A-Za-z_]\w*\s*=(?!=)")

_OPEN = re.compile(r"(?:block|net)\b[^#]*:\s*(?:#.*)?$")
_BEGINS = re.compile(r"(?!->|\||\)|\]|else\b|elif\b|shortcut\b)\S")
LONG, PART = 150, 40  # lines of a piece that is read in parts, and of a part at least
_BODY = re.compile(r"(?:block|train)\b|net\s+\w+\s*(?:\(.*\))?\s*:")


@dataclass(frozen=True, eq=False)
class Content:
    """The text of a piece, parsed. Its lines count from 1. `parts`, by their text, are those of the long piece it was before. The
    text of a part is not `cut` again."""

    text: str
    parts: dict[str, list[Part]] = field(default_factory=dict)
    whole: bool = True

    @cached_property
    def parsed(self) -> tuple[tree.Module, bool]:
        """Its tree, and whether all of it could be read."""
        module, mistakes = parse_recovering(Source("<piece>", self.text))
        return module, not mistakes

    @property
    def module(self) -> tree.Module:
        return self.parsed[0]

    @cached_property
    def item(self) -> tree.TopLevel | None:
        """What it defines; None where nothing could be read."""
        return next((i for i in self.module.items if not isinstance(i, tree.Hole)), None)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def names(self) -> Names:
        return joined(self.cut[0].content.names, [p.names for p in self.cut[1:]]) if self.cut else names_of(self.item)

    @cached_property
    def cut(self) -> list[Part]:
        """A long definition in parts, its head first; those that are known are not read again. Nothing where its body does not
        stand below its head. No part begins below a comment, which may be of either."""
        lines = self.lines
        code = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
        if not self.whole or len(lines) <= LONG or len(code) < 2 or not _OPEN.match(lines[code[0]]):
            return []
        first = code[1]
        indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
        starts = [first]
        for before, k in pairwise(code[1:]):
            if (k - starts[-1] >= PART and lines[k].startswith(indent) and _BEGINS.match(lines[k], len(indent))
                    and not any(line.strip() for line in lines[before + 1 : k])):
                starts.append(k)
        return [self._part(0, [*lines[:first], f"{indent}skip"]),
                *(self._part(a - 1, ["net a:", *lines[a:b]]) for a, b in zip(starts, [*starts[1:], len(lines)]))]

    def _part(self, before: int, lines: list[str]) -> Part:
        text = "\n".join(lines)
        known = self.parts.get(text, [])
        return next((p for p in known if p.before == before), None) or Part(
            before, known[0].content if known else Content(text, whole=False))

    def known(self) -> Iterator[Part]:
        """The parts that it was cut into; those it would have been where nobody asked."""
        if "cut" in self.__dict__:
            yield from self.cut
        else:
            for same in self.parts.values():
                yield from same

    def read(self) -> Iterator[None]:
        """Read it, a part at a time."""
        for part in self.cut:
            _ = part.names
            yield
        _ = self.names
        yield

    @cached_property
    def printed(self) -> Printed | None:
        """Its lines in canonical form, before neighbours are aligned; None where one cannot be read."""
        parts = [part.content.printed for part in self.cut]
        if not parts or None in parts:
            return printed(self.module) if self.parsed[1] else None
        out: Printed = []
        for k, (part, lines) in enumerate(zip(self.cut, parts)):
            if k == 0:
                out += (lines or [])[:-1]
                continue
            if k > 1 and not self.lines[part.before].strip():  # a blank line in front stays
                out.append(("", None))
            out += (lines or [])[1:]
        return out

    @cached_property
    def formatted(self) -> str | None:
        """Its text in canonical form; None where it cannot be read."""
        return None if self.printed is None else text_of(self.printed)

    @property
    def large(self) -> bool:
        """Whether the canonical form has a blank line around it."""
        return isinstance(self.item, (tree.Definition, tree.Train))


@dataclass(frozen=True, eq=False)
class Part:
    """Some lines of the body of a long piece, below a head for them; `before` it so many of its lines."""

    before: int
    content: Content

    @cached_property
    def names(self) -> Names:
        return names_of_body(self.content.item, self.before)


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a page, `before` it so many lines. Its code begins at its line `head`, and `length` leaves out blank lines and
    comments below it."""

    content: Content
    before: int
    head: int
    length: int

    @property
    def item(self) -> tree.TopLevel | None:
        return self.content.item

    def holds(self, line: int) -> bool:
        """Whether a line is one of the piece, or stands below it before the next."""
        return self.before < line <= self.before + len(self.content.lines)

    def says(self, place: Place, name: str) -> bool:
        """Whether a name stands at a place of the piece. A line that was read as it was meant has its words elsewhere."""
        lines = self.content.lines
        written = lines[place.line - 1][place.column - 1 : place.end_column - 1] if place.line <= len(lines) else ""
        return written in (name, "/", "input", "shortcut")

    def placed(self, place: Place) -> Place:
        """A place of the piece as one of the page."""
        return Place(place.line + self.before, place.column, place.end_line + self.before, place.end_column)


def pieces_of(text: Text, known: tuple[Piece, ...] = ()) -> tuple[Piece, ...]:
    """The pieces of a page. Those of an earlier text are taken where they are the same."""
    if len(text.spec) > SPEC_BYTES:
        return ()  # no spec
    lines = text.lines
    heads: list[int] = []
    last = 0
    for k, line in enumerate(lines):
        if _HEAD.match(line):
            heads.append(_with_comments(lines, k, bool(_BODY.match(lines[last]))))
            last = k
    if not heads or heads[0] > 0:
        heads.insert(0, 0)
    had = {p.content.text: p.content for p in known}
    parts: dict[str, list[Part]] = {}
    for part in (part for p in known for part in p.content.known()):
        parts.setdefault(part.content.text, []).append(part)
    found = []
    for first, end in zip(heads, [*heads[1:], len(lines)]):
        own = lines[first:end]
        joined = "\n".join(own)
        content = had.get(joined)
        if content is None:
            content = had[joined] = Content(joined, parts if len(own) > LONG else {})
        code = [k for k, line in enumerate(own, 1) if line.strip() and not line.lstrip().startswith("#")]
        found.append(Piece(content, first, code[0] if code else 1, code[-1] if code else 0))
    return tuple(found)


def _with_comments(lines: list[str], head: int, below_a_body: bool) -> int:
    """Where a piece begins: at its head, or at the comments above it. Those that are indented below a body belong to that."""
    first, k = head, head - 1
    while k >= 0 and (not lines[k].strip() or lines[k].lstrip().startswith("#")):
        if lines[k].startswith("#") or (lines[k].strip() and not below_a_body):
            first = k
        k -= 1
    return first


def formatted(pieces: tuple[Piece, ...], known: dict[str, Content]) -> list[str] | None:
    """The lines of a page in canonical form, each piece by itself; None where one cannot be read. Small pieces in a row, whose
    lines may be aligned, are one: `known` keeps these from time to time."""
    runs: list[list[Piece]] = []
    for p in pieces:
        if runs and not p.content.large and not runs[-1][-1].content.large:
            runs[-1].append(p)
        else:
            runs.append([p])
    kept: dict[str, Content] = {}
    out: list[str] = []
    for run in runs:
        content = run[0].content
        if len(run) > 1:
            text = "\n".join(p.content.text for p in run)
            content = kept[text] = known.get(text) or Content(text)
        if content.formatted is None:
            return None
        if content.formatted:
            lines = content.formatted.removesuffix("\n").split("\n")
            tied = out and out[-1].lstrip().startswith("#") and not lines[0].startswith("#")  # as `fmt` has it
            out += [*([""] if out and not tied else []), *lines]
    known.clear()
    known.update(kept)
    return [*out, ""] if out else [""]
