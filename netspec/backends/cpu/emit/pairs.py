"""Source of a `pairs` step: products of two values of one image, summed. Gram matrices and their gradients.

    g[n,a,b] += x[n,a,h,w] * y[n,b,h,w]           u[n,a,h,w] += d[n,a,b] * y[n,b,h,w]

An item is one image and one block of the channels `a`, which are the lanes; some `b`, or some places, are summed at a time
in registers. The texts hold no extents: there are two kernels in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ....ir.formula import Access
from ....ir.graph import Node, Value
from ....ir.layout import Image
from ..families.pairs import pairing
from ..families.step import step_of
from ..row import BLOCKS, IMAGES, O_BLOCK, O_IMAGE, O_PLANE, O_ROW, OPERANDS, SIZES
from .lanes import Emitted, kernel_text
from .text import clear_edge, operand_word, told

TILE = 8  # sums in registers


def emit_pairs(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> tuple[Emitted, int]:
    """The kernel of a step of one formula, and the bytes of scratch it needs."""
    item = 8 if dtype == "float64" else 4
    (n,) = step_of(node).nodes
    f = n.formula
    bound = dict(zip(f.operands, n.inputs))
    form, lane, other = pairing(f, tuple(values[i].type for i in n.inputs), n.type) or ("", f.reads[0], f.reads[1])

    def shape(a: Access) -> tuple[int, ...]:
        return tuple(s or 0 for s in values[bound[a.name]].type.shape)

    space = shape(other)[1:]
    sizes = (prod(space[:-1]), space[-1], space[-2] if len(space) > 1 else 1, shape(other)[0])
    body = [told(args=OPERANDS, images=IMAGES, blocks=BLOCKS), "n, b = item // blocks, item % blocks",
            told(**{name: SIZES + k for k, name in enumerate(("rows", "width", "height", "others"))}),
            f"x, y = {_image(0)} + b * {operand_word(0, O_BLOCK)}, {_image(1)}",
            f"to = {_image(2)} + b * {operand_word(2, O_BLOCK)}"]
    layout = values[node.name].layout
    outputs = (node.name,) if isinstance(layout, Image) and any(layout.halo) else ()
    if outputs:
        body.append(clear_edge(0))
    body += correlate(lanes, item) if form == "correlate" else spread(lanes, item)
    name, text = kernel_text("pairs", [*body, "return 0"], dtype, lanes)
    scratch = -(-shape(other)[0] // lanes) * lanes * lanes * 8 if form == "correlate" else 0
    return Emitted(name, text, (bound[lane.name], bound[other.name], node.name), outputs, sizes), scratch


def _image(k: int) -> str:
    """Where image `n` of an operand begins."""
    return f"{operand_word(k)} + n * {operand_word(k, O_IMAGE)}"


def _row(k: int) -> str:
    """From there to row `r`, counted through all planes."""
    return f"r // height * {operand_word(k, O_PLANE)} + r % height * {operand_word(k, O_ROW)}"


def correlate(lanes: int, item: int) -> list[str]:
    """Row by row of the image, so that a row is read from the nearest cache; the sums of rows meet in float64."""
    tile, vector = min(TILE, lanes), lanes * item
    sums = range(tile)
    return [
        f"clear(scratch, {8 * lanes} * ((others + {lanes - 1}) // {lanes} * {lanes}))",
        "for r in range(rows):",
        f"    xr = x + {_row(0)}",
        f"    yr = y + {_row(1)}",
        f"    for j in range(0, others, {tile}):",
        f"        from_ = yr + j // {lanes} * {operand_word(1, O_BLOCK)} + {item} * (j % {lanes})",
        *(f"        s{i} = splat(0.0)" for i in sums),
        "        for p in range(width):",
        f"            v, q = load(xr + {vector} * p), from_ + {vector} * p",
        *(f"            s{i} = fma(v, splat(get(q + {item * i})), s{i})" for i in sums),
        f"        at_ = scratch + {8 * lanes} * j",
        *(f"        store(at_ + {8 * lanes * i}, load64(at_ + {8 * lanes * i}) + to_float64(s{i}))" for i in sums),
        "for j in range(others):",
        f"    store(to + {vector} * j, {'to_float32' if item == 4 else ''}(load64(scratch + {8 * lanes} * j)))",
    ]


def spread(lanes: int, item: int) -> list[str]:
    """Some places at a time, every other channel in turn."""
    vector = lanes * item
    out = ["for r in range(rows):", f"    yr = y + {_row(1)}", f"    tr = to + {_row(2)}"]
    for tile, places in ((TILE, f"range(0, width // {TILE} * {TILE}, {TILE})"), (1, f"range(width // {TILE} * {TILE}, width)")):
        out += [f"    for p in {places}:", *(f"        s{i} = splat(0.0)" for i in range(tile)),
                f"        for k in range((others + {lanes - 1}) // {lanes}):",
                f"            from_ = yr + k * {operand_word(1, O_BLOCK)} + {vector} * p",
                f"            for j in range(min({lanes}, others - {lanes} * k)):",
                f"                v, q = load(x + {vector} * ({lanes} * k + j)), from_ + {item} * j",
                *(f"                s{i} = fma(v, splat(get(q + {vector * i})), s{i})" for i in range(tile)),
                *(f"        store(tr + {vector} * (p + {i}), s{i})" for i in range(tile))]
    return out
