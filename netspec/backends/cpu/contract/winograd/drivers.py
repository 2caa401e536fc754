"""Work items of Winograd contractions: transforms around 36 matrix products, a chunk of tiles at a time in a thread's
scratch. Rows of tiles are numbered through all images: row q is tile row q % TH of image q // TH.

The 36 elements of a tile lie an odd number of vectors apart (`| 1`): a power of two would map them to the same few sets of
the caches, which doubled the time of some layers.
"""

from __future__ import annotations

from ...llvm.machine_code import inlined
from ...llvm.vec import caller, clear, set_word, word
from ...row import FIRST_WORD
from ..drivers import (
    G_BLOCKS,
    G_BYTES,
    G_CHUNK,
    G_IMAGES,
    G_OPERAND,
    G_OPERAND_COUNT,
    G_OPERANDS,
    G_PARTS,
    G_PHASE_COUNT,
    G_PHASES,
    G_SPLIT,
    G_SUM_BLOCK,
    G_SUM_COUNT,
    G_SUM_IMAGE,
    G_SUM_PART,
    G_SUMS,
    G_X,
    G_X_IMAGE,
    G_X_PLANE,
    G_X_ROW,
    OPERAND_ROW,
    call13,
    clear_edges,
    set_operands,
    set_vectors,
)
from ..kernels import FRAME_OPERANDS, FRAME_SUMS

call3, call5, call6, call7 = caller(3), caller(5), caller(6), caller(7)

# a Winograd gather shares the words of a gather; these stand where that one has phases, parts, planes and pixels
W_TILE_ROWS, W_TILES, W_PARTS, W_ROWS_PER_ITEM, W_X_BLOCKS, W_WEIGHTS, W_EXTRA = (G_PHASES, G_PHASE_COUNT, G_PARTS, G_SPLIT,
                                                                                  G_CHUNK, 31, G_X_PLANE)
# a table of further words, at the address in W_EXTRA
(X_BLOCK, X_FIRST, X_LIMIT, X_LEFT, X_ZEROS, X_IN, X_IN_LAST, X_OUT, X_OUT_LAST, X_OUT_ROWS, X_SHARES, X_KERNELS) = range(12)
X_WORDS = 16
FRAME_BYTES = 1024  # of scratch: the frame, then the table of taps, then tiles
TABLE_BYTES = 4096


@inlined
def products(row: int, tiles: int, table: int, x: int, weights: int, frame: int, kernels: int) -> None:
    """Products of `tiles` tiles by tiles of 8, 4, 2 and 1: the sizes of kernels at `kernels`."""
    bytes, taps = word(row, G_BYTES), word(row, W_X_BLOCKS)
    to = word(frame, FRAME_OPERANDS)
    done = 0
    for k in range(4):
        size = 8 >> k
        count = (tiles - done) // size
        if count:
            set_word(frame, FRAME_OPERANDS, to + done * bytes)
            call6(word(kernels, k), count, taps, table, x + done * bytes, weights, frame)
            done += count * size


@inlined
def winograd_gather_item(row: int, item: int, scratch: int) -> int:
    """Some rows of tiles, of one image where an image has several items, else of a few whole images; for a share of the
    blocks of channels."""
    shares = word(word(row, W_EXTRA), X_SHARES)
    share, item = item % shares, item // shares
    TH, TW, group, parts = word(row, W_TILE_ROWS), word(row, W_TILES), word(row, W_ROWS_PER_ITEM), word(row, W_PARTS)
    more = word(row, W_EXTRA)
    part = item % parts
    q0 = item // parts * TH + part * group if parts > 1 else item * group
    q1 = min(q0 + group, (item // parts + 1) * TH) if parts > 1 else min(q0 + group, word(row, G_IMAGES) * TH)
    tiles = (q1 - q0) * TW
    bytes, blocks, x_blocks = word(row, G_BYTES), word(row, G_BLOCKS), word(row, W_X_BLOCKS)
    table = scratch + FRAME_BYTES
    g0, g1 = blocks * share // shares, blocks * (share + 1) // shares
    V = table + TABLE_BYTES
    vfar = (x_blocks * tiles | 1) * bytes
    M = V + 36 * vfar
    mfar = (blocks * tiles | 1) * bytes
    xrow, zeros = word(row, G_X_ROW), word(more, X_ZEROS)
    for c in range(x_blocks):
        set_word(table, c, c * tiles * bytes)
        for q in range(q0, q1):
            n, r = q // TH, q % TH
            x = word(row, G_X) + n * word(row, G_X_IMAGE) + c * word(more, X_BLOCK) + 4 * r * xrow
            real = min(6, word(more, X_LIMIT) - 4 * r)
            to = V + (c * tiles + (q - q0) * TW) * bytes
            if TW > 1:
                call7(word(more, X_IN), TW - 1, x, xrow, real, zeros, to, vfar)
            call7(word(more, X_IN_LAST), 1, x + 4 * (TW - 1) * bytes, xrow, real, zeros, to + (TW - 1) * bytes, vfar)
    for xi in range(36):
        for g in range(g0, g1):
            weights = word(row, W_WEIGHTS) + (xi * (blocks * x_blocks | 1) + g * x_blocks) * (bytes // 4) * bytes
            set_word(scratch, FRAME_OPERANDS, M + xi * mfar + g * tiles * bytes)
            products(row, tiles, table, V + xi * vfar, weights, scratch, more + 8 * X_KERNELS)
    sums = word(row, G_SUM_COUNT)
    for g in range(g0, g1):
        set_vectors(row, scratch, g)
        for q in range(q0, q1):
            n, r = q // TH, q % TH
            if r == 0:
                clear_edges(row, n, g)
            if sums:
                s = word(row, G_SUMS) + n * word(row, G_SUM_IMAGE) + g * word(row, G_SUM_BLOCK) + part * word(row, G_SUM_PART)
                set_word(scratch, FRAME_SUMS, s)
                if q == q0 or r == 0:
                    clear(s, sums * bytes)
            set_operands(row, scratch, n, g, 0, 4 * r, 0)
            for k in range(word(row, G_OPERAND_COUNT)):
                set_word(scratch, FRAME_OPERANDS + 2 * k + 1, word(row, G_OPERANDS + G_OPERAND * k + OPERAND_ROW))
            m = M + (g * tiles + (q - q0) * TW) * bytes
            real = min(4, word(more, X_OUT_ROWS) - 4 * r)
            if TW > 1:
                call5(word(more, X_OUT), TW - 1, m, mfar, real, scratch)
                set_operands(row, scratch, n, g, 0, 4 * r, 4 * (TW - 1))
            call5(word(more, X_OUT_LAST), 1, m + (TW - 1) * bytes, mfar, real, scratch)
    return 0


# ---- the weight gradient: words of a row ----------------------------------------------------------------------------------
(Y_TILE_ROWS, Y_TILES, Y_ROWS_PER_CHUNK, Y_PARTS, Y_SHARES, Y_IMAGES, Y_X, Y_X_IMAGE, Y_X_BLOCK, Y_X_ROW, Y_X_BLOCKS, Y_X_LIMIT,
 Y_Y, Y_Y_IMAGE,
 Y_Y_BLOCK, Y_Y_ROW, Y_Y_BLOCKS, Y_Y_LIMIT, Y_ZEROS, Y_X_IN, Y_X_IN_LAST, Y_Y_IN, Y_Y_IN_LAST, Y_KERNEL, Y_INTO, Y_PART,
 Y_BYTES) = range(FIRST_WORD, 35)


@inlined
def transform(tiles: int, full: int, last: int, x: int, xrow: int, real: int, zeros: int, to: int, far: int, bytes: int) -> None:
    """A row of tiles, the last by its own kernel."""
    if tiles > 1:
        call7(full, tiles - 1, x, xrow, real, zeros, to, far)
    call7(last, 1, x + 4 * (tiles - 1) * bytes, xrow, real, zeros, to + (tiles - 1) * bytes, far)


@inlined
def winograd_outer_item(row: int, item: int, scratch: int) -> int:
    """One part of all rows of tiles, for a share of the blocks of lanes: sums of products, not yet transformed back."""
    TH, TW, bytes, shares, parts = word(row, Y_TILE_ROWS), word(row, Y_TILES), word(row,
                                                                                    Y_BYTES), word(row, Y_SHARES), word(row,
                                                                                            Y_PARTS)
    share, part = item % shares, item // shares
    x_blocks, y_blocks = word(row, Y_X_BLOCKS), word(row, Y_Y_BLOCKS)
    g0, g1 = y_blocks * share // shares, y_blocks * (share + 1) // shares
    total = word(row, Y_IMAGES) * TH
    q0, end = total * part // parts, total * (part + 1) // parts
    into = word(row, Y_INTO) + part * word(row, Y_PART)
    block = bytes // 4 * bytes
    zeros = word(row, Y_ZEROS)
    add = 0
    while q0 < end:
        q1 = min(end, q0 + word(row, Y_ROWS_PER_CHUNK))
        tiles = (q1 - q0) * TW
        V = scratch
        vfar = (x_blocks * tiles | 1) * bytes
        M = V + 36 * vfar
        mfar = ((g1 - g0) * tiles | 1) * bytes
        for q in range(q0, q1):
            n, r = q // TH, q % TH
            place = (q - q0) * TW * bytes
            for c in range(x_blocks):
                x = word(row, Y_X) + n * word(row, Y_X_IMAGE) + c * word(row, Y_X_BLOCK) + 4 * r * word(row, Y_X_ROW)
                transform(TW, word(row, Y_X_IN), word(row, Y_X_IN_LAST), x, word(row, Y_X_ROW),
                          min(6, word(row, Y_X_LIMIT) - 4 * r), zeros, V + c * tiles * bytes + place, vfar, bytes)
            for g in range(g0, g1):
                y = word(row, Y_Y) + n * word(row, Y_Y_IMAGE) + g * word(row, Y_Y_BLOCK) + 4 * r * word(row, Y_Y_ROW)
                transform(TW, word(row, Y_Y_IN), word(row, Y_Y_IN_LAST), y, word(row, Y_Y_ROW),
                          min(4, word(row, Y_Y_LIMIT) - 4 * r), zeros, M + (g - g0) * tiles * bytes + place, mfar, bytes)
        for xi in range(36):
            for g in range(g0, g1):
                for c in range(x_blocks):
                    call13(word(row, Y_KERNEL), 1, 1, tiles, V + xi * vfar + c * tiles * bytes, 0, 0, bytes,
                           M + xi * mfar + (g - g0) * tiles * bytes,
                           0, 0, bytes, into + (xi * (y_blocks * x_blocks | 1) + g * x_blocks + c) * block, add)
        add = 1
        q0 = q1
    if add == 0:
        for xi in range(36):
            clear(into + (xi * (y_blocks * x_blocks | 1) + g0 * x_blocks) * block, (g1 - g0) * x_blocks * block)
    return 0


# ---- weights: words of a row ------------------------------------------------------------------------------------------------
Z_FROM, Z_TO, Z_PAIRS, Z_KERNEL, Z_BLOCK, Z_PARTS, Z_PART = range(FIRST_WORD, 15)


@inlined
def winograd_weights_item(row: int, item: int, scratch: int) -> int:
    """One pair of blocks of a weight into Winograd's domain."""
    block = word(row, Z_BLOCK)
    call3(word(row, Z_KERNEL), word(row, Z_FROM) + item * 9 * block, word(row, Z_TO) + item * block, (word(row, Z_PAIRS) | 1)
          * block)
    return 0


@inlined
def winograd_fold_item(row: int, item: int, scratch: int) -> int:
    """One pair of blocks of a weight gradient: the sum of the parts, back from Winograd's domain."""
    block = word(row, Z_BLOCK)
    call5(word(row, Z_KERNEL), word(row, Z_FROM) + item * block, (word(row, Z_PAIRS) | 1) * block, word(row, Z_PARTS),
          word(row, Z_PART), word(row, Z_TO) + item * 9 * block)
    return 0
