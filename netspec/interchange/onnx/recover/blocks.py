"""Parts that differ in numbers alone become calls of one block: least general generalisation (Plotkin, "A Note on Inductive
Generalization", 1970). Each number that differs is a parameter that is there already, a multiple of one, a share of what comes
in, or a new parameter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .modules import modules
from .names import baptised, counted, parameter_name, widens
from .program import Block, Place, Program, candidates, repeats
from .scopes import unlabelled_calls
from .term import Sequence, Term, leaves, skeleton
from .text import length

MOST = 7  # parameters of a block
RATIO = 32  # the largest multiple, or share, that is said of another number
FACTORS = ("stride", "k", "times", "expand", "dilation")  # parameters that are no widths
A_MODULE = 6  # what a place is worth that is one module of the program that wrote the file
AT_MOST = 24  # ... all together


class No(Exception):
    """These parts cannot be said as calls of one block."""


@dataclass
class Hole:
    """A number of a block's body: its values at all places (None where there is none), the channels that come in at each, and
    where it stands."""

    record: list[Any]  # what it is, and its values, or at last what is written
    cins: list[Any]
    term: Term
    where: tuple[tuple[str, int], ...]
    after: Sequence
    before: Sequence

    @property
    def values(self) -> list[Any]:
        return list(self.record[1])


@dataclass
class Parameters:
    """What a block takes: a name and its values at all places."""

    named: list[list[Any]] = field(default_factory=list)

    def names(self) -> list[str]:
        return [p for p, _ in self.named]


def compressed(program: Program) -> Program:
    """The program with blocks, as long as one makes its text shorter."""
    repeats(program, plain=program.scoped)
    now = length(program)
    while True:
        best: tuple[float, Program] | None = None
        where = {id(s): k for k, s in enumerate(program.sequences())}
        for places in _subsets(candidates(program)):
            tried = program.copy()
            copies = list(tried.sequences())
            same = [(copies[where[id(s)]], i, j) for s, i, j in places]
            name, aligned = _name(program, places), sum(bool(modules(s[i:j], program.inside)) for s, i, j in places)
            try:
                made(tried, same, name)
            except No:
                continue
            for s in tried.everything() if program.scoped else ():
                unlabelled_calls(s)
            repeats(tried, plain=program.scoped)
            score = _score(tried, places, aligned, now)
            if score is not None and (best is None or score < best[0]):
                best = score, tried
        if best is None:
            repeats(program, plain=True)
            _unwrapped(program)
            return program
        program = best[1]
        now = length(program)


def _subsets(groups: list[list[Place]]) -> Iterator[list[Place]]:
    """Groups of places, and of those of which some have a shortcut, those that have none."""
    for places in groups:
        plain = [p for p in places if not any(t.shortcut for t in p[0][p[1]:p[2]])]
        yield places
        if 1 < len(plain) < len(places):
            yield plain


def _unwrapped(program: Program) -> None:
    """A block is a scope: a single step in it needs no other."""
    for b in program.blocks:
        while len(b.body) == 1 and b.body[0].kind == "repeat" and b.body[0].hole("times") == 1:
            b.body = b.body[0].kids[0]


def _name(program: Program, places: list[Place]) -> str:
    body = [t for s, i, j in places[:1] for t in s[i:j]]
    taken = {b.name for b in program.blocks} | program.labels | {program.name}
    labels = {id(t.kids[0]): t.head[0] for s in program.sequences() for t in s if t.kind == "label"} if program.scoped else {}
    found = counted([labels[id(s)] for s, _, _ in places], taken) if labels else ""
    return found or baptised(body, taken, [modules(s[i:j], program.inside) for s, i, j in places])


def _score(tried: Program, places: list[Place], aligned: int, now: float) -> float | None:
    """What the text comes to with this block; None where it is not worth it."""
    s, i, j = places[0]
    window, body = s[i:j], tried.blocks[-1].body
    gate = len(window) == 1 and window[0].kind == "gate"
    worth = min(AT_MOST, A_MODULE * aligned) if len(window) > 2 or any(t.kind != "step" for t in window) else 0
    repeated = len(body) == 1 and body[0].kind == "repeat"
    constant = repeated and isinstance(body[0].holes[0][1], int)
    empty = (leaves(body) < 2 and not (repeated and constant)) if tried.scoped else (leaves(body) < 2 or constant)
    found = length(tried) - worth
    if empty or not (gate or found < now - 5 * (not worth)):
        return None
    return found - 1000 * gate


def generalised(turns: list[Sequence], holes: list[Hole], where: tuple[tuple[str, int], ...] = ()) -> Sequence:
    """One sequence for several of equal skeletons, whose differing numbers are listed in `holes`."""
    out: Sequence = []
    for k, terms in enumerate(zip(*turns)):
        first = terms[0]
        t = Term(first.kind, first.head, paths=first.paths, refs=first.refs)
        for h in range(len(first.holes)):
            record = [first.holes[h][0], [x.holes[h][1] for x in terms]]
            t.holes.append(record)
            holes.append(Hole(record, [x.cin for x in terms], first, where, turns[0][k + 1:], turns[0][:k]))
        t.kids = [generalised([x.kids[b] for x in terms], holes, (*where, (t.kind, b))) for b in range(len(first.kids))]
        if any(x.shortcut for x in terms):
            _shortcuts(t, list(terms), holes, where)
        out.append(t)
    return out


def _shortcuts(t: Term, terms: list[Term], holes: list[Hole], where: tuple[tuple[str, int], ...]) -> None:
    """The shortcut of those that have one, and which they are."""
    have = [x.shortcut for x in terms if x.shortcut]
    if len({tuple(map(skeleton, o)) for o in have}) > 1:
        raise No
    which, inner = [bool(x.shortcut) for x in terms], list[Hole]()
    t.shortcut = generalised(have, inner, (*where, ("shortcut", 0)))
    for h in inner:
        values, cins = iter(h.record[1]), iter(h.cins)
        h.record[1] = [next(values) if w else None for w in which]
        h.cins = [next(cins) if w else None for w in which]
        holes.append(h)
    t.where = which, [x.cin for x in terms]


def made(program: Program, places: list[Place], name: str) -> None:
    """Turn windows into calls of one new block. Raises No."""
    turns = [s[i:j] for s, i, j in places]
    holes: list[Hole] = []
    body = generalised(turns, holes)
    parameters = Parameters()
    for h in holes:
        _settled(h, parameters)
    channels = _hanging(parameters, holes, [turn[0].cin for turn in turns])
    if len(parameters.named) > MOST:
        raise No
    _conditions(body, parameters)
    _all_turns(body, parameters)
    parameters.named.sort(key=lambda p: {"n": -1, "stride": 1, "k": 2, "expand": 3, "dilation": 4}.get(p[0], 0))
    signature = [(p, _default(p, v)) for p, v in parameters.named]
    for turn, (s, i, j) in sorted(enumerate(places), key=lambda e: -e[1][1]):
        paths = frozenset[str]().union(*(t.paths for t in turns[turn]))
        s[i:j] = [Term("call", (name, tuple(signature)), [[p, v[turn]] for p, v in parameters.named], cin=turns[turn][0].cin,
                       paths=paths)]
    program.blocks.append(Block(name, signature, body, channels))


def _all_turns(body: Sequence, parameters: Parameters) -> None:
    """Where a turn stands before a repeat of the same, the parameter counts it, too."""
    for before, t in pairwise(body):
        if t.kind == "repeat" and t.holes[0][1] == "times" and [before.head] == [k.head for k in t.kids[0]] and before.kind == "call":
            t.holes[0][1] = "times-1"
            parameter = next(p for p in parameters.named if p[0] == "times")
            parameter[1] = [v + 1 for v in parameter[1]]
            return


def _default(name: str, values: list[Any]) -> Any:
    if name in ("stride", "dilation"):
        return 1
    if name == "k":
        return 3 if 3 in values else Counter(values).most_common(1)[0][0]
    return Counter(values).most_common(1)[0][0] if name == "expand" else None


def _settled(h: Hole, parameters: Parameters) -> None:
    """What stands for a number of the body."""
    kind, v = h.record[0], h.values
    seen = {x for x in v if x is not None}
    old = None in v and any(p == kind and _fits(v, w) for p, w in parameters.named)
    if len(seen) == 1 and not old and not _local(seen):
        h.record[1] = seen.pop()
        return
    if any(isinstance(x, str) and "in." in x for x in v):
        raise No
    for p, w in parameters.named:
        if _fits(v, w) and (p == kind or (kind in ("n", "k", "times") and p not in ("stride", "dilation"))):
            h.record[1] = p
            return
    h.record[1] = _multiple(h, v, parameters) or _expanded(h, v, parameters) or _new(h, v, parameters)


def _multiple(h: Hole, v: list[Any], parameters: Parameters) -> str | None:
    """A number as a multiple or a share of a parameter, or of what comes in."""
    if h.record[0] not in ("n", "m", "p", "q", "groups"):
        return None
    for p, w in parameters.named:
        if p not in FACTORS and (q := _ratio(v, w)):
            return times(q, p)
    if h.term.kind == "step" and (q := _ratio(v, h.cins)):
        return times(q, "in.channels")
    return None


def _expanded(h: Hole, v: list[Any], parameters: Parameters) -> str | None:
    """The width of a depthwise convolution as so many times what comes in, where that says it in fewer numbers."""
    if h.record[0] != "n" or not widens(h.term, h.after) or not all(isinstance(x, int) and x for x in (*v, *h.cins)):
        return None
    q = [Fraction(a, b) for a, b in zip(v, h.cins)]
    if any(x.denominator > 1 for x in q) or len(set(q)) >= len(set(v)) or "expand" in parameters.names():
        return None
    parameters.named.append(["expand", [x.numerator for x in q]])
    return "expand*in.channels"


def _new(h: Hole, v: list[Any], parameters: Parameters) -> str:
    if None in v:
        raise No
    base, used = parameter_name(h.record[0], h.term, h.where, h.after, h.before), parameters.names()
    names = (base, *({"n": ["m", "p", "q", "r"]}.get(base, [])), *(base + x for x in "bcdefg"))
    found = next((n for n in names if n not in used), None)
    if found is None:
        raise No
    parameters.named.append([found, v])
    return found


def _hanging(parameters: Parameters, holes: list[Hole], entry: list[Any]) -> bool:
    """A second width may hang on what comes in: c = in.channels. Whether one does."""
    wide = [p for p in parameters.named if p[0] not in (*FACTORS, "groups")]
    for p in wide if len(wide) > 1 and None not in entry else ():
        others = [h.record[1] for h in holes if isinstance(h.record[1], str) and h.record[1] != p[0]]
        q = _ratio(p[1], entry)
        if not q or any(p[0] in re.findall(r"\w+", e) for e in others):
            continue
        for h in holes:
            if h.record[1] == p[0]:
                h.record[1] = times(q, "c")
        parameters.named.remove(p)
        second = next((x for x in parameters.named if x[0] == "m"), None)
        if p[0] == "n" and second:
            for h in holes:
                h.record[1] = re.sub(r"\bm\b", "n", h.record[1]) if isinstance(h.record[1], str) else h.record[1]
            second[0] = "n"
        return True
    return False


def _conditions(seq: Sequence, parameters: Parameters) -> None:
    """When a shortcut is there."""
    for t in seq:
        for k in t.kids:
            _conditions(k, parameters)
        if t.shortcut and t.where is not None:
            t.condition = _condition(t, parameters)


def _condition(t: Term, parameters: Parameters) -> str:
    which, cins = t.where or ([], [])
    if all(which):
        return ""
    tests: list[tuple[str, list[bool]]] = []
    stride = next((p for p in parameters.named if p[0] == "stride"), None)
    if stride and not any(isinstance(x, str) for x in stride[1]):
        tests.append(("stride != 1", [x != 1 for x in stride[1]]))
    n = (t.shortcut or [])[-1].hole("n")
    if n is not None and None not in cins and not any(isinstance(x, str) for _, w in parameters.named for x in w):
        tests.append((f"in.channels != {n}", [cins[i] != _value(n, i, cins, parameters) for i in range(len(which))]))
    if len(tests) == 2:
        tests.append((f"{tests[0][0]} or {tests[1][0]}", [a or b for a, b in zip(tests[0][1], tests[1][1])]))
    found = next((c for c, v in tests if v == which), None)
    if found is None:
        raise No
    return found


def _value(e: Any, turn: int, cins: list[Any], parameters: Parameters) -> Fraction:
    """What an expression of `times` comes to at a place."""
    if isinstance(e, int):
        return Fraction(e)
    known = {p: w[turn] for p, w in parameters.named} | {"in.channels": cins[turn], "c": cins[turn]}
    value, divide = Fraction(1), False
    for part in re.split(r"([*/])", e):
        if part in "*/":
            divide = part == "/"
            continue
        factor = Fraction(known[part.strip()] if part.strip() in known else int(part))
        value = value / factor if divide else value * factor
    return value


def _local(values: set[Any]) -> bool:
    """Whether an expression names something of its own block, so that it must be passed on."""
    return any(isinstance(v, str) and re.sub(r"in\.channels", "", v).strip("*/0123456789") for v in values)


def _fits(v: list[Any], w: list[Any]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(v, w))


def times(q: Fraction, name: str) -> str:
    """So many times a number, as the language writes it."""
    if q == 1:
        return name
    return f"{q.numerator}*{name}" if q.denominator == 1 else f"{name}/{q.denominator}"


def _ratio(v: list[Any], w: list[Any]) -> Fraction | None:
    """q with v = q*w wherever both are known, if there is a plain one."""
    if not all(isinstance(a, int) and isinstance(b, int) for a, b in zip(v, w) if a is not None):
        return None
    found = {Fraction(a, b) for a, b in zip(v, w) if a is not None and b}
    q = found.pop() if len(found) == 1 else None
    return q if q and 1 in (q.numerator, q.denominator) and max(q.numerator, q.denominator) <= RATIO else None
