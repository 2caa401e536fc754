"""Docstrings as netspec writes them, as Markdown: arguments in two columns become a list."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROW = re.compile(r"^([a-z]\w*(?:, \w+)*)(?:  +)(\S.*)$")  # name, two blanks or more, what it is


def markdown(text: str) -> str:
    """
    device      "cpu" (Numba)         becomes        - `device`: "cpu" (Numba)
    dtype       "float32"                            - `dtype`: "float32"
    """
    out: list[str] = []
    listed = False
    for line in text.splitlines():
        row = ROW.match(line)
        if row:
            out += [""] if not listed else []
            out.append(f"- `{row[1]}`: {row[2]}")
        elif listed and line.startswith("  "):
            out.append("    " + line.strip())
        else:
            out += [""] if listed and line.strip() else []
            out.append(line)
        listed = row is not None or (listed and line.startswith("  "))
    return "\n".join(out)


class Plain(griffe.Extension):
    """Called by mkdocstrings for each object that it has read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
