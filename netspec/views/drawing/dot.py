"""A scene as Graphviz DOT text, which a `dot` of any kind lays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Literal

import graphviz

from ...plain import shown
from ..reading.arcs import START, Kind, dominators
from .lettering import LAID_OUT, width
from .looks import Theme
from .scene import CIRCLE, CLOSE, FRAME, PAD, RIM, SIZE, SMALL, Box, Frame, Scene

Flow = Literal["TB", "BT", "LR", "RL"]
Pull = Literal["main", "even", "none"]  # what keeps boxes above each other
STRAIGHT = "4"  # the weight of an arc that Graphviz is to keep short and straight
MAIN = 4  # an arc is on the main way where so many more boxes come after it than after others of its source
BESIDE, NARROW = 11, 7  # boxes side by side, in points; where room is scarce
UPRIGHT = "1"  # the weight of what is not seen
NEAR = 14  # boxes
INCH = 72


def dot_of(scene: Scene, theme: Theme, flow: Flow = "TB", pull: Pull = "main", beside: bool = False,
           wider: Mapping[int, float] | None = None) -> str:
    """The text. "main" keeps the main way straight; "even" also what forks and what joins it again above each other, by arcs that
    are not seen; "none" neither. What is sized may stand `beside` what it has its size from. `wider` are frames, by their
    numbers, that are to be so wide at least, in points."""
    apart = NARROW if scene.between == CLOSE else BESIDE
    page = graphviz.Digraph(
        escape(scene.name),
        graph_attr={"rankdir": flow, "fontname": LAID_OUT, "fontsize": str(SIZE), "nodesep": f"{apart / INCH:.3f}",
                    "ranksep": f"{scene.between / INCH:.3f}", "splines": "true", "compound": "true", "tooltip": " ",
                    "bgcolor": theme.page or "transparent", "pad": "0.055"},
        node_attr={"shape": "box", "style": "rounded,filled", "fontname": LAID_OUT, "fontsize": str(SIZE),
                   "fontcolor": theme.text, "margin": f"{PAD / INCH:.3f},{RIM / INCH:.3f}", "height": "0.2", "penwidth": "1.1"},
        edge_attr={"arrowsize": "0.6", "color": theme.line, "penwidth": "1.1", "fontname": LAID_OUT, "fontsize": str(SMALL)})
    _Writing(theme, wider or {}).items(page, scene.items)
    _arcs(page, scene, theme, beside, pull)
    return str(page.source)


def _diamonds(scene: Scene) -> list[tuple[str, str]]:
    """Boxes from which several ways lead, each with the one where all of them meet, if that is near and no arc joins them."""
    place = {box.name: k for k, box in enumerate(scene.boxes)}
    after: dict[str, set[str]] = {}
    for arc in scene.arcs:
        if arc.kind != "reference":
            after.setdefault(arc.source, set()).add(arc.target)
    if all(len(targets) < 2 for targets in after.values()):
        return []
    meets = dominators({name: list(after.get(name, ())) for name in reversed(place)})
    return [(fork, meets[fork]) for fork, targets in after.items() if len(targets) > 1 and meets[fork] != START
            and meets[fork] not in targets and place[meets[fork]] - place[fork] <= NEAR]


class _Writing:
    def __init__(self, theme: Theme, wider: Mapping[int, float]):
        self.theme, self.wider, self.clusters = theme, wider, 0

    def items(self, page: Any, items: Sequence[Frame | Box]) -> None:
        for item in items:
            if isinstance(item, Box):
                page.node(item.name, **self.box(item))
            else:
                self.frame(page, item)

    def frame(self, page: Any, frame: Frame) -> None:
        self.clusters += 1
        look = {"style": "rounded,bold", "color": self.theme.line,
                "penwidth": "1.6"} if frame.times > 1 else {"style": "rounded", "color": self.theme.frame, "penwidth": "1"}
        text = f"{frame.title}  ×{frame.times}".strip() if frame.times > 1 else frame.title
        lack = self.wider.get(self.clusters, 0) - width(text, SMALL)
        text += " " * max(0, ceil(lack / width(" ", SMALL)))
        with page.subgraph(name=f"cluster_{self.clusters}",
                           graph_attr={"label": escape(text), "labeljust": "l", "fontcolor": self.theme.label,
                                       "fontsize": str(SMALL), "margin": str(FRAME), **look}) as inner:
            self.items(inner, frame.inside)

    def box(self, box: Box) -> dict[str, str]:
        look = {"label": escape("\n".join(box.lines)), "fillcolor": self.theme.fill(box.kind), "color": self.theme.ink(box.kind)}
        look |= {"tooltip": escape(box.tooltip)} if box.tooltip else {}
        if box.sign:
            return look | {"shape": "circle", "fixedsize": "true", "width": f"{CIRCLE / INCH:.3f}", "fontsize": "13"}
        look["width"] = f"{box.width / INCH:.3f}"
        if box.dashed:
            look["style"] = "rounded,filled,dashed"
        if box.times > 1:
            look["peripheries"] = "2"
        return look


def _arcs(page: Any, scene: Scene, theme: Theme, back: bool, pull: Pull) -> None:
    looks: dict[Kind, dict[str, str]] = {
        "data": {"class": "data"},
        "skip": {"class": "skip", "color": theme.skip, "penwidth": "1.6"},
        "reference": {"class": "reference", "color": theme.reference, "fontcolor": theme.label, "style": "dashed", "weight": "0",
                      **({"constraint": "false"} if back else {})},  # what comes up has its sizes beside it
    }
    place = {box.name: k for k, box in enumerate(scene.boxes)}
    outside = {box.name for box in scene.boxes if box.name.startswith("output ")}  # what the world reads is no arc of the graph
    skipped = {arc.target for arc in scene.arcs if arc.kind == "skip"}
    readers: dict[str, list[str]] = {}
    for arc in scene.arcs:
        if arc.kind != "reference":
            readers.setdefault(arc.source, []).append(arc.target)
    ahead: dict[str, int] = {}  # how many boxes still come after each, on the longest way
    for box in reversed(scene.boxes):
        ahead[box.name] = max((ahead[t] + 1 for t in readers.get(box.name, ())), default=0)
    alone = {item.name for item in scene.items if isinstance(item, Box)}  # in no frame
    meets, told = dict(_diamonds(scene)) if pull == "even" else {}, dict[str, int]()
    for arc in scene.arcs:
        look = {} if arc.target in outside else dict(looks[arc.kind])
        if arc.label:
            look["label"] = escape(arc.label)
        if arc.kind == "data" and pull != "none":
            others = [ahead[t] for t in readers[arc.source] if t != arc.target]
            next_ = place[arc.target] - place[arc.source] == 1 and len(others) < 2 and ahead[arc.target] > max(others, default=-1)
            if arc.target in skipped or next_ or ahead[arc.target] >= MAIN + max(others, default=0):
                look["weight"] = STRAIGHT
        if arc.source in meets and arc.kind != "reference":
            told[arc.source] = told.get(arc.source, 0) + 1
            if told[arc.source] == len(readers[arc.source]) // 2 + 1:  # in the middle of the ways
                page.edge(arc.source, meets[arc.source], style="invis", weight=UPRIGHT)
        if back and arc.kind == "reference":  # beside what it sizes, on the side that copies come from
            if {arc.target, arc.source} <= alone:
                del look["constraint"], look["weight"]
            with page.subgraph(graph_attr={"rank": "same"} if {arc.target, arc.source} <= alone else {}) as level:
                level.edge(arc.target, arc.source, dir="back", **look)
        else:
            page.edge(arc.source, arc.target, **look)


def escape(text: str) -> str:
    """Text as Graphviz shows it, and as XML can hold: backslashes doubled, lines kept, no markup, no control characters."""
    return str(graphviz.nohtml(str(graphviz.escape(shown(text, lines=True).replace("&", "&amp;"))).replace("\n", "\\n")))
