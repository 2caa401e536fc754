"""Which volumes are drawn touching, under one caption."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..drawing.lettering import width
from .canvas import FONT
from .captions import caption
from .sizes import Scale, Solid
from .volumes import Unit

ALONE = ("fc", "input", "closed", "move")


@dataclass
class Cluster:
    """Solids that touch, from volume `first` on."""

    first: int
    solids: list[Solid]
    unit: Unit

    @property
    def depth(self) -> float:
        return sum(s.depth for s in self.solids)

    @property
    def wide(self) -> float:
        return max(s.wide for s in self.solids)

    @cached_property
    def lines(self) -> list[str]:
        return caption([s.volume for s in self.solids], self.unit)

    @cached_property
    def room(self) -> float:
        """The width of its caption."""
        return max(width(line, FONT) for line in self.lines)


def clusters(scale: Scale, whole: bool = False) -> list[Cluster]:
    """All solids in order; `whole` keeps what has one size together, as on the level of a U."""
    picture = scale.picture
    unit = {k: u for u in picture.units for k in range(u.first, u.last + 1)}
    found: list[Cluster] = []
    for k, s in enumerate(scale.solids):
        if k and _touch(scale, k, unit[k - 1], unit[k], whole):
            found[-1].solids.append(s)
        else:
            found.append(Cluster(k, [s], unit[k]))
    return found


def _touch(scale: Scale, k: int, before: Unit, unit: Unit, whole: bool) -> bool:
    a, b = scale.picture.volumes[k - 1], scale.picture.volumes[k]
    if b.whole or (whole and _parted(scale, k)):
        return False
    if b.kind == "pool" and a.kind == "closed" and not scale.apart and b.spatial:
        return True
    if a.kind in ALONE or b.kind in ALONE or a.kind == "pool" or not a.spatial:
        return False
    if b.kind == "pool":
        return not scale.apart
    if b.kind in ("concat", "up"):
        return (unit is before and unit.times > 1) or (whole and b.kind == "concat" and not any(part == "up" for _, part in b.slices))
    if a.kind in ("concat", "up"):
        return whole or unit is before
    if unit is before:
        return True
    if unit.over or before.over or b.steps:
        return False
    alike = a.shape == b.shape and a.groups == b.groups and a.window == b.window and a.times == b.times == 1
    return whole or (alike and len(scale.picture.volumes) > 13)


def _parted(scale: Scale, k: int) -> bool:
    """Whether something leaves before a volume, or it is a pooling over all places: an end of its own."""
    b = scale.picture.volumes[k]
    if b.kind == "pool":
        return all(s == 1 for s in b.spatial)
    return any(h.source == k - 1 for h in scale.picture.heads)
