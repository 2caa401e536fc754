"""What a figure is made of: volumes in a row, the units they form, arcs over them, heads, and rows of other inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...ir.graph import Node
from ...ir.types import Size

Kind = Literal["input", "conv", "fc", "pool", "up", "concat", "move", "closed"]
Part = Literal["input", "conv", "fc", "pool", "up", "copy", "move", "closed", "b1", "b3", "b5", "bs", "bp"]  # how a slice looks
Over = Literal["add", "shortcut", "copy", "places"]


@dataclass(frozen=True)
class Volume:
    """The values that one layer makes, or those of all that are closed to one box."""

    kind: Kind
    nodes: tuple[Node, ...]  # all layers it stands for, the first of them the one that is drawn
    shape: tuple[Size, ...]
    images: int = 1
    window: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    groups: int = 1
    depthwise: bool = False
    dilations: tuple[str, ...] = ()  # distances of its taps, those of all turns
    word: str = ""  # the layer, or the name of what is closed
    slices: tuple[tuple[int, Part], ...] = ()
    times: int = 1
    notes: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        return self.shape[0] or 1

    @property
    def spatial(self) -> tuple[Size, ...]:
        return self.shape[1:]

    @property
    def whole(self) -> bool:
        """Whether it is a pooling over images or channels, which its size alone does not tell."""
        return self.kind == "pool" and " over " in self.word

    @property
    def looks(self) -> tuple[tuple[int, Part], ...]:
        """Its slices, each with how it looks."""
        return self.slices or ((self.channels, "copy" if self.kind == "concat" else self.kind),)

    @property
    def does(self) -> str:
        """`3×3`, `dw 3×3`: what a unit says of it within brackets."""
        if self.kind == "closed":
            return self.word
        if self.kind in ("conv", "up") and self.window:
            return ("dw " if self.depthwise else "up " if self.kind == "up" else "") + times(self.window) + (
                self.step if self.kind == "conv" else "") + self.apart
        return self.word

    @property
    def apart(self) -> str:
        """` dilation 2`, ` dilation 1…512` of turns that differ; nothing where taps are neighbours."""
        if not self.dilations or self.dilations == ("1",):
            return ""
        first, last = self.dilations[0], self.dilations[-1]
        return f" dilation {first}" if len(self.dilations) == 1 else f" dilation {first}…{last}"

    @property
    def step(self) -> str:
        """` /2`; nothing for a step of one, or one that is the window of a pooling."""
        steps = tuple(dict.fromkeys(self.stride))
        if not steps or steps == (1,) or (self.kind == "pool" and self.stride == self.window):
            return ""
        return f" /{steps[0]}" if len(steps) == 1 else " /" + times(self.stride)

    @property
    def steps(self) -> bool:
        """Whether it has fewer places than what it reads."""
        return self.kind not in ("up", "concat") and any(s > 1 for s in self.stride)


@dataclass(frozen=True)
class Unit:
    """Volumes from `first` to `last` that are one block of the text, or what a shortcut goes round."""

    first: int
    last: int
    over: Over | None = None  # what goes round it
    shortcut: str = ""  # what is on the shortcut of the first turn
    times: int = 1
    opening: str = ""  # what the first turn does otherwise


@dataclass(frozen=True)
class Arc:
    """From one volume to another, over those between."""

    source: int
    target: int
    kind: Over
    label: str = ""
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Head:
    """Outputs that leave beside the main way."""

    source: int
    names: tuple[str, ...]
    shape: str
    label: str
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Inflow:
    """A row of its own that ends in a volume of the main row."""

    picture: Picture
    target: int
    join: str  # what joins it: `concat`, `sub`
    name: str = ""  # that of the step that joins it, where the text has one


@dataclass(frozen=True)
class Picture:
    """All that is drawn of a network."""

    volumes: tuple[Volume, ...]
    units: tuple[Unit, ...]
    arcs: tuple[Arc, ...] = ()
    heads: tuple[Head, ...] = ()
    inflows: tuple[Inflow, ...] = field(default=())

    def inside(self, u: Unit) -> list[Arc]:
        """What goes round a part of a unit."""
        return [a for a in self.arcs if u.first <= a.source + 1 and a.target <= u.last and a.kind != "places"] if u.over else []

    @property
    def far(self) -> list[Arc]:
        """The arcs that lie within no unit."""
        near = {a for u in self.units for a in self.inside(u)}
        return [a for a in self.arcs if a not in near]

    def beside(self, k: int) -> tuple[Node, ...]:
        """The layers on arcs that end in a volume, and on what leaves beside it."""
        arcs = (n for a in self.arcs if a.target == k for n in a.nodes)
        return (*arcs, *(n for h in self.heads if h.source == k for n in h.nodes))


def dilation(op: Any) -> str:
    """`2`, `2×1`: how far apart the taps of a layer are, `1` where they are neighbours."""
    given: Any = getattr(getattr(op, "of", None) or op, "dilation", 1)
    apart = tuple(dict.fromkeys(given)) if isinstance(given, tuple | list) else (given,)
    return str(apart[0]) if len(apart) == 1 else times(given)


def times(sizes: Sequence[Size]) -> str:
    """`3×3`."""
    return "×".join("?" if s is None else str(s) for s in sizes)


def sized(shape: Sequence[Size], images: int = 1) -> str:
    """`55×55×96`: places first, as papers write it."""
    text = times((*shape[1:], shape[0]))
    return text if images == 1 else f"{images} · {text}"
