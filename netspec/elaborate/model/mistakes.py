"""How a rule refuses what it is given."""

from __future__ import annotations

import re

from ...diagnostics import Diagnostic, Label
from ...source import Span
from ...words import WordError


class Mistake(Exception):
    """Something is wrong here; whoever catches it adds the way in."""

    def __init__(self, code: str, title: str, span: Span, label: str = "", notes: tuple[str, ...] = (), hint: str | None = None,
                 peers: tuple[Label, ...] = (), meant: str | None = None):
        super().__init__(title)
        self.meant = meant  # the word that was probably to stand here
        self.diagnostic = Diagnostic(code, title, (Label(span, label), *peers), notes, hint)


class Fatal(Mistake):
    """A mistake after which going on could take forever: endless recursion, a limit."""


class Silent(Exception):
    """What is looked at depends on something already reported."""


def refused(e: WordError, span: Span) -> Mistake:
    """A word's own refusal, with where; what could stand for something that it names is put into the step as it is written."""
    line = span.source.line(span.line)
    text = line[span.column - 1 : span.end_column - 1 if span.end_line == span.line else len(line)]
    for written, instead in e.swap:
        if len(found := list(re.finditer(rf"(?<![\w.=]){re.escape(written)}(?![\w.])", text))) == 1:
            return Mistake(e.code, e.message, span, e.label, e.notes, text[: found[0].start()] + instead + text[found[0].end() :])
    return Mistake(e.code, e.message, span, e.label, e.notes, e.hint or None)
