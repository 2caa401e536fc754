"""The summary of a network: a table a person reads, the same as JSON, and as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import PurePath
from typing import Any

from ...diagnostics import UsageError
from ...ir.graph import Graph, Input, Node
from ...ir.types import shape_text
from ...plain import shown
from ..numbers.counts import Counts, NodeCounts, count
from ..numbers.receptive import Field, receptive_fields
from ..reading.outline import outline
from ..reading.steps import Group, Item, Repeat, Step, line_of, op_name

WIDTH = 100
HEADS = ("name", "step", "shape", "parameters", "MACs", "line")
FIELD = "receptive field"
SCHEMA = "netspec.summary/1"


@dataclass(frozen=True)
class Row:
    """One line of the table; a heading of a group has a name only."""

    name: str
    depth: int
    step: str = ""
    shape: str = ""
    parameters: str = ""
    macs: str = ""
    line: str = ""
    node: str = ""  # the value it stands for; none for a heading
    field: str | None = None  # None: it was not asked for

    @property
    def cells(self) -> tuple[str, ...]:
        cells = ("  " * self.depth + self.name, self.step, self.shape, self.parameters, self.macs, self.line)
        return cells if self.field is None else (*cells, self.field)


@dataclass(frozen=True, repr=False)
class Summary:
    """Printed, it is a table; `data` is the same as plain values, `_repr_html_` shows it in a notebook."""

    graph: Graph
    receptive: bool = False  # whether it tells what each value sees of the inputs

    @cached_property
    def heads(self) -> tuple[str, ...]:
        return (*HEADS, FIELD) if self.receptive else HEADS

    @cached_property
    def fields(self) -> dict[str, dict[str, tuple[Field, ...]]]:
        """Receptive fields by node and input; empty where they were not asked for."""
        return receptive_fields(self.graph) if self.receptive else {}

    @cached_property
    def counts(self) -> Counts:
        return count(self.graph)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        numbers = {c.name: c for c in self.counts.nodes}
        rows = _rows(outline(self.graph, lambda n: (*_alike(n, numbers), str(self.fields.get(n.name)))), "", 0, numbers)
        if not self.receptive:
            return tuple(rows)
        return tuple(replace(r, field=field_text(self.fields[r.node]) if r.node else "") for r in rows)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know and the table does not say."""
        said = [f"{'line ' + str(w.span.line) + ', ' if w.span else ''}{w.as_json()['message']}"
                for w in self.graph.warnings if w.severity == "note" and w.code != "lost-pixels"]
        return (*_lost(self.counts), *said)

    def __repr__(self) -> str:
        """One line; `print` shows the table."""
        t = self.counts.totals
        return f"Summary of {self.graph.name}: {len(self.graph.nodes)} nodes, {t.trainable + t.frozen:,} parameters"

    def __str__(self) -> str:
        table = [self.heads, *(tuple(map(shown, r.cells)) for r in self.rows)]
        widths = _widths(table)
        lines = [title(self.graph), "", *(_line(cells, widths) for cells in table)]
        lines.insert(3, "-" * len(lines[2]))
        lines += ["-" * len(lines[2]), str(self.counts)]
        lines += [f"note: {shown(n)}" for n in self.notes]
        return "\n".join(lines) + "\n"

    def data(self) -> dict[str, Any]:
        """Plain values, as `netspec summary --format json` prints them. Shapes leave the batch out; None is `?`."""
        values = self.graph.values
        t = self.counts.totals
        return {
            "schema": SCHEMA,
            "net": self.graph.name,
            "file": source_name(self.graph),
            "inputs": {n.name: list(n.type.shape) for n in self.graph.inputs},
            "outputs": {public: list(values[v].type.shape) for public, v in self.graph.outputs},
            "nodes": [_node_data(c) | ({"receptive_field": _field_data(self.fields[c.name])} if self.receptive else {})
                      for c in self.counts.nodes],
            "totals": {"trainable": t.trainable, "frozen": t.frozen, "buffers": t.buffers, "macs": t.macs},
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        align = ("left", "left", "left", "right", "right", "right", "left")
        head = "".join(f'<th style="text-align:{a}">{escape(h)}</th>' for h, a in zip(self.heads, align))
        body = "".join("<tr>" + "".join(f'<td style="text-align:{a};white-space:pre">{escape(shown(c))}</td>'
                                        for c, a in zip(r.cells, align)) + "</tr>"
                       for r in self.rows)
        notes = "".join(f"<p>note: {escape(shown(n))}</p>" for n in self.notes)
        return (f"<p><b>{escape(title(self.graph))}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
                f"<p>{escape(str(self.counts))}</p>{notes}")


def summarise(graph: Graph, receptive_field: bool = False) -> Summary:
    """The summary of a layer graph; with `receptive_field`, also what each value sees of the inputs, every size of which
    must then be known."""
    unknown = next((n for n in graph.inputs if not n.type.known), None)
    if receptive_field and unknown is not None:
        raise UsageError(
            f"a receptive field needs the size of the input, and `{unknown.name}` is {shape_text(unknown.type.shape)}",
                         hint=f"--input {'x'.join(str(n or 224) for n in unknown.type.shape)}", code="unknown-size")
    return Summary(graph, receptive_field)


def field_text(fields: dict[str, tuple[Field, ...]]) -> str:
    """`51 /8 @-16`: 51 places seen, 8 on for each neighbour, the first at -16. Axes that differ stand side by side."""
    return "; ".join((f"{name} " if len(fields) > 1 else "") + " ".join(
        sign + (texts[0] if len(set(texts)) == 1 else "x".join(texts))
        for sign, texts in (("", [str(f.size) for f in axes]), ("/", [str(f.stride) for f in axes]),
                            ("@", [str(f.start) for f in axes]))
        if sign == "" or any(f.stride for f in axes)) for name, axes in fields.items() if axes)


def _field_data(fields: dict[str, tuple[Field, ...]]) -> dict[str, Any]:
    """Sizes, strides and starts by axis, for every input the value depends on."""
    return {name: {"size": [f.size for f in axes],
                   "stride": [int(f.stride) if f.stride.denominator == 1 else float(f.stride) for f in axes],
                   "start": [f.start for f in axes]} for name, axes in fields.items()}


def title(graph: Graph) -> str:
    """`lenet5 (specs/lenet.net): 1x32x32 -> 10`."""
    ins = ", ".join((f"{n.name} " if len(graph.inputs) > 1 else "") + shape_text(n.type.shape) for n in graph.inputs)
    outs = ", ".join((f"{k} " if len(graph.outputs) > 1 else "") + shape_text(graph.values[v].type.shape)
                     for k, v in graph.outputs)
    where = source_name(graph)
    return shown(f"{graph.name}{f' ({where})' if where else ''}: {ins} -> {outs}")


def source_name(graph: Graph) -> str | None:
    """The file that holds the net: that of the outermost span of its first input."""
    return next((n.spans[-1].source.name for n in graph if n.spans), None)


def _node_data(c: NodeCounts) -> dict[str, Any]:
    n = c.node
    data = {"name": n.name, "op": op_name(n), "step": str(n.op), "inputs": list(n.inputs), "shape": list(c.shape),
            "parameters": c.parameters, "buffers": c.buffers, "macs": c.macs, "line": line_of(n)}
    if n.spans and n.spans[0].source.name != n.spans[-1].source.name:
        data["file"] = n.spans[0].source.name
    if n.type.batch != 1:
        data["views"] = n.type.batch
    return data


def _alike(n: Node, numbers: dict[str, NodeCounts]) -> Any:
    c = numbers[n.name]
    return str(n.op), n.type, tuple(p.shape for p in n.parameters), c.parameters, c.buffers, c.macs, line_of(n)


def _rows(items: Sequence[Item], scope: str, depth: int, numbers: dict[str, NodeCounts]) -> Iterator[Row]:
    for item in items:
        if isinstance(item, Step):
            yield _row(item, scope, depth, numbers)
        elif isinstance(item, Group):
            yield Row(_within(item.path, scope), depth)
            yield from _rows(item.items, item.path, depth + 1, numbers)
        elif len(item.turns[0]) == 1 and isinstance(item.turns[0][0], Step):  # a row each is as short
            for turn in item.turns:
                yield from _rows(turn, scope, depth, numbers)
        else:
            first, last = item.turns[0], item.turns[-1]
            yield Row(_repeat_heading(item, scope), depth)
            inner = first[0].items if len(first) == 1 and isinstance(first[0], Group) else first
            yield from _rows(inner, first[0].path if inner is not first and isinstance(first[0], Group) else scope, depth + 1,
                             numbers)
            assert len(last) == len(first)


def _repeat_heading(item: Repeat, scope: str) -> str:
    first, last = item.turns[0][0], item.turns[-1][0]
    if len(item.turns[0]) == 1 and isinstance(first, Group) and isinstance(last, Group):
        return f"{_within(first.path, scope)} .. {_within(last.path, scope)}: {item.times} times"
    return f"{item.times} times"


def _row(step: Step, scope: str, depth: int, numbers: dict[str, NodeCounts]) -> Row:
    parts = [numbers[n.name] for n in step.nodes]
    parameters = sum(c.parameters for c in parts)
    macs = None if any(c.macs is None for c in parts) else sum(c.macs or 0 for c in parts)
    t = step.last.type
    shape = ("" if t.batch == 1 else f"{t.batch} x ") + shape_text(t.shape)
    text = "input" if isinstance(step.head.op, Input) else str(step) + (" (frozen)" if step.frozen else "")
    return Row(_within(step.name, scope), depth, text, shape, f"{parameters:,}" if parameters else "shared" if step.shared
               else "", "?" if macs is None else f"{macs:,}" if macs else "", _place(step.head), node=step.last.name)


def _place(n: Node) -> str:
    """The line of a step; of an imported one, with its file."""
    if not n.spans:
        return ""
    inner, outer = n.spans[0], n.spans[-1]
    return f"{inner.line}" if inner.source.name == outer.source.name else f"{PurePath(inner.source.name).stem}:{inner.line}"


def _within(path: str, scope: str) -> str:
    return path[len(scope) + 1:] if scope else path


def _widths(table: Sequence[tuple[str, ...]]) -> list[int]:
    """Natural widths; where the table is wider than a page, the step column and then the name column give way. Names of
    groups stand alone on their line and need no room."""
    rows = [cells for cells in table if any(cells[1:])]
    widths = [max(len(c[k]) for c in rows) for k in range(len(table[0]))]
    for k in (1, 0):
        widths[k] -= max(0, min(sum(widths) + 2 * len(widths) - 2 - WIDTH, widths[k] - 20))
    return widths


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    if not any(cells[1:]):
        return cells[0]
    out = []
    for k, (text, width) in enumerate(zip(cells, widths)):
        text = text if len(text) <= width else text[:width - 3] + "..."
        out.append(text.ljust(width) if k < 3 or k == len(HEADS) else text.rjust(width))
    return "  ".join(out).rstrip()


def _lost(counts: Counts) -> Iterator[str]:
    """A line for each step of the spec that leaves pixels over."""
    found: dict[tuple[Any, ...], list[NodeCounts]] = {}
    for c in counts.nodes:
        if c.lost:
            found.setdefault((line_of(c.node), c.lost.pixels, c.lost.image), []).append(c)
    for same in found.values():
        c, lost = same[0], same[0].lost
        assert lost is not None
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        line = line_of(c.node)
        what = f"{_amount(lost.image)} of its input" if any(lost.image) else f"{_amount(lost.pixels)} of padding"
        yield f"{f'line {line}, ' if line else ''}{c.name}{more} does not read the last {what}: {lost.formula}"


def _amount(pixels: tuple[int, ...]) -> str:
    axes = {1: ("place",), 2: ("row", "column"), 3: ("plane", "row", "column")}[len(pixels)]
    return " and ".join(f"{n} {axis}{'s' if n > 1 else ''}" for n, axis in zip(pixels, axes) if n)
