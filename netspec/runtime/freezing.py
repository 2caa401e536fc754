"""What Python says of the parts that training leaves alone: `net.freeze("stage1")` is what `frozen:` is in a text, and
`net.unfreeze` undoes either. Parameters of a frozen part do not move, and its batch norm uses and keeps the statistics that it
has. A network keeps what was said as marks, beside its spec, and so does a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..diagnostics import Advice, near
from ..ir.graph import Graph, Node, Parameter
from .misuse import misuse

Mark = tuple[str, bool]  # a part, and whether it is frozen; of two that hold the same, the later one is meant
Marks = tuple[Mark, ...]


def joined(marks: Marks, new: Marks) -> Marks:
    """The marks with new ones after them; those that the new ones say otherwise are gone."""
    return (*(m for m in marks if not any(_holds(part, m[0]) for part, _ in new)), *dict(new).items())


def marked(graph: Graph, marks: Marks) -> Graph:
    """The graph with these parts frozen or not. A part is a parameter, a layer, or what a scope or a label holds; an empty name
    is all.

    Errors: a name that nothing has.
    """
    if not marks:
        return graph
    parameters, every = {p.name for p in graph.parameters}, {n.name for n in graph.nodes}
    known = {part for name in parameters | every for part in _parts(name)}
    for name, _ in marks:
        if name not in known:
            some = sorted({part for p in parameters for part in _parts(p)} - {""})
            meant = near(name, some)
            raise misuse("unknown-name", f"there is no part `{name}` of {graph.name}", hint=f"did you mean {meant}?" if meant else
                         Advice(f"some of them: {', '.join(dict.fromkeys(k.partition('.')[0] for k in some))}"))
    last = {name: (k, frozen) for k, (name, frozen) in enumerate(marks)}
    return graph.with_nodes([_changed(n, last) for n in graph.nodes])


def _holds(part: str, name: str) -> bool:
    return part in _parts(name)


def _parts(name: str) -> list[str]:
    """All that holds what has this name, itself included."""
    words = name.split(".") if name else []
    return [".".join(words[:k]) for k in range(len(words) + 1)]


def _changed(n: Node, last: Mapping[str, tuple[int, bool]]) -> Node:
    def said(name: str) -> bool | None:
        found = [last[part] for part in _parts(name) if part in last]
        return max(found)[1] if found else None

    def changed(p: Parameter) -> Parameter:
        frozen = None if p.kind == "buffer" else said(p.name)
        return p if frozen is None else replace(p, trainable=not frozen)

    frozen = said(n.name)
    attrs = n.attrs if frozen is None else tuple(a for a in n.attrs if a[0] != "frozen")
    return replace(n, parameters=tuple(map(changed, n.parameters)), op=changed(n.op) if isinstance(n.op, Parameter) else n.op,
                   attrs=(*attrs, ("frozen", True)) if frozen else attrs)
