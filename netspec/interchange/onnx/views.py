"""Views: values that hold several images for each example of the batch, as `each` makes them. In a file their first axis is the
batch times the views, and a reshaping opens and closes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .need import onnx

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


def unfolded(model: Any, numbers: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, Any]]:
    """Models whose input has the views of an example as an axis, of one whose batch they are, as its reshapings tell: each with
    how many they are. `numbers` are the constants of the file."""
    inputs = [i for i in model.graph.input if i.name not in numbers]
    dims = inputs[0].type.tensor_type.shape.dim if len(inputs) == 1 else ()
    sizes = [d.dim_value for d in dims]
    if len(sizes) < 2 or not all(d > 0 for d in sizes[1:]):
        return
    for batch, views in dict.fromkeys(_taken_apart(model, numbers, len(sizes) + 1)):
        if views < 2 or (sizes[0] > 0 and sizes[0] % views):
            continue
        batch = sizes[0] // views if sizes[0] > 0 else batch
        whole = onnx().ModelProto()
        whole.CopyFrom(model)
        x = next(i for i in whole.graph.input if i.name == inputs[0].name)
        inside, to = f"{x.name}:images", f"{x.name}:shape"
        for n in whole.graph.node:
            n.input[:] = [inside if i == x.name else i for i in n.input]
        opens = onnx().helper.make_node("Reshape", [x.name, to], [inside], name=inside)
        whole.graph.node.insert(0, opens)
        whole.graph.initializer.append(onnx().numpy_helper.from_array(np.array([-1, *sizes[1:]]), to))
        x.type.tensor_type.ClearField("shape")
        for d in (batch, views, *sizes[1:]):
            axis = x.type.tensor_type.shape.dim.add()
            if d > 0:
                axis.dim_value = d
        yield views, whole


def _taken_apart(model: Any, numbers: Mapping[str, NDArray[Any]], rank: int) -> Iterator[tuple[int, int]]:
    """The first two axes of what reshapings make of so many axes, or of vectors: the batch, -1 where it is open, and another
    one."""
    makers = {o: n for n in model.graph.node for o in n.output}

    def known(value: str) -> list[int | None]:
        """The numbers of a shape, None for those that are worked out."""
        a, n = numbers.get(value), makers.get(value)
        if a is None and n is not None and n.op_type == "Constant":
            t = next((p.t for p in n.attribute if p.name == "value"), None)
            a = None if t is None else onnx().numpy_helper.to_array(t)
        if a is not None:
            return [int(v) for v in a.reshape(-1)] if a.size <= rank and a.dtype.kind == "i" else []
        return [v for i in n.input for v in known(i)] if n is not None and n.op_type == "Concat" else [None]

    for n in model.graph.node:
        to = known(n.input[1]) if n.op_type == "Reshape" and len(n.input) == 2 else []
        if len(to) in (3, rank) and to[1] is not None:
            yield (to[0] if to[0] and to[0] > 0 else -1), to[1]
