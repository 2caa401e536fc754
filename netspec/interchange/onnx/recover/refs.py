"""What lines call the values that they name: by a label that stands there anyway, else by a name for the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain, count

from ....syntax.refused import RESERVED
from ....words.layer import LAYERS
from .program import Program
from .scopes import single
from .term import Sequence, Term, over

Place = tuple[str, ...]  # the labels around a line
SIZES = ("up", "crop", "pad")  # what names a value for its size alone


def settled(program: Program, inputs: dict[str, str]) -> None:
    """Give a name to each value that a line names, and write it there. `inputs` are those of the net's inputs."""
    for body, taken in [(b.body, {p for p, _ in b.parameters}) for b in program.blocks] + [(program.body, set(inputs.values()))]:
        _settled(body, inputs, taken | {b.name for b in program.blocks}, not program.scoped)


def _settled(body: Sequence, inputs: dict[str, str], taken: set[str], free: bool) -> None:
    """`free` says that a step may be called as the value is."""
    lines = list(_lines(body))
    taken = taken | {t.head[0] for _, _, t in lines if t.kind in ("label", "output")} | set(LAYERS) | set(RESERVED)
    taken |= {"x"} if any(t.kind == "gate" for _, _, t in lines) else set()
    users: dict[str, set[str]] = {}
    for _, _, t in lines:
        for v in t.refs if t.kind != "mark" else ():
            users.setdefault(v, set()).add(t.head[0].partition(" ")[0])
    places: dict[str, Place] = {}
    marks = [(seq, at, t) for seq, at, t in lines if t.kind == "mark"]
    for seq, at, t in marks:
        v, before = t.refs[0], seq[seq.index(t) - 1] if seq.index(t) else None
        if before is not None and before.kind == "label":
            places[v] = (*at, before.head[0])
            seq.remove(t)
            continue
        name = _free(users.get(v, set()) <= set(SIZES), len(marks) > 1, taken)
        taken.add(name)
        places[v] = (*at, name)
        if free and before is not None and before.kind in ("step", "call", "beside"):
            k = seq.index(t)
            seq[k - 1:k + 1] = [over("label", (name,), kids=[[before]], cin=before.cin)]
        else:
            t.head = (f"{name}: skip",)
    for _, at, t in lines:
        if t.kind != "mark" and t.refs:
            words = [inputs[v] if v in inputs else _seen(places[v], at) for v in t.refs]
            t.head = (re.sub(r"@(\d+)\b", partial(_said, words), t.head[0]),)


def _free(size: bool, several: bool, taken: set[str]) -> str:
    """A name for a value that is none yet: size for a size, x where it is the only one."""
    numbered = (f"size_{k}" if size else f"x{k}" for k in count(1 + size))
    return next(n for n in chain(["size"] if size else [] if several else ["x"], numbered) if n not in taken)


def _said(words: list[str], found: re.Match[str]) -> str:
    return f"@{words[int(found[1])]}"


def _lines(seq: Sequence, at: Place = ()) -> Iterator[tuple[Sequence, Place, Term]]:
    """Every term with the sequence that it is in and the labels around it, in order."""
    for t in seq:
        yield seq, at, t
        for b in t.bodies:
            yield from _lines(b, (*at, t.head[0]) if t.kind in ("label", "output") and single(t) is None else at)


def _seen(place: Place, at: Place) -> str:
    """How a line in one place refers to another: what is around both is left out."""
    k = 0
    while k < len(place) - 1 and k < len(at) and place[k] == at[k]:
        k += 1
    return ".".join(place[k:])
