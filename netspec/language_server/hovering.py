"""What a word is: the page that `netspec explain` has of it, with the numbers of its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..diagnostics import NetspecError
from ..plain import shown
from ..views.words.explain import explain_word
from ..views.words.vocabulary import vocabulary_page
from .names import Page
from .numbers import Run, listed
from .text import Place, Text

NODES = ("label", "input", "output")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Hover:
    """Markdown, and the word that it is about."""

    text: str
    place: Place


def hover(page: Page, text: Text, line: int, column: int, runs: Mapping[int, Sequence[Run]],
          step: int | None = None) -> Hover | None:
    """What is known of the word at a place, with what its line has made; of a node that is referred to, with what that has made.
    `step` is the line of one that is referred to by its kind and number."""
    bare = code_of(text.line(line))
    m = next((m for m in _WORD.finditer(bare) if m.start() < column <= m.end() + 1), None)
    if m is None or column > len(bare) + 1:
        return None
    place = Place(line, m.start() + 1, line, m.end() + 1)
    parts = []
    occurrence = page.at(line, column)
    if occurrence is not None and occurrence.place.line == line:
        place = occurrence.place
        _, named = occurrence.meant.found[0]
        where = occurrence.meant.places[0]
        there = "" if occurrence.meant.page is page else f" in {occurrence.meant.page.where}"
        parts.append(fenced(named.text or f"{named.sort} {named.name}", "net"))
        parts.append(f"{named.sort}, line {where.line}{there}")
        if occurrence.meant.page is page and named.sort in NODES:
            line = where.line
    made = runs.get(step or line, ())
    if step is not None:
        parts.append(fenced(text.line(step).strip(), "net"))
        parts.append(f"line {step}")
    if made:
        parts.append("\n".join(f"- {shown(fact)}" for fact in listed(made)))
    if occurrence is None and step is None:
        parts += [fenced(about.rstrip()) for about in pages(m[0], _trains(page, line))]
    return Hover("\n\n".join(parts), place) if parts else None


def pages(word: str, training: bool = False) -> list[str]:
    """What `netspec explain` has of a word. In a train section the language's own words come first."""
    try:
        found = [p for p in (explain_word(word), vocabulary_page(word)) if p]
    except NetspecError:  # a word of a user's whose file is broken
        return []
    return found[::-1] if training else found


def _trains(page: Page, line: int) -> bool:
    at = page.piece_at(line)
    return at is not None and at[1].trains is not None


def fenced(text: str, language: str = "text") -> str:
    """Text as it stands, in Markdown."""
    return f"```{language}\n{shown(text, lines=True).replace('```', '` ` `')}\n```"


def code_of(line: str) -> str:
    """A line without its comment; what stands in quotes is none."""
    quoted = False
    for k, c in enumerate(line):
        if c == '"':
            quoted = not quoted
        elif c == "#" and not quoted:
            return line[:k]
    return line
