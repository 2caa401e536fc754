"""Pictures of many layers made short: equal units in a row are drawn once, then blocks are closed to boxes, then boxes joined."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from .volumes import Arc, Picture, Unit, Volume
from .ways import common_scope

MANY = 26  # a picture of more volumes is folded
ROOM = 30  # blocks of one of still more are closed, and boxes of one size joined
ROW = 5  # so many equal layers that are no block are drawn once


def folded(picture: Picture) -> Picture:
    """The picture with as little hidden as makes it short."""
    if len(picture.volumes) <= MANY:
        return picture
    picture = fold(picture)
    around = any(a.kind in ("copy", "places") for a in picture.arcs)
    if len(picture.volumes) > (ROOM + 10 if around else ROOM):
        picture = fold(close(picture))
    if len(picture.volumes) > ROOM + 10:
        picture = joined(picture)
    return picture


def fold(picture: Picture) -> Picture:
    """Equal units that follow each other drawn once; the first turn may have another step and another shortcut."""
    groups: list[list[Unit]] = []
    busy = {a.source for a in picture.far if a.kind != "shortcut"} | {a.target for a in picture.far}
    busy |= {i.target for i in picture.inflows}
    for u in picture.units:
        if groups and _look(picture, u) == _look(picture, groups[-1][-1]) and not busy.intersection(
                range(u.first, u.last + 1)) and _steady(picture, u):
            groups[-1].append(u)
        else:
            groups.append([u])
    groups = [g for run in groups for g in ([run] if len(run) == 1 or run[0].last > run[0].first or len(run) >= ROW
                                            or picture.volumes[run[0].first].kind == "closed" else [[u] for u in run])]
    return _rebuilt(picture, groups, lambda g: [_turns([picture.volumes[u.first + k] for u in g])
                                                for k in range(g[0].last - g[0].first + 1)])


def close(picture: Picture) -> Picture:
    """Every unit of several volumes as one box."""
    def box(g: Sequence[Unit]) -> list[Volume]:
        (u,) = g
        inside = picture.volumes[u.first:u.last + 1]
        return list(inside) if len(inside) == 1 else [closed_box(inside, u)]

    return _rebuilt(picture, [[u] for u in picture.units], box)


def closed_box(inside: Sequence[Volume], u: Unit) -> Volume:
    """`[1×1, dw 3×3, 1×1]`, as often as the unit is."""
    last = inside[-1]
    said = bracket(inside)
    notes = [*dict.fromkeys(n for v in inside for n in v.notes)]
    if u.opening:
        notes.insert(0, u.opening)
    steps = max((s for v in inside if v.kind != "up" for s in v.stride), default=1)
    groups = {v.groups for v in inside if v.groups > 1 and not v.depthwise}
    notes += [f"{g} groups" for g in sorted(groups)]
    if u.shortcut and u.times == 1:
        notes.append(f"shortcut {u.shortcut}")
    nodes = tuple(n for v in inside for n in v.nodes)
    return Volume("closed", nodes, last.shape, last.images, stride=(steps,), word=said, times=u.times, notes=tuple(notes))


def bracket(inside: Sequence[Volume]) -> str:
    said = [v.does for v in inside if v.kind not in ("concat",)]
    short: list[list[Any]] = []
    for s in said:
        if short and short[-1][0] == s:
            short[-1][1] += 1
        else:
            short.append([s, 1])
    words = [w for s, n in short for w in ([f"{n} × {s}"] if n > 2 else [s] * n)]
    return f"[{', '.join(words)}]"


def joined(picture: Picture) -> Picture:
    """Closed boxes of one size that follow each other as one."""
    groups: list[list[Unit]] = []
    for u in picture.units:
        v = picture.volumes[u.first]
        before = picture.volumes[groups[-1][-1].first] if groups else v
        if groups and v.kind == before.kind == "closed" and v.shape == before.shape:
            groups[-1].append(u)
        else:
            groups.append([u])

    def box(g: Sequence[Unit]) -> list[Volume]:
        inside = [picture.volumes[k] for u in g for k in range(u.first, u.last + 1)]
        if len(g) == 1:
            return inside
        scope = common_scope([n.name for v in inside for n in v.nodes]).rpartition(".")[2]
        nodes = tuple(n for v in inside for n in v.nodes)
        many = sum(v.times for v in inside)
        return [Volume("closed", nodes, inside[-1].shape, inside[-1].images, stride=inside[0].stride,
                       word=f"{scope}: {many} blocks" if scope else f"{many} blocks")]

    return _rebuilt(picture, groups, box)


def _look(picture: Picture, u: Unit) -> Hashable:
    """What must agree for units to be drawn as turns of one."""
    inside = picture.volumes[u.first:u.last + 1]
    looks = tuple((v.kind, v.window, v.depthwise, 0 if v.depthwise else v.groups, v.kind == "closed" and _nameless(v),
                   len(v.slices), *(v.slices if v.kind == "closed" else ())) for v in inside)
    within = tuple((a.source - u.first, a.target - u.first, a.kind, a.label) for a in picture.inside(u))
    return looks, inside[-1].shape, u.over == "copy" if len(inside) > 1 else u.over, within


def _nameless(v: Volume) -> Hashable:
    if v.word.startswith("["):
        return v.word
    return tuple((str(getattr(n.op, "name", "")), getattr(n.op, "window", None)) for n in v.nodes)


def _steady(picture: Picture, u: Unit) -> bool:
    """Whether a unit may be a turn after the first: no step, nothing on its shortcut."""
    return u.over != "shortcut" and not any(v.steps for v in picture.volumes[u.first:u.last + 1])


def _turns(same: Sequence[Volume]) -> Volume:
    """The volume that stands for those of all turns."""
    if len(same) == 1:
        return same[0]
    first, last = same[0], same[-1]
    word = last.word if first.word == last.word else f"{first.word} … {last.word}"
    return replace(last, word=word, nodes=tuple(n for v in same for n in v.nodes), times=sum(v.times for v in same),
                   dilations=tuple(dict.fromkeys(d for v in same for d in v.dilations)),
                   notes=tuple(dict.fromkeys(n for v in same for n in v.notes)))


def _rebuilt(picture: Picture, groups: Sequence[Sequence[Unit]], volumes: Any) -> Picture:
    """The picture with each group of units as one, made of these volumes."""
    new: dict[int, int] = {}
    kept: list[Volume] = []
    units: list[Unit] = []
    for g in groups:
        made: list[Volume] = volumes(g)
        first = len(kept)
        for u in g:
            for k in range(u.first, u.last + 1):
                new[k] = first + min(k - u.first, len(made) - 1) if len(made) > 1 else first
        kept += made
        opening = g[0].opening
        if len(g) > 1:
            steps = max((s for v in picture.volumes[g[0].first:g[0].last + 1] if v.kind != "up" for s in v.stride), default=1)
            said = ([f"/{steps}"] if steps > 1 else []) + ([f"shortcut {g[0].shortcut}"] if g[0].shortcut else [])
            opening = "first " + ", ".join(said) if said else ""
        many = sum(u.times for u in g)
        over = g[-1].over if len(made) > 1 or made[0].kind != "closed" else None
        shortcut = "" if len(g) > 1 else g[0].shortcut
        units.append(Unit(first, len(kept) - 1, over, shortcut, many if len(made) > 1 or len(g) > 1 else g[0].times, opening))
    arcs = _moved(picture.arcs, new)
    heads = tuple(replace(h, source=new[h.source]) for h in picture.heads)
    inflows = tuple(replace(i, target=new[i.target]) for i in picture.inflows)
    return Picture(tuple(kept), tuple(units), arcs, heads, inflows)


def _moved(arcs: Iterable[Arc], new: dict[int, int]) -> tuple[Arc, ...]:
    """Arcs between the volumes as they are now, those between the same two as one."""
    found: dict[tuple[int, int, str], Arc] = {}
    for a in arcs:
        key = (new[a.source], new[a.target], a.kind)
        if key in found:
            found[key] = replace(found[key], label=found[key].label or a.label, nodes=found[key].nodes + a.nodes)
        elif key[0] < key[1] or a.nodes:
            found[key] = replace(a, source=key[0], target=key[1])
    return tuple(found.values())
