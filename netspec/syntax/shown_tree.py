"""The syntax tree as text, for `netspec show tree`: a node a line, small nodes as they were written."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from . import tree

INLINE = {tree.Number, tree.Dims, tree.Text, tree.Name, tree.Incoming, tree.Attribute, tree.Item, tree.Function, tree.Listing,
          tree.Unary, tree.Binary, tree.Conditional, tree.Range, tree.Option, tree.Stride, tree.Upto, tree.Param, tree.Spot}


def shown_tree(module: tree.Module) -> str:
    """Every item of a file, one under the other."""
    return "\n".join(_show(i, 0) for i in module.items)


def _show(node: Any, depth: int) -> str:
    """An indented print of the tree: a node a line, small nodes inline."""
    pad = "  " * depth
    if isinstance(node, (tuple, list)):
        return "\n".join(_show(n, depth) for n in node)
    if not hasattr(node, "span"):
        return f"{pad}{node!r}"
    if isinstance(node, (tree.Call, tree.Reference)) or type(node) in INLINE:
        return f"{pad}{type(node).__name__}  {tree.source_text(node)}"
    words, children = [], []
    for f in fields(node):
        v = getattr(node, f.name)
        if f.name in ("span", "name_span", "path_span") or v is None or v == ():
            continue
        if isinstance(v, (str, bool)):
            words.append(str(v))
        elif type(v) in INLINE:
            words.append(f"{f.name}={tree.source_text(v)}")
        elif f.name == "cases":
            children += [x for condition, body in v for x in (condition, body)]
        elif isinstance(v, tuple) and v and isinstance(v[0], str):
            words.append(", ".join(v))
        else:
            children.extend(v if isinstance(v, tuple) else [v])
    head = f"{pad}{type(node).__name__}" + ("  " + " ".join(words) if words else "") + f"  :{node.span.line}"
    return "\n".join([head, *(_show(c, depth + 1) for c in children)])
