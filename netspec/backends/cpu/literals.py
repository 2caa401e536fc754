"""Values of the emitted module as a person reads them: Python text without fields that say nothing, lines not too long."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from ...ir.contraction import ONE, AxisPhase

WIDTH = 160


def literal(value: Any, indent: int = 0, used: int = 0) -> str:
    """The text of a value that begins `used` characters into a line; further lines are indented by `indent` and more."""
    if isinstance(value, AxisPhase):
        return "ONE" if value == ONE else f"AxisPhase({', '.join(repr(getattr(value, f.name)) for f in fields(value))})"
    if is_dataclass(value) and not isinstance(value, type):
        return call_text(type(value).__name__, value, indent, used)
    if isinstance(value, tuple) and any(is_dataclass(v) for v in value):
        parts = [literal(v, indent, used) for v in value]
        return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"
    return repr(value)


def call_text(head: str, value: Any, indent: int = 0, used: int = 0) -> str:
    """`head(...)` with the fields of a dataclass as arguments, those at their defaults left out."""
    given = [f for f in fields(value) if f.default is MISSING or getattr(value, f.name) != f.default]
    ending = ")"
    flat = f"{head}({', '.join(f'{f.name}={literal(getattr(value, f.name), 0, -10**6)}' for f in given)})"
    if used + len(flat) <= WIDTH:
        return flat
    inner = indent + 4
    lines, line = [], f"{head}("
    room = WIDTH - used
    for k, f in enumerate(given):
        part = f"{f.name}=" + literal(getattr(value, f.name), inner, inner + len(f.name) + 1) + (ending if k + 1 == len(given) else ",")
        first, *more = part.split("\n")
        if len(line) + 1 + len(first) > room and line.strip():
            lines.append(line)
            line, room = " " * inner, WIDTH
        line += (" " if line.rstrip()[-1:] == "," else "") + first
        if more:
            lines.append(line)
            lines += more[:-1]
            line = more[-1]
    return "\n".join([*lines, line])
