"""What two networks differ in: steps that only one has, and steps that are in both and not the same.

Steps are aligned by what they do, their shapes and what they read, so a step that is put in, or a name that is another, changes
nothing of what comes after.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...ir.graph import Graph, Input
from ...ir.types import shape_text
from ...plain import shown
from ..numbers.counts import count
from ..reading.steps import Step, op_name, steps
from ..tables.summary import source_name
from .align import Trait, aligned
from .change import Change, Facts
from .report import lines


@dataclass(frozen=True, repr=False)
class Diff:
    """Printed, it is a report; empty where both compute the same, step by step, whatever the steps are called. `draw` makes a
    picture of it."""

    first: Graph
    second: Graph
    all: tuple[Change, ...]  # of every step, in order, those that are kept too

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __repr__(self) -> str:
        """One line; `print` shows the report."""
        return f"Diff of {self.first.name} and {self.second.name}: {len(self.changes)} changes"

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What is not the same."""
        return tuple(c for c in self.all if c.kind != "kept")

    @cached_property
    def renamed(self) -> dict[str, str]:
        """The names of steps that both have, where they are two."""
        return {c.name: c.other for c in self.all if c.other and c.other != c.name}

    @cached_property
    def totals(self) -> str:
        """What the sums differ in; nothing where they agree."""
        a, b = count(self.first).totals, count(self.second).totals
        said = [f"{what}: {_number(x)} -> {_number(y)}" + ("" if x is None or y is None else f"  ({y - x:+,})")
                for what, x, y in (("trainable parameters", a.trainable, b.trainable), ("frozen parameters", a.frozen, b.frozen),
                                   ("buffers", a.buffers, b.buffers), ("MACs a sample", a.macs, b.macs)) if x != y]
        n = len(self.renamed)
        said += [f"{n} step{'s have other names' if n > 1 else ' has another name'}"] if n else []
        return "; ".join(said)

    def __str__(self) -> str:
        head = [f"{title(self.first)} -> {title(self.second)}", *([f"  {self.totals}"] if self.totals else [])]
        return "\n".join([*head, *(lines(self.all, self.graphs) if self.changes else ["  no difference"])]) + "\n"

    @property
    def graphs(self) -> tuple[Graph, Graph]:
        return self.first, self.second

    def draw(self, path: str, theme: str = "light") -> None:
        """Write a picture, .svg or .png: what is kept, added, removed and changed."""
        from ..drawing.sheet import save, theme_of

        save(self.svg(theme), path, theme_of(theme).page)

    def svg(self, theme: str = "light") -> str:
        """The picture as SVG text."""
        from ..drawing.sheet import theme_of
        from .picture import picture

        heads = [" -> ".join(_brief(self.graphs)), *filter(None, self.totals.replace("  (", " (").split("; "))]
        return picture(heads, self.all, self.graphs, tuple(_Side(g).reads for g in self.graphs), theme_of(theme))

    def _repr_svg_(self) -> str:
        return self.svg()

    def data(self) -> dict[str, Any]:
        """Plain values, as `netspec diff --format json` prints them."""
        def side(f: Facts | None) -> dict[str, Any] | None:
            return None if f is None else {"step": f.step, "reads": list(f.reads), "shape": f.shape, "parameters": f.parameters,
                                           "macs": f.macs}

        totals = [{"net": g.name, "trainable": t.trainable, "frozen": t.frozen, "buffers": t.buffers, "macs": t.macs}
                  for g in (self.first, self.second) for t in (count(g).totals,)]
        return {"schema": "netspec.diff/1", "totals": totals, "renamed": self.renamed,
                "changes": [{"name": c.name, "before": side(c.before), "after": side(c.after)} for c in self.changes]}


def diff(first: Graph, second: Graph) -> Diff:
    """Compare two layer graphs."""
    sides = (_Side(first), _Side(second))
    a, b = (list(s.facts) for s in sides)
    pairs = [(None if i is None else a[i], None if j is None else b[j]) for i, j in aligned(*(s.traits for s in sides))]
    names = {x: y for x, y in pairs if x is not None and y is not None}
    found = []
    for x, y in pairs:
        before, after = (s.facts[n] if n is not None else None for s, n in zip(sides, (x, y)))
        if before is not None and after is not None:
            before = replace(before, step=re.sub(r"@([\w.]+)", lambda m: "@" + names.get(m[1], m[1]), before.step))
            if _same_reads(before.reads, after.reads, names, sides):
                before = replace(before, reads=after.reads)
        found.append(Change(x if x is not None else y or "", before, after, y if x is not None and y is not None else ""))
    return Diff(first, second, (*found, *_outputs(sides, names)))


class _Side:
    """The steps of one network, and what is known of each."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.steps = {s.name: s for s in steps(graph)}
        self.step_of = {v.name: s.name for s in self.steps.values() for n in s.nodes for v in n.results}
        numbers = {c.name: c for c in count(graph).nodes}
        self.facts = {name: _facts(s, numbers, self.step_of) for name, s in self.steps.items()}
        self.reads = {name: f.reads for name, f in self.facts.items()}
        place = {name: k for k, name in enumerate(self.steps)}
        self.traits = [Trait(op_name(s.head), s.text, f.step, f.shape, tuple(place[name] - place[r] for r in f.reads), name)
                       for (name, f), s in zip(self.facts.items(), self.steps.values())]


def _facts(s: Step, numbers: dict[str, Any], names: dict[str, str]) -> Facts:
    macs = [numbers[n.name].macs for n in s.nodes]
    text = "input" if isinstance(s.head.op, Input) else str(s) + (" (frozen)" if s.frozen else "")
    t = s.last.type
    return Facts(text, tuple(names[i] for i in s.head.inputs), ("" if t.batch == 1 else f"{t.batch} x ") + shape_text(t.shape),
                 sum(numbers[n.name].parameters for n in s.nodes), None if None in macs else sum(macs))


def _same_reads(before: tuple[str, ...], after: tuple[str, ...], names: dict[str, str], sides: tuple[_Side, _Side]) -> bool:
    """Whether two steps read the same: steps that belong together, or, where one of them has been put in or taken out, what
    that one reads."""
    kept = set(names.values())
    if len(before) != len(after):
        return False
    for x, y in zip(before, after):
        if names.get(x) == y:
            continue
        if (x in names) == (y in kept):
            return False
        while x not in names and (earlier := sides[0].facts[x].reads):
            x = earlier[0]
        while y not in kept and (earlier := sides[1].facts[y].reads):
            y = earlier[0]
        if names.get(x) != y:
            return False
    return True


def _outputs(sides: tuple[_Side, _Side], names: dict[str, str]) -> Iterator[Change]:
    """Outputs that one network lacks, or that are values of steps that do not belong together."""
    outs = [dict(s.graph.outputs) for s in sides]

    def place(side: int, value: str) -> tuple[str, bool]:
        step = sides[side].steps[sides[side].step_of[value]]
        return names.get(step.name, "") if side == 0 else step.name, value == step.last.results[0].name

    for n in dict.fromkeys([*outs[0], *outs[1]]):
        values = [o.get(n) for o in outs]
        if values[0] is None or values[1] is None or place(0, values[0]) != place(1, values[1]):
            before, after = (None if v is None else Facts(f"is {v}", (), "", 0, None) for v in values)
            yield Change(f"output {n}", before, after)


def title(g: Graph) -> str:
    where = source_name(g)
    return g.name + (f" ({shown(where)})" if where else "")


def _brief(graphs: tuple[Graph, Graph]) -> Iterator[str]:
    """The titles of two networks without the folders that lead to both their files from the root."""
    where = [source_name(g) or "" for g in graphs]
    folders = [os.path.dirname(w) for w in where if os.path.isabs(w)]
    shared = os.path.commonpath(folders) if folders else ""
    for g, w in zip(graphs, where):
        yield f"{g.name} ({shown(os.path.relpath(w, shared))})" if os.path.isabs(w) else title(g)


def _number(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"
