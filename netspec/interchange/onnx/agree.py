"""The graph of a text against the layers of a file, node by node: the same layers, wired the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ir.graph import Graph, Input, Node, Parameter
from ...ir.types import TensorType
from ...layers.merges.concat import Concat
from ...words.layer import Layer
from ...words.onnx import Unsaid
from .meet import Layers, Piece, output_names
from .patterns import stated
from .write import Writer

NEWEST = 21  # the opset in which layers are compared


def said(layer: Layer, types: Sequence[TensorType], parameters: Sequence[Parameter]) -> str:
    """What a layer is, however its step was written: the operators it has in ONNX, with all numbers. A weight in two parts is the
    one that they make."""
    arrays = {p.name.removesuffix("_v"): np.broadcast_to(np.float32(0), p.shape) for p in parameters if p.name != "weight_g"}
    o = Writer(NEWEST, arrays)
    inputs = tuple(f"x{k}" for k in range(len(types)))
    o.layer, o.types = "layer", dict(zip(inputs, types))
    try:
        y = stated(o, layer, inputs)
        y = layer.to_onnx(o, *inputs, **{n: n for n in arrays}) if y is None else y
    except Unsaid:
        return f"{layer} of {types}"
    constants = {k: a.tolist() for k, a in o.constants.items() if k not in arrays}
    return f"{[str(n) for n in o.nodes]} {constants} {y} {o.note} {layer.name} {sorted((k, a.shape) for k, a in arrays.items())}"


class Numbers:
    """A number for each node of two graphs: the same where what leads to them is the same."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def of(self, key: Any) -> int:
        return self.known.setdefault(key, len(self.known))


class Side:
    """One of the two graphs: its nodes, what they read and what they are."""

    def __init__(self, numbers: Numbers, inputs: Sequence[str], outputs: Sequence[str]):
        self.numbers, self.inputs, self.outputs = numbers, list(inputs), list(outputs)
        self.number: dict[str, int] = {v: numbers.of(("input", k)) for k, v in enumerate(inputs)}
        self.reads: dict[str, list[str]] = {}
        self.owner: dict[str, Any] = {}

    def add(self, value: str, owner: Any, layer: Layer, inputs: Sequence[str], what: str) -> None:
        reads = list(inputs)
        if isinstance(layer, Concat):  # a concatenation of concatenations is one
            reads = [v for i in reads for v in (self.reads[i] if i in self.owner and self.owner[i] == "concat" else [i])]
            what, owner = "concat", "concat"
        numbers = [self.number[i] for i in reads]
        if layer.category == "merge" and not layer.in_order:
            reads = [v for _, v in sorted(zip(numbers, reads), key=lambda p: p[0])]
            numbers = sorted(numbers)
        self.number[value], self.reads[value], self.owner[value] = self.numbers.of((what, tuple(numbers))), reads, owner


def of_file(g: Layers, numbers: Numbers) -> Side:
    side = Side(numbers, list(g.inputs), [v for _, v in g.outputs])
    for p in g.pieces:
        types = [g.type(i) for i in p.inputs]
        side.add(p.output, p, p.layer, p.inputs, said(p.layer, types, p.layer.parameters(*types)))
    return side


def of_text(graph: Graph, numbers: Numbers) -> Side:
    side = Side(numbers, [n.name for n in graph.inputs], [v for _, v in graph.outputs])
    for n in graph.nodes:
        if not isinstance(n.op, Input):
            assert isinstance(n.op, Layer)
            types = [graph.values[i].type for i in n.inputs]
            side.add(n.name, n, n.op, n.inputs, said(n.op, types, n.op.parameters(*types)))
    return side


def pairs(g: Layers, graph: Graph) -> list[tuple[Piece, Node]] | None:
    """Each layer of the file with the node of the text that it is; None where the two differ."""
    numbers = Numbers()
    file, text = of_file(g, numbers), of_text(graph, numbers)
    named = dict(graph.outputs)
    words = [named.get(w, "") for w in output_names(g)] if len(g.outputs) > 1 else text.outputs
    if sorted(words) != sorted(text.outputs):
        return None
    text.outputs = words
    ends = [[s.number[v] for v in s.outputs] for s in (file, text)]
    if ends[0] != ends[1] or [file.number[i] for i in file.inputs] != [text.number[i] for i in text.inputs]:
        return None
    found: dict[str, str] = {}
    back: dict[str, str] = {}
    stack = list(zip(file.outputs, text.outputs))
    while stack:
        a, b = stack.pop()
        if found.get(a, b) != b or back.get(b, a) != a:
            return None
        if a in found:
            continue
        found[a], back[b] = b, a
        stack += zip(file.reads.get(a, ()), text.reads.get(b, ()))
    out = [(file.owner[a], text.owner[b]) for a, b in found.items() if isinstance(file.owner.get(a), Piece)]
    whole = len(out) == sum(not isinstance(p.layer, Concat) for p in g.pieces) and len(out) == sum(
        isinstance(n.op, Layer) and not isinstance(n.op, Concat) for n in graph.nodes)
    return out if whole and _sharing(out) else None


def _sharing(found: list[tuple[Piece, Node]]) -> bool:
    """Whether the nodes of the text that have the same parameters are given the same numbers."""
    given: dict[str, Any] = {}
    for piece, node in found:
        for name, parameter in named(node):
            a = piece.arrays.get(name)
            if a is not None and given.setdefault(parameter.name, a) is not a and not np.array_equal(given[parameter.name], a):
                return False
    return True


def named(node: Node) -> list[tuple[str, Parameter]]:
    """A node's parameters by the names that its layer has for them."""
    return [(p.name.rpartition(".")[2], p) for p in node.parameters]


def weights(found: list[tuple[Piece, Node]]) -> dict[str, Any]:
    """The numbers of the file by the names of the text's parameters."""
    return {parameter.name: np.ascontiguousarray(piece.arrays[name], np.float32)
            for piece, node in found for name, parameter in named(node) if name in piece.arrays}

