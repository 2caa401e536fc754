"""Compute equal formulas of equal values once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..ir.formula import Formula, Pieces
from ..ir.graph import Graph


def common_subexpressions(graph: Graph) -> Graph:
    """Effects and random formulas stay as they are. So do two gradients that are equal (the shifts of two normalisations
    that are added): each has its own place.

        %a[c] += x[n,c];  %b[c] += x[n,c];  %d = a * b     becomes     %a[c] += x[n,c];  %d = a * a
    """
    same: dict[str, str] = {}
    seen: dict[Any, tuple[str, ...]] = {}
    gradients = {v for _, v in graph.gradients}
    nodes = []
    for n in graph.nodes:
        if same and any(i in same for i in n.inputs):
            n = replace(n, inputs=tuple(same.get(i, i) for i in n.inputs))
        if isinstance(n.op, Formula | Pieces) and n.effect is None and not (isinstance(n.op, Formula) and n.op.is_random):
            key = (n.op if isinstance(n.op, Pieces) else n.op.anonymous, n.inputs, tuple([v.type for v in n.results]))
            if key in seen and not (n.name in gradients and seen[key][0] in gradients):
                if n.name in gradients:
                    gradients.add(seen[key][0])
                same |= dict(zip((v.name for v in n.results), seen[key]))
                continue
            seen.setdefault(key, tuple([v.name for v in n.results]))
        nodes.append(n)
    return graph.with_nodes(nodes, outputs=tuple((k, same.get(v, v)) for k, v in graph.outputs),
                            gradients=tuple((k, same.get(v, v)) for k, v in graph.gradients))
