"""The words of a row of the engine's table, and of the records that a row leads to: int64 numbers, each with one name, which
whoever fills a row and whatever reads it take from here. The words of a contraction's row stand with its drivers."""

from __future__ import annotations

# what the engine itself reads
ROW = 128
OPCODE, COUNTER, ITEMS, DRIVER, SAMPLES, SCRATCH, SCRATCH_BYTES = range(7)
FIRST_WORD = 8  # that is a driver's own

# what an emitted kernel reads
OPERANDS, IMAGES, BLOCKS, CHUNK, CLEARER, EDGES, EDGE_COUNT, CHANNELS = range(FIRST_WORD, 16)
SIZES = 16  # extents and other numbers of the text
NUMBERS = 120  # leads to 0, 1, 2, ...: the lanes' own numbers
MOST_SIZES = NUMBERS - SIZES

# an operand of an emitted kernel: place (0, 0, 0), and bytes from image to image, block to block, plane to plane, row to row
OPERAND = 5
O_ADDRESS, O_IMAGE, O_BLOCK, O_PLANE, O_ROW = range(OPERAND)
O_PART, O_PARTS = O_PLANE, O_ROW  # of a sum over parts: bytes from part to part, and how many there are

# what the kernel of a move reads
(M_SOURCE, M_TURNS, M_PIECES, M_CHUNK, M_SOURCE_IMAGE, M_TABLE, M_RESULT, M_RESULT_IMAGE, M_VECTORS) = range(FIRST_WORD, 17)

# an edge, the halo of one output: base of a plane with its halo, then strides and sizes
E_ADDRESS, E_IMAGE, E_BLOCK, E_PLANE, E_ROW, E_PIXEL, E_DEPTH, E_ROWS, E_COLUMNS, E_HALO_D, E_HALO_H, E_HALO_W = range(12)
EDGE = 12
