"""What one layer computes, as formulas that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...ir.formula import Formula, Pieces
from ...ir.graph import Node
from ...ir.types import TensorType
from .counts import lowered


def formula_texts(node: Node, types: tuple[TensorType, ...], training: bool = False) -> Iterator[str]:
    """The formulas of a layer over inputs of these types, in short names: `y[n,o,p,q] += x[n,c,p+u-1,q+v-1] * weight[o,c,u,v]`.
    Its inputs are x, a, b, ..."""
    program = lowered(node, types, training)
    short = {n.name: n.name.removeprefix(node.name + ".") for n in program} | {f"in{k}": c for k, c in enumerate("xabcdefgh")}
    short |= {v.name: v.name.removeprefix(node.name + ".") for n in program for v in n.results
              if v.name.startswith(node.name + ".")}
    for n in program:
        if isinstance(n.op, Formula | Pieces):
            n = replace(n, effect=short.get(n.effect, n.effect) if n.effect else None)
            names = dict(zip(n.written.operands, n.inputs)) | {t.name: v.name for t, v in zip(n.written.targets, n.results)}
            text = str(n.written.renamed({k: short.get(v, v) for k, v in names.items()}))
            yield text + (f"   (the new {n.effect})" if n.effect else "")
