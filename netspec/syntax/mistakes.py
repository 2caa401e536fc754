"""Wrong programs and their names: what a line that the parser refused most probably means.

Each rule looks at the tokens of the line, the one that did not fit, and what could have stood there; the first that
knows the mistake explains it. A rule may also say how the line was meant, so that what depends on it is still checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..diagnostics import Advice, near
from .habits import HABITS
from .habits.editing import slip, with_blank, with_colon, with_comma
from .habits.lines import LEFT, bullet, imported
from .lexer import Token
from .refused import FRIENDLY, HEADS, SIZES, STRUCTURE, TYPES, Context, Finding, Result


def explain(c: Context) -> Finding:
    """The first rule that knows this mistake."""
    for rule in RULES:
        found = rule(c)
        if found is not None:
            return found if isinstance(found, Finding) else Finding(found)
    what = "the end of the line" if c.token.type == "_NL" else f"`{c.token.text}`"
    stand = list(dict.fromkeys(FRIENDLY.get(t, TYPES.get(t, "")) for t in sorted(c.expected)))
    stand = [s for s in stand if s]
    return Finding(c.diagnostic("syntax", f"I did not expect {what} here", notes=("here could stand: " + ", ".join(stand[:8]),)
                                if stand else ()))


def meant_token(t: Token) -> Token:
    """The token that a strange one surely stands for: `3X3`, `→`, `;`."""
    if t.type == "_BAD" and re.fullmatch(SIZES, t.text):
        return Token("DIMS", t.text.lower(), t.line, t.column, t.end)
    if t.type == "_BAD" and t.text in ("→", "⇒", ";"):
        return Token("ARROW", "->", t.line, t.column, t.end)
    return t


def _strange(c: Context) -> Result:
    """A character or word that is no token."""
    t = c.token
    if t.type != "_BAD":
        return None
    if t.text.startswith('"'):
        return c.diagnostic("unclosed-text", "this text is never closed", 'a `"` is missing at its end', hint=t.text.rstrip()
                            + '"')
    if re.fullmatch(SIZES, t.text):
        return c.diagnostic("syntax", "sizes are joined by a small x", "not a size", hint=f"{t.text.lower()}")
    if t.text == "?":
        return c.diagnostic("syntax", "a `?` stands for one of several sizes", "no size by itself", hint="input 3x?x?")
    if t.text == "×":
        return c.diagnostic("syntax", "sizes are joined by the letter x", "this is a multiplication sign", hint="3x3")
    if t.text in "→⇒":
        return c.diagnostic("syntax", "`then` is written `->`", "an arrow of another alphabet", hint="->")
    if t.text == ";":
        return c.diagnostic("syntax", "there is no `;` here: a new line means `then`, and so does `->`",
                            hint="->  or start a new line")
    if t.text == "'":
        return c.diagnostic("syntax", "texts stand in double quotes", hint='"..."')
    if t.text in "{}":
        return c.diagnostic("syntax", "bodies are indented, not put in braces",
                            hint=Advice("end the line with a colon and indent what follows"))
    if t.text == "&":
        return c.diagnostic("syntax", "both of two conditions are joined by a word", hint="and" if c.first.type in ("IF", "ELIF")
                            else "->")
    if t.text == "!":
        return c.diagnostic("syntax", "`!` is not a word of the language", hint="not  or  !=")
    if t.text[0].isdigit():
        meant = re.sub(r"^([\d.]+)([A-Za-z_]\w*)$", r"\2\1", t.text)
        return c.diagnostic("syntax", f"`{t.text}` is neither a number nor a name", "a name begins with a letter",
                            hint=f"if it is a name, it begins with a letter:  {meant}" if meant != t.text else None)
    name = "this character" if len(t.text) == 1 else f"`{t.text}`"
    return c.diagnostic("syntax", f"{name} means nothing in a spec", "" if t.text.isprintable() else f"U+{ord(t.text[0]):04X}")


def _outside(c: Context) -> Result:
    """Lines that stand where their kind cannot."""
    t = c.token
    if t is not c.first:
        return None
    if c.in_merge and t.type in ("MINUS", "SIGN", "STAR"):
        return bullet(c)
    if c.in_merge:
        return c.diagnostic("branch-expected", "inside a merge every line at this depth is a branch",
                            "this line does not begin with `|`", at=t, hint=f"| {_code(c)}")
    if t.type == "VBAR":
        return c.diagnostic("branch-outside", "a branch `|` can only stand inside a merge",
                            "branch outside `concat:`, `add:`, `max:` ...",
                            hint=Advice("open the merge on the line above, indented less:  concat:"))
    if t.type in ("ELSE", "ELIF"):
        return c.diagnostic("else-without-if", f"`{t.text}` belongs right under an `if` of the same indentation",
                            "there is no `if` above it",
                            hint=Advice("an `if` inside another line cannot have an `else`: give it lines of its own"))
    if t.type == "SHORTCUT":
        return c.diagnostic("shortcut-without-residual", "`shortcut` belongs right under a `residual` of the same indentation",
                            "there is no `residual:` above it", hint="residual:\n  conv 64 3x3\nshortcut: conv 64 1x1")
    if t.type in ("BLOCK", "NET", "TRAIN",
                  "IMPORT") and c.inside and c.second is not None and c.second.type in ("_LB_TIGHT", "EQUAL"):
        found = c.diagnostic("reserved-word", f"`{t.text}` is a word of the language and cannot be a name", "choose another name",
                             hint=c.text.replace(t.text, t.text + "_", 1))
        return Finding(found, (Token("NAME", t.text + "_", t.line, t.column, t.end), *c.line.tokens[1:]))
    if t.type in ("BLOCK", "NET", "TRAIN", "IMPORT") and c.inside:
        return c.diagnostic("not-inside", f"`{t.text}` stands at the left edge of a file, never inside a body",
                            "this line is indented", hint=Advice("move it to the left edge"))
    if t.type == "FROM" and re.search(r"\bimport\b", c.text):
        return imported(c)
    if t.type == "ARROW":
        return c.diagnostic("syntax", "a line that begins with `->` continues a step, and there is none above")
    if not c.inside and t.type in TYPES:
        return c.diagnostic("outside-net", "this line stands outside every net and block", "it is not indented",
                            hint=Advice("indent it into the net it belongs to"))
    return None


def _label(c: Context) -> Result:
    """`3: conv 64 3x3`."""
    t = c.first
    if t is not c.token or not c.inside or c.second is None or c.second.type != "COLON" or t.type not in ("INT", "FLOAT", "DIMS",
            "STRING"):
        return None
    made = "n" + re.sub(r"\W", "_", t.text)
    found = c.diagnostic("syntax", "a label is a name, and a name begins with a letter", f"`{t.text}` is none",
                         hint=c.text.replace(t.text, made, 1))
    rest = tuple(c.line.tokens[2:])
    return Finding(found, rest or (Token("NAME", made, t.line, t.column, t.end), *c.line.tokens[1:]))


def _dense(c: Context) -> Result:
    if c.first.type == "DENSE" and c.second is not None and c.second.type != "COLON":
        fc = Token("NAME", "fc", c.first.line, c.first.column, c.first.end)
        return Finding(c.diagnostic("dense-is-fc", "`dense` takes a body: every step in it sees all that came before",
                                    "a fully connected layer is `fc`",
                                    at=c.first, hint="" + c.text.replace("dense", "fc", 1)), (fc, *c.line.tokens[1:]))
    return None


def _misspelt_head(c: Context) -> Result:
    """`repeet 3: ...`, `nett lenet5:`, `blok f(n):`."""
    t = c.first
    if t.type != "NAME" or c.second is None:
        return None
    heads = HEADS if c.inside else LEFT
    alike = slip(t.text, heads)
    if alike and not (c.inside and c.token.type == "_NL"):
        fixed = Token(alike.upper(), alike, t.line, t.column, t.end)
        return Finding(c.diagnostic("unknown-word", f"`{t.text}` is not a word that can begin this line",
                                    f"did you mean `{alike}`?", at=t,
                                    hint=c.text.replace(t.text, alike, 1)), (fixed, *c.line.tokens[1:]))
    if not c.inside and c.token is c.second:
        if any(x.type == "COLON" for x in c.line.tokens):
            return c.diagnostic("unknown-word", f"`{t.text}` cannot begin a line at the left edge",
                                "not `net`, `block`, `train`, `import` or `default`", at=t,
                                hint=None if near(t.text, heads) else Advice("indent the line if it belongs to the net above"))
        return c.diagnostic("outside-net", "this step stands outside every net and block", "it is not indented", at=t,
                            hint=Advice("indent it by two spaces into the net it belongs to"))
    return None


def _missing_colon(c: Context) -> Result:
    """`repeat 3` and a body, `if c conv 3 3x3`, `net lenet`."""
    t = c.token
    if c.first.type == "ELSE" and t is c.second and t.type == "IF":
        elif_ = Token("ELIF", "elif", t.line, c.first.column, t.end)
        return Finding(c.diagnostic("syntax", "`else if` is one word here", at=c.first, hint="elif" + c.text.split("if", 1)[1]),
                       (elif_, *c.line.tokens[2:]))
    head = c.first.type if c.first.type in TYPES else None
    if "COLON" not in c.expected or (any(x.type == "COLON" for x in c.line.tokens) and t.type == "_NL"):
        return None
    if t.type == "_NL" and (head in ("NET", "BLOCK", "TRAIN") or (head and head.lower() in STRUCTURE) or c.deeper):
        colon = Token("COLON", ":", t.line, t.column, t.end)
        return Finding(c.diagnostic("missing-colon", f"`{c.first.text}` opens a body, so it ends with a colon",
                                    "a colon is missing here", hint=_code(c) + ":"), (*c.line.tokens, colon))
    if head and head.lower() in STRUCTURE and t.type not in ("EQUAL", "_BAD") and "_NL" not in c.expected:
        k = c.line.tokens.index(t)
        at = c.before or t
        colon = Token("COLON", ":", at.line, at.end, at.end + 1)
        if t.type not in ("NAME", "AT", *TYPES):
            return None
        meant = with_colon(c, k)
        return Finding(c.diagnostic("missing-colon", f"`{c.first.text}` opens a body, so a colon stands before it",
                                    "a colon is missing here", meant.strip() if meant else None, at=colon),
                       (*c.line.tokens[:k], colon, *c.line.tokens[k:]))
    return None


def _a_net(c: Context) -> str:
    """The name of a net of this file, the nearest above."""
    found = re.findall(r"^net\s+(\w+)", "\n".join(c.source.lines[: c.first.line]), re.MULTILINE)
    return found[-1] if found else "lenet"


def _code(c: Context) -> str:
    last = c.line.tokens[-1]
    return c.source.line(last.line)[: last.end - 1].strip()


def _reserved(c: Context) -> Result:
    """A word of the language where a name belongs."""
    t = c.token
    if t.type == "FROM" and c.first.type == "IMPORT":
        return None
    if c.first.text == "data" and c.at == 1:
        return c.diagnostic("syntax", "the name of a file stands in quotes", hint='data "train.npz"')
    if t.type == "IF" and t is not c.first and c.first.type not in ("SHORTCUT", "NET", "BLOCK"):
        return c.diagnostic("syntax", "a value that depends on a condition stands in brackets", "not without them",
                            hint="fc (10 if in.channels > 3 else 20)")
    if t.type in TYPES and t is not c.first and "NAME" in c.expected and t.type not in c.expected:
        return c.diagnostic("reserved-word", f"`{t.text}` is a word of the language and cannot be a name", "choose another name",
                            hint=f"a word of your own, such as:  {t.text}_"
                            if c.first.type in ("BLOCK", "NET", "FOR", "INPUT", "OUTPUT", "REPEAT") else None)
    if t is c.second and c.first.type in TYPES and t.type in ("EQUAL", "_LB_TIGHT", "DOT"):
        return c.diagnostic("reserved-word", f"`{c.first.text}` is a word of the language and cannot be a name",
                            "choose another name", at=c.first,
                            hint=f"{c.first.text}: conv 64 3x3" if c.first.type in ("FROZEN", "RESIDUAL", "DENSE")
                            else f"a word of your own, such as:  {c.first.text}_")
    return None


def _missing_part(c: Context) -> Result:
    """An operator, an arrow, an option or a head with nothing behind it."""
    t, before = c.token, c.before
    if before is None:
        return None
    if before.type == "ARROW":
        return c.diagnostic("syntax", "a step is missing after `->`", "nothing follows" if t.type == "_NL"
                            else f"`{t.text}` is no step", at=before,
                            hint=Advice("drop the arrow, or begin the next line with it"))
    if t.type == "ARROW" and before.type in ("COLON", "VBAR"):
        return c.diagnostic("syntax", f"a step is missing between `{before.text}` and `->`",
                            hint="`skip` is the flow as it is:  | skip")
    if before.type == "VBAR" and t.type in ("VBAR", "_NL"):
        return c.diagnostic("syntax", "this branch is empty", "nothing follows", at=before,
                            hint="`skip` is the flow as it is:  | skip")
    if before.type == "UPTO":
        return c.diagnostic("syntax", "the name of a node is missing after `upto`", "nothing follows" if t.type == "_NL"
                            else f"`{t.text}` is no name", at=before,
            hint=Advice("for example:  upto conv1"))
    if before.type == "AS":
        return c.diagnostic("missing-value", "a name is missing after `as`", "it numbers the turns", at=before,
                            hint="repeat 3 as i: layer[i]: conv 64 3x3")
    if before.type == "EQUAL":
        option = c.line.tokens[c.at - 2].text if c.at > 1 else ""
        example = '="vgg16.safetensors"' if option == "weights" else "=1"
        return c.diagnostic("missing-value", "a value is missing after `=`", "nothing follows" if t.type == "_NL"
                            else f"`{t.text}` is no value", at=before,
                            hint=None if not option else f"{_code(c)}{example[1:]}" if t.type == "_NL"
                            else f"for example:  {example}")
    if before.type == "AT":
        return c.diagnostic("syntax", "a reference is `@` and a name", f"`{t.text}` is no name" if t.text
                            else "the name is missing", at=before)
    if before.type in ("PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET", "CMP", "SIGN", "STRIDE", "OR", "AND", "NOT",
                       "RANGE"):
        return c.diagnostic("missing-value", f"a number is missing after `{before.text}`", "nothing follows" if t.type == "_NL"
                            else f"`{t.text}` is no number", at=before,
                            hint=f"for example:  {before.text}"
                            + {"RANGE": "3", "STRIDE": "2", "CMP": " 64",
                               "SIGN": "1"}.get(before.type, "2" if len(before.text) == 1 else " yes"))
    if before.type in ("IF", "ELIF") and t.type == "COLON":
        found = c.diagnostic("incomplete", f"a condition is missing after `{before.text}`", "nothing decides here", at=before,
                             hint=f"for example:  {before.text} in.channels != 64")
        return found if before is c.first else Finding(found, tuple(x for x in c.line.tokens if x is not before))
    if c.first.type == "DEFAULT" and t.type == "_NL" and before is c.second:
        return c.diagnostic("incomplete", f"`default {before.text}` sets nothing", "switches and options follow it", at=before,
                            hint=f"for example:  default {before.text if before.text in ('deconv', 'fc') else 'conv'} relu")
    if before is c.first and before.type in TYPES and t.type in ("_NL", "COLON"):
        how = {"REPEAT": "repeat 3: conv 64 3x3", "FOR": "for n in [64, 128]: conv n 3x3", "IF": "if stride > 1: maxpool 2",
               "INPUT": "input 3x224x224",
               "OUTPUT": "output aux: fc 10", "NET": "net lenet:", "BLOCK": "block unit(n):", "TRAIN": f"train {_a_net(c)}:",
               "DEFAULT": "default conv relu",
               "IMPORT": 'import vgg16 from "vgg.net"', "SHORTCUT": "shortcut: conv 64 1x1",
               "ELIF": "elif n > 1: conv n 3x3"}.get(before.type)
        if how and t.type not in c.expected:
            return c.diagnostic("incomplete", f"`{before.text}` is not complete", "what follows it is missing", at=before,
                                hint=f"for example:  {how}")
    return None


def _comma_or_bracket(c: Context) -> Result:
    """Commas and brackets as other languages have them."""
    t, before = c.token, c.before
    tokens = c.line.tokens
    at = next((k for k, x in enumerate(tokens) if x is t), len(tokens))
    if t.text == "/" and any(x.text == "/" and x.column == t.end for x in tokens[at + 1 : at + 2]):
        return Finding(c.diagnostic("syntax", "a comment begins with `#`", hint="#"), tuple(tokens[:at]) or None)
    if before is not None and before.type == "NAME" and t.type == "_LP_TIGHT" and c.inside:
        return c.diagnostic("syntax", "the arguments of a step follow its name, without brackets", "a bracket",
                            hint="conv 64 3x3 relu")
    if t.type == "COMMA":
        return c.diagnostic("syntax", "the arguments of a step are separated by blanks", "a comma", hint=Advice("drop the comma"))
    if t.type == "RSQB" and before is not None and before.type == "_LB_TIGHT":
        return c.diagnostic("missing-value", "a number is missing in the brackets", "they are empty",
                            hint=f"for example:  {tokens[at - 2].text}[1]")
    if t.type in ("RPAR", "RSQB"):
        return c.diagnostic("unopened-bracket", f"this `{t.text}` closes nothing", "nothing was opened", hint=Advice("drop it"))
    if (before is not None and c.bracketed and before.type not in ("LPAR", "_LP_TIGHT", "LSQB", "_LB_TIGHT")
            and t.type in ("INT", "FLOAT", "DIMS", "NAME", "STRING")):
        text = with_comma(c)
        return Finding(c.diagnostic("syntax", "a comma is missing inside the brackets", f"before `{t.text}`", hint=text
                                    and text.strip()), text=text)
    return None


def _equals(c: Context) -> Result:
    """`=` where the language has none."""
    t, before = c.token, c.before
    tokens = c.line.tokens
    at = next((k for k, x in enumerate(tokens) if x is t), len(tokens))
    if t.type == "EQUAL" and any(x.text[0] == ">" and x.column == t.end for x in c.line.tokens):
        return c.diagnostic("syntax", "`then` is written `->`", "an arrow of another language", hint="->")
    if t.type == "EQUAL" and before is not None and before.type != "NAME":
        return c.diagnostic("syntax", "an option is a name, `=`, and a value", f"`{before.text}` is no name", hint="pad=1")
    if t.type == "EQUAL" and before is not None and at > 1 and tokens[at - 2].type in ("ARROW", "VBAR"):
        text = with_blank(c)
        return Finding(c.diagnostic("syntax", "the arguments of a step follow its name", "without `=`", hint=text
                                    and text.strip()), text=text)
    if t.type == "EQUAL":
        return c.diagnostic("syntax", "`=` cannot stand here", "a condition compares with `==`"
                            if c.first.type in ("IF", "ELIF", "SHORTCUT") else "",
                            hint="==" if c.first.type in ("IF", "ELIF", "SHORTCUT") else None)
    return None


def _colon_or_bar(c: Context) -> Result:
    """A colon or a `|` in the midst of a line."""
    t, before = c.token, c.before
    if (t.type in ("INT", "FLOAT", "DIMS", "STRING", "NAME") and before is not None and before.type == "COLON"
            and c.first.type == "NAME" and c.second is not before):
        name = c.line.tokens[c.line.tokens.index(before) - 1].text
        return c.diagnostic("syntax", "a colon stands after a label, or at the end of a line that opens a body", "not here",
                            at=before,
                            hint=f"an option is written  {name}={t.text}" if t.type != "NAME" and name.isidentifier()
                            else Advice("a label is one name"))
    if t.type == "VBAR":
        return c.diagnostic("syntax", "a `|` begins a branch, on a line of its own", "not here",
                            hint="concat:\n  | conv 64 1x1\n  | conv 64 3x3")
    return None


def _line_of_a_keyword(c: Context) -> Result:
    """What follows the word that a line begins with."""
    t = c.token
    if t is c.second and c.first.type in ("RESIDUAL", "FROZEN", "ELSE"):
        return c.diagnostic("syntax", f"`{c.first.text}` is followed by its colon", "not by this",
                            hint=f"{c.first.text}: conv 64 3x3")
    if t.type == "ARROW" and c.first.type == "NET":
        return c.diagnostic("syntax", "a variant is one call of a net", "nothing follows it",
                            hint=Advice("a net with steps of its own has a body"))
    if t.type == "COLON" and c.first.type == "NAME":
        return c.diagnostic("syntax", "a colon stands after a label, or at the end of a line that opens a body", "not here")
    if c.first.type == "IMPORT":
        return c.diagnostic("syntax", "an import names what it takes, and the file in quotes", hint='import vgg16 from "vgg.net"')
    if c.first.type == "FOR":
        return c.diagnostic("syntax", "a loop is `for NAME in LIST:`", hint="for n in [64, 128]: conv n 3x3")
    if c.first.type == "INPUT":
        return c.diagnostic("syntax", "an input line is `input SHAPE` or `input NAME SHAPE`", hint="input 3x224x224")
    if c.first.type == "OUTPUT" and t is not c.second:
        return c.diagnostic("syntax", "an output is `output NAME`, or `output NAME: steps`", hint="output aux: fc 10")
    return None


def _sign(c: Context) -> Result:
    """Slashes and minuses, which blanks tell apart."""
    t = c.token
    tokens = c.line.tokens
    at = next((k for k, x in enumerate(tokens) if x is t), len(tokens))
    if t.type in ("SLASH", "STRIDE") and any(x.type == "STRIDE" for x in tokens[max(0, at - 2) : at]):
        return c.diagnostic("syntax", "a stride that is computed stands in brackets", hint=Advice("write  /(n/2)"))
    if t.type == "STRIDE":
        return c.diagnostic("syntax", "a slash with a space before it and none after is a stride",
                            hint=Advice("to divide, write  n/2  or  n / 2"))
    if t.type == "SIGN":
        return c.diagnostic("syntax", "a minus with a space before it and none after is a sign",
                            hint=Advice("to subtract, write  n-1  or  n - 1"))
    return None


RULES: tuple[Callable[[Context], Result], ...] = (
    _outside, _label, _dense, *HABITS, _misspelt_head, _strange, _missing_colon, _reserved, _missing_part, _comma_or_bracket,
    _equals, _colon_or_bar, _line_of_a_keyword, _sign)
