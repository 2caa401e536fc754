"""The readable module of a network: one call per operation, above each the line of the spec and the formulas it computes.

The table that runs is built by doing these calls against a machine (`Recorder`), so what a person reads is what the
processor does: running the text against one gives the same table, which a test holds. `netspec show kernels` prints it
with every kernel it calls.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...ir.graph import Node
from ...ir.layout import Image, Layout, Packed
from ...ir.weight_order import WeightOrder
from ...plain import docstring, shown
from .families.step import Step
from .literals import call_text, literal
from .schedule import Schedule, Section


def section_text(name: str, section: Section, doc: str, stored: Mapping[str, Layout] | None = None) -> str:
    """One function of the module. Orders of `stored` weights are not spelled out again."""
    lines = [f"def {name}(m):", f'    """{docstring(doc)}"""']
    note: tuple[str, ...] = ()
    for call in section.calls:
        if call is None:
            lines.append("    m.barrier()")
            continue
        node = section.nodes.get(call.name)
        if node is not None and call.method != "fold":
            if notes(node) != note:
                note = notes(node)
                lines.append("")
                lines += [f"    # {x}" for x in note]
            lines += [f"    #     {formula(n)}" for n in node.op.nodes] if isinstance(node.op, Step) else []
        lines.append("    " + call_text(f"m.{call.method}", call, 4, 4, named(stored or {}, getattr(call, "source", ""))))
    if not section.calls:
        lines.append("    return")
    return "\n".join(lines) + "\n"


def named(stored: Mapping[str, Layout], near: str) -> dict[WeightOrder, str]:
    """What the orders of stored weights are called; of equal ones, that of the weight that `near` is named after."""
    weights = sorted((k for k, v in stored.items() if isinstance(v, Packed)), key=lambda k: k in near)
    return {stored[k].order: f"STORED[{k!r}].order" for k in weights}  # type: ignore[union-attr]


def notes(node: Node) -> tuple[str, ...]:
    """The lines of the spec that a node comes from, each with its own place, fit for a comment."""
    parts = node.op.nodes if isinstance(node.op, Step) else (node,)
    return tuple(dict.fromkeys(shown(f"{n.spans[0].source.name}:{n.spans[0].line}: {x}" if n.spans else x) for n in parts
                               for x in n.notes))


def formula(n: Node) -> str:
    """A formula with the names of the graph."""
    names = dict(zip(n.written.operands, n.inputs)) | {t.name: r.name for t, r in zip(n.written.targets, n.results)}
    return str(n.written.renamed(names)) + (f"    (over {n.effect})" if n.effect else "")


SECTIONS = {"predict": ("prepare", "predict", "statistics"), "gradients": ("prepare", "gradients", "statistics")}
DOCS = {"prepare": "Other forms of the weights: made again when a weight changes.", "predict": "Outputs, in evaluation mode.",
        "gradients": "Losses, outputs, and the gradient of every parameter into the flat vector `gradients`.",
        "statistics": "Running statistics."}


def entry_text(kind: str, s: Schedule) -> str:
    """The functions of one entry: prepare, main, effects."""
    names = SECTIONS[kind]
    parts = [section_text(name, section, DOCS[name]) for name, section in zip(names, (s.prepare, s.main, s.effects))]
    return "\n\n".join(parts)


def values_text(values: Mapping[str, Layout], indent: int = 4, stored: Mapping[str, Layout] | None = None) -> str:
    """Where each value lies, images first: the entries of a dict."""
    order = sorted(values, key=lambda k: not isinstance(values[k], Image))
    margin = " " * indent
    return "\n".join(
        f"{margin}{name!r}: {literal(values[name], indent, indent + len(repr(name)) + 3, named(stored or {}, name))},"
        for name in order)


def module_text(title: str, kind: str, s: Schedule, *, dtype: str, lanes: int, arena: int, kernels: bool = True) -> str:
    """The whole module of one entry, with its kernels, as `netspec show kernels` prints it."""
    head = [f'"""{docstring(title)}: emitted for the CPU, {dtype}, {lanes} channels a vector.', "",
            f"Arena: {arena} bytes a sample. The address of a value is its space + samples * at + plus; calls are explained above each.", '"""', ""]
    out = ["\n".join(head), f"VALUES = {{\n{values_text(s.layouts)}\n}}\n", entry_text(kind, s)]
    if kernels:
        out += [f"@kernel\n{text}" for text in s.kernels.values()]
    return "\n\n".join(out)

