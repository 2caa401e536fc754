"""Text to logical lines of tokens. The terminals are those of grammars/net.lark; what they cannot say is here.

A logical line is one statement, or the head of one. A newline inside brackets or after `|` is white space, and a line
that begins with `->` continues the one above. A bracket that nothing closes ends with its own line, so that one slip
does not swallow the rest of the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..diagnostics import Advice, Diagnostic, Label
from ..interruptions import point
from ..limits import NAME, NESTED, TEXT, TOKENS
from ..source import Source, Span
from .tree import Comment

OPEN = {"LPAR": ")", "_LP_TIGHT": ")", "LSQB": "]", "_LB_TIGHT": "]"}
CLOSE = {"RPAR": ")", "RSQB": "]"}
OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET", "SIGN", "NOT", "AND", "OR", "DOT", "_LB_TIGHT"}
PATIENCE = 3  # unclosed brackets before brackets stop joining lines: keeps reading linear


class Token:
    """What the parser is fed: `type` is a terminal of the grammar."""

    __slots__ = ("column", "end", "line", "text", "type")

    def __init__(self, type: str, text: str, line: int, column: int, end: int):
        self.type, self.text, self.line, self.column, self.end = type, text, line, column, end

    def __repr__(self) -> str:
        return f"{self.type}({self.text!r})"


@dataclass(slots=True)
class Line:
    """A logical line. `indent` is its depth in columns, `last` the number of the last line of the text it covers."""

    indent: int
    number: int
    tokens: list[Token]
    last: int
    faults: list[Diagnostic] = field(default_factory=list)


class Scanner:
    """The terminals of the grammar as one regular expression, and its words."""

    def __init__(self, terminals: Sequence[tuple[str, int, str, str]]):
        self.words: dict[str, str] = {}
        patterns: list[tuple[int, int, str, str]] = []
        for name, priority, kind, text in terminals:
            if kind == "str" and text.isidentifier():
                self.words[text] = name
            elif name not in ("BLANK", "COMMENT"):
                patterns.append((-priority, *((-len(text), name, re.escape(text)) if kind == "str" else (0, name, text))))
        patterns.sort(key=lambda p: (p[0], p[1]))
        names = [p[2] for p in patterns]
        self.types = dict(zip((f"T{i}" for i in range(len(names))), names))
        body = "|".join(f"(?P<T{i}>{p[3]})" for i, p in enumerate(patterns))
        # What no terminal matches is a token all the same, so that the rest of the line is still read: a word that
        # starts with a digit, a text that is not closed, any other character.
        self.match = re.compile(rf"[ \t\f]*(?:(?P<COMMENT>#.*)|{body}|(?P<BAD>\"[^\"]*|[\w?]+|.))?", re.DOTALL).match


def read_lines(source: Source, scanner: Scanner) -> tuple[list[Line], list[Comment]]:
    """Every logical line of a source, and its comments."""
    out: list[Line] = []
    comments: list[Comment] = []
    texts = source.lines
    patience = PATIENCE
    count = 0
    number = 0
    while number < len(texts):
        point()
        text = texts[number]
        number += 1
        stripped = text.lstrip(" \t\f")
        if not stripped:
            continue
        if stripped[0] == "#":
            comments.append(Comment(stripped.rstrip(), number, len(text) - len(stripped) + 1, True))
            continue
        indent = len(text) - len(stripped)
        line = Line(indent, number, [], number)
        if "\t" in text[:indent]:
            line.indent = len(text[:indent].expandtabs(8))
            at = text.index("\t")
            line.faults.append(Diagnostic("tab-indentation", "this line is indented with a tab",
                                          (Label(Span(source, number, at + 1, number, at + 2), "a tab"),),
                                          hint=Advice("indent with two spaces")))
        number, ok = _read(source, scanner, line, number, comments, patience > 0)
        if not ok:
            patience -= 1
        if line.tokens and line.tokens[0].type == "ARROW" and out:
            out[-1].tokens += line.tokens
            out[-1].last = line.last
            out[-1].faults += line.faults
        elif line.tokens:
            out.append(line)
        count += len(line.tokens)
        if count > TOKENS:
            last = out[-1].tokens[-1]
            out[-1].faults.append(Diagnostic("too-long", f"this spec has more than {TOKENS:,} words: the rest was not read",
                                             (Label(Span(source, last.line, last.column, last.line, last.end),
                                                    "limit reached here"),)))
            break
    for line in out:
        if len(line.tokens) > NESTED:
            _limit(source, line)
        if any(len(t.text) > NAME for t in line.tokens):
            _limit_words(source, line)
    return out, comments


def _read(source: Source, scanner: Scanner, line: Line, number: int, comments: list[Comment], join: bool) -> tuple[int, bool]:
    """Read one logical line whose first text line is `number`; gives the last text line read, and whether its brackets
    close."""
    opened: list[Token] = []
    texts = source.lines
    seen = 0  # tokens whose brackets are counted
    kept: tuple[int, int] | None = None  # tokens and comments up to the end of the line with the first open bracket
    while True:
        _scan(scanner, texts[number - 1], number, line.tokens, comments)
        for t in line.tokens[seen:]:
            if t.type in OPEN:
                opened.append(t)
            elif t.type in CLOSE and opened:
                opened.pop()
        seen = len(line.tokens)
        last = number >= len(texts)
        if not opened:
            line.last = number
            if line.tokens and line.tokens[-1].type == "VBAR" and not last and texts[number].strip(
                " \t\f") and _indent(texts[number]) > line.indent:
                number += 1
                continue
            return number, True
        kept = kept or (seen, len(comments))
        if not join or last or _starts_statement(texts[number], line.indent):
            del line.tokens[kept[0] :], comments[kept[1] :]
            line.last = opened[0].line
            t = opened[0]
            line.faults.append(Diagnostic(
                "unclosed-bracket", f"this `{t.text}` is never closed",
                (Label(Span(source, t.line, t.column, t.line, t.end), "opened here"),),
                hint=Advice(f"close it with `{OPEN[t.type]}`")))
            return t.line, False
        number += 1


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t\f"))


def _limit(source: Source, line: Line) -> None:
    """Refuse a line that nests too deeply to be looked at by anyone."""
    depth = run = colons = 0
    for t in line.tokens:
        depth += (t.type in OPEN) - (t.type in CLOSE)
        run = 0 if t.type in ("COMMA", "ARROW") else run + (t.type in OPERATORS)
        colons += t.type == "COLON"
        if max(depth, colons) > NESTED or run > 4 * NESTED:
            line.faults.append(Diagnostic("too-deep", f"this line nests more than {NESTED} deep",
                                          (Label(Span(source, t.line, t.column, t.line, t.end), "limit reached here"),),
                                          hint=Advice("name a part of it on a line of its own")))
            return


def _limit_words(source: Source, line: Line) -> None:
    """Refuse a name, a number or a text that is longer than anyone writes."""
    for t in line.tokens:
        most, what = (TEXT, "text") if t.text[0] == '"' else (NAME, "number" if t.text[0].isdigit() else "word")
        if len(t.text) > most:
            line.faults.append(Diagnostic("too-long",
                                          f"a {what} of {len(t.text):,} {'digits' if what == 'number' else 'letters'}",
                                          (Label(Span(source, t.line, t.column, t.line, t.end), f"the limit is {most:,}"),),
                                          hint=Advice("write 1e9 for a large number") if what == "number" else None))
            return


_STATEMENT = re.compile(
    r"\s*(?:(?:block|net|train|default|import|input|output|repeat|residual|shortcut|dense|each|frozen)\b|\||->|\w+(?:\[\w+\])?:)")


_STEP = re.compile(r"\s*(?!not\b|in\b)[A-Za-z_]\w* +(?!if\b|else\b|and\b|or\b)[\w\"@]")


def _starts_statement(text: str, indent: int) -> bool:
    """No such line can stand inside brackets: a statement's head, or two words side by side that are not indented past
    the line with the bracket."""
    return bool(_STATEMENT.match(text) or (len(text) - len(text.lstrip()) <= indent and _STEP.match(text)))


def scan(scanner: Scanner, text: str, number: int, out: list[Token]) -> None:
    """The tokens of a line that stands nowhere: one put right."""
    _scan(scanner, text, number, out, [])


def _scan(scanner: Scanner, text: str, number: int, out: list[Token], comments: list[Comment]) -> None:
    match, types, words = scanner.match, scanner.types, scanner.words
    at, end = 0, len(text)
    first = True
    while at < end:
        m = match(text, at)
        assert m
        kind = m.lastgroup
        if kind is None:  # blanks up to the end
            return
        start, at = m.span(kind)
        word = text[start:at]
        if kind == "COMMENT":
            comments.append(Comment(word.rstrip(), number, start + 1, first and not text[:start].strip()))
            return
        type_ = types.get(kind, "_BAD")
        if type_ == "NAME" and word in words:
            before = out[-1].type if out else ""
            # After @ and . a name is a name; `input` is one everywhere but at the head of its line.
            if before != "AT" and before != "DOT" and (word != "input" or first or before == "COLON"):
                type_ = words[word]
        out.append(Token(type_, word, number, start + 1, at + 1))
        first = False
