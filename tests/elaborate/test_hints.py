"""Every hint can be pasted, and what it is pasted into is then well.

A hint is code: whole, behind words that end with a colon and two blanks ("write it as the next step:  -> relu"), or before
two blanks and a reason; "   or   " parts two of them. Or it is the word that was meant ("did you mean `relu`?"). What cannot
be pasted is a note. The test does what a person does with it: puts it in place of what
the caret marks, of the step, or of the line, or on a line of its own above or below. One of these must leave a text without
that mistake and without a new one.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from test_verdicts import FILES, findings, specs

from netspec.diagnostics import Advice, Diagnostic, render
from netspec.language_server.mending import codes
from sweeps import the_first
from where import CORPUS

ERRORS = CORPUS / "errors"
COMMANDS = ("--", "net.", "compile(", "fit(")  # what is pasted into a shell or a program
NAME = "spec.net"


def mistakes(found: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((d.code, d.title) for d in found if d.severity == "error")


def indented(line: str) -> int:
    return len(line) - len(line.lstrip())


def pasted(text: str, d: Diagnostic, code: str, caret: bool) -> Iterator[str]:
    """The text with the code in each place that a person would try."""
    lines = text.split("\n")
    for span in [label.span for label in d.labels if label.span.source.name == NAME]:
        k = span.line - 1
        line = lines[k]
        before, after = line[: span.column - 1], line[span.end_column - 1 :] if span.end_line == span.line else ""
        indent = " " * indented(line)

        def whole(*new: str, k: int = k, until: int = k + 1) -> str:
            return "\n".join([*lines[:k], *new, *lines[until:]])

        def block(lead: str) -> list[str]:
            return [lead + part if part else part for part in code.split("\n")]

        yield whole(*(before + code + after).split("\n"), until=max(k + 1, span.end_line if span.end_line > span.line else k + 1))
        marked = line[span.column - 1 : span.end_column - 1]
        if caret:
            for w in re.findall(r"[\w.]+", marked):
                yield whole(before + re.sub(rf"(?<![\w.]){re.escape(w)}(?![\w.])", lambda _: code, marked, count=1) + after)
            continue
        bare = line.partition("#")[0].rstrip()
        starts = [m.end() for m in re.finditer(r"^\s*(?:\|\s*)?(?:\w+(?:\[\w+\])?:\s+)?|->\s*", bare)]
        start = max((s for s in starts if s <= span.column - 1), default=len(indent))
        end = bare.find(" ->", span.column - 1)
        yield whole(*(bare[:start] + code + (bare[end:] if end >= 0 else "")).split("\n"))
        yield whole(*block(indent))
        yield whole(*block(indent), until=k + code.count("\n") + 1)
        yield whole(*block(indent), line)
        yield whole(bare, *block(indent))
        yield whole(bare, *block(indent + "  "))
        yield whole(f"{bare} {code}")
        yield whole(f"{bare[:end] if end >= 0 else bare} {code}{bare[end:] if end >= 0 else ''}")
        below = next((j for j in range(k + 1, len(lines)) if lines[j].strip() and indented(lines[j]) <= indented(line)),
                     len(lines))
        yield "\n".join([*lines[:below], *block(indent), *lines[below:]])  # under the body of this line
    yield "\n".join([*code.split("\n"), *lines])
    yield "\n".join([*lines, *code.split("\n")])


def mended(text: str, d: Diagnostic, code: str, caret: bool, rounds: int = 2) -> bool:
    """Whether some place for the code leaves a text without the mistake and without a new one. What the mistake hid may
    show, if the hints that it brings lead on in the same way."""
    found = findings(text)
    before = mistakes(found)

    def upto(found: list[Diagnostic], line: int) -> int:
        return sum((x.code, x.title) == (d.code, d.title) and x.span is not None and x.span.line <= line for x in found)

    later = []
    for t in dict.fromkeys(pasted(text, d, code, caret)):
        after = findings(t)
        line = d.span.line if d.span is not None else 0
        if upto(after, line + max(0, t.count("\n") - text.count("\n"))) < upto(found, line):
            new = mistakes(after) - before
            if not new:
                return True
            later.append((t, [x for x in after if (x.code, x.title) in new]))
    return rounds > 0 and any(all(x.hint is not None and any(mended(t, x, c, w, rounds - 1) for c, w in codes(x.hint))
                                  for x in shown) for t, shown in later)


def template(d: Diagnostic) -> tuple[str, str]:
    """What two hints of one kind have in common."""
    return d.code, re.sub(r"`[^`]*`|\"[^\"]*\"|@[\w.]+|\d[\dx?]*", "_", d.hint or "")


@functools.cache
def broken(step: int = 1) -> list[tuple[str, str, list[Diagnostic]]]:
    """Titles, texts and errors of both corpora, or of some of each."""
    texts = [(f"{name}: {title}", text) for name in FILES for title, text in specs(name)]
    texts += [(f"errors/{path.name}", path.read_text(encoding="utf-8").partition("\n----\n")[0] + "\n")
              for path in sorted(ERRORS.glob("*.txt"))]
    return [(title, text, [d for d in findings(text) if d.severity == "error"]) for title, text in texts[::step]]


# Hints that cannot do it alone, and why. The list gets shorter.
KNOWN = {
    ("dense-is-fc", "fc conv 8 3x3"): "what follows `dense` is no width, and no width is known",
    ("groups",
     "conv n/2 3x3 /stride groups=250 bn relu"): "a block is called with several widths, and one number does not divide them all",
    ("misleading-label", "else: conv 8 3x3"): "the `if` that it belongs to is not there",
    ("missing-argument", "a node is written with `@`:  add @x @y"): "the nodes that it names are not there",
    ("missing-argument", "net d = cnn act=1"): "a parameter that is handed on says nothing of its kind",
    ("missing-argument", "net vgg6 = vgg [3, 3] b=1"): "a parameter that is handed on says nothing of its kind",
    ("missing-argument", "resnet unit=1 a=1 b=1 c=1 d=1"): "a parameter that is handed on says nothing of its kind",
    ("missing-colon", "block f(n):"): "its body is missing as well",
    ("missing-colon", "net a:"): "its body is missing as well",
    ("missing-colon", "frozen: conv1: conv 8 3x3"): "`conv1` is taken by another step",
    ("missing-colon", "frozen: r.resnet18"): "there is no `r`",
    ("missing-file", 'did you mean "vgg.net"?'): "the net that is found ends in a vector, and a convolution follows",
    ("residual-mismatch",
     "carry the input across with a projection:\nshortcut: conv 24 1x1 /2 linear"): "a block is called with several strides",
    ("shape-mismatch", "expect 1x31x31"): "the loss compares the output with the input, whose size is another",
    ("shape-mismatch", "reshape 8192"): "convolutions follow, and the sizes of a plane are not known",
    ("syntax", "Flatten"): "what is written so in another language is left out here",
    ("syntax", "conv1: nn.conv 3 8 3"): "a module of another language stands before the name",
    ("syntax", "nn.ReLU"): "a module of another language stands before the name",
    ("syntax", "if n > 2:\n    m = 4"): "a constant holds in its own body, and another line reads it",
    ("syntax", "lambda x=x"): "there are no functions",
    ("unknown-word",
     "@conv1   or   to run its steps again:  reuse @conv1"): "a name without a label has steps that cannot run again",
    ("unknown-word", "in .net this is called:  concat"): "layers are named here, and not counted backwards",
    ("wrong-argument", "to join the two:  add @input"): "the two have different numbers of axes",
}


def failing(each: int, step: int) -> Iterator[tuple[str, str, Diagnostic, str]]:
    """Of every kind of hint the first few that do not do what they promise, in each text or in some of them."""
    seen: Counter[tuple[str, str]] = Counter()
    for title, text, errors in broken(step):
        for d in errors:
            if d.hint is not None and seen[template(d)] < each:
                seen[template(d)] += 1
                for code, caret in codes(d.hint):
                    if not code.startswith(COMMANDS) and not mended(text, d, code, caret):
                        yield title, text, d, code


@pytest.mark.parametrize(("each", "step"), the_first(1, [(1, 4), (1, 1), (2, 1)]))
def test_every_hint_can_be_pasted_and_leads_to_a_net_that_checks(each: int, step: int) -> None:
    failed = list(failing(each, step))
    wrong = [(title, text, d, code) for title, text, d, code in failed if (d.code, d.hint) not in KNOWN]
    assert not wrong, f"{len(wrong)} hints\n\n" + "\n\n".join(f"{title}: {code!r}\n{text}\n{render(d)}"
                                                              for title, text, d, code in wrong[:3])
    assert each == 1 or {(d.code, d.hint) for _, _, d, _ in failed} == set(KNOWN), "what is mended leaves the list"


def test_the_hints_of_warnings_as_well() -> None:
    seen: set[tuple[str, str]] = set()
    for _, text in [x for name in FILES for x in specs(name)]:
        found = findings(text)
        for d in found:
            if d.severity == "warning" and d.hint is not None and template(d) not in seen:
                seen.add(template(d))
                tried = [findings(t) for code, caret in codes(d.hint) for t in pasted(text, d, code, caret)]
                assert any(sum((x.code, x.title) == (d.code, d.title) for x in after)
                           < sum((x.code, x.title) == (d.code, d.title) for x in found)
                           for after in tried if not mistakes(after) - mistakes(found)), render(d)
    assert len(seen) > 5


def test_most_mistakes_have_a_hint() -> None:
    every = [d for _, _, errors in broken() for d in errors]
    assert sum(d.hint is not None for d in every) > 0.6 * len(every)


def test_advice_is_no_hint() -> None:
    d = Diagnostic("usage", "no", hint=Advice("do otherwise"), notes=("a fact",))
    assert (d.hint, d.notes, d.as_json()["hint"], d.as_json()["notes"]) == (None, ("a fact", "do otherwise"), None,
                                                                            ["a fact", "do otherwise"])
    assert "hint" not in render(d) and "= do otherwise" in render(d)
