"""The images of a sample, as the merges read them that pool them away (`max over=v`)."""

from __future__ import annotations

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, plane, sizes


def pooled(layer: str, inputs: tuple[TensorType, ...]) -> TensorType:
    """The type of `max over=v`: the first axis gone."""
    (x, *more) = inputs
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
