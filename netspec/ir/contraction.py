"""Contractions: sums of products of two reads, recognised from the structure of their formula.

Forward and backward of every convolution, transposed, dilated and grouped ones, and of fully connected layers are one
thing. Of the three accesses (target and two reads) the one without the batch index is the *weight*; the other two are
images. What the target is says what to do:

    an image    gather: each place of `out` sums taps of `image` times the weight (forward, and data gradients)
    the weight  outer: each element sums products of a value of `image` at its tap and a value of `out` (weight gradients)

Per spatial axis one small rule (`axis_phases`) turns the two subscripts into phases of taps:

    out p,          image s*p+e*u+d     one phase, taps at e*u+d
    out s*p+e*u+d,  image p             s phases by residue, the taps where the division is exact
                                        (where p has one value, a phase for every place, with the one tap that reaches it)
    out absent,     image h             every place is a tap: a plane summed away (flatten, then fully connected)
    out h,          image absent        a phase for every place, with one tap: the gradient of that

Channels of `out` run along vector lanes, channels of `image` are summed. An index in the channel axis of all three
(`y[n,4*g+o,p] += x[n,2*g+c,p+u] * w[4*g+o,c,u]`) makes groups. Nothing here knows a device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import gcd, prod
from typing import TYPE_CHECKING, Literal

from .expressions import times
from .formula import Access, Axis, Formula, in_bounds
from .types import TensorType

if TYPE_CHECKING:
    import numpy

Tap = tuple[int, int]  # value of the weight's window index, offset in the image
Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class AxisPhase:
    """Places start, start+step, ... of `out`, `count` of them; place number i reads image coordinate i*stride + offset
    for each tap."""

    start: int
    step: int
    count: int
    stride: int
    taps: tuple[Tap, ...]


ONE = AxisPhase(0, 1, 1, 1, ((0, 0),))  # an axis that is not there


@dataclass(frozen=True)
class Contraction:
    """A product of two reads, summed. Axes are (depth, rows, columns), missing ones have extent 1.

    The weight's element for output channel `o` of group `g`, image channel `c` of that group and window values (t, u, v)
    is  base + strides . (g, o, c, t, u, v)  in row-major order.
    """

    kind: Literal["gather", "outer"]
    out: str  # local name of the image written by gather, of the one along the lanes in outer
    image: str  # local name of the image read at taps
    weight: str
    groups: int
    outs: int  # channels of `out` in a group
    ins: int  # channels of `image` in a group
    shape: tuple[int, ...]  # of the weight
    base: int
    strides: tuple[int, int, int, int, int, int]
    depth: tuple[AxisPhase, ...]
    rows: tuple[AxisPhase, ...]
    columns: tuple[AxisPhase, ...]
    extents: Triple  # of out
    reads: Triple  # extents of image

    @property
    def phases(self) -> list[tuple[AxisPhase, AxisPhase, AxisPhase]]:
        return [(d, r, c) for d in self.depth for r in self.rows for c in self.columns]

    @property
    def window(self) -> Triple:
        """Different window values per axis."""
        depth, rows, columns = (len({v for p in axis for v, _ in p.taps}) for axis in (self.depth, self.rows, self.columns))
        return depth, rows, columns

    @property
    def macs(self) -> int:
        """Multiply-adds per image, those in the padding included."""
        spatial = sum(prod(a.count * len(a.taps) for a in phase) for phase in self.phases)
        return self.groups * self.outs * self.ins * spatial

    @property
    def pointwise(self) -> bool:
        """Whether every phase is one place: fully connected, its gradient, or a 1x1 image."""
        return all(a.count == 1 for phase in self.phases for a in phase)

    @cached_property
    def halo(self) -> Triple:
        """The zero border `image` needs, per axis."""
        depth, rows, columns = (_reach(a, n) for a, n in zip((self.depth, self.rows, self.columns), self.reads))
        return depth, rows, columns

    @property
    def stencil(self) -> bool:
        """Whether this is a plain 2-D 3x3, stride 1: what Winograd's F(4x4, 3x3) computes."""
        def three(axis: tuple[AxisPhase, ...]) -> bool:
            (p, *more) = axis
            offsets = sorted(o for _, o in p.taps)
            return not more and p.stride == 1 and len(offsets) == 3 and offsets == list(range(offsets[0], offsets[0] + 3))

        return self.groups == 1 and self.depth == (ONE,) and three(self.rows) and three(self.columns)


def without_edges(c: Contraction) -> Contraction:
    """The same contraction with planes and rows near the edge as phases of their own, which leave out the taps that read
    nothing but the border: much of a small image's gradient under a wide window. Each phase has weights of its own."""
    depth, rows = _trimmed(c.depth, c.reads[0]), _trimmed(c.rows, c.reads[1])

    def taps(axis: tuple[AxisPhase, ...]) -> int:
        return sum(p.count * len(p.taps) for p in axis)
    if taps(depth) * taps(rows) > 0.9 * taps(c.depth) * taps(c.rows):
        return c
    return replace(c, depth=depth, rows=rows)


def _trimmed(axis: tuple[AxisPhase, ...], size: int) -> tuple[AxisPhase, ...]:
    """Runs of places with the same taps inside an image of so many places."""
    (p, *more) = axis
    if more or p.step != 1 or p.stride != 1:
        return axis
    out: list[AxisPhase] = []
    before: tuple[Tap, ...] | None = None
    for r in range(p.count):
        useful = tuple((v, o) for v, o in p.taps if 0 <= r + o < size)
        if useful == before:
            out[-1] = replace(out[-1], step=1, count=out[-1].count + 1)
        else:
            out.append(AxisPhase(r, p.count, 1, 1, tuple((v, r + o) for v, o in useful)))
        before = useful
    return tuple(out)


# ---- recognition ------------------------------------------------------------------------------------------------------
def classify(formula: Formula, operands: Sequence[TensorType], results: Sequence[TensorType]) -> Contraction:
    """Types are in the order of `formula.operands` and `formula.targets`. Raises ValueError when the structure is none
    of those above; such a formula runs as a generic loop."""
    types = dict(zip(formula.operands, operands)) | dict(zip((t.name for t in formula.targets), results))
    if not formula.is_product or len(types) != 3 or len(formula.targets) != 1:
        raise ValueError(f"not a sum of products of two values: {formula.text}")
    accesses = [formula.target, *formula.reads]
    weights = [a for a in accesses if types[a.name].batch == 0]
    images = [a for a in accesses if types[a.name].batch > 0]
    if len(weights) != 1 or any(a.axes[0].bare != "n" or len(a.axes) < 2 for a in images):
        raise ValueError(f"not one weight and two batched values with channels: {formula.text}")
    extent = formula.extents(tuple(operands), tuple(results))
    (weight,) = weights
    if weight is formula.target:
        outer = [a for a in images if a.compound and any(x.bare is None for x in a.axes[2:])]
        if len(outer) > 1:
            raise ValueError(f"both images are read at compound places: {formula.text}")
        image = outer[0] if outer else max(images, key=lambda a: (len(a.axes), _first(weight, a.axes[1])))
        out = next(a for a in images if a is not image)
        kind: Literal["gather", "outer"] = "outer"
    else:
        kind, out = "gather", formula.target
        image = next(a for a in images if a is not out)
    return _channels(kind, out, image, weight, types, extent, formula.text)


def weight_gradient(formula: Formula) -> Formula:
    """The formula of the weight's gradient, given the forward one: what fixes the order a weight is stored in, whether
    or not a program computes that gradient. The gradient of `w` is `d_w`, and `y` stands for its own gradient."""
    batched = {a.name for a in (formula.target, *formula.reads) if a.axes and a.axes[0].bare == "n"}
    weight = next((r for r in formula.reads if r.name not in batched), None)
    other = next((r for r in formula.reads if r.name in batched), None)
    if not formula.is_product or weight is None or other is None:
        raise ValueError(f"no weight and image: {formula.text}")
    return Formula.of(weight.called(f"d_{weight.name}"), how="+=", right=times(other.tree, formula.target.tree), over=formula.over)


def gradient_of(formula: Formula, operands: Sequence[TensorType], results: Sequence[TensorType]) -> Contraction:
    """The contraction of `weight_gradient(formula)`, given the types of the forward formula."""
    gradient = weight_gradient(formula)
    types = dict(zip(formula.operands, operands)) | {formula.target.name: results[0]}
    weight = gradient.target.name
    return classify(gradient, [types[name] for name in gradient.operands], [types[weight[2:]]])


def _first(weight: Access, axis: Axis) -> int:
    """Where in the weight the axis's own channel index appears first; later ones are summed in the forward direction."""
    return max((weight.indices.index(i) for i, _ in axis.terms if i in weight.indices), default=-1)


def _channels(kind: Literal["gather", "outer"], out: Access, image: Access, weight: Access, types: dict[str, TensorType],
              extent: dict[str, int], text: str) -> Contraction:
    groups, outs, ins, group, lane, summed = _groups(out.axes[1], image.axes[1], types, out, image, extent, text)
    shape = tuple(int(s or 0) for s in types[weight.name].shape)
    strides: dict[str, int] = {}
    base = 0
    for k, axis in enumerate(weight.axes):
        step = prod(shape[k + 1:])
        base += axis.const * step
        for index, coefficient in axis.terms:
            strides[index] = strides.get(index, 0) + coefficient * step
    for channel in (lane, summed):
        if channel is not None and channel not in strides:
            raise ValueError(f"the weight has no index `{channel}`: {text}")
    axes, used = [], {i for i in (group, lane, summed) if i is not None}
    steps: list[int] = []
    sizes: dict[str, Triple] = {a.name: _three(types[a.name].shape[1:]) for a in (out, image)}
    for k in range(3):
        phases, window = axis_phases(_spatial(out, k), _spatial(image, k), set(strides), extent, sizes[out.name][k], text)
        axes.append(phases)
        steps.append(strides[window] if window else 0)
        if window:
            if window in used:
                raise ValueError(f"index `{window}` stands in two axes: {text}")
            used.add(window)
    if used != set(strides):
        raise ValueError(f"the weight has indices of its own, {sorted(set(strides) - used)}: {text}")
    if in_bounds(zip(weight.axes, shape), extent if group is None else {**extent, group: groups}, {}, str):
        raise ValueError(f"the weight is met outside of it, where nothing is added: {text}")
    if lane is None and summed is None and not any(steps):
        raise ValueError(f"a sum per channel, no contraction: {text}")
    key = (strides.get(group or "", 0), strides.get(lane or "", 0), strides.get(summed or "", 0), *steps)
    assert len(key) == 6
    return Contraction(kind, out.name, image.name, weight.name, groups, outs, ins, shape, base, key,
                       axes[0], axes[1], axes[2], sizes[out.name], sizes[image.name])


def _groups(o: Axis, i: Axis, types: dict[str, TensorType], out: Access, image: Access, extent: dict[str, int],
            text: str) -> tuple[int, int, int, str | None, str | None, str | None]:
    """Groups, channels of out and image in one, and the three indices: of the group, of out, of image."""
    shared = {k for k, _ in o.terms} & {k for k, _ in i.terms}
    if not shared:
        if o.bare is None or i.bare is None:
            raise ValueError(f"channels must be plain indices: {text}")
        return 1, extent[o.bare], extent[i.bare], None, o.bare, i.bare
    if len(shared) > 1 or o.const or i.const:
        raise ValueError(f"channels are not plain groups: {text}")
    (g,) = shared

    def inside(axis: Axis) -> tuple[int, str | None]:
        own = [(k, c) for k, c in axis.terms if k != g]
        if not own and axis.coefficient(g) == 1:
            return 1, None
        if len(own) != 1 or own[0][1] != 1 or extent.get(own[0][0]) != axis.coefficient(g):
            raise ValueError(f"channels are not dense groups: {text}")
        return axis.coefficient(g), own[0][0]

    (outs, lane), (ins, summed) = inside(o), inside(i)
    channels = types[out.name].shape[0]
    assert channels is not None
    groups = extent.get(g, channels // outs)
    if groups * outs != channels or groups * ins != types[image.name].shape[0]:
        raise ValueError(f"{groups} groups do not cover the channels: {text}")
    return groups, outs, ins, g, lane, summed


def axis_phases(out: Axis | None, image: Axis | None, weight: set[str], extent: dict[str, int], size: int,
                text: str) -> tuple[tuple[AxisPhase, ...], str | None]:
    """The phases of one spatial axis, and the weight's index that its taps run over. `size` is the extent of out."""
    if out is None and image is None:
        return (ONE,), None
    if out is None or image is None:
        axis = image if out is None else out
        assert axis is not None
        if len(axis.terms) != 1 or axis.terms[0][1] != 1 or axis.terms[0][0] not in weight or (image is None and axis.const):
            raise ValueError(f"not a plane summed away: {text}")
        index = axis.terms[0][0]
        if out is None:
            return (AxisPhase(0, 1, 1, 1, tuple((v, v + axis.const) for v in range(extent[index]))),), index
        return tuple(AxisPhase(v, size, 1, 1, ((v, 0),)) for v in range(size)), index
    wide, narrow = (image, out) if out.bare else (out, image)
    p = narrow.bare
    own = [i for i, _ in wide.terms if i != p]
    stride = wide.coefficient(p) if p else 0
    if p is None or stride < 1 or p in weight or len(own) > 1 or any(i not in weight or i not in extent for i in own):
        raise ValueError(f"not the axis of a convolution: {text}")
    window = own[0] if own else None
    taps = [(v, wide.coefficient(window) * v + wide.const) for v in range(extent[window])] if window else [(0, wide.const)]
    if out.bare:
        return (AxisPhase(0, 1, size, stride, tuple(taps)),), window
    if extent.get(p) == 1:
        return tuple(AxisPhase(a, size, 1, 1, tuple((v, 0) for v, off in taps if off == a)) for a in range(size)), window
    # out[s*p + off] = image[p]: place a + i*s of out reads image place i + (a - off) / s
    return tuple(AxisPhase(a, stride, len(range(a, size, stride)), 1,
                           tuple((v, (a - off) // stride) for v, off in taps if (a - off) % stride == 0))
                 for a in range(min(stride, size))), window


def _spatial(a: Access, k: int) -> Axis | None:
    """Axis k of (depth, rows, columns); missing ones are the leading ones."""
    axes = a.axes[2:]
    k -= 3 - len(axes)
    return axes[k] if k >= 0 else None


def _three(sizes: Sequence[int | None]) -> Triple:
    out = (*((1,) * (3 - len(sizes))), *(int(s or 0) for s in sizes))
    return out[0], out[1], out[2]


def _reach(phases: tuple[AxisPhase, ...], size: int) -> int:
    low = min((o for p in phases for _, o in p.taps), default=0)
    high = max((p.stride * (p.count - 1) + o for p in phases for _, o in p.taps), default=0)
    return max(0, -low, high - (size - 1))


# ---- the walk of a kernel over one phase, and the order of weights that goes with it --------------------------------------
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


# ---- what layouts need to know ------------------------------------------------------------------------------------------
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


def renamed(c: Contraction, names: dict[str, str]) -> Contraction:
    """The same contraction with the names of a graph."""
    return replace(c, out=names.get(c.out, c.out), image=names.get(c.image, c.image), weight=names.get(c.weight, c.weight))
