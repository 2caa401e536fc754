"""What runs again with the same weights: the first time under a label, after that as `reuse @label`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ....syntax.refused import RESERVED
from ....words.layer import LAYERS
from .modules import Module, inside, modules
from .names import VAGUE
from .program import Place
from .term import NotSeries, Sequence, Term, whole

Spot = tuple[Sequence, int, str]  # a sequence, where in it, and the output that it leads to alone


def tied(body: Sequence, taken: set[str]) -> set[str]:
    """Write `reuse` wherever the file shares weights. Returns the names that are `taken` then. Raises NotSeries where weights are
    shared by parts that are not the same, or in a part of a part that is shared already."""
    taken, of = taken | {t.head[0] for t in _terms(body) if t.kind == "label"}, inside(body)
    while (spots := _again(body)) is not None:
        places, output = _grown(spots), spots[0][2]
        if output and places[0][2] - places[0][1] == len(places[0][0]):
            named = output  # which is a label, too
        else:
            name = _name(modules([t for s, i, j in places for t in s[i:j]], of), taken)
            taken.add(name)
            named = f"{output}.{name}" if output else name
        for k, (s, i, j) in sorted(enumerate(places), key=lambda p: -p[1][1]):
            part, paths = s[i:j], frozenset[str]().union(*(t.paths for t in s[i:j]))
            if k:
                s[i:j] = [Term("reuse", (f"reuse @{named}",), cin=part[0].cin, paths=paths)]
            elif named != output:
                s[i:j] = [Term("label", (name,), kids=[part], cin=part[0].cin, paths=paths)]
    seen = [t.ties for t in _terms(body) if t.weighty]
    if len(set(seen)) < len(seen):
        raise NotSeries
    return taken


def _terms(seq: Sequence) -> Iterator[Term]:
    for t in seq:
        yield t
        for b in t.bodies:
            yield from _terms(b)


def _again(body: Sequence) -> list[Spot] | None:
    """Where the first part stands that stands somewhere else again, the largest of those that begin there."""
    found: dict[Any, list[Spot]] = {}

    def walk(seq: Sequence, output: str) -> None:
        for k, t in enumerate(seq):
            if any(x.weighty for x in _terms([t])):
                found.setdefault(_key(t), []).append((seq, k, output))
            for b in t.bodies if t.kind != "label" else ():
                walk(b, t.head[0] if t.kind == "output" else output)

    walk(body, "")
    return next((spots for spots in found.values() if len(spots) > 1), None)


def _key(t: Term) -> Any:
    """What two parts share that are one part."""
    return whole(t), tuple(x.ties for x in _terms([t]))


def _grown(spots: list[Spot]) -> list[Place]:
    """With the neighbours that are the same everywhere."""
    starts, size = [k for _, k, _ in spots], 1

    def same(offset: int) -> bool:
        at = [(s, k + offset) for (s, *_), k in zip(spots, starts)]
        inside = {(id(s), k + o) for (s, *_), k in zip(spots, starts) for o in range(size)}
        return (all(0 <= k < len(s) and (id(s), k) not in inside and s[k].kind not in ("start", "label", "output") for s, k in at)
                and len({(id(s), k) for s, k in at}) == len(at) and len({_key(s[k]) for s, k in at}) == 1)

    while same(size):
        size += 1
    while same(-1):
        starts, size = [k - 1 for k in starts], size + 1
    return [(s, k, k + size) for (s, *_), k in zip(spots, starts)]


def _name(places: list[Module], taken: set[str]) -> str:
    """The name of the module that it is, where that is a good one."""
    own = next((m.name for m in places if re.fullmatch("[a-z][a-z_]{2,30}", m.name) and m.name not in VAGUE), "")
    word = own or "shared"
    known = taken | set(LAYERS) | set(RESERVED)
    return next(w for w in (word, *(f"{word}_{k}" for k in range(2, 9999))) if w not in known)
