"""What is known of other people's names, from families.txt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from .units import Unit


@dataclass
class Family:
    """One entry of the file; patterns are looked for in the names of units."""

    name: str
    where: list[str] = field(default_factory=list)
    path: list[tuple[str, str]] = field(default_factory=list)
    order: list[list[str]] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    sorted: bool = False
    eps: float | None = None
    notes: list[str] = field(default_factory=list)


@cache
def families() -> tuple[Family, ...]:
    """All of the file."""
    found: list[Family] = []
    for line in (files(__package__) / "families.txt").read_text(encoding="utf-8").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "family":
            found.append(Family(rest))
        elif word == "path":
            pattern, _, place = rest.partition(" ")
            found[-1].path.append((pattern, place))
        elif word == "order":
            found[-1].order.append(rest.split())
        elif word == "sorted":
            found[-1].sorted = True
        elif word == "eps":
            found[-1].eps = float(rest)
        elif word == "note":
            found[-1].notes.append(rest)
        elif word in ("where", "first", "last", "aside", "unused"):
            getattr(found[-1], word).append(rest)
    return tuple(found)


def family_of(units: Sequence[Unit], keras: bool = False) -> Family:
    """What holds for these names: the entry for anybody's, and that of the first family whose names are among them; names of
    Keras stand in its own files."""
    anybody, *others = families()
    own = next((f for f in others if f.name.startswith("Keras") == keras
                and any(re.search(w, u.name) for w in f.where for u in units)), Family(""))
    return replace(own, order=[*own.order, *anybody.order], aside=[*own.aside, *anybody.aside], first=anybody.first,
                   last=anybody.last)


def sorted_by(family: Family, units: Sequence[Unit]) -> list[Unit]:
    """Units in the order that their names say: layers beside each other as the family has them, others by their numbers and
    then by the alphabet."""
    beside: dict[str, set[str]] = {}
    paths = {u.name: _path(family, u.name).split(".") for u in units}
    for parts in paths.values():
        for k, part in enumerate(parts):
            beside.setdefault(".".join(parts[:k]), set()).add(part)
    lines = {scope: next((line for line in family.order if names.issuperset(line)), []) for scope, names in beside.items()}

    def key(u: Unit) -> list[tuple[int, list[tuple[int, str]]]]:
        parts = paths[u.name]
        out = []
        for k, part in enumerate(parts):
            line = lines[".".join(parts[:k])]
            place = line.index(part) if part in line else len(line) if line else _end(family, part)
            out.append((place, natural(part)))
        return out

    return sorted(units, key=key)


def _end(family: Family, part: str) -> int:
    """Whether a name stands before or behind those beside it of which no line is known."""
    return any(re.search(p, part) for p in family.last) - any(re.search(p, part) for p in family.first)


def _path(family: Family, name: str) -> str:
    """Where a name says that its layer stands, scope below scope: some say it in one word."""
    return next((m.expand(place) for pattern, place in family.path if (m := re.fullmatch(pattern, name))), name)


def natural(name: str) -> list[tuple[int, str]]:
    """A key that puts conv2 before conv10."""
    return [(int(p), "") if p.isdecimal() and p.isascii() and len(p) < 18 else (-1, p) for p in re.split(r"(\d+)", name) if p]
