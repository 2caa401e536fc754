"""The images of a sample, and the channels of an image, as the merges read them that pool them away (`max over=v`)."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, known_channels, plane, sizes
from ...words.onnx import OnnxNode, Read

VIEWS = "view"  # what the `each` is called whose images a file pools
ONE = "one view"  # what a reshaping for one view says beside it, which could be any reshaping
CHANNELS = "channels"  # what `over=` says that is not the name of an `each`


def pooled(layer: str, inputs: tuple[TensorType, ...], over: str) -> TensorType:
    """The type of `max over=v`: the first axis gone; of `max over=channels`: one channel."""
    (x, *more) = inputs
    if over == CHANNELS:
        if more:
            raise WordError(f"{layer} over=channels pools the channels of one value", label=f"there are {len(inputs)} values",
                            hint=f"{layer} over=channels", code="too-many-arguments")
        known_channels(x)
        return x.of(1, *x.spatial)
    if more or len(x.shape) < 2 or x.channels is None:
        raise WordError(f"{layer} over= pools the axis that an `each` above runs over",
                        label=f"the input is {shape_text(x.shape)}", advice="each v:  opens one", code="wrong-rank")
    return x.of(*x.shape[1:])


def each(b: Builder, x: str) -> tuple[str, str, int]:
    """How a merge over views reads them: the read of view v, the subscripts of the result, and the number of
    views. `x` is the joined value, or, better, the images as they were before the join."""
    t = b.type(x)
    shape = sizes(t)
    if t.batch > 1:
        return f"{t.batch}*n+v,c{plane(shape)}", f"n,c{plane(shape)}", t.batch
    return f"n,v,c{plane(shape[1:])}", f"n,c{plane(shape[1:])}", shape[0]


def over_channels(cls: Any, op: str, n: OnnxNode) -> Read | None:
    """A reduction over the channels that keeps them as one; or drops them, and has them put back."""
    inner = n if n.op == op else n.before(0)
    if inner is None or inner.op != op or inner.array(1) is None or inner.type(0) is None:
        return None
    x, kept = inner.type(0), bool(inner.attributes.get("keepdims", 1))
    rank = len(x.shape) + 1 if x is not None else 0
    if [int(a) % rank for a in inner.array(1).reshape(-1)] != [1] or kept != (inner is n):
        return None
    return Read(cls(over=CHANNELS), (inner.inputs[0],))


def over_views(cls: Any, op: str, n: OnnxNode) -> Read | None:
    """A reduction over the views that were joined before it, which drops their axis."""
    x, joined = n.type(0), n.source(0)
    inside = None if joined is None or joined.op != "Reshape" else joined.type(0)
    if n.op != op or n.array(1) is None or x is None or joined is None or inside is None or n.attributes.get("keepdims", 1):
        return None
    if [int(a) % (len(x.shape) + 1) for a in n.array(1).reshape(-1)] != [1] or (inside.batch, *inside.shape) != x.shape:
        return None
    return Read(cls(over=VIEWS), n.inputs[:1]) if inside.batch > x.batch or joined.note == ONE else None
