"""What was found wrong, each finding with the way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...diagnostics import Advice, Diagnostic, Label, Severity
from ...limits import MISTAKES
from ...source import Span
from .mistakes import Fatal, Mistake, Silent
from .way import Call, Way

GROWING = 8  # calls of one block inside each other, after which a number that became too large grew from call to call


class Findings:
    """The findings of one elaboration, in the order in which they were made."""

    def __init__(self, way: Way):
        self.way = way
        self.all: list[Diagnostic] = []
        self.site: Span | None = None  # where the net that is run was asked for
        self.muted = 0  # above 0 while a line is read otherwise than it is written: nothing is said of it
        self._calls: list[list[Call]] = []  # around each finding that was reported here: the last ones of `all`
        self._said: set[tuple[str, Span | None]] = set()
        self._mistakes = 0

    @property
    def mistakes(self) -> list[Diagnostic]:
        return [d for d in self.all if d.severity == "error"]

    def report(self, d: Diagnostic) -> None:
        """Keep a finding. Raises Fatal after too many mistakes, and where a recursion without an end shows."""
        if self.muted:
            return
        at = (d.code, d.span)
        if d.severity != "error":
            if at in self._said:
                return  # once a line, however often a block is called
            self._said.add(at)
        if d.code == "too-large" and self.way.calls:
            call = self.way.calls[-1]
            if self.way.depth(call.name) > GROWING:
                self.forget(call.name)
                raise self.fatal("endless-recursion", f"`{call.name}` calls itself without end", call.span,
                                 f"{len(self.way.calls)} levels deep, and its numbers keep growing",
                                 Advice("guard the inner call with  if depth > 0:"))
        site = self.way.spans[-1] if self.way.spans else self.site
        if site is not None and d.severity == "error" and d.span is not None and d.span.source != site.source:
            d = replace(d, labels=(Label(site, "as it is used here"), *d.labels))  # it stands in an imported file
        self.all.append(d if d.trail else replace(d, trail=self.way.trail()))
        self._calls.append(self.way.calls[:])
        self._mistakes += d.severity == "error"
        if self._mistakes == MISTAKES:
            raise self.fatal("too-many-mistakes", f"{MISTAKES} mistakes: the rest was not looked at", d.labels[0].span)

    def say(self, severity: Severity, code: str, title: str, span: Span, label: str = "", notes: tuple[str, ...] = (),
            hint: str | None = None) -> None:
        """Report something of one place."""
        self.report(Diagnostic(code, title, (Label(span, label),), notes, hint, severity))

    def fatal(self, code: str, title: str, span: Span, label: str = "", hint: str | None = None) -> Fatal:
        """A mistake that ends the elaboration, with the way in as it is now."""
        made = Fatal(code, title, span, label, hint=hint)
        made.diagnostic = replace(made.diagnostic, trail=self.way.trail())
        return made

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Report a mistake and go on behind it."""
        try:
            yield
        except Fatal:
            raise
        except Mistake as m:
            self.report(m.diagnostic)
        except Silent:
            pass

    def forget(self, name: str) -> None:
        """Of an endless recursion, what went wrong further down is no mistake of its own."""
        before = len(self.all) - len(self._calls)
        kept = [(d, calls) for d, calls in zip(self.all[before:], self._calls) if sum(c.name == name for c in calls) < 2]
        self.all[before:] = [d for d, _ in kept]
        self._calls = [calls for _, calls in kept]

    def of_another_use(self, since: int, span: Span) -> None:
        """What was found since, while steps were run again: what their first use has said already stays as it is (and is told
        once, see `in_order`), and the rest is shown at the line that runs them again."""
        known = {(d.code, d.title, d.span) for d in self.all[:since]}
        for k, d in enumerate(self.all[since:], since):
            if (d.code, d.title, d.span) not in known and d.severity == "error" and d.span is not None and d.span != span:
                self.all[k] = replace(d, labels=(Label(span, d.labels[0].text), Label(d.span, "what is run again"),
                                                 *d.labels[1:]))

    def keep(self, since: int, kept: list[Diagnostic]) -> None:
        """Put these in the place of what was found since; they stand for every call."""
        self.all[since:] = kept
        self._calls.clear()
