"""Specs written to be wrong in every way, and odd ones that are right: the verdict on each, line by line.

`verdicts/*.txt` hold specs apart by lines `---- TITLE`. A line that an error begins on says so in a comment, `#! CODE ...`
(`#? CODE` for a warning or a note, compared where a spec has one); `#^ CODE` speaks of the line above, where the mistake
would swallow a comment. A spec that begins with a step stands in a net with an input of 3x32x32, one that begins with a
train section behind a net of ten classes.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator

import pytest

from netspec.diagnostics import Diagnostic, render, strict
from netspec.elaborate.check import check_module
from netspec.source import Source
from netspec.syntax.load import specs_folder
from netspec.syntax.parser import parse_recovering
from sweeps import the_first
from where import TESTS

FOLDER = TESTS / "verdicts"
FILES = sorted(p.stem for p in FOLDER.glob("*.txt"))
Marks = set[tuple[int, str]]


def specs(name: str) -> Iterator[tuple[str, str]]:
    """(title, text) of every spec of a file."""
    title = ""
    parts = re.split(r"^----(.*)\n", (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for head, text in zip(parts[::2], parts[1::2]):
        title = head.strip() or title
        if text.startswith("  "):
            text = "net a:\n  input 3x32x32\n" + text
        elif text.startswith("train"):
            text = "net a:\n  input 1x8x8\n  fc 10\n" + text
        yield title, text


def marked(text: str, sign: str) -> Marks:
    out: Marks = set()
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.search(rf"#([{sign}])(.*)", line):
            out |= {(number - (found[1] == "^"), code) for code in found[2].split()}
    return out


@functools.cache  # test_hints.py asks again
def findings(text: str) -> list[Diagnostic]:
    return check_module(*parse_recovering(Source("spec.net", text, str(specs_folder()))))


def places(found: list[Diagnostic], errors: bool) -> Marks:
    return {(d.span.line if d.span else 0, d.code) for d in found if (d.severity == "error") == errors}


@pytest.mark.parametrize("name", the_first(5, FILES))
def test_every_mistake_is_named_at_its_line_and_nothing_else(name: str) -> None:
    wrong = []
    for title, text in specs(name):
        found = findings(text)
        mild = marked(text, "?")
        if places(found, True) != marked(text, "!^") or (mild and places(found, False) != mild):
            wrong.append(f"{title}:\n{text}\n" + "\n".join(map(render, found)))
    assert not wrong, f"{len(wrong)} specs\n\n" + "\n\n".join(wrong[:3])


def test_nothing_is_said_of_what_is_well() -> None:
    wrong = []
    for title, text in specs("quiet"):
        found = [d for d in findings(text) if d.severity != "note"]
        if found:
            wrong.append(f"{title}:\n{text}\n" + "\n".join(map(render, found)))
    assert not wrong, "\n\n".join(wrong)


def together(count: int, seed: int) -> Iterator[str]:
    """Two or three wrong bodies in one net, each on the net's input."""
    rng = random.Random(seed)
    head = "net a:\n  input 3x32x32\n"
    bodies = [text.removeprefix(head) for name in FILES for _, text in specs(name) if text.startswith(head)
              and marked(text, "!^")]
    # what these find depends on their neighbours
    bodies = [b for b in bodies if not re.search(r"@conv3|@later|too-many-steps|^\S", b, re.MULTILINE)]
    for _ in range(count):
        yield head + "".join(f"  @input\n{body}" for body in rng.sample(bodies, rng.choice((2, 3))))


def test_no_mistake_hides_another() -> None:
    planted, hidden = 0, []
    for text in together(300, 0):
        lines = {line for line, _ in places(findings(text), True)}
        planted += len(marked(text, "!^"))
        hidden += [f"line {line}: {code}\n{text}" for line, code in marked(text, "!^") if line not in lines]
    assert planted > 700
    assert len(hidden) <= planted // 200, f"{len(hidden)} of {planted}\n\n" + "\n".join(hidden[:3])


def test_there_are_many_of_both_kinds() -> None:
    every = [text for name in FILES for _, text in specs(name)]
    broken = [text for text in every if marked(text, "!^")]
    assert len(set(every)) == len(every)
    assert len(broken) > 600
    assert len(every) - len(broken) > 120


def test_strict_makes_errors_of_warnings() -> None:
    for _, text in specs("warnings"):
        found = findings(text)
        counted = [d for d in found if d.severity == "warning" or d.code == "lost-pixels"]
        assert sum(d.severity == "error" for d in strict(found)) == len(counted) + sum(d.severity == "error" for d in found)
