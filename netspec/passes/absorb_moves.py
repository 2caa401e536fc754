"""Let inputs come, and outputs go, in the shape the program works in: arrays from outside are row-major, whatever the shape.

    %x: N x 12x3x8x8 = input();  %y: 12N x 3x8x8    y[12*n+v,c,h,w] = x[n,v,c,h,w]      becomes      %x: 12N x 3x8x8 = input()
    %y: N x 24    y[n,6*c+2*h+w] = x[n,c,h,w];  return %y                               becomes      return %x

A public array keeps the shape it has in the network: whoever writes or reads it counts its numbers, not its axes.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.formula import Formula
from ..ir.graph import Graph, Input, Node, Value
from ..ir.moves import move_of
from .drop_dead import drop_dead


def absorb_moves(graph: Graph) -> Graph:
    """Moves that keep the order, right after an input or right before an output or the gradient of an input."""
    while True:
        less = drop_dead(_outputs(_inputs(graph)))
        if len(less.nodes) == len(graph.nodes):
            return less
        graph = less


def _inputs(graph: Graph) -> Graph:
    types: dict[str, Value] = {}  # input -> what it becomes
    names: dict[str, str] = {}  # result of an absorbed move -> the input
    ends = {v for _, v in (*graph.outputs, *graph.gradients)}
    for n in graph.nodes:
        if isinstance(n.op, Input) and n.op.role != "scalar" and n.name not in ends and len(graph.readers[n.name]) == 1:
            (m,) = graph.readers[n.name]
            if _keeps_order(m, graph) and n.type.element == m.type.element:
                types[n.name] = replace(m.results[0], name=n.name)
                names[m.name] = n.name
    if not names:
        return graph
    nodes = [replace(n, results=(types[n.name],)) if n.name in types
             else replace(n, inputs=tuple(names.get(i, i) for i in n.inputs))
             for n in graph.nodes if n.name not in names]
    outputs, gradients = (tuple((public, names.get(v, v)) for public, v in ends) for ends in (graph.outputs, graph.gradients))
    return graph.with_nodes(nodes, outputs=outputs, gradients=gradients)


def _outputs(graph: Graph) -> Graph:
    inputs = {n.name for n in graph.nodes if isinstance(n.op, Input)}

    def before(value: str) -> str:
        n = graph.maker[value]
        moved = _keeps_order(n, graph) and not graph.readers[value] and n.inputs[0] not in inputs
        return n.inputs[0] if moved else value

    outputs = tuple((public, before(v)) for public, v in graph.outputs)
    gradients = tuple((p, before(v) if p in inputs else v) for p, v in graph.gradients)
    return graph if (outputs, gradients) == (graph.outputs, graph.gradients) else replace(graph, outputs=outputs,
                                                                                          gradients=gradients)


def _keeps_order(n: Node, graph: Graph) -> bool:
    if not isinstance(n.op, Formula) or n.effect is not None:
        return False
    types = tuple(graph.values[i].type for i in n.inputs)
    move = move_of(n.op, types, n.type)
    return move is not None and move.keeps_order(types[0], n.type)
