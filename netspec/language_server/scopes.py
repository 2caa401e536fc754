"""The names of one piece: what each line defines, and which words use it.

A block, a net and a train section see constants, counters of loops and parameters by plain names, and nodes by `@name`. Nodes
live in scopes: the body itself, and one in each label over several steps. What is looked for is found as the language does, in
its own scope and then outwards, but in all arms of an `if` at once: a name that two arms define is one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..elaborate.steps.labels import single_call
from ..source import Span
from ..syntax import tree
from .text import Place, place_of

Sort = Literal["block", "net", "constant", "parameter", "counter", "label", "input", "output", "axis", "import", "shortcut"]


@dataclass(frozen=True, eq=False)
class Named:
    """A place that gives something a name. `numbered` is a label with an index, which spells `stage3`. What is made by one call
    holds what the `callee` holds; what is made by several steps, what their scope does."""

    name: str
    sort: Sort
    place: Place
    whole: Place  # the statement
    numbered: bool = False
    callee: str | None = None
    inner: Scope | None = None
    text: str = ""  # how it is declared


@dataclass(eq=False)
class Scope:
    """Nodes by name. The outermost one is that of a definition; that of a part of one is a part of the `whole`."""

    around: Scope | None = None
    nodes: list[Named] = field(default_factory=list)
    whole: Scope | None = None

    def named(self, spot: Wanted) -> list[Named]:
        return [n for n in self.nodes if spot.means(n)]

    def outwards(self) -> Iterator[Scope]:
        s: Scope | None = self
        while s is not None:
            yield s.whole or s
            s = s.around


@dataclass(frozen=True)
class Wanted:
    """One part of a reference: `stage[i]`, or `stage3`."""

    name: str
    place: Place  # of the name alone
    numbered: bool = False

    def means(self, n: Named) -> bool:
        if self.numbered == n.numbered:
            return self.name == n.name
        long, short = (n.name, self.name) if self.numbered else (self.name, n.name)
        return long.startswith(short) and long[len(short) :].isdigit()


@dataclass(frozen=True, eq=False)
class PlainUse:
    """A plain word that may mean a parameter, a constant, a block, a layer; or a node of the net that a train section trains."""

    name: str
    place: Place
    call: bool = False  # it begins a step


@dataclass(frozen=True, eq=False)
class OptionUse:
    """`n=` of a call: a parameter, or an input, of what is called; or its `/`, which is `stride`."""

    callee: str
    name: str
    place: Place


@dataclass(frozen=True, eq=False)
class PathUse:
    """`@stage.conv1`, or `upto stage.conv1` of a call, which looks into the `callee`."""

    scope: Scope
    spots: tuple[Wanted, ...]
    callee: str | None = None


Use = PlainUse | OptionUse | PathUse


@dataclass(eq=False)
class Names:
    """All of a piece."""

    own: Named | None = None  # the block, net or constant that it defines
    parameters: list[Named] = field(default_factory=list)
    locals: list[Named] = field(default_factory=list)  # constants and counters inside
    axes: list[Named] = field(default_factory=list)
    root: Scope = field(default_factory=Scope)
    uses: list[Use] = field(default_factory=list)
    imported: list[Named] = field(default_factory=list)
    file: str | None = None  # that they come from
    trains: str | None = None  # the net, of a train section
    variant_of: str | None = None

    @property
    def plain(self) -> list[Named]:
        """What plain words mean inside."""
        return [*self.parameters, *self.locals]


def names_of(item: tree.TopLevel | None) -> Names:
    """The names of what a piece defines."""
    reader = _Reader()
    if item is not None:
        reader.top(item)
    return reader.names


def names_of_body(item: tree.TopLevel | None, before: int) -> Names:
    """The names in the body of a definition, with lines before it."""
    reader = _Reader()
    reader.before = before
    if isinstance(item, tree.Definition):
        reader.statement(item.body, reader.names.root)
    return reader.names


def joined(head: Names, bodies: Sequence[Names]) -> Names:
    """The names of a definition whose body was read in parts. What is in a part sees from now on what is in all of them."""
    whole = Names(head.own, head.parameters, variant_of=head.variant_of)
    for n in (head, *bodies):
        whole.locals += n.locals
        whole.axes += n.axes
        whole.uses += n.uses
        whole.root.nodes += n.root.nodes
        n.root.whole = whole.root
    return whole


def _word(span: Span, word: str, after: int = 0) -> Place:
    """Where a word stands in a statement, on its first line if it can."""
    for number in range(span.line, span.end_line + 1):
        text = span.source.line(number)
        start = span.column - 1 + after if number == span.line else 0
        found = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)").search(text, start)
        if found:
            return Place(number, found.start() + 1, number, found.end() + 1)
    return Place(span.line, span.column, span.line, span.column)


class _Reader:
    """Walks the statements of a piece."""

    def __init__(self) -> None:
        self.names = Names()
        self.before = 0  # lines of the piece before those that are read

    def place(self, span: Span) -> Place:
        return place_of(span, self.before)

    def head(self, span: Span, length: int) -> Place:
        """The first letters of a statement."""
        line = span.line + self.before
        return Place(line, span.column, line, span.column + length)

    def word(self, span: Span, word: str, after: int = 0) -> Place:
        """Where a word stands in a statement, on its first line if it can."""
        place = _word(span, word, after)
        return Place(place.line + self.before, place.column, place.end_line + self.before, place.end_column)

    # ---------------------------------------------------------------- what stands at the left edge
    def top(self, item: Any) -> None:
        n = self.names
        whole = self.place(item.span)
        match item:
            case tree.Import():
                n.file = item.path
                n.imported = [Named(name, "import", self.word(item.span, name), whole, text=f'{name} from "{item.path}"')
                              for name in item.names]
            case tree.Constant():
                n.own = Named(item.name, "constant", self.head(item.span, len(item.name)), whole, text=tree.source_text(item))
                self.expression(item.value, n.root)
            case tree.Default():
                self.uses(item.arguments, n.root, None)
            case tree.Definition():
                kind: Sort = "net" if item.kind == "net" else "block"
                n.own = Named(item.name, kind, self.place(item.name_span), whole, text=item.head)
                self.parameters(item.params)
                self.statement(item.body, n.root)
            case tree.Variant():
                n.own = Named(item.name, "net", self.place(item.name_span), whole, callee=item.call.name,
                              text=f"net {item.name} = {tree.source_text(item.call)}")
                n.variant_of = item.call.name
                self.parameters(item.params)
                self.call(item.call, n.root)
            case tree.Train():
                n.trains = item.net
                n.uses.append(PlainUse(item.net, self.place(item.name_span), True))
                self.statement(item.body, n.root)

    def parameters(self, params: tuple[tree.Param, ...]) -> None:
        for p in params:
            self.names.parameters.append(Named(p.name, "parameter", self.head(p.span, len(p.name)), self.place(p.span),
                                               text=tree.source_text(p)))
            if p.default is not None:
                self.expression(p.default, self.names.root)

    # ---------------------------------------------------------------- statements
    def statement(self, s: Any, scope: Scope) -> None:
        match s:
            case tree.Suite(statements=inner) | tree.Steps(items=inner):
                for x in inner:
                    self.statement(x, scope)
            case tree.Call():
                self.call(s, scope)
            case tree.Reference():
                self.path(s.spots, scope)
            case tree.Labelled():
                self.label(s, s.name, self.head(s.span, len(s.name)), "label", scope)
            case tree.Output():
                self.label(s, s.name, self.word(s.span, s.name, len("output")), "output", scope)
            case tree.InputLine():
                name = s.name or "input"
                place = self.word(s.span, s.name, len("input")) if s.name else self.head(s.span, len("input"))
                scope.nodes.append(Named(name, "input", place, self.place(s.span), text=tree.source_text(s)))
                self.uses((s.shape, *s.options), scope, None)
            case tree.Merge():
                self.call(s.call, scope)
                for b in s.branches:
                    for x in b.statements:
                        self.statement(x, scope)
            case tree.Constant():
                self.names.locals.append(Named(s.name, "constant", self.head(s.span, len(s.name)), self.place(s.span),
                                               text=tree.source_text(s)))
                self.expression(s.value, scope)
            case tree.Default():
                self.uses(s.arguments, scope, None)
            case tree.Hole():
                if s.body is not None:
                    self.statement(s.body, scope)
            case _:
                self.with_body(s, scope)

    def with_body(self, s: Any, scope: Scope) -> None:
        """Statements whose bodies see what stands around them."""
        match s:
            case tree.Repeat():
                self.expression(s.times, scope)
                if s.counter:
                    self.counter(s.counter, s, "as")
                self.statement(s.body, scope)
            case tree.For():
                for name in s.names:
                    self.counter(name, s, "for")
                self.expression(s.over, scope)
                self.statement(s.body, scope)
            case tree.If():
                for condition, body in s.cases:
                    self.expression(condition, scope)
                    self.statement(body, scope)
                if s.otherwise is not None:
                    self.statement(s.otherwise, scope)
            case tree.Residual():
                self.statement(s.body, scope)
                if s.shortcut is not None:
                    inner = Scope(scope)
                    scope.nodes.append(Named("shortcut", "shortcut", self.head(s.shortcut.span, len("shortcut")),
                                             self.place(s.shortcut.span), inner=inner))
                    if s.shortcut.condition is not None:
                        self.expression(s.shortcut.condition, scope)
                    self.statement(s.shortcut.body, inner)
            case tree.Each():
                if s.axis:
                    self.names.axes.append(Named(s.axis, "axis", self.word(s.span, s.axis, len("each")), self.place(s.span)))
                self.statement(s.body, scope)
            case tree.Dense() | tree.Frozen():
                self.statement(s.body, scope)

    def counter(self, name: str, s: Any, after: str) -> None:
        text = s.span.source.line(s.span.line)
        found = re.compile(rf"\b{after}\b").search(text, s.span.column - 1)
        start = found.end() - (s.span.column - 1) if found else 0
        self.names.locals.append(Named(name, "counter", self.word(s.span, name, start), self.place(s.span)))

    def label(self, s: Any, name: str, place: Place, sort: Sort, scope: Scope) -> None:
        if s.index is not None:
            self.expression(s.index, scope)
        call = single_call(s.body) if s.body is not None else None
        inner = Scope(scope) if s.body is not None and call is None else None
        callee = call.name if call is not None else None
        scope.nodes.append(Named(name, sort, place, self.place(s.span), s.index is not None, callee, inner,
                                 s.span.source.line(s.span.line).strip()))
        if s.body is not None:
            self.statement(s.body, inner or scope)

    # ---------------------------------------------------------------- steps and expressions
    def call(self, s: tree.Call, scope: Scope) -> None:
        if s.name != "<hole>":
            self.names.uses.append(PlainUse(s.name, self.place(s.name_span), True))
        self.uses(s.arguments, scope, s.name)

    def uses(self, arguments: tuple[Any, ...], scope: Scope, callee: str | None) -> None:
        for a in arguments:
            if isinstance(a, tree.Option):
                if callee is not None:
                    self.names.uses.append(OptionUse(callee, a.name, self.head(a.span, len(a.name))))
                if a.name == "over" and isinstance(a.value, tree.Name):
                    self.names.uses.append(PlainUse(a.value.name, self.place(a.value.span)))
                else:
                    self.expression(a.value, scope)
            elif isinstance(a, tree.Stride):
                if callee is not None:
                    self.names.uses.append(OptionUse(callee, "stride", self.head(a.span, len("/"))))
                self.expression(a.value, scope)
            elif isinstance(a, tree.Upto):
                self.upto(a, scope, callee)
            else:
                self.expression(a, scope)

    def upto(self, a: tree.Upto, scope: Scope, callee: str | None) -> None:
        at = a.span.end_column - len(a.path)
        spots = []
        for part in a.path.split("."):
            line = a.span.end_line + self.before
            spots.append(Wanted(part, Place(line, at, line, at + len(part))))
            at += len(part) + 1
        self.names.uses.append(PathUse(scope, tuple(spots), callee))

    def path(self, spots: tuple[tree.Spot, ...], scope: Scope) -> None:
        wanted = tuple(Wanted(s.name, self.head(s.span, len(s.name)), s.index is not None) for s in spots)
        self.names.uses.append(PathUse(scope, wanted))
        for s in spots:
            if s.index is not None:
                self.expression(s.index, scope)

    def expression(self, node: Any, scope: Scope) -> None:
        for n in tree.walk(node):
            if isinstance(n, tree.Name):
                self.names.uses.append(PlainUse(n.name, self.place(n.span)))
            elif isinstance(n, tree.Reference):
                wanted = tuple(Wanted(s.name, self.head(s.span, len(s.name)), s.index is not None) for s in n.spots)
                self.names.uses.append(PathUse(scope, wanted))
