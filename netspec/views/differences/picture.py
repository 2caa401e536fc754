"""A difference as a picture: what both networks have in the middle, what only the first has to the left, and what only the second
has to the right; runs of steps that are kept are one box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..drawing.lettering import width
from ..drawing.looks import Theme, mixed
from ..drawing.sheet import Sheet
from .change import Change, Kind
from .report import Entry, Graphs, blocks, edit

TONES: dict[Kind, str] = {"kept": "#bbbbbb", "changed": "#ddcc77", "removed": "#cc6677", "added": "#44aa99"}  # Paul Tol, "muted"
MARKS: dict[Kind, str] = {"kept": "=", "changed": "~", "removed": "−", "added": "+"}
LANES: dict[Kind, float] = {"removed": 0, "kept": 60, "changed": 60, "added": 120}
HIGH, GAP, STRIP, MARGIN = 34.0, 16.0, 22.0, 24.0
WIDE = 240.0  # a box at least
TRACK = 9.0  # between two arcs beside each other
SIZE, SMALL = 11.0, 9.0
TALL = 36  # boxes; where there are more, what was changed alike is one box
LONGEST = 78  # characters of a line


@dataclass(frozen=True)
class Box:
    """One box of the picture."""

    kind: Kind
    title: str
    below: str
    changes: tuple[Change, ...]


Reads = Mapping[str, tuple[str, ...]]  # of each step the steps that it reads


def picture(heads: Sequence[str], every: Sequence[Change], graphs: Graphs, reads: Sequence[Reads], theme: Theme) -> str:
    """The picture of what became of every step, as SVG text, below these lines."""
    boxes = list(_boxes(every, graphs))
    if len(boxes) > TALL:
        boxes = list(_shorter(boxes))
    texts = [w for b in boxes for w in (width(b.title, SIZE, bold=True), width(b.below, SMALL))]
    wide = max([WIDE, *(w + STRIP + 20 for w in texts)])
    arcs = _arcs(reads, boxes)
    around = [a for a in arcs if a[1] - a[0] > 1]  # boxes that stand between
    left, right = (dict(_tracks(a for a in around if (a[2] == "removed") == side)) for side in (True, False))
    x0 = MARGIN + (max(left.values(), default=-1) + 1) * TRACK + 8
    beside = (max(right.values(), default=-1) + 1) * TRACK + 8
    sheet = Sheet(x0 + LANES["added"] + wide + beside + MARGIN, 0, theme, heads[0])
    top = _head(sheet, heads, every)
    place = [(x0 + LANES[b.kind], top + k * (HIGH + GAP)) for k, b in enumerate(boxes)]
    edge = (x0 - 6, x0 + LANES["added"] + wide + 6)
    for arc in arcs:
        side = left if arc[2] == "removed" else right
        _arc(sheet, arc, place, wide, side.get(arc), edge)
    for b, (x, y) in zip(boxes, place):
        _draw(sheet, b, x, y, wide)
    sheet.high = top + len(boxes) * (HIGH + GAP) + MARGIN - GAP
    return sheet.svg


def _boxes(every: Sequence[Change], graphs: Graphs) -> Iterator[Box]:
    run: list[Change] = []
    for c in [*every, None]:
        if c is not None and " " in c.name:  # an output
            continue
        if run and (c is None or c.kind != run[0].kind or c.kind == "changed"):
            yield from _of(run, graphs)
            run = []
        if c is not None:
            run.append(c)


def _of(run: Sequence[Change], graphs: Graphs) -> Iterator[Box]:
    """The boxes of steps that follow each other and are of one kind."""
    kind = run[0].kind
    if kind in ("added", "removed"):
        yield from (_block(e, kind) for e in blocks(run, graphs))
    elif kind == "kept" and len(run) > 2:
        yield Box(kind, f"{len(run)} steps are the same", f"{_name(run[0])} … {_name(run[-1])}", tuple(run))
    else:
        yield from (_single(c) for c in run)


def _block(e: Entry, kind: Kind) -> Box:
    if len(e.changes) == 1:
        return _single(e.changes[0])
    facts = [c.after or c.before for c in e.changes]
    parameters = sum(f.parameters for f in facts if f)
    shape = facts[-1].shape if facts[-1] else ""
    times = f"  ×{e.times}" if e.times > 1 else ""
    return Box(kind, _cut(e.name + times), f"{len(e.changes)} steps, {parameters:,} parameters · {_signs(shape)}", e.changes)


def _single(c: Change) -> Box:
    now = c.after or c.before
    assert now is not None
    below = f"{_name(c)} · {_signs(now.shape)}" + (f" · {now.parameters:,} parameters" if now.parameters else "")
    if c.kind == "changed" and c.before is not None and c.after is not None:
        before, _ = c.before.against(c.after)
        below = f"{_name(c)} · {_signs(now.shape)} · was {before.replace('  ', ' · ')}"
    return Box(c.kind, _cut(now.step), _cut(below), (c,))


def _shorter(boxes: Sequence[Box]) -> Iterator[Box]:
    """With steps that were changed alike, and what is kept between them, in one box for each part of the network."""
    run: list[Box] = []

    def told(run: Sequence[Box]) -> Iterator[Box]:
        changes = tuple(c for b in run for c in b.changes)
        edits = [edit(c) for c in changes if c.kind == "changed"]
        if len(run) < 3:
            yield from run
        else:
            yield Box("changed", _cut(f"{len(edits)} of {len(changes)} steps: {edits[0]}"),
                      _cut(f"{_name(changes[0])} … {_name(changes[-1])}"), changes)

    for b in boxes:
        edits = {edit(c) for r in (*run, b) for c in r.changes if c.kind == "changed"}
        scopes = {_name(c).split(".")[0] for r in (*run, b) for c in r.changes if "." in _name(c)}
        if run and (b.kind in ("added", "removed") or len(edits) > 1 or "" in edits or len(scopes) > 1):
            yield from told(run)
            run = []
        if b.kind in ("added", "removed"):
            yield b
        else:
            run.append(b)
    yield from told(run)


Arc = tuple[int, int, Kind]  # from the box of this number to the one of that, and which network has it


def _arcs(reads: Sequence[Reads], boxes: Sequence[Box]) -> list[Arc]:
    found: list[set[tuple[int, int]]] = []
    for of_net, second in zip(reads, (False, True)):
        of = {(c.other or c.name if second else c.name): k for k, b in enumerate(boxes) for c in b.changes
              if (c.after if second else c.before) is not None}
        found.append({(of[r], of[name]) for name, read in of_net.items() if name in of
                      for r in read if of[r] != of[name]})
    kinds: list[tuple[set[tuple[int, int]], Kind]] = [(found[0] & found[1], "kept"), (found[0] - found[1], "removed"),
                                                      (found[1] - found[0], "added")]
    return sorted((a, b, kind) for arcs, kind in kinds for a, b in arcs)


def _tracks(arcs: Iterable[Arc]) -> Iterator[tuple[Arc, int]]:
    """A track for each arc that goes round boxes, so that none lies on another."""
    ends: list[int] = []
    for arc in sorted(arcs):
        k = next((k for k, end in enumerate(ends) if end <= arc[0]), len(ends))
        ends[k:k + 1] = [arc[1]]
        yield arc, k


def _arc(sheet: Sheet, arc: Arc, place: Sequence[tuple[float, float]], wide: float, track: int | None,
         edge: tuple[float, float]) -> None:
    a, b, kind = arc
    colour = sheet.theme.line if kind == "kept" else _ink(kind, sheet.theme)
    dash, thick = ("4 3" if kind == "removed" else ""), (1.1 if kind == "kept" else 1.6)
    (xa, ya), (xb, yb) = place[a], place[b]
    if track is None:  # the next box
        low, high = max(xa, xb), min(xa, xb) + wide
        x = low + (high - low) * {"kept": 0.5, "removed": 0.25, "added": 0.75}[kind]
        sheet.line([(x, ya + HIGH), (x, yb - 5)], colour, thick, dash)
        sheet.shape([(x, yb), (x - 3, yb - 6), (x + 3, yb - 6)], fill=colour)
        return
    side = -1 if kind == "removed" else 1
    x = edge[0] - 4 - track * TRACK if side < 0 else edge[1] + 4 + track * TRACK
    start, end = (xa, xb) if side < 0 else (xa + wide, xb + wide)
    y, to = ya + HIGH * 0.7, yb + HIGH * 0.3
    sheet.line([(start, y), (x, y), (x, to), (end + side * 5, to)], colour, thick, dash)
    sheet.shape([(end, to), (end + side * 6, to - 3), (end + side * 6, to + 3)], fill=colour)


def _draw(sheet: Sheet, b: Box, x: float, y: float, wide: float) -> None:
    theme = sheet.theme
    ink = _ink(b.kind, theme)
    sheet.rect(x, y, wide, HIGH, ink, mixed(TONES[b.kind], theme.ground, 0.8), 1.4, "4 3" if b.kind == "removed" else "")
    sheet.rect(x, y, STRIP, HIGH, ink, mixed(TONES[b.kind], theme.ground, 0.35), 1.4, "4 3" if b.kind == "removed" else "")
    sheet.text(x + STRIP / 2, y + HIGH / 2 + 5, MARKS[b.kind], 15, theme.text, "middle", bold=True)
    sheet.text(x + STRIP + 8, y + 14, b.title, SIZE, theme.text, bold=True)
    sheet.text(x + STRIP + 8, y + 27, b.below, SMALL, theme.quiet)


def _head(sheet: Sheet, heads: Sequence[str], every: Sequence[Change]) -> float:
    """Title, sums and legend; gives where the boxes begin."""
    y = MARGIN + 10
    for k, text in enumerate(heads):
        sheet.text(MARGIN, y, text, 13 if k == 0 else 10, sheet.theme.text if k == 0 else sheet.theme.label, bold=k == 0)
        sheet.wide = max(sheet.wide, width(text, 13 if k == 0 else 10, bold=k == 0) + 2 * MARGIN)
        y += 18 if k == 0 else 14
    x = MARGIN
    y += 8
    for kind, mark in MARKS.items():
        n = sum(c.kind == kind and " " not in c.name for c in every)
        dash = "4 3" if kind == "removed" else ""
        sheet.rect(x, y - 10, 14, 14, _ink(kind, sheet.theme), mixed(TONES[kind], sheet.theme.ground, 0.35), 1.2, dash)
        sheet.text(x + 7, y + 1.5, mark, 11, sheet.theme.text, "middle", bold=True)
        text = f"{n} {kind}"
        sheet.text(x + 20, y + 1, text, 10, sheet.theme.label)
        x += 36 + width(text, 10)
    sheet.wide = max(sheet.wide, x + MARGIN)
    return y + 24


def _ink(kind: Kind, theme: Theme) -> str:
    return mixed(TONES[kind], "#ffffff" if theme.name == "dark" else "#000000", 0.35)


def _name(c: Change) -> str:
    return c.other or c.name


def _signs(shape: str) -> str:
    return shape.replace("x", "×")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST - 1] + "…"
