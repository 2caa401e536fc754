"""The images of a sample: what `each v:` opens and closes, and the merges that pool them away (`max over=v`)."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import TensorType, shape_text
from ..words import WordError
from .layer import Builder, Example, Layer, plane, sizes


class SplitViews(Layer, category="move", name="split_views", structural=True):
    """The first axis becomes images of their own: what `each v:` does to the flow.

    Shapes:  V x C x W... -> V images of C x W...
    """

    examples = (Example("split_views", inputs=((3, 2, 4, 5),), output=(2, 4, 5)),
                Example("split_views", inputs=((2, 5),), output=(5,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.channels is None or len(x.shape) < 2:
            raise WordError("each runs over the first axis of its input, and needs to know how many there are",
                            label=f"the input is {shape_text(x.shape)}",
                            advice="an input of views is declared with them first:  input (12, 3, 224, 224)", code="wrong-rank")
        return replace(x, shape=x.shape[1:], batch=x.batch * x.channels)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        views, *shape = sizes(t)
        s = plane(shape)
        return str(b(f"y[{views}*n+v,c{s}] = x[n,v,c{s}]", x=x, out=tuple(shape), batch=t.batch * views))


class JoinViews(Layer, category="move", name="join_views", structural=True):
    """The images of a sample as one value again, with a first axis that counts them.

    Shapes:  V images of C x W... -> V x C x W...
    """

    examples = (Example("join_views", inputs=((2, 4, 5),), output=(3, 2, 4, 5), views=3),
                Example("join_views", inputs=((5,),), output=(2, 5), views=2))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return replace(x, shape=(x.batch, *x.shape), batch=1)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        s = plane(t.shape)
        y = str(b(f"y[n,v,c{s}] = x[{t.batch}*n+v,c{s}]", x=x, out=(t.batch, *sizes(t)), over={"v": t.batch}, batch=1))
        b.same(y, x)
        return y


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
