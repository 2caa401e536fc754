"""Layers as a flat text: a line for each, in order."""

from __future__ import annotations

import re
from dataclasses import replace

from ...ir.types import shape_text
from ...layers.pooling.maxpool import MaxPool
from ...layers.pooling.unpool import Unpool
from ...syntax.refused import RESERVED
from ...words.layer import LAYERS
from ...words.word import arguments
from .meet import Layers, Piece
from .need import trouble

ENOUGH = 1000  # numbers that are looked at to see whether chance could have made them equal


def written(g: Layers, name: str, sizes: dict[str, tuple[int | None, ...]] | None = None) -> str:
    """The text of a net of this name. `sizes` are those of the inputs where some are open."""
    lines, labels = [f"net {name}:"], _labels(g)
    flow = ""
    for v, t in g.inputs.items():
        shape = shape_text((sizes or {}).get(v, t.shape))
        lines.append(f"  input {labels[v]} {shape}" if len(g.inputs) > 1 or labels[v] != "input" else f"  input {shape}")
        flow = v
    shared: dict[frozenset[str], Piece] = {}
    tapped = {v: public for public, v in g.outputs} if len(g.outputs) > 1 else {}
    for v in g.inputs:
        lines += [f"  @{labels[v]}", f"  output {identifier(tapped[v])}"] if v in tapped else []
    for p in g.pieces:
        step = step_of(p, labels, g)
        before = shared.setdefault(p.shared, p) if shares(p) else p
        if before is not p:
            step = f"reuse @{labels[before.output]}"
        start = "" if p.inputs[0] == flow else f"@{labels[p.inputs[0]]} -> "
        label = f"{labels[p.output]}: " if p.output in labels else ""
        lines.append(f"  {start}{label}{step}")
        flow = p.output
        if p.output in tapped:
            lines.append(f"  output {identifier(tapped[p.output])}")
    if len(g.outputs) == 1 and flow != g.outputs[0][1]:
        lines.append(f"  @{labels[g.outputs[0][1]]}")
    return "\n".join(lines) + "\n"


def shares(p: Piece) -> bool:
    """Whether a layer whose numbers are another's is that one used again: it has weights that no chance makes equal. (Exporters
    store constants once that are equal by chance: zeros, ones.)"""
    w = p.arrays.get("weight")
    return w is not None and w.ndim > 1 and len(set(w.reshape(-1)[:ENOUGH].tolist())) > 1


def step_of(p: Piece, labels: dict[str, str], g: Layers) -> str:
    """A layer as its line says it."""
    layer = p.layer
    if isinstance(p.layer, Unpool):
        return str(replace(layer, pool=labels[pool_of(p, g)]))
    others = [labels[i] for i in p.inputs[1:]]
    ref = next((a.field for a in arguments(type(layer)) if a.kind == "ref"), None)
    if ref is not None and others:
        return str(replace(layer, **{ref: others[0]}))
    return " ".join([str(layer), *(f"@{o}" for o in others)])




def pool_of(p: Piece, g: Layers) -> str:
    """The max-pooling that an unpooling undoes."""
    found = next((q.output for q in g.pieces if isinstance(q.layer, MaxPool) and q.layer == p.layer.of
                  and q.inputs[0] == p.inputs[1]), None)
    if found is None:
        raise trouble("no-layer", f"{p.path}: MaxUnpool undoes a pool whose result nothing reads")
    return found


def _labels(g: Layers) -> dict[str, str]:
    """A name for each value that is read from elsewhere than the line above it."""
    needed, flow = set[str](), list(g.inputs)[-1]
    shared: dict[frozenset[str], Piece] = {}
    for p in g.pieces:
        needed.update(p.inputs[1:] if not isinstance(p.layer, Unpool) else [pool_of(p, g)])
        needed.update([p.inputs[0]] if p.inputs[0] != flow else [])
        if shares(p) and (before := shared.setdefault(p.shared, p)) is not p:
            needed.add(before.output)
        flow = p.output
    if len(g.outputs) == 1 and g.outputs[0][1] != flow:
        needed.add(g.outputs[0][1])
    labels = {v: input_name(v, len(g.inputs)) for v in g.inputs}
    taken = set(labels.values())
    for p in g.pieces:
        if p.output in needed:
            word = re.sub(r"\d+$", "", p.layer.name)
            k = next(k for k in range(1, len(g.pieces) + 2) if f"{word}_{k}" not in taken)
            labels[p.output] = f"{word}_{k}"
            taken.add(labels[p.output])
    return labels


def input_name(name: str, of: int) -> str:
    """The name of an input, one `of` so many: the usual one where it is alone."""
    return "input" if of == 1 else identifier(name)


def identifier(name: str) -> str:
    """A name of the file as the language can write it."""
    word = re.sub(r"\W", "_", name) or "value"
    word = word if re.match(r"[A-Za-z_]", word) else f"n{word}"
    return f"{word}_" if word in RESERVED or word in LAYERS else word
