"""Give each contraction of a fused program its form: direct, or Winograd's where that is allowed and faster.

    %conv2.y = gather of 3(%r, %conv2.weight)        becomes        %conv2.y = gather of 3 by winograd(%r, %conv2.weight)

Winograd's form adds and subtracts the values of a tile of 6x6 before it multiplies. Of values of one size that costs a few
units in the last place; of data with a "no value" of -9999 among them, a spike or a NaN, places that do not see that pixel
would change with it. So contractions that read data as they come are direct. This pass alone decides; the record it
leaves (`Step.form`) is what layouts and schedules go by.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ....ir.formula import Formula, access
from ....ir.graph import Graph, Input, Node, Parameter
from ....ir.layout import Target
from ..contract.winograd import schedule as W
from ..families.step import Step, unfused


@dataclass(frozen=True)
class choose_forms:  # noqa: N801
    """`target` carries the precision and the width of a vector."""

    target: Target

    def __call__(self, graph: Graph) -> Graph:
        raw = as_they_come(unfused(graph))

        def chosen(n: Node) -> Node:
            if not isinstance(n.op, Step) or n.op.product is None or any(i in raw
                                                                         for i in n.op.nodes[0].inputs) or not W.wins(
                                                                             n.op.product, self.target):
                return n
            return replace(n, op=replace(n.op, form="winograd"))

        return graph.with_nodes([chosen(n) for n in graph.nodes])


def as_they_come(program: Graph) -> frozenset[str]:
    """The values that hold data as they come: inputs of the network, and whatever is made of them without a sum that weighs
    them by learned numbers. Pads, pools, crops, moves, concatenations, noise, normalisations and
    element-wise functions leave a spike a spike; a convolution or a fully connected layer does too, but then it is no longer
    the data's but the network's own range."""
    raw: set[str] = set()
    for n in program.nodes:
        if isinstance(n.op, Input):
            if n.op.role == "input" and n.type.element == "float":
                raw.add(n.name)
        elif n.type.batch and any(i in raw for i in valued(n)) and not weighs(n, program):
            raw |= {v.name for v in n.results}
    return frozenset(raw)


def weighs(n: Node, program: Graph) -> bool:
    """Whether a formula sums products with a trained parameter, or with what is prepared from some."""
    if not isinstance(n.op, Formula) or n.op.how != "+=":
        return False
    ops = [program.maker[i].op for i in n.inputs]
    return any((isinstance(op, Parameter) and op.kind != "buffer") or (isinstance(op, Input) and op.role == "prepared")
               for op in ops) or any(i in program.scaled_weights for i in n.inputs)


def valued(n: Node) -> set[str]:
    """The inputs whose numbers go into a node's own; those that are only compared decide, and do not."""
    if not isinstance(n.op, Formula):
        return set(n.inputs)
    return {i for o, i in zip(n.op.operands, n.inputs) if o in _valued(n.op)}


@lru_cache(maxsize=16384)
def _valued(f: Formula) -> frozenset[str]:
    return frozenset(access(s).name for s in _uncompared(f.right))


def _uncompared(e: ast.AST) -> Iterator[ast.Subscript]:
    if isinstance(e, ast.Subscript):
        yield e
    elif not isinstance(e, ast.Compare):
        for x in ast.iter_child_nodes(e):
            yield from _uncompared(x)
