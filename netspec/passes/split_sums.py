"""Split sums over the batch in two: over the places of each image, then over images.

    s[c] += f(x[n,c,h,w])     becomes     s.each[n,c] += f(x[n,c,h,w]);  s[c] += s.each[n,c]

A single number is summed over the channels of an image in between.

The first half is local to an image and fuses with whatever makes x; the second runs in a fixed order in float64.
Contractions (weight gradients) split by themselves.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ..ir.formula import Access, Axis, Formula
from ..ir.graph import Graph, Node, Value
from ..ir.types import TensorType
from .contractions import contraction

IMAGE = Axis.of("n")
Halves = tuple[tuple[str, Formula, TensorType], ...]


def split_sums(graph: Graph) -> Graph:
    nodes: list[Node] = []
    for n in graph.nodes:
        halves = None if n.type.batch or not isinstance(n.op, Formula) else _halves(n, n.op, graph)
        if halves is None:
            nodes.append(n)
            continue
        inputs = n.inputs
        for suffix, op, t in halves[:-1]:
            name = f"{n.name}.{suffix}"
            nodes.append(Node(name, op, inputs, (Value(name, t),), spans=n.spans, notes=n.notes, scope=n.scope))
            inputs = (name,)
        nodes.append(replace(n, op=halves[-1][1], inputs=inputs))
    return graph.with_nodes(nodes)


def _halves(n: Node, f: Formula, graph: Graph) -> Halves | None:
    if f.how != "+=" or "n" not in f.reduced or contraction(n, graph) is not None:
        return None
    return _split(f, tuple([graph.values[i].type for i in n.inputs]), n.type)


@lru_cache(maxsize=4096)
def _split(f: Formula, operands: tuple[TensorType, ...], result: TensorType) -> Halves | None:
    """The formulas of a sum in their order, each with the end of its name and what it makes; None for what is read as it is."""
    batched = [r for r in f.reads if r.axes and r.axes[0].bare == "n"]
    single = not f.target.indices and result.shape == (1,)
    if not any(len(r.axes) > 2 for r in batched) and not (single and any(r.axes[1].terms for r in batched if len(r.axes) > 1)):
        return None  # one number for each image and channel: the sum over images can read it as it is
    types = dict(zip(f.operands, operands))
    wide = max(batched, key=lambda r: len(r.axes))
    keep, shape = f.target.axes, result.shape
    apart = single and len(wide.axes) > 2 and wide.axes[1].bare  # keep a sum a channel, so that lanes stay apart
    if apart:
        keep, shape = wide.axes[1:2], (types[wide.name].shape[0],)
    batch = max(t.batch for t in operands)
    of_each = Access("each", (IMAGE, *keep))
    each = "each", f.writing(of_each), TensorType(shape, batch)
    if not apart:
        return each, ("", Formula.of(f.target, how="+=", right=of_each.tree), result)
    of_image = Access("image", (IMAGE, Axis(())))
    image = "image", Formula.of(of_image, how="+=", right=of_each.tree), TensorType((1,), batch)
    return each, image, ("", Formula.of(f.target, how="+=", right=of_image.tree), result)
