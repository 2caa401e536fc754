"""The means of the rules in this folder: the tokens of a line between brackets, and the line with some of them changed."""

from __future__ import annotations

from ...diagnostics import near
from ..lexer import CLOSE, OPEN, Token
from ..refused import Context, Finding

Edit = tuple[int, int, str]  # columns from and to (exclusive), and what stands there instead
NUMBERS = ("INT", "FLOAT", "DIMS")
CONDITIONAL = ("IF", "ELIF", "SHORTCUT")


def read_as(c: Context, code: str, title: str, label: str, text: str | None, hint: str | None = None,
            at: Token | None = None) -> Finding:
    """A mistake, and the line as it was meant; `hint` is said where that is not known."""
    if text is not None:
        text = text.rstrip()
    return Finding(c.diagnostic(code, title, label, text.strip() if text else hint, at), text=text or None)


def edited(c: Context, edits: list[Edit]) -> str | None:
    """The line with these changes."""
    if not c.single or not edits:
        return None
    out, text = "", c.written[: max(t.end for t in c.line.tokens) - 1]
    at = 1
    for start, end, new in sorted(edits):
        out += text[at - 1 : start - 1] + new
        at = end
    return out + text[at - 1 :]


def closing(tokens: list[Token], k: int) -> int | None:
    """The index of the bracket that closes the one at k."""
    depth = 0
    for j in range(k, len(tokens)):
        depth += (tokens[j].type in OPEN) - (tokens[j].type in CLOSE)
        if depth == 0:
            return j
    return None


def level(tokens: list[Token], first: int, last: int) -> list[Token]:
    """The tokens between two indices that stand in no bracket of their own."""
    out, depth = [], 0
    for t in tokens[first:last]:
        depth -= t.type in CLOSE
        if depth == 0 and t.type not in OPEN and t.type not in CLOSE:
            out.append(t)
        depth += t.type in OPEN
    return out


def slip(word: str, words: tuple[str, ...]) -> str | None:
    """The word of the language that was meant, where the one written is long enough to tell."""
    return near(word, words) if len(word) > 2 else None


def adjacent(a: Token, b: Token) -> bool:
    return a.end == b.column and a.line == b.line


def with_colon(c: Context, k: int) -> str | None:
    """The line with a colon before its k-th token."""
    at = c.line.tokens[k - 1]
    return edited(c, [(at.end, at.end, ":")])


def with_comma(c: Context) -> str | None:
    """The line with a comma before the token that does not fit."""
    return edited(c, [(c.before.end, c.before.end, ",")]) if c.before is not None else None


def with_blank(c: Context) -> str | None:
    """The line with a blank instead of the token that does not fit."""
    return edited(c, [(c.token.column, c.token.end, " ")])
