"""Shape, parameters and multiply-accumulates of each line of a page, as its nets run it.

A line of a block runs once for each call, and one inside `repeat` once for each turn: each is a `Run` of the line. A line that
calls a block has the numbers of all that the call makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..interruptions import point
from ..ir.graph import Graph, Node
from ..ir.types import shape_text
from ..syntax import tree
from ..views.numbers.counts import NodeCounts, count

SHOWN = 2  # runs of a line that its hint has
LISTED = 12  # and its tooltip


@dataclass
class Run:
    """What a line made once: the net and the path of what it made first, the shape of the last, and the sums. `macs` is None
    where a size is not known."""

    net: str
    path: str
    shape: str = ""
    parameters: int = 0
    macs: int | None = 0
    seen: set[tuple[int, ...]] = field(default_factory=set, repr=False)  # steps of the line that it has run

    @property
    def facts(self) -> tuple[str, int, int | None]:
        return self.shape, self.parameters, self.macs


@dataclass(frozen=True)
class NetNumbers:
    """The numbers of one net, by line of the page; the lines as they were then."""

    net: str
    text: Sequence[str]
    lines: dict[int, list[Run]]
    parameters: int
    macs: int | None
    names: dict[int, set[str]]  # steps by the line that made them, as lines of the same block call them
    inside: dict[int, set[str]]  # and what they hold


def numbers(graph: Graph, file: str, text: Sequence[str], one_line_loops: frozenset[int] = frozenset(),
            known: dict[Any, int | None] | None = None) -> NetNumbers:
    """Of one net. Turns of loops that stand on one line are one run of it; `known` keeps what layers cost from graph to graph."""
    counts = count(graph, known)
    lines: dict[int, list[Run]] = {}
    names: dict[int, set[str]] = {}
    inside: dict[int, set[str]] = {}
    open_: dict[tuple[int, str], Run] = {}  # the run of a line that is under way in a call
    for c in counts.nodes:
        point()
        n = c.node
        paths = _paths(n, graph)
        for level, (span, place) in enumerate(zip(reversed(n.spans), paths)):
            if span.source.name != file:
                continue
            step = (span.column, span.end_column, hash(_step(n, paths, level)))
            run = open_.get((span.line, place))
            again = run is not None and any(s[:2] == step[:2] and s != step for s in run.seen)
            if run is None or (again and span.line not in one_line_loops):
                run = open_[span.line, place] = Run(graph.name, _step(n, paths, level))
                lines.setdefault(span.line, []).append(run)
            run.seen.add(step)
            _add(run, c)
            called, *more = _called(n, paths, level)
            names.setdefault(span.line, set()).add(called)
            inside.setdefault(span.line, set()).update(more)
    t = counts.totals
    return NetNumbers(graph.name, text, lines, t.parameters, t.macs, names, inside)


def _add(run: Run, c: NodeCounts) -> None:
    run.shape = shape_text(c.shape)
    run.parameters += c.parameters
    run.macs = None if run.macs is None or c.macs is None else run.macs + c.macs


def _paths(n: Node, graph: Graph) -> list[str]:
    """The call that each line of a node's way runs in, outermost first: the net itself, and the calls of blocks."""
    found, path = [""], ""
    for part in n.name.split(".")[:-1]:
        path = f"{path}.{part}" if path else part
        if path in graph.calls:
            found.append(path)
    return found


def _step(n: Node, paths: list[str], level: int) -> str:
    """What a line of its way made: a call, or the step itself with all that its switches added."""
    if level + 1 < len(paths):
        return paths[level + 1]
    around = paths[-1]
    rest = n.name[len(around) + 1 if around else 0 :]
    return n.name if "." not in rest else n.name[: len(n.name) - len(rest)] + _head(rest)


def _called(n: Node, paths: list[str], level: int) -> Iterator[str]:
    """What lines of the same block call a node, and what it is inside of: `f1`, `f1.conv1`, `f1.conv1.bn`, and beside a switch
    `f1.conv1.raw`."""
    step, own, cut = _step(n, paths, level), _step(n, paths, len(paths) - 1), len(paths[level]) + 1 if paths[level] else 0
    yield step[cut:]
    end = len(step)
    while end < len(n.name):
        end = n.name.find(".", end + 1) if "." in n.name[end + 1 :] else len(n.name)
        yield n.name[cut:end]
    if own != n.name:
        yield f"{own[cut:]}.raw"


def _head(rest: str) -> str:
    """`conv1` of `conv1.bn`; of `stage.conv1.bn` `stage.conv1`: a switch is called as its layer, without a number."""
    lead, _, last = rest.rpartition(".")
    return lead if not last[-1:].isdigit() else rest


def one_line_loops(items: Any) -> frozenset[int]:
    """The lines that hold a loop and its whole body."""
    loops = (s for s in tree.walk(items) if isinstance(s, (tree.Repeat, tree.For)))
    return frozenset(s.span.line for s in loops if s.body.span.line == s.span.line)


# ---------------------------------------------------------------- in words


def short(n: int) -> str:
    """At most three digits, one behind the point at most: 37 k, 116 M, 4.1 G."""
    for letter, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= size:
            text = f"{n / size:.0f}" if n >= 99.95 * size else f"{n / size:.1f}".removesuffix(".0")
            return f"{text} {letter}"
    return str(n)


def facts(run: Run) -> str:
    """`64x56x56 · 37 k · 116 M`; what is none is left out."""
    parts = [run.shape]
    if run.parameters:
        parts.append(short(run.parameters))
    if run.macs:
        if not run.parameters:
            parts.append("shared")
        parts.append(short(run.macs))
    elif run.macs is None:
        parts.append("?")
    return " · ".join(parts)


def hint(runs: Sequence[Run]) -> str:
    """What stands at the end of a line: the first runs that differ."""
    kinds = grouped(runs)
    texts = [facts(same[0]) + (f" ({len(same)}×)" if len(kinds) > 1 and len(same) > 1 else "") for same in kinds[:SHOWN]]
    more = len(kinds) - SHOWN
    return "-> " + " | ".join(texts) + (f" | {more} more" if more > 0 else "")


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs with the same numbers together, in order of the first."""
    found: dict[Any, list[Run]] = {}
    for r in runs:
        found.setdefault(r.facts, []).append(r)
    return list(found.values())


def listed(runs: Sequence[Run]) -> Iterator[str]:
    """Every kind of run, in full: where, shape, parameters, multiply-accumulates."""
    kinds = grouped(runs)
    for same in kinds[:LISTED]:
        r = same[0]
        macs = "? MACs" if r.macs is None else f"{r.macs:,} MACs" if r.macs else ""
        where = f"`{r.path}` of {r.net}" + (f" and {len(same) - 1} more" if len(same) > 1 else "")
        yield ", ".join(filter(None, (f"{where}: {r.shape}", f"{r.parameters:,} parameters" if r.parameters else "", macs)))
    if len(kinds) > LISTED:
        yield f"and {len(kinds) - LISTED} more"


def lens(n: NetNumbers) -> str:
    """`25.6 M · 4.1 GMACs`."""
    macs = "? MACs" if n.macs is None else f"{short(n.macs)}MACs" if n.macs >= 1000 else f"{n.macs} MACs"
    return f"{short(n.parameters)} · {macs}"
