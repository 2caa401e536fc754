"""The syntax tree: what a spec says, before anything of it is looked up.

Every node is frozen and knows its span; spans take no part in equality, so that a formatted file has an equal tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Union

from ..source import Source, Span


def _span() -> Any:
    return field(compare=False, repr=False)


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number:
    text: str
    span: Span = _span()

    @property
    def value(self) -> int | float:
        return int(self.text) if self.text.isdigit() else float(self.text)


@dataclass(frozen=True, slots=True)
class Dims:
    """`3x224x224`; None is `?`."""

    sizes: tuple[int | None, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, a constant, a bare word: elaboration finds out which."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Incoming:
    """`in`: the flow."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Attribute:
    of: Expr
    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Item:
    of: Expr
    index: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Listing:
    """`[1, 2]`, or a tuple `(1, 2)`."""

    items: tuple[Expr, ...]
    round: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    operator: str
    of: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison, `and`, `or`."""

    operator: str
    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Conditional:
    """`a if c else b`."""

    yes: Expr
    condition: Expr
    no: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Range:
    """`1..5`, both ends included."""

    first: Expr
    last: Expr
    span: Span = _span()


Expr = Union[Number, Dims, Text, Name, Incoming, Attribute, Item, Function, Listing, Unary, Binary, Conditional, Range]

# ---------------------------------------------------------------- a step


@dataclass(frozen=True, slots=True)
class Spot:
    """One part of a reference: `stage[i]`."""

    name: str
    index: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reference:
    """`@vgg.stage[i].conv1`."""

    spots: tuple[Spot, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Option:
    """`key=value`."""

    name: str
    value: Expr | Reference
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stride:
    """`/2`."""

    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Upto:
    """`upto stage5.conv1`."""

    path: str
    span: Span = _span()


Argument = Union[Expr, Option, Reference, Stride, Upto]


@dataclass(frozen=True, slots=True)
class Call:
    """`conv 64 3x3 /2 relu pad=1`: a layer, a block, a net, a merge, a setting."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span = _span()
    name_span: Span = _span()


# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Suite:
    statements: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Steps:
    """`a -> b -> c`, one line; only the last may be a statement with a body."""

    items: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Labelled:
    name: str
    index: Expr | None
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Branch:
    """What stands after one `|`: a line, and the lines below it."""

    statements: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Merge:
    call: Call
    branches: tuple[Branch, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Repeat:
    times: Expr
    counter: str | None
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    names: tuple[str, ...]
    over: Expr
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    """Conditions and their bodies in order, then what `else` holds."""

    cases: tuple[tuple[Expr, Statement], ...]
    otherwise: Statement | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Shortcut:
    condition: Expr | None
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Residual:
    body: Statement
    shortcut: Shortcut | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Dense:
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Each:
    axis: str | None
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Frozen:
    body: Statement
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Output:
    name: str
    index: Expr | None
    body: Statement | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InputLine:
    name: str | None
    shape: Expr
    options: tuple[Option, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Default:
    kind: str
    arguments: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Constant:
    name: str
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Hole:
    """A line that was set aside because it could not be read; what was indented under it is kept."""

    body: Suite | None
    span: Span = _span()


Statement = Union[Suite, Steps, Call, Reference, Labelled, Merge, Repeat, For, If, Residual, Dense, Each, Frozen, Output,
                  InputLine, Default, Constant, Hole]

# ---------------------------------------------------------------- a file


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    default: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Import:
    names: tuple[str, ...]
    path: str
    span: Span = _span()
    path_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Definition:
    """`block` or `net`, by `kind`."""

    kind: str
    name: str
    params: tuple[Param, ...]
    body: Statement
    span: Span = _span()
    name_span: Span = _span()

    @property
    def head(self) -> str:
        """As it is declared: `block stage(unit, n, times, stride=2)`."""
        inside = ", ".join(p.name if p.default is None else f"{p.name}={source_text(p.default)}" for p in self.params)
        return f"{self.kind} {self.name}" + (f"({inside})" if self.params else "")


@dataclass(frozen=True, slots=True)
class Variant:
    """`net resnet50 = resnet bottleneck 3 4 6 3`."""

    name: str
    params: tuple[Param, ...]
    call: Call
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Train:
    net: str
    body: Statement
    span: Span = _span()
    name_span: Span = _span()


TopLevel = Union[Import, Definition, Variant, Train, Default, Constant, Hole]


@dataclass(frozen=True, slots=True)
class Comment:
    """`alone`: nothing else stands on its line."""

    text: str
    line: int
    column: int
    alone: bool


@dataclass(frozen=True)
class Module:
    items: tuple[TopLevel, ...]
    source: Source = field(compare=False, repr=False)
    comments: tuple[Comment, ...] = field(default=(), compare=False, repr=False)
    doubted: frozenset[int] = field(default=frozenset(), compare=False, repr=False)  # lines read otherwise than written
    torn: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # definitions whose head could not be read
    imports: Mapping[str, Module] | None = field(default=None, compare=False, repr=False)  # by path, where all are at hand

    def __repr__(self) -> str:
        return f"Module {self.source.name}: {len(self.items)} items"


_PARTS: dict[type, tuple[str, ...] | None] = {}  # names of the fields that hold parts, last first; None of what is no node


def walk(node: Any) -> Iterator[Any]:
    """A node and everything in it."""
    todo = [node]
    while todo:
        n = todo.pop()
        kind = n.__class__
        if kind is tuple or kind is list:
            todo += n[::-1]
            continue
        names = _PARTS[kind] if kind in _PARTS else _parts(kind)
        if names is not None:
            yield n
            for name in names:
                v = getattr(n, name)
                if v.__class__ is not str and v is not None:
                    todo.append(v)


def _parts(kind: type) -> tuple[str, ...] | None:
    own = [f.name for f in fields(kind)] if is_dataclass(kind) else []
    _PARTS[kind] = found = (tuple(n for n in own[::-1] if n not in ("span", "name_span", "path_span"))
                            if "span" in own else None)
    return found


def source_text(node: Any) -> str:
    """The text a node was read from, on one line."""
    s: Span = node.span
    if s.line == s.end_line:
        return s.source.line(s.line)[s.column - 1 : s.end_column - 1]
    lines = [s.source.line(s.line)[s.column - 1 :], *s.source.lines[s.line : s.end_line - 1],
             s.source.line(s.end_line)[: s.end_column - 1]]
    return " ".join(x.split("#")[0].strip() for x in lines)
