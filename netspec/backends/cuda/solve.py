"""Which indices write at a place of the result, as statements of a kernel.

A kernel has a thread for each place of a result, whatever its formula says of it:

    y[n,c,p,q] += x[n,c,2*p+u,2*q+v]       the place names its indices
    dx[n,c,2*p+u,2*q+v] += dy[n,c,p,q]     u and v run, and p = (h - u) / 2 where that is whole and within bounds
    y[n,c,2*p+u,2*q+v] = x[n,4*c+2*u+v,p,q]    windows that do not overlap: p = h // 2, u = h % 2, and nothing runs

So no two threads write at one place, and no order of theirs shows in the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...ir.formula import Access, Axis, axis_text

Extents = Mapping[str, int | str]  # the batch's is text that holds N


@dataclass(frozen=True)
class Solved:
    """`places` names the position on each axis of the result (empty: its only one), `loops` the indices that run besides those
    that are summed over; `steps` come inside the loops: `a = b`, or `if c:`, which opens a body."""

    places: tuple[str, ...]
    loops: tuple[str, ...]
    steps: tuple[str, ...]


def solve(target: Access, sizes: tuple[int | str, ...], extents: Extents, one: bool = False) -> Solved:
    """`sizes` are the result's, its images first where it has a batch. With `one`, only one index of each axis is found from the
    place, and the others run."""
    places = places_of(target, sizes)
    known = {p for p in places if p}
    loops: list[str] = []
    steps: list[str] = []
    for k, a in enumerate(target.axes):
        if a.bare == places[k] or not places[k]:
            continue
        unknown = [(i, c) for i, c in a.terms if i not in known]
        if len(unknown) > 1 and (one or not _apart(unknown, extents)):
            chosen = max(unknown, key=lambda t: (abs(t[1]), _number(extents[t[0]])))
            loops += [i for i, _ in unknown if i != chosen[0]]
            unknown = [chosen]
        solved = {i for i, _ in unknown}
        rest = _minus(places[k], Axis(tuple((i, c) for i, c in a.terms if i not in solved), a.const))
        steps += _digits(rest, f"r{k}", _ascending(unknown, extents)[::-1], extents, _covers(a, sizes[k], extents))
        known |= {i for i, _ in a.terms}
    return Solved(places, tuple(loops), tuple(steps))


def places_of(target: Access, sizes: tuple[int | str, ...]) -> tuple[str, ...]:
    """What a kernel calls the position on each axis of a result: by the formula's own index, where the axis has one to itself."""
    places: list[str] = []
    for k, a in enumerate(target.axes):
        places.append(a.bare if a.bare and a.bare not in places else "" if sizes[k] == 1 and not a.terms else f"y{k}")
    return tuple(places)


def _minus(place: str, a: Axis) -> str:
    less = axis_text(Axis(tuple((i, -c) for i, c in a.terms), -a.const))
    return place if less == "0" else f"{place}{less}" if less.startswith("-") else f"{place}+{less}"


def _digits(rest: str, name: str, unknown: list[tuple[str, int]], extents: Extents, covers: bool) -> list[str]:
    """The indices of a number that is a sum of theirs times their coefficients, the largest first."""
    if not unknown:
        return [f"if {rest} == 0:"]
    out = []
    for i, c in unknown[:-1]:
        out += [f"{name} = {rest}", f"{i} = {name} // {c}"]
        rest = f"{name} - {i} * {c}"
        if not covers:
            out.append(f"if 0 <= {i} < {extents[i]}:")
    i, c = unknown[-1]
    if abs(c) == 1:
        out.append(f"{i} = {rest}" if c == 1 else f"{i} = -({rest})")
    else:
        out += [f"{name} = {rest}", f"if {name} % {abs(c)} == 0:", f"{i} = {name} // {c}"]
    return out if covers else [*out, f"if 0 <= {i} < {extents[i]}:"]


def _number(extent: int | str) -> float:
    return extent if isinstance(extent, int) else float("inf")


def _ascending(terms: Iterable[tuple[str, int]], extents: Extents) -> list[tuple[str, int]]:
    """By coefficient; of two that are equal, first the index that can be told at once, since it is always 0."""
    return sorted(terms, key=lambda t: (abs(t[1]), _number(extents[t[0]])))


def _apart(unknown: list[tuple[str, int]], extents: Extents) -> bool:
    """Whether every sum of the indices times their coefficients is the sum of just one choice of them."""
    reach = 0.0
    for i, c in _ascending(unknown, extents):
        if c <= reach:
            return False
        reach += c * (_number(extents[i]) - 1)
    return True


def _covers(a: Axis, size: int | str, extents: Extents) -> bool:
    """Whether the indices reach every place of the axis and none beyond: then nothing need be checked."""
    step: float = 1
    for i, c in _ascending(a.terms, extents):
        if c != step:
            return False
        step *= _number(extents[i])
    return a.const == 0 and step == _number(size)
