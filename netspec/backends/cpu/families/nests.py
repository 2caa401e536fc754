"""How the formulas of a `lanes` step become loop nests. Pure structure, so that passes can ask what must be in memory.

All nests of a step run one after another for one image and one block of channels. In a nest, values pass from formula
to formula in registers; a value that a later nest reads must be stored, unless it is one number a channel.

    map    each place of a domain: element-wise formulas, and sums over the whole domain
    pull   each place of a result gathers a window; element-wise formulas on that result follow
    push   places are scattered into a result that was cleared before
    piece  blocks of channels are copied from several values (concatenation)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ....ir.formula import Formula, Pieces
from ....ir.graph import Node

Form = Literal["map", "pull", "push", "piece"]


@dataclass(frozen=True)
class Nest:
    """`domain` is the shape of the places looped over, as the spatial extents of an image."""

    form: Form
    domain: tuple[int, ...]
    nodes: tuple[Node, ...]


def spatial(node: Node) -> tuple[int, ...]:
    return tuple(s or 0 for s in node.type.shape[1:])


def form_of(node: Node) -> Form:
    return "piece" if isinstance(node.op, Pieces) else _form(node.op, node.type.shape[1:])


@lru_cache(maxsize=16384)
def _form(f: Formula, sizes: tuple[int | None, ...]) -> Form:
    places = f.target.axes[2:]
    if any((a.terms and not a.bare) or (not a.terms and (a.const or size != 1)) for a, size in zip(places, sizes)):
        return "push"
    if f.how == "=" and not f.reduced and all(_own(r.axes[2:], places) for r in f.reads if len(r.axes) > 2):
        return "map"
    return "map" if is_total(f) else "pull"


@lru_cache(maxsize=16384)
def is_total(f: Formula) -> bool:
    """A sum (or a maximum without its place) over every place of an image: the result has none."""
    if f.how == "=" or len(f.targets) > 1 or any(a.terms for a in f.target.axes[2:]):
        return False
    wide = [r for r in f.reads if len(r.axes) > 2]
    return bool(wide) and all(r.axes[2:] == wide[0].axes[2:] and None not in r.bare[2:]
                              for r in wide) and set(f.reduced) == set(wide[0].indices[2:])


def _own(read: tuple[object, ...], target: tuple[object, ...]) -> bool:
    return read == target


def domain_of(node: Node, extents: dict[str, int]) -> tuple[int, ...]:
    """The places a node's outer loops run over."""
    f = node.written
    if isinstance(f, Pieces):
        return spatial(node)
    form = form_of(node)
    if form == "push":
        bare = next((r for r in f.reads if len(r.axes) > 2 and None not in r.bare[2:]), None)
        return tuple(extents[str(i)] for i in bare.bare[2:]) if bare else ()
    if form == "map" and is_total(f):
        wide = next(r for r in f.reads if len(r.axes) > 2)
        return tuple(extents[str(i)] for i in wide.bare[2:])
    return spatial(node)


def nests(nodes: tuple[Node, ...], domains: dict[str, tuple[int, ...]]) -> list[Nest]:
    """Consecutive formulas over one domain share a nest. `domains` is `domain_of` each node, by name."""
    out: list[Nest] = []
    totals: set[str] = set()  # per-channel results of the current nest: complete only after it
    for n in nodes:
        form, domain = form_of(n), domains[n.name]
        last = out[-1] if out else None
        joins = (form == "map" and last is not None and last.form in ("map", "pull") and last.domain == domain and len(domain) > 0
                 and not any(i in totals for i in n.inputs))
        if joins and last is not None:
            out[-1] = Nest(last.form, domain, (*last.nodes, n))
        elif form == "map" and last is not None and last.form == "map" and last.domain == domain == () and not any(i in totals
                for i in n.inputs):
            out[-1] = Nest("map", (), (*last.nodes, n))
        else:
            out.append(Nest(form, domain, (n,)))
            totals = set()
        if form == "map" and isinstance(n.op, Formula) and is_total(n.op):
            totals.add(n.name)
    return out


def crossing(every: list[Nest]) -> set[str]:
    """Values with places that one nest makes and another reads: they must be in memory."""
    made: dict[str, int] = {}
    out: set[str] = set()
    # one number a channel
    single = {n.name for nest in every for n in nest.nodes if isinstance(n.op, Formula)
              and (is_total(n.op) or len(n.type.shape) == 1)}
    for k, nest in enumerate(every):
        for n in nest.nodes:
            out |= {i for i in n.inputs if i in made and made[i] != k and not (i in single and _whole(n, i))}
            for v in n.results:
                made[v.name] = k
    return out


def _whole(n: Node, value: str) -> bool:
    """Whether a formula reads a value of one place where it stands, and not as a window or a pad sees it."""
    return isinstance(n.op, Formula) and all(a.bare for o, i in zip(n.op.operands, n.inputs) if i == value for r in n.op.reads
                                             if r.name == o for a in r.axes[2:])
