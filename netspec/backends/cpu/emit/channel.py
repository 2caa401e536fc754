"""Source of `channel` and `flat` steps: per-channel numbers and whole vectors.

A channel item is one block of channels. Sums over images run in a fixed order in float64, and so does the arithmetic
between channels; results are rounded once, when stored. A flat item is a run of a few thousand elements.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ....ir.formula import Formula
from ....ir.graph import Node, Value
from ..families.step import step_of
from ..row import CHANNELS, CHUNK, IMAGES, O_BLOCK, O_IMAGE, O_PART, O_PARTS, OPERANDS
from .expressions import keeps_zero, source
from .lanes import Emitted, kernel_text
from .text import SAMPLE_COUNT, operand_word, row_word, told


def emit_channel(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    step = step_of(node)
    item = 8 if dtype == "float64" else 4
    types = {i: values[i].type for n in step.nodes for i in n.inputs if i in values} | {v.name: v.type for n in step.nodes
                                                                                        for v in n.results}
    stored = [v.name for v in node.results]
    operands: dict[str, int] = {}
    names: dict[str, str] = {}
    wide = "splat64(0.0)"
    body = [told(args=OPERANDS, images=IMAGES, N=SAMPLE_COUNT), "b = item", f"left = {row_word(CHANNELS)} - {lanes} * b"]

    def operand(v: str) -> int:
        return operands.setdefault(v, len(operands))

    def vector(v: str, f: Formula, axis_free: bool) -> str:
        """A per-channel number, or a single one, in every lane."""
        if v in names:
            return names[v]
        k = operand(v)
        names[v] = f"k{k}"
        body.append(f"k{k} = to_float64(load({operand_word(k)} + {lanes * item} * b))" if axis_free
                    else f"k{k} = splat64(float(get({operand_word(k)})))")
        return names[v]

    for j, n in enumerate(step.nodes):
        f = n.formula
        bound = dict(zip(f.operands, n.inputs))
        loop_reads = {r.name: bound[r.name] for r in f.reads if types[bound[r.name]].batch}
        # a number for all channels
        spread = {bound[r.name] for r in f.reads if r.name in loop_reads and not r.axes[1].terms and f.target.axes[0].terms}
        t = f"t{j}"

        def read(s: ast.Subscript, bound: dict[str, str] = bound, f: Formula = f, loop_reads: dict[str, str] = loop_reads) -> str:
            local = s.value.id  # type: ignore[attr-defined]
            if local in loop_reads:
                return f"x{operand(bound[local])}"
            r = next(r for r in f.reads if r.name == local)
            return vector(bound[local], f, bool(r.axes[0].terms))

        def zero(s: ast.Subscript, bound: dict[str, str] = bound, spread: set[str] = spread) -> bool:
            return bound[s.value.id] not in spread  # type: ignore[attr-defined]

        text = source(f.right, read, lambda i: i, lambda r: "0.0", "splat64")
        if loop_reads:
            body.append(f"{t} = {wide}")
            first = operand(next(iter(loop_reads.values())))
            body.append("for n in range(images):")
            body.append(f"    for q in range({operand_word(first, O_PARTS)}):")
            for v in loop_reads.values():
                k = operand(v)
                at = f"{operand_word(k)} + n * {operand_word(k, O_IMAGE)}"
                far = f"{at} + b * {operand_word(k, O_BLOCK)} + q * {operand_word(k, O_PART)}"
                body.append(f"        x{k} = splat64(float(get({at})))" if v in spread else
                            f"        x{k} = to_float64(load({far}))")
            body.append(f"        {t} += {text}")
        else:
            body.append(f"{t} = {text}" if _has_vector(f) else f"{t} = splat64({text})")
        names[n.name] = t
        if n.name in stored:
            k = operand(n.name)
            value = t if keeps_zero(f.right, zero) else f"keep({t}, left)"
            narrow = f"to_float32({value})" if dtype == "float32" else value
            body.append(f"store({operand_word(k)} + {lanes * item} * b, {narrow})")
    name, text = kernel_text("channel", [*body, "return 0"], dtype, lanes)
    return Emitted(name, text, tuple(operands), (), ())


def _has_vector(f: Formula) -> bool:
    return bool(f.reads)


def emit_flat(node: Node, values: Mapping[str, Value], dtype: str, lanes: int, scalars: frozenset[str] = frozenset()) -> Emitted:
    """Element by element over vectors of one length; `scalars` are values of one element."""
    step = step_of(node)
    item = 8 if dtype == "float64" else 4
    stored = [v.name for v in node.results]
    operands: dict[str, int] = {}
    names: dict[str, str] = {}
    head = [told(args=OPERANDS, size=IMAGES, chunk=CHUNK), "start = item * chunk"]
    inner: list[str] = []

    def operand(v: str) -> int:
        return operands.setdefault(v, len(operands))

    for j, n in enumerate(step.nodes):
        f = n.formula
        bound = dict(zip(f.operands, n.inputs))

        def read(s: ast.Subscript, bound: dict[str, str] = bound) -> str:
            v = bound[s.value.id]  # type: ignore[attr-defined]
            if v in names:
                return names[v]
            k = operand(v)
            if v in scalars:
                head.append(f"k{k} = splat(get({operand_word(k)}))")
                names[v] = f"k{k}"
            else:
                head.append(f"a{k} = {operand_word(k)}")
                inner.append(f"x{k} = load(a{k} + i)")
                names[v] = f"x{k}"
            return names[v]

        text = source(f.right, read, lambda i: i, lambda r: "0.0")
        inner.append(f"t{j} = {text}" if f.reads else f"t{j} = splat({text})")
        names[n.name] = f"t{j}"
        if n.name in stored:
            k = operand(n.name)
            head.append(f"a{k} = {operand_word(k)}")
            inner.append(f"store(a{k} + i, t{j})")
    body = [*head, f"for i in range({item} * start, {item} * min(size, start + chunk), {item * lanes}):",
            *("    " + x for x in inner), "return 0"]
    name, text = kernel_text("flat", body, dtype, lanes)
    return Emitted(name, text, tuple(operands), (), ())
