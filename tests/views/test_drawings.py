"""A drawing says what the graph is: unfolded as a reader unfolds it, it is the graph again, and each arc has its kind."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from typing import Any

import pytest

import netspec
from netspec.elaborate.nets import callable_nets
from netspec.ir.graph import Graph, Input
from netspec.syntax.load import read_source
from netspec.syntax.parser import parse
from netspec.views.drawing.diagram import diagram
from netspec.views.reading.arcs import drawn_inputs, kinds
from netspec.views.reading.steps import steps
from sweeps import the_first
from where import ROOT

SPECS = sorted(p.name for p in (ROOT / "specs").glob("*.net"))
Arcs = list[tuple[Any, Any, str]]
Arc = tuple[int, int, str]  # from the box of this number to the one of that, and its kind


@dataclass
class Frame:
    """A box or a frame of a drawing, and how often it stands for itself."""

    times: int = 1
    box: str = ""  # its name, where it is a box
    text: str = ""
    number: int = field(default_factory=count().__next__)
    inside: list[Frame] = field(default_factory=list)

    def boxes(self) -> list[Frame]:
        return [self] if self.box else [b for f in self.inside for b in f.boxes()]


def read(dot: str) -> tuple[Frame, list[tuple[str, str, str]]]:
    """The frames and arcs of a DOT text, outputs left out."""
    stack, arcs = [Frame()], []
    name = r'("(?:[^"\\]|\\.)*"|[\w.]+)'
    for line in map(str.strip, dot.splitlines()):
        times = re.search(r' label="(?:[^"]*  )?×(\d+)"' if line.startswith("graph") else r"  ×(\d+)(?:\\n|\")", line)
        if line.startswith("subgraph"):
            stack.append(Frame())
        elif line.startswith("graph [") and len(stack) > 1:
            stack[-1].times = int(times[1]) if times else 1
        elif line == "}" and len(stack) > 1:
            stack[-2].inside.append(stack.pop())
        elif found := re.match(rf"{name} -> {name} .*class=(\w+)", line):
            arcs.append((found[1], found[2], found[3]))
        elif (found := re.match(rf"{name} \[label={name}", line)) and not found[1].startswith('"output '):
            text = found[2].strip('"').split("\\n")[0]
            stack[-1].inside.append(Frame(int(times[1]) if times else 1, found[1], re.sub(r"  ×\d+$", "", text)))
    return stack[0], arcs


def unfolded(dot: str) -> tuple[list[str], set[Arc]]:
    """The texts of all boxes in order, and the arcs between them, every frame drawn as often as it says. What leads into a
    frame comes, from the second turn on, from the box that hands on: the one that something outside reads, else the last."""
    page, arcs = read(dot)

    def turns(frame: Frame, arcs: Arcs) -> tuple[list[object], Arcs]:
        """The boxes of a frame in order, each with a number of its own, and the arcs in terms of them."""
        if frame.box:
            boxes: list[object] = [frame.box]
        else:
            boxes = []
            for f in frame.inside:
                more, arcs = turns(f, arcs)
                boxes += more
        if frame.times == 1:
            return boxes, arcs
        own = set(boxes)
        leaving = {s for s, t, _ in arcs if s in own and t not in own}
        assert len(leaving) <= 1, "a frame that is repeated hands on one value"
        exit = leaving.pop() if leaving else boxes[-1]
        entries = {s for s, t, _ in arcs if s not in own and t in own}
        assert len(entries) == 1, "and reads one"
        copy = lambda k, b: b if k == 0 else (k, frame.number, b)  # noqa: E731
        all_boxes = [copy(k, b) for k in range(frame.times) for b in boxes]
        new = []
        for s, t, kind in arcs:
            if s in own and t in own:
                new += [(copy(k, s), copy(k, t), kind) for k in range(frame.times)]
            elif t in own:
                new += [(s, t, kind)] + [(copy(k - 1, exit), copy(k, t), kind) for k in range(1, frame.times)]
            elif s in own:
                new.append((copy(frame.times - 1, s), t, kind))
            else:
                new.append((s, t, kind))
        return all_boxes, new

    texts = {b.box: b.text for b in page.boxes()}
    boxes, all_arcs = turns(page, list(arcs))
    place = {b: k for k, b in enumerate(boxes)}

    def text(box: object) -> str:
        while isinstance(box, tuple):
            box = box[-1]
        return texts[box]

    return [text(b) for b in boxes], {(place[s], place[t], kind) for s, t, kind in all_arcs}


def expected(graph: Graph) -> tuple[list[str], set[Arc]]:
    """The same of the graph itself, nothing folded."""
    drawn = {n.name: drawn_inputs(graph, n) for n in graph}
    readers: dict[str, set[str]] = {}
    for name, values in drawn.items():
        for v in values:
            readers.setdefault(v, set()).add(name)
    kind = kinds(graph, drawn)
    rows = list(steps(graph, readers))
    place = {n.name: k for k, step in enumerate(rows) for n in step.nodes}
    arcs = {(place[graph.maker[v].name], place[n.name], kind[n.name, k]) for n in graph for k, v in enumerate(drawn[n.name])}
    texts = [s.name if isinstance(s.head.op, Input) else
             " ".join((sign, *s.switches)) if (sign := getattr(s.head.op, "symbol", "")) else s.text for s in rows]
    return texts, {a for a in arcs if a[0] != a[1]}


def same(graph: Graph) -> None:
    texts, arcs = unfolded(diagram(graph).dot)
    want, wanted = expected(graph)
    assert texts == want
    assert arcs == wanted


def callable_in(file: str) -> list[Graph]:
    module = parse(read_source(ROOT / "specs" / file))
    return [netspec.load_graph(ROOT / "specs" / file, item.name).graph for item in callable_nets(module)]


@pytest.mark.parametrize("file", the_first(12, SPECS))
def test_a_shipped_drawing_unfolds_to_its_graph(file: str) -> None:
    for graph in callable_in(file):
        same(graph)


def body(r: random.Random, depth: int, indent: str, taps: list[str]) -> list[str]:
    """Lines of layers that keep the shape 4x8x8, in repeats, skips, branches and named parts."""
    lines = []
    for _ in range(r.randrange(1, 4)):
        what = r.randrange(8) if depth else r.randrange(2)
        if what == 0:
            lines.append(f"{indent}conv 4 {r.choice(('3x3', '1x1'))} {r.choice(('', 'relu', 'bn relu'))}".rstrip())
        elif what == 1:
            lines.append(indent + r.choice(("relu", "avgpool 3x3 /1 same", "dropout 0.5", "bn", "unit 4", "unit 4")))
        elif what == 2 and taps:
            lines.append(f"{indent}{r.choice(('add', 'mul', 'crop'))} @{r.choice(taps)}")
        elif what == 3 and len(indent) == 2:
            taps.append(f"t{len(taps)}")
            lines.append(f"{indent}{taps[-1]}: conv 4 3x3")
        elif what == 4:
            lines += [f"{indent}concat:", f"{indent}  | conv 2 1x1", f"{indent}  | conv 2 3x3 relu -> conv 2 3x3"]
        else:
            lines.append(indent + r.choice(("residual:", f"repeat {r.randrange(2, 5)}:", f"repeat {r.randrange(2, 4)}:")))
            lines += body(r, depth - 1, indent + "  ", [])
    return lines


def random_net(seed: int) -> str:
    r = random.Random(seed)
    units = ("  residual:\n    conv n 3x3 relu\n    conv n 3x3\n  relu", "  conv n 1x1 relu\n  conv n 3x3 bn")
    lines = [*body(r, 3, "  ", []), "  unit 4"]
    again = r.randrange(len(lines))  # the same written twice
    lines += [line for line in lines[again:] if ":" not in line and "@" not in line and len(line) - len(line.lstrip()) == 2]
    return f"block unit(n):\n{r.choice(units)}\n\nnet a:\n  input 4x8x8\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_a_random_drawing_unfolds_to_its_graph(seed: int) -> None:
    same(netspec.load_graph(text=random_net(seed)).graph)


def folded(text: str) -> list[str]:
    """Frames and boxes that stand for several: `x3 conv 16 3x3`."""
    page, _ = read(diagram(netspec.load_graph(text=text).graph).dot)

    def of(frame: Frame) -> list[str]:
        own = [f"{frame.times} of " + ", ".join(b.text for b in frame.boxes())] if frame.times > 1 else []
        return own + [t for f in frame.inside for t in of(f)]

    return of(page)


def test_what_the_text_repeats_is_folded_as_it_is_written() -> None:
    text = ("net a:\n  input 16x8x8\n  repeat 4: conv 16 3x3 relu\n  repeat 3:\n    residual:\n      conv 16 3x3 relu\n"
            "      conv 16 3x3 relu\n")
    assert folded(text) == ["4 of conv 16 3x3", "3 of conv 16 3x3, conv 16 3x3, +"]


def test_a_repeat_within_a_repeat_is_folded_in_it() -> None:
    text = "net a:\n  input 4x8x8\n  repeat 3:\n    repeat 2: conv 4 3x3\n    avgpool 3x3 /1 same\n"
    assert folded(text) == ["3 of conv 4 3x3, avgpool 3x3 /1 same", "2 of conv 4 3x3"]


def test_turns_that_are_written_one_by_one_are_folded_too() -> None:
    text = "net a:\n  input 4x8x8\n" + "  conv 4 3x3\n  avgpool 3x3 /1 same\n" * 3
    assert folded(text) == ["3 of conv 4 3x3, avgpool 3x3 /1 same"]


def arcs_of(text: str) -> dict[str, str]:
    return {f"{s} {t}": kind for s, t, kind in read(diagram(netspec.load_graph(text=text).graph).dot)[1]}


def test_the_whole_way_round_a_residual_is_a_skip() -> None:
    arcs = arcs_of("net a:\n  input 3x8x8\n  residual:\n    conv 4 3x3 relu\n    conv 4 3x3\n  shortcut: conv 4 1x1\n")
    assert {k for k, kind in arcs.items() if kind == "skip"} == {'input "shortcut.conv1"', '"shortcut.conv1" add1'}


def test_a_unet_skips_by_its_crops_and_not_by_its_deconvolutions() -> None:
    text = diagram(netspec.load_graph(ROOT / "specs" / "unet.net", "unet").graph).dot
    skips = [(s, t) for s, t, kind in read(text)[1] if kind == "skip"]
    assert len(skips) == 8 and not any("deconv" in s or "up" in s for s, _ in skips)


def test_branches_that_all_compute_are_no_skips() -> None:
    branches = "    | conv 4 1x1\n    | conv 4 3x3 -> conv 4 3x3\n    | maxpool 3x3 /1 same\n"
    arcs = arcs_of("net a:\n  input 3x8x8\n  concat:\n" + branches)
    assert set(arcs.values()) == {"data"}


def test_what_gives_a_size_is_no_data() -> None:
    arcs = arcs_of("net a:\n  input 3x9x9\n  a: conv 3 3x3\n  maxpool 2\n  up @a\n  crop @input\n")
    assert [k for k, kind in arcs.items() if kind == "reference"] == ["a up1", "input crop1"]


def test_indices_of_a_pool_are_no_data() -> None:
    arcs = arcs_of("net a:\n  input 3x8x8\n  conv 3 3x3\n  p: maxpool 2\n  conv 3 3x3\n  unpool @p\n")
    assert [k for k, kind in arcs.items() if kind == "reference"] == ["p unpool1"]


@pytest.mark.parametrize("name", the_first(2, ["siamese", "unet:unet", "densenet:densenet121", "resnet:resnet50", "googlenet"]))
def test_every_text_lies_within_its_box_and_every_title_within_its_frame(name: str) -> None:
    from netspec.views.drawing.lettering import width

    file, _, net = name.partition(":")
    svg = diagram(netspec.load_graph(ROOT / "specs" / f"{file}.net", net or None).graph).svg
    shapes = [g for g in re.findall(r'<g id="\w+" class="(?:node|cluster)">.*?</g>', svg, flags=re.DOTALL) if "<text" in g]
    assert len(shapes) > 12
    for shape in shapes:
        across = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", "".join(re.findall(r' (?:d|points)="([^"]*)"', shape)))]
        if not across:  # a circle
            continue
        for attributes, text in re.findall(r"<text([^>]*)>([^<]*)<", shape):
            x, size = (float(re.search(rf' {a}="([\d.-]+)"', attributes)[1]) for a in ("x", "font-size"))  # type: ignore[index]
            half = width(unescape(text), size, "bold" in attributes) / 2
            assert min(across) <= x - half and x + half <= max(across), text
            assert f'textLength="{2 * half:.2f}"' in attributes


@pytest.mark.parametrize("seed", range(8))
def test_dominators_are_those_of_networkx(seed: int) -> None:
    import networkx

    from netspec.views.reading.arcs import START, dominators

    r = random.Random(seed)
    before = {str(k): [str(s) for s in sorted(r.sample(range(k), min(k, r.randrange(4))))] for k in range(40)}
    graph = networkx.DiGraph((s, n) for n, sources in before.items() for s in sources or [START])
    theirs = networkx.immediate_dominators(graph, START)
    assert {n: d for n, d in dominators(before).items() if n != START} == {n: d for n, d in theirs.items() if n != START}


@pytest.mark.parametrize(("path", "call"), [("pair1", "pair 8"), ("x", "pair 4"), ("trio1", "trio 4"), ("y", "")])
def test_a_block_of_steps_that_repeat_was_made_by_its_call(path: str, call: str) -> None:
    """One whose parts are blocks that repeat was made by none: the call is that of each part."""
    from netspec.views.drawing.scene import same_drawing
    from netspec.views.reading.calls import own_calls
    from netspec.views.reading.outline import outline
    from netspec.views.reading.steps import Group

    graph = netspec.load_graph(text="block pair(n):\n  repeat 2: conv n 3x3 relu\n\nblock trio(n):\n  repeat 3:\n    conv n 3x3\n    relu\n\n"
                                    "net a:\n  input 3x32x32\n  pair 8\n  x: pair 4\n  trio 4\n  y: repeat 4: pair 4\n  fc 3\n").graph
    block = next(i for i in outline(graph, same_drawing, join=True) if isinstance(i, Group) and i.path == path)
    assert [s.source.line(s.line)[s.column - 1:s.end_column - 1] for s in own_calls(block.items, ())] == ([call] if call else [])
