"""Source of a `lanes` step: everything local to one image and one block of channels.

An item is a block of channels of a few images. Operands are records of five words in the row's table of operands
(address of place (0, 0, 0), bytes from image to image, block to block, plane to plane, row to row), so that the text is
the same for every size and one compiled kernel serves many layers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ....ir.formula import Pieces
from ....ir.graph import Node, Value
from ....ir.layout import Image
from ..families.nests import domain_of, nests
from ..families.step import step_of
from ..row import BLOCKS, CHANNELS, CHUNK, EDGE_COUNT, IMAGES, OPERANDS
from .nests import NestWriter
from .scatters import Scatter
from .text import Text, clear_edge, row_word, told, told_sizes


@dataclass(frozen=True)
class Emitted:
    """A kernel's name and text, and what its row must hold."""

    name: str
    text: str
    operands: tuple[str, ...]  # values, in the order of the operand records
    outputs: tuple[str, ...]  # values whose halo the kernel clears
    sizes: tuple[int, ...]  # numbers the text reads from the row: extents
    shifts: tuple[int, ...] = ()  # of each operand: the block of channels that its first block meets


def emit_lanes(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    """The kernel of a fused step. `values` are those of the fused, laid out program."""
    step = step_of(node)
    near = {i: values[i] for n in step.nodes for i in n.inputs if i in values} | {v.name: v for v in node.results}
    types = {k: v.type for k, v in near.items()} | {v.name: v.type for n in step.nodes for v in n.results}
    layouts = {k: v.layout for k, v in near.items()}
    stored = {v.name for v in node.results}
    t = Text(dtype, lanes)
    extents = {n.name: {} if isinstance(n.op, Pieces)
               else n.formula.extents(tuple(types[i] for i in n.inputs), tuple(v.type for v in n.results)) for n in step.nodes}
    every = nests(step.nodes, {n.name: domain_of(n, extents[n.name]) for n in step.nodes})
    for nest in every:
        writer = NestWriter(t, nest, types, layouts, stored, extents, placed=step.placed)
        (Scatter(writer) if nest.form in ("push", "piece") else writer).emit()
    outputs = tuple(v.name for v in node.results if isinstance(v.layout, Image) and any(v.layout.halo))
    body = [told(args=OPERANDS, images=IMAGES, blocks=BLOCKS, chunk=CHUNK), "b = item % blocks",
            f"left = {row_word(CHANNELS)} - {lanes} * b"]
    body += [*told_sizes(f"z{k}" for k in range(len(t.sizes))), *t.head]
    body += ["first = item // blocks * chunk", "for n in range(first, min(images, first + chunk)):"]
    if outputs:
        body += [f"    for k in range({row_word(EDGE_COUNT)}):", f"        {clear_edge('k')}"]
    body += ["    " + x for x in (*t.image_head, *t.lines)]
    body += ["return 0"]
    name, text = kernel_text("lanes", body, dtype, lanes)
    return Emitted(name, text, tuple(v for v, _ in t.operands), outputs, tuple(t.sizes), tuple(k for _, k in t.operands))


def kernel_text(kind: str, body: list[str], dtype: str, lanes: int) -> tuple[str, str]:
    """A kernel's name, made of its text, and the text."""
    lines = "\n".join("    " + x for x in body)
    name = f"{kind}_{hashlib.sha256(f'{dtype}{lanes}{lines}'.encode()).hexdigest()[:8]}"
    return name, f"def {name}(row, item, scratch):\n{lines}\n"
