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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Literal

from .expressions import times
from .formula import Access, Axis, Formula, in_bounds
from .types import TensorType

if TYPE_CHECKING:
    pass

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


def renamed(c: Contraction, names: dict[str, str]) -> Contraction:
    """The same contraction with the names of a graph."""
    return replace(c, out=names.get(c.out, c.out), image=names.get(c.image, c.image), weight=names.get(c.weight, c.weight))


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
