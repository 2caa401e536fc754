"""A forgotten `|` is one mistake, however many lines of its merge then stand in the wrong place."""

from __future__ import annotations

import re
from dataclasses import replace

from ..diagnostics import Advice, Diagnostic, Label
from ..source import Source, Span

_HEAD = re.compile(r"\s*(?:\w+:\s*)?(concat|add|sub|mul|max|min|mean)\b[^:#]*:\s*(#.*)?$")


def one_of_a_merge(source: Source, found: list[Diagnostic]) -> list[Diagnostic]:
    """Lines one below the other that all lack their `|` are one finding, with one hint; so are the branches that stand
    outside of a merge only because its first line lacks one, or because they are not indented."""
    out: list[Diagnostic] = []
    heads: set[int] = set()  # lines that open a merge which begins with a line that is no branch
    for d in found:
        if d.span is None or d.code not in ("branch-expected", "branch-outside"):
            out.append(d)
            continue
        last = out[-1] if out else None
        if d.code == "branch-expected" and last is not None and last.span is not None and (last.code, last.title) == (d.code,
                d.title) and _follows(last, d.span):
            out[-1] = replace(last, labels=(*last.labels, Label(d.span, "nor does this")), hint=f"{last.hint}\n{d.hint}"
                              if last.hint and d.hint else last.hint)
            continue
        if d.code == "branch-outside" and last is not None and last.span is not None and last.code == "missing-body" and _under(
            source, last, d.span):
            out[-1] = _indented(source, last, d.span)
            continue
        head = _head(source, d.span.line) if d.code == "branch-outside" else None
        if head is None:
            out.append(d)
        elif head not in heads:
            heads.add(head)
            out = [x for x in out if x.span is None or x.span.line != head or x.code != "branch-expected"]
            first = next(k for k in range(head + 1, d.span.line + 1) if source.line(k).partition("#")[0].strip())
            text = source.line(first).partition("#")[0]
            indent = len(text) - len(text.lstrip())
            name = _HEAD.match(source.line(head))
            out.append(replace(d, code="branch-expected",
                               title=f"`{name[1] if name else 'a merge'}:` opens a merge, and its lines begin with `|`",
                               labels=(Label(Span(source, first, indent + 1, first, len(text.rstrip()) + 1), "no branch"),),
                               notes=(), hint=f"| {text.strip()}"))
    return out


def _follows(last: Diagnostic, span: Span) -> bool:
    before = last.labels[-1].span
    return before.line + 1 == span.line and before.column == span.column


def _under(source: Source, last: Diagnostic, span: Span) -> bool:
    """Whether a branch stands below the head of a merge, and just as far to the left; deeper lines may stand between."""
    assert last.span is not None
    head = source.line(last.span.line)
    between = (source.line(k).partition("#")[0] for k in range(last.labels[-1].span.line + 1, span.line))
    return (_HEAD.match(head) is not None and _deep(head) + 1 == span.column
            and all(not text.strip() or _deep(text) >= span.column for text in between))


def _indented(source: Source, last: Diagnostic, span: Span) -> Diagnostic:
    """The finding about a merge whose branches are not indented, with one branch more."""
    lines = [label.span.line for label in last.labels] + [span.line]
    text = [source.line(k).partition("#")[0].strip() for k in lines]
    name = _HEAD.match(source.line(lines[0]))
    together = lines == list(range(lines[0], span.line + 1))
    return replace(last, title=f"the branches of `{name[1] if name else 'a merge'}:` stand under it, indented",
                   labels=(*last.labels, Label(span, "this is no deeper")), notes=(),
                   hint="\n  ".join(text) if together
                   else Advice("indent the branches, and what is under them, by two more spaces"))


def _deep(text: str) -> int:
    return len(text) - len(text.lstrip())


def _head(source: Source, line: int) -> int | None:
    """The head of the merge that a branch stands in, where the merge begins with a line that is no branch."""
    text = source.line(line)
    indent = len(text) - len(text.lstrip())
    first = line
    for k in range(line - 1, 0, -1):
        above = source.line(k)
        if not above.partition("#")[0].strip():
            continue
        if len(above) - len(above.lstrip()) < indent:
            return k if _HEAD.match(above) and not source.line(first).lstrip().startswith("|") else None
        first = k
    return None
