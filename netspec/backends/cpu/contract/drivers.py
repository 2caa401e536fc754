"""What one work item of a contraction does: the loops around the micro-kernels, over words of a table row.

A driver is `item(row, item, scratch)`: the engine hands out item numbers from 0, in any order, on any thread. Items
write disjoint places and own their partial sums, so results do not depend on who runs them. Bounds are run-time values:
a driver is compiled once, for all layers.

Rows are int64 words at an address. Words 0 to 7 are the engine's (4 is the number of samples); the others are named
below. A *phase* is a record of its own, as is an *edge*, the halo of one output.
"""

from __future__ import annotations

from ..llvm.machine_code import inlined
from ..llvm.vec import caller, clear, set_word, word
from ..row import (
    E_ADDRESS,
    E_BLOCK,
    E_COLUMNS,
    E_DEPTH,
    E_HALO_D,
    E_HALO_H,
    E_HALO_W,
    E_IMAGE,
    E_PIXEL,
    E_PLANE,
    E_ROW,
    E_ROWS,
    EDGE,
    FIRST_WORD,
)
from .kernels import FRAME_MASK, FRAME_OPERANDS, FRAME_STRIDE, FRAME_SUMS

call4, call6, call13 = caller(4), caller(6), caller(13)

# ---- gather: words of a row -----------------------------------------------------------------------------------------------
(G_PHASES, G_PHASE_COUNT, G_PARTS, G_BLOCKS, G_SPLIT, G_OPERAND_COUNT, G_OUTPUTS, G_VECTOR_COUNT, G_SUM_COUNT, G_SUMS,
 G_SUM_IMAGE,
 G_SUM_BLOCK, G_SUM_PART, G_BYTES, G_MASK, G_X, G_X_IMAGE, G_X_PLANE, G_X_ROW, G_X_PIXEL, G_EDGES, G_IMAGES,
 G_CHUNK) = range(FIRST_WORD, 31)
G_VECTORS = 32  # addresses of up to 12 vectors
G_OPERANDS = 44  # a record each: address, image, block, plane, row, pixel; up to 14
G_OPERAND = 6
OPERAND_IMAGE, OPERAND_ROW = 1, 4
G_MOST_VECTORS, G_MOST_OPERANDS = 12, 14

# words of a phase: the kernel's taps, the extent, and where its places lie in out and image
(P_TAPS, P_TABLE, P_TABLE_BLOCK, P_WEIGHTS, P_WEIGHTS_BLOCK, P_DEPTH, P_ROWS, P_TILES, P_TILE, P_REST, P_KERNEL, P_REST_KERNEL,
 P_GROUP, P_FIRST, P_START_D, P_START_H, P_START_W, P_STEP_D, P_STEP_H, P_STEP_W, P_STRIDE_D, P_STRIDE_H, P_STRIDE_W) = range(23)
P_KERNELS = 24  # pointwise: four kernels, for 8, 4, 2 and 1 images
PHASE = 32


@inlined
def clear_edge(edge: int, image: int, block: int) -> None:
    """Zero the halo of one block of one image: memory is reused, so whoever writes a plane clears its border."""
    p = word(edge, E_ADDRESS) + image * word(edge, E_IMAGE) + block * word(edge, E_BLOCK)
    plane, row, pixel = word(edge, E_PLANE), word(edge, E_ROW), word(edge, E_PIXEL)
    D, H, W = word(edge, E_DEPTH), word(edge, E_ROWS), word(edge, E_COLUMNS)
    d, h, w = word(edge, E_HALO_D), word(edge, E_HALO_H), word(edge, E_HALO_W)
    if d:
        clear(p, d * plane)
        clear(p + (D + d) * plane, d * plane)
    for k in range(d, D + d):
        q = p + k * plane
        if h:
            clear(q, h * row)
            clear(q + (H + h) * row, h * row)
        if w:
            for r in range(h, H + h):
                clear(q + r * row, w * pixel)
                clear(q + r * row + (W + w) * pixel, w * pixel)


@inlined
def clear_edges(row: int, image: int, block: int) -> None:
    for k in range(word(row, G_OUTPUTS)):
        edge = word(row, G_EDGES) + 8 * EDGE * k
        if word(edge, E_HALO_D) + word(edge, E_HALO_H) + word(edge, E_HALO_W):
            clear_edge(edge, image, block)


@inlined
def set_vectors(row: int, frame: int, block: int) -> None:
    """The frame's words that depend on the block of channels alone."""
    bytes = word(row, G_BYTES)
    last = 1 if block == word(row, G_BLOCKS) - 1 else 0
    set_word(frame, FRAME_MASK, word(row, G_MASK) + last * bytes)
    first = FRAME_OPERANDS + 2 * word(row, G_OPERAND_COUNT)
    for k in range(word(row, G_VECTOR_COUNT)):
        set_word(frame, first + k, word(row, G_VECTORS + k) + block * bytes)


@inlined
def set_operands(row: int, frame: int, image: int, block: int, d: int, h: int, w: int) -> None:
    """Addresses of every operand at a place of out."""
    for k in range(word(row, G_OPERAND_COUNT)):
        o = row + 8 * (G_OPERANDS + G_OPERAND * k)
        set_word(frame, FRAME_OPERANDS + 2 * k,
                 word(o, 0) + image * word(o, 1) + block * word(o, 2) + d * word(o, 3) + h * word(o, 4) + w * word(o, 5))


@inlined
def gather_item(row: int, item: int, scratch: int) -> int:
    """A group of rows of one phase of one image, for a share of the blocks of channels."""
    split, parts, blocks = word(row, G_SPLIT), word(row, G_PARTS), word(row, G_BLOCKS)
    share = item % split
    part = item // split % parts
    image = item // split // parts
    k = 0
    while k + 1 < word(row, G_PHASE_COUNT) and word(word(row, G_PHASES) + 8 * PHASE * (k + 1), P_FIRST) <= part:
        k += 1
    p = word(row, G_PHASES) + 8 * PHASE * k
    rows, group = word(p, P_ROWS), word(p, P_GROUP)
    first = (part - word(p, P_FIRST)) * group
    last = min(first + group, word(p, P_DEPTH) * rows)
    x0 = word(row, G_X) + image * word(row, G_X_IMAGE)
    xd, xh = word(p, P_STRIDE_D) * word(row, G_X_PLANE), word(p, P_STRIDE_H) * word(row, G_X_ROW)
    tiles, rest = word(p, P_TILES), word(p, P_REST)
    along = tiles * word(p, P_TILE)
    sums = word(row, G_SUM_COUNT)
    for block in range(blocks * share // split, blocks * (share + 1) // split):
        if part == 0:
            clear_edges(row, image, block)
        set_vectors(row, scratch, block)
        if sums:
            s = word(row, G_SUMS) + image * word(row, G_SUM_IMAGE) + block * word(row, G_SUM_BLOCK) + part * word(row, G_SUM_PART)
            set_word(scratch, FRAME_SUMS, s)
            clear(s, sums * word(row, G_BYTES))
        table = word(p, P_TABLE) + block * word(p, P_TABLE_BLOCK)
        weights = word(p, P_WEIGHTS) + block * word(p, P_WEIGHTS_BLOCK)
        for r in range(first, last):
            d, h = r // rows, r % rows
            x = x0 + d * xd + h * xh
            yd, yh = word(p, P_START_D) + d * word(p, P_STEP_D), word(p, P_START_H) + h * word(p, P_STEP_H)
            set_operands(row, scratch, image, block, yd, yh, word(p, P_START_W))
            if tiles:
                call6(word(p, P_KERNEL), tiles, word(p, P_TAPS), table, x, weights, scratch)
            if rest:
                set_operands(row, scratch, image, block, yd, yh, word(p, P_START_W) + along * word(p, P_STEP_W))
                call6(word(p, P_REST_KERNEL), 1, word(p, P_TAPS), table, x + along * word(p, P_STRIDE_W) * word(row, G_X_PIXEL),
                      weights, scratch)
    return 0


@inlined
def gather_pointwise_item(row: int, item: int, scratch: int) -> int:
    """Every phase is one place: tiles run over images. An item is a share of the blocks, a phase, a chunk of images."""
    phases, split, blocks, images, chunk = (word(row, G_PHASE_COUNT), word(row, G_SPLIT), word(row, G_BLOCKS),
                                            word(row, G_IMAGES), word(row, G_CHUNK))
    chunks = (images + chunk - 1) // chunk
    n0 = item % chunks * chunk
    n1 = min(images, n0 + chunk)
    phase = item // chunks % phases
    share = item // chunks // phases
    p = word(row, G_PHASES) + 8 * PHASE * phase
    set_word(scratch, FRAME_STRIDE, word(row, G_X_IMAGE))
    for k in range(word(row, G_OPERAND_COUNT)):
        set_word(scratch, FRAME_OPERANDS + 2 * k + 1, word(row, G_OPERANDS + G_OPERAND * k + OPERAND_IMAGE))
    for block in range(blocks * share // split, blocks * (share + 1) // split):
        set_vectors(row, scratch, block)
        table = word(p, P_TABLE) + block * word(p, P_TABLE_BLOCK)
        weights = word(p, P_WEIGHTS) + block * word(p, P_WEIGHTS_BLOCK)
        if phase == 0:
            for n in range(n0, n1):
                clear_edges(row, n, block)
        n = n0
        for k in range(4):
            size = 8 >> k
            tiles = (n1 - n) // size
            if tiles:
                set_operands(row, scratch, n, block, word(p, P_START_D), word(p, P_START_H), word(p, P_START_W))
                call6(word(p, P_KERNELS + k), tiles, word(p, P_TAPS), table, word(row, G_X) + n * word(row, G_X_IMAGE), weights,
                      scratch)
                n += tiles * size
    return 0


# ---- outer: words of a row ------------------------------------------------------------------------------------------------
(O_X, O_X_IMAGE, O_X_PLANE, O_X_ROW, O_X_PIXEL, O_Y, O_Y_IMAGE, O_Y_BLOCK, O_Y_PLANE, O_Y_ROW, O_Y_PIXEL, O_DEPTH, O_ROWS,
 O_COLUMNS, O_IMAGES,
 O_KERNEL, O_IMAGE_GROUP, O_ROW_GROUP, O_BLOCKS, O_PIECES, O_CHUNKS, O_TABLE, O_TABLE_BLOCK, O_INTO, O_BYTES, O_PARTS, O_PART,
 O_POINTWISE, O_WIDE) = range(8, 37)


@inlined
def outer_tiles(row: int, block: int, block_end: int, piece: int, part: int, table: int, images: int, rows: int, x: int, y: int,
                add: int) -> None:
    """Every tap, and every block of lanes of an item, while these rows are in cache."""
    pieces, chunks, bytes, pointwise = word(row, O_PIECES), word(row, O_CHUNKS), word(row, O_BYTES), word(row, O_POINTWISE)
    xi, xr, xp = word(row, O_X_IMAGE), word(row, O_X_ROW), word(row, O_X_PIXEL)
    yi, yr, yp, yb = word(row, O_Y_IMAGE), word(row, O_Y_ROW), word(row, O_Y_PIXEL), word(row, O_Y_BLOCK)
    into = word(row, O_INTO) + part * word(row, O_PART)
    count, columns = images, word(row, O_COLUMNS)
    if pointwise:  # places are images
        count, columns, xp, yp = 1, images, xi, yi
    for t in range(chunks):
        at = x + word(table, t)
        for b in range(block, block_end):
            call13(word(row, O_KERNEL), count, rows, columns, at, xi, xr, xp, y + b * yb, yi, yr, yp,
                   into + ((b * pieces + piece) * chunks + t) * bytes, add)


@inlined
def outer_item(row: int, item: int, scratch: int) -> int:
    """Some blocks of lanes and one share of the taps of a weight gradient, over one part of all rows of all images."""
    pieces, chunks, images, H, wide = word(row, O_PIECES), word(row, O_CHUNKS), word(row,
                                                                                     O_IMAGES), word(row, O_ROWS), word(row,
                                                                                             O_WIDE)
    blocks = word(row, O_BLOCKS)
    panels = (blocks + wide - 1) // wide * pieces
    part, panel = item // panels, item % panels
    block, piece = panel // pieces * wide, panel % pieces
    block_end = min(block + wide, blocks)
    table = word(row, O_TABLE) + block * word(row, O_TABLE_BLOCK) + 8 * piece * chunks
    parts, group = word(row, O_PARTS), word(row, O_IMAGE_GROUP)
    depth = word(row, O_DEPTH)
    total = depth * H  # rows of an image
    at, end = images * total * part // parts, images * total * (part + 1) // parts
    add = 0
    while at < end:
        n, r = at // total, at % total
        d, h = r // H, r % H
        count, rows = 1, min(min(word(row, O_ROW_GROUP), H - h), end - at)
        if r == 0 and depth == 1 and rows == H:
            count = min(group, (end - at) // H)
        x = word(row, O_X) + n * word(row, O_X_IMAGE) + d * word(row, O_X_PLANE) + h * word(row, O_X_ROW)
        y = word(row, O_Y) + n * word(row, O_Y_IMAGE) + d * word(row, O_Y_PLANE) + h * word(row, O_Y_ROW)
        outer_tiles(row, block, block_end, piece, part, table, count, rows, x, y, add)
        add = 1
        at += count * rows
    if add == 0:
        for b in range(block, block_end):
            clear(word(row, O_INTO) + part * word(row, O_PART) + (b * pieces + piece) * chunks * word(row, O_BYTES),
                  chunks * word(row, O_BYTES))
    return 0


# ---- fold and pick: words of a row ------------------------------------------------------------------------------------------
F_TO, F_FROM, F_VECTORS, F_PARTS, F_PART, F_KERNEL, F_CHUNK, F_BYTES, F_MASK = range(8, 17)
K_TO, K_FROM, K_INDEX, K_COUNT, K_KERNEL, K_CHUNK, K_ITEM = range(8, 15)  # K_ITEM: bytes of what is moved, an element or a block


@inlined
def fold_item(row: int, item: int, scratch: int) -> int:
    """A run of a weight gradient: the sum of its parts, in order."""
    first = item * word(row, F_CHUNK)
    count = min(word(row, F_CHUNK), word(row, F_VECTORS) - first)
    at = first * word(row, F_BYTES)
    call6(word(row, F_KERNEL), count, word(row, F_TO) + at, word(row, F_FROM) + at, word(row, F_PARTS), word(row, F_PART),
          word(row, F_MASK) + at)
    return 0


@inlined
def pick_item(row: int, item: int, scratch: int) -> int:
    """A run of a repacked weight."""
    first = item * word(row, K_CHUNK)
    count = min(word(row, K_CHUNK), word(row, K_COUNT) - first)
    call4(word(row, K_KERNEL), count, word(row, K_TO) + first * word(row, K_ITEM), word(row, K_FROM), word(row, K_INDEX) + 4
          * first)
    return 0
