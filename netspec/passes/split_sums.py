"""Split sums over the batch in two: over the places of each image, then over images.

    s[c] += f(x[n,c,h,w])     becomes     s.each[n,c] += f(x[n,c,h,w]);  s[c] += s.each[n,c]

A single number is summed over the channels of an image in between.

The first half is local to an image and fuses with whatever makes x; the second runs in a fixed order in float64.
Contractions (weight gradients) split by themselves.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.formula import Access, Axis, Formula
from ..ir.graph import Graph, Node, Value
from ..ir.types import TensorType
from .contractions import contraction

IMAGE = Axis.of("n")


def split_sums(graph: Graph) -> Graph:
    nodes: list[Node] = []
    for n in graph.nodes:
        nodes += _halves(n, graph)
    return graph.with_nodes(nodes)


def _halves(n: Node, graph: Graph) -> list[Node]:
    f = n.op
    if not isinstance(f, Formula) or f.how != "+=" or n.type.batch or "n" not in f.reduced or contraction(n, graph) is not None:
        return [n]
    batched = [r for r in f.reads if r.axes and r.axes[0].bare == "n"]
    single = not f.target.indices and n.type.shape == (1,)
    if not any(len(r.axes) > 2 for r in batched) and not (single and any(r.axes[1].terms for r in batched if len(r.axes) > 1)):
        return [n]  # one number for each image and channel: the sum over images can read it as it is
    types = {o: graph.values[i].type for o, i in zip(f.operands, n.inputs)}
    wide = max(batched, key=lambda r: len(r.axes))
    keep, shape = f.target.axes, n.type.shape
    apart = single and len(wide.axes) > 2 and wide.axes[1].bare  # keep a sum a channel, so that lanes stay apart
    if apart:
        keep, shape = wide.axes[1:2], (types[wide.name].shape[0],)
    batch = max(t.batch for t in types.values())
    name = f"{n.name}.each"
    of_each = Access("each", (IMAGE, *keep))
    each = Node(name, f.writing(of_each), n.inputs, (Value(name, TensorType(shape, batch)),), spans=n.spans, notes=n.notes,
                scope=n.scope)
    if not apart:
        return [each, replace(n, op=Formula.of(f.target, how="+=", right=of_each.tree), inputs=(name,))]
    of_image = Access("image", (IMAGE, Axis(())))
    image = replace(each, name=f"{n.name}.image", op=Formula.of(of_image, how="+=", right=of_each.tree), inputs=(name,),
                    results=(Value(f"{n.name}.image", TensorType((1,), batch)),))
    return [each, image, replace(n, op=Formula.of(f.target, how="+=", right=of_image.tree), inputs=(image.name,))]
