"""The lines and words of a statement that a message points at."""

from __future__ import annotations

from typing import Any

from ...source import Span
from ...syntax import tree


def first_line(s: Any) -> Span:
    """The first line of a statement."""
    return _one_line(s.span)


def last_line(body: Any) -> Span:
    """Where the last step of a body stands."""
    while isinstance(body, (tree.Suite, tree.Steps)):
        body = (body.statements if isinstance(body, tree.Suite) else body.items)[-1]
    return _one_line(body.span)


def _one_line(span: Span) -> Span:
    """The part of a span on its first line."""
    if span.line == span.end_line:
        return span
    return Span(span.source, span.line, span.column, span.line, len(span.source.line(span.line)) + 1)


def keyword(span: Span, word: str) -> Span:
    """The keyword a statement begins with."""
    return Span(span.source, span.line, span.column, span.line, span.column + len(word))
