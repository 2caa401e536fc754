"""What stands below volumes: their size as papers write it, what the layers do, and what else a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.graph import Node
from ..drawing.lettering import width
from .canvas import FONT
from .folding import bracket
from .volumes import Unit, Volume, sized, times
from .ways import works

MOST = 40.0  # remarks make a caption no wider than this, unless the lines above are
WORDS = {"deconv": "up-conv", "avgpool": "avgpool", "maxpool": "maxpool"}


def caption(cluster: Sequence[Volume], unit: Unit) -> list[str]:
    """Some lines for volumes that are drawn touching: the size, what they do, remarks."""
    v = next((v for v in reversed(cluster) if v.kind != "pool"), cluster[-1])
    lines = [line for line in (size(v), says(cluster, unit)) if line]
    room = max(MOST, *(width(line, FONT) for line in lines))
    for said in remarks(cluster, unit):
        if len(lines) > 2 and width(f"{lines[-1]}, {said}", FONT) <= room:
            lines[-1] += f", {said}"
        else:
            lines.append(said)
    return lines


def size(v: Volume) -> str:
    spatial = v.spatial
    if len(spatial) == 3 and len(set(spatial)) == 1 and spatial[0] is not None:
        text = f"{spatial[0]}³×{v.channels}"
        return text if v.images == 1 else f"{v.images} · {text}"
    return sized(v.shape, v.images)


def says(cluster: Sequence[Volume], unit: Unit) -> str:
    """`conv 3×3 ×2`, `[1×1, 3×3, 1×1] ×4`, `fc`."""
    first = cluster[0]
    if first.kind in ("input", "fc", "move", "closed") or len(first.spatial) == 0:
        return first.word + (first.step if first.kind == "closed" and "[" not in first.word else "") + (
            f" ×{first.times}" if first.times > 1 else "")
    if first.kind == "pool":
        return f"{first.word} {window(first)}".strip() + first.step + first.apart
    body = [v for v in cluster if v.kind == "conv"]
    if (unit.times > 1 and len(cluster) > 1) or len({v.does for v in body}) > 1:
        return bracket([v for v in cluster if v.kind != "pool"]) + (f" ×{unit.times}" if unit.times > 1 else "")
    if not body:
        return f"{WORDS.get(first.word, first.word)} {window(first) if works(first.nodes[0]) else ''}".strip() + first.apart
    many = len(body) * body[0].times
    return f"{'dw' if body[0].depthwise else 'conv'} {window(body[0])}{body[0].apart}" + (f" ×{many}" if many > 1 else "") + (
        body[0].step if len(body) == 1 else "")


def remarks(cluster: Sequence[Volume], unit: Unit) -> list[str]:
    """Steps, groups, distances of taps, what a gate is made of: what the second line does not say."""
    body = [v for v in cluster if v.kind in ("conv", "up")]
    found = []
    if unit.opening and cluster[0].kind != "closed":
        found.append(unit.opening)
    found += [f"{n} groups" for n in dict.fromkeys(v.groups for v in body if v.groups > 1 and not v.depthwise)]
    found += [v.apart.strip() for v in cluster if v.kind == "closed" and v.apart]
    return list(dict.fromkeys(found + [n for v in cluster for n in v.notes]))


def window(v: Volume) -> str:
    if v.word.endswith("pool") and v.window and all(s == 1 for s in v.spatial):
        return ""  # over all there is
    return f"{v.window[0]}³" if len(v.window) == 3 and len(set(v.window)) == 1 else times(v.window)


def described(v: Volume, beside: Sequence[Node] = ()) -> str:
    """What a pointer over a volume shows: the layers in it, and beside it, as the spec writes them."""
    shape = "x".join("?" if s is None else str(s) for s in (*v.spatial, v.shape[0]))
    return "\n".join([shape, *(f"{n.name}: {n.op}" for n in (*v.nodes, *beside))])
