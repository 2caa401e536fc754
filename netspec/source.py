"""Source text and spans: where everything in a spec came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .plain import shown


@dataclass(frozen=True)
class Source:
    """A named spec text. `name` is shown in messages; two sources are equal when both agree.

    `folder` is where imports and weight files of this text are looked for; None for a text that is no file.
    """

    name: str
    text: str = field(repr=False)
    folder: str | None = field(default=None, compare=False)

    @cached_property
    def lines(self) -> list[str]:
        # Only these end a line: str.splitlines also splits at form feeds and Unicode separators, which would shift every
        # line number after one in a comment.
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty past the end."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""


class Span(NamedTuple):
    """A half-open range of a source. Lines and columns count from 1. A named tuple, since a large file makes 10^5."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{shown(self.source.name)}:{self.line}:{self.column}"

    def edited(self, text: str, *also: tuple[Span, str]) -> str:
        """Its line as it would read with `text` in its place (nothing: without it), and so for others on the line."""
        line = self.source.line(self.line)
        for span, new in sorted(((self, text), *also), key=lambda x: -x[0].column):
            end = span.end_column if span.end_line == span.line else len(line) + 1
            before, after = line[: span.column - 1], line[end - 1 :]
            line = before + new + after if new else before.rstrip(" ") + (" " if after[:1] not in ("", " ", ":") else "") + after
        return line.partition("#")[0].strip()

    def to(self, other: Span) -> Span:
        """From the start of this one to the end of the other."""
        return Span(self.source, self.line, self.column, other.end_line, other.end_column)
