"""The modules of the program that wrote a file, as the places of its nodes tell them."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..places import CLASS
from .term import Sequence

Inside = Counter[str]  # how many of the nodes of a file are in each module, by its path


class Module(NamedTuple):
    """A module: its path, and its class where that is known."""

    path: str
    kind: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def inside(body: Sequence) -> Inside:
    return Counter(m.path for p in paths(body) for m in _around(p))


def paths(seq: Sequence) -> frozenset[str]:
    return frozenset[str]().union(*(t.paths for t in seq))


def modules(window: Sequence, of: Inside) -> list[Module]:
    """The modules that these terms are, all of each and nothing else, the outermost first."""
    there = paths(window)
    if not there or any(not t.paths for t in window):
        return []
    found = Counter(m for p in there for m in _around(p))
    return sorted((m for m, n in found.items() if n == len(there) == of[m.path]), key=lambda m: len(m.path))


def _around(place: str) -> list[Module]:
    """The modules that a node is in, the outermost first."""
    out, path = list[Module](), ""
    for part in place.strip("/").split("/")[:-1]:
        name, _, kind = part.partition(CLASS)
        path = f"{path}/{name}" if path else name
        out.append(Module(path, kind))
    return out
