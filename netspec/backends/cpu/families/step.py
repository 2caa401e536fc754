"""A fused step: several formulas that run as one kernel. `Node.op` of a program after `fuse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....ir.contraction import Contraction
from ....ir.graph import Graph, Node
from ....ir.operation import Operation

Kind = Literal["feed", "gather", "outer", "lanes", "places", "pairs", "move", "channel", "filters", "flat", "loop"]
Form = Literal["direct", "winograd"]

SEQUENCE = 4096  # places of an image that are added up in float32, one after another; longer sums are made of such, in float64


@dataclass(frozen=True)
class Step(Operation):
    """Formulas run together, in order.

    feed     maps on an array that comes from outside, on its way to the image that the program reads (feeds.py)
    gather   a contraction into an image, then maps on its places while they are in registers (the epilogue)
    outer    a contraction into a weight
    lanes    anything local to one image and one block of channels: maps, pools, their gradients, sums over a plane
    places   anything local to one image and one place that crosses channels: softmax, losses, lrn, maxout, concatenation
    pairs    products of two values of one image, summed over places or channels: Gram matrices
    move     the numbers of one value under other subscripts: flatten, reshape, shuffle, images of their own
    channel  per-channel numbers: sums over images in a fixed order in float64, and arithmetic between them
    filters  along the filters of a weight: sums over each, arithmetic between such sums, elements times numbers a filter
    flat     element by element over vectors of one length: sums of weight gradients, update rules
    loop     everything else, as plain nested loops

    `nodes` are the formulas' own nodes; the step's results are those values that something outside reads. `sums` are the
    results that are sums over a plane for each image. A concatenation or a move whose inputs are all `placed` runs nothing.
    `product` is the contraction that a gather or an outer begins with, in its formula's own names; `form` is how it
    multiplies, and what else depends on it (the parts of its sums, workspace) asks here.
    """

    kind: Kind
    nodes: tuple[Node, ...]
    sums: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()  # inputs of a concatenation or a move that already lie where it would copy them
    form: Form = "direct"
    product: Contraction | None = None

    def __str__(self) -> str:
        return f"{self.kind} of {len(self.nodes)}" + ("" if self.form == "direct" else f" by {self.form}")

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do: everything lies where it would be copied."""
        return bool(self.placed) and set(self.placed) == set(self.nodes[0].inputs)


def step_of(node: Node) -> Step:
    """The operation of a node of a fused program that is known to be a step."""
    assert isinstance(node.op, Step), node.name
    return node.op


def unfused(graph: Graph) -> Graph:
    """The same program with every step replaced by its formulas: what an interpreter runs."""
    return graph.with_nodes(tuple(m for n in graph.nodes for m in (n.op.nodes if isinstance(n.op, Step) else (n,))))
