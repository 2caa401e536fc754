"""The call that made a block: `bottleneck 256 stride=2`."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.graph import Node
from ...source import Span
from .steps import Group, Item, Repeat, nodes_of


def shared_calls(nodes: Sequence[Node]) -> tuple[Span, ...]:
    """The calls that all of these nodes were made by, outermost first; the innermost place of a node is its own step, and no
    call."""
    found: tuple[Span, ...] = tuple(reversed(nodes[0].spans[1:])) if nodes else ()
    for n in nodes[1:]:
        theirs = tuple(reversed(n.spans[1:]))
        k = next((k for k, (a, b) in enumerate(zip(found, theirs)) if a != b), min(len(found), len(theirs)))
        found = found[:k]
    return found


def own_calls(items: Sequence[Item], around: Sequence[Span]) -> tuple[Span, ...]:
    """The calls that made a block of these and not what lies around it, outermost first. Where it is blocks alone that were all
    made by one text, turn after turn, that call is each of theirs: `body: repeat 4: unit 8` is made by none."""
    found = shared_calls(nodes_of(items))
    turns = [t for i in items for t in (i.turns if isinstance(i, Repeat) else [(i,)])]
    blocks = all(len(t) == 1 and isinstance(t[0], Group) for t in turns)
    repeated = len(turns) > 1 and blocks and all(shared_calls(nodes_of(t)) == found for t in turns)
    return found[len(around):len(found) - 1 if repeated and len(found) > len(around) else None]
