"""Brackets that are closed otherwise than they were opened, or after a comma, or with nothing in them."""

from __future__ import annotations

from ..lexer import CLOSE, OPEN, Token
from ..refused import Context, Finding, Result
from .editing import edited

_CLOSERS = {"(": ")", "[": "]"}


def closed(c: Context) -> Result:
    """`[8, 16,]`, `(1, 2]`, `pad=()`."""
    t, before = c.token, c.before
    opener = _opener(c) if t.type in CLOSE else None
    if opener is None or before is None:
        return None
    if before is opener:
        return c.diagnostic("missing-value", f"nothing stands in these brackets: {opener.text}{t.text}", "they are empty",
                            at=opener)
    if before.type == "COMMA":
        text = edited(c, [(before.column, before.end, "")])
        found = c.diagnostic("syntax", f"no comma stands before a closing `{t.text}`", "nothing follows it", text.strip() if text
                             else "drop the comma", at=before)
        return Finding(found, tuple(x for x in c.line.tokens if x is not before))
    right = _CLOSERS[opener.text]
    if t.text == right:
        return None
    text = edited(c, [(t.column, t.end, right)])
    found = c.diagnostic("syntax", f"a `{opener.text}` is closed by `{right}`", f"not by `{t.text}`", text.strip() if text
                         else right)
    meant = Token("RPAR" if right == ")" else "RSQB", right, t.line, t.column, t.end)
    return Finding(found, tuple(meant if x is t else x for x in c.line.tokens))


def _opener(c: Context) -> Token | None:
    """The bracket that is still open before the token that does not fit."""
    opened: list[Token] = []
    for x in c.line.tokens[: c.at]:
        if x.type in OPEN:
            opened.append(x)
        elif x.type in CLOSE and opened:
            opened.pop()
    return opened[-1] if opened else None
