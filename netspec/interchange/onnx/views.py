"""Views: values that hold several images for each example of the batch, as `each` makes them. In a file their first axis is the
batch times the views, and a reshaping opens and closes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

Shape = tuple[int, ...]


def images(shape: Shape | None, batch: int, known: set[int]) -> int:
    """How many images a value of this shape holds for each example: 1, or one of the `known` counts of views; 0 for what does not
    begin with the batch."""
    if not shape or shape[0] % batch:
        return 0
    k = shape[0] // batch
    return k if k == 1 or k in known else 0


def opened(n: Any) -> int:
    """Into how many views a reshaping takes each example apart; 0 where it does nothing of the kind. Of a batch of one all other
    axes have to stay as they are: what else begins with a 1 may be any rearrangement."""
    g = n.graph
    a, c = g.shapes.get(n.inputs[0]), g.shapes.get(n.outputs[0])
    if not a or not c or len(c) < 2 or a[0] != g.batch or c[0] % g.batch or c[0] == g.batch:
        return 0
    k = int(c[0]) // int(g.batch)
    return k if g.batch > 1 or a[1:] == (k, *c[1:]) else 0


def apart(n: Any) -> Iterator[Any]:
    """A reshaping that opens or closes views and does more besides, as two: one of them is `split_views` or `join_views`."""
    g, x, y = n.graph, n.inputs[0], n.outputs[0]
    a, c = g.shapes.get(x), g.shapes.get(y)
    before, after = (images(s, g.batch, g.views) for s in (a, c))
    if not a or not c or before == after or 0 in (before, after):
        yield n
        return
    b = g.batch
    if after > 1:
        middle = (b, after, *c[1:])
    else:
        middle = (a[0], *c[2:]) if c[:2] == (b, before) and len(c) > 2 else (b, before, *a[1:])
    if middle in (a, c):
        yield replace(n, op="Reshape", attributes={})
        return
    between = f"{y}:views"
    g.shapes[between], g.kinds[between] = middle, g.kinds.get(x, 1)
    yield replace(n, name=f"{n.name}:views", op="Reshape", outputs=(between,), attributes={})
    yield replace(n, op="Reshape", inputs=(between, *n.inputs[1:]), attributes={})
