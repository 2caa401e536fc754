"""The call that made a block: `bottleneck 256 stride=2`."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.graph import Node
from ...source import Span


def shared_calls(nodes: Sequence[Node]) -> tuple[Span, ...]:
    """The calls that all of these nodes were made by, outermost first; the innermost place of a node is its own step, and no
    call."""
    found: tuple[Span, ...] = tuple(reversed(nodes[0].spans[1:])) if nodes else ()
    for n in nodes[1:]:
        theirs = tuple(reversed(n.spans[1:]))
        k = next((k for k, (a, b) in enumerate(zip(found, theirs)) if a != b), min(len(found), len(theirs)))
        found = found[:k]
    return found


def own_calls(block: Sequence[Node], parts: Sequence[Sequence[Node]], around: Sequence[Span]) -> tuple[Span, ...]:
    """The calls that made a block and not what lies around it, outermost first. Where all its parts were made by one text, turn
    after turn, that call is each part's: `body: repeat 4: unit 8` is made by none."""
    found = shared_calls(block)
    repeated = len(parts) > 1 and sum(map(len, parts)) == len(block) and all(shared_calls(p) == found for p in parts)
    return found[len(around):len(found) - 1 if repeated and len(found) > len(around) else None]
