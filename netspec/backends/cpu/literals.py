"""Values of the emitted module as a person reads them: Python text without fields that say nothing, lines not too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from ...ir.contraction import ONE, AxisPhase
from ...ir.weight_order import WeightOrder

WIDTH = 160


Known = Mapping[Any, str]  # weight orders that have a name


def literal(value: Any, indent: int = 0, used: int = 0, known: Known | None = None) -> str:
    """The text of a value that begins `used` characters into a line; further lines are indented by `indent` and more."""
    if isinstance(value, AxisPhase):
        return "ONE" if value == ONE else f"AxisPhase({', '.join(repr(getattr(value, f.name)) for f in fields(value))})"
    if known and isinstance(value, WeightOrder) and value in known:
        return known[value]
    if is_dataclass(value) and not isinstance(value, type):
        return call_text(type(value).__name__, value, indent, used, known)
    if isinstance(value, tuple):
        parts = [literal(v) for v in value]
        return filled("(", [*parts[:-1], parts[-1] + ("," if len(parts) == 1 else "")] if parts else [], ")", indent, used)
    if isinstance(value, dict):
        return filled("{", [f"{k!r}: {literal(v)}" for k, v in value.items()], "}", indent, used)
    return repr(value)


def filled(head: str, parts: list[str], end: str, indent: int, used: int) -> str:
    """Parts side by side, as many as fit into a line."""
    flat = head + ", ".join(parts) + end
    if used + len(flat) <= WIDTH or len(parts) < 2:
        return flat
    lines, line, room = [], head, WIDTH - used
    for k, part in enumerate(parts):
        part += end if k + 1 == len(parts) else ","
        if len(line) + 1 + len(part) > room and k:
            lines.append(line)
            line, room = " " * (indent + 4) + part, WIDTH
        else:
            line += (" " if k else "") + part
    return "\n".join([*lines, line])


def call_text(head: str, value: Any, indent: int = 0, used: int = 0, known: Known | None = None) -> str:
    """`head(...)` with the fields of a dataclass as arguments, those at their defaults left out."""
    given = [f for f in fields(value) if f.default is MISSING or getattr(value, f.name) != f.default]
    flat = f"{head}({', '.join(f'{f.name}={literal(getattr(value, f.name), 0, -10**6, known)}' for f in given)})"
    if used + len(flat) <= WIDTH:
        return flat
    inner, room = indent + 4, WIDTH - used
    lines, line = [], f"{head}("
    for k, f in enumerate(given):
        part = f"{f.name}=" + literal(getattr(value, f.name), inner, inner + len(f.name) + 1,
                                      known) + (")" if k + 1 == len(given) else ",")
        first, *more = part.split("\n")
        if len(line) + 1 + len(first) > room and line.strip():
            lines.append(line)
            line, room = " " * inner, WIDTH
        line += (" " if line.rstrip()[-1:] == "," else "") + first
        if more:
            lines += [line, *more[:-1]]
            line, room = more[-1], WIDTH
    return "\n".join([*lines, line])
