"""The summary of a network: a table a person reads, the same as JSON, and as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...diagnostics import UsageError
from ...ir.graph import Graph, Node
from ...ir.types import shape_text
from ...plain import shown
from ..numbers.counts import Counts, NodeCounts, count
from ..numbers.receptive import Field, receptive_fields
from ..reading.outline import outline
from ..reading.steps import Item, likeness, line_of, op_name
from .rows import Row, below, bytes_of, deepest, rows
from .table import Column, Line, Table
from .tabulated import Tabulated

SCHEMA = "netspec.summary/1"
ABOUT = 6  # lines above and below the rows of a table
FEW = 12  # rows that are never too many
PAGE, LINES = 80, 40  # a table that would have more lines than a page closes blocks until it has so few


@dataclass(frozen=True, repr=False)
class Summary(Tabulated):
    """Printed, it is a table; `data` is the same as plain values, and a notebook shows it by itself. `to_markdown`, `to_csv`,
    `to_latex` and `to_html` write it for elsewhere."""

    graph: Graph
    receptive: bool = False  # whether it tells what each value sees of the inputs
    asked: int | None = None  # how deep blocks are open; None: as fits
    memory: bool = False  # whether it tells how many bytes what each step gives takes

    @cached_property
    def fields(self) -> dict[str, dict[str, tuple[Field, ...]]]:
        """Receptive fields by node and input; empty where they were not asked for."""
        return receptive_fields(self.graph) if self.receptive else {}

    @cached_property
    def counts(self) -> Counts:
        return count(self.graph)

    @cached_property
    def _numbers(self) -> dict[str, NodeCounts]:
        return {c.name: c for c in self.counts.nodes}

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        return outline(self.graph, lambda n: (*_alike(n, self._numbers), str(self.fields.get(n.name))))

    @cached_property
    def whole(self) -> int:
        """The depth at which every block is open."""
        return deepest(self._items)

    @cached_property
    def depth(self) -> int:
        """How deep blocks are open: at 1 all are closed."""
        if self.asked is not None:
            return min(self.asked, self.whole)
        about = ABOUT + len(self.notes) + self.memory
        if len(self._at(self.whole)) + about <= PAGE:
            return self.whole
        return next((d for d in range(self.whole - 1, 1, -1) if len(self._at(d)) + about < max(LINES, about + FEW)), 1)

    def _at(self, depth: int) -> tuple[Row, ...]:
        return rows(self.graph, self._items, self._numbers, depth)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return self._at(self.depth)

    @property
    def closed(self) -> tuple[str, ...]:
        """What to say where blocks are closed."""
        depth, whole = self.depth, self.whole
        more = f"--depth {depth + 1} opens more, " if depth < whole - 1 else ""
        return (f"closed blocks: {more}--depth {whole} opens all",) if depth < whole else ()

    @cached_property
    def table(self) -> Table:
        """The table that all formats write."""
        t = self.counts.totals
        shares = (t.trainable + t.frozen, t.macs or 0)
        lines = tuple(Line((r.name, *self._cells(r, shares)), r.depth, r.kind == "heading") for r in self.rows)
        heads = [Column("name", least=24), Column("step", least=30), Column("reads", least=16, spared=1), Column("shape"),
                   Column("parameters", "right"), Column("%", "right", spared=2), Column("MACs", "right"), Column("%", "right", spared=2),
                   *([Column("memory", "right")] if self.memory else []), Column("line", "right", spared=3),
                   *([Column("receptive field")] if self.receptive else [])]
        memory = [f"memory is that of what each step gives, for one sample in float32; {self._total()} in all"] if self.memory else []
        foot = (str(self.counts), *memory, *self.closed, *(f"note: {n}" for n in self.notes))
        return Table(title(self.graph), tuple(heads), lines, foot, self._records)

    def _cells(self, r: Row, shares: tuple[int, int]) -> tuple[str, ...]:
        numbers = [f"{r.parameters:,}" if r.parameters else "shared" if r.shared else "", _share(r.parameters, shares[0]),
                   "?" if r.macs is None else f"{r.macs:,}" if r.macs else "", _share(r.macs or 0, shares[1])]
        more = [("?" if r.bytes is None else amount(r.bytes))] if self.memory else []
        field = [field_text(self.fields[r.last.name]) if r.last is not None else ""] if self.receptive else []
        return (r.step, "" if r.chained else ", ".join(below(p, r.scope) for p in r.reads), r.shape, *numbers, *more, r.line, *field)

    def _total(self) -> str:
        sizes = [r.bytes for r in self._at(1)]
        return "?" if None in sizes else amount(sum(s or 0 for s in sizes))

    def _records(self) -> Iterator[dict[str, Any]]:
        """A record for each step, and for each block that is closed where a depth was given: all numbers of the network, once."""
        t = self.counts.totals
        items = outline(self.graph, lambda n: n.name)  # nothing is folded
        for r in rows(self.graph, items, self._numbers, self.asked or deepest(items)):
            if r.kind == "heading":
                continue
            yield {"name": r.path, "step": r.step, "reads": " ".join(r.reads), "shape": r.shape,
                   "parameters": r.parameters, "parameters %": _percent(r.parameters, t.parameters),
                   "MACs": r.macs, "MACs %": _percent(r.macs, t.macs),
                   **({"memory": r.bytes} if self.memory else {}), "line": r.line,
                   **({"receptive field": field_text(self.fields[r.last.name]) if r.last else ""} if self.receptive else {})}

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

    def data(self) -> dict[str, Any]:
        """Plain values, as `netspec summary --format json` prints them. Shapes leave the batch out; None is `?`."""
        values = self.graph.values
        t = self.counts.totals
        rows = {"rows": [*map(self._row_data, self.rows)]} if self.asked is not None else {}
        return {
            "schema": SCHEMA,
            "net": self.graph.name,
            "file": source_name(self.graph),
            "inputs": {n.name: list(n.type.shape) for n in self.graph.inputs},
            "outputs": {public: list(values[v].type.shape) for public, v in self.graph.outputs},
            "nodes": [_node_data(c) | ({"receptive_field": _field_data(self.fields[c.name])} if self.receptive else {})
                      | ({"bytes": bytes_of(c.node)} if self.memory else {}) for c in self.counts.nodes],
            **rows,
            "totals": {"trainable": t.trainable, "frozen": t.frozen, "buffers": t.buffers, "macs": t.macs},
            "notes": list(self.notes),
        }

    def _row_data(self, r: Row) -> dict[str, Any]:
        shape = None if r.last is None else list(r.last.type.shape)
        return {"kind": r.kind, "name": r.path, "depth": r.depth + 1, "step": r.step, "times": r.times, "reads": list(r.reads),
                "shape": shape, "parameters": r.parameters, "macs": r.macs, **({"bytes": r.bytes} if self.memory else {})}


def summarise(graph: Graph, receptive_field: bool = False, depth: int | None = None, memory: bool = False) -> Summary:
    """The summary of a layer graph.

    receptive_field  also what each value sees of the inputs, every size of which must then be known
    depth            how deep blocks are open; all of them where that fits 80 lines, else as deep as fits 40, unless it is given
    memory           also the bytes that what each step gives takes
    """
    for name, asked in (("receptive_field", receptive_field), ("memory", memory)):
        if not isinstance(asked, bool) and type(asked).__name__ != "bool_":
            raise UsageError(f"{name} is True or False, not {shown(repr(asked))[:60]}", hint=f"{name}=True", code="bad-value")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise UsageError(f"a depth is a whole number from 1, and not {depth!r}", hint="depth=1 closes all blocks")
    unknown = next((n for n in graph.inputs if not n.type.known), None)
    if receptive_field and unknown is not None:
        raise UsageError(
            f"a receptive field needs the size of the input, and `{unknown.name}` is {shape_text(unknown.type.shape)}",
                         hint=f"--input {'x'.join(str(n or 224) for n in unknown.type.shape)}", code="unknown-size")
    return Summary(graph, receptive_field, depth, memory)


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


def title(graph: Graph, where: str | None = None) -> str:
    """`lenet5 (specs/lenet.net): 1x32x32 -> 10`; `where` is the place that it names, that of the file unless given."""
    ins = ", ".join((f"{n.name} " if len(graph.inputs) > 1 else "") + shape_text(n.type.shape) for n in graph.inputs)
    outs = ", ".join((f"{k} " if len(graph.outputs) > 1 else "") + shape_text(graph.values[v].type.shape)
                     for k, v in graph.outputs)
    where = source_name(graph) if where is None else where
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
    return likeness(n), n.type, tuple(p.shape for p in n.parameters), c.parameters, c.buffers, c.macs, line_of(n)


def _share(part: int, whole: int) -> str:
    percent = _percent(part, whole)
    return f"{percent:.1f}" if part and percent is not None else ""


def _percent(part: int | None, whole: int | None) -> float | None:
    """Rounded to what a reader may want: 0.0123."""
    return round(100 * part / whole, 4) if whole and part is not None else None


def amount(size: int) -> str:
    """Bytes as a person reads them: 3.21 MB."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{size / of:.3g} {unit}"
    return f"{size} B"


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
