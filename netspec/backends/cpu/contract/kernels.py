"""The two micro-kernels every contraction runs on, as emitted vector instructions: `gather` and `outer`.

`gather` keeps `tile` places of the output times one vector of channels in registers, walks a table of taps, and ends
with an epilogue: a list of expressions, so that bias, residual, activation and sums cost no pass over memory of their
own. `outer` keeps a few scalars' worth of a weight gradient in registers and walks pixels. What is literal here (tile,
unit, pixel strides, epilogue) makes a kernel; all else is an argument, so a few kernels serve a whole network.

An epilogue is a tuple of
    ("let", name, expression)    a value for later expressions
    ("store", k, name)           into output k
    ("sum", k, expression)       added into the k-th sum of this image, block of channels and part
over `acc`, `e0`.. (operands read at the output's place), `c0`.. (one number per channel), constants and earlier names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add, mul, sub, truediv
from typing import Any

from ..llvm.arithmetic import Vec
from ..llvm.vec import I32, I64, E, Value, i64
from ..llvm.vecmath import emit_power, emitters

Epilogue = tuple[tuple[str, Any, str], ...]
Emit = Callable[[Any, list[Value]], None]

# words of the frame that a gather's driver fills for each row of tiles
FRAME_MASK, FRAME_STRIDE, FRAME_SUMS, FRAME_OPERANDS = 0, 1, 2, 4  # then address and pixel stride of each operand, then vectors

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv}
COMPARISONS: dict[type[ast.cmpop], str] = {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}
FUNCTIONS: dict[str, Callable[..., Vec]] = {**emitters(), "fma": Vec.fma, "power": emit_power}


def expression(e: E, text: str, names: dict[str, Value]) -> Value:
    """An expression in Python's syntax as vector instructions, of the same bits as in an element-wise kernel."""
    constant = Vec(e.b, e.zero())

    def go(n: ast.expr) -> Any:
        match n:
            case ast.Name(i):
                return Vec(e.b, names[i])
            case ast.Constant(int(c) | float(c)):
                return float(c)
            case ast.UnaryOp(ast.USub(), x):
                return -go(x)
            case ast.BinOp(x, op, y) if type(op) in OPERATORS:
                return OPERATORS[type(op)](go(x), go(y))
            case ast.BinOp(x, ast.Pow(), ast.Constant(2 | 2.0)):
                v = go(x)
                return v * v
            case ast.Call(ast.Name("where"), [test, x, y]):
                return condition(test).select(constant.of(go(x)), go(y))
            case ast.Call(ast.Name(f), arguments) if f in FUNCTIONS:
                first, *others = map(go, arguments)
                return FUNCTIONS[f](constant.of(first), *others)
        raise NotImplementedError(f"no vector form of {ast.unparse(n)}")

    def condition(n: ast.expr) -> Vec:
        match n:
            case ast.Compare(x, [op], [y]):
                return constant.of(go(x)).compare(COMPARISONS[type(op)], go(y))
            case ast.BoolOp(op, values):
                out = condition(values[0])
                for v in values[1:]:
                    out = out & condition(v) if isinstance(op, ast.And) else out | condition(v)
                return out
            case ast.UnaryOp(ast.Not(), x):
                return ~condition(x)
        raise NotImplementedError(f"no vector form of the condition {ast.unparse(n)}")

    return constant.of(go(ast.parse(text, mode="eval").body)).value


def names_in(epilogue: Epilogue) -> set[str]:
    """Every name an epilogue reads."""
    return {n.id for how, _, text in epilogue for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}


class Ending:
    """The epilogue of a kernel, emitted for one vector of results at a time."""

    def __init__(self, e: E, epilogue: Epilogue, frame: Value, outputs: int, extras: int, masked: bool):
        self.e, self.epilogue, self.outputs = e, epilogue, outputs
        used = names_in(epilogue)
        self.extras = [k for k in range(extras) if f"e{k}" in used]
        vectors = FRAME_OPERANDS + 2 * (outputs + extras)
        self.constants = {f"c{k}": e.load(e.pointer(e.word(frame, vectors + k))) for k in range(16) if f"c{k}" in used}
        self.mask = None
        if masked:  # all bits of a real lane are set
            bits = e.b.load(e.pointer(e.word(frame, FRAME_MASK)), align=e.item, typ=e.integers)
            self.mask = e.b.icmp_signed("!=", bits, e.iconst(0))
        self.sum_at = e.pointer(e.word(frame, FRAME_SUMS))
        self.sums: dict[int, Value] = {k: e.load(self.sum_at, e.bytes * k) for how, k, _ in epilogue if how == "sum"}

    def real(self, v: Value) -> Value:
        """Zero in the lanes past the last channel."""
        return v if self.mask is None else self.e.b.select(self.mask, v, self.e.zero())

    def apply(self, acc: Value, outputs: Sequence[tuple[Value, Value | int]],
              extras: Sequence[tuple[Value, Value | int]]) -> None:
        """Outputs and extras are (pointer, offset in bytes)."""
        e = self.e
        names = dict(self.constants, acc=acc)
        for k in self.extras:
            names[f"e{k}"] = e.load(*extras[k])
        for how, k, text in self.epilogue:
            if how == "let":
                names[k] = expression(e, text, names)
            elif how == "store":
                e.store(self.real(names[text]), *outputs[k])
            else:
                self.sums[k] = e.b.fadd(self.sums[k], self.real(expression(e, text, names)))

    def finish(self) -> None:
        for k, v in self.sums.items():
            self.e.store(v, self.sum_at, self.e.bytes * k)


@dataclass(frozen=True)
class _Tile:
    """The places of one tile, as (pointer, offset in bytes), and what taps add to them; the words are `gather`'s."""

    e: E
    form: str
    unit: int
    inner: int
    table: Value
    weights: Value
    places: Sequence[tuple[Value, int]]

    def tap(self, k: Value, acc: Sequence[Value], reached: range) -> Sequence[Value]:
        """Every scalar of the k-th tap times its weights, added to the places it reaches."""
        e, b, unit, inner = self.e, self.e.b, self.unit, self.inner
        at = b.load(e.offset(self.table, b.mul(k, i64(8))), align=8, typ=I64)
        w = e.offset(self.weights, b.mul(k, i64(unit * e.bytes)))
        if self.form == "lanes":
            return self.shuffled(at, w, acc)
        if self.form == "apart":
            following = b.load(e.offset(self.table, b.add(b.mul(k, i64(8)), i64(8))), align=8, typ=I64)
            for p, o in self.places:
                e.prefetch(e.offset(p, following), o)
        if inner == unit:
            return self.scalars(at, w, acc, reached)

        def part(i: Value, acc: Sequence[Value]) -> Sequence[Value]:
            further = b.add(at, b.mul(i, i64(e.item * inner)))
            return self.scalars(further, e.offset(w, b.mul(i, i64(inner * e.bytes))), acc, reached)
        return e.loop(i64(unit // inner), acc, part)

    def scalars(self, at: Value, w: Value, acc: Sequence[Value], reached: range) -> list[Value]:
        """`inner` scalars of a tap, each in all lanes, times a vector of weights each."""
        e, out = self.e, list(acc)
        for u in range(self.inner):
            v = e.load(w, u * e.bytes)
            for m in reached:
                p, o = self.places[m]
                out[m] = e.fma(e.broadcast(e.offset(p, at), o + e.item * u), v, out[m])
        return out

    def shuffled(self, at: Value, w: Value, acc: Sequence[Value]) -> list[Value]:
        """A tap that is a vector: each lane meets the lanes of its own group, a shuffle for each of them."""
        e, unit = self.e, self.unit
        vs = [e.load(w, e.bytes * u) for u in range(unit)]
        orders = [[k // unit * unit + u for k in range(e.width)] for u in range(unit)]
        out = []
        for a, (p, o) in zip(acc, self.places):
            v = e.load(e.offset(p, at), o)
            for u in range(unit):
                a = e.fma(v if unit == 1 else e.shuffle(v, orders[u]), vs[u], a)
            out.append(a)
        return out


def _places(e: E, base: Value, t: Value, tile: int, stride: Value | int) -> list[tuple[Value, int]]:
    """The places of tile `t`, `stride` bytes apart: offsets where that is literal, pointers where the frame told it."""
    b = e.b
    if isinstance(stride, int):
        start = e.offset(base, b.mul(t, i64(tile * stride)))
        return [(start, m * stride) for m in range(tile)]
    start = e.offset(base, b.mul(t, b.mul(stride, i64(tile))))
    return [(e.offset(start, b.mul(stride, i64(m))), 0) for m in range(tile)]


def gather(tile: int, form: str, unit: int, inner: int, pixel: int | None, steps: tuple[int, ...] | None, outputs: int,
           extras: int, epilogue: Epilogue, masked: bool, lanes: int, kind: str, spans: tuple[tuple[int, int], ...] = ()) -> Emit:
    """`tile` places times `lanes` channels. Arguments: tiles, taps, table, x, weights, frame.

    `pixel` is the distance of two places in the image and `steps` in each operand, in bytes; both None: the frame tells
    (places are then images). `inner` scalars are unrolled. `form` is "blocks" (a tap is some scalars), "apart" (the same
    with taps that share no lines, fetched one tap ahead) or "lanes" (a tap is a vector that meets shuffles of itself).
    Where the tile is a whole row, `spans` are the places that each of its column taps reaches within the image; the
    others would multiply zeros.
    """
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes, kind)
        tiles, taps, table, x, weights, frame = args
        TABLE, X, W, FRAME = map(e.pointer, (table, x, weights, frame))
        stride = pixel if pixel is not None else e.word(FRAME, FRAME_STRIDE)

        def operand(j: int, t: Value) -> list[tuple[Value, int]]:
            base = e.pointer(e.word(FRAME, FRAME_OPERANDS + 2 * j))
            return _places(e, base, t, tile, steps[j] if steps is not None else e.word(FRAME, FRAME_OPERANDS + 2 * j + 1))

        def one_tile(t: Value, carried: list[Value]) -> list[Value]:
            here = _Tile(e, form, unit, inner, TABLE, W, _places(e, X, t, tile, stride))

            def row_of_taps(k: Value, acc: Sequence[Value]) -> Sequence[Value]:
                for v, (first, last) in enumerate(spans):
                    acc = here.tap(b.add(b.mul(k, i64(len(spans))), i64(v)), acc, range(first, last))
                return acc

            def one_tap(k: Value, acc: Sequence[Value]) -> Sequence[Value]:
                return here.tap(k, acc, range(tile))

            none = [e.zero()] * tile
            acc = e.loop(b.sdiv(taps, i64(len(spans))), none, row_of_taps) if spans else e.loop(taps, none, one_tap)
            ending = Ending(e, epilogue, FRAME, outputs, extras, masked)
            operands = [operand(j, t) for j in range(outputs + extras)]
            for m in range(tile):
                ending.apply(acc[m], [o[m] for o in operands[:outputs]], [o[m] for o in operands[outputs:]])
            ending.finish()
            return []

        e.loop(tiles, [], one_tile)
    return emit


def outer(offsets: tuple[int, ...], form: str, unit: int, lanes: int, kind: str) -> Emit:
    """A weight gradient's elements in registers: the sum over images, rows and pixels of x[offset] * y.

    Arguments: images, rows, pixels, x and its strides per image, row and pixel, y and its strides, where to, whether to
    add to what is there. In the form `lanes` every offset is a vector that meets `unit` shuffles of itself.
    """
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes, kind)
        images, rows, pixels, x, ximage, xrow, xpixel, y, yimage, yrow, ypixel, into, add = args
        X, Y, OUT = map(e.pointer, (x, y, into))
        orders = [[k // unit * unit + u for k in range(lanes)] for u in range(unit)]
        count = len(offsets) * (unit if form == "lanes" else 1)

        def image(i: Value, acc: list[Value]) -> list[Value]:
            X1, Y1 = e.offset(X, b.mul(i, ximage)), e.offset(Y, b.mul(i, yimage))

            def row(r: Value, acc: list[Value]) -> list[Value]:
                X2, Y2 = e.offset(X1, b.mul(r, xrow)), e.offset(Y1, b.mul(r, yrow))

                def pixel(p: Value, acc: list[Value]) -> list[Value]:
                    at = e.offset(X2, b.mul(p, xpixel))
                    v = e.load(e.offset(Y2, b.mul(p, ypixel)))
                    if form != "lanes":
                        return [e.fma(e.broadcast(at, o), v, acc[k]) for k, o in enumerate(offsets)]
                    out = []
                    for k, o in enumerate(offsets):
                        s = e.load(at, o)
                        out += [e.fma(s if unit == 1 else e.shuffle(s, orders[u]), v, acc[k * unit + u]) for u in range(unit)]
                    return out
                return e.loop(pixels, acc, pixel)
            return e.loop(rows, acc, row)

        acc = e.loop(images, [e.zero()] * count, image)
        with b.if_else(b.icmp_signed("!=", add, i64(0))) as (yes, no):
            with yes:
                for k, a in enumerate(acc):
                    e.store(b.fadd(a, e.load(OUT, e.bytes * k)), OUT, e.bytes * k)
            with no:
                for k, a in enumerate(acc):
                    e.store(a, OUT, e.bytes * k)
    return emit


def fold(masked: bool, lanes: int, kind: str) -> Emit:
    """Sums of parts, in order. Arguments: vectors, to, parts, number of parts, bytes of a part, mask (integers as wide as
    elements: zero clears)."""
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes, kind)
        vectors, to, parts, count, far, mask = args

        def vector(i: Value, carried: list[Value]) -> list[Value]:
            at = b.mul(i, i64(e.bytes))
            first = e.offset(e.pointer(parts), at)
            (total,) = e.loop(b.sub(count, i64(1)), [e.load(first)],
                              lambda k, s: [b.fadd(s[0], e.load(e.offset(first, b.mul(far, b.add(k, i64(1))))))])
            if masked:
                bits = b.load(e.offset(e.pointer(mask), at), align=e.item, typ=e.integers)
                total = b.select(b.icmp_signed("!=", bits, e.iconst(0)), total, e.zero())
            e.store(total, e.offset(e.pointer(to), at))
            return []
        e.loop(vectors, [], vector)
    return emit


def pick(kind: str) -> Emit:
    """to[i] = source[index[i]], zero where the index (int32) is negative. Arguments: elements, to, source, index."""
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, 1, kind)
        count, to, source, index = args

        def one(i: Value, carried: list[Value]) -> list[Value]:
            k = b.sext(b.load(e.offset(e.pointer(index), b.mul(i, i64(4))), align=4, typ=I32), I64)
            real = b.icmp_signed(">=", k, i64(0))
            value = b.load(e.offset(e.pointer(source), b.mul(b.select(real, k, i64(0)), i64(e.item))), align=e.item,
                           typ=e.integer)
            b.store(b.select(real, value, value.type(0)), e.offset(e.pointer(to), b.mul(i, i64(e.item))), align=e.item)
            return []
        e.loop(count, [], one)
    return emit


def move(turned: bool, lanes: int, kind: str) -> Emit:
    """Blocks of lanes x lanes elements to new places, transposed if `turned`. Arguments: blocks, to, source, and for each
    block which of the source's it is (int32)."""
    def emit(b: Any, args: list[Value]) -> None:
        e = E(b, lanes, kind)
        count, to, source, table = args
        size = lanes * e.bytes

        def one(i: Value, carried: list[Value]) -> list[Value]:
            k = b.sext(b.load(e.offset(e.pointer(table), b.mul(i, i64(4))), align=4, typ=I32), I64)
            start, target = e.offset(e.pointer(source), b.mul(k, i64(size))), e.offset(e.pointer(to), b.mul(i, i64(size)))
            rows = [e.load(start, e.bytes * r) for r in range(lanes)]
            far = lanes // 2
            while turned and far:  # swap the off-diagonal quarters of every square of side 2*far
                for r in range(lanes):
                    if not r & far:
                        low, high = rows[r], rows[r + far]
                        rows[r] = e.merge(low, high, [k if not k & far else lanes + k - far for k in range(lanes)])
                        rows[r + far] = e.merge(low, high, [k + far if not k & far else lanes + k for k in range(lanes)])
                far //= 2
            for r, v in enumerate(rows):
                e.store(v, target, e.bytes * r)
            return []
        e.loop(count, [], one)
    return emit
