"""The order that a contraction walks its weight in, phase by phase, and what layouts choose by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd, prod
from typing import TYPE_CHECKING, Literal

from .contraction import AxisPhase, Contraction, Tap, gradient_of
from .formula import Formula
from .types import TensorType

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class Walk:
    """What one phase multiplies: steps of `unit` scalars, each from one place of the image.

    `blocks`: a step is `unit` channels of one pixel; steps run over channels, then taps.
    `run`: a channels-last image, a step is a whole row of taps with all channels.
    `lanes`: groups as wide as they are deep, in the same lanes: a step is a whole vector, `unit` is the group's width.
    """

    form: Literal["blocks", "run", "lanes"]
    unit: int
    starts: tuple[int, ...]  # first channel, for each block of lanes (one entry where all are the same)
    count: int  # steps along the channels
    taps: tuple[tuple[Tap, ...], tuple[Tap, ...], tuple[Tap, ...]]

    @property
    def steps(self) -> int:
        d, r, c = map(len, self.taps)
        return self.count * d * r * (1 if self.form == "run" and c else c)

    def places(self, block: int = 0) -> list[tuple[int, int, int, int]]:
        """(first channel, depth, row, column) of every step of a block of lanes, relative to a place of out."""
        start = self.starts[block % len(self.starts)]
        columns = self.taps[2][:1] if self.form == "run" else self.taps[2]
        return [(start + j * self.unit if self.form == "blocks" else start, d, h, w) for j in range(self.count)
                for _, d in self.taps[0] for _, h in self.taps[1] for _, w in columns]


def walk(c: Contraction, phase: tuple[AxisPhase, AxisPhase, AxisPhase], lanes: int, last: bool = False,
         whole: bool = False) -> Walk:
    """How a kernel with `lanes` lanes walks a phase. `last` tells that the image is stored channels-last; `whole` asks
    for whole blocks of channels and taps in the order of their places."""
    taps = (phase[0].taps, phase[1].taps, phase[2].taps)
    channels = c.groups * c.ins
    if whole:
        first, second, third = (tuple(sorted(t, key=lambda tap: tap[1])) for t in taps)
        return Walk("blocks", lanes, (0,), -(-channels // lanes), (first, second, third))
    if c.groups == 1 and last:
        run = [o for _, o in taps[2]]
        if run and run == list(range(run[0], run[0] + len(run))):
            return Walk("run", len(run) * channels, (0,), 1, taps)
        return Walk("blocks", channels, (0,), 1, taps)
    if c.groups == 1:
        if channels < lanes:
            return Walk("blocks", channels, (0,), 1, taps)
        # where the last block is mostly padding, shorter steps skip it
        unit = next((u for u in (lanes, lanes // 2, lanes // 4) if u >= 2 and -(-channels // u) * u <= 1.1 * channels),
                    max(2, lanes // 4))
        return Walk("blocks", unit, (0,), -(-channels // unit), taps)
    if not last and c.outs == c.ins and lanes % c.outs == 0:
        return Walk("lanes", c.ins, tuple(b * lanes for b in range(-(-channels // lanes))), 1, taps)
    # any other groups: a block of lanes meets every channel of the groups it touches, foreign ones with weight zero
    unit = c.ins if last else gcd(c.ins, lanes)
    outs = c.groups * c.outs
    spans = [(b * lanes // c.outs * c.ins, -(-min(outs, (b + 1) * lanes) // c.outs) * c.ins) for b in range(-(-outs // lanes))]
    count = max(stop - start for start, stop in spans) // unit
    return Walk("blocks", unit, tuple(min(start, channels - count * unit) for start, _ in spans), count, taps)


@dataclass(frozen=True)
class WeightOrder:
    """A weight in the order a contraction walks it: [phase][block of lanes][step][scalar][lane]."""

    contraction: Contraction
    lanes: int
    last: bool = False
    whole: bool = False

    @cached_property
    def walks(self) -> list[Walk]:
        return [walk(self.contraction, p, self.lanes, self.last, self.whole) for p in self.contraction.phases]

    @property
    def blocks(self) -> int:
        return -(-self.contraction.groups * self.contraction.outs // self.lanes)

    @property
    def sizes(self) -> list[int]:
        """Elements of each phase, padding included."""
        return [self.blocks * w.steps * w.unit * self.lanes for w in self.walks]

    @property
    def size(self) -> int:
        return sum(self.sizes)

    @property
    def padded(self) -> bool:
        """Whether products of real values fall on padding: a weight gradient has to clear them."""
        c = self.contraction
        return c.groups > 1 and self.walks[0].form != "lanes" and c.outs % self.lanes != 0

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for two contractions exactly when their orders are, names and offsets apart."""
        c = self.contraction
        return (c.groups, c.outs, c.ins, c.base, c.strides, self.lanes,
                tuple((w.form, w.unit, w.starts, w.count, tuple(tuple(v for v, _ in t) for t in w.taps)) for w in self.walks))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeightOrder) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def indices(self) -> numpy.ndarray:
        """The row-major index of every packed element, -1 for padding."""
        import numpy as np

        return np.concatenate([*self.parts()])

    def parts(self) -> Iterator[numpy.ndarray]:
        """`indices` a part at a time: the largest weights have 10**8 elements."""
        import numpy as np

        element = np.int32 if prod(self.contraction.shape) < 2**31 else np.int64
        for w in self.walks:
            some = max(1, (1 << 18) // max(1, w.steps * w.unit * self.lanes))
            for first in range(0, self.blocks, some):
                yield self._blocks(w, first, min(self.blocks, first + some)).astype(element)

    def _blocks(self, w: Walk, first: int, last: int) -> numpy.ndarray:
        import numpy as np

        c, V = self.contraction, self.lanes
        g, o, i, *window = c.strides
        # [block, channel step, depth, row, column, scalar, lane]
        out = np.arange(first * V, last * V).reshape(-1, 1, 1, 1, 1, 1, V)
        group, real = out // c.outs, out < c.groups * c.outs
        where = c.base + group * g + out % c.outs * o
        for k, taps in enumerate(w.taps):
            values = np.array([v for v, _ in taps], np.int64) * window[k]
            where = where + values.reshape([-1 if a == k + 2 else 1 for a in range(7)])
        scalars = c.groups * c.ins if w.form == "run" else w.unit
        u = np.arange(scalars).reshape(1, 1, 1, 1, 1, -1, 1)
        if w.form == "lanes":
            where = where + u * i
        else:
            start = np.array([w.starts[b % len(w.starts)] for b in range(first, last)]).reshape(-1, 1, 1, 1, 1, 1, 1)
            channel = start + np.arange(w.count).reshape(1, -1, 1, 1, 1, 1, 1) * w.unit + u
            real = real & (channel < c.groups * c.ins) & (channel // c.ins == group)
            where = where + channel % c.ins * i
        return np.where(real, where, -1).ravel()


def master_order(formula: Formula, operands: Sequence[TensorType], results: Sequence[TensorType], lanes: int,
                 last: bool = False) -> WeightOrder:
    """The order the weight of a forward formula is stored in: the one its gradient is written in. `last`: the forward
    image is a channels-last network input."""
    return _master_order(formula, tuple(operands), tuple(results), lanes, last)


@lru_cache(maxsize=4096)
def _master_order(formula: Formula, operands: tuple[TensorType, ...], results: tuple[TensorType, ...], lanes: int,
                  last: bool) -> WeightOrder:
    gradient = gradient_of(formula, operands, results)
    image = next(r.name for r in formula.reads if f"d_{r.name}" != gradient.weight)
    return WeightOrder(gradient, lanes, last and gradient.image == image)


def prefers_channels_last(c: Contraction) -> bool:
    """Whether `c.image`, if it is a network input that nothing differentiates, is better stored channels-last: its
    channels would fill less than half a block."""
    return c.groups == 1 and c.ins < 8 and prod(c.reads) > 1


def padded_macs(c: Contraction, lanes: int) -> int:
    """Multiply-adds per image with the padded lanes that this vector width makes."""
    blocks = -(-c.groups * c.outs // lanes) * lanes
    total = 0
    for phase in c.phases:
        w = walk(c, phase, lanes)
        total += blocks * w.steps * w.unit * prod(a.count for a in phase)
    return total


def choose_lanes(contractions: Iterable[Contraction], widest: int) -> int:
    """The vector width that wastes least on padded lanes; a wider one wins ties within 20 %."""
    every: dict[int, tuple[Contraction, int]] = {}  # in a deep network the same objects over and over
    for c in contractions:
        every[id(c)] = c, every.get(id(c), (c, 0))[1] + 1
    widths = [w for w in (widest, widest // 2) if w >= 2] or [widest]
    cost = {w: sum(times * padded_macs(c, w) for c, times in every.values()) for w in widths}
    return min(widths, key=lambda w: cost[w] * (1.0 if w == widest else 1.2))
