"""Makes the tree while the parser runs: one method for every rule or alias of grammars/net.lark."""

from __future__ import annotations

from typing import Any

from ..ir.types import shape_of
from ..source import Source, Span
from . import tree
from .lexer import Token

HOLE = "<hole>"


class TreeBuilder:
    """Lark calls a method with the values of the rule's parts. Lists that span lines are chains of (before, last) pairs."""

    def __init__(self) -> None:
        self.source = Source("", "")

    # ---------------------------------------------------------------- places
    def at(self, first: Any, last: Any = None) -> Span:
        last = first if last is None else last
        if type(first) is Token:
            line, column = first.line, first.column
        else:
            line, column = first.span.line, first.span.column
        if type(last) is Token:
            return Span(self.source, line, column, last.line, last.end)
        return Span(self.source, line, column, last.span.end_line, last.span.end_column)

    # ---------------------------------------------------------------- file
    def start(self, c: list[Any]) -> tuple[Any, ...]:
        return _flat(c[0]) if c else ()

    def items(self, c: list[Any]) -> Any:
        return (None, c[0]) if len(c) == 1 else (c[0], c[1])

    stmts = elifs = branches = chain = items

    def import_(self, c: list[Any]) -> Any:
        *names, path = c
        return tree.Import(tuple(n.text for n in names), path.text[1:-1], self.at(c[0], path), self.at(path))

    def block(self, c: list[Any]) -> Any:
        return self._definition("block", c)

    def net(self, c: list[Any]) -> Any:
        return self._definition("net", c)

    def _definition(self, kind: str, c: list[Any]) -> Any:
        if c[0].text == HOLE:
            return self.hole(c[0], c[-1])
        params = c[1] if len(c) == 3 else ()
        return tree.Definition(kind, c[0].text, params, c[-1], self.at(c[0], c[-1]), self.at(c[0]))

    def hole(self, t: Token, body: Any) -> Any:
        """A line that could not be read; what is under it is still looked at, unless it is a train section out of place."""
        settings = self.source.line(t.line).lstrip().startswith(("train ", "train:"))
        return tree.Hole(None if settings else _suite(body), self.at(t))

    def variant(self, c: list[Any]) -> Any:
        return tree.Variant(c[0].text, c[1] if len(c) == 3 else (), c[-1], self.at(c[0], c[-1]), self.at(c[0]))

    def train(self, c: list[Any]) -> Any:
        return tree.Train(c[0].text, c[1], self.at(c[0], c[1]), self.at(c[0]))

    def default(self, c: list[Any]) -> Any:
        return tree.Default(c[1].text, tuple(c[2:]), self.at(c[0], c[-1]))

    def const(self, c: list[Any]) -> Any:
        if c[0].text == HOLE:
            return tree.Hole(None, self.at(c[0]))
        return tree.Constant(c[0].text, c[1], self.at(c[0], c[1]))

    def params(self, c: list[Any]) -> Any:
        return tuple(c)

    def param(self, c: list[Any]) -> Any:
        return tree.Param(c[0].text, c[1] if len(c) > 1 else None, self.at(c[0], c[-1]))

    # ---------------------------------------------------------------- statements
    def suite(self, c: list[Any]) -> Any:
        statements = _flat(c[0])
        return tree.Suite(statements, statements[0].span.to(statements[-1].span))

    def steps(self, c: list[Any]) -> Any:
        items = (*_flat(c[0]), *c[1:])
        if len(items) == 1 and items[0].__class__ is tree.Call and items[0].name == HOLE:
            return tree.Hole(None, items[0].span)
        return tree.Steps(items, self.at(items[0], items[-1]))

    def if_(self, c: list[Any]) -> Any:
        return tree.If(((c[1], c[2]),), None, self.at(c[0], c[2]))

    def if_else(self, c: list[Any]) -> Any:
        cases, rest = [(c[1], c[2])], c[3:]
        if rest and type(rest[0]) is tuple:
            cases += _flat(rest.pop(0))
        otherwise = rest[0] if rest else None
        return tree.If(tuple(cases), otherwise, self.at(c[0], otherwise or cases[-1][1]))

    def elif_(self, c: list[Any]) -> Any:
        return (c[0], c[1])

    def residual(self, c: list[Any]) -> Any:
        return tree.Residual(c[1], c[2] if len(c) > 2 else None, self.at(c[0], c[-1]))

    def shortcut(self, c: list[Any]) -> Any:
        return tree.Shortcut(c[1] if len(c) > 2 else None, c[-1], self.at(c[0], c[-1]))

    def label(self, c: list[Any]) -> Any:
        if c[0].text == HOLE:
            return self.hole(c[0], c[-1])
        return tree.Labelled(c[0].text, c[1][0] if len(c) == 3 else None, c[-1], self.at(c[0], c[-1]))

    def labelled_residual(self, c: list[Any]) -> Any:
        """`x: residual: ...` and its shortcut on the next line."""
        return self.label([*c[:-3], self.residual(c[-3:])])

    def merge(self, c: list[Any]) -> Any:
        head, *args, branches = c
        name, name_span = (head.text, self.at(head)) if type(head) is Token else head
        branches = _flat(branches)
        if name == HOLE:
            return tree.Hole(tree.Suite(tuple(s for b in branches for s in b.statements), name_span), name_span)
        call = tree.Call(name, _ordered(args), name_span.to(args[-1].span) if args else name_span, name_span)
        return tree.Merge(call, branches, name_span.to(branches[-1].span))

    def branch(self, c: list[Any]) -> Any:
        statements = (c[1], *(_flat(c[2]) if len(c) > 2 else ()))
        return tree.Branch(statements, self.at(c[0], statements[-1]))

    def repeat(self, c: list[Any]) -> Any:
        return tree.Repeat(c[1], c[2].text if len(c) == 4 else None, c[-1], self.at(c[0], c[-1]))

    def for_(self, c: list[Any]) -> Any:
        word, *names, over, body = c
        return tree.For(tuple(n.text for n in names), over, body, self.at(word, body))

    def dense(self, c: list[Any]) -> Any:
        return tree.Dense(c[1], self.at(c[0], c[1]))

    def frozen(self, c: list[Any]) -> Any:
        return tree.Frozen(c[1], self.at(c[0], c[1]))

    def each(self, c: list[Any]) -> Any:
        return tree.Each(c[1].text if len(c) > 2 else None, c[-1], self.at(c[0], c[-1]))

    def output(self, c: list[Any]) -> Any:
        index = body = None
        last: Any = c[1]
        for x in c[2:]:
            if type(x) is tuple:
                index, last = x
            else:
                body = last = x
        return tree.Output(c[1].text, index, body, self.at(c[0], last))

    def input(self, c: list[Any]) -> Any:
        named = type(c[1]) is Token
        shape = c[2] if named else c[1]
        return tree.InputLine(c[1].text if named else None, shape, tuple(c[3 if named else 2 :]), self.at(c[0], c[-1]))

    # ---------------------------------------------------------------- a step
    def call(self, c: list[Any]) -> Any:
        name, span = c[0]
        return tree.Call(name, _ordered(c[1:]), span.to(c[-1].span) if len(c) > 1 else span, span)

    def path(self, c: list[Any]) -> Any:
        return (c[0].text if len(c) == 1 else ".".join(t.text for t in c), self.at(c[0], c[-1]))

    def kwarg(self, c: list[Any]) -> Any:
        return tree.Option(c[0].text, c[1], self.at(c[0], c[1]))

    def stride(self, c: list[Any]) -> Any:
        return tree.Stride(c[1], self.at(c[0], c[1]))

    def upto(self, c: list[Any]) -> Any:
        path, span = c[1]
        return tree.Upto(path, Span(self.source, c[0].line, c[0].column, span.end_line, span.end_column))

    def ref(self, c: list[Any]) -> Any:
        return tree.Reference(tuple(c[1:]), self.at(c[0], c[-1]))

    def spot(self, c: list[Any]) -> Any:
        return tree.Spot(c[0].text, c[1][0] if len(c) > 1 else None, self.at(c[0], c[1][1] if len(c) > 1 else None))

    def index(self, c: list[Any]) -> Any:
        return (c[0], c[1]) if len(c) == 2 else (c[1], c[2])

    # ---------------------------------------------------------------- expressions
    def num(self, c: list[Any]) -> Any:
        return tree.Number(c[0].text, self.at(c[0]))

    def dims(self, c: list[Any]) -> Any:
        return tree.Dims(shape_of(c[0].text), self.at(c[0]))

    def string(self, c: list[Any]) -> Any:
        return tree.Text(c[0].text[1:-1], self.at(c[0]))

    def name(self, c: list[Any]) -> Any:
        return tree.Name(c[0].text, self.at(c[0]))

    def in_(self, c: list[Any]) -> Any:
        return tree.Incoming(self.at(c[0]))

    def attr(self, c: list[Any]) -> Any:
        return tree.Attribute(c[0], c[1].text, self.at(c[0], c[1]))

    def item(self, c: list[Any]) -> Any:
        return tree.Item(c[0], c[-2], self.at(c[0], c[-1]))

    def func(self, c: list[Any]) -> Any:
        arguments = tuple(x for x in c[1:] if type(x) is not Token)
        return tree.Function(c[0].text, arguments, self.at(c[0], c[-1]))

    def list_(self, c: list[Any]) -> Any:
        return tree.Listing(tuple(c[1:-1]), False, self.at(c[0], c[-1]))

    def tuple_(self, c: list[Any]) -> Any:
        return tree.Listing(tuple(c[1:-1]), True, self.at(c[0], c[-1]))

    def neg(self, c: list[Any]) -> Any:
        return tree.Unary("-", c[1], self.at(c[0], c[1]))

    def not_(self, c: list[Any]) -> Any:
        return tree.Unary("not", c[1], self.at(c[0], c[1]))

    def binary(self, c: list[Any]) -> Any:
        return tree.Binary(c[1].text, c[0], c[2], self.at(c[0], c[2]))

    cmp = binary

    def or_(self, c: list[Any]) -> Any:
        return tree.Binary("or", c[0], c[1], self.at(c[0], c[1]))

    def and_(self, c: list[Any]) -> Any:
        return tree.Binary("and", c[0], c[1], self.at(c[0], c[1]))

    def cond(self, c: list[Any]) -> Any:
        return tree.Conditional(c[0], c[1], c[2], self.at(c[0], c[2]))

    def range(self, c: list[Any]) -> Any:
        return tree.Range(c[0], c[1], self.at(c[0], c[1]))


def _flat(pairs: Any) -> tuple[Any, ...]:
    """(((None, a), b), c) -> (a, b, c)."""
    out = []
    while pairs is not None:
        pairs, last = pairs
        out.append(last)
    return tuple(reversed(out))


def _suite(body: Any) -> tree.Suite | None:
    return body if isinstance(body, tree.Suite) else tree.Suite((body,), body.span)


def _ordered(args: list[Any]) -> tuple[Any, ...]:
    """Options last, a stride after the last argument that is surely positional: the order `fmt` writes."""
    if not any(type(a) in (tree.Option, tree.Stride, tree.Upto) for a in args[:-1]):
        return tuple(args)
    options = [a for a in args if type(a) is tree.Option]
    rest = [a for a in args if type(a) is not tree.Option]
    sure = max((k for k, a in enumerate(rest) if type(a) not in (tree.Name, tree.Stride, tree.Upto)), default=-1)
    early = [a for a in rest[: sure + 1] if type(a) in (tree.Stride, tree.Upto)]
    rest = [a for a in rest[: sure + 1] if type(a) not in (tree.Stride, tree.Upto)] + early + rest[sure + 1 :]
    return (*rest, *options)
