"""Source of a `feed` step: from an array where the caller has it, row-major, to the image that the program reads.

An item is some rows of a few images. A row is walked a vector at a time, and each number goes to its place of the image, among
the channels there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....ir.formula import access
from ....ir.graph import Node, Value
from ....ir.layout import Image
from ..families.step import step_of
from ..row import BLOCKS, CHUNK, IMAGES, O_BLOCK, O_IMAGE, O_PLANE, O_ROW, OPERANDS
from .expressions import source
from .lanes import Emitted, kernel_text
from .text import Text, clear_edge, operand_word, told, told_sizes

SHORT = 4096  # places of a plane without a halo that are one row
WORK = 16384  # numbers that are worth an item of their own


@dataclass(frozen=True)
class Rows:
    """How an array is walked: `count` rows of `width` numbers for each of `channels`, `height` of them a plane."""

    channels: int
    count: int
    width: int
    height: int
    step: int  # bytes in the image from number to number

    @property
    def chunk(self) -> int:
        """Images of an item."""
        return max(1, WORK // 2 // (self.channels * self.count * self.width))

    @property
    def pieces(self) -> int:
        """Items of an image."""
        return max(1, min(self.count, self.channels * self.count * self.width // WORK))


def rows_of(layout: Image) -> Rows:
    """Where there is one place, its channels are a row; where a small plane has no halo, its places are one."""
    d, h, w = layout.extents
    if d * h * w == 1 and layout.block == layout.pixel:
        return Rows(1, 1, layout.channels, 1, layout.item)
    if layout.solid and d * h * w <= SHORT:
        return Rows(layout.channels, 1, d * h * w, 1, layout.pixel)
    return Rows(layout.channels, d * h, w, h, layout.pixel)


def emit_feed(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    """The kernel of a feed. `values` are those of the fused, laid out program."""
    (result,) = node.results
    layout = result.layout
    assert isinstance(layout, Image)
    t, rows = Text(dtype, lanes), rows_of(layout)
    x, y = t.operand(_given(node, values)), t.operand(result.name)
    width, height, count, channels = (t.size(n) for n in (rows.width, rows.height, rows.count, rows.channels))
    maps, last = _maps(node, values, t, rows)
    where = f"r // {height} * {operand_word(y, O_PLANE)} + r % {height} * {operand_word(y, O_ROW)}"
    channel = f"c // {lanes} * {operand_word(y, O_BLOCK)} + c % {lanes} * {t.item}" if layout.block else f"c * {t.item}"
    row = [f"for c in range({channels}):", f"    at_row = {t.item} * {width} * (c * {count} + r)",
           f"    source, to = given + at_row, place + {channel}", *("    " + line for line in t.head)]
    if rows.width >= lanes:  # the last vector may go over some numbers again
        put = (f"store(to + {t.item} * w, {last})" if rows.step == t.item
               else f"scatter(to + {rows.step} * w, {rows.step}, {last})")
        row += [f"    for k in range(-(-{width} // {lanes})):", f"        w = min({lanes} * k, {width} - {lanes})",
                f"        x = load(source + {t.item} * w)", *("        " + line for line in (*maps, put))]
    else:
        row += [f"    for w in range({width}):", f"        put(scratch + {t.item} * w, get(source + {t.item} * w))",
                "    w, x = 0, load(scratch)", *("    " + line for line in maps), f"    store(scratch, {last})",
                f"    for w in range({width}):", f"        put(to + {rows.step} * w, get(scratch + {t.item} * w))"]
    if layout.block and layout.channels % lanes:  # lanes past the last channel stay zero
        places = 1 if rows.step == t.item else rows.width
        row.insert(0, f"clear(place + {t.size(layout.blocks - 1)} * {operand_word(y, O_BLOCK)}, {layout.pixel} * {t.size(places)})")
    edges = [f"for b in range({t.size(layout.blocks)} if piece == 0 else 0):", f"    {clear_edge(0)}"] if any(layout.halo) else []
    image = [f"given, image = {operand_word(x)} + n * {operand_word(x, O_IMAGE)}, {operand_word(y)} + n * {operand_word(y, O_IMAGE)}",
             *edges, f"for r in range(piece * {count} // pieces, (piece + 1) * {count} // pieces):",
             f"    place = image + {where}", *("    " + line for line in row)]
    body = [told(args=OPERANDS, images=IMAGES, pieces=BLOCKS, chunk=CHUNK), *told_sizes(f"z{k}" for k in range(len(t.sizes))),
            "begin, piece = item // pieces * chunk, item % pieces", "for n in range(begin, min(images, begin + chunk)):",
            *("    " + line for line in image), "return 0"]
    name, text = kernel_text("feed", body, dtype, lanes)
    return Emitted(name, text, tuple(v for v, _ in t.operands), (result.name,) if edges else (), tuple(t.sizes))


def _given(node: Node, values: Mapping[str, Value]) -> str:
    """What comes from outside."""
    (given,) = (i for i in step_of(node).nodes[0].inputs if values[i].type.batch)
    return given


def _maps(node: Node, values: Mapping[str, Value], t: Text, rows: Rows) -> tuple[list[str], str]:
    """The lines that make of a vector `x` of the array what is stored, and the name of that. What they read besides is found for
    each row of a channel (`Text.head`)."""
    (result,) = node.results
    made = {_given(node, values): "x"}

    def number(v: str) -> str:
        """Numbers that are the same for every example: one for the row, or one for each place of it."""
        shape, k = values[v].type.shape, t.operand(v)
        along = rows.step == t.item and rows.width == result.type.shape[0] and rows.channels == 1  # the row's places are channels
        if shape == (1,) or (len(shape) == 1 and not along):
            line = f"k{k} = splat(get({operand_word(k)}" + (f" + {t.item} * c))" if shape != (1,) else "))")
        else:
            line = f"p{k} = {operand_word(k)} + at_row"
        if line not in t.head:
            t.head.append(line)
        return f"load(p{k} + {t.item} * w)" if line[0] == "p" else f"k{k}"

    def read(v: str) -> str:
        return made.get(v) or number(v)

    lines = []
    for k, n in enumerate(step_of(node).nodes):
        bound = dict(zip(n.formula.operands, n.inputs))
        text = source(n.formula.right, lambda s, bound=bound: read(bound[access(s).name]), str, lambda r: "0.0")  # type: ignore[misc]
        lines.append(f"v{k} = {text}")
        made[n.name] = f"v{k}"
    return lines, made[result.name]
