"""The frame of a `places` kernel: what its row says, where values lie in memory and in scratch, and copies between the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from ....ir.formula import Formula
from ....ir.graph import Node
from ....ir.layout import Image, Layout, round_up
from ..families.places import Plan, compound_reads, extents_of
from ..row import MOST_SIZES, O_BLOCK, O_IMAGE, O_PLANE, O_ROW
from .text import clear_edge, operand_word


@dataclass
class Frame:
    """The text of a kernel under construction, and where its operands lie."""

    plan: Plan
    layouts: dict[str, Layout | None]
    results: tuple[str, ...]
    lanes: int
    item: int
    operands: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)  # what a word of the row means -> its number
    head: dict[str, None] = field(default_factory=dict)  # once an item
    image_head: dict[str, None] = field(default_factory=dict)
    tile_head: dict[str, None] = field(default_factory=dict)
    locals: dict[str, str] = field(default_factory=dict)  # value -> register of this sweep
    loaded: dict[str, str] = field(default_factory=dict)  # text of a load -> register
    names: dict[str, str] = field(default_factory=dict)  # value -> its name in the text
    scratch: int = 0
    fresh: int = 0

    def __post_init__(self) -> None:
        self.made = {v.name: n for n in self.plan.nodes for v in n.results}
        self.totals = {n.name: f"g{k}" for k, n in enumerate(n for n in self.plan.nodes if self.plan.total(n))}

    @property
    def vector(self) -> int:
        return self.lanes * self.item

    def rows(self) -> tuple[int, int, int]:
        """Rows of an image, places of a row, rows of a plane; a single row where every image lies without gaps."""
        domain = self.plan.domain
        images = [x for v in {i: None for n in self.plan.nodes for i in (*n.inputs, *(r.name for r in n.results))}
                  if isinstance(x := self.layouts.get(v), Image) and len(self.plan.types[v].shape) == len(domain) + 1]
        if all(x.solid and x.extents[3 - len(domain):] == domain for x in images):
            return 1, prod(domain), 1
        return prod(domain[:-1]), domain[-1], domain[-2] if len(domain) > 1 else 1

    def room(self, tile: int) -> None:
        """Where each value lies in scratch: words of the row, from place 0's channel 0 and from place to place."""
        at = 0
        for v, b in self.plan.buffers.items():
            each = (b.low + b.size) * self.item
            name = self.name(v)
            self.head[f"o{name} = scratch + {self.word('at ' + name, at + b.low * self.item)}"] = None
            self.word(f"each {name}", each)
            at += each * tile
        if any(compound_reads(n) for n in self.plan.nodes):
            self.head[f"clear(scratch, {self.word('clear', at)})"] = None
        at = round_up(at, 64)
        for v in self.plan.points:
            name = self.name(v)
            self.head[f"o{name} = scratch + {self.word('at ' + name, at)}"] = None
            at += round_up(tile, self.lanes) * self.item
        self.scratch = at + 64

    def word(self, meaning: str, number: int) -> str:
        """A number that the row tells."""
        key = "z_" + meaning.replace(" ", "_")
        assert self.words.setdefault(key, number) == number and len(self.words) <= MOST_SIZES, meaning
        return key

    def name(self, v: str) -> str:
        return self.names.setdefault(v, f"{len(self.names)}")

    def edges(self) -> tuple[list[str], tuple[str, ...]]:
        """Clear the halo of what the step writes, once an image."""
        outputs = tuple(v for v in self.results if isinstance(x := self.layouts[v], Image) and any(x.halo))
        lines: list[str] = []
        for k, v in enumerate(outputs):
            lines += [f"for b in range({self.blocks(v)} if piece == 0 else 0):",
                      f"    {clear_edge(k)}"]
        return lines, outputs

    # ---- addresses ---------------------------------------------------------------------------------------------------------
    def operand(self, v: str) -> int:
        return self.operands.setdefault(v, len(self.operands))

    def base(self, v: str) -> str:
        """The first place of this tile, block 0."""
        k = self.operand(v)
        if len(self.plan.types[v].shape) - 1 < len(self.plan.domain):
            return self.still(v)
        self.still(v)
        self.tile_head[f"a{k} = i{k} + d * {operand_word(k, O_PLANE)} + h * {operand_word(k, O_ROW)} + {self.pixel(v)} * w"] = (
            None)
        return f"a{k}"

    def still(self, v: str) -> str:
        """Place 0 of this image."""
        k = self.operand(v)
        self.image_head[f"i{k} = {operand_word(k)} + n * {operand_word(k, O_IMAGE)}"] = None
        return f"i{k}"

    def step(self, v: str) -> str:
        """Bytes from block to block."""
        k = self.operand(v)
        self.head[f"b{k} = {operand_word(k, O_BLOCK)}"] = None
        return f"b{k}"

    def channels(self, v: str) -> int:
        return self.plan.types[v].shape[0] or 0

    def blocks(self, v: str) -> str:
        return self.word(f"blocks {self.name(v)}", -(-self.channels(v) // self.lanes))

    def place(self, v: str) -> str:
        return f"{self.pixel(v)} * p" if len(self.plan.types[v].shape) - 1 == len(self.plan.domain) else "0"

    def pixel(self, v: str) -> int:
        """Bytes from place to place."""
        layout = self.layouts[v]
        return layout.pixel if isinstance(layout, Image) else self.vector

    def slot(self, v: str) -> str:
        """Channel 0 of place p in scratch."""
        return (
            f"o{self.name(v)} + {self.word('each ' + self.name(v), (self.plan.buffers[v].low + self.plan.buffers[v].size) * self.item)} * p")

    # ---- copies ------------------------------------------------------------------------------------------------------------
    def copies(self, n: Node) -> list[str]:
        """Values from outside that a formula reads in scratch: full ones at other channels, points beside each other."""
        out: list[str] = []
        for v, _ in compound_reads(n):
            if v not in self.made and v not in self.loaded:
                self.loaded[v] = v
                low, high = self.span(v)
                first, last = self.word(f"first {self.name(v)}", low), self.word(f"last {self.name(v)}", high)
                out += [f"for b in range({first}, {last}):", "    for p in range(tile):",
                        f"        store({self.slot(v)} + {self.vector} * b, load({self.base(v)} + {self.place(v)} + b * {self.step(v)}))"]
        if self.plan.form(n) == "point":
            for v in n.inputs:
                if v in self.plan.points and v not in self.made and v not in self.loaded:
                    self.loaded[v] = v
                    out += ["for p in range(tile):",
                            f"    put(o{self.name(v)} + {self.item} * p, get({self.base(v)} + {self.place(v)}))"]
        return out

    def span(self, v: str) -> tuple[int, int]:
        """Blocks of a value that the step reads at other channels."""
        low, high = self.channels(v), 0
        for n in self.plan.nodes:
            extents = extents_of(n, self.plan.types) if isinstance(n.op, Formula) else {}
            for x, a in compound_reads(n):
                if x == v:
                    low = min(low, a.const + sum(min(0, k * (extents[i] - 1)) for i, k in a.terms))
                    high = max(high, a.const + sum(max(0, k * (extents[i] - 1)) for i, k in a.terms) + 1)
        return max(0, low) // self.lanes, min(-(-high // self.lanes), -(-self.channels(v) // self.lanes))

    def copy_out(self, v: str) -> list[str]:
        """A full value from scratch into its image."""
        return [f"for b in range({self.blocks(v)}):", f"    left = {self.left(v)} - {self.lanes} * b",
                "    for p in range(tile):",
                f"        store({self.base(v)} + {self.place(v)} + b * {self.step(v)}, keep(load({self.slot(v)} + {self.vector} * b), left))"]

    def left(self, v: str) -> str:
        return self.word(f"channels {self.name(v)}", self.channels(v))

    def point_out(self, v: str) -> list[str]:
        if v not in self.results:
            return []
        return ["for p in range(tile):",
                f"    store({self.base(v)} + {self.place(v)}, keep(splat(get(o{self.name(v)} + {self.item} * p)), 1))"]
