"""The numbers of a match: each parameter of the net from the tensors of its unit, and in words what was done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ...ir.graph import Graph
from .matching import MatchError, Matching
from .source import Array, Source
from .units import Unit, places


@dataclass(frozen=True)
class Taken:
    """A parameter of the net: the tensor that it is read from (none where it is made up), how, and what makes it."""

    name: str
    tensor: str | None
    how: str
    make: Callable[[], Array]


def taken(source: Source, m: Matching, graph: Graph) -> list[Taken]:
    """Every parameter that the match gives. No number is read before `make` is called."""
    want = {u.name: u for u in m.want}
    biases = _folded(m, graph)
    out: list[Taken] = []
    for name, have in m.pairs.items():
        mine = want[name]
        flat = _turned(source, mine, graph) if mine.kind == "kernel" else None
        for role, parameter in mine.names.items():
            out.append(_one(source, have, mine, role, parameter, flat, biases.get(name)))
    return out


def _one(source: Source, have: Unit, mine: Unit, role: str, parameter: str, flat: tuple[int, ...] | None,
         bias: str | None) -> Taken:
    shape = mine.shapes[role]
    if role not in have.names:
        fill = 1.0 if role == "weight" else 0.0
        return Taken(parameter, None, f"{fill:g}: the file has none", lambda: np.full(shape, fill))
    tensor = have.names[role]
    said: list[str] = []
    acts: list[Callable[[Array], Array]] = []
    if role == "weight" and flat is not None:
        c, *window = flat
        order = (0, len(flat), *range(1, len(flat)))
        acts.append(lambda a: a.reshape(shape[0], *window, c).transpose(order).reshape(shape))
        said.append(f"columns from {'x'.join(map(str, (*window, c)))} to {'x'.join(map(str, flat))}")
    elif have.shapes[role] != shape:
        acts.append(lambda a: a.reshape(shape))
        said.append(f"{'x'.join(map(str, have.shapes[role]))} as {'x'.join(map(str, shape))}")
    if role == "mean" and bias is not None:
        acts.append(lambda a: a.astype(np.float64) - source[bias])
        said.append(f"less {bias}")
    if role == "var" and have.eps is not None and mine.eps is not None and have.eps != mine.eps:
        more = have.eps - mine.eps
        acts.append(lambda a: _raised(a, more, tensor))
        said.append(f"plus {more:g}: epsilon {have.eps:g} there, {mine.eps:g} here")

    def make() -> Array:
        a = source[tensor]
        for act in acts:
            a = act(a)
        return a

    return Taken(parameter, tensor, ", ".join(said), make)


def _raised(a: Array, more: float, tensor: str) -> Array:
    """A variance that gives with one epsilon what it gave with another."""
    out: Array = a.astype(np.float64) + more
    if out.size and out.min() < 0:
        raise MatchError(f"{tensor} holds {a.min():g}, and a smaller epsilon here cannot make up for {more:g}",
                         "the net needs the epsilon that the weights were trained with")
    return out


def _turned(source: Source, mine: Unit, graph: Graph) -> tuple[int, ...] | None:
    """The shape that was flattened channels last, before a fully connected layer that reads it channels first."""
    if not source.channels_last or len(mine.shape) != 2:
        return None
    before = places(graph, mine)
    return before if len(before) > 1 and prod(before[1:]) > 1 and prod(before) == mine.shape[1] else None


def _folded(m: Matching, graph: Graph) -> Mapping[str, str]:
    """Biases of the file before a normalisation, where the net has none: the mean is less by them. By the normalisation's name.

    Errors: a bias that no normalisation is behind.
    """
    want = {u.name: u for u in m.want}
    out = {}
    for name, have in m.pairs.items():
        if "bias" in have.names and "bias" not in want[name].names:
            node = graph.by_name.get(want[name].node)
            behind = graph.readers[node.results[0].name] if node is not None else ()
            norm = next((u.name for u in m.want if len(behind) == 1 and u.node == behind[0].name and u.kind == "norm"), "")
            if norm not in m.pairs:
                raise MatchError(f"{have.name} has a bias, and {name} has none, nor a normalisation right behind it")
            out[norm] = have.names["bias"]
    return out
