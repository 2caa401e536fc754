"""What a trained network says of an example, as people read it: classes with their probabilities, numbers, or maps.

What an output holds is said by its loss: cross_entropy reads logits, whose softmax is taken; bce reads logits of several yes
or no, whose sigmoid is taken; the output of a softmax is as it is; the rest are numbers. Of several networks the
probabilities, or the numbers, are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import UsageError
from ...ir.graph import Graph
from ...passes.objective import Term
from ..means.question import apart, question
from ..measuring.tallies import judged, making
from ..network import Network
from .answer import Reading

Array = NDArray[Any]
Terms = tuple[Term, ...]


@dataclass(frozen=True)
class Speaker:
    """How the outputs of a network, or of several, are read."""

    nets: tuple[Network, ...]
    output: str  # the one that answers; the others are kept as they are
    reading: Reading

    def outputs(self, inputs: Sequence[dict[str, Array]], batch: int, ten_crop: bool = False,
                flip: bool = False) -> dict[str, Array]:
        """All outputs by name, that which answers as probabilities where it holds some; `inputs` are those of each network, of
        which several views may be taken (means/views.py)."""
        many = [self._of(net, net.predict(x, batch=batch, ten_crop=ten_crop, flip=flip)) for net, x in zip(self.nets, inputs)]
        return many[0] if len(many) == 1 else {k: np.mean([m[k] for m in many], axis=0) for k in many[0]}

    def _of(self, net: Network, found: Any) -> dict[str, Array]:
        named = found if isinstance(found, dict) else {next(k for k, _ in net.graph.outputs): found}
        made = {k: making(net.graph, net.recipe.terms, k) for k in named}
        return {k: v if (make := made[k]) is None else make(v.astype(np.float64)) for k, v in named.items()}


def speaker(nets: Sequence[Network], called: Sequence[str]) -> Speaker:
    """`called` is what messages call each. Errors: networks that answer otherwise than each other."""
    first, *others = (question(n.state, answering(n.graph, n.recipe.terms)) for n in nets)
    for name, other in zip(called[1:], others):
        if not first.same(other):
            raise UsageError("several networks answer together where they answer the same question",
                             *(f"{who}: {said}" for who, said in zip((called[0], name), apart(first, other))))
    reading = Reading(first.kind, next((n.classes for n in nets if n.classes), ()), nets[0].columns)
    return Speaker(tuple(nets), first.output, reading)


def answering(graph: Graph, terms: Terms) -> str:
    """The output that answers."""
    names = [name for name, _ in graph.outputs]
    judged_too = judged(graph, terms)
    return "out" if "out" in names else next((n for n in names if n in judged_too), names[-1])
