"""What the interactive page knows of a network, as plain values for JSON: boxes and blocks, arcs, numbers, places in the text.

A folded box, which stands for several steps, has each number three times: of the first, of the last, and of all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ir.graph import Graph, Input, Node
from ...plain import shown
from ...source import Source, Span
from ..drawing.looks import KINDS as BOXES
from ..drawing.looks import kind_of
from ..drawing.scene import same_drawing, shape_range
from ..numbers.counts import NodeCounts, count
from ..numbers.formulas import formula_texts
from ..numbers.receptive import Field, receptive_fields
from ..reading.arcs import drawn_inputs, refers
from ..reading.boxes import arcs_between, drawn, stands_for
from ..reading.calls import own_calls
from ..reading.closing import unknown
from ..reading.outline import outline
from ..reading.steps import Group, Item, Repeat, Step, steps
from ..tables.rows import bytes_of
from ..tables.summary import source_name, title
from .times import Times

KINDS = ("data", "skip", "reference")
Data = dict[str, Any]


@dataclass(frozen=True)
class Start:
    """What the page shows at first: blocks open to a depth, or as many as fit; some more open; one block or step chosen."""

    depth: int | None = None
    open: tuple[str, ...] = ()
    focus: str | None = None


def contents(graph: Graph, times: Times | None = None, start: Start | None = None) -> tuple[Data, tuple[Source, ...]]:
    """All of the page's data, and the texts that its places are in. Raises UsageError for a path to start with that is none."""
    made = _Contents(graph, times)
    data = made.data()
    return data | {"start": made.start(start or Start())}, tuple(made.sources)


class _Contents:
    """The data under construction. What comes again and again is kept once, in a table, and told by its number."""

    def __init__(self, graph: Graph, times: Times | None):
        self.graph, self.times = graph, times
        self.numbers: dict[str, NodeCounts] = {}
        self.sources: dict[Source, int] = {}
        self.given = {s.last.name for s in steps(graph)}  # the nodes whose values memory is counted of, as in tables
        self.table: dict[str, int] = {}
        self.paths: list[str] = []  # of the blocks
        self.shown_as: list[tuple[str, str]] = []  # the path of a further turn, and of the first, which stands for it

    def data(self) -> Data:
        graph = self.graph
        counts = count(graph)
        self.numbers = {c.name: c for c in counts.nodes}
        known = all(n.type.known for n in graph.inputs)
        self.fields = receptive_fields(graph) if known else {}
        reads = {n.name: drawn_inputs(graph, n) for n in graph}
        items = outline(graph, same_drawing, join=True, reads=lambda n: reads[n.name])
        self.stands = stands_for(items)
        for n in sorted(graph, key=lambda n: -len(n.spans))[:1]:  # the net's own file first
            self.at(n.spans[::-1])
        ends = [{"id": f"output {public}", "text": shown(public), "kind": "input",
                 "shape": shape_range(graph.maker[v], graph.maker[v])} for public, v in graph.outputs]
        number = {name: k for k, name in enumerate([*(s.name for s in drawn(items)), *(str(e["id"]) for e in ends)])}
        self.box = box = {v.name: name for name, steps in self.stands.items() for s in steps for n in s.nodes for v in n.results}
        arcs = [[number[s], number[t], KINDS.index(kind), *([refers(n)] if kind == "reference" else [])]
                for (s, t, kind), n in arcs_between(graph, items, reads).items()]
        arcs += [[number[box[v]], number[f"output {public}"], 0] for public, v in graph.outputs]
        of = {} if self.times is None else {entry: self.times.said(entry) for entry in self.times.seconds}
        return {"name": shown(graph.name), "title": title(graph, Path(source_name(graph) or "").name), "counts": str(counts), "arcs": arcs, "times": of,
                "items": [*self.items(items, "", ()), *ends], "table": [json.loads(text) for text in self.table],
                "sources": [shown(Path(s.name).name) for s in self.sources], "kinds": {kind: look.word for kind, look in BOXES.items()}}

    def start(self, start: Start) -> Data:
        """The same with each path as that of what is drawn."""
        blocks, steps = list(dict.fromkeys(self.paths)), [n.name for n in self.graph]
        opened = [self.path(p, blocks, "block") for p in start.open]
        focus = None if start.focus is None else self.path(start.focus, [*blocks, *steps], "block or step")
        return {"depth": start.depth, "open": opened, "focus": self.box.get(focus or "", focus)}

    def path(self, path: str, known: Sequence[str], what: str) -> str:
        for turn, first in self.shown_as:
            if path == turn or path.startswith(turn + "."):
                path = first + path[len(turn):]
        if path not in known:
            raise unknown(path, known, what)
        return path

    def items(self, items: Sequence[Item], scope: str, call: tuple[Span, ...]) -> Iterator[Data]:
        for item in items:
            if isinstance(item, Step):
                yield self.step(item)
            elif isinstance(item, Group):
                yield self.block(item.items, item.path, _within(item.path, scope), 1, call)
            else:
                yield self.repeat(item, scope, call)

    def repeat(self, item: Repeat, scope: str, call: tuple[Span, ...]) -> Data:
        first, last = item.turns[0], item.turns[-1]
        if len(first) == 1 and isinstance(first[0], Step):
            return self.step(first[0], item.times)
        if len(first) == 1 and isinstance(first[0], Group) and isinstance(last[0], Group):
            name = f"{_within(first[0].path, scope)} … {_within(last[0].path, scope)}"
            self.shown_as += [(t[0].path, first[0].path) for t in item.turns[1:] if isinstance(t[0], Group)]
            return self.block(first[0].items, first[0].path, name, item.times, call)
        return self.block(first, scope, "", item.times, call)

    def block(self, items: Sequence[Item], path: str, name: str, times: int, around: tuple[Span, ...]) -> Data:
        self.paths.append(path)
        number = len(self.paths)
        own = own_calls(items, around)
        data = {"id": f"block {number}", "path": path if name else "", "name": shown(name),
                "call": shown(self.graph.calls.get(path, "")), "at": self.at((*own[:1], *reversed(around))),
                "items": list(self.items(items, path, (*around, *own)))}
        return data | ({"times": times} if times > 1 else {})

    def step(self, step: Step, times: int = 1) -> Data:
        stood = self.stands[step.name]
        sign = getattr(step.head.op, "symbol", "")
        is_input = isinstance(step.head.op, Input)
        marks = (*step.switches, *(["frozen"] if step.frozen else []), *([f"weights of {step.shared}"] if step.shared else []))
        data = {"id": step.name, "text": shown(step.name if is_input else step.text), "kind": kind_of(step.head),
                "shape": shape_range(step.last, stood[-1].last), "at": self.at(step.head.spans),
                "nodes": [[shown(a.name.removeprefix(step.name)), self.node(a, b)] for a, b in zip(step.nodes, stood[-1].nodes)]}
        numbers = {"parameters": self.three(stood, lambda n: self.numbers[n.name].parameters),
                   "macs": self.three(stood, lambda n: self.numbers[n.name].macs),
                   "bytes": self.three(stood, lambda n: bytes_of(n) if n.name in self.given else 0)}
        data |= {name: of for name, of in numbers.items() if of != 0}
        if any(seen := [_seen(self.fields.get(s.last.name, {})) for s in (stood[0], stood[-1])]):
            data["sees"] = [self.once(s) for s in (seen if seen[0] != seen[1] else seen[:1])]
        if sign:
            data["sign"] = shown(sign)
        if marks:
            data["marks"] = [shown(m) for m in marks]
        if also := [at for at in dict.fromkeys(self.at(s.head.spans) for s in stood) if at != data["at"]]:
            data["also"] = also
        if len(stood) > 1:
            data |= {"stands": len(stood), "last": shown(stood[-1].name)}
        if times > 1:
            data["times"] = times
        if self.times is not None:
            data["seconds"] = {entry: self.three(stood, lambda n, of=of: of.get(n.name, 0.0))
                               for entry, of in self.times.seconds.items()}
        return data

    def node(self, first: Node, last: Node) -> int:
        """A layer of a step; where it stands for several, with the shapes of the last as well. Its number in the table."""
        types = tuple(self.graph.values[i].type for i in first.inputs)
        data: Data = {"text": shown(first.op), "shape": shape_range(first, last)}
        reads = [shape_range(self.graph.maker[a], self.graph.maker[b]) for a, b in zip(first.inputs, last.inputs)]
        if reads:
            data["reads"] = reads
        if all(t.known for t in types) and not isinstance(first.op, Input):
            data["formulas"] = [self.once(t) for t in formula_texts(first, types)]
        if first.parameters:
            data["parameters"] = [[shown(p.name.removeprefix(first.name + ".")), "×".join(map(str, p.shape)), p.size]
                                  for p in first.parameters]
        return self.once(data)

    def once(self, value: object) -> int:
        """Its number in the table."""
        return self.table.setdefault(json.dumps(value), len(self.table))

    def three(self, stood: Sequence[Step], number: Any) -> list[float | None] | float | None:
        """A number of the first, the last and all steps that a box stands for; None where it is not known."""
        each = [_sum([number(n) for n in s.nodes]) for s in stood]
        return each[0] if len(each) == 1 else [each[0], each[-1], _sum(each)]

    def at(self, spans: Sequence[Span]) -> int:
        """Source and line of each span, innermost first: their number in the table."""
        return self.once([[self.sources.setdefault(s.source, len(self.sources)), s.line] for s in spans])


def _sum(numbers: Sequence[Any]) -> Any:
    return None if None in numbers else sum(numbers)


def _within(path: str, scope: str) -> str:
    return path[len(scope) + 1:] if scope else path


def _seen(fields: dict[str, tuple[Field, ...]]) -> list[list[str]]:
    """Of each input: its name, how many places are seen, how far on the neighbour's begin, where the first does: `3×3`, and `2`
    where it is so along all axes."""
    return [[shown(name), "×".join(str(f.size) for f in axes), _axes([f.stride for f in axes]), _axes([f.start for f in axes])]
            for name, axes in fields.items() if axes]


def _axes(numbers: Sequence[object]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else "×".join(map(str, numbers))
