"""A difference as lines of text: blocks that came or went whole are a line each, and so is one change made to many steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ...ir.graph import Graph
from ..reading.steps import scope_of
from ..tables.rows import run_of
from .change import Change, Facts

Graphs = tuple[Graph, Graph]  # the first, the second
MANY = 3  # steps that were changed alike are told together
WIDEST = 40  # columns that names may take


@dataclass(frozen=True)
class Entry:
    """What is told together: one step, a block that came or went, or steps that were changed alike."""

    changes: tuple[Change, ...]
    name: str
    edit: str = ""  # what was done to all of them
    times: int = 1  # blocks that follow each other and are alike

    def lines(self, width: int) -> Iterator[str]:
        first, name = self.changes[0], self.name.ljust(width)
        mark = {"added": "+", "removed": "-"}.get(first.kind, "~")
        facts = [f for c in self.changes for f in (c.after or c.before,) if f is not None]
        if len(self.changes) > 1 and mark == "~":
            yield f"~ {len(self.changes)} steps: {self.edit}  {self.name}{_more(self.changes)}"
        elif len(self.changes) > 1:
            each = len(self.changes) // self.times
            many = f"{each} step{'s' if each > 1 else ''}"
            said = many if self.times == 1 else f"{self.times} times {facts[0].step if each == 1 else many}"
            yield f"{mark} {name}  {said}  {facts[-1].shape}{_numbers(facts)}"
        elif first.before is None or first.after is None:
            yield f"{mark} {name}  {facts[0]}"
        else:
            before, after = first.before.against(first.after)
            yield f"~ {name}  {before}"
            yield f"  {'':<{width}}  {after}"


def lines(every: Sequence[Change], graphs: Graphs) -> Iterator[str]:
    """What is said of the changes among all steps of two networks."""
    found = entries(every, graphs)
    width = min(WIDEST, max((len(e.name) for e in found if len(e.changes) == 1 or not e.edit), default=0))
    for e in found:
        yield from e.lines(width)


def entries(every: Sequence[Change], graphs: Graphs) -> list[Entry]:
    """All changes, those that are told together in the place of the first."""
    alike: dict[str, list[Change]] = {}
    for c in every:
        if c.kind == "changed":
            alike.setdefault(edit(c), []).append(c)
    many = {id(c): (text, group) for text, group in alike.items() if text and len(group) >= MANY for c in group}
    found: list[Entry] = []
    run: list[Change] = []
    for c in every:
        if c.kind in ("added", "removed") and " " not in c.name:
            run.append(c)
            continue
        found += blocks(run, graphs)
        run = []
        if id(c) in many and c is many[id(c)][1][0]:
            text, group = many[id(c)]
            found.append(Entry(tuple(group), f"{c.name} .. {group[-1].name}", text))
        elif c.kind != "kept" and id(c) not in many:
            found.append(Entry((c,), c.name))
    return [*found, *blocks(run, graphs)]


def blocks(run: Sequence[Change], graphs: Graphs) -> list[Entry]:
    """Steps that came or went one after the other: whole blocks are told in one, and those that are alike and follow each
    other."""
    found: list[Entry] = []
    todo = list(run)
    while todo:
        c = todo.pop(0)
        block = _block(c, todo, graphs[c.kind == "added"])
        del todo[:len(block) - 1]
        _put(found, Entry(block, scope if len(block) > 1 and (scope := _scope(block)) else c.name))
    return found


def _put(found: list[Entry], new: Entry) -> None:
    """Add a block, as one more of those before it where it is like them."""
    last = found[-1] if found else None
    alike = last is not None and _kind(last.changes[:len(last.changes) // last.times]) == _kind(new.changes)
    if last is None or not alike or not _next(last.name, new.name):
        found.append(new)
    else:
        found[-1] = Entry((*last.changes, *new.changes), run_of(last.name.partition("..")[0], new.name), times=last.times + 1)


def _next(name: str, after: str) -> bool:
    """Whether a name is the next number: unit3 after unit2."""
    a, b = (re.fullmatch(r"(.*?)(?:\d+\.\.)?(\d+)", n) for n in (name, after))
    return a is not None and b is not None and a[1] == b[1] and int(b[2]) == int(a[2]) + 1


def _kind(changes: Sequence[Change]) -> object:
    """What blocks that are told together agree in."""
    facts = [c.after or c.before for c in changes]
    return changes[0].kind, [(f.step, f.shape, f.parameters, f.macs) for f in facts if f]


def edit(c: Change) -> str:
    """What was done to a step, where that says all: `+ bn`, `relu -> elu`, `other shapes`; nothing where it does not."""
    a, b = c.before, c.after
    if a is None or b is None or a.reads != b.reads:
        return ""
    if a.step == b.step:
        return "other shapes" if a.shape != b.shape else "other numbers"
    before, after = a.step.split(), b.step.split()
    said = []
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            old, new = " ".join(before[i:j]), " ".join(after[k:m])
            said.append(f"{old} -> {new}" if old and new else f"+ {new}" if new else f"- {old}")
    return ", ".join(said) + (", other shapes" if a.shape != b.shape else "")


def _block(first: Change, after: Sequence[Change], graph: Graph) -> tuple[Change, ...]:
    """The largest block that begins with this step, all of which came or went; the step alone where there is none."""
    run = [first]
    for c in after:
        if c.kind != first.kind:
            break
        run.append(c)
    names = [c.name for c in run]
    scope = scope_of(first.name)
    best = 1
    while scope:
        whole = {n.name for n in graph if n.name.startswith(scope + ".")}
        inside = [n for n in names if n.startswith(scope + ".")]
        known = set(inside)
        covered = {n for n in whole if not known.isdisjoint(_paths(n))}
        if covered == whole and names[:len(inside)] == inside:
            best = max(best, len(inside))
        scope = scope_of(scope)
    return tuple(run[:best])


def _paths(name: str) -> list[str]:
    """`a.b.c`, `a.b`, `a`."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(len(parts), 0, -1)]


def _scope(block: Sequence[Change]) -> str:
    """The path that all of a block's names begin with."""
    parts = [c.name.split(".")[:-1] for c in block]
    shared = next((k for k, names in enumerate(zip(*parts)) if len(set(names)) > 1), min(map(len, parts)))
    return ".".join(parts[0][:shared])


def _numbers(facts: Sequence[Facts]) -> str:
    parameters, macs = sum(f.parameters for f in facts), sum(f.macs or 0 for f in facts)
    told = [f"{parameters:,} parameters"] * bool(parameters) + [f"{macs:,} MACs"] * bool(macs)
    return "  " + ", ".join(told) if told else ""


def _more(changes: Sequence[Change]) -> str:
    """By how much parameters and MACs grew in all."""
    pairs = [(c.before, c.after) for c in changes]
    parameters = sum(b.parameters - a.parameters for a, b in pairs if a and b)
    macs = sum((b.macs or 0) - (a.macs or 0) for a, b in pairs if a and b)
    told = [f"{parameters:+,} parameters"] * bool(parameters) + [f"{macs:+,} MACs"] * bool(macs)
    return "  " + ", ".join(told) if told else ""
