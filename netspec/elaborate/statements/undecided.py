"""Bodies of which nobody knows whether they would run, and lines that could not be read."""

from __future__ import annotations

import re
from typing import Any

from ...syntax import tree
from ...syntax.tree import walk
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.scopes import Scope
from ..model.values import NOTHING, UNKNOWN_VALUE, Flow


def undecided(e: Elaborator, bodies: list[Any], flow: Flow | None, scope: Scope, c: Context) -> Flow:
    """Look at bodies of which nobody knows whether they would run."""
    inner = flow.unsure() if flow is not None else NOTHING
    e.way.guessing += 1
    try:
        for b in bodies:
            e.coverage.maybe |= {n.name for n in walk(b) if isinstance(n, (tree.Labelled, tree.Output))}
            e.run(b, inner, Scope("?", scope, b.span), c)
    finally:
        e.way.guessing -= 1
    return inner


def hole(e: Elaborator, s: tree.Hole, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    """A line that could not be read. What was indented under it is still looked at, on its own."""
    inner = flow.unsure() if flow else NOTHING
    line = s.span.source.line(s.span.line)
    e.coverage.maybe |= {*re.findall(r"\b(\w+)(?:\[.*?\])?\s*:", line), *re.findall(r"output\s+(\w+)", line)}
    if s.body is not None:
        e.coverage.maybe |= {n.name for n in walk(s.body) if isinstance(n, (tree.Labelled, tree.Output))}
        loop = re.match(r"\s*for\s+(\w+(?:\s*,\s*\w+)*)|.*?\bas\s+(\w+)", line)
        names = re.findall(r"\w+", loop[1] or loop[2]) if loop else ()
        e.run(s.body, inner, Scope("?", scope, s.span), c.bound(**dict.fromkeys(names, UNKNOWN_VALUE)))
    return inner
