"""Terms: a sequence of them is a body of the language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

REFERS = ("start", "beside", "mark", "reuse")  # at an input, with another value, a name for a value, a labelled part once more


class NotSeries(Exception):
    """Branches that do not nest, layers that refer to others, or weights that are shared in a way that nests as little."""


@dataclass(eq=False)
class Term:
    """A step, a structure or a call. `head` is what two parts must share to be one block, `holes` the numbers in which they may
    differ, `kids` its bodies, `shortcut` that of a residual, `cin` the channels that come in (None where turns differ)."""

    kind: str  # step, residual, dense, gate, merge, repeat, call, label, output; what REFERS, which says its head
    head: tuple[Any, ...] = ()
    holes: list[list[Any]] = field(default_factory=list)  # [what it is, a number or an expression]
    kids: list[Sequence] = field(default_factory=list)
    shortcut: Sequence | None = None
    cin: Any = None
    paths: frozenset[str] = frozenset()  # of the nodes of the file, without those of words that steps took
    condition: str | None = ""  # of the shortcut
    where: tuple[list[bool], list[Any]] | None = None  # which of a block's turns have the shortcut, with what coming in
    ties: frozenset[str] = frozenset()  # the constants of the file that its weights are
    weighty: bool = False  # whether they are weights that no chance makes equal
    refs: tuple[str, ...] = ()  # the values of the file that @0, @1, ... in its head stand for; the one that a mark names
    name: tuple[str, ...] = ()  # the scopes and the name that it has in a file that was written here
    takes: tuple[str, ...] = ()  # the kinds of words that a step may still take as its own: norm, activation
    owns: bool = False  # whether it has parameters

    def hole(self, name: str) -> Any:
        return {h[0]: h[1] for h in self.holes}.get(name)

    @property
    def bodies(self) -> list[Sequence]:
        return self.kids + ([self.shortcut] if self.shortcut else [])


Sequence: TypeAlias = list[Term]


def copied(t: Term) -> Term:
    return Term(t.kind, t.head, [list(h) for h in t.holes], [[copied(x) for x in k] for k in t.kids],
                [copied(x) for x in t.shortcut] if t.shortcut else t.shortcut, t.cin, t.paths, t.condition, t.where,
                refs=t.refs, name=t.name, owns=t.owns)


def over(kind: str, head: tuple[Any, ...] = (), kids: list[Sequence] | None = None, own: str = "", **more: Any) -> Term:
    """A structure, which has the paths of what is in it, and its `own`."""
    t = Term(kind, head, kids=kids or [], **more)
    t.paths = frozenset({own} if own else ()).union(*(x.paths for b in t.bodies for x in b))
    return t


def skeleton(t: Term) -> tuple[Any, ...]:
    """What two parts must share to be one block: all but numbers, and the shortcut of a residual."""
    return t.kind, t.head, tuple(h[0] for h in t.holes), tuple(tuple(map(skeleton, k)) for k in t.kids)


def whole(t: Term) -> tuple[Any, ...]:
    """All that it says."""
    return (t.kind, t.head, tuple(map(tuple, t.holes)), tuple(tuple(map(whole, k)) for k in t.kids),
            tuple(map(whole, t.shortcut)) if t.shortcut else None, t.refs)


def weight(t: Term) -> int:
    """How much there is to say."""
    return 1 + sum(h != ["dilation", 1] for h in t.holes) + sum(1 + sum(map(weight, k)) for k in t.kids)


def steps(seq: Sequence) -> Iterator[Term]:
    """The steps inside, in order."""
    for t in seq:
        if t.kind == "step":
            yield t
        for b in t.bodies:
            yield from steps(b)


def sequences(seq: Sequence) -> Iterator[Sequence]:
    """A sequence and those inside it, in order."""
    yield seq
    for t in seq:
        for b in t.bodies:
            yield from sequences(b)


def leaves(seq: Sequence) -> int:
    return sum(1 if t.kind in ("step", "call") else leaves([x for k in t.kids for x in k]) for t in seq)


def refers(t: Term) -> bool:
    """Whether it is at a place, names others or a value, or runs a part again."""
    return t.kind in REFERS or any(refers(x) for b in t.bodies for x in b)


def reading(seq: Sequence) -> Iterator[Term]:
    """The terms inside that name values, and the names that values have, in order."""
    for t in seq:
        if t.refs:
            yield t
        for b in t.bodies:
            yield from reading(b)


def light(t: Term) -> bool:
    """Whether it is a step that a part would not begin with."""
    return t.kind == "step" and t.head[0] not in ("conv", "fc", "bn", "channels")
