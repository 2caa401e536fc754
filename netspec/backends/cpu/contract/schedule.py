"""Contractions -> calls: which kernel, which tiles, how the work is cut. Pure Python: plans need no compiler.

Whatever changes arithmetic or memory is decided here, from shapes alone: the form of a kernel, the parts a sum is cut
into, workspace. Nothing depends on the number of threads.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import nan
from typing import Any, Literal

from ....ir.contraction import Contraction, without_edges
from ....ir.functions import FUNCTIONS
from ....ir.layout import Image, Target
from ....ir.weight_order import WeightOrder
from ..families.step import SEQUENCE, Form
from .calls import PLAIN, Call, Epilogue, Fold, Gather, Outer, Plan, Repack, Workspace, place_offset
from .winograd import schedule as W

MOST_OPERANDS, MOST_VECTORS = 14, 12  # of an epilogue: what fits a table row


# ---- gather -------------------------------------------------------------------------------------------------------------
def plan_gather(c: Contraction, name: str, *, image: tuple[str, Image], weight: tuple[str, WeightOrder],
                outputs: tuple[tuple[str, Image], ...],
                target: Target, extras: tuple[tuple[str, Image], ...] = (), vectors: tuple[str, ...] = (),
                sums: tuple[str, ...] = (), epilogue: Epilogue = PLAIN, form: Form = "direct") -> Plan:
    """`weight` is its name and the order it is stored in. Operands are (name, layout); extras and outputs are e0.. and
    the stores of the epilogue, vectors c0.., sums the images `sum_layouts` describes."""
    x, y = image[1], outputs[0][1]
    kind, lanes = "float64" if y.item == 8 else "float32", y.lanes
    last = x.block == 0
    if len(outputs) + len(extras) > MOST_OPERANDS or len(vectors) > MOST_VECTORS:
        raise ValueError(
            f"{name}: the epilogue has {len(outputs) + len(extras)} images and {len(vectors)} vectors, the most are {MOST_OPERANDS} and {MOST_VECTORS}")
    if any(o.block == 0 for _, o in (*outputs, *extras)):
        raise ValueError(f"{name}: only the image of a contraction may be channels-last")
    masked = c.groups * c.outs % lanes != 0 and not keeps_zero(epilogue)
    operands = tuple(n for n, _ in outputs), image[0], tuple(n for n, _ in extras), vectors, sums, epilogue
    if form == "winograd":
        source, prepare, derived = _weights(name, weight, WeightOrder(c, lanes, whole=True), kind)
        return W.plan_gather(c, name, operands, source, prepare, derived, lanes, masked)
    order = WeightOrder(c, lanes, last)
    if weight[1] != order and c.groups == 1 and not sums:  # the weight is repacked anyway
        c = without_edges(c)
        order = WeightOrder(c, lanes, last)
    source, prepare, derived = _weights(name, weight, order, kind)
    along: Literal["columns", "images"] = "images" if c.pointwise and not sums else "columns"
    groups, split = cut(c, lanes, bool(sums))
    registers = 32 if target.vector == 64 else 16
    call = Gather(name, c, operands[0], image[0], source, operands[2], vectors, sums, epilogue, kind, lanes, last, masked, along,
                  tuple(choose_tile(p.count, registers) for p in c.columns), groups, split)
    return Plan(prepare, call, derived=derived)


def _weights(name: str, weight: tuple[str, WeightOrder], order: WeightOrder,
             kind: str) -> tuple[str, tuple[Call, ...], tuple[Workspace, ...]]:
    """Where weights of this order are found, and what puts them there. The name tells the order, so that contractions
    which want the same order of the same weight share it."""
    if weight[1] == order:
        return weight[0], (), ()
    source = f"{weight[0]}.{_digest(order)}"
    repack = Repack(f"{name}.repack", source, weight[0], weight[1], order, kind)
    return source, (repack,), (Workspace(source, order.size * (8 if kind == "float64" else 4)),)


def choose_tile(width: int, registers: int) -> int:
    """Pixels per register tile: few and full tiles."""
    most = 16 if registers == 32 else 12

    def cost(m: int) -> tuple[float, int]:
        rest = width % m
        return width // m * (m + 1.5) + (max(rest, 6) + 1.5 if rest else 0), -m

    return min(range(1, max(1, min(most, width)) + 1), key=cost)


def cut(c: Contraction, lanes: int, summed: bool) -> tuple[tuple[int, ...], int]:
    """Rows of an item for each phase, and shares of the blocks of channels: items of a few million multiply-adds, so
    that few samples still feed many threads, and of enough pixels that weights are worth fetching. An item that also sums
    what it makes has no more places than float32 can add up."""
    blocks = -(-c.groups * c.outs // lanes)
    wanted = min(16, max(1, round(c.macs / 4e6 / len(c.phases))))
    groups, most = [], 1
    for d, r, w in c.phases:
        rows = d.count * r.count
        least = -(-rows * w.count // SEQUENCE) if summed else 1
        parts = max(1, min(max(wanted, least), rows, rows * w.count // 64))
        groups.append(max(1, -(-rows // parts)))
        most = max(most, -(-rows // groups[-1]))
    return tuple(groups), max(1, min(blocks, wanted // most))


def keeps_zero(epilogue: Epilogue) -> bool:
    """Whether zeros become zeros, whatever the per-channel numbers are: then padded lanes need no mask."""
    names: dict[str, Any] = {"acc": 0.0, **{f"e{k}": 0.0 for k in range(16)}, **{f"c{k}": nan for k in range(16)}}
    functions: dict[str, Any] = {name: f.at for name, f in FUNCTIONS.items()}
    functions |= {"where": lambda t, a, b: a if a == b else nan, "fma": lambda a, b, c: a * b + c, "power": lambda a, b: nan}
    for how, k, text in epilogue:
        try:
            value = eval(text, {"__builtins__": {}}, functions | names)
        except (ArithmeticError, ValueError):
            value = nan
        if how == "let":
            names[k] = value
        elif value != 0.0:
            return False
    return True


def sum_layouts(c: Contraction, count: int, layout: Image, form: Form) -> tuple[Image, ...]:
    """Layouts of the `count` sums of a gather into `layout`: one pixel per part, interleaved in one buffer. They belong
    at the same `at`."""
    if form == "winograd":
        return _interleaved(count, W.chunks(c, layout.lanes).parts, layout)
    groups, _ = cut(c, layout.lanes, True)
    parts = sum(-(-d.count * r.count // g) for (d, r, _), g in zip(c.phases, groups))
    return _interleaved(count, parts, layout)


@lru_cache(maxsize=4096)
def _interleaved(count: int, parts: int, like: Image) -> tuple[Image, ...]:
    vector = like.lanes * like.item
    pixel = count * vector
    block = parts * pixel
    return tuple(replace(like, extents=(1, 1, parts), halo=(0, 0, 0), pixel=pixel, row=block, plane=block, block=block,
                         image=like.blocks * block, at=-1, plus=k * vector) for k in range(count))


def _digest(order: WeightOrder) -> str:
    import hashlib

    return hashlib.sha256(repr(order.key).encode()).hexdigest()[:6]


# ---- outer --------------------------------------------------------------------------------------------------------------
def plan_outer(c: Contraction, name: str, *, image: tuple[str, Image], out: tuple[str, Image], into: str, target: Target,
               form: Form = "direct") -> Plan:
    """A weight gradient, written to `into` in the order WeightOrder(c, lanes, channels-last?)."""
    x, y = image[1], out[1]
    kind, lanes = "float64" if y.item == 8 else "float32", y.lanes
    order = WeightOrder(c, lanes, x.block == 0)
    if form == "winograd":
        return W.plan_outer(c, name, image[0], out[0], into, lanes, y.images)
    walk = order.walks[0]
    most = 28 if target.vector == 64 else 12
    offsets = [[place_offset(p, x) for p in walk.places(b)] for b in range(len(walk.starts))]

    def repeats(n: int) -> bool:
        """Whether register tiles of n steps look alike everywhere."""
        patterns = {tuple(o - row[k] for o in row[k:k + n]) for row in offsets for k in range(0, walk.steps, n)}
        return len(patterns) <= 1

    steps = max((n for n in range(1, most // walk.unit + 1) if walk.steps % n == 0 and repeats(n)), default=1)
    cuts = -(-steps * walk.unit // (most + 2)) if walk.form != "lanes" else 1
    while walk.unit % cuts:
        cuts += 1
    blocks, chunks = order.blocks, walk.steps // steps * cuts
    pieces = max((d for d in range(1, walk.count + 1) if walk.count % d == 0 and chunks % d == 0
                  and (d == 1 or c.macs >= 3e4 * blocks * d)), default=1)
    parts = min(-(-16 // (blocks * pieces)), max(1, round(32 * c.macs / 2e6)))
    each = round(c.macs * y.images / 5e5, 3)
    r = c.rows[0]
    plane = r.count * (r.stride * x.row + y.row)
    if c.pointwise:
        image_group, row_group = 256, 1
    elif plane > 96e3:
        image_group, row_group = 1, max(1, int(48e3 // (r.stride * x.row + y.row)))
    else:
        image_group, row_group = max(1, int(256e3 // plane)), r.count
    # several blocks of lanes meet the same rows of the image, as long as theirs fit in cache and items are enough
    near = image_group * (row_group * y.row if not c.pointwise else lanes * y.item)
    wide = max(1, min(blocks * pieces // 32, int(256e3 // near))) if len(walk.starts) == 1 else 1
    partial = parts > 1 or order.padded
    there = f"{name}.parts" if partial else into
    call = Outer(name, c, image[0], out[0], there, kind, lanes, x.block == 0, steps, cuts, pieces, parts, each, image_group,
                 row_group, wide)
    if not partial:
        return Plan((), call)
    fold = Fold(f"{name}.fold", into, there, order.size, parts, each, kind, lanes, order if order.padded else None)
    return Plan((), call, (fold,), (Workspace(there, parts * order.size * y.item),))
