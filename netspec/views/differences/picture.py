"""A difference as a picture: what both networks have in the middle, what only the first has to the left, and what only the second
has to the right; runs of steps that are kept are one box.

It is laid out so that its text can be read on A4: in one column or two, of as many boxes as that allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..drawing.lettering import width, wrapped
from ..drawing.looks import Theme, mixed
from ..drawing.pages import A4, READABLE
from ..drawing.sheet import Point, Sheet
from .boxes import Box, levels
from .change import Change, Kind
from .report import Graphs

TONES: dict[Kind, str] = {"kept": "#bbbbbb", "changed": "#ddcc77", "removed": "#cc6677", "added": "#44aa99"}  # Paul Tol, "muted"
MARKS: dict[Kind, str] = {"kept": "=", "changed": "~", "removed": "−", "added": "+"}
LANES: dict[Kind, int] = {"removed": 0, "kept": 1, "changed": 1, "added": 2}
LANE = {1: 44.0, 2: 14.0}  # how far apart lanes are, of so many columns
GAP, STRIP, MARGIN, GUTTER = 14.0, 20.0, 20.0, 26.0
WIDE = 200.0  # a box at least
MANY = 50  # more boxes cannot be read on a page, however they stand
TRACK, TRACKS = 9.0, {1: 6, 2: 3}  # between two arcs beside each other, and how many of them a side has; others have letters
SIZE, SMALL, LINE = 10.5, 9.0, 12.0  # of letters, and from line to line
PAGE = A4.room[0] * SMALL / READABLE  # as wide may a drawing be whose small letters are to be read
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Reads = Mapping[str, tuple[str, ...]]  # of each step the steps that it reads
Arc = tuple[int, int, Kind]  # from the box of this number to the one of that, and which network has it


def picture(heads: Sequence[str], every: Sequence[Change], graphs: Graphs, reads: Sequence[Reads], theme: Theme) -> str:
    """The picture of what became of every step, as SVG text, below these lines."""
    best: tuple[float, Sheet] | None = None
    for boxes in levels(every, graphs):
        for columns in (1, 2) if len(boxes) <= MANY or best is None else ():
            first = _Drawing(heads, every, boxes, reads, theme, columns, 2 * TRACKS[columns])
            sheet = _Drawing(heads, every, boxes, reads, theme, columns, first.beside).sheet  # boxes have what arcs leave
            size = SMALL * A4.scale(sheet.wide, sheet.high)
            if best is None or size > best[0] * 1.02:
                best = size, sheet
            if size >= READABLE - 1e-6:
                return sheet.svg
    assert best is not None
    return best[1].svg


class _Drawing:
    """Boxes in so many columns."""

    def __init__(self, heads: Sequence[str], every: Sequence[Change], boxes: Sequence[Box], reads: Sequence[Reads], theme: Theme,
                 columns: int, beside: int):
        self.boxes, self.theme, self.lane = boxes, theme, LANE[columns]
        arcs = _arcs(reads, boxes)
        self.sheet = Sheet(PAGE, 0, theme, heads[0])
        room = (PAGE - 2 * MARGIN - (columns - 1) * GUTTER) / columns - 2 * self.lane - beside * TRACK - 32
        texts = [w for b in boxes for w in (width(b.title, SIZE, bold=True), width(b.below, SMALL))]
        self.wide = min(room, max([WIDE if columns == 1 else 0.0, *(w + STRIP + 14 for w in texts)]))
        self.lines = [(wrapped(b.title, SIZE, self.wide - STRIP - 12, bold=True), wrapped(b.below, SMALL, self.wide - STRIP - 12))
                      for b in boxes]
        self.high = [8 + LINE * (len(title) + len(below)) for title, below in self.lines]
        self.column = self.split(columns)
        top = self.head(heads, every)
        around = [a for a in arcs if a[1] - a[0] > 1 and self.column[a[0]] == self.column[a[1]]]
        self.tracks: dict[Arc, int] = {}
        for column in range(columns):
            for side in (True, False):
                own = [a for a in around if self.column[a[0]] == column and (a[2] == "removed") == side]
                self.tracks |= {a: k for a, k in _tracks(own) if k < TRACKS[columns]}
        self.place(top, columns)
        marks: dict[int, list[list[str]]] = {}
        letters = iter(LETTERS)
        for arc in arcs:
            if arc[1] - arc[0] == 1 or arc in self.tracks:
                self.arc(arc)
            else:
                letter = next(letters, "…")
                for k, box in enumerate(arc[:2]):
                    marks.setdefault(box, [[], []])[k].append(letter)
        for k in range(len(boxes)):
            self.box(k)
        for k, (out, into) in marks.items():
            self.letters(k, out, into)

    def split(self, columns: int) -> list[int]:
        """The column of each box: each about as high."""
        total, found, so_far = sum(h + GAP for h in self.high), [], 0.0
        for h in self.high:
            found.append(min(columns - 1, int((so_far + h / 2) * columns / total)))
            so_far += h + GAP
        return found

    def place(self, top: float, columns: int) -> None:
        """Where each box stands, and how large the sheet is."""
        self.at: list[Point] = []
        self.edges: list[tuple[float, float]] = []  # of each column, between its tracks
        self.beside = 0  # the most tracks that a column has on both sides
        left, foot = MARGIN, top
        for column in range(columns):
            mine = [k for k, c in enumerate(self.column) if c == column]
            own = [(a[2] == "removed", t) for a, t in self.tracks.items() if a[0] in mine]
            beside = {side: max((t + 1 for left_side, t in own if left_side == side), default=0) for side in (True, False)}
            self.beside = max(self.beside, sum(beside.values()))
            x = left + beside[True] * TRACK + 16
            right = x + 2 * self.lane + self.wide
            self.edges.append((x, right))
            y = top
            for k in mine:
                self.at.append((x + LANES[self.boxes[k].kind] * self.lane, y))
                y += self.high[k] + GAP
            foot = max(foot, y - GAP)
            left = right + beside[False] * TRACK + 16 + GUTTER
        self.sheet.wide = max(self.sheet.wide if columns > 1 else 0.0, left - GUTTER + MARGIN, self.heads + MARGIN)
        self.sheet.high = foot + MARGIN

    def head(self, heads: Sequence[str], every: Sequence[Change]) -> float:
        """Title, sums and legend; gives where the boxes begin."""
        sheet, y, right = self.sheet, MARGIN + 8, 0.0
        for k, text in enumerate(heads):
            size = 13.0 if k == 0 else 10.0
            for line in wrapped(text, size, PAGE - 2 * MARGIN, bold=k == 0):
                sheet.text(MARGIN, y, line, size, self.theme.text if k == 0 else self.theme.label, bold=k == 0)
                right = max(right, MARGIN + width(line, size, bold=k == 0))
                y += 18 if k == 0 else 14
        x = MARGIN
        y += 8
        for kind, mark in MARKS.items():
            n = sum(c.kind == kind and " " not in c.name for c in every)
            dash = "4 3" if kind == "removed" else ""
            sheet.rect(x, y - 10, 14, 14, _ink(kind, self.theme), mixed(TONES[kind], self.theme.ground, 0.35), 1.2, dash)
            sheet.text(x + 7, y + 1.5, mark, 11, self.theme.text, "middle", bold=True)
            text = f"{n} {kind}"
            sheet.text(x + 20, y + 1, text, 10, self.theme.label)
            x += 36 + width(text, 10)
        self.heads = max(right, x - 16)
        return y + 22

    def box(self, k: int) -> None:
        b, (x, y), high, theme = self.boxes[k], self.at[k], self.high[k], self.theme
        ink, dash = _ink(b.kind, theme), "4 3" if b.kind == "removed" else ""
        self.sheet.rect(x, y, self.wide, high, ink, mixed(TONES[b.kind], theme.ground, 0.8), 1.4, dash)
        self.sheet.rect(x, y, STRIP, high, ink, mixed(TONES[b.kind], theme.ground, 0.35), 1.4, dash)
        self.sheet.text(x + STRIP / 2, y + high / 2 + 5, MARKS[b.kind], 14, theme.text, "middle", bold=True)
        y += 2
        title, below = self.lines[k]
        for line in title:
            y += LINE
            self.sheet.text(x + STRIP + 6, y, line, SIZE, theme.text, bold=True)
        for line in below:
            y += LINE
            self.sheet.text(x + STRIP + 6, y, line, SMALL, theme.quiet)

    def arc(self, arc: Arc) -> None:
        a, b, kind = arc
        sheet, colour = self.sheet, self.theme.line if kind == "kept" else _ink(kind, self.theme)
        dash, thick = ("4 3" if kind == "removed" else ""), (1.1 if kind == "kept" else 1.6)
        (xa, ya), (xb, yb) = self.at[a], self.at[b]
        low = ya + self.high[a]
        if self.column[a] != self.column[b]:  # to the top of the next column
            apart = {"removed": -4.0, "kept": 0.0, "added": 4.0}[kind]
            middle = self.edges[self.column[b]][0] - GUTTER / 2 - 8 + apart
            x, to = xa + self.wide / 2 + apart, xb + self.wide / 2 + apart
            under, over = low + 8 + apart, yb - 12 + apart
            sheet.line([(x, low), (x, under), (middle, under), (middle, over), (to, over), (to, yb - 5)], colour, thick, dash)
            sheet.shape([(to, yb), (to - 3, yb - 6), (to + 3, yb - 6)], fill=colour)
        elif b - a == 1:
            begin, end = max(xa, xb), min(xa, xb) + self.wide
            x = begin + (end - begin) * {"kept": 0.5, "removed": 0.25, "added": 0.75}[kind]
            sheet.line([(x, low), (x, yb - 5)], colour, thick, dash)
            sheet.shape([(x, yb), (x - 3, yb - 6), (x + 3, yb - 6)], fill=colour)
        else:
            side, (left, right) = (-1 if kind == "removed" else 1), self.edges[self.column[a]]
            x = left - 10 - self.tracks[arc] * TRACK if side < 0 else right + 10 + self.tracks[arc] * TRACK
            start, end = (xa, xb) if side < 0 else (xa + self.wide, xb + self.wide)
            y, to = ya + self.high[a] * 0.7, yb + self.high[b] * 0.3
            sheet.line([(start, y), (x, y), (x, to), (end + side * 5, to)], colour, thick, dash)
            sheet.shape([(end, to), (end + side * 6, to - 3), (end + side * 6, to + 3)], fill=colour)

    def letters(self, k: int, out: Sequence[str], into: Sequence[str]) -> None:
        """Of arcs that lead too far to be drawn: the same letter at both ends."""
        (x, y), high = self.at[k], self.high[k]
        for said, at, anchor in ((out, (x + self.wide + 3, y + high - 3), "start"), (into, (x - 3, y + 8), "end")):
            if said:
                text = ", ".join(said[:3]) + (" …" if len(said) > 3 else "")
                self.sheet.text(*at, f"from {text}" if anchor == "end" else f"to {text}", SMALL, self.theme.label, anchor)


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


def _ink(kind: Kind, theme: Theme) -> str:
    return mixed(TONES[kind], "#ffffff" if theme.name == "dark" else "#000000", 0.35)
