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
from .expressions import keeps_zero, source
from .lanes import Emitted, kernel_text

WORDS = 5  # of an operand: address, bytes from image to image, block to block, part to part, number of parts


def emit_channel(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    step = step_of(node)
    item = 8 if dtype == "float64" else 4
    types = {i: values[i].type for n in step.nodes for i in n.inputs if i in values} | {v.name: v.type for n in step.nodes
                                                                                        for v in n.results}
    stored = [v.name for v in node.results]
    operands: dict[str, int] = {}
    names: dict[str, str] = {}
    wide = "splat64(0.0)"
    body = ["args, images, N = at(row, 8), at(row, 9), float(at(row, 4))", "b = item", f"left = at(row, 15) - {lanes} * b"]

    def operand(v: str) -> int:
        return operands.setdefault(v, len(operands))

    def vector(v: str, f: Formula, axis_free: bool) -> str:
        """A per-channel number, or a single one, in every lane."""
        if v in names:
            return names[v]
        k = operand(v)
        names[v] = f"k{k}"
        body.append(f"k{k} = to_float64(load(at(args, {WORDS * k}) + {lanes * item} * b))" if axis_free
                    else f"k{k} = splat64(float(get(at(args, {WORDS * k}))))")
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
            body.append(f"    for q in range(at(args, {WORDS * first + 4})):")
            for v in loop_reads.values():
                k = operand(v)
                at = f"at(args, {WORDS * k}) + n * at(args, {WORDS * k + 1})"
                body.append(f"        x{k} = splat64(float(get({at})))" if v in spread else
                            f"        x{k} = to_float64(load({at} + b * at(args, {WORDS * k + 2}) + q * at(args, {WORDS * k + 3})))")
            body.append(f"        {t} += {text}")
        else:
            body.append(f"{t} = {text}" if _has_vector(f) else f"{t} = splat64({text})")
        names[n.name] = t
        if n.name in stored:
            k = operand(n.name)
            value = t if keeps_zero(f.right, zero) else f"keep({t}, left)"
            narrow = f"to_float32({value})" if dtype == "float32" else value
            body.append(f"store(at(args, {WORDS * k}) + {lanes * item} * b, {narrow})")
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
    head = ["args, size, chunk = at(row, 8), at(row, 9), at(row, 11)", "start = item * chunk"]
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
                head.append(f"k{k} = splat(get(at(args, {WORDS * k})))")
                names[v] = f"k{k}"
            else:
                head.append(f"a{k} = at(args, {WORDS * k})")
                inner.append(f"x{k} = load(a{k} + i)")
                names[v] = f"x{k}"
            return names[v]

        text = source(f.right, read, lambda i: i, lambda r: "0.0")
        inner.append(f"t{j} = {text}" if f.reads else f"t{j} = splat({text})")
        names[n.name] = f"t{j}"
        if n.name in stored:
            k = operand(n.name)
            head.append(f"a{k} = at(args, {WORDS * k})")
            inner.append(f"store(a{k} + i, t{j})")
    body = [*head, f"for i in range({item} * start, {item} * min(size, start + chunk), {item * lanes}):",
            *("    " + x for x in inner), "return 0"]
    name, text = kernel_text("flat", body, dtype, lanes)
    return Emitted(name, text, tuple(operands), (), ())
