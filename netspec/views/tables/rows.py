"""The rows of a summary: steps, blocks that are closed with their subtotals, and headings of those that are open.

A block is a named scope, or a run of equal turns. Blocks lie within each other; a table of depth 1 shows the outermost ones
closed, one of depth 2 what they hold, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal

from ...ir.graph import Graph, Input, Node
from ...ir.types import shape_text
from ...source import Span
from ..numbers.counts import NodeCounts
from ..reading.arcs import drawn_inputs
from ..reading.calls import own_calls
from ..reading.steps import Group, Item, Repeat, Step, leaves, nodes_of

FLOAT = 4  # bytes
Numbers = Mapping[str, NodeCounts]


@dataclass(frozen=True)
class Row:
    """One line of the table. Numbers are those of all that it stands for; a `heading` has those of the rows below it, every
    turn of them."""

    kind: Literal["step", "block", "heading"]
    path: str  # of the step or scope in the net; of several turns that of the first
    scope: str  # the path of what it lies in
    name: str  # the same as it stands in the table, below its heading
    depth: int
    step: str
    nodes: tuple[Node, ...]
    last: Node | None  # whose value it gives, where that is one
    times: int = 1  # turns it stands for
    reads: tuple[str, ...] = ()  # what it reads, by the paths of their rows
    chained: bool = False  # whether that is simply the value of the row above
    parameters: int = 0
    shared: bool = False
    macs: int | None = 0
    bytes: int | None = None  # of what its steps give, for one sample in float32

    @property
    def shape(self) -> str:
        if self.last is None:
            return ""
        t = self.last.type
        return ("" if t.batch == 1 else f"{t.batch} x ") + shape_text(t.shape)

    @property
    def line(self) -> str:
        """The line of the spec; of what is imported, with its file."""
        if not self.nodes or not self.nodes[0].spans or self.kind != "step":
            return ""
        inner, outer = self.nodes[0].spans[0], self.nodes[0].spans[-1]
        return f"{inner.line}" if inner.source.name == outer.source.name else f"{PurePath(inner.source.name).stem}:{inner.line}"


def rows(graph: Graph, items: Sequence[Item], numbers: Numbers, depth: int) -> tuple[Row, ...]:
    """The rows of an outline, blocks at that depth closed."""
    made = _Rows(graph, numbers, depth)
    found = list(made.within(items, "", 0, ()))
    return tuple(_reading(graph, found, made.row_of))


def bytes_of(n: Node) -> int | None:
    """What the value of a node takes for one sample in float32; None where its size is not known."""
    return n.type.size * max(n.type.batch, 1) * FLOAT if n.type.known else None


def deepest(items: Sequence[Item]) -> int:
    """The depth at which every block is open."""
    found = 0
    for item in items:
        if isinstance(item, Group):
            found = max(found, deepest(item.items))
        elif isinstance(item, Repeat) and not _single(item):
            found = max(found, deepest(_inside(item)))
    return found + 1


class _Rows:
    """Makes them, and remembers in which row each node is."""

    def __init__(self, graph: Graph, numbers: Numbers, depth: int):
        self.numbers, self.depth = numbers, depth
        self.graph, self.outputs = graph, {v for _, v in graph.outputs}
        self.row_of: dict[str, str] = {}

    def within(self, items: Sequence[Item], scope: str, depth: int, around: Sequence[Span]) -> Iterator[Row]:
        for item in items:
            if isinstance(item, Step):
                yield self.step(item, scope, depth)
            elif isinstance(item, Repeat) and _single(item):  # a row each is as short
                for turn in item.turns:
                    yield from self.within(turn, scope, depth, around)
            else:
                yield from self.block(item, scope, depth, around)

    def step(self, step: Step, scope: str, depth: int) -> Row:
        self.row_of.update({n.name: step.name for n in step.nodes})
        text = "input" if isinstance(step.head.op, Input) else str(step) + (" (frozen)" if step.frozen else "")
        row = self.counted("step", step.name, scope, below(step.name, scope), depth, text, [step])
        return replace(row, shared=bool(step.shared))

    def block(self, item: Group | Repeat, scope: str, depth: int, around: Sequence[Span]) -> Iterator[Row]:
        """One row for a block that is closed; a heading and what it holds for an open one."""
        steps = list(leaves([item]))
        first = item.turns[0] if isinstance(item, Repeat) else [item]
        turn = nodes_of(first)
        calls = own_calls(first if isinstance(item, Repeat) else item.items, around)
        group = first[0] if len(first) == 1 and isinstance(first[0], Group) else None
        path, name, text = _title(item, scope, self.graph.calls.get(group.path, "") if group else "")
        times = item.times if isinstance(item, Repeat) else 1
        closed = depth + 1 >= self.depth
        row = replace(self.counted("block" if closed else "heading", path, scope, name, depth, text, steps), times=times)
        if closed:
            self.row_of.update({n.name: path or turn[0].name for n in row.nodes})
            yield row
            return
        yield row
        yield from self.within(_inside(item), path or scope, depth + 1, (*around, *calls))
        if isinstance(item, Repeat):  # every turn is shown as the first
            for other in item.turns[1:]:
                for a, b in zip(leaves(first), leaves(other)):
                    self.row_of.update({n.name: self.row_of[a.nodes[0].name] for n in b.nodes})

    def counted(self, kind: Literal["step", "block", "heading"], path: str, scope: str, name: str, depth: int, text: str,
                steps: Sequence[Step]) -> Row:
        nodes = tuple(n for s in steps for n in s.nodes)
        seen = nodes[-1:] if kind == "step" else self.exits(nodes)
        sizes = [bytes_of(s.last) for s in steps]
        parts = [self.numbers[n.name] for n in nodes]
        macs = None if any(c.macs is None for c in parts) else sum(c.macs or 0 for c in parts)
        return Row(kind, path, scope, name, depth, text, nodes, seen[0] if len(seen) == 1 else None,
                   parameters=sum(c.parameters for c in parts),
                   macs=macs, bytes=None if None in sizes else sum(s or 0 for s in sizes))

    def exits(self, nodes: Sequence[Node]) -> list[Node]:
        """Those of a block that something outside it reads, or that are outputs."""
        own = {n.name for n in nodes}
        return [n for n in nodes if any(v.name in self.outputs or any(r.name not in own for r in self.graph.readers[v.name])
                                        for v in n.results)]


def _single(item: Repeat) -> bool:
    """Whether its turns are single steps."""
    return len(item.turns[0]) == 1 and isinstance(item.turns[0][0], Step)


def _inside(item: Group | Repeat) -> tuple[Item, ...]:
    """What a block holds: a run of turns that are one scope each holds what is in the first."""
    if isinstance(item, Group):
        return item.items
    first = item.turns[0]
    return first[0].items if len(first) == 1 and isinstance(first[0], Group) else first


def _title(item: Group | Repeat, scope: str, call: str) -> tuple[str, str, str]:
    """The path of a block, its name below its heading, and what is said of it."""
    if isinstance(item, Group):
        return item.path, below(item.path, scope), call
    first, last = item.turns[0][0], item.turns[-1][0]
    times = f"{item.times} times" + (f" {call}" if call else "")
    if len(item.turns[0]) == 1 and isinstance(first, Group) and isinstance(last, Group):
        return first.path, run_of(below(first.path, scope), below(last.path, scope)), times
    ends = [next(leaves(item.turns[0])), list(leaves(item.turns[-1]))[-1]]
    return "", run_of(*(below(s.name, scope) for s in ends)), times


def run_of(first: str, last: str) -> str:
    """`unit2..36`; names that differ in more than their number in full."""
    word = first.rstrip("0123456789")
    number = last.removeprefix(word)
    return f"{first}..{number}" if first != word and last.startswith(word) and number.isdigit() else f"{first} .. {last}"


def below(path: str, scope: str) -> str:
    """A path as it is called within a scope: without what both begin with."""
    while scope and not path.startswith(scope + "."):
        scope = scope.rpartition(".")[0]
    return path[len(scope) + 1:] if scope else path


def _reading(graph: Graph, found: Sequence[Row], row_of: Mapping[str, str]) -> Iterator[Row]:
    """The rows with what each reads; of several turns what the first does."""
    above = ""
    for row in found:
        if row.kind == "heading":
            yield row
            continue
        turn = row.nodes[:len(row.nodes) // row.times]
        own = {n.name for n in turn}
        makers = tuple(dict.fromkeys(row_of[graph.maker[v].name] for n in turn for v in drawn_inputs(graph, n)
                                     if graph.maker[v].name not in own))
        yield replace(row, reads=makers, chained=makers in ((above,), ()))
        above = row_of[turn[-1].name]
