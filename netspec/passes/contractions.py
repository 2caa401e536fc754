"""Which nodes of a program are contractions: products of two reads, summed, one of them a weight's."""

from __future__ import annotations

from functools import lru_cache

from ..ir.contraction import Contraction, classify
from ..ir.formula import Formula
from ..ir.graph import Graph, Input, Node, Parameter
from ..ir.types import TensorType


def contraction(node: Node, graph: Graph) -> Contraction | None:
    """The contraction a node is, where its weight is a parameter's (or prepared from one, or one whose filters are scaled) or the
    gradient of one."""
    f = node.op
    if not isinstance(f, Formula) or not f.is_product or f.diagonal or len(f.operands) != 2:
        return None
    types = tuple([graph.values[i].type for i in node.inputs])
    if not node.type.batch:
        if any(t.batch == 0 for t in types) or len(node.type.shape) < 2 or not _of_contracted_weight(node, graph):
            return None
    else:
        name = next((i for i, t in zip(node.inputs, types) if t.batch == 0), None)
        weight = None if name is None else graph.maker[name].op
        if not (isinstance(weight, Parameter) or (isinstance(weight, Input) and weight.role == "prepared")) and (
                name not in graph.scaled_weights):
            return None
    return _classified(f, types, tuple([v.type for v in node.results]))


@lru_cache(maxsize=16384)
def _classified(f: Formula, operands: tuple[TensorType, ...], results: tuple[TensorType, ...]) -> Contraction | None:
    try:
        return classify(f, operands, results)
    except ValueError:
        return None


def _of_contracted_weight(node: Node, graph: Graph) -> bool:
    """Whether a value is the gradient, or a part of the gradient, of a parameter that is stored for contractions."""
    weight = graph.gradient_parts.get(node.name)
    if weight is None:
        return False
    made = [w for w, v in graph.scaled_weights.items() if v == weight]
    return any(m.type.batch and contraction(m, graph) is not None for v in (weight, *made) for m in graph.readers[v])
