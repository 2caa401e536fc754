"""What a diagram shows, before anything is placed: its boxes with their lines of text, its frames, its arcs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

from ...ir.graph import Graph, Input, Node
from ...ir.types import Size
from ...plain import shown
from ..numbers.counts import count as counted
from ..reading.arcs import Drawn, Kind, drawn_inputs, kinds, refers
from ..reading.boxes import arcs_between, drawn, stands_for
from ..reading.closing import closed, focused, known
from ..reading.outline import outline
from ..reading.steps import Closed, Group, Item, Port, Repeat, Step, likeness, line_of
from .lettering import fitted as whole_or_cut
from .lettering import width
from .looks import kind_of

SIZE, SMALL = 10, 9  # of what a box does, and of its shape, in points
LINE = 1.2  # the height of a line, of its size
STRIP = 7  # the room at the left edge of a box for its pattern, in points
PAD, RIM = 7, 4  # beside the text of a box, and above and below it
CIRCLE = 20  # across the sign of a merge
FRAME = 8  # from the border of a frame to what is in it
TITLE = 14  # the height of its title
CONTINUED = ", continued"  # in the title of a frame that is cut, where there is room
FAR = 5  # items between one and the last that it reads
LONGEST = (420.0, 190.0, 120.0, 120.0)  # of a line in a box, in points: where there is room for it, and the less of it there is
TITLES = (240.0, 170.0, 110.0, 110.0)  # of the title of a frame
TIGHTEST = 3
BETWEEN, CLOSE = 15, 11  # boxes one after another, in points; where room is scarce


@dataclass(frozen=True)
class Box:
    """A box: what it does, more lines, a last small one."""

    name: str
    kind: str
    lines: tuple[str, ...]
    tooltip: str = ""
    times: int = 1
    sign: bool = False  # a circle with a sign
    dashed: bool = False

    @property
    def plain(self) -> bool:
        """Without a strip: what stands for no layer."""
        return self.sign or self.kind == "input"

    @cached_property
    def width(self) -> float:
        if self.sign:
            return CIRCLE
        first, *others, last = self.lines if len(self.lines) > 1 else (*self.lines, "")
        text = max(width(first, SIZE, bold=True), *(width(t, SIZE) for t in others), width(last, SMALL))
        return text + 2 * PAD + (0 if self.plain else STRIP)

    @property
    def height(self) -> float:
        return CIRCLE if self.sign else LINE * (SIZE * (len(self.lines) - 1) + (SMALL if len(self.lines) > 1 else SIZE)) + 2 * RIM


@dataclass(frozen=True)
class Frame:
    """A scope, or turns that are drawn once."""

    title: str
    times: int
    inside: tuple[Frame | Box, ...]
    path: str = ""  # of the block that it is


@dataclass(frozen=True)
class Arc:
    source: str
    target: str
    kind: Kind
    label: str = ""


@dataclass(frozen=True)
class Scene:
    """All of a diagram. `items` are nested; `boxes` are those of it in order, outputs after what they are."""

    name: str
    items: tuple[Frame | Box, ...]
    arcs: tuple[Arc, ...]
    sizes: Mapping[str, int]  # places of a channel, of each box that has some
    between: float = BETWEEN  # boxes one after another, in points
    careful: bool = False  # whether it is laid out in several ways, of which the narrowest is taken

    @property
    def terse(self) -> bool:
        """Whether blocks say their numbers without saying of what, which the legend then does."""
        blocks = [b.lines[-1] for b in self.boxes if b.kind == "block" and len(b.lines) > 1]
        return any(" · " in last and "params" not in last for last in blocks)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(boxes_of(self.items))

    def cut(self, parts: Sequence[frozenset[str]]) -> list[Scene]:
        """What lies within each of these boxes; a frame that is cut stands in each part, and says which of how many it is."""
        items = [_part(self.items, names) for names in parts]
        often = Counter(f.path for i in items for f in frames_of(i) if f.path)
        number = {path: (n, count(1)) for path, n in often.items() if n > 1}
        arcs = [tuple(a for a in self.arcs if a.source in names and a.target in names) for names in parts]
        return [replace(self, items=_numbered(i, number), arcs=a) for i, a in zip(items, arcs)]


def flat(scene: Scene) -> Scene:
    """The same with at most two lines in a box: lower and broader, as the arms of a U want them."""

    def lower(items: Sequence[Frame | Box]) -> tuple[Frame | Box, ...]:
        return tuple(replace(i, inside=lower(i.inside)) if isinstance(i, Frame) else replace(i, lines=two(i)) for i in items)

    def two(box: Box) -> tuple[str, ...]:
        if len(box.lines) < 3:
            return box.lines
        first, middle, last = box.lines
        return (first, f"{middle} · {last}") if box.kind == "block" else (f"{first} · {middle}", last)

    return replace(scene, items=lower(scene.items))


def inlined(scene: Scene) -> Scene:
    """The same with a block of one box drawn as that box, which has its name."""

    def inside(items: Sequence[Frame | Box]) -> tuple[Frame | Box, ...]:
        return tuple(joined(i.title, inside(i.inside), i) if isinstance(i, Frame) else i for i in items)

    def joined(title: str, within: tuple[Frame | Box, ...], frame: Frame) -> Frame | Box:
        if len(within) != 1 or frame.times > 1 or not isinstance(box := within[0], Box) or box.sign or not title:
            return replace(frame, inside=within)
        first, *middle, last = box.lines if len(box.lines) > 1 else (*box.lines, "")
        if box.kind == "block":  # whose middle line begins with its own name, if that is said
            name, _, shape = (middle[0] if middle else "").rpartition(" · ")
            title, middle = f"{title}.{name}" if name else title, [shape] if shape else []
        return replace(box, lines=tuple(line for line in (first, " · ".join((title, *middle)), last) if line))

    return replace(scene, items=inside(scene.items))


def fitted(scene: Scene, tight: int) -> Scene:
    """The same with lines cut that are too long: the tighter, the shorter, and from 2 on with boxes close to each other. The
    tightest has the numbers of blocks without saying of what, where a box would be wider for it; the legend says it then."""

    def cut(items: Sequence[Frame | Box]) -> tuple[Frame | Box, ...]:
        return tuple(replace(i, title=shortened(i.title, TITLES[tight], SMALL), inside=cut(i.inside)) if isinstance(i, Frame) else
                     replace(i, lines=short(i)) for i in items)

    def short(box: Box) -> tuple[str, ...]:
        *lines, last = box.lines
        terse = last.replace(" params", "").replace(" MACs", "") if tight == TIGHTEST and box.kind == "block" and lines else last
        most = max([LONGEST[tight if box.kind == "block" else min(tight, 1)], width(terse, SMALL),
                    *(width(t, SIZE) for t in lines[1:] if tight and box.kind == "block" and width(t, SIZE) < LONGEST[1])])
        lines = [shortened(t, most, SIZE, bold=k == 0) for k, t in enumerate(lines)]
        if terse != last and width(last, SMALL) <= max(width(t, SIZE, bold=k == 0) for k, t in enumerate(lines)):
            terse = last
        return (*lines, terse if lines else shortened(terse, most, SIZE, bold=True))

    return replace(scene, items=cut(scene.items), between=CLOSE if tight > 1 else BETWEEN)


def shortened(text: str, most: float, size: float, bold: bool = False) -> str:
    """A line that is at most so wide, in points; what is left out of it comes before its ×N."""
    words, times, n = text.partition("  ×")
    return whole_or_cut(words, size, most - (width(times + n, size, bold) if times else 0), bold) + times + n


def nearer(scene: Scene) -> Scene:
    """The same with what stands far behind all that it reads moved to it, so that columns can be cut where few arcs cross."""
    owner = {b.name: k for k, i in enumerate(scene.items) for b in boxes_of([i])}
    reads: dict[int, set[int]] = {}
    for arc in scene.arcs:
        if owner[arc.source] != owner[arc.target]:
            reads.setdefault(owner[arc.target], set()).add(owner[arc.source])
    order: list[int] = []
    for k in range(len(scene.items)):
        last = max((order.index(s) for s in reads.get(k, ())), default=len(order) - 1)
        order.insert(last + 1 if len(order) - last > FAR else len(order), k)
    return replace(scene, items=tuple(scene.items[k] for k in order))


def boxes_of(items: Sequence[Frame | Box]) -> list[Box]:
    return [b for i in items for b in ([i] if isinstance(i, Box) else boxes_of(i.inside))]


def frames_of(items: Sequence[Frame | Box]) -> Iterator[Frame]:
    for i in items:
        if isinstance(i, Frame):
            yield i
            yield from frames_of(i.inside)


def _numbered(items: Sequence[Frame | Box], number: Mapping[str, tuple[int, Iterator[int]]]) -> tuple[Frame | Box, ...]:
    """The items with frames that stand for one block in several places told apart: `stage3, continued (2 of 3)`."""
    out: list[Frame | Box] = []
    for i in items:
        if isinstance(i, Frame):
            title = i.title
            if i.path in number:
                of, places = number[i.path]
                k = next(places)
                title = title if k == 1 else f"{title}{CONTINUED} ({k} of {of})"
            i = replace(i, title=title, inside=_numbered(i.inside, number))
        out.append(i)
    return tuple(out)


def _part(items: Sequence[Frame | Box], names: frozenset[str]) -> tuple[Frame | Box, ...]:
    kept: list[Frame | Box] = []
    for i in items:
        if isinstance(i, Box):
            kept += [i] if i.name in names else []
        elif inside := _part(i.inside, names):
            kept.append(replace(i, inside=inside))
    return tuple(kept)


class Reading:
    """A graph read once, of which scenes at several depths are made."""

    def __init__(self, graph: Graph, opened: Sequence[str] = (), focus: str | None = None):
        self.graph, self.opened, self.focus = graph, opened, focus
        self.sources: Drawn = {n.name: drawn_inputs(graph, n) for n in graph}
        self.items = outline(graph, same_drawing, join=True, reads=lambda n: self.sources[n.name])
        if focus is not None:
            self.items = focused(graph, self.items, focus, self.sources)
        known(self.items, opened)
        self.numbers = {c.name: c for c in counted(graph).nodes}
        self.kinds = kinds(graph, self.sources)

    def scene(self, depth: int | None) -> Scene:
        opened = (*self.opened, *([self.focus] if self.focus and any(isinstance(i, Group) for i in self.items) else []))
        items = closed(self.graph, self.items, depth, opened, self.sources)
        return _Making(self, items).scene()


class _Making:
    """A scene under construction."""

    def __init__(self, reading: Reading, items: Sequence[Item]):
        self.graph, self.sources, self.numbers, self.items = reading.graph, reading.sources, reading.numbers, items
        self.focus, self.kinds = reading.focus is not None, reading.kinds
        self.stands = stands_for(items)
        self.box = {v.name: box for box, steps in self.stands.items() for s in steps for n in s.nodes for v in n.results}

    def scene(self) -> Scene:
        arcs = [Arc(s, t, kind, refers(n) if kind == "reference" else "")
                for (s, t, kind), n in arcs_between(self.graph, self.items, self.sources, self.kinds).items()]
        self.outs: dict[str, list[Box]] = {}
        for name, label, source in self.outputs():
            self.outs.setdefault(source, []).append(Box(name, "input", (label,), dashed=True))
            arcs.append(Arc(source, name, "data"))
        sizes = {s.name: size for s in drawn(self.items) if (size := places(s.last)) is not None}
        items = [i for item in self.frame(self.items, "") for i in (item, *self.leaving(item))]
        return Scene(self.graph.name, tuple(items), tuple(arcs), sizes)

    def leaving(self, item: Frame | Box) -> list[Box]:
        """The outputs that come from within an item; they stand after it."""
        return [out for box in boxes_of([item]) for out in self.outs.get(box.name, ())]

    def outputs(self) -> list[tuple[str, str, str]]:
        """(name, label, box it comes from) of each output; of a part also of what is read outside of it."""
        found = [("output " + public, shown(public), self.box[v]) for public, v in self.graph.outputs if v in self.box]
        if not self.focus:
            return found
        readers: dict[str, list[str]] = {}
        for n in self.graph:
            for v in self.sources[n.name] if n.results[0].name not in self.box else ():
                readers.setdefault(v, []).append(n.name)
        ports = {s.name for s in drawn(self.items) if isinstance(s, Port)}
        for v, box in self.box.items():
            if v in readers and box not in ports:
                to = ", ".join(readers[v][:2]) + (" …" if len(readers[v]) > 2 else "")
                found.append((f"output {v}", "to " + shown(to), box))
        return found

    def frame(self, items: Sequence[Item], scope: str) -> tuple[Frame | Box, ...]:
        made: list[Frame | Box] = []
        for item in items:
            if isinstance(item, Step):
                made.append(self.step(item))
            elif isinstance(item, Group):
                made.append(Frame(_below(item.path, scope), 1, self.frame(item.items, item.path), item.path))
            else:
                made.append(self.repeat(item, scope))
        return tuple(made)

    def repeat(self, item: Repeat, scope: str) -> Frame | Box:
        first, end = item.turns[0], item.turns[-1]
        if len(first) == 1 and isinstance(first[0], Step):
            return self.step(first[0], item.times)
        if len(first) == 1 and isinstance(first[0], Group) and isinstance(end[0], Group):
            title = _span(_below(first[0].path, scope), _below(end[0].path, scope))
            return Frame(title, item.times, self.frame(first[0].items, first[0].path))
        return Frame("", item.times, self.frame(first, scope))

    def step(self, step: Step, times: int = 1) -> Box:
        shape = shape_range(step.last, self.stands[step.name][-1].last)
        if isinstance(step, Port):
            return Box(step.name, "input", label(step.name, (), shape), "", dashed=True)
        if isinstance(step, Closed):
            name = self.names(step)
            lines = label(self.call(step), ((name, shape) if name else (shape,)), self.short(step), times)
            return Box(step.name, "block", lines, self.tooltip(step), times)
        kind, sign = kind_of(step.head), str(getattr(step.head.op, "symbol", ""))
        if len(sign) == 1 and len(step.nodes) == 1 and times == 1:
            return Box(step.name, kind, (sign,), self.tooltip(step), sign=True)
        text = step.name if isinstance(step.head.op, Input) else step.text
        marks = (*step.switches, *(["frozen"] if step.frozen else []), *([f"weights of {step.shared}"] if step.shared else []))
        lines = label(" ".join((sign, *step.switches)), (), shape, times) if sign else label(text, marks, shape, times)
        return Box(step.name, kind, lines, self.tooltip(step), times, dashed=bool(step.shared and not sign))

    def call(self, block: Closed) -> str:
        """The call that made a block, from the first to the last that its box stands for: `unit 0.1…0.4`; of numbers that go up
        and down, from the least to the most."""
        calls = [[_brief(w) for w in s.text.split(" ")] for s in self.stands[block.name]]
        if len({len(words) for words in calls}) > 1:
            return " ".join(calls[0])
        return " ".join(words[0] if len(set(words)) == 1 else "…".join(_ends(words)) for words in zip(*calls))

    def names(self, block: Closed) -> str:
        """The name of a block, of several the first and the last; nothing where it is what its call is named after."""
        first, last = (self.stands[block.name][k] for k in (0, -1))
        if not block.call or not isinstance(first, Closed) or not isinstance(last, Closed):
            return ""
        name, end = (s.path.rpartition(".")[2] for s in (first, last))
        return "" if name.rstrip("0123456789") == block.call.split()[0] else name if name == end else _span(name, end)

    def short(self, block: Closed) -> str:
        """Parameters and MACs of a closed block, of all that its box stands for."""
        nodes = [n for s in self.stands[block.name] for n in s.nodes]
        counted = [(sum(self.numbers[n.name].parameters for n in nodes), "params"),
                   (sum(self.numbers[n.name].macs or 0 for n in nodes), "MACs")]
        return " · ".join(f"{rounded(n)} {what}" for n, what in counted if n)

    def tooltip(self, step: Step) -> str:
        """Name, text, counts and line; where it stands for several, the counts of the first, the last and all of them."""
        steps = self.stands[step.name]
        parameters = [sum(self.numbers[n.name].parameters for n in s.nodes) for s in steps]
        macs = [sum(self.numbers[n.name].macs or 0 for n in s.nodes) for s in steps]
        line = line_of(step.head) if not isinstance(step, Closed) else None
        name, last = (s.path if isinstance(s, Closed) else s.name for s in (step, steps[-1]))
        name = name if len(steps) == 1 else f"{name} … {last}"
        what = f"{self.call(step)} ({step.steps} layers)" if isinstance(step, Closed) else str(step)
        return "\n".join([name, what, *_counted(parameters, "parameters"), *_counted(macs, "MACs"),
                          *([f"line {line}"] if line else [])])


def same_drawing(n: Node) -> tuple[str, tuple[Size, ...], int]:
    """Nodes that differ only in how many channels they carry are drawn as one."""
    return likeness(n), n.type.spatial, n.type.batch


def places(node: Node) -> int | None:
    """How many places a channel has: 3136 of 64×56×56."""
    found = 1
    for size in node.type.spatial:
        if not isinstance(size, int):
            return None
        found *= size
    return found if node.type.spatial else None


def rounded(n: int) -> str:
    """3 digits: `23.5 M`."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if n >= size:
            return f"{n / size:.3g} {letter}" if n < 999.5 * size else f"{n / size:.0f} {letter}"
    return str(n)


def _brief(word: str) -> str:
    """A word of a call; of a long number four digits."""
    name, sign, number = word.rpartition("=")
    return f"{name}{sign}{float(number):.4g}" if re.fullmatch(r"-?\d*\.\d{5,}(e-?\d+)?", number) else word


def _ends(words: Sequence[str]) -> tuple[str, str]:
    """The first and the last; of numbers that go up and down the least and the most."""
    try:
        numbers = [float(w) for w in words]
    except ValueError:
        return words[0], words[-1]
    if numbers in (sorted(numbers), sorted(numbers, reverse=True)):
        return words[0], words[-1]
    return words[numbers.index(min(numbers))], words[numbers.index(max(numbers))]


def _span(first: str, last: str) -> str:
    """`unit2…200` of unit2 and unit200."""
    stem = first.rstrip("0123456789")
    number = last.removeprefix(stem)
    return f"{first}…{number}" if stem != first and number.isdigit() else f"{first} … {last}"


def _below(path: str, scope: str) -> str:
    return path[len(scope) + 1:] if scope and path.startswith(scope + ".") else path


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


def label(text: str, marks: Sequence[str], last: str, times: int = 1) -> tuple[str, ...]:
    """What a box does, its marks, its shape: a line each. `rendering` makes the first bold and the last small and quiet."""
    lines = [text + (f"  ×{times}" if times > 1 else ""), " · ".join(marks), last]
    return tuple(shown(line) for line in lines if line)
