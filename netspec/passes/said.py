"""What a layer once said: the formulas it wrote, to be written again for a layer of another name that says the same.

In a deep network hundreds of layers differ in nothing but the names of the values they read and make. Their `forward` and
`backward` see no names, only types: for equal layers and values of equal types they write the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ir.graph import Node, Value
from ..ir.operation import Operation
from ..ir.types import TensorType

Ends = dict[str, Any]  # what a layer returns: names of values, numbers, or None


@dataclass(frozen=True)
class Said:
    """Formulas by numbers: the values that were given have the first ones, those made go on from there."""

    nodes: tuple[tuple[Operation, tuple[int, ...], tuple[TensorType, ...], int | None], ...]  # operation, inputs, results, effect
    made: tuple[str, ...]  # the ends of the names of what is made
    avoided: tuple[str, ...]  # those that were taken by others: a layer that finds them free would use them
    ends: tuple[tuple[str, int | None, Any], ...]

    def again(self, given: Sequence[str], prefix: str, taken: Mapping[str, Any],
              like: Node | None) -> tuple[Iterator[Node], Ends] | None:
        """The formulas for other values, with lines and scope of the layer `like`, and what it returns. None where other names
        are taken than were, so that it would not write these."""
        made = [prefix + m for m in self.made]
        if any(name in taken for name in made) or any(prefix + a not in taken for a in self.avoided):
            return None
        names = [*given, *made]
        return self._nodes(names, len(given), like), {k: v if n is None else names[n] for k, n, v in self.ends}

    def _nodes(self, names: list[str], first: int, like: Node | None) -> Iterator[Node]:
        spans, notes, scope = (like.spans, like.notes, like.name) if like else ((), (), "")
        for op, inputs, types, effect in self.nodes:
            results = tuple([Value(names[first + k], t) for k, t in enumerate(types)])
            yield Node(names[first], op, tuple([names[i] for i in inputs]), results, (), None if effect is None
                       else names[effect], spans, notes, scope)
            first += len(types)


def said(given: Sequence[str], prefix: str, nodes: Sequence[Node], ends: Ends, avoided: Sequence[str] = ()) -> Said | None:
    """What was said by these nodes, whose names are not among the `avoided`; None where they read values that were not given."""
    made = [v.name for n in nodes for v in n.results]
    number = {name: k for k, name in reversed([*enumerate((*given, *made))])}
    used = {*(i for n in nodes for i in n.inputs), *(n.effect for n in nodes if n.effect),
            *(v for v in ends.values() if isinstance(v, str))}
    if not used <= number.keys() or not all(m.startswith(prefix) for m in made):
        return None
    return Said(tuple((n.op, tuple(number[i] for i in n.inputs), tuple(v.type for v in n.results), number[n.effect] if n.effect
                       else None)
                      for n in nodes), tuple(m[len(prefix):] for m in made), tuple(a[len(prefix):] for a in avoided),
                tuple((k, number[v] if isinstance(v, str) else None, v) for k, v in ends.items()))
