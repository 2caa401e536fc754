"""Hints as edits. A hint is code that can be pasted; where it belongs is found by trying: an edit is offered where the text after
it no longer has the mistake, and none that it had not before.

What is tried is checked with what it touches alone: the piece it stands in, what that calls, what calls it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from ..diagnostics import Diagnostic
from ..source import Source
from ..syntax.load import unsaved
from .findings import findings
from .hovering import code_of
from .names import Page
from .pieces import Piece
from .text import Edit, Text

PATIENCE = 3.0  # seconds after which nothing more is tried
SURE = 300  # lines that are checked before a name is changed; of more the names alone are looked at
CALLERS = 3  # nets that call a piece and are checked with it
LONGEST = 72  # letters of a title


@dataclass(frozen=True)
class Mending:
    """A title for a menu, and the edits."""

    title: str
    edits: tuple[Edit, ...]


def mendings(text: Text, page: Page, source: Source, d: Diagnostic, known: Sequence[Diagnostic] | None = None) -> list[Mending]:
    """What puts a mistake right, one for each thing that its hint says. `known` is all that is wrong with the text, where that
    was looked for already."""
    if d.hint is None or d.span is None or d.span.source.name != source.name:  # what another file has is mended there
        return []
    tried = _Trial(text, page, source, d, known)
    out = []
    for code, caret in codes(d.hint):
        lines = tried.mended(code, caret)
        if lines is not None:
            out.append(Mending(_title(code, caret), tuple(text.towards(lines))))
    return out


def broken_by(edits: Sequence[Edit], text: Text, page: Page, source: Source,
              standing: Sequence[Mapping[str, str]] = ({}, {})) -> Diagnostic | None:
    """A mistake that edits would make, of those that can be told where they stand; None where they make none. `standing` are
    the texts of other pages, before their own edits and after."""
    lines = {e.place.line for e in edits}
    own = {id(at[0]): line for line in lines if (at := page.piece_at(line)) is not None}
    touched = {id(p): p for line in own.values() for p in related(page, line)}.values()
    if sum(len(p.content.lines) for p in touched) > SURE:
        return None
    shown = [any(p.holds(k) for p in touched) for k in range(1, len(text.lines) + 1)]
    found = []
    for now, others in zip((text.lines, text.with_edits(edits).lines), standing):
        kept = "\n".join(line if there else "" for line, there in zip(now, shown))
        with unsaved(others):
            found.append([d for d in findings(Source(source.name, kept, source.folder), files=False).found if d.severity == "error"])
    more = Counter(d.code for d in found[1]) - Counter(d.code for d in found[0])
    return next((d for d in found[1] if d.code in more), None)


def codes(hint: str) -> Iterator[tuple[str, bool]]:
    """What a hint says to write, and whether it stands for what the caret marks and for nothing else."""
    meant = re.fullmatch(r'did you mean (?:`(.+)`|(".+")|(\S.*))\?', hint)
    if meant:
        yield next(filter(None, meant.groups())), True
        return
    lead, _, rest = hint.partition("\n")
    if rest:
        yield rest if lead.endswith(":") and lead.count(" ") > 2 else hint, False
        return
    for part in re.split(r" {3}or {3}", hint):
        words, blank, code = part.partition("  ")
        yield code if blank and words.endswith(":") else words, False


def _title(code: str, caret: bool) -> str:
    first = code.split("\n")[0].strip()
    first = first if len(first) <= LONGEST else first[: LONGEST - 1] + "…"
    return f"Change to `{first}`" if caret else f"Write `{first}`"


class _Trial:
    """A mistake, and the part of the text that shows it."""

    def __init__(self, text: Text, page: Page, source: Source, d: Diagnostic, known: Sequence[Diagnostic] | None):
        self.source, self.d = source, d
        self.whole = list(text.lines)
        touched = related(page, d.span.line if d.span is not None else 1)
        self.shown = [any(p.holds(k) for p in touched) for k in range(1, len(self.whole) + 1)]
        self.until = monotonic() + PATIENCE
        self.before = list(known) if known is not None and all(self.shown) else self.found(self.part(self.whole, self.shown))
        if not self.holds(self.before):  # what is wrong is of the whole file
            self.shown = [True] * len(self.whole)
            self.before = list(known) if known is not None else self.found(self.whole)

    def part(self, lines: list[str], shown: list[bool]) -> list[str]:
        return [line if kept else "" for line, kept in zip(lines, shown)]

    def found(self, lines: list[str]) -> list[Diagnostic]:
        source = Source(self.source.name, "\n".join(lines), self.source.folder)
        return list(findings(source, files=self.d.code not in _MADE_OF_TEXT).found)

    def holds(self, found: list[Diagnostic]) -> bool:
        return any((x.code, x.title, x.place) == (self.d.code, self.d.title, self.d.place) for x in found)

    def mended(self, code: str, caret: bool) -> list[str] | None:
        """The lines after the edit that does it, the whole text."""
        line = self.d.span.line if self.d.span is not None else 0
        seen: set[tuple[str, ...]] = set()
        later = None
        for lines, shown in self.pasted(code, caret):
            key = tuple(lines)
            if key in seen or lines == self.whole:
                continue
            if monotonic() > self.until:
                break
            seen.add(key)
            after = self.found(self.part(lines, shown))
            if self.upto(after, line + max(0, len(lines) - len(self.whole))) < self.upto(self.before, line):
                new = _errors(after) - _errors(self.before)
                if not new:
                    return lines
                if later is None and all(x.hint is not None for x in after if (x.code, x.title) in new):
                    later = lines  # what the mistake hid shows, and says how to go on
        return later

    def upto(self, found: list[Diagnostic], line: int) -> int:
        """How often the mistake is there, down to a line."""
        return sum((x.code, x.title) == (self.d.code, self.d.title) and x.span is not None and x.span.line <= line for x in found)

    def pasted(self, code: str, caret: bool) -> Iterator[tuple[list[str], list[bool]]]:
        """The lines with the code in each place that a person would try, the likeliest first; and which of them count."""
        for span in [label.span for label in self.d.labels if label.span.source.name == self.source.name]:
            k = span.line - 1
            line = self.whole[k]
            marked = (span.column - 1, span.end_column - 1 if span.end_line == span.line else len(line))
            until = max(k + 1, span.end_line if span.end_line > span.line else k + 1)
            places: Callable[..., Iterator[tuple[int, int, list[str]]]] = self._words if caret else self._lines
            for first, last, new in places(code, k, until, line, *marked):
                yield ([*self.whole[:first], *new, *self.whole[last:]],
                       [*self.shown[:first], *[True] * len(new), *self.shown[last:]])

    def _words(self, code: str, k: int, until: int, line: str, start: int, end: int) -> Iterator[tuple[int, int, list[str]]]:
        """A word for what the caret marks, or for a word of it."""
        yield k, until, (line[:start] + code + line[end:]).split("\n")
        for m in re.finditer(r"[\w.]+", line[start:end]):
            yield k, k + 1, [line[: start + m.start()] + code + line[start + m.end() :]]

    def _lines(self, code: str, k: int, until: int, line: str, start: int, end: int) -> Iterator[tuple[int, int, list[str]]]:
        """Code for what the caret marks, for the step, for the line; on lines above and below it, at its end, under its body."""
        indent = line[: len(line) - len(line.lstrip())]

        def block(lead: str) -> list[str]:
            return [lead + part if part else part for part in code.split("\n")]

        bare = code_of(line).rstrip()
        rest = "  " + line[len(bare) :].lstrip() if line[len(bare) :].strip() else ""  # a comment
        starts = [m.end() for m in re.finditer(r"^\s*(?:\|\s*)?(?:\w+(?:\[\w+\])?:\s+)?|->\s*", bare)]
        step = max((s for s in starts if s <= start), default=len(indent))
        arrow = bare.find(" ->", start)
        after = bare[arrow:] if arrow >= 0 else ""
        yield k, until, (line[:start] + code + line[end:]).split("\n")
        yield k, k + 1, (bare[:step] + code + after + rest).split("\n")
        yield k, k + 1, block(indent)
        yield k, min(k + code.count("\n") + 1, len(self.whole)), block(indent)
        yield k, k + 1, [f"{bare} {code}{rest}"] if "\n" not in code else [line, *block(indent)]
        if "\n" not in code and after:
            yield k, k + 1, [f"{bare[:arrow]} {code}{after}{rest}"]
        yield k, k + 1, [*block(indent), line]
        yield k, k + 1, [line, *block(indent)]
        yield k, k + 1, [line, *block(indent + "  ")]
        deep = len(indent)
        below = next((j for j in range(k + 1, len(self.whole)) if self.whole[j].strip() and _indented(self.whole[j]) <= deep),
                     len(self.whole))
        yield below, below, block(indent)
        yield 0, 0, code.split("\n")
        yield len(self.whole), len(self.whole), code.split("\n")


_MADE_OF_TEXT = frozenset(("unknown-word", "syntax", "unused", "shape-mismatch", "residual-mismatch", "missing-reference"))
"""What is wrong whatever the files of a train section hold."""


def _indented(line: str) -> int:
    return len(line) - len(line.lstrip())


def _errors(found: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((d.code, d.title) for d in found if d.severity == "error")


def related(page: Page, line: int) -> list[Piece]:
    """The pieces that decide what is found at a line: its own, what it calls, nets that call it, and whatever defines nothing."""
    names = {n.own.name: (p, n) for p, n in page.names if n.own is not None and n.own.sort in ("block", "net")}
    calls = {name: {u.name for u in n.uses if hasattr(u, "name") and u.name in names} - {name} for name, (_, n) in names.items()}
    at = page.piece_at(line)
    own = at[1].trains or (at[1].own.name if at[1].own is not None else "") if at is not None else ""
    if own not in names:
        return list(page.pieces)
    wanted, todo = set(), [own]
    for _ in range(CALLERS):  # the nearest callers, until they are nets
        todo += [name for name, called in calls.items() if called & set(todo)][:CALLERS]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += calls[name]
    return [p for p, n in page.names if (n.own is None or n.own.name not in names or n.own.name in wanted)
            and (n.trains is None or n.trains in wanted)]
