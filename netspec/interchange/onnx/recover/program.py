"""A program: blocks and the body of the net. Equal neighbours become `repeat`, and windows of equal skeletons are found, which
may become blocks."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .modules import Inside, inside, modules
from .scopes import single
from .term import Sequence, Term, copied, light, reading, refers, sequences, skeleton, weight, whole

LONGEST = 9  # neighbours in a window
PERIOD = 8  # neighbours in a turn of a repeat
CONSIDERED = 25  # candidates for a block at a time

Place = tuple[Sequence, int, int]  # a sequence, and from where to where


@dataclass
class Block:
    name: str
    parameters: list[tuple[str, Any]]  # with their defaults, None where there is none
    body: Sequence
    channels: bool = False  # whether it says  c = in.channels


@dataclass
class Program:
    name: str
    inputs: list[tuple[str, tuple[int | None, ...]]]  # with their names where they are several
    body: Sequence
    usual: dict[str, Any]  # the layers that words alone mean
    labels: set[str] = field(default_factory=set)  # names that it has already
    blocks: list[Block] = field(default_factory=list)
    classes: int | None = None
    scoped: bool = False  # whether its labels are the scopes of the file, which blocks keep
    inside: Inside = field(default_factory=Counter)  # of the modules of the file

    def __post_init__(self) -> None:
        self.inside = inside(self.body)

    def sequences(self) -> Iterator[Sequence]:
        for s in self.everything():
            yield from sequences(s)

    def everything(self) -> list[Sequence]:
        """The bodies of the blocks and of the net."""
        return [*(b.body for b in self.blocks), self.body]

    def copy(self) -> Program:
        made = copy.copy(self)
        made.blocks = [Block(b.name, list(b.parameters), [copied(t) for t in b.body], b.channels) for b in self.blocks]
        made.body = [copied(t) for t in self.body]
        return made


def repeats(program: Program, plain: bool = False) -> None:
    """The longest saving run of equal neighbours in every sequence becomes a repeat; runs of single steps only where `plain`
    asks, as they would hide parts that are alike."""
    todo = list(program.sequences())
    while todo:
        s = todo.pop(0)
        while (found := _run(s, plain, program.inside)) is not None:
            start, period, turns, grown = found
            if grown is None:
                kid = s[start:start + period]
                made = Term("repeat", holes=[["times", turns]], kids=[kid], cin=s[start].cin)
                turn = [(kid[c % period], t) for c, t in enumerate(s[start:start + period * turns])]
            else:
                made, turn = grown
            made.paths = frozenset().union(*(t.paths for t in s[start:start + period * turns]))
            for a, b in turn:
                _blurred(a, b)
            s[start:start + period * turns] = [made]
            todo += made.kids


def _run(s: Sequence, plain: bool, of: Inside) -> tuple[int, int, int, tuple[Term, list[tuple[Term, Term]]] | None] | None:
    """The best run: where it begins, the length of a turn, how many turns; or a repeat and a neighbour that is one more turn."""
    keys, weights = list(map(whole, s)), list(map(weight, s))
    for i in range(len(s) - 1):
        for a, b in ((i, i + 1), (i + 1, i)):
            times = s[b].hole("times") if s[b].kind == "repeat" else None
            if isinstance(times, int) and [keys[a]] == list(map(whole, s[b].kids[0])):
                made = Term("repeat", holes=[["times", times + 1]], kids=s[b].kids, cin=s[a].cin)
                return i, 2, 1, (made, [(s[b].kids[0][0], s[a])])
    best, gain = None, 0.0
    again = [_again(keys, period) for period in range(1, PERIOD + 1)]
    for i in range(len(s)):
        for period in range(1, PERIOD + 1):
            turns = again[period - 1][i] // period + 1
            saved: float = (turns - 1) * sum(weights[i:i + period]) - 3
            if all(t.kind == "call" for t in s[i:i + period]):
                saved = max(saved, turns - 2)
            if turns > 1 and saved > 0 and (plain or any(t.kind != "step" for t in s[i:i + period])):
                saved += bool(modules(s[i:i + period], of)) + 0.5 * (not light(s[i]))
                if saved > gain:
                    best, gain = (i, period, turns), saved
    return None if best is None else (*best, None)


def _again(keys: list[Any], period: int) -> list[int]:
    """For each place how many keys from it on are those a period later, one after the other."""
    out = [0] * len(keys)
    for i in reversed(range(len(keys) - period)):
        out[i] = out[i + 1] + 1 if keys[i] == keys[i + period] else 0
    return out


def _blurred(a: Term, b: Term) -> None:
    """The channels that come in are no constant of a repeated step where two turns differ."""
    if a.cin != b.cin:
        a.cin = None
    for x, y in zip(a.bodies, b.bodies):
        for p, q in zip(x, y):
            _blurred(p, q)


def _structures(seq: Sequence) -> Iterator[tuple[Any, ...]]:
    for t in seq:
        if t.kind in ("residual", "dense", "merge", "gate"):
            yield skeleton(t)
        for k in t.kids:
            yield from _structures(k)


def candidates(program: Program) -> list[list[Place]]:
    """Windows of equal skeletons that do not overlap, those that say most first; where labels are scopes, all that is in one."""
    found: dict[tuple[Any, ...], list[Place]] = defaultdict(list)
    own, users = {id(b.body) for b in program.blocks}, Counter(v for s in program.everything() for v in _read(s))
    for s, i, j in _scopes(program) if program.scoped else _windows(program):
        inner = [x for k in range(i, j) for x in _structures([s[k]])] if not program.scoped else []
        once = len(set(inner)) == len(inner) and not (id(s) in own and j - i == len(s))
        if once and sum(map(weight, s[i:j])) >= (4 if program.scoped else 6) and not (j - i == 1 and s[i].kind in ("call", "step")) and _closed(s[i:j], users):
            found[_key(s[i:j])].append((s, i, j))
    ranked = []
    for places in found.values():
        kept: list[Place] = []
        for s, i, j in places:
            if not any(s is q and i < b and a < j for q, a, b in kept):
                kept.append((s, i, j))
        s, i, j = kept[0]
        if len(kept) > 1 or (j - i == 1 and s[i].kind == "gate"):
            ranked.append(((len(kept) - 1) * (sum(map(weight, s[i:j])) - 2), kept))
    return [k for _, k in sorted(ranked, key=lambda p: -p[0])[:CONSIDERED]]


def _windows(program: Program) -> Iterator[Place]:
    for s in program.sequences():
        for i in range(len(s)):
            yield from ((s, i, j) for j in range(i + 1, min(len(s), i + LONGEST) + 1))


def _scopes(program: Program) -> Iterator[Place]:
    for s in program.sequences():
        yield from ((t.kids[0], 0, len(t.kids[0])) for t in s if t.kind == "label" and single(t) is None)


def _read(seq: Sequence) -> Iterator[str]:
    """The values that lines in it name."""
    return (v for t in reading(seq) if t.kind != "mark" for v in t.refs)


def _closed(window: Sequence, users: Counter[str]) -> bool:
    """Whether all values that it names are its own, and named in it alone."""
    if not any(map(refers, window)):
        return True
    marks = {t.refs[0] for t in reading(window) if t.kind == "mark"}
    found = Counter(_read(window))
    return all(v in marks for v in found) and all(found[v] == users[v] for v in marks) and not any(
        t.kind == "reuse" for s in sequences(window) for t in s)


def _key(window: Sequence) -> tuple[Any, ...]:
    """What makes two windows one block: their skeletons, and which of its values each line names."""
    order: dict[str, int] = {}
    return *map(skeleton, window), tuple(order.setdefault(v, len(order)) for t in reading(window) for v in t.refs)
