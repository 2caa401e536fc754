"""Which kernel family an operation belongs to, recognised from the structure of its formula."""

from __future__ import annotations

import ast
from functools import lru_cache

from ....ir.formula import Access, Formula, Pieces
from ....ir.graph import Graph, Node
from ....ir.moves import move_of
from ....ir.types import TensorType
from ....passes.contractions import contraction
from .pairs import pairing
from .places import keeps_place
from .step import Kind


def kind_of(node: Node, graph: Graph, lanes: int) -> Kind:
    """The kind of a formula node, alone. `lanes` is the number of channels in a block."""
    if isinstance(node.op, Pieces):
        parts = node.op.bind(node.inputs)
        if all(f.target.axes[1].bare for f, _ in parts if len(f.target.axes) > 2):  # parts of a plane
            fits = all(f.how == "=" and is_lanes(f, tuple(graph.values[x].type for x in i), node.type, lanes) for f, i in parts)
        else:
            fits = all(_piece_fits(f, graph, i, node.type, lanes) for f, i in parts)
        return "lanes" if fits else "places" if stays(node, graph) else "loop"
    if contraction(node, graph) is not None:
        return "gather" if node.type.batch else "outer"
    if node.name in graph.along_filters:
        return "filters"
    return _uncontracted(node.op, tuple([graph.values[i].type for i in node.inputs]), node.type, lanes)


@lru_cache(maxsize=16384)
def _uncontracted(f: Formula, types: tuple[TensorType, ...], result: TensorType, lanes: int) -> Kind:
    """The kind of a formula that is no contraction."""
    if f.diagonal:
        return "loop"
    if result.batch:
        if is_slice(f, types, result, lanes):
            return "move"
        if is_lanes(f, types, result, lanes):
            return "lanes"
        return "places" if keeps_place(f, types, result) else "pairs" if pairing(f, types,
                                                                                 result) else "move" if move_of(f, types,
                                                                                         result) else "loop"
    if f.numbers - {"N"}:
        return "loop"
    if all(t.batch == 0 for t in types):
        if len(result.shape) == 1 and not f.reduced and all(_plain(r, types[f.operands.index(r.name)], f) for r in f.reads):
            return "channel"
        same = all(r.bare == f.target.bare for r in f.reads) and not f.target.compound
        return "flat" if same and not f.reduced else "loop"
    per_channel = (f.how == "+=" and len(result.shape) == 1 and (f.target.axes[0].bare is not None or result.shape == (1,))
                   and all(_reads_channel(r, types[f.operands.index(r.name)], f.target.axes[0].bare) for r in f.reads))
    return "channel" if per_channel else "loop"


def stays(node: Node, graph: Graph) -> bool:
    """Whether a formula of a program stays at one place of an image."""
    return keeps_place(node.op, tuple(graph.values[i].type for i in node.inputs), node.type)


def _plain(r: Access, t: TensorType, f: Formula) -> bool:
    """An unbatched read at the target's own place, or of a single number."""
    return len(r.axes) == 1 and (r.axes[0] == f.target.axes[0] or (not r.axes[0].terms and t.shape == (1,)))


def _reads_channel(r: Access, t: TensorType, c: str | None) -> bool:
    """x[n,c], v[c] or s[0]; x[n,0] where there is one number for all channels."""
    if t.batch and c is None:
        return len(r.axes) == 2 and r.axes[0].bare == "n" and not r.axes[1].terms and t.shape == (1,)
    if t.batch:
        return len(r.axes) == 2 and r.axes[0].bare == "n" and (r.axes[1].bare == c or (not r.axes[1].terms and t.shape == (1,)))
    return len(r.axes) == 1 and (r.axes[0].bare == c or not r.axes[0].terms)


def keeps_to_lanes(f: Formula, types: tuple[TensorType, ...], result: TensorType, lanes: int) -> bool:
    """Whether a formula of a batched result goes along with vectors of channels."""
    return is_lanes(f, types, result, lanes) or keeps_place(f, types, result) or pairing(f, types, result) is not None


def is_slice(f: Formula, types: tuple[TensorType, ...], result: TensorType, lanes: int) -> bool:
    """Whether a value is whole blocks of another's channels, as in the gradient of a concatenation: a move that is a view."""
    if f.how != "=" or not isinstance(f.right,
                                      ast.Subscript) or f.target.compound or len(f.target.axes) < 2 or len(f.targets) > 1:
        return False
    (t,), (r,), place, count = types, f.reads, f.target.bare, result.shape[0] or 0
    if t.batch != result.batch or len(
        r.axes) != len(place) or r.bare[0] != "n" or place[0] != "n" or r.axes[2:] != f.target.axes[2:] or r.axes[1].bare:
        return False
    first = r.axes[1].const
    return r.axes[1].terms == ((place[1], 1),) and first % lanes == 0 and (count % lanes == 0 or first + count == t.shape[0])


def is_lanes(f: Formula, types: tuple[TensorType, ...], result: TensorType, lanes: int) -> bool:
    """Whether a formula keeps to one image and one block of channels."""
    target = f.target
    if len(target.axes) < 2 or target.axes[0].bare != "n" or len(result.shape) > 4:
        return False
    c = target.axes[1].bare
    if c is None or c in f.reduced:
        return False
    for r in f.reads:
        t = types[f.operands.index(r.name)]
        if not t.batch:
            if len(r.axes) != 1 or not (r.axes[0].bare == c or not r.axes[0].terms):
                return False
            continue
        if t.batch != result.batch or r.axes[0].bare != "n" or len(r.axes) < 2 or len(t.shape) > 4:
            return False
        channel = r.axes[1]
        if channel.terms:
            if channel.terms != ((c, 1),) or channel.const % lanes:
                return False
        elif channel.const:
            return False
        if any(i in ("n", c) for a in r.axes[2:] for i, _ in a.terms):
            return False
    return not any(i in ("n", c) for a in target.axes[2:] for i, _ in a.terms)


def _piece_fits(f: Formula, graph: Graph, inputs: tuple[str, ...], result: TensorType, lanes: int) -> bool:
    """Whether one part of a concatenation covers whole blocks of channels."""
    if len(inputs) != 1 or len(f.reads) != 1 or f.how != "=":
        return False
    t = graph.values[inputs[0]].type
    channel, count = f.target.axes[1], t.shape[0] or 0
    ends = channel.const + count == result.shape[0]
    return (t.batch == result.batch and f.target.axes[0].bare == "n" == f.reads[0].axes[0].bare and len(channel.terms) == 1
            and f.reads[0].axes[1].bare is not None
            and channel.const % lanes == 0 and (ends or count % lanes == 0) and f.target.axes[2:] == f.reads[0].axes[2:])
