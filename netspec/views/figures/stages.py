"""A network as the table of its stages, as the paper of ResNet has it: what each repeats, its step, its size, its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...ir.graph import Graph, Node
from ..numbers.counts import Counts, count
from ..reading.steps import scope_of
from .captions import size, window
from .folding import fold
from .reading import read
from .volumes import Arc, Kind, Over, Picture, Unit, Volume, times
from .ways import works


@dataclass(frozen=True)
class Stage:
    """A row of the table."""

    kind: Kind
    lines: tuple[str, ...]  # of one turn
    times: int
    size: str
    step: str
    over: Over | None = None
    notes: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()  # layers that learn
    parameters: int = 0
    macs: int | None = 0
    source: bool = False  # reads none of the rows above

    def __str__(self) -> str:
        """`[3x3, 64; 3x3, 64] x2`."""
        inside = "; ".join(self.lines)
        return (f"[{inside}] x{self.times}" if self.times > 1 or len(self.lines) > 1 else inside).replace("×", "x")


@dataclass(frozen=True)
class Stages:
    """All rows, with the totals."""

    name: str
    rows: tuple[Stage, ...]
    parameters: int
    macs: int | None
    beside: tuple[Stage, ...] = field(default=())  # heads


def stages(graph: Graph) -> Stages:
    """The stages of a network, every layer that learns in one of them."""
    counts = count(graph)
    rows: list[Stage] = []
    beside: list[Stage] = []
    _picture(fold(read(graph)), rows, beside)
    rows, beside = _counted(graph, counts, rows, beside)
    return Stages(graph.name, tuple(rows), counts.totals.parameters, counts.totals.macs, tuple(beside))


def _picture(picture: Picture, rows: list[Stage], beside: list[Stage]) -> None:
    for flow in picture.inflows:
        _picture(flow.picture, rows, beside)
    picture = _parted(picture)
    begin = len(rows)
    place: dict[int, int] = {}
    for unit in picture.units:
        volumes = picture.volumes[unit.first:unit.last + 1]
        made = [_stage([v for v in volumes if v.kind != "pool"], unit)] if any(v.kind != "pool" for v in volumes) else []
        if len(volumes) > 1 or not made:  # a pooling that a shortcut goes round as well is a line of its own
            made = [_stage(volumes, unit)]
        for stage in made:
            if len(rows) > begin and _same(rows[-1], stage, unit):
                row = rows[-1]
                rows[-1] = replace(row, lines=row.lines + stage.lines, size=stage.size, nodes=row.nodes + stage.nodes,
                                   notes=tuple(dict.fromkeys(row.notes + stage.notes)))
            else:
                rows.append(replace(stage, source=len(rows) == begin))
        for k in range(unit.first, unit.last + 1):
            place[k] = len(rows) - 1
    for k in range(begin, len(rows)):
        rows[k] = _counted_lines(rows[k])
    for a in picture.arcs:
        k, source = place[a.target], picture.volumes[a.source]
        from_ = f"{size(source)}" if source.kind != "input" else "the input"
        said = {"places": "places of", "copy": "and"}.get(a.kind, "plus") + f" {from_}"
        said += f" through {a.label}" if a.label else ""
        rows[k] = replace(rows[k], notes=(*rows[k].notes, said), nodes=(*rows[k].nodes, *a.nodes))
    for flow in picture.inflows:
        k = place[flow.target]
        said = "of both" if rows[k].lines == (flow.join,) else f"{flow.join} of both"
        rows[k] = replace(rows[k], notes=(*rows[k].notes, said))
    for h in picture.heads:
        names = ", ".join(h.names) if len(h.names) < 4 else f"{h.names[0]} … {h.names[-1]}"
        beside.append(Stage("fc" if not h.label or "fc" in h.label else "conv", (h.label or "as it is",), 1, h.shape, "",
                            notes=(f"{names}, from {size(picture.volumes[h.source])}",), nodes=h.nodes))


def _parted(picture: Picture) -> Picture:
    """A block that something else joins midway in a row up to there and one for the rest; what goes round it is said of that."""
    joined = {*(flow.target for flow in picture.inflows), *(a.target for a in picture.far)}
    found: list[Unit] = []
    arcs = list(picture.arcs)
    for u in picture.units:
        cuts = [k for k in range(u.first, u.last) if k in joined] if u.times == 1 and u.first and u.over else []
        for first, last in zip([u.first, *(k + 1 for k in cuts)], [*cuts, u.last]):
            found.append(Unit(first, last) if cuts else u)
        if cuts and u.over:
            arcs.append(Arc(u.first - 1, u.last, u.over, u.shortcut))
    return replace(picture, units=tuple(found), arcs=tuple(arcs))


def _stage(volumes: Sequence[Volume], unit: Unit) -> Stage:
    last, first = volumes[-1], volumes[0]
    lines = [line for v in volumes for line in _lines(v)]
    notes = [n for v in volumes for n in v.notes]
    if unit.opening:
        notes.insert(0, unit.opening)
    elif unit.shortcut:
        notes.insert(0, f"shortcut {unit.shortcut}")
    steps = [v.step.strip() for v in volumes if v.steps]
    opening = unit.opening.removeprefix("first ").split(",")[0]
    step = opening if opening.startswith("/") else ", ".join(dict.fromkeys(steps))
    if first.kind == "pool" and len(volumes) == 1 and not first.stride and any(n > 1 for n in first.window) and window(first):
        step = "/" + times(tuple(dict.fromkeys(first.window)))
    kind: Kind = "conv" if len(volumes) > 1 else "up" if first.kind == "concat" and first.window else first.kind
    return Stage(kind, tuple(lines), unit.times if first.kind != "closed" or len(volumes) > 1
                 else first.times, size(last), step, unit.over if len(volumes) > 1 else None, tuple(dict.fromkeys(notes)),
                 tuple(n for v in volumes for n in v.nodes))


def _lines(v: Volume) -> list[str]:
    if v.kind == "closed":
        return _closed(v)
    if v.kind == "fc":
        return [f"fc {v.channels}"]
    if v.kind == "pool":
        return [f"{v.word} {window(v)}".strip() + (" /" + times(tuple(dict.fromkeys(v.stride))) if v.step else "") + v.apart]
    if v.kind == "conv" or (v.kind == "up" and v.window and v.word == "deconv"):
        groups = f", {v.groups} groups" if v.groups > 1 and not v.depthwise else ""
        return [f"{v.does.removesuffix(v.apart)}, {v.channels}{v.apart.replace(' ', ', ', 1)}{groups}"]
    if v.kind == "concat" and v.window:
        return [f"up {times(v.window)}, {next((n for n, part in v.slices if part == 'up'), v.channels)}, concat"]
    return [f"{v.word}, concat" if v.kind == "concat" and v.word != "concat" else v.word]


def _closed(v: Volume) -> list[str]:
    """What is in a box: the layers of one turn, or the branches."""
    if v.word.startswith("["):
        many = v.word.count(",") + 1
        turn = zip(v.word[1:-1].split(", "), v.nodes[:many])
        return [f"{text.partition(' dilation ')[0]}, {n.type.channels}{_apart(text)}" for text, n in turn]
    widths = " + ".join(str(n) for n, _ in v.slices) if 1 < len(v.slices) < 7 else ""
    return [(f"{v.word}: {widths}" if widths else v.word) + v.apart]


def _apart(text: str) -> str:
    """`, dilation 2`, of a layer in a bracket."""
    return "".join(text.partition(" dilation ")[1:]).replace(" ", ", ", 1)


def _same(row: Stage, stage: Stage, unit: Unit) -> bool:
    """Whether plain layers of one size are one stage."""
    alike = row.kind == stage.kind == "conv" and row.size.split("×")[:-1] == stage.size.split("×")[:-1]
    plain = unit.over is None and row.over is None and row.times == stage.times == unit.times == 1 and not stage.step
    return alike and plain and row.lines[-1].split(",")[0] == stage.lines[0].split(",")[0] and len(row.lines) < 8


def _counted_lines(row: Stage) -> Stage:
    """Equal lines as one, so many times, where a stage is nothing else."""
    if row.times == 1 and row.over is None and len(row.lines) > 1 and len(set(row.lines)) == 1:
        return replace(row, lines=row.lines[:1], times=len(row.lines))
    return row


def _counted(graph: Graph, counts: Counts, rows: Sequence[Stage], beside: Sequence[Stage]) -> tuple[list[Stage], list[Stage]]:
    """Every row with its parameters and MACs: those of its layers, of what opens their block, and of all that follows them
    up to the next row."""
    every = [*rows, *beside]
    at = {n.name: k for k, row in enumerate(every) for n in row.nodes}
    opened = {scope_of(n.name): at[n.name] for n in reversed(list(graph)) if works(n)}
    for n in graph:
        if n.name in at:
            continue
        scope, before = scope_of(n.name), [graph.maker[v].name for v in n.inputs]
        at[n.name] = max((at[name] for name in before), default=0)  # a concat with the last that it joins
        if n.parameters and not any(name.startswith(f"{scope}.") for name in before) and scope:
            at[n.name] = opened.get(scope, at[n.name])
    parameters, macs = [0] * len(every), [0] * len(every)
    unknown = [False] * len(every)
    for c in counts.nodes:
        k = at[c.name]
        parameters[k] += c.parameters
        macs[k] += c.macs or 0
        unknown[k] |= c.macs is None
    made: list[Any] = [replace(r, parameters=p, macs=None if u else m) for r, p, m, u in zip(every, parameters, macs, unknown)]
    return made[:len(rows)], made[len(rows):]
