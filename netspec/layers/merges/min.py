"""Element-wise minimum."""

from __future__ import annotations

from ...words.layer import Example
from .max import Max


class Min(Max, category="merge"):
    """Smallest of its inputs, element by element; of equal ones the first takes the gradient. `over=v` takes the smallest
    over the images of `each v:` instead, and `over=channels` that over the channels of each place.

    Shapes:  two or more of one shape -> that shape; C x W... -> 1 x W... with `over=channels`
    Errors:  shapes that differ
    """

    onnx = "Min(*x)"
    onnx_reads = ("ReduceMin", "Unsqueeze")
    examples = (
        Example("min @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
        Example("min @a @b", inputs=((6,), (6,), (6,)), output=(6,)),
        Example("min over=v", inputs=((4, 3, 2, 2),), output=(3, 2, 2)),
        Example("min over=channels", inputs=((4, 3, 2),), output=(1, 3, 2)),
    )

    sign = "-"
