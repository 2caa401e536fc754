"""Contractions -> calls: which kernel, which tiles, how the work is cut. Pure Python: plans need no compiler.

A call is an immutable value of literals; its text is one readable line of the emitted module, and `contract_rows` turns
it into table rows once the number of samples is known. Whatever changes arithmetic or memory is decided here, from
shapes alone: the form of a kernel, the parts a sum is cut into, workspace. Nothing depends on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import isnan
from typing import Any, ClassVar, Literal

from ...ir.contraction import Contraction, WeightOrder
from ...ir.layout import Image, Target

Epilogue = tuple[tuple[str, Any, str], ...]
PLAIN: Epilogue = (("store", 0, "acc"),)
SCRATCH = 1024  # bytes of a thread's scratch that a gather's frame takes


class Call:
    """One parallel operation of the emitted module. Subclasses are frozen dataclasses of literals."""

    method: ClassVar[str]
    name: str
    scratch: int = SCRATCH

    @property
    def reads(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def writes(self) -> tuple[str, ...]:
        raise NotImplementedError

    def __str__(self) -> str:
        """A call with every argument a literal, as the emitted module has it."""
        arguments = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)]  # type: ignore[arg-type]
        lines, line = [], f"{self.method}("
        for k, a in enumerate(arguments):
            a += ")" if k + 1 == len(arguments) else ", "
            if len(line) + len(a) > 150 and line.strip():
                lines.append(line.rstrip())
                line = "    "
            line += a
        return "\n".join([*lines, line])


@dataclass(frozen=True)
class Workspace:
    """Memory a call needs besides its operands: the same bytes for every number of samples."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Gather(Call):
    """out = epilogue(sum of image * weight)."""

    method: ClassVar[str] = "gather"
    name: str
    contraction: Contraction
    outputs: tuple[str, ...]
    image: str
    weight: str  # where the weights lie in the order of this contraction
    extras: tuple[str, ...]
    vectors: tuple[str, ...]
    sums: tuple[str, ...]
    epilogue: Epilogue
    kind: str
    lanes: int
    last: bool  # the image is channels-last
    masked: bool  # the epilogue makes something of nothing in the padded lanes
    along: Literal["columns", "images"]
    tiles: tuple[int, ...]  # places per register tile, for each phase of the columns
    groups: tuple[int, ...]  # rows of an item, for each phase
    split: int  # shares the blocks of channels are cut into

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.weight, *self.extras, *self.vectors)

    @property
    def writes(self) -> tuple[str, ...]:
        return (*self.outputs, *self.sums)

    @property
    def parts(self) -> int:
        """Partial sums of an image."""
        return sum(-(-d.count * r.count // g) for (d, r, _), g in zip(self.contraction.phases, self.groups))


@dataclass(frozen=True)
class Outer(Call):
    """A weight gradient, or its parts."""

    method: ClassVar[str] = "outer"
    name: str
    contraction: Contraction
    image: str
    out: str
    into: str
    kind: str
    lanes: int
    last: bool
    steps: int  # steps of the walk in one register tile
    cuts: int  # register tiles that one step is cut into
    pieces: int  # items the steps of a block are dealt to
    parts: int  # parts all rows are cut into, each with its own sums
    image_group: int
    row_group: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.image, self.out)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Fold(Call):
    """into = the sum of parts, in order; elements that are padding become zero."""

    method: ClassVar[str] = "fold"
    name: str
    into: str
    source: str
    size: int  # elements
    parts: int
    kind: str
    lanes: int
    clear: WeightOrder | None = None  # padding of this order has to be cleared

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Repack(Call):
    """A weight from the order it is stored in to the order a contraction walks it."""

    method: ClassVar[str] = "repack"
    name: str
    into: str
    source: str
    master: WeightOrder
    order: WeightOrder
    kind: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.into,)


@dataclass(frozen=True)
class Plan:
    """What one contraction becomes. `prepare` depends on the weight alone; a barrier lies between the three."""

    prepare: tuple[Call, ...]
    main: Call
    finish: tuple[Call, ...] = ()
    workspace: tuple[Workspace, ...] = ()  # of main and finish: free afterwards
    derived: tuple[Workspace, ...] = ()  # made by prepare: lives until the weight changes

    @property
    def calls(self) -> tuple[Call, ...]:
        return (*self.prepare, self.main, *self.finish)


# ---- gather -------------------------------------------------------------------------------------------------------------
def plan_gather(c: Contraction, name: str, *, image: tuple[str, Image], weight: tuple[str, WeightOrder], outputs: tuple[tuple[str, Image], ...],
                target: Target, extras: tuple[tuple[str, Image], ...] = (), vectors: tuple[str, ...] = (), sums: tuple[str, ...] = (),
                epilogue: Epilogue = PLAIN, precision: str = "float32") -> Plan:
    """`weight` is its name and the order it is stored in. Operands are (name, layout); extras and outputs are e0.. and
    the stores of the epilogue, vectors c0.., sums the images `sum_layouts` describes."""
    x, y = image[1], outputs[0][1]
    kind, lanes = "float64" if y.item == 8 else "float32", y.lanes
    last = x.block == 0
    order = WeightOrder(c, lanes, last)
    if any(o.block == 0 for _, o in (*outputs, *extras)):
        raise ValueError(f"{name}: only the image of a contraction may be channels-last")
    along: Literal["columns", "images"] = "images" if c.pointwise and not sums else "columns"
    groups, split = _cut(c, lanes)
    source, prepare, derived = _weights(name, weight, order, kind)
    registers = 32 if target.vector == 64 else 16
    call = Gather(name, c, tuple(n for n, _ in outputs), image[0], source, tuple(n for n, _ in extras), vectors, sums, epilogue, kind, lanes, last,
                  c.groups * c.outs % lanes != 0 and not keeps_zero(epilogue), along,
                  tuple(choose_tile(p.count, registers) for p in c.columns), groups, split)
    return Plan(prepare, call, derived=derived)


def _weights(name: str, weight: tuple[str, WeightOrder], order: WeightOrder, kind: str) -> tuple[str, tuple[Call, ...], tuple[Workspace, ...]]:
    """Where weights of this order are found, and what puts them there. The name tells the order, so that contractions
    which want the same order of the same weight share it."""
    if weight[1] == order:
        return weight[0], (), ()
    source = f"{weight[0]}.{_digest(order)}"
    repack = Repack(f"{name}.repack", source, weight[0], weight[1], order, kind)
    return source, (repack,), (Workspace(source, order.size * (8 if kind == "float64" else 4)),)


def choose_tile(width: int, registers: int) -> int:
    """Pixels per register tile: few and full tiles."""
    most = 16 if registers == 32 else 12

    def cost(m: int) -> tuple[float, int]:
        rest = width % m
        return width // m * (m + 1.5) + (max(rest, 6) + 1.5 if rest else 0), -m

    return min(range(1, max(1, min(most, width)) + 1), key=cost)


def _cut(c: Contraction, lanes: int) -> tuple[tuple[int, ...], int]:
    """Rows of an item for each phase, and shares of the blocks of channels: items of a few million multiply-adds, so
    that few samples still feed many threads, and of enough pixels that weights are worth fetching."""
    blocks = -(-c.groups * c.outs // lanes)
    wanted = min(16, max(1, round(c.macs / 4e6 / len(c.phases))))
    groups, most = [], 1
    for d, r, w in c.phases:
        rows = d.count * r.count
        parts = max(1, min(wanted, rows, rows * w.count // 64))
        groups.append(max(1, -(-rows // parts)))
        most = max(most, -(-rows // groups[-1]))
    return tuple(groups), max(1, min(blocks, wanted // most))


def keeps_zero(epilogue: Epilogue) -> bool:
    """Whether zeros become zeros, whatever the per-channel numbers are: then padded lanes need no mask."""
    import math

    nan = math.nan
    names: dict[str, Any] = {"acc": 0.0, **{f"e{k}": 0.0 for k in range(16)}, **{f"c{k}": nan for k in range(16)}}
    functions: dict[str, Any] = {f: getattr(math, f) for f in ("exp", "tanh", "sqrt", "floor", "expm1", "erf")}
    functions |= {"log": lambda x: nan, "log1p": math.log1p, "sigmoid": lambda x: 0.5, "abs": abs, "max": lambda a, b: nan if isnan(a) else max(a, b),
                  "min": lambda a, b: nan if isnan(a) else min(a, b), "where": lambda t, a, b: a if a == b else nan}
    for how, k, text in epilogue:
        try:
            value = eval(text, {"__builtins__": {}}, functions | names)
        except ArithmeticError:
            value = nan
        if how == "let":
            names[k] = value
        elif value != 0.0:
            return False
    return True


def sum_layouts(c: Contraction, count: int, layout: Image, *, target: Target, precision: str = "float32") -> tuple[Image, ...]:
    """Layouts of the `count` sums of a gather into `layout`: one pixel per part, interleaved in one buffer. They belong
    at the same `at`."""
    groups, _ = _cut(c, layout.lanes)
    parts = sum(-(-d.count * r.count // g) for (d, r, _), g in zip(c.phases, groups))
    return _interleaved(count, parts, layout)


def _interleaved(count: int, parts: int, like: Image) -> tuple[Image, ...]:
    vector = like.lanes * like.item
    pixel = count * vector
    block = parts * pixel
    return tuple(replace(like, extents=(1, 1, parts), halo=(0, 0, 0), pixel=pixel, row=block, plane=block, block=block,
                         image=like.blocks * block, at=-1, plus=k * vector) for k in range(count))


def _digest(order: WeightOrder) -> str:
    import hashlib

    return hashlib.sha256(repr(order.key).encode()).hexdigest()[:6]


# ---- outer --------------------------------------------------------------------------------------------------------------
def plan_outer(c: Contraction, name: str, *, image: tuple[str, Image], out: tuple[str, Image], into: str, target: Target,
               precision: str = "float32") -> Plan:
    """A weight gradient, written to `into` in the order WeightOrder(c, lanes, channels-last?)."""
    x, y = image[1], out[1]
    kind, lanes = "float64" if y.item == 8 else "float32", y.lanes
    order = WeightOrder(c, lanes, x.block == 0)
    walk = order.walks[0]
    most = 28 if target.vector == 64 else 12
    offsets = [[place_offset(p, x) for p in walk.places(b)] for b in range(len(walk.starts))]

    def repeats(n: int) -> bool:
        """Whether register tiles of n steps look alike everywhere."""
        patterns = {tuple(o - row[k] for o in row[k:k + n]) for row in offsets for k in range(0, walk.steps, n)}
        return len(patterns) <= 1

    steps = max((n for n in range(1, most // walk.unit + 1) if walk.steps % n == 0 and repeats(n)), default=1)
    cuts = -(-steps * walk.unit // (most + 2)) if walk.form != "lanes" else 1
    while walk.unit % cuts:
        cuts += 1
    blocks, chunks = order.blocks, walk.steps // steps * cuts
    pieces = max((d for d in range(1, walk.count + 1) if walk.count % d == 0 and chunks % d == 0 and (d == 1 or c.macs >= 3e4 * blocks * d)), default=1)
    parts = min(-(-16 // (blocks * pieces)), max(1, round(32 * c.macs / 2e6)))
    r = c.rows[0]
    plane = r.count * (r.stride * x.row + y.row)
    if c.pointwise:
        image_group, row_group = 256, 1
    elif plane > 96e3:
        image_group, row_group = 1, max(1, int(48e3 // (r.stride * x.row + y.row)))
    else:
        image_group, row_group = max(1, int(256e3 // plane)), r.count
    partial = parts > 1 or order.padded
    there = f"{name}.parts" if partial else into
    call = Outer(name, c, image[0], out[0], there, kind, lanes, x.block == 0, steps, cuts, pieces, parts, image_group, row_group)
    if not partial:
        return Plan((), call)
    fold = Fold(f"{name}.fold", into, there, order.size, parts, kind, lanes, order if order.padded else None)
    return Plan((), call, (fold,), (Workspace(there, parts * order.size * y.item),))


def place_offset(place: tuple[int, int, int, int], image: Image) -> int:
    """Bytes from a place of an image to (channel, depth, row, column) beyond it."""
    channel, d, h, w = place
    lane = channel * image.item if image.block == 0 else channel // image.lanes * image.block + channel % image.lanes * image.item
    return lane + d * image.plane + h * image.row + w * image.pixel


def divisor(n: int, most: int) -> int:
    """The largest divisor of n that is at most `most`."""
    return max(k for k in range(1, n + 1) if n % k == 0 and k <= max(1, most))
