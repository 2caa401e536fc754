"""The images of a sample: what `each v:` opens and closes, and the merges that pool them away (`max over=v`)."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import TensorType, shape_text
from ..words import WordError
from .layer import Builder, Example, Layer, plane, sizes


class SplitViews(Layer, category="move", name="split_views"):
    """The first axis becomes images of their own: what `each v:` does to the flow.

    Shapes:  V x C x W... -> V images of C x W...
    """

    examples = (Example("split_views", inputs=((3, 2, 4, 5),), output=(2, 4, 5)), Example("split_views", inputs=((2, 5),), output=(5,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.channels is None or len(x.shape) < 2:
            raise WordError("each runs over the first axis of its input, and needs to know how many there are",
                            label=f"the input is {shape_text(x.shape)}", hint="input (12, 3, 224, 224)", code="wrong-rank")
        return replace(x, shape=x.shape[1:], batch=x.batch * x.channels)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        views, *shape = sizes(t)
        s = plane(shape)
        return str(b(f"y[{views}*n+v,c{s}] = x[n,v,c{s}]", x=x, out=tuple(shape), batch=t.batch * views))


class JoinViews(Layer, category="move", name="join_views"):
    """The images of a sample as one value again, with a first axis that counts them.

    Shapes:  V images of C x W... -> V x C x W...
    """

    examples = (Example("join_views", inputs=((2, 4, 5),), output=(3, 2, 4, 5), views=3), Example("join_views", inputs=((5,),), output=(2, 5), views=2))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return replace(x, shape=(x.batch, *x.shape), batch=1)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        s = plane(t.shape)
        return str(b(f"y[n,v,c{s}] = x[{t.batch}*n+v,c{s}]", x=x, out=(t.batch, *sizes(t)), over={"v": t.batch}, batch=1))


def pooled(layer: str, inputs: tuple[TensorType, ...]) -> TensorType:
    """The type of `max over=v`: one image of a sample in place of several."""
    (x, *more) = inputs
    if more or x.batch < 2:
        raise WordError(f"{layer} over= pools the images that `each` runs over", label=f"the input is {x}", hint="each v:", code="wrong-rank")
    return replace(x, batch=1)
