"""What is searched: lines and values of the language in which ranges stand where values would.

    lr=log(1e-5..1e-1)     evenly in the logarithm
    dropout=0.1..0.5       evenly
    batch 16..64           a whole number, since both ends are; log(8..512) as well
    width=[0.5, 1, 2]      one of these; what stands in a list is a choice, and [[3, 4, 6, 3]] is a list itself

A value takes the place of its range in the text, and what results is a line of the language, as a person would write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..diagnostics import Diagnostic, Label, SpecError
from ..limits import NUMBER
from ..source import Source, Span
from ..syntax.grammar import machine
from ..syntax.lexer import CLOSE, OPEN, Token, scan

NUMBERS = ("INT", "FLOAT")


@dataclass(frozen=True)
class Dimension:
    """One thing that differs between trials. `name` tells it from the others of a search.

    sort     "log" or "even", between `low` and `high`, both included, whole numbers where `whole`; or "choice", one of `choices`
    written  how it stands in the text
    """

    name: str
    sort: str
    written: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    choices: tuple[str, ...] = ()

    def text(self, value: float) -> str:
        """A number of a range as the text has it, four digits of it: what is read of the text is what counts."""
        held = min(max(value, self.low), self.high)
        if self.whole:
            return str(round(held))
        short = f"{held:.4g}"
        return short if self.low <= float(short) <= self.high else repr(held)

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that say whether the language takes what lies between: all of a choice."""
        return self.choices or (self.text(self.low), self.text(self.high))

    @property
    def many(self) -> int | None:
        """How many values there are, where they can be counted."""
        if self.choices:
            return len(self.choices)
        return int(self.high) - int(self.low) + 1 if self.whole else None


@dataclass(frozen=True)
class Template:
    """A text with dimensions in it: texts and dimensions, one after the other."""

    parts: tuple[str | Dimension, ...]

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with a value for each dimension."""
        return "".join(p if isinstance(p, str) else values[p.name] for p in self.parts)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(p for p in self.parts if isinstance(p, Dimension))


@dataclass(frozen=True)
class Space:
    """Lines of the train section and parameters of the net, with what is searched in them."""

    lines: tuple[Template, ...] = ()
    parameters: tuple[tuple[str, Template], ...] = ()

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(d for t in (*self.lines, *(t for _, t in self.parameters)) for d in t.dimensions)

    def filled(self, values: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The lines, and the parameters by name, with these values."""
        return [t.filled(values) for t in self.lines], {name: t.filled(values) for name, t in self.parameters}

    @property
    def many(self) -> int | None:
        """How many different trials there are, where they can be counted."""
        found = 1
        for d in self.dimensions:
            if d.many is None:
                return None
            found *= d.many
        return found


def space(lines: Sequence[str], parameters: Mapping[str, str]) -> Space:
    """What lines of the train section and parameters of the net say. Raises SpecError for ranges that are none."""
    used: set[str] = set()
    return Space(tuple(_template(line, Source("--with", line), None, used) for line in lines),
                 tuple((k, _template(v, Source("--set", f"{k}={v}"), k, used)) for k, v in parameters.items()))


def _template(text: str, source: Source, name: str | None, used: set[str]) -> Template:
    """A text taken apart: a line of the train section, or the value of a parameter of this name."""
    before = len(source.text) - len(text)
    tokens: list[Token] = []
    scan(machine().scanner, text, 1, tokens)
    parts: list[str | Dimension] = []
    done = k = 0
    while k < len(tokens):
        found = _found(tokens, k, text, source, before)
        if found is None:
            k += 1
            continue
        dimension, last = found
        first, end = tokens[k].column - 1, tokens[last].end - 1
        if isinstance(dimension, Dimension):
            dimension = _called(dimension, _name(tokens, k, name), used)
        parts += [text[done:first], dimension]
        done, k = end, last + 1
    return Template(tuple(p for p in (*parts, text[done:]) if p))


def _name(tokens: Sequence[Token], k: int, parameter: str | None) -> list[str]:
    """What the dimension at token k may be called, the best first: its option, or the word its line begins with."""
    if parameter is not None:
        return [parameter, f"set {parameter}"]
    first = tokens[0].text if k else "line"
    option = tokens[k - 2].text if k > 1 and tokens[k - 1].type == "EQUAL" else None
    if option is not None:
        return [option, f"{first} {option}"]
    words = [t.text for t in tokens[1:k] if t.type == "NAME"]
    return [first, *([f"{first} {words[-1]}"] if words else [])]


def _called(found: Dimension, names: Iterable[str], used: set[str]) -> Dimension:
    """The dimension with a name that no other one has."""
    names = list(names)
    name = next((n for n in names if n not in used), None) or next(n for k in range(2, len(used) + 3)
                                                                   if (n := f"{names[-1]} {k}") not in used)
    used.add(name)
    return Dimension(name, found.sort, found.written, found.low, found.high, found.whole, found.choices)


def _found(tokens: Sequence[Token], k: int, text: str, source: Source, before: int) -> tuple[Dimension | str, int] | None:
    """What begins at token k, and its last token: a dimension, or the text that a choice of one stands for."""
    def place(first: Token, last: Token) -> Span:
        return Span(source, 1, before + first.column, 1, before + last.end)

    token = tokens[k]
    if token.text == "log" and k + 1 < len(tokens) and tokens[k + 1].type in ("_LP_TIGHT", "LPAR"):
        inside = _range(tokens, k + 2)
        end = inside[2] if inside is not None else None
        if inside is None or end is None or end + 1 >= len(tokens) or tokens[end + 1].type != "RPAR":
            last = next((t for t in tokens[k + 2 :] if t.type == "RPAR"), tokens[-1])
            raise _refused("log takes a range between two numbers", place(token, last), "not two numbers with .. between",
                           hint="lr=log(1e-5..1e-1)")
        return _between("log", inside, text[token.column - 1 : tokens[end + 1].end - 1], place(token, tokens[end + 1])), end + 1
    inside = _range(tokens, k)
    if inside is not None:
        last = tokens[inside[2]]
        return _between("even", inside, text[token.column - 1 : last.end - 1], place(token, last)), inside[2]
    if token.type == "RANGE":
        raise _refused("a range stands between two numbers", place(token, token), hint="lr=log(1e-5..1e-1)   or   batch 16..64")
    if token.type == "LSQB":
        return _choice(tokens, k, text, place)
    return None


def _range(tokens: Sequence[Token], k: int) -> tuple[str, str, int] | None:
    """The ends of a range of two numbers at token k, as they are written, and its last token."""
    first, k = _number(tokens, k)
    if first is None or k >= len(tokens) or tokens[k].type != "RANGE":
        return None
    second, end = _number(tokens, k + 1)
    return None if second is None else (first, second, end - 1)


def _number(tokens: Sequence[Token], k: int) -> tuple[str | None, int]:
    """A number, its sign before it, and what follows it."""
    sign = ""
    if k < len(tokens) and tokens[k].type in ("SIGN", "MINUS"):
        sign, k = "-", k + 1
    return (sign + tokens[k].text, k + 1) if k < len(tokens) and tokens[k].type in NUMBERS else (None, k)


def _between(sort: str, inside: tuple[str, str, int], written: str, span: Span) -> Dimension:
    first, second, _ = inside
    low, high = float(first), float(second)
    whole = all(n.lstrip("-").isdigit() for n in (first, second))
    if max(abs(low), abs(high)) > NUMBER:
        raise _refused("an end of this range is too large", span, f"the limit is {NUMBER:g}")
    if low == high:
        raise _refused("the ends of this range are the same", span, f"there is nothing between {first} and {second}", hint=first)
    if low > high:
        raise _refused("a range begins with its lower end", span, f"{first} is above {second}",
                       hint=f"log({second}..{first})" if sort == "log" else f"{second}..{first}")
    if sort == "log" and low <= 0:
        raise _refused("a logarithm is of numbers above 0", span, f"it begins at {first}",
                       hint=f"log({high / 10**4:g}..{second})" if high > 0 else None)
    return Dimension("", sort, written, low, high, whole)


def _choice(tokens: Sequence[Token], k: int, text: str, place: Any) -> tuple[Dimension | str, int]:
    """A list at token k: its items are choices."""
    items: list[tuple[int, int]] = []
    depth, first = 0, k + 1
    for at in range(k, len(tokens)):
        depth += (tokens[at].type in OPEN) - (tokens[at].type in CLOSE)
        if depth == 0 or (depth == 1 and tokens[at].type == "COMMA"):
            if at > first:
                items.append((first, at - 1))
            first = at + 1
        if depth == 0:
            break
    else:
        raise _refused("this choice is never closed", place(tokens[k], tokens[-1]),
                       hint=f"{text[tokens[k].column - 1 :].rstrip()}]")
    span = place(tokens[k], tokens[at])
    if not items:
        raise _refused("there is nothing to choose from", span, hint="width=[0.5, 1, 2]")
    inner = tokens[k + 1 : at]
    if (dots := next((t for t in inner if t.type == "RANGE"), None)) is not None:
        raise _refused("a choice is between values, and this is a range", place(dots, dots),
                       hint="the range by itself:  lr=log(1e-5..1e-1)")
    texts = [text[tokens[a].column - 1 : tokens[b].end - 1] for a, b in items]
    if len(texts) == 1:
        return texts[0], at
    if (twice := next((t for t in texts if texts.count(t) > 1), None)) is not None:
        raise _refused(f"the choice has {twice} twice", span, hint=f"[{', '.join(dict.fromkeys(texts))}]")
    return Dimension("", "choice", text[tokens[k].column - 1 : tokens[at].end - 1], choices=tuple(texts)), at


def _refused(title: str, span: Span, label: str = "", hint: str | None = None) -> SpecError:
    return SpecError(Diagnostic("bad-range", title, (Label(span, label),), hint=hint))
