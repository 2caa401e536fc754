"""A line that the parser refused, as the rules that explain it see it: its tokens, the one that did not fit, and what was
found out about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import Diagnostic, Label
from ..source import Source, Span
from .lexer import CLOSE, OPEN, Line, Token

STRUCTURE = ("residual", "shortcut", "dense", "each", "frozen", "repeat", "for", "if", "elif", "else", "output")
HEADS = ("import", "block", "net", "train", "default", *STRUCTURE, "input")
RESERVED = (*HEADS, "in", "as", "from", "upto", "and", "or", "not")
TYPES = {w.upper(): w for w in RESERVED}
SIZES = r"(\d+|\?)([Xx](\d+|\?))+"
FRIENDLY = {
    "_NL": "the end of the line", "NAME": "a name", "INT": "a number", "FLOAT": "a number", "DIMS": "sizes such as 3x3",
    "STRING": 'a "text"',
    "ARROW": "->", "COLON": ":", "RPAR": ")", "RSQB": "]", "VBAR": "|", "EQUAL": "=", "AT": "@", "COMMA": ",",
    "STRIDE": "a stride such as /2", "LPAR": "(", "LSQB": "[", "DOT": ".", "RANGE": "..", "_INDENT": "an indented line",
}


@dataclass(frozen=True)
class Context:
    """What a rule may look at."""

    source: Source
    line: Line
    token: Token
    expected: frozenset[str]  # where the token stands
    in_merge: bool  # a branch could begin here
    deeper: bool  # lines are indented under this one
    below: str  # the first of them
    inside: bool  # the line is indented itself
    written: str  # its first line of text

    @property
    def first(self) -> Token:
        return self.line.tokens[0]

    @property
    def bracketed(self) -> bool:
        """Whether a bracket is open before the token that does not fit."""
        depth = 0
        for t in self.line.tokens:
            if t is self.token:
                break
            depth += (t.type in OPEN) - (t.type in CLOSE)
        return depth > 0

    @property
    def second(self) -> Token | None:
        return self.line.tokens[1] if len(self.line.tokens) > 1 else None

    @property
    def before(self) -> Token | None:
        """The token before the one that does not fit."""
        for k, t in enumerate(self.line.tokens):
            if t is self.token:
                return self.line.tokens[k - 1] if k else None
        return self.line.tokens[-1]

    @property
    def text(self) -> str:
        """The line as written, without a comment."""
        end = max(t.end for t in self.line.tokens if t.line == self.first.line)
        return self.written[: end - 1].strip()

    @property
    def single(self) -> bool:
        """Whether the statement is one line of text, so that it can be shown as it was meant."""
        return self.line.tokens[-1].line == self.first.line

    @property
    def at(self) -> int:
        """The index of the token that does not fit."""
        return next((k for k, t in enumerate(self.line.tokens) if t is self.token), len(self.line.tokens))

    def span(self, t: Token) -> Span:
        return Span(self.source, t.line, t.column, t.line, max(t.end, t.column + 1))

    def diagnostic(self, code: str, title: str, label: str = "", hint: str | None = None, at: Token | None = None,
                   notes: tuple[str, ...] = ()) -> Diagnostic:
        same = hint is not None and hint.strip() == self.text.strip()  # a rule that would change nothing has nothing to say
        return Diagnostic(code, title, (Label(self.span(at or self.token), label),), notes=notes, hint=None if same else hint)


@dataclass
class Finding:
    """A mistake, and the tokens the line was probably meant to have."""

    diagnostic: Diagnostic
    meant: tuple[Token, ...] | None = None
    text: str | None = None  # the line as it was probably meant, where that is to be read instead


Result = Diagnostic | Finding | None
