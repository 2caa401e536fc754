"""How weights begin whose step does not say it: by what reads what the step makes.

A rectifier keeps half the mean square of its input, for which He's variance, 2 / fan_in, makes up. Where no rectifier
follows, before the scores of classes above all, it would double the mean square instead, and LeCun's, 1 / fan_in, keeps it.
A normalisation divides by whatever it finds, so He's stays. In between may stand what only moves, pools or merges numbers.

LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.6; He, Zhang, Ren and Sun, "Delving Deep into
Rectifiers", 2015 (arXiv:1502.01852), section 2.2.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.graph import Graph, Node
from ..ir.initialisers import FITTING
from ..words.layer import Layer


def with_first_weights(graph: Graph) -> Graph:
    """The graph in which weights that no rectifier and no normalisation follows begin with LeCun's variance. A weight that
    several steps share is that of a rectified one if any is."""
    rectified: set[str] = set()
    wide: set[str] = set()
    narrow: set[str] = set()
    for node in reversed(graph.nodes):
        follows = any(_rectifies(r) or (_passes(r) and r.name in rectified) for v in node.results for r in graph.readers[v.name])
        if follows:
            rectified.add(node.name)
        for p in node.parameters:
            if p.init == FITTING and p.kind in ("weight", "length"):
                (wide if follows else narrow).add(p.name)
    narrow -= wide
    return replace(graph, nodes=tuple(_begun(node, narrow) for node in graph.nodes)) if narrow else graph


def _rectifies(node: Node) -> bool:
    return isinstance(node.op, Layer) and (node.op.rectifies or node.op.centres)


def _passes(node: Node) -> bool:
    """Whether a rectifier behind this node is one behind what it reads."""
    return isinstance(node.op, Layer) and node.op.category != "activation" and all(p.kind != "weight" for p in node.parameters)


def _begun(node: Node, narrow: set[str]) -> Node:
    if not any(p.name in narrow for p in node.parameters):
        return node
    return replace(node, parameters=tuple(replace(p, init="lecun") if p.name in narrow else p for p in node.parameters))
