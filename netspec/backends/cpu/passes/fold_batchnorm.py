"""Fold a per-channel affine map into the convolution before it.

    %y[n,o,p,q] += x * w;  %z = y + b;  %out = (z - m) * k + t
becomes
    %w'[o,c,u,v] = w[o,c,u,v] * k[o];  %s = t - m * k;  %b' = b * k + s;  %y' += x * w';  %out = y' + b'

Sound where m, k and t come from parameters alone: batch normalisation in evaluation. What depends on parameters alone is
computed once for each version of them (`prepare`).
"""

from __future__ import annotations

import ast
from dataclasses import replace

from ....ir.expressions import minus, negative, plus, times
from ....ir.formula import Access, Formula
from ....ir.graph import Graph, Node, Parameter, Value
from ....ir.types import TensorType
from ....passes.contractions import contraction

B, B2, K, M, S, T = (Access.at(name, "c") for name in ("b", "b2", "k", "m", "s", "t"))  # vectors, at a channel


def fold_batchnorm(graph: Graph) -> Graph:
    constant = _constants(graph)
    folded: dict[str, Node] = {}  # contraction, by name of its node -> new contraction
    made: dict[str, list[Node]] = {}  # what stands before it
    gone: set[str] = set()
    changed: dict[str, Node] = {}
    outputs = {v for _, v in graph.outputs}
    for n in graph.nodes:
        chain = _affine_after_contraction(n, graph, constant, outputs, gone)
        if chain is None:
            continue
        conv, bias, x, m, k, shift = chain
        c = contraction(conv, graph)
        assert c is not None
        weight = next(i for i in conv.inputs if graph.values[i].type.batch == 0)
        local = conv.written.operands[conv.inputs.index(weight)]
        read = next(r for r in conv.formula.reads if r.name == local)
        channel = conv.formula.target.axes[1]
        axis = next((a for a, ax in enumerate(read.axes) if ax == channel), None)
        if axis is None:
            continue
        w2, b2, s = f"{n.name}.weight", f"{n.name}.bias", f"{n.name}.shift"
        places = tuple(f"i{a}" for a in range(len(read.axes)))
        scaled = times(Access.at("w", *places).tree, Access.at("k", places[axis]).tree)
        vector = graph.values[k].type
        new = [_made(w2, Access.at("w2", *places), scaled, (weight, k), graph.values[weight].type, n),
               _made(s, S, minus(T.tree, times(M.tree, K.tree)), (shift, m, k), vector, n) if shift
               else _made(s, S, times(negative(M.tree), K.tree), (m, k), vector, n)]
        if bias is None:
            b2 = s
        else:
            new.append(_made(b2, B2, plus(times(B.tree, K.tree), S.tree), (bias, k, s), vector, n))
        folded[conv.name] = replace(conv, inputs=tuple(w2 if i == weight else i for i in conv.inputs))
        made[conv.name] = new
        out = n.formula.target
        shifted = plus(out.called("y").tree, Access("b", out.axes[1:2]).tree)
        changed[n.name] = replace(n, op=Formula.of(out.called("out"), right=shifted), inputs=(conv.name, b2))
        if x != conv.name:
            gone.add(x)
    nodes: list[Node] = []
    moved = {m for n in graph.nodes for m in [n.name] if n.name in constant}
    early = [n for n in graph.nodes if n.name in moved or not n.inputs]
    nodes = list(early)
    for n in graph.nodes:
        if n.name in moved or not n.inputs:
            continue
        nodes += made.get(n.name, [])
        if n.name not in gone:
            nodes.append(folded.get(n.name) or changed.get(n.name) or n)
    return graph.with_nodes(nodes)


def _made(name: str, target: Access, right: ast.expr, inputs: tuple[str, ...], t: TensorType, like: Node) -> Node:
    return Node(name, Formula.of(target, right=right), inputs, (Value(name, t),), notes=like.notes, scope=like.scope)


def _constants(graph: Graph) -> set[str]:
    """Values that depend on parameters and buffers alone."""
    out: set[str] = set()
    for n in graph.nodes:
        if isinstance(n.op, Parameter) or (n.inputs and n.effect is None and all(i in out for i in n.inputs) and not _random(n)):
            out |= {v.name for v in n.results}
    return out


def _random(n: Node) -> bool:
    return isinstance(n.op, Formula) and n.op.is_random


def _affine_after_contraction(n: Node, graph: Graph, constant: set[str], outputs: set[str],
                              gone: set[str]) -> tuple[Node, str | None, str, str, str, str | None] | None:
    """(contraction, its bias, value scaled, m, k, t) where n is (x - m)*k, or that + t, with constant vectors, straight after a
    contraction."""
    f = n.op
    if not isinstance(f, Formula) or f.how != "=":
        return None
    scaled, shift = (f.right.left, f.right.right) if isinstance(f.right,
                                                                ast.BinOp) and isinstance(f.right.op,
                                                                                          ast.Add) else (f.right, None)
    match scaled:
        case ast.BinOp(ast.BinOp(ast.Subscript() as x, ast.Sub(), ast.Subscript() as m), ast.Mult(),
                       ast.Subscript() as k) if shift is None or isinstance(shift, ast.Subscript):
            pass
        case _:
            return None
    bound = dict(zip(f.operands, n.inputs))
    x_, m_, k_, *t_ = (bound[a.value.id] for a in (x, m, k, shift) if a is not None and isinstance(a.value, ast.Name))
    if not {m_, k_, *t_} <= constant or x_ in constant or graph.values[k_].type.shape == (1,) != graph.values[x_].type.shape[:1]:
        return None

    def alone(v: str) -> bool:
        return v not in outputs and len(graph.readers[v]) == 1

    made = graph.maker[x_]
    if not alone(x_):
        return None
    if contraction(made, graph) is not None and made.type.batch:
        return made, None, x_, m_, k_, t_[0] if t_ else None
    g = made.op
    if isinstance(g, Formula) and g.how == "=" and isinstance(g.right,
                                                              ast.BinOp) and isinstance(g.right.op,
                                                                                        ast.Add) and len(g.reads) == 2:
        source, bias = (dict(zip(g.operands, made.inputs))[r.name] for r in g.reads)
        conv = graph.maker[source]
        if bias in constant and alone(source) and contraction(conv,
                                                              graph) is not None and conv.type.batch and len(
                                                                  graph.values[bias].type.shape) == 1:
            return conv, bias, x_, m_, k_, t_[0] if t_ else None
    return None
