"""The names of a file that was written here, in the text: a label around what has a scope of its own there, and on a step that
is not called by its kind and number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from ....syntax.refused import RESERVED
from .own import Name
from .term import Sequence, Term, over

SHORTCUT = "shortcut"


def scoped(seq: Sequence, at: Name = ()) -> None:
    """Put labels around the parts of a sequence that are scopes in the file; the sequence itself is in the scope `at`."""
    taken, k = {t.name[-1] for t in seq if t.kind == "step" and t.name and t.name[:-1] == at}, 0
    while k < len(seq):
        inner = _inner(seq[k], at)
        if not inner or inner in taken or inner in RESERVED or seq[k].kind == "output":
            _inside(seq[k], at)
            k += 1
            continue
        taken.add(inner)
        window = _inside_of(inner, seq[k:], at)
        size = len(window)
        scoped(window, (*at, inner))
        seq[k:k + size] = [suite(inner, window)]
        k += 1


def _inside_of(scope: str, seq: Sequence, at: Name) -> Sequence:
    """The terms that a sequence begins with and that are in this scope."""
    found = list(takewhile(lambda t: _inner(t, at) == scope or not _names(t), seq))
    while not _names(found[-1]):
        found.pop()
    return found


def suite(name: str, window: Sequence) -> Term:
    """A label that is a scope: around a single step it would be the name of that."""
    if len(window) == 1 and window[0].kind in ("step", "call", "beside"):
        window = [over("repeat", kids=[window], cin=window[0].cin, holes=[["times", 1]])]
    return over("label", (name,), kids=[window], cin=window[0].cin)


def _inside(t: Term, at: Name) -> None:
    """The same in the parts of a structure."""
    if t.kind == "label":  # of what runs again, by its own name
        scoped(t.kids[0], t.name)
        return
    for k in t.kids:
        scoped(k, (*at, t.head[0]) if t.kind == "output" else at)
    if t.shortcut:
        found = [n[len(at)] for x in t.shortcut for n in _names(x) if len(n) > len(at)]
        scoped(t.shortcut, (*at, *found[:1]))


def _names(t: Term) -> list[Name]:
    """The names of all that is in a term."""
    own = [t.name] if t.name else []
    return own if t.kind == "label" and own else [*own, *(n for b in t.bodies for x in b for n in _names(x))]


def _inner(t: Term, at: Name) -> str:
    """The scope in which all of a term is, of those right in `at`; nothing where there is none."""
    found, n = _names(t), len(at)
    first = {name[n] if name[:n] == at and len(name) > n + 1 else "" for name in found}
    return first.pop() if len(first) == 1 else ""


@dataclass
class Scope:
    """What is counted in a scope while a text is read, as the language counts: steps by their kinds."""

    at: Name = ()
    counts: dict[str, int] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    sure: bool = True  # whether the numbers are known: not behind a repeat whose turns a parameter says

    def next(self, kind: str) -> str:
        """The name of a step that has none."""
        base = f"{kind}_" if kind[-1].isdigit() else kind
        while True:
            self.counts[kind] = k = self.counts.get(kind, 0) + 1
            if f"{base}{k}" not in self.taken:
                break
        self.taken.add(f"{base}{k}")
        return f"{base}{k}"

    def label(self, name: str, kind: str = "") -> None:
        self.taken.add(name)
        if kind:
            self.counts[kind] = self.counts.get(kind, 0) + 1


Visit = Callable[[Sequence, int, Scope], None]


def named(seq: Sequence, visit: Visit) -> None:
    """Show every step, call and label of a sequence, in the order of the text, before it is counted; `visit` may put another term
    in its place."""
    _read(seq, Scope(), visit)


def _read(seq: Sequence, scope: Scope, visit: Visit) -> None:
    for k in range(len(seq)):
        if seq[k].kind in ("step", "call", "label"):
            visit(seq, k, scope)
        _count(seq[k], scope, visit)


def single(t: Term) -> Term | None:
    """The one step or call that a label stands for, or an output, which has its name then."""
    steps = [x for k in t.kids for x in k if x.kind != "start"] if t.kind in ("label", "output") else []
    return steps[0] if len(steps) == 1 and steps[0].kind in ("step", "call", "beside") else None


def _count(t: Term, scope: Scope, visit: Visit) -> None:
    if t.kind in ("label", "output"):
        one = single(t)
        scope.label(t.head[0], kind(one) if one else "")
        if t.kids and one is None:
            _read(t.kids[0], Scope((*scope.at, t.head[0])), visit)
        return
    turns = t.hole("times") if t.kind == "repeat" else 1
    for turn in range(turns if isinstance(turns, int) else 1):
        for b in t.kids:
            _read(b, scope, visit if not turn else lambda *_: None)
    scope.sure &= isinstance(turns, int)
    if t.shortcut:
        name = next(n for n in (SHORTCUT, *(f"{SHORTCUT}{k}" for k in range(2, 9999))) if n not in scope.taken)
        scope.label(name)
        _read(t.shortcut, Scope((*scope.at, name)), visit)
    for word in {"gate": ("up", "mul"), "residual": ("add",), "dense": ("concat",)}.get(t.kind, (kind(t),)):
        if word:
            scope.next(word)


def kind(t: Term) -> str:
    """What a step is counted as, with the others of its kind."""
    if t.kind in ("step", "beside") and t.head[0] == "word":
        return str(t.head[1]).partition(" ")[0]
    return str(t.head[0]).partition(" ")[0] if t.kind in ("step", "beside", "merge", "call") else ""


def labelled_steps(body: Sequence) -> None:
    """A label on each step whose name is another than the one it would have; not where all that differs is the number of a step
    without parameters."""
    def visit(seq: Sequence, k: int, scope: Scope) -> None:
        t = seq[k]
        if t.kind == "step" and t.name and t.name[:-1] == scope.at and (name := t.name[-1]) not in scope.taken and (
                name != _would_be(t, scope)) and (t.owns or not re.fullmatch(rf"{kind(t)}_?\d+", name)):
            seq[k] = over("label", (name,), kids=[[t]], cin=t.cin)

    named(body, visit)


def unlabelled_calls(body: Sequence) -> None:
    """No label on a call that has the same name without it, and whose value no line names."""
    suites = set[int]()

    def visit(seq: Sequence, k: int, scope: Scope) -> None:
        t, call = seq[k], single(seq[k])
        if t.kind == "label" and call is not None and call.kind == "call":
            named = k + 1 < len(seq) and seq[k + 1].kind == "mark"
            if not named and scope.sure and t.head[0] == _would_be(call, scope):
                seq[k] = over("repeat", kids=[[call]], cin=call.cin, holes=[["times", 1]]) if id(seq) in suites else call
        elif t.kind == "label" and len(t.kids[0]) == 1:
            suites.add(id(t.kids[0]))

    named(body, visit)


def _would_be(t: Term, scope: Scope) -> str:
    """The name of a step or call that has no label."""
    return Scope(scope.at, dict(scope.counts), set(scope.taken)).next(kind(t))


def shared(body: Sequence, parts: Iterable[Name]) -> None:
    """The parts of a file that run more than once: the first time under a label, after that as `reuse`."""
    for part in sorted(set(parts), key=len):
        _share(body, part, [])


def _share(seq: Sequence, part: Name, seen: list[Term]) -> None:
    k = 0
    while k < len(seq):
        size = _once(seq[k:], part)
        if not size:
            for b in seq[k].bodies:
                _share(b, part, seen)
        elif seen:
            seq[k:k + size] = [over("reuse", (f"reuse @{'.'.join(part)}",), cin=seq[k].cin)]
        else:
            window = seq[k:k + size]
            seen.append(over("label", part[-1:], kids=[window]) if window[0].name == part else suite(part[-1], window))
            seen[0].name = part
            seq[k:k + size] = seen
        k += 1


def _once(seq: Sequence, part: Name) -> int:
    """How many terms, from the first on, are in a scope, until something is there for the second time."""
    there = set[Name]()
    for k, t in enumerate(seq):
        if not _within(t, part) or there.intersection(_names(t)):
            return k
        there.update(_names(t))
    return len(seq)


def _within(t: Term, part: Name) -> bool:
    """Whether all of a term is in a scope, or is the step of this name."""
    return bool(found := _names(t)) and all(n[:len(part)] == part for n in found)
