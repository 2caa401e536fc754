"""Habits of other languages, and the line as it was meant: what people write who come from Python, YAML or Darknet.

Each rule gives the whole line put right, as a hint that can be pasted; the parser reads that line instead, so that
nothing that depends on it is missed.
"""

from __future__ import annotations

import re
from itertools import pairwise

from ..diagnostics import near
from .lexer import CLOSE, OPEN, Token
from .refused import HEADS, SIZES, Context, Finding, Result

Edit = tuple[int, int, str]  # columns from and to (exclusive), and what stands there instead
NUMBERS = ("INT", "FLOAT", "DIMS")
LEFT = ("import", "block", "net", "train", "default")  # what a line at the left edge begins with
CONDITIONAL = ("IF", "ELIF", "SHORTCUT")
_ARROWS = re.compile(r"\s*(?:=+>|--+>|-\s+>|→|⇒|>>|~>|(?<![-=<])>(?!=))\s*")
_COMPARISONS = ((r"<>", " != "), (r"!==", "!="), (r"===+", "=="), (r"\|\|", " or "), (r"&&?", " and "), (r"!(?!=)\s*", "not "), (r"\bis\s+not\b", "!="),
                (r"\bis\b", "=="), (r"(?<![=!<>])=(?!=)", "=="))


def _read_as(c: Context, code: str, title: str, label: str, text: str | None, hint: str | None = None, at: Token | None = None) -> Finding:
    """A mistake, and the line as it was meant; `hint` is said where that is not known."""
    if text is not None:
        text = text.rstrip()
    return Finding(c.diagnostic(code, title, label, text.strip() if text else hint, at), text=text or None)


def _edited(c: Context, edits: list[Edit]) -> str | None:
    """The line with these changes."""
    if not c.single or not edits:
        return None
    out, text = "", c.written[: max(t.end for t in c.line.tokens) - 1]
    at = 1
    for start, end, new in sorted(edits):
        out += text[at - 1 : start - 1] + new
        at = end
    return out + text[at - 1 :]


def _closing(tokens: list[Token], k: int) -> int | None:
    """The index of the bracket that closes the one at k."""
    depth = 0
    for j in range(k, len(tokens)):
        depth += (tokens[j].type in OPEN) - (tokens[j].type in CLOSE)
        if depth == 0:
            return j
    return None


def _level(tokens: list[Token], first: int, last: int) -> list[Token]:
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


def _adjacent(a: Token, b: Token) -> bool:
    return a.end == b.column and a.line == b.line


# ---------------------------------------------------------------- lines that are no statements


def imported(c: Context) -> Result:
    """`from vgg import vgg16`, `import vgg.vgg16`."""
    if c.inside:
        return None
    own = re.fullmatch(r"import\s+(\w[\w, ]*?)\s+(?:\w+\s+)?[\"']?([\w./-]+?)(?:\.net)?[\"']?", c.text) if c.first.type == "IMPORT" else None
    if c.first.type == "IMPORT" and own and own[2] != "from" and "." not in own[1]:
        return _read_as(c, "syntax", "an import names what it takes, and the file in quotes", "", f'import {own[1]} from "{own[2]}.net"')
    if c.first.text in ("include", "require", "using", "use") and '"' in c.text:
        return c.diagnostic("outside-net", "an import names what it takes, and the file in quotes", "", 'import vgg16 from "vgg.net"')
    names = re.fullmatch(r"\s*(?:from\s+[\"']?([\w./-]+?)(?:\.net)?[\"']?\s+import\s+([\w, ]+)|import\s+(\w+)\.(\w+))\s*", c.text)
    if names is None:
        return None
    file, what = names[1] or names[3], names[2] or names[4]
    return _read_as(c, "outside-net" if c.first.type == "FROM" else "syntax", "an import names what it takes, and the file in quotes", "", f'import {what.strip()} from "{file}.net"')


def comment(c: Context) -> Result:
    """`// stem`, `-- stem`, a text by itself."""
    t, tokens = c.token, c.line.tokens
    k = c.at
    following = tokens[k + 1] if k + 1 < len(tokens) else None
    if t is c.first and (t.type == "STRING" or (t.type in ("SLASH", "STRIDE", "MINUS", "SIGN") and following is not None and following.type in (t.type, "STRIDE", "SIGN", "STAR")
                                                 and _adjacent(t, following))):
        words = c.text.strip("/-*\" ") or "..."
        return c.diagnostic("syntax", "a comment begins with `#`", hint=f"# {words}")
    if c.before is None or c.before.type not in ("SLASH", "STRIDE") or t.type not in ("SLASH", "STRIDE") or not _adjacent(c.before, t):
        return None
    left, rest = c.written[: c.before.column - 1], c.written[t.end - 1 :]
    operand = re.match(r"\s*(\([^()]*\)|[\w.]+)", rest)
    of = re.search(r"(\([^()]*\)|[\w.]+(?:\[[^\]]*\])?)\s*$", left)
    if operand is None or of is None or (rest[:1] == " " and (of[1].isdigit() or (len(rest.split()) > 1 and not operand[1].isdigit()))):
        return _read_as(c, "syntax", "a comment begins with `#`", "not with slashes", left, at=c.before)
    if re.fullmatch(r"\d+(?:x\d+)+", of[1]):
        return _read_as(c, "syntax", "a stride has one slash", "two", f"{left.rstrip()} /{operand[1]}{rest[operand.end():]}", at=c.before)
    a, b = of[1], operand[1]
    return _read_as(c, "syntax", "`//` is not a word of the language: `floor` rounds down", "`/` divides", f"{left[: of.start()]}floor({a}/{b}){rest[operand.end():]}", at=c.before)


def bullet(c: Context) -> Result:
    """`- conv 64 3x3`."""
    if c.token is not c.first or c.token.type not in ("MINUS", "SIGN", "STAR") or c.second is None:
        return None
    return _read_as(c, "syntax", "a line begins with its first word", "no mark stands before it", _edited(c, [(c.token.column, c.second.column, "| " if c.in_merge else "")]))


def darknet(c: Context) -> Result:
    """`[convolutional]`."""
    if c.token is not c.first or c.token.type != "LSQB":
        return None
    return c.diagnostic("syntax", "a line begins with a word, not with a bracket", "sections in brackets are of another format",
                        hint="conv 64 3x3 relu" if c.inside or "net" not in c.text else "net NAME:\n  input 3x224x224")


def foreign_head(c: Context) -> Result:
    """`def f(n):`, `class a:`, `network a:`."""
    t = c.first
    if c.inside or t.type != "NAME" or near(t.text, LEFT) or c.token is not c.second or c.token.type != "NAME" or c.line.tokens[-1].type != "COLON":
        return None
    word = "net" if re.match(r"input\b", c.below) else "block"
    return _read_as(c, "unknown-word", f"`{t.text}` cannot begin a line at the left edge", "not `net`, `block`, `train`, `import` or `default`",
                    _edited(c, [(t.column, t.end, word)]), at=t)


def constant(c: Context) -> Result:
    """`const k = 3`, `k: 3`."""
    t, tokens = c.first, c.line.tokens
    if t.type != "NAME" or len(tokens) < 3:
        return None
    if [x.type for x in tokens[1:3]] == ["NAME", "EQUAL"] and t.text in ("const", "let", "var", "val", "int", "float", "define", "static"):
        return _read_as(c, "syntax", "a constant is its name, `=`, and a value", f"without `{t.text}`", _edited(c, [(t.column, tokens[1].column, "")]), at=t)
    if not c.inside and tokens[1].type == "COLON" and tokens[2].type in (*NUMBERS, "STRING", "LSQB", "LPAR"):
        return _read_as(c, "unknown-word", f"`{t.text}` cannot begin a line at the left edge", "a constant has `=`, not a colon", _edited(c, [(t.end, tokens[2].column, " = ")]), at=t)
    return None


def repeated(c: Context) -> Result:
    """`3 * conv 8 3x3`, `repeat(3):`, `repeat i in 3:`."""
    t, tokens = c.token, c.line.tokens
    if t is c.first and t.type == "INT" and c.second is not None and (c.second.type == "STAR" or c.second.text == "x") and len(tokens) > 2:
        return _read_as(c, "syntax", "steps are repeated by `repeat`", "a number begins no line", _edited(c, [(t.column, tokens[2].column, f"repeat {t.text}: ")]))
    if t is c.first and t.type == "INT" and c.second is not None and c.second.text == "times" and len(tokens) > 3:
        return _read_as(c, "syntax", "steps are repeated by `repeat`", "a number begins no line", _edited(c, [(t.column, tokens[2].column, f"repeat {t.text}")]))
    if c.first.type != "REPEAT":
        return None
    if t.text == "times" and c.before is not None:
        return _read_as(c, "missing-colon", "`repeat` is followed by a number and a colon", "without this word",
                        _edited(c, [(c.before.end, t.end, "" if c.written[t.end - 1 : t.end] == ":" else ":")]))
    if t is c.second and t.type == "COLON" and len(tokens) == 3 and tokens[2].type == "INT":
        return _read_as(c, "incomplete", "`repeat` is followed by a number and a colon", "", _edited(c, [(t.column, tokens[2].end, f" {tokens[2].text}:")]))
    if t is c.second and t.type == "_LP_TIGHT":
        return _read_as(c, "syntax", "`repeat` is followed by a blank and a number", "", _edited(c, [(t.column, t.column, " ")]))
    if t.type == "IN" and c.at == 2 and tokens[1].type == "NAME" and len(tokens) > 4 and (tokens[3].type != "INT" or tokens[4].type != "COLON"):
        return _read_as(c, "syntax", "a loop over a list is `for NAME in LIST:`", "`repeat` takes a number", _edited(c, [(c.first.column, c.first.end, "for")]))
    if t.type == "IN" and c.at == 2 and tokens[1].type == "NAME" and len(tokens) > 4:
        return _read_as(c, "syntax", "a repeat is `repeat TIMES as NAME:`", "",
                        _edited(c, [(tokens[1].column, tokens[3].column, ""), (tokens[3].end, tokens[3].end, f" as {tokens[1].text}")]))
    return None


# ---------------------------------------------------------------- heads


def definition(c: Context) -> Result:
    """`block f n:`, `net a[n]:`, `block f(n: int):`, `block f(*n):`, `block f(n) -> conv n 3x3`."""
    if c.first.type not in ("BLOCK", "NET") or c.token is c.first or not c.single or c.second is None:
        return None
    if c.token is c.second and c.token.type == "_BAD" and (digits := re.fullmatch(r"(\d+)_?([A-Za-z]\w*)", c.token.text)):
        return _read_as(c, "syntax", "a name begins with a letter", f"`{c.token.text}` is none", _edited(c, [(c.token.column, c.token.end, f"{digits[2]}_{digits[1]}")]))
    if c.second.type != "NAME":
        return None
    tokens, t = c.line.tokens, c.token
    if t.type == "MINUS" and c.at == 2 and _adjacent(c.second, t) and len(tokens) > 3 and _adjacent(t, tokens[3]):
        return _read_as(c, "syntax", "a name has no hyphen", "this is a minus", _edited(c, [(t.column, t.end, "_")]))
    if t.type == "ARROW" and c.before is not None and c.first.type == "BLOCK" and not c.bracketed:
        return _read_as(c, "syntax", "the body of a block stands behind a colon", "not an arrow", _edited(c, [(c.before.end, t.end, ":")]))
    if t.type == "COLON" and c.bracketed:
        edits = [(x.column, tokens[k + 1].end, "") for k, x in enumerate(tokens[:-1]) if x.type == "COLON" and tokens[k + 1].type == "NAME" and k >= c.at]
        return _read_as(c, "syntax", "a parameter has no type", "its name is enough", _edited(c, edits))
    if t.type == "STAR" and c.bracketed:
        return _read_as(c, "syntax", "a block takes so many parameters as it names", "no list of them", _edited(c, [(x.column, x.end, "") for x in tokens if x.type == "STAR"]))
    if c.at != 2 or tokens[-1].type != "COLON":
        return None
    inner = tokens[3:-2] if t.type in ("LSQB", "_LB_TIGHT", "LPAR") and tokens[-2].type in CLOSE else tokens[2:-1]
    if not inner or not all(x.type in ("NAME", "COMMA", "EQUAL", "STRING", *NUMBERS) for x in inner):
        return None
    params = re.sub(r"(?<=\w) +(?=\w)", ", ", re.sub(r" *([=,]) *", r"\1", c.written[inner[0].column - 1 : inner[-1].end - 1]).replace(",", " "))
    return _read_as(c, "syntax", "parameters stand in brackets, right behind the name", "", c.written[: c.second.end - 1] + f"({params}):")


def shape(c: Context) -> Result:
    """`input: 3x8x8`, `input 3, 8, 8`, `input shape=(3, 8, 8)`, `input 3 8 8`."""
    if c.first.type != "INPUT" or not c.single:
        return None
    rest = [t for t in c.line.tokens[1:] if t.type not in ("COLON", "EQUAL", "COMMA", "STAR", *OPEN, *CLOSE) and t.text not in ("x", "X", "shape", "size", "dims", "×")]
    if rest and rest[0].type == "NAME" and c.second is not None and c.second.type == "COLON":
        return None  # steps follow
    names = []
    while rest and rest[0].type == "NAME":
        names.append(rest.pop(0).text)
    name = names[0] + " " if names else ""
    sizes = "x".join(t.text.lower() for t in rest)
    if len(rest) == (0 if names else 1) and re.fullmatch(r"\w+(x\w+)+", named := (rest or [c.line.tokens[1]])[0].text) and not re.fullmatch(SIZES, named):
        label = f"{names[0]} " if len(names) > 1 else ""
        return _read_as(c, "syntax", "sizes that are computed stand in brackets", "", f"{' ' * (c.first.column - 1)}input {label}({', '.join(named.split('x'))})")
    blanks = " " * (c.first.column - 1)
    if len(names) > 1 and c.token.type in ("COMMA", "NAME") and rest and all(re.fullmatch(SIZES, t.text) for t in rest) and len(rest) == 1:
        return _read_as(c, "syntax", "every input has a line of its own", "", "\n".join(f"{blanks}input {n} {sizes}" for n in names))
    if len(names) > 1:
        return None
    if not rest or not all(re.fullmatch(r"[\d?]+([xX][\d?]+)*", t.text) for t in rest):
        return None
    return _read_as(c, "syntax", "the sizes of an input are joined by a small x", "channels first", f"{blanks}input {name}{sizes}")


def output(c: Context) -> Result:
    """`output fc 10`, `output logits fc 10`, `output: fc 10`."""
    tokens = c.line.tokens
    if c.first.type != "OUTPUT" or len(tokens) < 3 or c.token.type not in ("NAME", "COLON", "EQUAL", *NUMBERS) or any(t.type == "COLON" for t in tokens[2:]):
        return None
    named = c.token.type == "NAME"
    rest = tokens[2 if named or tokens[1].type in ("COLON", "EQUAL") else 1]
    name = tokens[1].text if named else "result"
    return _read_as(c, "syntax", "an output is `output NAME`, or `output NAME: steps`", "", _edited(c, [(c.first.end, rest.column, f" {name}: ")]), at=tokens[1])


def after_input(c: Context) -> Result:
    """`input 3x32x32 -> conv 8 3x3`."""
    if c.first.type != "INPUT" or c.token.type != "ARROW":
        return None
    text = _edited(c, [(c.before.end, c.token.end + 1, "\n" + " " * (c.first.column - 1))]) if c.before is not None else None
    return _read_as(c, "syntax", "an input line stands by itself", "`->` continues a step, and an input is none", text, "begin the next line without the arrow")


def head_without_colon(c: Context, k: int) -> str | None:
    """The line with a colon before its k-th token."""
    at = c.line.tokens[k - 1]
    return _edited(c, [(at.end, at.end, ":")])


def with_comma(c: Context) -> str | None:
    """The line with a comma before the token that does not fit."""
    return _edited(c, [(c.before.end, c.before.end, ",")]) if c.before is not None else None


def with_blank(c: Context) -> str | None:
    """The line with a blank instead of the token that does not fit."""
    return _edited(c, [(c.token.column, c.token.end, " ")])


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
        text = _edited(c, [(tokens[over + 1].column, tokens[over + 1].column, "["), (tokens[colon].column, tokens[colon].column, "]")])
    elif over is None and t.type == "EQUAL":
        text = _edited(c, [(t.column, t.end, "in")])
    elif over is not None and c.at < over and t.type == "NAME" and c.before is not None:
        text = _edited(c, [(c.before.end, c.before.end, ",")])
    elif over is not None and colon is not None and over + 1 < c.at < colon and t.type in NUMBERS and not c.bracketed:
        inner = tokens[over + 1 : colon]
        text = _edited(c, [(x.end, x.end, ",") for x in inner[:-1]] + [(inner[0].column, inner[0].column, "["), (inner[-1].end, inner[-1].end, "]")])
    elif t.type in OPEN and c.at == 1 and over is not None and tokens[over - 1].type in CLOSE:
        text = _edited(c, [(t.column, t.end, ""), (tokens[over - 1].column, tokens[over - 1].end, "")])
    else:
        return None
    return _read_as(c, "syntax", "a loop is `for NAME in LIST:`", "", text)


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
        return _read_as(c, "syntax", "a condition ends with a colon", "not with `then`", _edited(c, [(c.before.end, end, ":")]))
    operands = ("NAME", "RPAR", "RSQB", "STRING", *NUMBERS)
    if c.token.type == "NAME" and c.token.text != "is" and c.before is not None and c.before.type in operands:
        return _read_as(c, "syntax", "a condition ends with a colon", "one is missing before this word", _edited(c, [(c.before.end, c.before.end, ":")]))
    start = c.first.end - 1
    old = new = c.written[start : colon - 1]
    for pattern, by in _COMPARISONS:
        new = re.sub(pattern, by, new)
    if new == old:
        return None
    meant = {"=": "`==` compares", "<": "`!=` says that two differ", ">": "`!=` says that two differ", "|": "`or` joins two conditions", "&": "`and` joins two conditions",
             "!": "`not` turns a condition round", "is": "`==` compares"}
    text = c.written[:start] + re.sub(r"(?<=\S) {2,}", " ", new) + c.written[colon - 1 : c.line.tokens[-1].end - 1]
    return _read_as(c, "syntax", f"`{c.token.text or '='}` cannot stand here", meant.get(c.token.text, "a condition is written otherwise"), text)


def alternative(c: Context) -> Result:
    """`if a: relu else: tanh`, and options that are words of the language."""
    t, tokens, k = c.token, c.line.tokens, c.at
    if t.type in ("ELSE", "ELIF") and k > 1 and any(x.type == "COLON" for x in tokens[:k]):
        return _read_as(c, "syntax", f"`{t.text}` stands on a line of its own", "below its `if`", _edited(c, [(tokens[k - 1].end, t.column, "\n" + " " * (c.first.column - 1))]))
    if t.type == "FROZEN" and k > 0 and k + 2 < len(tokens) and tokens[k + 1].type == "EQUAL":
        text = _edited(c, [(c.first.column, c.first.column, "frozen: "), (tokens[k - 1].end, tokens[k + 2].end, "")])
        return _read_as(c, "syntax", "`frozen:` stands before the steps that are not trained", "no option", text)
    return None


def bar(c: Context) -> Result:
    """`conv 8 3x3 | relu`, `| conv 8 1x1 | conv 8 3x3`."""
    t = c.token
    if t.type != "VBAR" or c.at == 0 or c.before is None or not c.single or c.before.type in ("VBAR", "COLON") or c.at + 1 >= len(c.line.tokens):
        return None
    if c.first.type == "VBAR":
        text = _edited(c, [(c.before.end, t.column, "\n" + " " * (c.first.column - 1))])
        return _read_as(c, "syntax", "a `|` begins a branch, on a line of its own", "not here", text)
    if c.first.type == "NAME" and c.second is not None and c.second.type != "COLON":
        return _read_as(c, "syntax", "a `|` begins a branch, on a line of its own", "`then` is written `->`", _edited(c, [(t.column, t.end, "->")]))
    return None


def comparison(c: Context) -> Result:
    """`conv n>3 3x3`, `while n < 4:`."""
    if c.token.type != "CMP" or c.first.type in CONDITIONAL or c.before is None:
        return None
    if c.first.text == "while":
        return c.diagnostic("syntax", "there is no `while`: everything is decided before the net runs", "not a word of the language", "repeat 3:", at=c.first)
    return c.diagnostic("syntax", "a comparison stands in a condition", "not in the arguments of a step", hint="if n > 3: conv 64 3x3")


def default(c: Context) -> Result:
    """`default: conv relu`, `default conv = relu`."""
    t = c.token
    if c.first.type != "DEFAULT" or t.type not in ("COLON", "EQUAL") or c.at > 2 or c.at + 1 >= len(c.line.tokens):
        return None
    return _read_as(c, "syntax", "a default is `default LAYER switches`", f"without `{t.text}`", _edited(c, [(c.line.tokens[c.at - 1].end, c.line.tokens[c.at + 1].column, " ")]))


# ---------------------------------------------------------------- steps


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
    return _read_as(c, "syntax", "`then` is written `->`", "an arrow of another language", c.written[: start - 1].rstrip() + " " + new)


def call(c: Context) -> Result:
    """`conv(64, 3x3)`, `concat(@a, @b)`."""
    t, before, tokens = c.token, c.before, c.line.tokens
    if c.inside and c.at > 2 and t.type in (*NUMBERS, "NAME") and tokens[0].type == "NAME" and tokens[1].type in OPEN and c.bracketed and before is not None and before.type == "NAME":
        return _branches(c, tokens[0], tokens[1])
    if t.type not in ("_LP_TIGHT", "LPAR") or before is None or before.type != "NAME" or c.first.type in ("BLOCK", "INPUT") or (not c.inside and c.first.type not in ("NET", "DEFAULT")):
        return None
    k = c.at
    last = _closing(tokens, k)
    if last is None:
        return None
    if tokens[k + 1].type == "LSQB" and _closing(tokens, k + 1) == last - 1:  # concat([@a, @b])
        inner, edges = _level(tokens, k + 2, last - 1), [k, k + 1, last - 1, last]
    else:
        inner, edges = _level(tokens, k + 1, last), [k, last]
    words = ("NAME", "STRING", *NUMBERS)
    if any(a.type in words and b.type in words for a, b in pairwise(inner)):
        return _branches(c, before, t)
    edits = [(tokens[j].column, tokens[j].end, "") for j in edges]
    edits[0] = (t.column, t.end, " " if inner else "")
    edits += [_blank(x, tokens) for x in inner if x.type == "COMMA"]
    return _read_as(c, "syntax", "the arguments of a step follow its name, without brackets", "a bracket", _edited(c, edits))


def _branches(c: Context, word: Token, bracket: Token) -> Result:
    return c.diagnostic("syntax", "branches stand below the word that joins them", "not in brackets", f"{word.text}:\n  | conv 64 1x1\n  | conv 64 3x3", bracket)


def _blank(comma: Token, tokens: list[Token]) -> Edit:
    following = next((t for t in tokens if t.column >= comma.end), None)
    return comma.column, comma.end, " " if following is not None and _adjacent(comma, following) else ""


def commas(c: Context) -> Result:
    """`fc 84, tanh`, `lr=0,1`."""
    t, tokens, k = c.token, c.line.tokens, c.at
    if t.type != "COMMA" or c.bracketed or c.before is None or c.first.type in ("IMPORT", "FOR") or slip(c.first.text, HEADS):
        return None
    following = tokens[k + 1] if k + 1 < len(tokens) else None
    whole = following is not None and c.before.type == following.type == "INT" and _adjacent(t, following)
    if whole and c.before.text != "0" and tokens[k - 2].type == "EQUAL":
        last = k + 1
        while last + 2 < len(tokens) and tokens[last + 1].type == "COMMA" and tokens[last + 2].type == "INT":
            last += 2
        return _read_as(c, "syntax", "several numbers stand in brackets", "a comma", _edited(c, [(c.before.column, c.before.column, "("), (tokens[last].end, tokens[last].end, ")")]))
    if whole and _adjacent(c.before, t) and c.before.text != "0" and c.inside:
        return _read_as(c, "syntax", "sizes are joined by a small x", "a comma", _edited(c, [(t.column, t.end, "x")]))
    if whole and _adjacent(c.before, t):
        return _read_as(c, "syntax", "decimals begin with a point, and arguments are separated by blanks", "a comma", _edited(c, [(t.column, t.end, ".")]))
    if c.first.text == "schedule" and all(x.type in ("INT", "COMMA") for x in tokens[2:]) and len(tokens) > 4:
        return _read_as(c, "syntax", "a list stands in brackets", "a comma", _edited(c, [(tokens[2].column, tokens[2].column, "["), (tokens[-1].end, tokens[-1].end, "]")]))
    edits = [(_then if _begins_step(tokens, x) else _blank)(x, tokens) for x in _level(tokens, 0, len(tokens)) if x.type == "COMMA"]
    if _begins_step(tokens, t):
        return _read_as(c, "syntax", "`then` is written `->`", "a comma", _edited(c, edits))
    return _read_as(c, "syntax", "the arguments of a step are separated by blanks", "a comma", _edited(c, edits))


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
        return _read_as(c, "syntax", "a range is written `first..last`", "not with a colon", _edited(c, [(tokens[at].column, following.end, f"..{last}")]), at=tokens[at])
    valued = following.type in (*NUMBERS, "STRING", "AT") or (following.type == "NAME" and at + 2 < len(tokens) and tokens[at + 2].type == "EQUAL")
    if at == 1 and valued and following.type != "AT":
        return _read_as(c, "syntax", "the arguments of a step follow its name", "without a colon", _edited(c, [(tokens[1].column, following.column, " ")]), at=tokens[1])
    alone = following.type == "NAME" and (at + 2 == len(tokens) or [t.type for t in tokens[at + 2 : at + 4]] == ["NAME", "COLON"])
    if at > 1 and tokens[at - 1].type == "NAME" and (valued or alone):
        name = tokens[at - 1].text
        return _read_as(c, "syntax", "an option is a name, `=`, and a value", "not a colon", _edited(c, [(tokens[at].column, following.column, "=")]),
                        f"an option is written  {name}=", at=tokens[at])
    return None


def assigned(c: Context) -> Result:
    """`d1 = double 64`, and `vgg11 = vgg 1 1` at the left edge."""
    tokens = c.line.tokens
    if c.first.type == "NAME" and [t.type for t in tokens[1:3]] == ["COLON", "EQUAL"] and len(tokens) > 3:
        return _read_as(c, "syntax", "a constant is its name, `=`, and a value", "without the colon", _edited(c, [(c.first.end, tokens[3].column, " = ")]), at=tokens[1])
    if c.inside and c.first.type == "NAME" and c.at == 2 and c.token.type == "AT" and tokens[1].type == "EQUAL":
        return _read_as(c, "syntax", "a line is named by a label: a name and a colon", "`=` makes a constant", _edited(c, [(c.first.end, tokens[2].column, ": ")]), at=tokens[1])
    if c.token.type == "AS" and c.inside and c.first.type in ("NAME", "INPUT") and c.at + 2 == len(tokens) and tokens[-1].type == "NAME":
        name, start = tokens[-1].text, c.first
        front = (start.end, start.end, f" {name}") if start.type == "INPUT" else (start.column, start.column, f"{name}: ")
        return _read_as(c, "syntax", "a line is named in front: by a label" if start.type == "NAME" else "an input is named in front of its shape", "not behind",
                        _edited(c, [front, (tokens[c.at - 1].end, tokens[-1].end, "")]))
    if c.token.type == "MINUS" and c.at == 1 and c.inside and c.first.type == "NAME" and len(tokens) > 2 and _adjacent(c.first, c.token) and _adjacent(c.token, tokens[2]):
        return _read_as(c, "syntax", "a name has no hyphen", "this is a minus", _edited(c, [(c.token.column, c.token.end, "_")]))
    if c.at < 3 or c.first.type != "NAME" or tokens[1].type != "EQUAL" or tokens[2].type != "NAME" or c.token.type in ("_BAD", "COMMA"):
        return None
    if c.inside and tokens[2].text == "input":
        return _read_as(c, "syntax", "an input is named behind the word", "`=` makes a constant", _edited(c, [(c.first.column, tokens[2].end, f"input {c.first.text}")]), at=tokens[1])
    if c.inside:
        return _read_as(c, "syntax", "a line is named by a label: a name and a colon", "`=` makes a constant", _edited(c, [(c.first.end, tokens[2].column, ": ")]), at=tokens[1])
    return _read_as(c, "syntax", "a variant of a net begins with `net`", "`=` alone makes a constant", _edited(c, [(c.first.column, c.first.column, "net ")]), at=c.first)


def references(c: Context) -> Result:
    """`concat [@a, @b]`, `upto=x`, `upto @x`."""
    t, before, tokens, k = c.token, c.before, c.line.tokens, c.at
    if before is None:
        return None
    if c.first.type == "AT" and c.at > 1 and t.type in ("COLON", "NAME") and "ARROW" in c.expected and not any(x.type == "ARROW" for x in tokens[:k]):
        following = tokens[k + 1] if t.type == "COLON" and k + 1 < len(tokens) else t
        return _read_as(c, "syntax", "a node is followed by `->` and what reads it", "", _edited(c, [(before.end, following.column, " -> ")]) if following.type != "COLON" else None)
    if k > 1 and before.type == "NAME" and tokens[k - 2].type == "AT" and t.type == "_LP_TIGHT" and (last := _closing(tokens, k)) is not None:
        return _read_as(c, "syntax", "a name is numbered in square brackets", "these are round", _edited(c, [(t.column, t.end, "["), (tokens[last].column, tokens[last].end, "]")]))
    if t.type == "INT" and before.type == "DOT" and any(x.type == "AT" for x in tokens[max(0, k - 4) : k]):
        return _read_as(c, "syntax", "a name is numbered in square brackets", "not by a point", _edited(c, [(before.column, t.end, f"[{t.text}]")]))
    if t.type == "AT" and before.type in ("LSQB", "LPAR"):
        last = _closing(tokens, k - 1)
        if last is None:
            return None
        edits = [(tokens[j].column, tokens[j].end, "") for j in (k - 1, last)]
        return _read_as(c, "syntax", "nodes follow one another, without brackets", "a list", _edited(c, [*edits, *(_blank(x, tokens) for x in tokens[k:last] if x.type == "COMMA")]))
    if before.type == "UPTO" and t.type in ("AT", "EQUAL", "COLON") and k + 1 < len(tokens):
        return _read_as(c, "syntax", "`upto` is followed by the name of a node, as it is", f"without `{t.text}`", _edited(c, [(before.end, tokens[k + 1].column, " ")]))
    if before.type == "UPTO" and t.type == "STRING":
        return _read_as(c, "syntax", "`upto` is followed by the name of a node, as it is", "without quotes", _edited(c, [(t.column, t.end, t.text.strip('"'))]))
    return None


def quotes(c: Context) -> Result:
    """`'train.npz'`, and `;`."""
    t = c.token
    if t.text == "'" and c.single:
        text = re.sub(r"'([^'\"]*)'", r'"\1"', c.written[: c.line.tokens[-1].end - 1])
        return _read_as(c, "syntax", "texts stand in double quotes", "", text if "'" not in text else None, 'write  "..."')
    if t.text == "`" and c.single:
        return _read_as(c, "syntax", "this character means nothing in a spec", "", c.written[: c.line.tokens[-1].end - 1].replace("`", ""))
    if t.text == ";" and c.single and c.bracketed:
        return _read_as(c, "syntax", "the parts of a list are separated by commas", "", _edited(c, [(x.column, x.end, ",") for x in c.line.tokens if x.text == ";"]))
    if t.text == ";" and c.single:
        text = re.sub(r"\s*;\s*$", "", c.written[: c.line.tokens[-1].end - 1])
        return _read_as(c, "syntax", "there is no `;` here: a new line means `then`, and so does `->`", "", re.sub(r"\s*;\s*", " -> ", text))
    return None


def numbers(c: Context) -> Result:
    """`4k`, `.5`, `50%`, `2**k`."""
    t, before, tokens, k = c.token, c.before, c.line.tokens, c.at
    if before is None:
        return None
    sizes = re.fullmatch(r"\d+(?:x\w+)+", t.text) if t.type == "_BAD" and not re.fullmatch(r"\d+(?:x\d*)+", t.text) else None
    if sizes and all(re.search(rf"(?<!\w){p}(?!\w)", c.source.text) for p in t.text.split("x") if not p.isdigit()):
        return _read_as(c, "syntax", "sizes that are computed stand in brackets", f"`{t.text}` is no size", _edited(c, [(t.column, t.end, f"({', '.join(t.text.split('x'))})")]))
    if t.text == "\\" and k + 1 < len(tokens) and tokens[k + 1].type in ("INT", "NAME"):
        return _read_as(c, "syntax", "a stride is written with a slash", "this is a backslash", _edited(c, [(t.column, t.end, "/")]))
    product = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", t.text) if t.type == "_BAD" else None
    if product and re.search(rf"(?<!\w){product[2]}(?!\w)", c.source.text):
        return _read_as(c, "syntax", "a product is written with `*`", f"`{t.text}` is neither a number nor a name", _edited(c, [(t.column, t.end, f"{product[1]}*{product[2]}")]))
    if t.type == "DOT" and k + 1 < len(tokens) and tokens[k + 1].type == "INT" and _adjacent(t, tokens[k + 1]):
        return _read_as(c, "syntax", "a number begins with a digit", "nothing stands before the point", _edited(c, [(t.column, t.column, "0")]))
    if t.type == "INT" and before.type == "DOT" and k > 1 and not _adjacent(tokens[k - 2], before) and _adjacent(before, t):
        return _read_as(c, "syntax", "a number begins with a digit", "nothing stands before the point", _edited(c, [(before.column, before.column, "0")]), at=before)
    if before.type == "DOT" and k > 1 and _adjacent(tokens[k - 2], before) and _adjacent(before, t) and tokens[k - 2].type in NUMBERS and not slip(c.first.text, HEADS):
        end = t.column + len(re.match(r"\d*", t.text)[0])  # type: ignore[index]
        return _read_as(c, "syntax", "sizes and exponents are whole numbers", "a decimal point", _edited(c, [(before.column, end, "")]), at=before)
    if t.type == "_BAD" and re.fullmatch(r"\d+(?:_\d+)+", t.text):
        return _read_as(c, "syntax", "a number is written in digits alone", "", _edited(c, [(t.column, t.end, t.text.replace("_", ""))]))
    if t.type == "_BAD" and re.fullmatch(r"\d+(?:[xX]+\d*)+", t.text):
        parts = re.findall(r"\d+", t.text)
        return _read_as(c, "syntax", "sizes are joined by a small x", f"`{t.text}` is no size", _edited(c, [(t.column, t.end, "x".join(parts * 2 if len(parts) == 1 else parts))]))
    if t.text in ("×", "X", "x") and before.type == "INT" and k + 1 < len(tokens) and tokens[k + 1].type in NUMBERS:
        return _read_as(c, "syntax", "sizes are joined by the letter x", "this is another sign", _edited(c, [(before.end, tokens[k + 1].column, "x")]))
    if before.type == "PERCENT" and t.type in ("_NL", "ARROW") and tokens[k - 2].type in ("INT", "FLOAT"):
        return _read_as(c, "syntax", "a share is a number from 0 to 1", "not so many of a hundred",
                        _edited(c, [(tokens[k - 2].column, before.end, f"{float(tokens[k - 2].text) / 100:g}")]), at=before)
    if t.type == before.type == "STAR" and _adjacent(before, t):
        return _read_as(c, "syntax", "a power is written with `^`", "", _edited(c, [(before.column, t.end, "^")]), at=before)
    return None


def sum_of_nodes(c: Context) -> Result:
    """`x + @skip`."""
    words = {"PLUS": "add", "MINUS": "sub", "SIGN": "sub", "STAR": "mul"}
    tokens = c.line.tokens
    op = next((x for x in tokens[max(0, c.at - 1) : c.at + 1] if x.type in words), None)
    if op is None or not c.inside or c.first.type not in ("NAME", "AT") or not any(x.type == "AT" for x in tokens):
        return None
    name = re.search(r"@[\w.]+", c.written[op.end - 1 :])
    return c.diagnostic("syntax", "values are joined by a step of its own", f"`{op.text}` is for numbers", hint=f"{words[op.type]} {name[0] if name else '@a'}", at=op)


HABITS = (imported, comment, bullet, darknet, repeated, constant, foreign_head, definition, after_input, shape, output, loop, condition, alternative, references,
          quotes, numbers, arrow, call, commas, assigned, colon, default, bar, comparison, sum_of_nodes)
