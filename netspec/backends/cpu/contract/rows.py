"""Calls -> table rows, for a given number of samples: addresses, strides, tables of taps, and the kernels' addresses.

Nothing is compiled for a new number of samples: the kernels of remainders are compiled with the first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ....ir.contraction import AxisPhase
from ....ir.weight_order import WeightOrder
from . import drivers as D
from .calls import (
    Call,
    Fold,
    Gather,
    Outer,
    Repack,
    WinogradFold,
    WinogradGather,
    WinogradOuter,
    WinogradWeights,
    divisor,
    parts_of,
    place_offset,
)
from .table import (
    KERNEL,
    ROW,
    Resolve,
    Rows,
    Words,
    driver,
    edges,
    kernel,
    lane_masks,
    new_row,
    operand_words,
    place,
    sum_words,
    vector_words,
)
from .winograd import rows as W

__all__ = ["KERNEL", "ROW", "Resolve", "Rows", "rows"]


def rows(call: Call, N: int, resolve: Resolve) -> Rows:
    """The rows of a call for N samples. Words 1 (counter) and 5 (scratch) are left to the engine."""
    out = Rows()
    match call:
        case Gather():
            _gather(call, N, resolve, out)
        case Outer():
            _outer(call, N, resolve, out)
        case Fold():
            _fold(call, N, resolve, out)
        case Repack():
            _repack(call, N, resolve, out)
        case WinogradGather():
            W.gather(call, N, resolve, out)
        case WinogradOuter():
            W.outer(call, N, resolve, out)
        case WinogradWeights():
            W.weights(call, N, resolve, out)
        case WinogradFold():
            W.fold(call, N, resolve, out)
        case _:
            raise TypeError(f"no rows for {call}")
    return out


def _gather(g: Gather, N: int, resolve: Resolve, out: Rows) -> None:
    c = g.contraction
    x_at, x = place(resolve, g.image)
    operands = [place(resolve, n) for n in (*g.outputs, *g.extras)]
    y = operands[0][1]
    images, blocks, item = N * y.images, y.blocks, y.item
    order = WeightOrder(c, g.lanes, g.last)
    by_image = g.along == "images"
    weights = resolve(g.weight)[0]
    row = new_row(out, g, N, 0, driver("gather_pointwise_item" if by_image else "gather_item"))
    strides = operand_words(row, operands, len(g.outputs))
    records = np.zeros((len(c.phases), D.PHASE), np.int64)
    parts = 0
    for k, ((d, r, w), walk, size) in enumerate(zip(c.phases, order.walks, order.sizes)):
        tile = 8 if by_image else g.tiles[k % len(c.columns)]
        pixel = None if by_image else w.stride * x.pixel
        inner = _inner(walk.unit, x.image if by_image else w.stride * x.pixel, item) if walk.form != "lanes" else walk.unit
        steps = None if by_image else tuple(w.step * pixels for *_, pixels in strides)

        spans = () if by_image or walk.form != "blocks" or w.count != tile else column_spans(w, c.reads[2])
        form = ("lanes" if walk.form == "lanes" else "apart" if walk.form == "blocks" and walk.steps == walk.count > 1
                else "blocks")

        def micro(size: int, form: str = form, spans: tuple[tuple[int, int], ...] = spans, unit: int = walk.unit,
                  inner: int = inner, pixel: int | None = pixel, steps: tuple[int, ...] | None = steps) -> int:
            return kernel("gather", 6, size, form, unit, inner, pixel, steps, len(g.outputs), len(g.extras),
                          g.epilogue, g.masked, g.lanes, g.kind, *((spans,) if spans else ()))

        p = records[k]
        table = [[place_offset(q, x) for q in walk.places(b)] for b in range(len(walk.starts))]
        table = [[*t, t[-1] if t else 0] for t in table]  # a kernel looks one tap ahead
        p[D.P_TAPS], p[D.P_TABLE] = walk.steps, out.table(table)
        p[D.P_TABLE_BLOCK] = 8 * len(table[0]) if len(table) > 1 else 0
        p[D.P_WEIGHTS], p[D.P_WEIGHTS_BLOCK] = weights, walk.steps * walk.unit * g.lanes * item
        p[D.P_DEPTH], p[D.P_ROWS], p[D.P_TILE] = d.count, r.count, tile
        p[D.P_TILES], p[D.P_REST] = divmod(w.count, tile)
        p[D.P_GROUP], p[D.P_FIRST] = g.groups[k], parts
        p[D.P_START_D:D.P_START_W + 1] = d.start, r.start, w.start
        p[D.P_STEP_D:D.P_STEP_W + 1] = d.step, r.step, w.step
        p[D.P_STRIDE_D:D.P_STRIDE_W + 1] = d.stride, r.stride, w.stride
        if by_image:
            p[D.P_KERNELS:D.P_KERNELS + 4] = [micro(8 >> i) for i in range(4)]
        else:
            p[D.P_KERNEL] = micro(tile) if p[D.P_TILES] else 0
            p[D.P_REST_KERNEL] = micro(int(p[D.P_REST])) if p[D.P_REST] else 0
        weights += size * item
        parts += -(-d.count * r.count // g.groups[k])
    chunk = images
    if by_image:
        split = min(blocks, max(g.split, -(-16 // len(c.phases)))) if c.macs * images > 1e6 else 1
        while chunk > 16 and split * len(c.phases) * -(-images // chunk) < 16 and c.macs * chunk > 4e6:
            chunk = -(-chunk // 16) * 8
        items = split * len(c.phases) * -(-images // chunk)
    else:
        split = g.split
        items = images * parts * split
    row[2] = items
    row[D.G_PHASES], row[D.G_PHASE_COUNT], row[D.G_PARTS] = out.table(records), len(records), parts
    row[D.G_BLOCKS], row[D.G_SPLIT], row[D.G_BYTES] = blocks, split, g.lanes * item
    row[D.G_X], row[D.G_X_IMAGE], row[D.G_X_PLANE], row[D.G_X_ROW], row[D.G_X_PIXEL] = x_at, x.image, x.plane, x.row, x.pixel
    row[D.G_MASK] = out.table(lane_masks(y.channels, g.lanes, item), np.int64 if item == 8 else np.int32)
    row[D.G_EDGES], row[D.G_IMAGES], row[D.G_CHUNK] = edges(out, resolve, g.outputs), images, max(1, chunk)
    sum_words(row, resolve, g.sums)
    vector_words(row, resolve, g.vectors)


def column_spans(w: AxisPhase, size: int) -> tuple[tuple[int, int], ...]:
    """For each tap of a row of places, those it reaches within the image, where that saves something."""
    spans = []
    for _, o in w.taps:
        inside = [m for m in range(w.count) if 0 <= m * w.stride + o < size]
        spans.append((inside[0], inside[-1] + 1) if inside else (0, 0))
    return tuple(spans) if sum(b - a for a, b in spans) < 0.93 * w.count * len(spans) else ()


def _inner(unit: int, pixel: int, item: int) -> int:
    """Scalars unrolled: few, and no more than lie between two pixels, else LLVM merges loads of neighbours and spills."""
    apart = pixel // item
    return unit if unit <= 8 and apart >= unit else divisor(unit, min(4, apart))


def _outer(o: Outer, N: int, resolve: Resolve, out: Rows) -> None:
    c = o.contraction
    x_at, x = place(resolve, o.image)
    y_at, y = place(resolve, o.out)
    d, r, w = c.phases[0]
    order = WeightOrder(c, o.lanes, o.last)
    walk, item = order.walks[0], y.item
    table: list[list[int]] = []
    offsets: tuple[int, ...] = ()
    cut = o.steps * walk.unit // o.cuts if walk.form != "lanes" else o.steps
    for b in range(len(walk.starts)):
        at = [place_offset(p, x) for p in walk.places(b)]
        chunks = []
        for k in range(0, len(at), o.steps):
            scalars = [a + (item * u if walk.form != "lanes" else 0) for a in at[k:k + o.steps]
                       for u in range(walk.unit if walk.form != "lanes" else 1)]
            for j in range(o.cuts):
                piece = scalars[j * cut:(j + 1) * cut]
                chunks.append(piece[0])
                offsets = offsets or tuple(s - piece[0] for s in piece)
        table.append(chunks)
    parts = parts_of(N, o.parts, o.each)
    row = new_row(out, o, N, -(-order.blocks // o.wide) * o.pieces * parts, driver("outer_item"))
    row[D.O_X:D.O_X_PIXEL + 1] = x_at, x.image, d.stride * x.plane, r.stride * x.row, w.stride * x.pixel
    row[D.O_Y:D.O_Y_PIXEL + 1] = y_at, y.image, y.block, y.plane, y.row, y.pixel
    row[D.O_DEPTH], row[D.O_ROWS], row[D.O_COLUMNS], row[D.O_IMAGES] = d.count, r.count, w.count, N * y.images
    row[D.O_KERNEL] = kernel("outer", 13, offsets, "lanes" if walk.form == "lanes" else "blocks", walk.unit, o.lanes, o.kind)
    row[D.O_IMAGE_GROUP], row[D.O_ROW_GROUP] = o.image_group, o.row_group
    row[D.O_BLOCKS], row[D.O_PIECES], row[D.O_CHUNKS] = order.blocks, o.pieces, len(table[0]) // o.pieces
    row[D.O_TABLE], row[D.O_TABLE_BLOCK] = out.table(table), 8 * len(table[0]) if len(table) > 1 else 0
    row[D.O_INTO] = resolve(o.into)[0]
    row[D.O_BYTES] = cut * (walk.unit if walk.form == "lanes" else 1) * o.lanes * item
    row[D.O_PARTS], row[D.O_PART], row[D.O_POINTWISE] = parts, order.size * item, int(c.pointwise)
    row[D.O_WIDE] = o.wide


def _fold(f: Fold, N: int, resolve: Resolve, out: Rows) -> None:
    item = 8 if f.kind == "float64" else 4
    bytes = f.lanes * item
    chunk = max(1, 8192 // f.lanes)
    row = new_row(out, f, N, -(-f.size // f.lanes // chunk), driver("fold_item"))
    row[D.F_TO], row[D.F_FROM], row[D.F_VECTORS] = resolve(f.into)[0], resolve(f.source)[0], f.size // f.lanes
    row[D.F_PARTS], row[D.F_PART], row[D.F_KERNEL] = parts_of(N, f.parts,
                                                              f.each), f.size * item, kernel("fold", 6, f.clear is not None,
                                                                      f.lanes, f.kind)
    if f.clear is not None:
        row[D.F_MASK] = out.table(f.clear.indices() >= 0, np.int64 if item == 8 else np.int32)
    row[D.F_CHUNK], row[D.F_BYTES] = chunk, bytes


def _repack(p: Repack, N: int, resolve: Resolve, out: Rows) -> None:
    """By whole blocks where both orders have them, else element by element."""
    row = new_row(out, p, N, 0, driver("pick_item"))
    row[D.K_TO], row[D.K_FROM] = resolve(p.into)[0], resolve(p.source)[0]
    item = 8 if p.kind == "float64" else 4
    lanes = p.order.lanes
    blocks = block_moves(p.master, p.order)
    if blocks is None:
        table, row[D.K_COUNT], row[D.K_CHUNK], row[D.K_ITEM] = moves(p), p.order.size, 8192, item
        row[D.K_KERNEL] = kernel("pick", 4, p.kind)
    else:
        table, turned = blocks
        row[D.K_COUNT], row[D.K_CHUNK], row[D.K_ITEM] = len(table), max(1, 8192 // lanes**2), lanes**2 * item
        row[D.K_KERNEL] = kernel("move", 4, turned, lanes, p.kind)
    row[D.K_INDEX] = out.table(table, np.int32)
    row[2] = -(-int(row[D.K_COUNT]) // int(row[D.K_CHUNK]))


@lru_cache(maxsize=256)
def moves(p: Repack) -> Words:
    """Where in the master each element of the other order lies, -1 for padding."""
    master, order = p.master.indices(), p.order.indices()
    real = np.nonzero(master >= 0)[0]
    inverse: Words = np.full(int(np.prod(p.order.contraction.shape)) + 1, -1, np.int32)
    inverse[master[real]] = real
    out: Words = inverse[order]  # order -1 reads the last element, which is -1
    return out


@lru_cache(maxsize=256)
def block_moves(stored: WeightOrder, wanted: WeightOrder) -> tuple[Words, bool] | None:
    """Which block of lanes x lanes of the stored order each block of the wanted one is, and whether it is transposed. None
    where an order is not made of such blocks."""
    master, order = stored.contraction, wanted.contraction
    V = wanted.lanes
    walks = [*stored.walks, *wanted.walks]
    if (stored.lanes != V or len(stored.walks) != 1 or master.groups != 1 or order.groups != 1 or master.base != order.base
            or any(w.form != "blocks" or w.unit != V for w in walks) or master.strides[3:] != order.strides[3:]):
        return None
    turned = master.strides[1:3] == (order.strides[2], order.strides[1])
    if not turned and master.strides != order.strides:
        return None
    source = stored.walks[0]
    at = [{v: k for k, (v, _) in enumerate(taps)} for taps in source.taps]
    sizes = [len(t) for t in source.taps]
    found = []
    for w in wanted.walks:
        taps = [np.array([at[axis][v] for v, _ in taps], np.int64) for axis, taps in enumerate(w.taps)]
        d, h, c = np.ix_(*taps)
        tap = ((d * sizes[1] + h) * sizes[2] + c).reshape(1, 1, -1)
        lane, summed = np.arange(wanted.blocks).reshape(-1, 1, 1), np.arange(w.count).reshape(1, -1, 1)
        block, step = (summed, lane) if turned else (lane, summed)
        found.append(((block * source.count + step) * int(np.prod(sizes)) + tap).ravel())
    return np.concatenate(found).astype(np.int32), turned
