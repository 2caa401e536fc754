"""Windows that split an image into so many parts, whatever its size: window p of O along an axis of W places goes from
floor(p*W/O) to ceil((p+1)*W/O). They touch where O divides W, and overlap where it does not.

Source: PyTorch's AdaptiveAvgPool2d; He et al., "Spatial Pyramid Pooling", 2014 (arXiv:1406.4729), with the same ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd
from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import OUT, SPACE, Builder, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter
from .windows import Windows, per_axis

WHOLE = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}  # what reductions are read as where there is one axis


@dataclass(frozen=True, slots=True)
class Run:
    """Windows alike: number i has `size` places from `first` + `step` * i on, and gives place `start` + `apart` * i."""

    count: int
    size: int
    first: int
    step: int
    start: int
    apart: int


@lru_cache(maxsize=1024)
def runs(w: int, o: int) -> tuple[Run, ...]:
    """Few runs that are all windows of an axis: of neighbours, or of those that stand at the same place of each of the equal
    stretches which the common divisor makes."""
    near: list[Run] = []
    for p in range(o):
        first, size = p * w // o, -(-(p + 1) * w // o) - p * w // o
        last = near[-1] if near else None
        step = 0 if last is None else first - last.first if last.count == 1 else last.step
        if last is not None and step > 0 and size == last.size and first == last.first + step * last.count:
            near[-1] = Run(last.count + 1, size, last.first, step, last.start, 1)
        else:
            near.append(Run(1, size, first, size, p, 1))
    parts = gcd(w, o)
    turn = w // parts, o // parts
    far = [Run(parts, -(-(p + 1) * w // o) - p * w // o, p * w // o, turn[0], p, turn[1]) for p in range(turn[1])]
    return tuple(near if len(near) <= len(far) else far)


def places(to: Any, x: TensorType) -> tuple[int, ...]:
    """How many windows there are along each axis."""
    return per_axis("to", to, len(x.spatial))


def note(layer: Any, x: TensorType) -> str:
    """A pool with `to=` as text, one number where all axes are split alike: what tells it from others in a file."""
    to = places(layer.to, x)
    return str(replace(layer, to=to[0] if len(set(to)) == 1 else to))


def alike(to: Any, x: TensorType) -> Windows | None:
    """The windows where they are those of a pool with one size and one step; None where they are not."""
    along = [runs(w, o) for w, o in zip(sizes(x)[1:], places(to, x))]
    if any(len(r) > 1 for r in along):
        return None
    rank = len(along)
    return tuple(r[0].size for r in along), tuple(r[0].step for r in along), ((0, 0),) * rank, (1,) * rank


def split(b: Builder, x: str, to: Any, largest: bool) -> str:
    """The mean, or the largest, of every window, an axis at a time, the last one first: then of equal ones the first wins, row
    by row."""
    rank = len(b.type(x).spatial)
    for k in reversed(range(rank)):
        x = _split_along(b, x, k, places(to, b.type(x))[k], largest)
    return x


def _split_along(b: Builder, x: str, k: int, to: int, largest: bool) -> str:
    shape = list(sizes(b.type(x)))
    indices = plane(shape)[1:].split(",")

    def at(place: str) -> str:
        return "n,c," + ",".join(place if j == k else i for j, i in enumerate(indices))

    made: list[tuple[Run, str]] = []
    for r in runs(shape[k + 1], to):
        read, part = f"x[{at(f'{r.step}*p+u+{r.first}')}]", [*shape[:k + 1], r.count, *shape[k + 2:]]
        text = f"y[{at('p')}] max= {read}" if largest else f"y[{at('p')}] += {read} / {float(r.size)!r}"
        made.append((r, str(b(text, x=x, out=tuple(part), over={"u": r.size}))))
    if len(made) == 1:
        return made[0][1]
    shape[k + 1] = to
    i = indices[k]
    return b.pieces(*(f"y[{at(f'{r.apart}*{i}+{r.start}')}] = x{j}[{at(i)}]" for j, (r, _) in enumerate(made)),
                    out=tuple(shape), **{f"x{j}": value for j, (_, value) in enumerate(made)})


def one(to: Any) -> bool:
    """Whether it is one window, over all."""
    return to is not None and set(to if isinstance(to, tuple) else (to,)) == {1}


def cut(o: OnnxWriter, x: str, t: TensorType, to: Any, op: str) -> str:
    """Every window of an image of type t cut out and reduced by `op`, an axis at a time: no pooling operator has windows that
    overlap unevenly, or lie by the size of the image. Where that is open the file works out where they begin and end."""
    shape = x if t.known else o("Shape", x)
    for axis, parts in reversed(list(enumerate(places(to, t), 2))):
        if parts == 1:
            x = o.reduce(op, x, [axis])
            continue
        made, size, along = [], t.shape[axis - 1], o.numbers([axis], whole=True)
        width = "" if size is not None else o("Slice", shape, along, o.numbers([axis + 1], whole=True))
        for p in range(parts):
            ends = (p, 0), (p + 1, parts - 1)
            first, last = (o.numbers([(size * k + more) // parts], whole=True) if size is not None
                           else _share(o, width, k, more, parts) for k, more in ends)
            made.append(o.reduce(op, o("Slice", x, first, last, along), [axis]))
        x = o("Concat", *made, axis=axis)
    return x


def _share(o: OnnxWriter, width: str, times: int, more: int, parts: int) -> str:
    """floor((width * times + more) / parts)."""
    total = o("Mul", width, o.numbers([times], whole=True))
    return o("Div", o("Add", total, o.numbers([more], whole=True)) if more else total, o.numbers([parts], whole=True))


def uncut(n: OnnxNode, op: str) -> OnnxNode | None:
    """The node that reads the image of which this one joins the windows, as `cut` writes it: less what changes nothing, as the
    reduction of one place is."""
    reads: OnnxNode | None = None
    for axis, parts in enumerate(n.out.spatial if n.out is not None else (), 2):
        at = n if reads is None else reads.source(0)
        if parts != 1:
            if at is None or at.op != "Concat":
                return None
            reads, at = at, at.source(0)
        if at is not None and (at.op == WHOLE[op] or (at.op == op and _along(at, 1) == axis)):
            reads, at = at, at.source(0)
        elif parts == 1:
            return None
        if parts != 1 and at is not None and at.op == "Slice" and _along(at, 3) == axis:
            reads = at
    return reads


def _along(n: OnnxNode, k: int) -> int:
    """The one axis that an input names; 0 where it names others."""
    axes = n.array(k)
    return int(axes.reshape(-1)[0]) if axes is not None and axes.size == 1 else 0


def said(n: OnnxNode, reads: OnnxNode | None = None) -> tuple[int, ...]:
    """The sizes that a node gives whose note says `to=`, or which is a product with a matrix of means for each axis; nothing
    where it is another product. `reads` is the node that reads the image, where that is another one."""
    x, out = (reads or n).type(0), n.out
    if x is None or out is None or not (x.known and out.known) or len(x.shape) != len(out.shape):
        return ()
    old, to = sizes(x)[1:], sizes(out)[1:]
    if n.op == "Einsum":
        rank = len(to)
        means = [n.array(k + 1) for k in range(len(n.inputs) - 1)]
        if n.attributes.get("equation", "").replace(" ", "") != equation(rank) or any(m is None for m in means):
            return ()
        if any(abs(m - matrix(w, p)).max() > 1e-6 for m, w, p in zip(means, old, to)):
            return ()
    return to


def equation(rank: int) -> str:
    """The product of an image with a matrix for each axis, as Einsum says it."""
    space, result = SPACE[:rank], OUT[:rank]
    return f"nc{space},{','.join(p + w for w, p in zip(space, result))}->nc{result}"


def matrix(w: int, o: int) -> list[tuple[float, ...]]:
    """The means of an axis's windows as a product: a row for each window."""
    rows = [(0.0,) * w] * o
    for r in runs(w, o):
        for i in range(r.count):
            first = r.first + r.step * i
            rows[r.start + r.apart * i] = tuple(1 / r.size if first <= h < first + r.size else 0.0 for h in range(w))
    return rows


def check(layer: Any) -> None:
    """Refuse what says how windows slide beside `to=`, which says where they are. Raises WordError."""
    said = [k for k, usual in (("stride", None), ("pad", "valid"), ("dilation", 1), ("rounding", "floor"), ("whole", False))
            if getattr(layer, k) != usual]
    if layer.to is not None and said:
        raise WordError(f"{layer.name} to= splits the image into as many windows as it gives numbers, and says by that where they are",
                        label=f"{said[0]} beside to={shape_text(layer.to if isinstance(layer.to, tuple) else (layer.to,))}",
                        advice=f"either  {layer.name} to=6x6   or   {layer.name} 3 /2", code="contradiction")


