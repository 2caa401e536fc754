"""Lines beside a column of bars: each stands on a lane of its own and meets its bars where no other does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..drawing.lettering import width
from .canvas import FONT
from .volumes import Over, Picture

FIRST, NEXT, LETTER = -6.0, 7.0, 3.0  # the first lane, how far the next is at least, and a label before its lane


@dataclass(frozen=True)
class Line:
    """From one bar down to another; what goes round a repeat comes from above its first bar."""

    source: int
    target: int
    kind: Over | None  # none: a bracket
    label: str
    loops: bool = False
    far: bool = False  # goes round more than one block

    @property
    def span(self) -> tuple[float, float]:
        return self.source - 0.4 * self.loops, self.target

    @property
    def long(self) -> float:
        return self.span[1] - self.span[0]

    @property
    def room(self) -> float:
        """How far the lane left of it must be, for its label."""
        return max(NEXT, 2 * LETTER + (FONT if self.far else width(self.label, FONT))) if self.label else NEXT


def lines(picture: Picture) -> list[Line]:
    """All of a picture: round blocks and repeats, then over more."""
    found = []
    for u in picture.units:
        if u.times > 1 or (u.over and u.first):
            said = " ".join(([f"×{u.times}"] if u.times > 1 else []) + ([u.shortcut] if u.shortcut else []))
            found.append(Line(u.first if u.times > 1 else u.first - 1, u.last, u.over, said, loops=u.times > 1))
    return found + [Line(a.source, a.target, a.kind, a.label, far=True) for a in picture.arcs if a.source < a.target]


class Lanes:
    """Where lines run, left of the bars, the short ones inside."""

    def __init__(self, found: Sequence[Line]):
        self.lines = sorted(found, key=lambda line: (line.far, line.long, line.source))
        lanes: list[list[Line]] = []
        for line in self.lines:
            free = next((lane for lane in lanes if not any(_meet(line, other) for other in lane)), None)
            if free is None:
                lanes.append(free := [])
            free.append(line)
        self.at: dict[Line, float] = {}
        self.left = FIRST  # what is left of this is free
        for lane in lanes:
            self.at |= dict.fromkeys(lane, self.left)
            self.left -= max(line.room for line in lane)

    def ports(self, k: int) -> dict[tuple[Line, bool], float]:
        """How far down a bar each line meets it, as a share: those that end there from the inside out, above those that begin."""
        ends = [(line, True) for line in self.lines if line.target == k and line.kind]
        begins = [(line, False) for line in reversed(self.lines) if line.source == k and not line.loops and line.kind]
        inside_out = sorted(ends, key=lambda end: -self.at[end[0]]) + sorted(begins, key=lambda end: self.at[end[0]])
        return {end: (i + 1) / (len(inside_out) + 1) for i, end in enumerate(inside_out)}


def _meet(a: Line, b: Line) -> bool:
    return a.span[0] <= b.span[1] and b.span[0] <= a.span[1]
