"""Lines that are no statements: imports and comments of other languages, marks and sections, foreign words at the left edge."""

from __future__ import annotations

import re

from ...diagnostics import near
from ..refused import Context, Result
from .editing import NUMBERS, adjacent, edited, read_as

LEFT = ("import", "block", "net", "train", "default")  # what a line at the left edge begins with


def imported(c: Context) -> Result:
    """`from vgg import vgg16`, `import vgg.vgg16`."""
    if c.inside or (c.first.type == "IMPORT" and c.second is not None and c.second.type
                    == "FROM") or (c.token.type == "_BAD" and c.token.text.startswith('"')):
        return None  # a text that is never closed has a code of its own
    own = re.fullmatch(r"import\s+(\w[\w, ]*?)\s+(?:\w+\s+)?[\"']?([\w./-]+?)(?:\.net)?[\"']?",
                       c.text) if c.first.type == "IMPORT" else None
    if c.first.type == "IMPORT" and own and own[2] != "from" and "." not in own[1]:
        return read_as(c, "syntax", "an import names what it takes, and the file in quotes", "",
                       f'import {own[1]} from "{own[2]}.net"')
    if c.first.text in ("include", "require", "using", "use") and '"' in c.text:
        return c.diagnostic("outside-net", "an import names what it takes, and the file in quotes", "",
                            'import vgg16 from "vgg.net"')
    names = re.fullmatch(r"\s*(?:from\s+[\"']?([\w./-]+?)(?:\.net)?[\"']?\s+import\s+([\w, ]+)|import\s+(\w+)\.(\w+))\s*", c.text)
    if names is None:
        return None
    file, what = names[1] or names[3], names[2] or names[4]
    return read_as(c, "outside-net" if c.first.type == "FROM" else "syntax",
                   "an import names what it takes, and the file in quotes", "", f'import {what.strip()} from "{file}.net"')


def comment(c: Context) -> Result:
    """`// stem`, `-- stem`, a text by itself."""
    t, tokens = c.token, c.line.tokens
    k = c.at
    following = tokens[k + 1] if k + 1 < len(tokens) else None
    if t is c.first and (t.type == "STRING" or (t.type in ("SLASH", "STRIDE", "MINUS", "SIGN") and following is not None
                                                and following.type in (t.type, "STRIDE", "SIGN", "STAR")
                                                 and adjacent(t, following))):
        words = c.text.strip("/-*\" ") or "..."
        return c.diagnostic("syntax", "a comment begins with `#`", hint=f"# {words}")
    if (c.before is None or c.before.type not in ("SLASH", "STRIDE") or t.type not in ("SLASH", "STRIDE")
            or not adjacent(c.before, t)):
        return None
    left, rest = c.written[: c.before.column - 1], c.written[t.end - 1 :]
    operand = re.match(r"\s*(\([^()]*\)|[\w.]+)", rest)
    of = re.search(r"(\([^()]*\)|[\w.]+(?:\[[^\]]*\])?)\s*$", left)
    if operand is None or of is None or (rest[:1] == " "
                                         and (of[1].isdigit() or (len(rest.split()) > 1 and not operand[1].isdigit()))):
        return read_as(c, "syntax", "a comment begins with `#`", "not with slashes", left, at=c.before)
    if re.fullmatch(r"\d+(?:x\d+)+", of[1]):
        return read_as(c, "syntax", "a stride has one slash", "two", f"{left.rstrip()} /{operand[1]}{rest[operand.end():]}",
                       at=c.before)
    a, b = of[1], operand[1]
    return read_as(c, "syntax", "`//` is not a word of the language: `floor` rounds down", "`/` divides",
                   f"{left[: of.start()]}floor({a}/{b}){rest[operand.end():]}", at=c.before)


def bullet(c: Context) -> Result:
    """`- conv 64 3x3`."""
    if c.token is not c.first or c.token.type not in ("MINUS", "SIGN", "STAR") or c.second is None:
        return None
    return read_as(c, "syntax", "a line begins with its first word", "no mark stands before it",
                   edited(c, [(c.token.column, c.second.column, "| " if c.in_merge else "")]))


def darknet(c: Context) -> Result:
    """`[convolutional]`."""
    if c.token is not c.first or c.token.type != "LSQB":
        return None
    return c.diagnostic("syntax", "a line begins with a word, not with a bracket", "sections in brackets are of another format",
                        hint="conv 64 3x3 relu" if c.inside or "net" not in c.text else "net NAME:\n  input 3x224x224")


def foreign_head(c: Context) -> Result:
    """`def f(n):`, `class a:`, `network a:`."""
    t = c.first
    if (c.inside or t.type != "NAME" or near(t.text,
                                            LEFT) or c.token is not c.second or c.token.type != "NAME" or c.line.tokens[-1].type
                                            != "COLON"):
        return None
    word = "net" if re.match(r"input\b", c.below) else "block"
    return read_as(c, "unknown-word", f"`{t.text}` cannot begin a line at the left edge",
                   "not `net`, `block`, `train`, `import` or `default`",
                    edited(c, [(t.column, t.end, word)]), at=t)


def constant(c: Context) -> Result:
    """`const k = 3`, `k: 3`."""
    t, tokens = c.first, c.line.tokens
    if t.type != "NAME" or len(tokens) < 3:
        return None
    if ([x.type for x in tokens[1:3]] == ["NAME", "EQUAL"]
            and t.text in ("const", "let", "var", "val", "int", "float", "define", "static")):
        return read_as(c, "syntax", "a constant is its name, `=`, and a value", f"without `{t.text}`",
                       edited(c, [(t.column, tokens[1].column, "")]), at=t)
    if not c.inside and tokens[1].type == "COLON" and tokens[2].type in (*NUMBERS, "STRING", "LSQB", "LPAR"):
        return read_as(c, "unknown-word", f"`{t.text}` cannot begin a line at the left edge", "a constant has `=`, not a colon",
                       edited(c, [(t.end, tokens[2].column, " = ")]), at=t)
    return None


def repeated(c: Context) -> Result:
    """`3 * conv 8 3x3`, `repeat(3):`, `repeat i in 3:`."""
    t, tokens = c.token, c.line.tokens
    if (t is c.first and t.type == "INT" and c.second is not None and (c.second.type == "STAR" or c.second.text == "x")
            and len(tokens) > 2):
        return read_as(c, "syntax", "steps are repeated by `repeat`", "a number begins no line",
                       edited(c, [(t.column, tokens[2].column, f"repeat {t.text}: ")]))
    if t is c.first and t.type == "INT" and c.second is not None and c.second.text == "times" and len(tokens) > 3:
        return read_as(c, "syntax", "steps are repeated by `repeat`", "a number begins no line",
                       edited(c, [(t.column, tokens[2].column, f"repeat {t.text}")]))
    if c.first.type != "REPEAT":
        return None
    if t.text == "times" and c.before is not None:
        return read_as(c, "missing-colon", "`repeat` is followed by a number and a colon", "without this word",
                        edited(c, [(c.before.end, t.end, "" if c.written[t.end - 1 : t.end] == ":" else ":")]))
    if t is c.second and t.type == "COLON" and len(tokens) == 3 and tokens[2].type == "INT":
        return read_as(c, "incomplete", "`repeat` is followed by a number and a colon", "",
                       edited(c, [(t.column, tokens[2].end, f" {tokens[2].text}:")]))
    if t is c.second and t.type == "_LP_TIGHT":
        return read_as(c, "syntax", "`repeat` is followed by a blank and a number", "", edited(c, [(t.column, t.column, " ")]))
    if (t.type == "IN" and c.at == 2 and tokens[1].type == "NAME" and len(tokens) > 4
            and (tokens[3].type != "INT" or tokens[4].type != "COLON")):
        return read_as(c, "syntax", "a loop over a list is `for NAME in LIST:`", "`repeat` takes a number",
                       edited(c, [(c.first.column, c.first.end, "for")]))
    if t.type == "IN" and c.at == 2 and tokens[1].type == "NAME" and len(tokens) > 4:
        return read_as(c, "syntax", "a repeat is `repeat TIMES as NAME:`", "",
                        edited(c,
                               [(tokens[1].column, tokens[3].column, ""),
                                (tokens[3].end, tokens[3].end, f" as {tokens[1].text}")]))
    return None
