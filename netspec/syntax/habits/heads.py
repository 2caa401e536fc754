"""Heads that other languages write otherwise: of blocks and inputs, loops and conditions, branches and defaults."""

from __future__ import annotations

import re

from ...diagnostics import Advice
from ..lexer import CLOSE, OPEN
from ..refused import SIZES, Context, Result
from .editing import CONDITIONAL, NUMBERS, adjacent, edited, read_as

_COMPARISONS = ((r"<>", " != "), (r"!==", "!="), (r"===+", "=="), (r"\|\|", " or "), (r"&&?", " and "), (r"!(?!=)\s*", "not "),
                (r"\bis\s+not\b", "!="), (r"\bis\b", "=="), (r"(?<![=!<>])=(?!=)", "=="))


def definition(c: Context) -> Result:
    """`block f n:`, `net a[n]:`, `block f(n: int):`, `block f(*n):`, `block f(n) -> conv n 3x3`."""
    if c.first.type not in ("BLOCK", "NET") or c.token is c.first or not c.single or c.second is None:
        return None
    if c.token is c.second and c.token.type == "_BAD" and (digits := re.fullmatch(r"(\d+)_?([A-Za-z]\w*)", c.token.text)):
        return read_as(c, "syntax", "a name begins with a letter", f"`{c.token.text}` is none",
                       edited(c, [(c.token.column, c.token.end, f"{digits[2]}_{digits[1]}")]))
    if c.second.type != "NAME":
        return None
    tokens, t = c.line.tokens, c.token
    if t.type == "MINUS" and c.at == 2 and adjacent(c.second, t) and len(tokens) > 3 and adjacent(t, tokens[3]):
        return read_as(c, "syntax", "a name has no hyphen", "this is a minus", edited(c, [(t.column, t.end, "_")]))
    if t.type == "ARROW" and c.before is not None and c.first.type == "BLOCK" and not c.bracketed:
        return read_as(c, "syntax", "the body of a block stands behind a colon", "not an arrow",
                       edited(c, [(c.before.end, t.end, ":")]))
    if t.type == "COLON" and c.bracketed:
        edits = [(x.column, tokens[k + 1].end, "") for k, x in enumerate(tokens[:-1]) if x.type == "COLON" and tokens[k + 1].type
                 == "NAME" and k >= c.at]
        return read_as(c, "syntax", "a parameter has no type", "its name is enough", edited(c, edits))
    if t.type == "STAR" and c.bracketed:
        return read_as(c, "syntax", "a block takes so many parameters as it names", "no list of them",
                       edited(c, [(x.column, x.end, "") for x in tokens if x.type == "STAR"]))
    if c.at != 2 or tokens[-1].type != "COLON":
        return None
    inner = tokens[3:-2] if t.type in ("LSQB", "_LB_TIGHT", "LPAR") and tokens[-2].type in CLOSE else tokens[2:-1]
    if not inner or not all(x.type in ("NAME", "COMMA", "EQUAL", "STRING", *NUMBERS) for x in inner):
        return None
    params = re.sub(r"(?<=\w) +(?=\w)", ", ",
                    re.sub(r" *([=,]) *", r"\1", c.written[inner[0].column - 1 : inner[-1].end - 1]).replace(",", " "))
    return read_as(c, "syntax", "parameters stand in brackets, right behind the name", "", c.written[: c.second.end - 1]
                   + f"({params}):")


def shape(c: Context) -> Result:
    """`input: 3x8x8`, `input 3, 8, 8`, `input shape=(3, 8, 8)`, `input 3 8 8`, `input n`."""
    if c.first.type != "INPUT" or not c.single:
        return None
    computed = re.fullmatch(r"input\s+(?:([A-Za-z_]\w*)\s+)?(\[\w+\]|[A-Za-z_]\w*(?:\s*[-+*/^]\s*\w+)*)", c.text)
    if computed and (re.search(r"\W", computed[2]) or _given(c, computed[2])):
        sizes = re.sub(r"[\s\[\]]", "", computed[2])
        return read_as(c, "syntax", "sizes that are computed stand in brackets", "",
                       f"{' ' * (c.first.column - 1)}input {computed[1] + ' ' if computed[1] else ''}({sizes})")
    rest = [t for t in c.line.tokens[1:] if t.type not in ("COLON", "EQUAL", "COMMA", "STAR", *OPEN, *CLOSE)
            and t.text not in ("x", "X", "shape", "size", "dims", "×")]
    if rest and rest[0].type == "NAME" and c.second is not None and c.second.type == "COLON":
        return None  # steps follow
    names = []
    while rest and rest[0].type == "NAME":
        names.append(rest.pop(0).text)
    name = names[0] + " " if names else ""
    sizes = "x".join(t.text.lower() for t in rest)
    if (len(rest) == (0 if names else 1) and re.fullmatch(r"\w+(x\w+)+", named := (rest or [c.line.tokens[1]])[0].text)
            and not re.fullmatch(SIZES, named)):
        label = f"{names[0]} " if len(names) > 1 else ""
        return read_as(c, "syntax", "sizes that are computed stand in brackets", "",
                       f"{' ' * (c.first.column - 1)}input {label}({', '.join(named.split('x'))})")
    blanks = " " * (c.first.column - 1)
    if (len(names) > 1 and c.token.type in ("COMMA", "NAME") and rest and all(re.fullmatch(SIZES, t.text) for t in rest)
            and len(rest) == 1):
        return read_as(c, "syntax", "every input has a line of its own", "",
                       "\n".join(f"{blanks}input {n} {sizes}" for n in names))
    if len(names) > 1:
        return None
    if not rest or not all(re.fullmatch(r"[\d?]+([xX][\d?]+)*", t.text) for t in rest):
        return None
    return read_as(c, "syntax", "the sizes of an input are joined by a small x", "channels first", f"{blanks}input {name}{sizes}")


def _given(c: Context, name: str) -> bool:
    """Whether a parameter or a constant of the file has this name."""
    return bool(re.search(rf"^net\b[^:]*[(,]\s*{name}\s*[=,)]|^{name}\s*=", c.source.text, re.MULTILINE))


def output(c: Context) -> Result:
    """`output fc 10`, `output logits fc 10`, `output: fc 10`."""
    tokens = c.line.tokens
    if (c.first.type != "OUTPUT" or len(tokens) < 3 or c.token.type not in ("NAME", "COLON", "EQUAL", *NUMBERS)
            or any(t.type == "COLON" for t in tokens[2:])):
        return None
    named = c.token.type == "NAME"
    rest = tokens[2 if named or tokens[1].type in ("COLON", "EQUAL") else 1]
    name = tokens[1].text if named else "result"
    return read_as(c, "syntax", "an output is `output NAME`, or `output NAME: steps`", "",
                   edited(c, [(c.first.end, rest.column, f" {name}: ")]), at=tokens[1])


def after_input(c: Context) -> Result:
    """`input 3x32x32 -> conv 8 3x3`."""
    if c.first.type != "INPUT" or c.token.type != "ARROW":
        return None
    text = edited(c, [(c.before.end, c.token.end + 1, "\n" + " " * (c.first.column - 1))]) if c.before is not None else None
    return read_as(c, "syntax", "an input line stands by itself", "`->` continues a step, and an input is none", text,
                   Advice("begin the next line without the arrow"))


def loop(c: Context) -> Result:
    """`for n in 8, 16:`, `for (n, m) in ...:`."""
    tokens, t = c.line.tokens, c.token
    if c.first.type != "FOR":
        return None
    over = next((k for k, x in enumerate(tokens) if x.type == "IN"), None)
    colon = next((k for k, x in enumerate(tokens) if x.type == "COLON" and over is not None and k > over), None)
    head = c.written[: (tokens[colon].end if colon else tokens[-1].end) - 1]
    meant = re.sub(r"\s+do\s*:", ":", re.sub(r"\s+(?:to|until)\s+|\.\.\.", "..", head))
    if c.single and meant != head:
        text: str | None = meant + c.written[len(head) : tokens[-1].end - 1]
    elif t.type == "COMMA" and over is not None and colon is not None and over < c.at < colon:
        text = edited(c,
                      [(tokens[over + 1].column, tokens[over + 1].column, "["),
                       (tokens[colon].column, tokens[colon].column, "]")])
    elif over is None and t.type == "EQUAL":
        text = edited(c, [(t.column, t.end, "in")])
    elif over is not None and c.at < over and t.type == "NAME" and c.before is not None:
        text = edited(c, [(c.before.end, c.before.end, ",")])
    elif over is not None and colon is not None and over + 1 < c.at < colon and t.type in NUMBERS and not c.bracketed:
        inner = tokens[over + 1 : colon]
        text = edited(c, [(x.end, x.end, ",") for x in inner[:-1]]
                      + [(inner[0].column, inner[0].column, "["), (inner[-1].end, inner[-1].end, "]")])
    elif t.type in OPEN and c.at == 1 and over is not None and tokens[over - 1].type in CLOSE:
        text = edited(c, [(t.column, t.end, ""), (tokens[over - 1].column, tokens[over - 1].end, "")])
    else:
        return None
    return read_as(c, "syntax", "a loop is `for NAME in LIST:`", "", text)


def condition(c: Context) -> Result:
    """`if a <> b:`, `if a || b:`, `if n is 3:`, `if a then ...`."""
    if c.first.type not in CONDITIONAL or c.token is c.first or not c.single:
        return None
    colon = next((t.column for t in c.line.tokens if t.type == "COLON"), c.line.tokens[-1].end)
    if c.token.type != "_NL" and c.token.column >= colon:
        return None
    if c.token.text == "then":
        end = next((t.end for t in c.line.tokens[c.at + 1 : c.at + 2] if t.type == "COLON"), c.token.end)
        assert c.before is not None
        return read_as(c, "syntax", "a condition ends with a colon", "not with `then`", edited(c, [(c.before.end, end, ":")]))
    operands = ("NAME", "RPAR", "RSQB", "STRING", *NUMBERS)
    if c.token.type == "NAME" and c.token.text != "is" and c.before is not None and c.before.type in operands:
        return read_as(c, "syntax", "a condition ends with a colon", "one is missing before this word",
                       edited(c, [(c.before.end, c.before.end, ":")]))
    start = c.first.end - 1
    old = new = c.written[start : colon - 1]
    for pattern, by in _COMPARISONS:
        new = re.sub(pattern, by, new)
    if new == old:
        return None
    meant = {"=": "`==` compares", "<": "`!=` says that two differ", ">": "`!=` says that two differ",
             "|": "`or` joins two conditions", "&": "`and` joins two conditions",
             "!": "`not` turns a condition round", "is": "`==` compares"}
    text = c.written[:start] + re.sub(r"(?<=\S) {2,}", " ", new) + c.written[colon - 1 : c.line.tokens[-1].end - 1]
    return read_as(c, "syntax", f"`{c.token.text or '='}` cannot stand here",
                   meant.get(c.token.text, "a condition is written otherwise"), text)


def alternative(c: Context) -> Result:
    """`if a: relu else: tanh`, and options that are words of the language."""
    t, tokens, k = c.token, c.line.tokens, c.at
    if t.type in ("ELSE", "ELIF") and k > 1 and any(x.type == "COLON" for x in tokens[:k]):
        return read_as(c, "syntax", f"`{t.text}` stands on a line of its own", "below its `if`",
                       edited(c, [(tokens[k - 1].end, t.column, "\n" + " " * (c.first.column - 1))]))
    if t.type == "FROZEN" and k > 0 and k + 2 < len(tokens) and tokens[k + 1].type == "EQUAL":
        text = edited(c, [(c.first.column, c.first.column, "frozen: "), (tokens[k - 1].end, tokens[k + 2].end, "")])
        return read_as(c, "syntax", "`frozen:` stands before the steps that are not trained", "no option", text)
    return None


def constant_behind(c: Context) -> Result:
    """`if n > 2: m = 4`."""
    t, tokens, k = c.token, c.line.tokens, c.at
    if (t.type != "EQUAL" or not c.inside or k < 2 or tokens[k - 2].type != "COLON"
            or c.first.type not in ("IF", "ELIF", "ELSE", "REPEAT", "FOR")):
        return None
    text = edited(c, [(tokens[k - 2].end, tokens[k - 1].column, "\n" + " " * (c.first.column + 1))])
    return read_as(c, "syntax", "a constant stands on a line of its own", "not behind a colon", text)


def bar(c: Context) -> Result:
    """`conv 8 3x3 | relu`, `| conv 8 1x1 | conv 8 3x3`."""
    t = c.token
    if t.type != "VBAR" or c.at == 0 or c.before is None or not c.single or c.before.type in ("VBAR",
            "COLON") or c.at + 1 >= len(c.line.tokens):
        return None
    if c.first.type == "VBAR":
        text = edited(c, [(c.before.end, t.column, "\n" + " " * (c.first.column - 1))])
        return read_as(c, "syntax", "a `|` begins a branch, on a line of its own", "not here", text)
    if c.first.type == "NAME" and c.second is not None and c.second.type != "COLON":
        return read_as(c, "syntax", "a `|` begins a branch, on a line of its own", "`then` is written `->`",
                       edited(c, [(t.column, t.end, "->")]))
    return None


def comparison(c: Context) -> Result:
    """`conv n>3 3x3`, `while n < 4:`."""
    if c.token.type != "CMP" or c.first.type in CONDITIONAL or c.before is None:
        return None
    if c.first.text == "while":
        return c.diagnostic("syntax", "there is no `while`: everything is decided before the net runs",
                            "not a word of the language", "repeat 3:", at=c.first)
    return c.diagnostic("syntax", "a comparison stands in a condition", "not in the arguments of a step",
                        hint="if n > 3: conv 64 3x3")


def default(c: Context) -> Result:
    """`default: conv relu`, `default conv = relu`."""
    t = c.token
    if c.first.type != "DEFAULT" or t.type not in ("COLON", "EQUAL") or c.at > 2 or c.at + 1 >= len(c.line.tokens):
        return None
    return read_as(c, "syntax", "a default is `default LAYER switches`", f"without `{t.text}`",
                   edited(c, [(c.line.tokens[c.at - 1].end, c.line.tokens[c.at + 1].column, " ")]))
