"""Split what depends on parameters alone from what runs for every batch.

    %k[c] = weight[c] / sqrt(var[c] + 1e-5);  %y = x * k
becomes two programs: one that makes %k whenever a parameter changes (`Graph.prepared`), and one in which %k is an input.
"""

from __future__ import annotations

from dataclasses import replace

from ....ir.formula import Formula, Pieces
from ....ir.graph import Graph, Input, Node, Parameter


def prepare(graph: Graph) -> Graph:
    """The outputs of the program of prepared values are the values that what remains reads."""
    constant: set[str] = set()
    early: list[Node] = []
    for n in graph.nodes:
        whole = isinstance(n.op, Formula | Pieces) and n.effect is None and all(i in constant
                                                                                for i in n.inputs) and not (isinstance(n.op,
                                                                                        Formula) and n.op.is_random)
        if isinstance(n.op, Parameter) or (whole and n.inputs):
            constant |= {v.name for v in n.results}
            early.append(n)
    made = {v.name for n in early if not isinstance(n.op, Parameter) for v in n.results}
    rest: list[Node] = []
    used: dict[str, None] = {}
    for n in graph.nodes:
        if isinstance(n.op, Parameter) or not any(v.name in constant for v in n.results):
            rest.append(n)
            used |= {i: None for i in n.inputs if i in made}
    for _, v in graph.outputs:
        assert v not in made, f"output %{v} depends on no input"
    inputs = [Node(v, Input("prepared"), (), (graph.values[v],)) for v in used]
    first = replace(graph, nodes=tuple(early), outputs=tuple((v, v) for v in used), gradients=(), lowered=None)
    return graph.with_nodes([*inputs, *rest], prepared=first)
