"""Diagnostics: what is wrong, where, why, and what to do, as values; one renderer, one exception for each sort of mistake.

Whoever finds a mistake makes a `Diagnostic`; nobody prints one but `render`. The texts behind `netspec explain CODE` are
in `catalogue.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

from .cell import coloured, debugged, way_in
from .limits import MESSAGE, UNBROKEN, WARNINGS
from .plain import shown
from .source import Span
from .terminal import cells, columns, folded

Severity = Literal["error", "warning", "note"]


class Label(NamedTuple):
    """Words under a range of the text."""

    span: Span
    text: str = ""


class Advice(str):
    """What to do where no code can be pasted: it stands where a hint would, and is shown as the last note. A hint that is no
    advice is code: whole, behind words that end with a colon and two blanks, or before two blanks and a reason; or it is the
    word that was meant, "did you mean `x`?". `tests/elaborate/test_hints.py` pastes it."""

    __slots__ = ()


@dataclass(frozen=True)
class Diagnostic:
    """One finding. The first label is the culprit, further ones are its peers; `trail` is the way in, innermost first."""

    code: str
    title: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
    severity: Severity = "error"
    trail: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Advice is a note. What a stranger's file puts into a message is shown cut: a word of megabytes says no more than
        its beginning."""
        if isinstance(self.hint, Advice):
            object.__setattr__(self, "notes", (*self.notes, str(self.hint)))
            object.__setattr__(self, "hint", None)
        for part in ("title", "hint"):
            text = getattr(self, part)
            if text is not None and len(text) > UNBROKEN:
                object.__setattr__(self, part, shortened(text))
        for part in ("notes", "trail"):
            if any(len(t) > UNBROKEN for t in getattr(self, part)):
                object.__setattr__(self, part, tuple(map(shortened, getattr(self, part))))
        if any(len(label.text) > UNBROKEN for label in self.labels):
            object.__setattr__(self, "labels", tuple(Label(label.span, shortened(label.text)) for label in self.labels))

    @property
    def span(self) -> Span | None:
        return self.labels[0].span if self.labels else None

    @property
    def place(self) -> tuple[str, int, int]:
        """For sorting in source order."""
        return (self.span.source.name, self.span.line, self.span.column) if self.span else ("", 0, 0)

    def as_json(self, file: str | None = None) -> dict[str, Any]:
        """`file` is named where no line is to blame."""
        s = self.span
        return {
            "file": s.source.name if s else file, "line": s.line if s else None, "column": s.column if s else None,
            "end_line": s.end_line if s else None, "end_column": s.end_column if s else None,
            "severity": self.severity, "code": self.code,
            "message": self.title + (f": {self.labels[0].text}" if self.labels and self.labels[0].text else ""),
            "notes": [*self.notes, *(f"{label.span}: {label.text}" for label in self.labels[1:])],
            "hint": self.hint, "trail": list(self.trail),
        }

    def as_github(self, file: str | None = None) -> str:
        """A workflow command that GitHub shows at the line; at the whole `file` where none is to blame."""
        def escaped(text: str) -> str:
            return "%0A".join(shown(line) for line in text.replace("\r\n", "\n").replace("%", "%25").split("\n"))

        j = self.as_json(file)
        where = ("" if self.span is None
                 else f"line={j['line']},col={j['column']},endLine={j['end_line']},endColumn={j['end_column']},")
        place = ("" if j["file"] is None
                 else f" file={escaped(j['file']).replace(':', '%3A').replace(',', '%2C')},{where}title={self.code}")
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"::{'notice' if self.severity == 'note' else self.severity}{place}::{escaped(j['message'] + hint)}"


def shortened(text: str) -> str:
    """A text with its longest words cut in the middle, and cut itself where it is too long to be read."""
    cut = re.sub(rf"\S{{{UNBROKEN + 1},}}", lambda m: f"{m[0][:UNBROKEN // 2]}...{m[0][-UNBROKEN // 4:]}", text)
    return cut if len(cut) <= MESSAGE else f"{cut[:MESSAGE]}... and {len(cut) - MESSAGE:,} more letters"


LEAST = 24  # columns that a text has, however narrow the terminal
WIDE = 100  # columns of an error in a notebook
_COLOURS = {"error": "\033[1;31m", "warning": "\033[1;33m", "note": "\033[1;36m"}


def render(diagnostic: Diagnostic, color: bool = False, room: int | None = None) -> str:
    """A finding as a person reads it: the line as written, a caret, the facts, and what to do, in lines of at most `room`
    columns; code that can be pasted stays whole. Characters that a terminal would obey or hide are escaped."""
    d = diagnostic

    def paint(style: str, text: str) -> str:
        return f"{style}{text}\033[0m" if color and text else text

    def hanging(lead: str, text: str) -> list[str]:
        first, *rest = folded(text, None if room is None else max(LEAST, room - len(lead))).split("\n")
        return [lead + first, *(" " * len(lead) + line for line in rest)]

    tint = _COLOURS[d.severity]
    head, code = f"{d.severity}: ", f"[{d.code}]"
    title = folded(f"{head}{shown(d.title)} {code}", room)
    out = [paint(tint, d.severity) + paint("\033[1m", title[len(head) - 2 : -len(code) - 1]) + title[-len(code) - 1]
           + paint("\033[2m", code)]
    gutter = max((len(str(label.span.line)) for label in d.labels), default=1)
    bar = " " * gutter + " |"
    for k, label in enumerate(d.labels):
        if k == 0 or label.span.source != d.labels[k - 1].span.source:
            out.append(f"{' ' * gutter}--> {label.span}")
        before, marked, after, many = excerpt(label.span, room and room - gutter - 3)
        out += [bar, f"{label.span.line:>{gutter}} | {before}{marked}{after}".rstrip()]
        mark = f"{bar} {' ' * len(before)}"
        style = tint if k == 0 else "\033[1;34m"
        line = ("^" if k == 0 else "-") * many
        said = shown(label.text)
        if room is None or cells(f"{mark}{line} {said}") <= room:
            out.append(mark + paint(style, f"{line} {said}".rstrip()))
        else:
            out += [mark + paint(style, line), *(paint(style, text) for text in hanging(f"{bar} ", said))]
    lead = " " * gutter + " = "
    for note in d.notes:
        out += hanging(lead, shown(note))
    if d.hint:
        first, *rest = map(shown, d.hint.split("\n"))
        out.append(lead + paint("\033[1;32m", "hint") + f": {first}")
        out += [f"{' ' * gutter}          {line}" for line in rest]
    for way in d.trail:
        out += hanging(lead, shown(way))
    return "\n".join(out)


def excerpt(span: Span, room: int | None = None) -> tuple[str, str, str, int]:
    """The line of a span as a terminal shows it: what is before the span, the span, what is after it, and how many carets mark
    it; of a line with more than `room` characters, or 160, those around the beginning of the span."""
    text = span.source.line(span.line)
    start = min(span.column, len(text) + 1) - 1
    end = span.end_column - 1 if span.end_line == span.line else len(text)
    left, right = 0, len(text)
    most, wide, front = (160, 140, 59) if room is None else (max(LEAST, room), max(LEAST, room) - 6, max(LEAST, room) // 3)
    if right > most:
        left = max(0, start - front)
        right, end = left + wide, min(end, left + wide)
    before, marked, after = (shown(t.replace("\t", " ")) for t in (text[left:start], text[start:end], text[max(start, end) : right]))
    return "..." * (left > 0) + before, marked, after + "..." * (right < len(text)), max(1, len(marked), end - start)


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Source order, each once. What a block does wrong in several calls is one mistake, with the first way in."""
    kept: dict[Any, Diagnostic] = {}
    for d in found:
        kept.setdefault((d.code, d.severity, d.place, d.title) if d.span else d, d)
    files: dict[str, int] = {}
    for d in kept.values():
        files.setdefault(d.place[0], len(files))
    return tuple(sorted(kept.values(), key=lambda d: (files[d.place[0]], *d.place[1:])))


def bounded(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """At most `WARNINGS` of them besides errors, and how many more there were. Errors are counted where they are found."""
    minor = [d for d in found if d.severity != "error"]
    if len(minor) <= WARNINGS:
        return tuple(found)
    kept = set(map(id, minor[:WARNINGS]))
    more = len(minor) - WARNINGS
    said = Diagnostic("too-many-warnings", f"... and {more:,} more warning{'s' if more > 1 else ''}", minor[WARNINGS].labels[:1],
                      (f"{WARNINGS} of a file are shown",), severity="warning")
    return (*(d for d in found if d.severity == "error" or id(d) in kept), said)


def told(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """What is shown to a person. Padding that no window reads harms nobody; `check --strict` wants to know."""
    return tuple(d for d in found if d.severity != "note" or d.code != "lost-pixels")


def strict(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Every warning an error, as `check --strict` wants it. Notes on a file that is not there stay notes."""
    return tuple(replace(d, severity="error") if d.severity == "warning" or d.code == "lost-pixels" else d for d in found)


class NetspecError(Exception):
    """A mistake of the user's, explained. Anything else that reaches the command line is netspec's own bug."""

    def __init__(self, *diagnostics: Diagnostic):
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics

    def at(self, span: Span | None) -> Self:
        """The same, said at a line of the spec where no place is named yet."""
        if span is not None:
            self.diagnostics = tuple(replace(d, labels=(Label(span),)) if not d.labels else d for d in self.diagnostics)
        return self

    def __str__(self) -> str:
        return "\n\n".join(render(d) for d in self.diagnostics)

    def __repr__(self) -> str:
        """One line; `print` shows all that is wrong, and where."""
        first = next(iter(self.diagnostics), None)
        more = f", and {len(self.diagnostics) - 1} more" if len(self.diagnostics) > 1 else ""
        return f"{type(self).__name__}: {shown(first.title)} [{first.code}]{more}" if first else f"{type(self).__name__}()"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback: the user's own lines, then what is wrong, in colours. The lines of
        netspec are for who mends it, with NETSPEC_DEBUG=1."""
        if debugged():
            from traceback import format_exception

            return "".join(format_exception(self)).splitlines()
        color, room = coloured(), columns(sys.stdout) or WIDE
        pages = [render(d, color, room) for d in told(self.diagnostics)] or [repr(self)]
        lines = [shown(line, lines=True) for line in way_in(self)]
        return "\n\n".join(["\n".join(lines)] * bool(lines) + pages).splitlines()


class SpecError(NetspecError):
    """The text of a spec is wrong."""


class MissingFileError(NetspecError):
    """A file that was named is not there, or cannot be read as a spec."""

    def __init__(self, title: str, hint: str | None = None, code: str = "missing-file", notes: tuple[str, ...] = ()):
        super().__init__(Diagnostic(code, title, hint=hint, notes=notes))


def unwritable(path: object, e: OSError | ValueError) -> MissingFileError:
    """A file that could not be written."""
    return MissingFileError(f"{path} cannot be written: {getattr(e, 'strerror', None) or e}", code="unwritable-file")


@contextmanager
def at_line(*spans: Span | None) -> Iterator[None]:
    """What is refused inside is said at the first of these, lines of a spec, where it names none itself."""
    try:
        yield
    except NetspecError as e:
        e.at(next(iter(spans), None))
        raise


class UsageError(NetspecError):
    """netspec was asked for something it cannot do: an unknown net, a parameter of the wrong kind."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str = "usage"):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


def near(word: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant, if one is close enough."""
    best: tuple[int, str] | None = None
    limit = min(2, max(1, len(word) // 3))
    letters = set(word.lower())
    for w in dict.fromkeys(words):
        # Each edit brings in or drops one letter at most, so most words need no closer look.
        if abs(len(w) - len(word)) <= limit and w != word and len(letters.difference(w.lower())) <= limit:
            d = distance(word, w)
            if d <= limit and 2 * d <= max(len(w), len(word)) and (best is None or d < best[0]):  # of `q` nothing is left in `x`
                best = (d, w)
    return best[1] if best else None


def distance(a: str, b: str) -> int:
    """Edits between two words; two neighbours that changed places are one."""
    a, b = a.lower(), b.lower()
    before, row = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, x in enumerate(a):
        new = [i + 1]
        for j, y in enumerate(b):
            best = min(row[j] + (x != y), row[j + 1] + 1, new[j] + 1)
            if i and j and x == b[j - 1] and a[i - 1] == y:
                best = min(best, before[j - 1] + 1)
            new.append(best)
        before, row = row, new
    return row[-1]
