"""Winograd's F(4x4, 3x3) as emitted vector instructions: 36 multiplications where a 3x3 window over 4x4 places has 144.

    y = A^T [ (G w G^T) . (B^T x B) ] A        forward, and data gradients with the window turned
    dw = G^T [ (B^T x B) . (A dy A^T) ] G      weight gradients

(Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv:1509.09308.) The products in the
middle are 36 matrix products over channels and tiles, which run on the kernels `gather` and `outer`. Here are the
transforms around them, on vectors of channels; the last one carries the epilogue. Tiles that reach past the image read
zeros: rows from a row of zeros, columns by kernels made for a narrower last tile. float32 only: the error is some
1e-5 of the largest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...llvm.vec import E, Value, i64
from ..kernels import FRAME_OPERANDS, Emit, Ending, Epilogue

BT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0),
      (0, 4, 0, -5, 0, 1))
AT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
G = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6),
     (0, 0, 1))
A = tuple(zip(*AT))
GT = tuple(zip(*G))
Matrix = Sequence[Sequence[float]]


def combine(e: E, row: Sequence[float], values: Sequence[Value | None]) -> Value:
    """The sum of row[k] * values[k]; None is a vector of zeros."""
    out = None
    for c, x in sorted(zip(row, values), key=lambda term: abs(term[0]) != 1):
        if c == 0 or x is None:
            continue
        if out is None:
            out = x if c == 1 else e.b.fmul(e.const(c), x)
        elif c == 1:
            out = e.b.fadd(out, x)
        elif c == -1:
            out = e.b.fsub(out, x)
        else:
            out = e.fma(e.const(c), x, out)
    return e.zero() if out is None else out


def transform(e: E, m: Matrix, values: Sequence[Value | None]) -> list[Value]:
    """m . values. Rows 1, 2 and 3, 4 of a tall matrix, columns of a wide one, differ in the signs of every other term:
    their common halves are computed once."""
    if len(m) == 6:
        out = [combine(e, m[0], values)]
        for k in (1, 3):
            even = combine(e, [(p + q) / 2 for p, q in zip(m[k], m[k + 1])], values)
            odd = combine(e, [(p - q) / 2 for p, q in zip(m[k], m[k + 1])], values)
            out += [e.b.fadd(even, odd), e.b.fsub(even, odd)]
        return [*out, combine(e, m[5], values)]
    pairs: list[Value | None] = []
    for k in (1, 3):
        pairs += [e.b.fadd(values[k], values[k + 1]), e.b.fsub(values[k], values[k + 1])]
    rows = [(r[0], (r[1] + r[2]) / 2, (r[1] - r[2]) / 2, (r[3] + r[4]) / 2, (r[3] - r[4]) / 2, r[5]) for r in m]
    return [combine(e, r, [values[0], *pairs, values[5]]) for r in rows]


def _store_rows(e: E, m: Matrix, columns: list[list[Value]], to: Value, far: Value) -> None:
    """Store (m . x . m^T), element by element `far` bytes apart; `columns` are those of m . x."""
    for i in range(len(m)):
        for j, v in enumerate(transform(e, m, [c[i] for c in columns])):
            e.store(v, e.offset(to, e.b.mul(far, i64(i * len(m) + j))))


def tile_in(matrix: str, size: int, valid: int, lanes: int) -> Emit:
    """B^T x B of patches of 6x6 ("BT"), or A dy A^T of tiles of 4x4 ("A"): `size` pixels a side, of which the first
    `valid` columns are in the image.

    Arguments: tiles, x, bytes of its row, rows in the image, a row of zeros, to, bytes between elements.
    """
    m: Matrix = {"BT": BT, "A": A}[matrix]

    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes)
        tiles, x, row, real, zeros, to, far = args
        rows = [b.select(b.icmp_signed("<", i64(i), real), b.add(x, b.mul(row, i64(i))), zeros) for i in range(size)]

        def one(t: Value, carried: list[Value]) -> list[Value]:
            at = b.mul(t, i64(4 * e.bytes))
            starts = [e.offset(e.pointer(r), at) for r in rows]
            ahead = [e.offset(e.pointer(b.add(x, b.mul(row, i64(size + i)))), at) for i in range(4)]
            for p in ahead:
                for j in range(4):
                    e.prefetch(p, e.bytes * j)
            columns = []
            for j in range(size):
                d = [e.load(s, e.bytes * j) for s in starts] if j < valid else [None] * size
                columns.append(transform(e, m, d))
            _store_rows(e, m, columns, e.offset(e.pointer(to), b.mul(t, i64(e.bytes))), far)
            return []
        e.loop(tiles, [], one)
    return emit


def tile_out(valid: int, steps: tuple[int, ...], outputs: int, extras: int, epilogue: Epilogue, masked: bool, lanes: int) -> Emit:
    """A^T m A, then the epilogue, for tiles side by side of which the first `valid` columns are in the image.

    Arguments: tiles, m, bytes between its elements, rows in the image, frame: for each operand its address and the
    bytes of its row. `steps` are the bytes of a pixel of each operand.
    """
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes)
        tiles, m, far, real, frame = args
        FRAME = e.pointer(frame)
        count = outputs + extras
        bases = [e.pointer(e.word(FRAME, FRAME_OPERANDS + 2 * k)) for k in range(count)]
        strides = [e.word(FRAME, FRAME_OPERANDS + 2 * k + 1) for k in range(count)]

        def one(t: Value, carried: list[Value]) -> list[Value]:
            start = e.offset(e.pointer(m), b.mul(t, i64(e.bytes)))
            for p, s, far_row in zip(bases, steps, strides):
                for i in range(4):
                    ahead = e.offset(p, b.add(b.mul(t, i64(4 * s)), b.mul(far_row, i64(4 + i))))
                    for j in range(4):
                        e.prefetch(ahead, j * s, write=True)
            columns = []
            for j in range(6):
                d = [e.load(e.offset(start, b.mul(far, i64(i * 6 + j)))) for i in range(6)]
                columns.append(transform(e, AT, d))
            for i in range(4):
                with b.if_then(b.icmp_signed("<", i64(i), real), likely=True):
                    at = [e.offset(p, b.add(b.mul(t, i64(4 * s)), b.mul(far_row, i64(i))))
                          for p, s, far_row in zip(bases, steps, strides)]
                    ending = Ending(e, epilogue, FRAME, outputs, extras, masked)
                    for j, v in enumerate(transform(e, AT, [c[i] for c in columns])[:valid]):
                        places = [(p, j * s) for p, s in zip(at, steps)]
                        ending.apply(v, places[:outputs], places[outputs:])
                    ending.finish()
            return []
        e.loop(tiles, [], one)
    return emit


def weights_in(lanes: int) -> Emit:
    """G w G^T of one block of channels by one block of channels: 9 taps of lanes x lanes become 36.

    Arguments: w, to, bytes between elements.
    """
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes)
        w, to, far = args
        tap = lanes * e.bytes

        def one(k: Value, carried: list[Value]) -> list[Value]:
            at = b.mul(k, i64(e.bytes))
            source = e.offset(e.pointer(w), at)
            columns = [transform(e, G, [e.load(source, tap * (i * 3 + j)) for i in range(3)]) for j in range(3)]
            _store_rows(e, G, columns, e.offset(e.pointer(to), at), far)
            return []
        e.loop(i64(lanes), [], one)
    return emit


def weights_out(lanes: int) -> Emit:
    """dw = G^T (sum of parts, in order) G, of one block by one block. Arguments: u, bytes between elements, parts, bytes
    of a part, to."""
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes)
        u, far, parts, part, to = args
        tap = lanes * e.bytes

        def one(k: Value, carried: list[Value]) -> list[Value]:
            at = b.mul(k, i64(e.bytes))
            source = e.offset(e.pointer(u), at)

            def total(element: int) -> Value:
                first = e.offset(source, b.mul(far, i64(element)))
                (s,) = e.loop(b.sub(parts, i64(1)), [e.load(first)],
                              lambda p, c: [b.fadd(c[0], e.load(e.offset(first, b.mul(part, b.add(p, i64(1))))))])
                return s
            columns = []
            for j in range(6):
                d = [total(i * 6 + j) for i in range(6)]
                columns.append(transform(e, GT, d))
            target = e.offset(e.pointer(to), at)
            for i in range(3):
                row = transform(e, GT, [c[i] for c in columns])
                for j in range(3):
                    e.store(row[j], target, (i * 3 + j) * tap)
            return []
        e.loop(i64(lanes), [], one)
    return emit
