"""The numbers of a match: each parameter of the net from the tensors of its unit, and in words what was done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from ...ir.graph import Graph
from .matching import MatchError, Matching
from .source import Array, Source
from .units import Unit, places

Flat = tuple[tuple[int, ...], tuple[int, ...]]  # the shape that was laid flat, and where each of our axes is in it


@dataclass(frozen=True)
class Taken:
    """A parameter of the net: the tensor that it is read from (none where it is made up), how, and what makes it."""

    name: str
    tensor: str | None
    how: str
    make: Callable[[], Array]


def taken(source: Source, m: Matching, graph: Graph, flatten: str = "") -> list[Taken]:
    """Every parameter that the match gives. No number is read before `make` is called. `flatten` is the order in which the
    program that wrote the file laid a picture flat, "whc"; without it, what is usual for such a file.

    Errors: an order of other axes than a layer reads.
    """
    want = {u.name: u for u in m.want}
    biases = _folded(m, graph)
    out: list[Taken] = []
    for name, have in m.pairs.items():
        mine = want[name]
        flat = _turned(flatten or ("hwc" if source.channels_last else ""), bool(flatten), mine, graph) if mine.kind == "kernel" else None
        for role, parameter in mine.names.items():
            out += (_in_parts(source, have, mine, flat) if role == "weight" and mine.length
                    else [_one(source, have, mine, role, parameter, flat, biases.get(name))])
    return [*out, *(t for u in m.folded for t in _identity(source, u, biases.get(u.name)))]


def _identity(source: Source, u: Unit, bias: str | None) -> list[Taken]:
    """A normalisation that the file has folded into the layer before it: it changes nothing but for a bias that is its now."""
    fill = {"weight": 1.0, "bias": 0.0, "mean": 0.0, "var": 1.0 - (u.eps or 0.0)}
    out = []
    for role, parameter in u.names.items():
        if role == "bias" and bias is not None:
            out.append(Taken(parameter, bias, f"is {bias}", partial(source.__getitem__, bias)))
        else:
            out.append(Taken(parameter, None, f"{fill[role]:g}", partial(np.full, u.shapes[role], fill[role])))
    return out


def _one(source: Source, have: Unit, mine: Unit, role: str, parameter: str, flat: Flat | None,
         bias: str | None, part: str | None = None) -> Taken:
    """One parameter; `part` is the tensor that is read where that is a part of the one that it is matched with."""
    shape = mine.shapes[role]
    if role not in have.names:
        fill = 1.0 if role == "weight" else 0.0
        return Taken(parameter, None, f"{fill:g}: the file has none", lambda: np.full(shape, fill))
    tensor = have.names[role]
    said: list[str] = []
    acts: list[Callable[[Array], Array]] = []
    if role == "weight" and flat is not None:
        there, places = flat
        acts.append(lambda a: a.reshape(shape[0], *there).transpose(0, *(1 + k for k in places)).reshape(shape))
        said.append(f"columns from {'x'.join(map(str, there))} to {'x'.join(str(there[k]) for k in places)}")
    elif source.about[tensor].shape != shape:
        acts.append(lambda a: a.reshape(shape))
        said.append(f"{'x'.join(map(str, source.about[tensor].shape))} as {'x'.join(map(str, shape))}")
    if role == "mean" and bias is not None:
        acts.append(lambda a: a.astype(np.float64) - source[bias])
        said.append(f"less {bias}")
    if role == "var" and have.eps is not None and mine.eps is not None and have.eps != mine.eps:
        more = have.eps - mine.eps
        acts.append(lambda a: _raised(a, more, tensor))
        said.append(f"plus {more:g}: epsilon {have.eps:g} there, {mine.eps:g} here")

    def make() -> Array:
        a = source[part or tensor]
        for act in acts:
            a = act(a)
        return a

    return Taken(parameter, part or tensor, ", ".join(said), make)


def _in_parts(source: Source, have: Unit, mine: Unit, flat: Flat | None) -> list[Taken]:
    """A weight that the net has as directions and lengths: those that the file has, or the weight itself and its lengths."""
    tensor, parameter = have.names["weight"], mine.names["weight"]
    there = source.parts_of(tensor, mine.filters)
    v = _one(source, have, mine, "weight", parameter, flat, None, there and there[1])

    def lengths() -> Array:
        if there is not None:
            return source[there[0]].reshape(mine.shapes["weight"][: mine.filters])
        a = v.make().astype(np.float64)
        out: Array = np.sqrt((a * a).sum(tuple(range(mine.filters, a.ndim))))
        return out

    return [v, Taken(mine.length, there[0] if there else tensor, "" if there else "the length of each filter", lengths)]


def _raised(a: Array, more: float, tensor: str) -> Array:
    """A variance that gives with one epsilon what it gave with another."""
    out: Array = a.astype(np.float64) + more
    if out.size and out.min() < 0:
        raise MatchError(f"{tensor} holds {a.min():g}, and a smaller epsilon here cannot make up for {more:g}",
                         "the net needs the epsilon that the weights were trained with")
    return out


def _turned(order: str, asked: bool, mine: Unit, graph: Graph) -> Flat | None:
    """How a picture was flattened before a fully connected layer that reads it channels first; None where it was so too. An order
    that is usual, and not `asked` for, is of as many axes as there are."""
    if not order or len(mine.shape) != 2:
        return None
    before = places(graph, mine)
    if len(before) < 2 or prod(before[1:]) == 1 or prod(before) != mine.shape[1]:
        return None
    axes = "c" + "dhw"[4 - len(before) :]
    if not asked:
        order = axes[1:] + "c"
    if sorted(order) != sorted(axes):
        raise MatchError(f"{mine.name} reads a picture of {' x '.join(map(str, before))}, whose axes are {axes}, and {order} is no order of these",
                         hint=f"--flatten {axes[1:]}c")
    return (tuple(before[axes.index(a)] for a in order), tuple(order.index(a) for a in axes)) if order != axes else None


def _folded(m: Matching, graph: Graph) -> Mapping[str, str]:
    """Biases of the file before a normalisation, where the net has none: the mean is less by them. By the normalisation's name.

    Errors: a bias that no normalisation is behind.
    """
    want = {u.name: u for u in m.want}
    norms = {u.node: u for u in (*m.want, *m.folded) if u.kind == "norm"}
    kernels = {u.node for u in m.want if u.name in m.pairs and u.kind == "kernel"}
    for u in m.folded:
        before = graph.maker[graph.by_name[u.node].inputs[0]]
        if before.name not in kernels or len(graph.readers[before.results[0].name]) > 1:
            raise MatchError(f"the file has no normalisation, and {u.name} is not right behind a layer that it could be folded into")
    out = {}
    for name, have in m.pairs.items():
        if "bias" in have.names and "bias" not in want[name].names:
            node = graph.by_name.get(want[name].node)
            behind = graph.readers[node.results[0].name] if node is not None else ()
            norm = norms[behind[0].name].name if len(behind) == 1 and behind[0].name in norms else ""
            if norm not in m.pairs and norm not in {u.name for u in m.folded}:
                raise MatchError(f"{have.name} has a bias, and {name} has none, nor a normalisation right behind it")
            out[norm] = have.names["bias"]
    return out
