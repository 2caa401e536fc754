"""What git shows of a spec that was changed: what that means for each of its nets, then the lines, as git would show them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import unified_diff

from ...diagnostics import NetspecError
from ...elaborate.nets import callable_nets
from ...elaborate.tree_to_graph import elaborate, read_module
from ...ir.graph import Graph
from ...plain import shown
from ...source import Source
from ...syntax.load import read_source
from ..numbers.counts import count
from .diff import diff, title

NOWHERE = "/dev/null"  # what git gives for the side of a file that is not there


def changed(path: str, old: str, new: str, renamed: str | None = None) -> str:
    """The report on a file of a repository, its old and new contents lying in two files. What it imports is looked for beside it,
    as it is now."""
    names = (path, renamed or path)
    sides = [_side(file, name) for file, name in zip((old, new), names)]
    lines = [f"netspec diff a/{shown(names[0])} b/{shown(names[1])}", *_meant(*sides)]
    heads = [f"{mark}/{shown(name)}" if s else NOWHERE for mark, name, s in zip("ab", names, sides)]
    text = unified_diff(_lines(sides[0]), _lines(sides[1]), heads[0], heads[1], lineterm="")
    return "\n".join([*lines, *map(shown, text)]) + "\n"


def _lines(side: Source | None) -> list[str]:
    """The lines of a text, without the empty one after the end of its last."""
    return [] if side is None else [*side.lines[:-1], *filter(None, side.lines[-1:])]


def _side(file: str, name: str) -> Source | None:
    if file == NOWHERE:
        return None
    return Source(name, read_source(file, packaged=False).text, os.path.dirname(os.path.abspath(name)))


def _meant(old: Source | None, new: Source | None) -> Iterator[str]:
    """What the change means, net by net."""
    found = []
    for side in (old, new):
        try:
            found.append(_graphs(side))
        except NetspecError as e:
            which = "before" if side is old else "now"
            yield f"  {which} it has errors: {shown(e.diagnostics[0].title)}"
            return
    before, after = found
    same = [n for n in after if n in before and not diff(before[n], after[n])]
    for name in dict.fromkeys([*before, *after]):
        if name in same:
            continue
        if name in before and name in after:
            yield from str(diff(before[name], after[name])).rstrip("\n").split("\n")
        else:
            graph, mark = (before[name], "-") if name in before else (after[name], "+")
            yield f"{mark} net {title(graph)}: {count(graph)}"
    if same:
        yield f"  {', '.join(same)}: no difference in what {'it computes' if len(same) == 1 else 'they compute'}"


def _graphs(side: Source | None) -> dict[str, Graph]:
    """The nets of a file that need no arguments."""
    if side is None:
        return {}
    module = read_module(side)
    return {n.name: elaborate(module, n.name, weights=False) for n in callable_nets(module)}
