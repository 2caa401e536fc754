"""Where nodes stand in the program that wrote a file: in which of its modules, and of which classes."""

from __future__ import annotations

import ast
from typing import Any

NOTES = "pkg.torch.onnx."  # what the keys of PyTorch's notes beside a node begin with
LONG = 10_000  # characters of such a note, at most
CLASS = "\t"  # between a module and its class, in the place of a node
NO_CLASS = ("torch.nn.modules.container.", "aten.", "<")  # what only holds others, and what is no module


def place(node: Any) -> str:
    """The modules that a node stands in: PyTorch's newer exporter notes them beside it, with their classes, the older one has
    them in its name."""
    said = {p.key: p.value for p in getattr(node, "metadata_props", ()) if p.key.startswith(NOTES)}
    scopes, kinds = (_texts(said.get(NOTES + k, "")) for k in ("name_scopes", "class_hierarchy"))
    if not any(scopes):
        return str(node.name)
    kinds = kinds if len(kinds) == len(scopes) else [""] * len(scopes)
    out, above = [], ""
    for scope, kind in zip(scopes, kinds):
        if scope:
            name = scope.removeprefix(f"{above}.") if above and scope.startswith(f"{above}.") else scope
            name = f"{above.rpartition('.')[2]}.{name}" if name.isdigit() else name
            out.append(f"{name}{CLASS}{kind.rpartition('.')[2]}" if kind and not kind.startswith(NO_CLASS) else name)
            above = scope
    return "/".join(out)


def _texts(value: str) -> list[str]:
    """A list of texts, as Python writes it; nothing where it is none."""
    try:
        found = ast.literal_eval(value) if len(value) < LONG else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [str(t) for t in found] if isinstance(found, list) else []
