"""What two networks differ in: steps that only one has, and steps of one name that are not the same.

Steps are matched by their names, in order, as lines of text are; a name that moved is one that went and one that came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ...ir.graph import Graph, Input
from ...ir.types import shape_text
from ...plain import shown
from ..numbers.counts import count
from ..reading.steps import Step, steps
from ..tables.summary import source_name


@dataclass(frozen=True)
class Facts:
    """What is compared of one step."""

    step: str
    reads: tuple[str, ...]
    shape: str
    parameters: int
    macs: int | None

    def __str__(self) -> str:
        numbers = [f"{self.parameters:,} parameters"] if self.parameters else []
        numbers += [f"{self.macs:,} MACs"] if self.macs else []
        return "  ".join((self.step, self.shape, *([", ".join(numbers)] if numbers else [])))

    def against(self, other: Facts) -> tuple[str, str]:
        """This and the other, as far as they differ."""
        sides: tuple[list[str], list[str]] = ([], [])
        for mine, theirs, text in ((self.step, other.step, "{}"), (self.reads, other.reads, "reads {}"),
                                   (self.shape, other.shape, "{}"),
                                   (self.parameters, other.parameters, "{:,} parameters"), (self.macs, other.macs, "{:,} MACs")):
            if mine != theirs:
                for side, value in zip(sides, (mine, theirs)):
                    side.append(text.format(", ".join(value) if isinstance(value, tuple) else 0 if value is None else value))
        return "  ".join(sides[0]), "  ".join(sides[1])


@dataclass(frozen=True)
class Change:
    """One step: `before` is None where only the second network has it, `after` where only the first has."""

    name: str
    before: Facts | None
    after: Facts | None

    def lines(self, width: int) -> Iterator[str]:
        name = self.name.ljust(width)
        if self.before is None or self.after is None:
            yield f"{'+' if self.before is None else '-'} {name}  {self.after or self.before}"
            return
        before, after = self.before.against(self.after)
        yield f"~ {name}  {before}"
        yield f"  {'':<{width}}  {after}"


@dataclass(frozen=True)
class Diff:
    """Printed, it is a report; empty where both compute the same, step by step."""

    first: Graph
    second: Graph
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        a, b = count(self.first).totals, count(self.second).totals
        lines = [f"{_title(self.first)} -> {_title(self.second)}"]
        for what, x, y in (("trainable parameters", a.trainable, b.trainable), ("frozen parameters", a.frozen, b.frozen),
                           ("buffers", a.buffers, b.buffers), ("MACs a sample", a.macs, b.macs)):
            if x != y:
                lines.append(f"  {what}: {_number(x)} -> {_number(y)}" + ("" if x is None or y is None else f"  ({y - x:+,})"))
        width = min(40, max((len(c.name) for c in self.changes), default=0))
        lines += [line for c in self.changes for line in c.lines(width)]
        return "\n".join(lines if self.changes else [*lines, "  no difference"]) + "\n"

    def data(self) -> dict[str, Any]:
        """Plain values, as `netspec diff --format json` prints them."""
        def side(f: Facts | None) -> dict[str, Any] | None:
            return None if f is None else {"step": f.step, "reads": list(f.reads), "shape": f.shape, "parameters": f.parameters,
                                           "macs": f.macs}

        totals = [{"net": g.name, "trainable": t.trainable, "frozen": t.frozen, "buffers": t.buffers, "macs": t.macs}
                  for g in (self.first, self.second) for t in (count(g).totals,)]
        return {"schema": "netspec.diff/1", "totals": totals,
                "changes": [{"name": c.name, "before": side(c.before), "after": side(c.after)} for c in self.changes]}


def diff(first: Graph, second: Graph) -> Diff:
    """Compare two layer graphs."""
    a, b = _facts(first), _facts(second)
    changes: list[Change] = []
    for tag, i, j, k, m in SequenceMatcher(None, list(a), list(b), autojunk=False).get_opcodes():
        names, others = list(a)[i:j], list(b)[k:m]
        if tag == "equal":
            changes += [Change(n, a[n], b[n]) for n in names if a[n] != b[n]]
        else:
            changes += [*(Change(n, a[n], None) for n in names), *(Change(n, None, b[n]) for n in others)]
    outs = [dict(g.outputs) for g in (first, second)]
    changes += [Change(f"output {n}", *(None if n not in o else Facts(f"is {o[n]}", (), "", 0, None) for o in outs))
                for n in dict.fromkeys([*outs[0], *outs[1]]) if outs[0].get(n) != outs[1].get(n)]
    return Diff(first, second, tuple(changes))


def _facts(graph: Graph) -> dict[str, Facts]:
    numbers = {c.name: c for c in count(graph).nodes}
    names = {v.name: s.name for s in steps(graph) for n in s.nodes for v in n.results}
    return {s.name: _of(s, numbers, names) for s in steps(graph)}


def _of(s: Step, numbers: dict[str, Any], names: dict[str, str]) -> Facts:
    macs = [numbers[n.name].macs for n in s.nodes]
    text = "input" if isinstance(s.head.op, Input) else str(s) + (" (frozen)" if s.frozen else "")
    t = s.last.type
    return Facts(text, tuple(names[i] for i in s.head.inputs), ("" if t.batch == 1 else f"{t.batch} x ") + shape_text(t.shape),
                 sum(numbers[n.name].parameters for n in s.nodes), None if None in macs else sum(macs))


def _title(g: Graph) -> str:
    where = source_name(g)
    return g.name + (f" ({shown(where)})" if where else "")


def _number(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"
