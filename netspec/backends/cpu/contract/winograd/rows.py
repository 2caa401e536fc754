"""Winograd calls -> table rows, for a given number of samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .. import drivers as D
from ..calls import WinogradFold, WinogradGather, WinogradOuter, WinogradWeights, parts_of
from ..table import (
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
from . import drivers as W
from .schedule import domain_bytes, heavy, tiles_of

MODULE, DRIVERS = "contract.winograd.kernels", "contract.winograd.drivers"


def _first_tap(axis_taps: tuple[tuple[int, int], ...]) -> int:
    return min(o for _, o in axis_taps)


@lru_cache(maxsize=64)
def _zeros(count: int) -> Words:
    return np.zeros(count, np.float32)


def gather(g: WinogradGather, N: int, resolve: Resolve, out: Rows) -> None:
    c = g.contraction
    x_at, x = place(resolve, g.image)
    operands = [place(resolve, n) for n in (*g.outputs, *g.extras)]
    y = operands[0][1]
    images, (TH, TW) = N * y.images, tiles_of(c)
    top, left = _first_tap(c.rows[0].taps), _first_tap(c.columns[0].taps)
    whole = g.rows == TH
    # With few samples an item takes fewer images, so that there are some for every thread; where weights are many, a
    # share of the channels instead, as every item fetches all of its weights.
    if whole:
        few = images // 2 if heavy(c, g.lanes) else images // 8
        rows = TH * -(-images // -(-images // max(1, min(g.images, few))))
        parts, items = 1, -(-images * TH // rows)
    else:
        rows, parts = g.rows, -(-TH // g.rows)
        items = images * parts
    shares = max(1, min(y.blocks // 2, -(-8 // items)))
    row = new_row(out, g, N, items * shares, driver("winograd_gather_item", DRIVERS))
    strides = operand_words(row, operands, len(g.outputs))
    row[W.W_TILE_ROWS], row[W.W_TILES], row[W.W_ROWS_PER_ITEM], row[W.W_PARTS] = TH, TW, rows, parts
    row[D.G_BLOCKS], row[D.G_BYTES] = y.blocks, g.lanes * 4
    row[D.G_X], row[D.G_X_IMAGE], row[D.G_X_ROW] = x_at + top * x.row + left * x.pixel, x.image, x.row
    row[D.G_MASK] = out.table(lane_masks(y.channels, g.lanes, 4), np.int32)
    row[D.G_EDGES], row[D.G_IMAGES] = edges(out, resolve, g.outputs), images
    row[W.W_X_BLOCKS], row[W.W_WEIGHTS] = x.blocks, resolve(g.weight)[0]
    sum_words(row, resolve, g.sums)
    vector_words(row, resolve, g.vectors)
    more = np.zeros(W.X_WORDS, np.int64)
    valid_in = min(6, x.extents[2] + x.halo[2] - left - 4 * (TW - 1))
    valid_out = min(4, c.extents[2] - 4 * (TW - 1))
    steps = tuple(s[2] for s in strides)
    more[W.X_SHARES] = shares
    more[W.X_BLOCK], more[W.X_LIMIT], more[W.X_OUT_ROWS] = x.block, x.extents[1] + x.halo[1] - top, c.extents[1]
    more[W.X_ZEROS] = out.table(_zeros((4 * TW + 8) * g.lanes), np.float32)
    for word, valid in ((W.X_IN, 6), (W.X_IN_LAST, valid_in)):
        more[word] = kernel("tile_in", 7, "BT", 6, valid, g.lanes, module=MODULE) if word == W.X_IN_LAST or TW > 1 else 0
    for word, valid in ((W.X_OUT, 4), (W.X_OUT_LAST, valid_out)):
        more[word] = kernel("tile_out", 5, valid, steps, len(g.outputs), len(g.extras), g.epilogue, g.masked, g.lanes,
                            module=MODULE) if word == W.X_OUT_LAST or TW > 1 else 0
    for k in range(4):
        vector = 4 * g.lanes
        more[W.X_KERNELS + k] = kernel("gather", 6, 8 >> k, "blocks", g.lanes, min(4, g.lanes), vector, (vector,), 1, 0,
                                       (("store", 0, "acc"),), False, g.lanes, "float32")
    row[W.W_EXTRA] = out.table(more)


def outer(o: WinogradOuter, N: int, resolve: Resolve, out: Rows) -> None:
    c = o.contraction
    x_at, x = place(resolve, o.image)
    y_at, y = place(resolve, o.out)
    TH, TW = tiles_of(c)
    top, left = _first_tap(c.rows[0].taps), _first_tap(c.columns[0].taps)
    parts = parts_of(N, o.parts, o.each)
    row = new_row(out, o, N, o.shares * parts, driver("winograd_outer_item", DRIVERS))
    row[W.Y_TILE_ROWS], row[W.Y_TILES], row[W.Y_ROWS_PER_CHUNK], row[W.Y_PARTS], row[W.Y_SHARES] = TH, TW, o.rows, parts, o.shares
    row[W.Y_IMAGES] = N * y.images
    row[W.Y_X], row[W.Y_X_IMAGE], row[W.Y_X_BLOCK], row[W.Y_X_ROW] = x_at + top * x.row + left * x.pixel, x.image, x.block, x.row
    row[W.Y_X_BLOCKS], row[W.Y_X_LIMIT] = x.blocks, x.extents[1] + x.halo[1] - top
    row[W.Y_Y], row[W.Y_Y_IMAGE], row[W.Y_Y_BLOCK], row[W.Y_Y_ROW] = y_at, y.image, y.block, y.row
    row[W.Y_Y_BLOCKS], row[W.Y_Y_LIMIT] = y.blocks, y.extents[1]
    row[W.Y_ZEROS] = out.table(_zeros((4 * TW + 8) * o.lanes), np.float32)
    last = TW - 1
    for matrix, size, word, valid in (("BT", 6, W.Y_X_IN_LAST, x.extents[2] + x.halo[2] - left - 4 * last),
                                      ("A", 4, W.Y_Y_IN_LAST, y.extents[2] - 4 * last)):
        row[word - 1] = kernel("tile_in", 7, matrix, size, size, o.lanes, module=MODULE) if TW > 1 else 0
        row[word] = kernel("tile_in", 7, matrix, size, min(size, valid), o.lanes, module=MODULE)
    row[W.Y_KERNEL] = kernel("outer", 13, tuple(range(0, 4 * o.lanes, 4)), "blocks", o.lanes, o.lanes, "float32")
    row[W.Y_INTO], row[W.Y_PART] = resolve(o.into)[0], domain_bytes(x.blocks * y.blocks, o.lanes)
    row[W.Y_BYTES] = 4 * o.lanes


def weights(w: WinogradWeights, N: int, resolve: Resolve, out: Rows) -> None:
    row = new_row(out, w, N, w.pairs, driver("winograd_weights_item", DRIVERS))
    row[W.Z_FROM], row[W.Z_TO], row[W.Z_PAIRS] = resolve(w.source)[0], resolve(w.into)[0], w.pairs
    row[W.Z_KERNEL], row[W.Z_BLOCK] = kernel("weights_in", 3, w.lanes, module=MODULE), w.lanes**2 * 4


def fold(f: WinogradFold, N: int, resolve: Resolve, out: Rows) -> None:
    row = new_row(out, f, N, f.pairs, driver("winograd_fold_item", DRIVERS))
    row[W.Z_FROM], row[W.Z_TO], row[W.Z_PAIRS] = resolve(f.source)[0], resolve(f.into)[0], f.pairs
    row[W.Z_KERNEL], row[W.Z_BLOCK] = kernel("weights_out", 5, f.lanes, module=MODULE), f.lanes**2 * 4
    row[W.Z_PARTS], row[W.Z_PART] = parts_of(N, f.parts, f.each), domain_bytes(f.pairs, f.lanes)
