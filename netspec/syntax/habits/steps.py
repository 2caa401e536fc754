"""Steps as other languages write them: arrows, calls, commas and colons, assignments, references, quotes and numbers."""

from __future__ import annotations

import re
from itertools import pairwise

from ..lexer import OPEN, Token
from ..refused import HEADS, Context, Finding, Result
from .editing import CONDITIONAL, NUMBERS, Edit, adjacent, closing, edited, level, read_as, slip
from .names import ALIASES, OPTIONS

_ARROWS = re.compile(r"\s*(?:=+>|--+>|-\s+>|→|⇒|>>|~>|(?<![-=<])>(?!=))\s*")


def arrow(c: Context) -> Result:
    """`conv 64 3x3 > relu`, `=>`, `-->`, `- >`."""
    t, tokens = c.token, c.line.tokens
    if t.text not in (">", "=", "->", "→", "⇒", ">=", "-") or not c.single:
        return None
    start = c.before.column if c.before is not None and c.before.type in ("MINUS", "SIGN", "EQUAL", "CMP") else t.column
    if c.first.type in CONDITIONAL and not any(x.type == "COLON" for x in tokens[: c.at]):
        return None
    if t.type == "CMP" and c.at + 1 < len(tokens) and tokens[c.at + 1].type not in ("NAME", "AT", "CMP"):
        return None
    end = tokens[-1].end - 1
    old = c.written[start - 1 : end]
    new = _ARROWS.sub(" -> ", old).strip()
    if new == old or not _ARROWS.match(old) or new.endswith("->"):
        return None
    return read_as(c, "syntax", "`then` is written `->`", "an arrow of another language", c.written[: start - 1].rstrip() + " "
                   + new)


def call(c: Context) -> Result:
    """`conv(64, 3x3)`, `concat(@a, @b)`."""
    t, before, tokens = c.token, c.before, c.line.tokens
    if (c.inside and c.at > 2 and t.type in (*NUMBERS,
                                            "NAME") and tokens[0].type == "NAME" and tokens[1].type in OPEN and c.bracketed
                                            and before is not None and before.type == "NAME"):
        return _branches(c, tokens[0], tokens[1])
    if t.type not in ("_LP_TIGHT",
                      "LPAR") or before is None or before.type != "NAME" or c.first.type in ("BLOCK", "INPUT") or (not c.inside
                              and c.first.type not in ("NET", "DEFAULT")):
        return None
    k = c.at
    last = closing(tokens, k)
    if last is None:
        return None
    if tokens[k + 1].type == "LSQB" and closing(tokens, k + 1) == last - 1:  # concat([@a, @b])
        inner, edges = level(tokens, k + 2, last - 1), [k, k + 1, last - 1, last]
    else:
        inner, edges = level(tokens, k + 1, last), [k, last]
    words = ("NAME", "STRING", *NUMBERS)
    if any(a.type in words and b.type in words for a, b in pairwise(inner)):
        return _branches(c, before, t)
    edits = [(tokens[j].column, tokens[j].end, "") for j in edges]
    edits[0] = (t.column, t.end, " " if inner else "")
    edits += [_blank(x, tokens) for x in inner if x.type == "COMMA"]
    edits += [(x.column, x.end, here) for x in (before, *inner) for here in (_here(x, tokens),) if here != x.text]
    return read_as(c, "syntax", "the arguments of a step follow its name, without brackets", "a bracket", edited(c, edits))


def _here(name: Token, tokens: list[Token]) -> str:
    """What a layer, or an option before its `=`, is called in this language."""
    following = tokens[tokens.index(name) + 1]
    if name.type == "NAME" and following.type == "EQUAL":
        return OPTIONS.get(name.text.lower(), (name.text,))[0]
    return ALIASES.get(name.text.lower(), name.text) if following.type in OPEN else name.text


def _branches(c: Context, word: Token, bracket: Token) -> Result:
    return c.diagnostic("syntax", "branches stand below the word that joins them", "not in brackets",
                        f"{word.text}:\n  | conv 64 1x1\n  | conv 64 3x3", bracket)


def _blank(comma: Token, tokens: list[Token]) -> Edit:
    following = next((t for t in tokens if t.column >= comma.end), None)
    return comma.column, comma.end, " " if following is not None and adjacent(comma, following) else ""


ONE_EACH = ("augment", "metric", "prepare", "loss", "regularise", "initialise")  # settings that say one thing a line


def commas(c: Context) -> Result:
    """`fc 84, tanh`, `lr=0,1`."""
    t, tokens, k = c.token, c.line.tokens, c.at
    if t.type != "COMMA" or c.bracketed or c.before is None or c.first.type in ("IMPORT", "FOR") or slip(c.first.text, HEADS):
        return None
    following = tokens[k + 1] if k + 1 < len(tokens) else None
    whole = following is not None and c.before.type == following.type == "INT" and adjacent(t, following)
    if whole and c.before.text != "0" and tokens[k - 2].type == "EQUAL":
        last = k + 1
        while last + 2 < len(tokens) and tokens[last + 1].type == "COMMA" and tokens[last + 2].type == "INT":
            last += 2
        return read_as(c, "syntax", "several numbers stand in brackets", "a comma",
                       edited(c, [(c.before.column, c.before.column, "("), (tokens[last].end, tokens[last].end, ")")]))
    if whole and adjacent(c.before, t) and c.before.text != "0" and c.inside:
        return read_as(c, "syntax", "sizes are joined by a small x", "a comma", edited(c, [(t.column, t.end, "x")]))
    if whole and adjacent(c.before, t):
        return read_as(c, "syntax", "decimals begin with a point, and arguments are separated by blanks", "a comma",
                       edited(c, [(t.column, t.end, ".")]))
    if c.first.text == "schedule" and all(x.type in ("INT", "COMMA") for x in tokens[2:]) and len(tokens) > 4:
        return read_as(c, "syntax", "a list stands in brackets", "a comma",
                       edited(c, [(tokens[2].column, tokens[2].column, "["), (tokens[-1].end, tokens[-1].end, "]")]))
    if c.first.text in ONE_EACH and following is not None and following.type == "NAME":
        again = "\n" + " " * (c.first.column - 1) + c.first.text + " "
        text = edited(c, [(x.column, x.end, again) for x in level(tokens, 0, len(tokens)) if x.type == "COMMA"])
        return Finding(c.diagnostic("syntax", "each setting stands on a line of its own", "a comma",
                                    "\n".join(" ".join(part.split()) for part in text.split("\n")) if text else None))
    edits = [(_then if _begins_step(tokens, x) else _blank)(x, tokens) for x in level(tokens, 0, len(tokens)) if x.type
             == "COMMA"]
    if _begins_step(tokens, t):
        return read_as(c, "syntax", "`then` is written `->`", "a comma", edited(c, edits))
    return read_as(c, "syntax", "the arguments of a step are separated by blanks", "a comma", edited(c, edits))


def _begins_step(tokens: list[Token], comma: Token) -> bool:
    """Whether two words side by side follow: a step of its own."""
    after = [t for t in tokens if t.column >= comma.end][:2]
    return len(after) == 2 and after[0].type == "NAME" and after[1].type in ("INT", "NAME", "AT")


def _then(comma: Token, tokens: list[Token]) -> Edit:
    return comma.column, comma.end, " ->" + _blank(comma, tokens)[2]


def colon(c: Context) -> Result:
    """`fc: 10`, `conv: filters=6 size=5`, `sgd lr: 0.1`."""
    tokens, k = c.line.tokens, c.at
    at = next((j for j in (k, k - 1, k - 2) if 0 < j < len(tokens) and tokens[j].type == "COLON"), None)
    if c.first.type != "NAME" or not c.inside or at is None or at + 1 >= len(tokens) or slip(c.first.text, HEADS):
        return None
    following = tokens[at + 1]
    if tokens[at - 1].type == following.type == "INT":
        last = max(int(following.text) - 1, int(tokens[at - 1].text))
        return read_as(c, "syntax", "a range is written `first..last`", "not with a colon",
                       edited(c, [(tokens[at].column, following.end, f"..{last}")]), at=tokens[at])
    valued = (following.type in (*NUMBERS, "STRING", "AT")
              or (following.type == "NAME" and at + 2 < len(tokens) and tokens[at + 2].type == "EQUAL"))
    if at == 1 and valued and following.type != "AT":
        return read_as(c, "syntax", "the arguments of a step follow its name", "without a colon",
                       edited(c, [(tokens[1].column, following.column, " ")]), at=tokens[1])
    alone = following.type == "NAME" and (at + 2 == len(tokens) or [t.type for t in tokens[at + 2 : at + 4]] == ["NAME", "COLON"])
    if at > 1 and tokens[at - 1].type == "NAME" and (valued or alone):
        name = tokens[at - 1].text
        return read_as(c, "syntax", "an option is a name, `=`, and a value", "not a colon",
                       edited(c, [(tokens[at].column, following.column, "=")]),
                        f"an option is written  {name}=", at=tokens[at])
    return None


def assigned(c: Context) -> Result:
    """`d1 = double 64`, and `vgg11 = vgg 1 1` at the left edge."""
    tokens = c.line.tokens
    if c.first.type == "NAME" and [t.type for t in tokens[1:3]] == ["COLON", "EQUAL"] and len(tokens) > 3:
        return read_as(c, "syntax", "a constant is its name, `=`, and a value", "without the colon",
                       edited(c, [(c.first.end, tokens[3].column, " = ")]), at=tokens[1])
    if c.inside and c.first.type == "NAME" and c.at == 2 and c.token.type == "AT" and tokens[1].type == "EQUAL":
        return read_as(c, "syntax", "a line is named by a label: a name and a colon", "`=` makes a constant",
                       edited(c, [(c.first.end, tokens[2].column, ": ")]), at=tokens[1])
    if (c.token.type == "AS" and c.inside and c.first.type in ("NAME", "INPUT") and c.at + 2 == len(tokens)
            and tokens[-1].type == "NAME"):
        name, start = tokens[-1].text, c.first
        front = (start.end, start.end, f" {name}") if start.type == "INPUT" else (start.column, start.column, f"{name}: ")
        return read_as(c, "syntax", "a line is named in front: by a label" if start.type == "NAME"
                       else "an input is named in front of its shape", "not behind",
                        edited(c, [front, (tokens[c.at - 1].end, tokens[-1].end, "")]))
    if c.token.type == "MINUS" and c.at == 1 and c.inside and c.first.type == "NAME" and len(tokens) > 2 and adjacent(c.first,
            c.token) and adjacent(c.token, tokens[2]):
        return read_as(c, "syntax", "a name has no hyphen", "this is a minus", edited(c, [(c.token.column, c.token.end, "_")]))
    if c.at < 3 or c.first.type != "NAME" or tokens[1].type != "EQUAL" or tokens[2].type != "NAME" or c.token.type in ("_BAD",
            "COMMA"):
        return None
    if c.inside and tokens[2].text == "input":
        return read_as(c, "syntax", "an input is named behind the word", "`=` makes a constant",
                       edited(c, [(c.first.column, tokens[2].end, f"input {c.first.text}")]), at=tokens[1])
    if c.inside:
        return read_as(c, "syntax", "a line is named by a label: a name and a colon", "`=` makes a constant",
                       edited(c, [(c.first.end, tokens[2].column, ": ")]), at=tokens[1])
    return read_as(c, "syntax", "a variant of a net begins with `net`", "`=` alone makes a constant",
                   edited(c, [(c.first.column, c.first.column, "net ")]), at=c.first)


def references(c: Context) -> Result:
    """`concat [@a, @b]`, `upto=x`, `upto @x`."""
    t, before, tokens, k = c.token, c.before, c.line.tokens, c.at
    if before is None:
        return None
    if (c.first.type == "AT" and c.at > 1 and t.type in ("COLON", "NAME") and "ARROW" in c.expected
            and not any(x.type == "ARROW" for x in tokens[:k])):
        following = tokens[k + 1] if t.type == "COLON" and k + 1 < len(tokens) else t
        return read_as(c, "syntax", "a node is followed by `->` and what reads it", "",
                       edited(c, [(before.end, following.column, " -> ")]) if following.type != "COLON" else None)
    if (k > 1 and before.type == "NAME" and tokens[k - 2].type == "AT" and t.type == "_LP_TIGHT"
            and (last := closing(tokens, k)) is not None):
        return read_as(c, "syntax", "a name is numbered in square brackets", "these are round",
                       edited(c, [(t.column, t.end, "["), (tokens[last].column, tokens[last].end, "]")]))
    if t.type == "INT" and before.type == "DOT" and any(x.type == "AT" for x in tokens[max(0, k - 4) : k]):
        return read_as(c, "syntax", "a name is numbered in square brackets", "not by a point",
                       edited(c, [(before.column, t.end, f"[{t.text}]")]))
    if t.type == "AT" and before.type in ("LSQB", "LPAR"):
        last = closing(tokens, k - 1)
        if last is None:
            return None
        edits = [(tokens[j].column, tokens[j].end, "") for j in (k - 1, last)]
        return read_as(c, "syntax", "nodes follow one another, without brackets", "a list",
                       edited(c, [*edits, *(_blank(x, tokens) for x in tokens[k:last] if x.type == "COMMA")]))
    if before.type == "UPTO" and t.type in ("AT", "EQUAL", "COLON") and k + 1 < len(tokens):
        return read_as(c, "syntax", "`upto` is followed by the name of a node, as it is", f"without `{t.text}`",
                       edited(c, [(before.end, tokens[k + 1].column, " ")]))
    if before.type == "UPTO" and t.type == "STRING":
        return read_as(c, "syntax", "`upto` is followed by the name of a node, as it is", "without quotes",
                       edited(c, [(t.column, t.end, t.text.strip('"'))]))
    return None


def quotes(c: Context) -> Result:
    """`'train.npz'`, and `;`."""
    t = c.token
    if t.text == "'" and c.single:
        text = re.sub(r"'([^'\"]*)'", r'"\1"', c.written[: c.line.tokens[-1].end - 1])
        return read_as(c, "syntax", "texts stand in double quotes", "", text if "'" not in text else None, '"..."')
    if t.text == "`" and c.single:
        return read_as(c, "syntax", "this character means nothing in a spec", "",
                       c.written[: c.line.tokens[-1].end - 1].replace("`", ""))
    if t.text == ";" and c.single and c.bracketed:
        return read_as(c, "syntax", "the parts of a list are separated by commas", "",
                       edited(c, [(x.column, x.end, ",") for x in c.line.tokens if x.text == ";"]))
    if t.text == ";" and c.single:
        text = re.sub(r"\s*;\s*$", "", c.written[: c.line.tokens[-1].end - 1])
        return read_as(c, "syntax", "there is no `;` here: a new line means `then`, and so does `->`", "",
                       re.sub(r"\s*;\s*", " -> ", text))
    return None


def numbers(c: Context) -> Result:
    """`4k`, `.5`, `50%`, `2**k`."""
    t, before, tokens, k = c.token, c.before, c.line.tokens, c.at
    if before is None:
        return None
    sizes = re.fullmatch(r"\d+(?:x\w+)+", t.text) if t.type == "_BAD" and not re.fullmatch(r"\d+(?:x\d*)+", t.text) else None
    if sizes and all(re.search(rf"(?<!\w){p}(?!\w)", c.source.text) for p in t.text.split("x") if not p.isdigit()):
        return read_as(c, "syntax", "sizes that are computed stand in brackets", f"`{t.text}` is no size",
                       edited(c, [(t.column, t.end, f"({', '.join(t.text.split('x'))})")]))
    if t.text == "\\" and k + 1 < len(tokens) and tokens[k + 1].type in ("INT", "NAME"):
        return read_as(c, "syntax", "a stride is written with a slash", "this is a backslash",
                       edited(c, [(t.column, t.end, "/")]))
    product = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", t.text) if t.type == "_BAD" else None
    if product and re.search(rf"(?<!\w){product[2]}(?!\w)", c.source.text):
        return read_as(c, "syntax", "a product is written with `*`", f"`{t.text}` is neither a number nor a name",
                       edited(c, [(t.column, t.end, f"{product[1]}*{product[2]}")]))
    if t.type == "DOT" and k + 1 < len(tokens) and tokens[k + 1].type == "INT" and adjacent(t, tokens[k + 1]):
        return read_as(c, "syntax", "a number begins with a digit", "nothing stands before the point",
                       edited(c, [(t.column, t.column, "0")]))
    if t.type == "INT" and before.type == "DOT" and k > 1 and not adjacent(tokens[k - 2], before) and adjacent(before, t):
        return read_as(c, "syntax", "a number begins with a digit", "nothing stands before the point",
                       edited(c, [(before.column, before.column, "0")]), at=before)
    if (before.type == "DOT" and k > 1 and adjacent(tokens[k - 2], before) and adjacent(before, t)
            and tokens[k - 2].type in NUMBERS and not slip(c.first.text, HEADS)):
        end = t.column + len(re.match(r"\d*", t.text)[0])  # type: ignore[index]
        return read_as(c, "syntax", "sizes and exponents are whole numbers", "a decimal point",
                       edited(c, [(before.column, end, "")]), at=before)
    if t.type == "_BAD" and re.fullmatch(r"\d+(?:_\d+)+", t.text):
        return read_as(c, "syntax", "a number is written in digits alone", "",
                       edited(c, [(t.column, t.end, t.text.replace("_", ""))]))
    if t.type == "_BAD" and re.fullmatch(r"\d+(?:[xX]+\d*)+", t.text):
        parts = re.findall(r"\d+", t.text)
        return read_as(c, "syntax", "sizes are joined by a small x", f"`{t.text}` is no size",
                       edited(c, [(t.column, t.end, "x".join(parts * 2 if len(parts) == 1 else parts))]))
    if t.text in ("×", "X", "x") and before.type == "INT" and k + 1 < len(tokens) and tokens[k + 1].type in NUMBERS:
        return read_as(c, "syntax", "sizes are joined by the letter x", "this is another sign",
                       edited(c, [(before.end, tokens[k + 1].column, "x")]))
    if before.type == "PERCENT" and t.type in ("_NL", "ARROW") and tokens[k - 2].type in ("INT", "FLOAT"):
        return read_as(c, "syntax", "a share is a number from 0 to 1", "not so many of a hundred",
                        edited(c, [(tokens[k - 2].column, before.end, f"{float(tokens[k - 2].text) / 100:g}")]), at=before)
    if t.type == before.type == "STAR" and adjacent(before, t):
        return read_as(c, "syntax", "a power is written with `^`", "", edited(c, [(before.column, t.end, "^")]), at=before)
    return None


def sum_of_nodes(c: Context) -> Result:
    """`x + @skip`."""
    words = {"PLUS": "add", "MINUS": "sub", "SIGN": "sub", "STAR": "mul"}
    tokens = c.line.tokens
    op = next((x for x in tokens[max(0, c.at - 1) : c.at + 1] if x.type in words), None)
    if op is None or not c.inside or c.first.type not in ("NAME", "AT") or not any(x.type == "AT" for x in tokens):
        return None
    name = re.search(r"@[\w.]+", c.written[op.end - 1 :])
    return c.diagnostic("syntax", "values are joined by a step of its own", f"`{op.text}` is for numbers",
                        hint=f"{words[op.type]} {name[0] if name else '@a'}", at=op)
