"""What the numbers of a circuit that come from outside are called in their boxes: as the lectures write them, each otherwise.

`w0`, `b`, `x1`, `t` where one layer has weights; `W1[0,2]`, `b2[1]` where several have, by the number of the layer. An axis of
one place is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...ir.graph import Graph, Input, Node, Parameter

LETTER = {"weight": "w", "bias": "b", "input": "x"}


class Letters:
    """The names of all elements of the parameters, inputs and targets of a program."""

    def __init__(self, program: Graph):
        outside = [n for n in program if isinstance(n.op, Parameter | Input)]
        layers = list(dict.fromkeys(n.name.rpartition(".")[0] for n in outside if isinstance(n.op, Parameter)))
        letters = [_letter(n) for n in outside if isinstance(n.op, Parameter)]
        number = {layer: k for k, layer in enumerate(layers, 1)} if len(set(letters)) < len(letters) else {}
        self.stems: dict[str, str] = {}
        for n in outside:
            k = number.get(n.name.rpartition(".")[0]) if isinstance(n.op, Parameter) else None
            stem = _letter(n) if k is None else f"{_capital(n)}{k}"
            self.stems[n.name] = n.name if stem in self.stems.values() else stem

    def of(self, name: str, at: Sequence[int], shape: Sequence[int]) -> str:
        """That of the element at a place of a tensor of a shape, without its examples."""
        stem, at = self.stems[name], [k for k, n in zip(at, shape, strict=True) if n > 1]
        if not at:
            return stem
        longer = any(re.fullmatch(rf"{re.escape(stem)}\d+", other) for other in self.stems.values())  # x beside x1
        if longer or stem[-1].isdigit() or (len(at) > 1 and max(shape) > 10):
            return f"{stem}[{','.join(map(str, at))}]"
        return stem + "".join(map(str, at))


def _letter(n: Node) -> str:
    if isinstance(n.op, Input) and n.op.role == "target":
        return "t"
    own = n.name.rpartition(".")[2]
    return LETTER.get(own, own) if isinstance(n.op, Parameter) or own == "input" else own


def _capital(n: Node) -> str:
    """A matrix has a capital letter."""
    return "W" if _letter(n) == "w" and len(n.type.shape) > 1 else _letter(n)
