"""Exact numbers of a network before it runs: parameters and multiply-accumulates, node by node.

A MAC is one multiply-accumulate of a convolution, a transposed convolution or a fully connected layer, for one sample.
They are counted as the loops run: every window tap at every output position, padding included (transposed: at every
input position). Nobody declares them. A layer is lowered by itself, and each formula that multiplies a value by a
parameter of two or more axes, or by one with its filters scaled, counts the product of the extents of all its indices.
Shared weights count once as parameters, and in MACs each time they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...diagnostics import at_line
from ...interruptions import point
from ...ir.formula import Formula
from ...ir.graph import Graph, Input, Node, Parameter, Value
from ...ir.types import Size, TensorType
from ...layers.parts.windows import lost
from ...passes.lower import lower
from ...words.layer import Layer


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """The numbers of one node. `parameters` counts a shared weight at its first use only; `macs` is None where a size
    is not known."""

    node: Node
    trainable: int
    frozen: int
    buffers: int
    macs: int | None
    lost: Lost | None = None

    def __repr__(self) -> str:
        return f"NodeCounts of {self.name}: {self.parameters:,} parameters, {'?' if self.macs is None else f'{self.macs:,}'} MACs"

    @property
    def parameters(self) -> int:
        return self.trainable + self.frozen

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.node.type.shape


@dataclass(frozen=True, slots=True)
class Totals:
    """`macs` is None where a size is not known."""

    trainable: int
    frozen: int
    buffers: int
    macs: int | None

    @property
    def parameters(self) -> int:
        return self.trainable + self.frozen


@dataclass(frozen=True)
class Counts:
    """Every node of a network with its numbers, in order, and the totals."""

    graph: Graph
    nodes: tuple[NodeCounts, ...]
    totals: Totals

    def __getitem__(self, name: str) -> NodeCounts:
        return next(n for n in self.nodes if n.name == name)

    def __repr__(self) -> str:
        """One line; `print` shows the totals."""
        return f"Counts of {self.graph.name}: {len(self.nodes)} nodes, {self.totals}"

    def __str__(self) -> str:
        """The totals, as they stand below a summary."""
        t = self.totals
        kinds = [f"{t.trainable:,} trainable parameters", *([f"{t.frozen:,} frozen"] if t.frozen else []),
                 *([f"{t.buffers:,} buffers"] if t.buffers else [])]
        macs = "MACs need a size that is not known (--input)" if t.macs is None else f"{t.macs:,} MACs a sample{_short(t.macs)}"
        return ", ".join(kinds) + "; " + macs


def _short(n: int) -> str:
    """` (4.09 G)`; nothing for small numbers."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if n >= size:
            return f" ({n / size:.3g} {unit})"
    return ""


Known = dict[tuple[Layer, tuple[TensorType, ...]], "int | None"]


def count(graph: Graph, known: Known | None = None) -> Counts:
    """Count every node of a layer graph. Who counts one graph after another hands in what layers cost, to be added to."""
    seen: set[str] = set()
    known = {} if known is None else known
    rows = []
    for node in graph:
        point()
        types = tuple(graph.values[i].type for i in node.inputs)
        first = [p for p in node.parameters if p.name not in seen]
        seen.update(p.name for p in first)
        macs: int | None = 0
        if isinstance(node.op, Layer) and any(len(p.shape) >= 2 for p in node.parameters):
            key = (node.op, types)
            if key not in known:
                known[key] = multiply_accumulates(node, types)
            macs = known[key]
        rows.append(NodeCounts(node, _size(first, "trainable"), _size(first, "frozen"), _size(first, "buffer"), macs,
                               lost_pixels(node, types)))
    all_macs = [r.macs for r in rows]
    macs = None if None in all_macs else sum(m or 0 for m in all_macs)
    return Counts(graph, tuple(rows), Totals(sum(r.trainable for r in rows), sum(r.frozen for r in rows),
                                             sum(r.buffers for r in rows), macs))


def kind(p: Parameter) -> str:
    """trainable, frozen, or buffer (which never has a gradient)."""
    return "buffer" if p.kind == "buffer" else "trainable" if p.trainable else "frozen"


def _size(parameters: list[Parameter], of: str) -> int:
    return sum(p.size for p in parameters if kind(p) == of)


def lowered(node: Node, types: tuple[TensorType, ...], training: bool = False) -> Graph:
    """What one layer means by itself: its formulas over inputs of these types."""
    names = [f"in{k}" for k in range(len(types))]
    inputs = tuple(Node(i, Input(), (), (Value(i, t),)) for i, t in zip(names, types))
    alone = Graph(node.name, (*inputs, Node(node.name, node.op, tuple(names), node.results, node.parameters)),
                  ((node.name, node.name),))
    return lower(training)(alone)


def multiply_accumulates(node: Node, types: tuple[TensorType, ...]) -> int | None:
    """MACs of one layer for one sample, None where a size is not known."""
    if not all(t.known for t in (*types, node.type)):
        return None
    assert isinstance(node.op, Layer)
    with at_line(*node.spans):
        declared = node.op.macs(*types)
    if declared is not None:
        return declared
    program = lowered(node, types)
    weights = {n.name for n in program if isinstance(n.op, Parameter) and len(n.op.shape) >= 2} | set(program.scaled_weights)
    total = 0
    for n in program:
        if isinstance(n.op, Formula) and n.op.is_product and n.type.batch and len(weights.intersection(n.inputs)) == 1:
            operands = tuple(program.values[i].type for i in n.inputs)
            extents = n.op.extents(operands, tuple(v.type for v in n.results))
            total += prod(extents.values()) * max(t.batch for t in operands)
    return total


@dataclass(frozen=True, slots=True)
class Lost:
    """Pixels at the end of each spatial axis that no window reaches, as the stride does not divide."""

    pixels: tuple[int, ...]
    image: tuple[int, ...]  # those of them that are pixels of the input and not padding
    formula: str  # of the first axis that does not divide, with its numbers


def lost_pixels(node: Node, types: tuple[TensorType, ...]) -> Lost | None:
    op = node.op
    how = op.slides(types[0]) if isinstance(op, Layer) and len(types) == 1 else None
    if how is None:
        return None
    (x,), (window, stride, pad, dilation) = types, how
    gone = lost(x.spatial, window, stride, pad, dilation)
    if not any(gone):
        return None
    k = next(k for k, n in enumerate(gone) if n)
    w, f, p, s = x.spatial[k] or 0, dilation[k] * (window[k] - 1) + 1, sum(pad[k]), stride[k]
    return Lost(gone, tuple(max(0, n - after) for n, (_, after) in zip(gone, pad)),
                f"({w} - {f} + {p})/{s} + 1 = {(w - f + p) / s + 1:.4g}")
