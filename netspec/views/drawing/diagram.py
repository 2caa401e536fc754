"""Architecture diagrams: a graph as Graphviz DOT text, and DOT as SVG without a system package.

A box is a step (a layer with its activation and normalisation), coloured by the layer's category; scopes are frames,
equal turns are drawn once with xN, merges are small circles; what skips over something is drawn in blue, and what only
gives a size or places is dashed.
After Netron's idea that about a dozen colours draw every network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import graphviz

from ...diagnostics import UsageError, unwritable
from ...ir.graph import Graph, Input, Node
from ...ir.types import Size
from ...plain import shown
from ...reading import write
from ..numbers.counts import count
from ..reading.arcs import Kind, drawn_inputs, refers
from ..reading.boxes import arcs_between, drawn, stands_for
from ..reading.outline import outline
from ..reading.steps import Group, Item, Repeat, Step, line_of
from .lettering import LAID_OUT, width
from .looks import THEMES, kind_of

Direction = Literal["down", "right"]
THEME = THEMES["light"]
ARCS: dict[Kind, dict[str, str]] = {
    "data": {"class": "data"},
    "skip": {"class": "skip", "color": THEME.skip, "penwidth": "1.6"},
    "reference": {"class": "reference", "color": THEME.reference, "fontcolor": THEME.label, "style": "dashed", "weight": "0"},
}
STRAIGHT = "4"  # the weight of an arc that Graphviz is to keep short and straight
SIZE, SMALL = 11, 9  # of what a box does, and of its shape, in points
MARGIN = 0.16  # left and right of the text in a box, in inches
ENDINGS = (".svg", ".png", ".dot", ".gv")


@dataclass(frozen=True)
class Diagram:
    """The diagram of a network. `dot` is its Graphviz text, `svg` the drawing; a notebook shows it by itself."""

    graph: Graph
    direction: Direction = "down"

    @cached_property
    def dot(self) -> str:
        return _Drawing(self.graph, self.direction).text()

    @cached_property
    def svg(self) -> str:
        from .rendering import svg

        return svg(self.dot)

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.dot


def diagram(graph: Graph, direction: Direction = "down") -> Diagram:
    """The diagram of a layer graph, flowing down the page or to the right."""
    return Diagram(graph, direction)


def draw(graph: Graph, path: str | PathLike[str], direction: Direction = "down") -> None:
    """Draw a network into a file; its ending says how: .svg, .png or .dot."""
    if not isinstance(path, (str, PathLike)):
        raise UsageError(f"a diagram is written to a path, not to a {type(path).__name__}", hint='.draw("net.svg")')
    target = Path(path)
    picture = Diagram(graph, direction)
    match target.suffix.lower():
        case ".svg":
            data = picture.svg.encode()
        case ".dot" | ".gv":
            data = picture.dot.encode()
        case ".png":
            from .rendering import png

            data = png(picture.dot)
        case other:
            raise UsageError(f"a diagram is written as .svg, .png or .dot, and `{target.name}` ends in {other or 'nothing'}")
    try:
        write(target, data)
    except (OSError, ValueError) as e:
        raise unwritable(target, e) from None


def same_drawing(n: Node) -> tuple[str, tuple[Size, ...], int]:
    """Nodes that differ only in how many channels they carry are drawn as one."""
    return str(n.op), n.type.spatial, n.type.batch


@dataclass
class _Drawing:
    """DOT text under construction."""

    graph: Graph
    direction: Direction = "down"
    page: Any = None  # the graphviz.Digraph, or its subgraph, that is being drawn in
    clusters: int = 0

    def text(self) -> str:
        self.numbers = {c.name: c for c in count(self.graph).nodes}
        self.sources = {n.name: drawn_inputs(self.graph, n) for n in self.graph}
        items = outline(self.graph, same_drawing, join=True, reads=lambda n: self.sources[n.name])
        self.stands = stands_for(items)
        self.box = {v.name: box for box, steps in self.stands.items() for s in steps for n in s.nodes for v in n.results}
        self.page = page = graphviz.Digraph(
            escape(self.graph.name),
            graph_attr={"rankdir": "LR" if self.direction == "right" else "TB", "fontname": LAID_OUT, "fontsize": str(SIZE),
                        "nodesep": "0.3", "ranksep": "0.3", "splines": "true", "compound": "true", "tooltip": " "},
            node_attr={"shape": "box", "style": "rounded,filled", "fontname": LAID_OUT, "fontsize": str(SIZE), "margin": f"{MARGIN},0.06",
                       "height": "0.3", "penwidth": "1.2"},
            edge_attr={"arrowsize": "0.6", "color": THEME.line, "penwidth": "1.1", "fontname": LAID_OUT, "fontsize": str(SMALL)})
        self.frame(items, "")
        self.edges(items)
        return str(page.source)

    def frame(self, items: Sequence[Item], scope: str) -> None:
        for item in items:
            if isinstance(item, Step):
                self.step(item)
            elif isinstance(item, Group):
                self.cluster(item.items, item.path, item.path[len(scope) + 1:] if scope else item.path)
            else:
                self.repeat(item, scope)

    def cluster(self, items: Sequence[Item], scope: str, label: str, times: int = 1) -> None:
        self.clusters += 1
        look = {"style": "rounded,bold", "color": THEME.line,
                "penwidth": "1.6"} if times > 1 else {"style": "rounded", "color": THEME.frame, "penwidth": "1"}
        text = f"{label}  ×{times}".strip() if times > 1 else label
        outer = self.page
        with outer.subgraph(name=f"cluster_{self.clusters}",
                            graph_attr={"label": escape(text), "labeljust": "l", "fontcolor": THEME.label, "fontsize": "10",
                                        "margin": "10", **look}) as page:
            self.page = page
            self.frame(items, scope)
        self.page = outer

    def repeat(self, item: Repeat, scope: str) -> None:
        first, end = item.turns[0], item.turns[-1]
        if len(first) == 1 and isinstance(first[0], Step):
            self.step(first[0], item.times)
        elif len(first) == 1 and isinstance(first[0], Group) and isinstance(end[0], Group):
            cut = len(scope) + 1 if scope else 0
            self.cluster(first[0].items, first[0].path, f"{first[0].path[cut:]} … {end[0].path[cut:]}", item.times)
        else:
            self.cluster(first, scope, "", item.times)

    def step(self, step: Step, times: int = 1) -> None:
        kind = kind_of(step.head)
        shape = shape_range(step.last, self.stands[step.name][-1].last)
        attributes = {"fillcolor": THEME.fill(kind), "color": THEME.ink(kind), "tooltip": escape(self.tooltip(step))}
        sign = getattr(step.head.op, "symbol", "")
        if len(sign) == 1 and len(step.nodes) == 1 and times == 1:
            attributes |= {"label": escape(sign), "shape": "circle", "fixedsize": "true", "width": "0.3", "fontsize": "14"}
        else:
            text = step.name if isinstance(step.head.op, Input) else step.text
            marks = (*step.switches, *(["frozen"] if step.frozen else []), *([f"weights of {step.shared}"] if step.shared else []))
            lines = label(" ".join((sign, *step.switches)), (), shape, times) if sign else label(text, marks, shape, times)
            attributes |= {"label": escape("\n".join(lines)), "width": f"{wide(lines):.3f}"}
            if step.shared and not sign:
                attributes["style"] = "rounded,filled,dashed"
            if times > 1:
                attributes["peripheries"] = "2"
        self.page.node(step.name, **attributes)

    def tooltip(self, step: Step) -> str:
        """Name, text, counts and line; where it stands for several, the counts of the first, the last and all of them."""
        steps = self.stands[step.name]
        parameters = [sum(self.numbers[n.name].parameters for n in s.nodes) for s in steps]
        macs = [sum(self.numbers[n.name].macs or 0 for n in s.nodes) for s in steps]
        line = line_of(step.head)
        name = step.name if len(steps) == 1 else f"{step.name} … {steps[-1].name}"
        return "\n".join([name, str(step), *_counted(parameters, "parameters"), *_counted(macs, "MACs"),
                          *([f"line {line}"] if line else [])])

    def edges(self, items: Sequence[Item]) -> None:
        place = {step.name: k for k, step in enumerate(drawn(items))}
        arcs = arcs_between(self.graph, items, self.sources)
        skipped = {target for _, target, k in arcs if k == "skip"}
        readers = Counter(source for source, _, k in arcs if k != "reference")
        for (source, target, what), n in arcs.items():
            look = dict(ARCS[what])
            if what == "reference":
                look["label"] = refers(n)
            elif what == "data" and (target in skipped or (place[target] - place[source] == 1 and readers[source] <= 2)):
                look["weight"] = STRAIGHT
            self.page.edge(source, target, **look)
        for public, v in self.graph.outputs:
            self.page.node("output " + public, label=escape(public), style="rounded,filled,dashed", fillcolor=THEME.fill("input"),
                           color=THEME.ink("input"))
            self.page.edge(self.box[v], "output " + public)


def _counted(numbers: Sequence[int], what: str) -> list[str]:
    """`2,320 parameters`; of several `2,320…9,280 parameters, 17,400 in all 3`."""
    first, last = numbers[0], numbers[-1]
    if not any(numbers):
        return []
    each = f"{first:,} {what}" if first == last else f"{first:,}…{last:,} {what}"
    return [each if len(numbers) == 1 else f"{each}, {sum(numbers):,} in all {len(numbers)}"]


def shape_range(first: Node, last: Node) -> str:
    """`64×56×56`; `64…256×56×56` where turns differ."""
    sizes = [("?" if a is None else str(a)) + ("" if a == b else f"…{'?' if b is None else b}")
             for a, b in zip(first.type.shape, last.type.shape)]
    return ("" if first.type.batch == 1 else f"{first.type.batch} · ") + "×".join(sizes)


def label(text: str, switches: Sequence[str], shape: str, times: int = 1) -> list[str]:
    """What a box does, its switches, its shape: a line each. `rendering` makes the first bold and the last small and grey."""
    lines = [text + (f"  ×{times}" if times > 1 else ""), " · ".join(switches), shape]
    return [shown(line) for line in lines if line]


def wide(lines: Sequence[str]) -> float:
    """The width of a box with these lines, in inches."""
    first, *others, last = lines if len(lines) > 1 else (*lines, "")
    return max(width(first, SIZE, bold=True), *(width(t, SIZE) for t in others), width(last, SMALL)) / 72 + 2 * MARGIN


def escape(text: str) -> str:
    """Text as Graphviz shows it, and as XML can hold: backslashes doubled, lines kept, no markup, no control characters."""
    return str(graphviz.nohtml(str(graphviz.escape(shown(text, lines=True).replace("&", "&amp;"))).replace("\n", "\\n")))
