"""Remove every operation whose value nothing reads."""

from __future__ import annotations

from ..ir.graph import Graph, Input, Parameter


def drop_dead(graph: Graph) -> Graph:
    """Outputs, gradients and effects are the roots; inputs and parameters always stay.

        %a = f(x);  %b = g(x);  return %b     becomes     %b = g(x);  return %b
    """
    live = set(graph.roots)
    kept = []
    for n in reversed(graph.nodes):
        if isinstance(n.op, Input | Parameter) or n.effect or n.name in live or any(v.name in live for v in n.results[1:]):
            kept.append(n)
            live.update(n.inputs)
    return graph if len(kept) == len(graph.nodes) else graph.with_nodes(kept[::-1])
