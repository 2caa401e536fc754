"""Sizes as operators of ONNX take them: numbers where they are known, computed from a value's shape where they are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ...ir.types import TensorType
from ...words.onnx import OnnxWriter


@dataclass(frozen=True)
class Extent:
    """The size of an axis of a value, the batch being axis 0: `times` as much, divided by `over`."""

    axis: int
    times: int = 1
    over: int = 1

    def of(self, t: TensorType) -> int | None:
        """The number, where it is known."""
        size = t.shape[self.axis - 1]
        return None if size is None else size * self.times // self.over


def extents(t: TensorType, first: int = 2, times: int = 1, over: int = 1) -> list[Extent]:
    """Those of the axes from one on: unless given, of all places."""
    return [Extent(k, times, over) for k in range(first, len(t.shape) + 1)]


def reshaped(o: OnnxWriter, x: str, to: Sequence[int | Extent], like: str = "") -> str:
    """The numbers of `x` under another shape, whose extents are those of `like`, `x` itself unless given."""
    like = like or x
    known = [e if isinstance(e, int) else e.of(o.type(like)) for e in to]
    if known.count(None) + known.count(-1) < 2:  # ONNX works one of them out
        return o("Reshape", x, o.numbers([-1 if n is None else n for n in known], whole=True))
    shape = o("Shape", like)
    parts = [_part(o, shape, list(group)) for _, group in groupby(
        enumerate(n if n is not None else e for e, n in zip(to, known)), _run)]
    return o("Reshape", x, o("Concat", *parts, axis=0))


def _run(entry: tuple[int, int | Extent]) -> tuple[int, ...]:
    """What neighbours that stand in one part have in common."""
    k, e = entry
    return (e.axis - k, e.times, e.over) if isinstance(e, Extent) else ()


def _part(o: OnnxWriter, shape: str, run: list[tuple[int, int | Extent]]) -> str:
    (_, first), (_, last) = run[0], run[-1]
    if not isinstance(first, Extent) or not isinstance(last, Extent):
        return o.numbers([e for _, e in run], whole=True)
    part = o("Slice", shape, o.numbers([first.axis], whole=True), o.numbers([last.axis + 1], whole=True))
    if first.times > 1:
        part = o("Mul", part, o.numbers([first.times], whole=True))
    return o("Div", part, o.numbers([first.over], whole=True)) if first.over > 1 else part


def plane_of(o: OnnxWriter, x: str) -> str:
    """The sizes of an image's axes behind the channels."""
    return o("Slice", o("Shape", x), o.numbers([2], whole=True), o.numbers([len(o.type(x).shape) + 1], whole=True))
