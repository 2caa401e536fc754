"""The boxes of a picture of a difference, at several depths: what both networks have is short, and where there is too much to
read on a page, parts of them are told as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .change import Change, Kind
from .report import Entry, Graphs, blocks, edit

STRETCHES = 30, 20, 10  # boxes
TOLD: dict[Kind, str] = {"added": "added", "removed": "removed", "changed": "changed", "kept": "the same"}


@dataclass(frozen=True)
class Box:
    """One box of the picture."""

    kind: Kind
    title: str
    below: str
    changes: tuple[Change, ...]


def levels(every: Sequence[Change], graphs: Graphs) -> Iterator[list[Box]]:
    """All boxes; then steps changed alike in one; then the parts of the network in one each; then what lies between what came and
    what went; then stretches of the network. Each has every step once, in order."""
    found = list(_boxes(every, graphs))
    yield found
    found = list(_shorter(found))
    yield found
    for how in (_part, _sort):
        found = list(_joined(found, how))
        yield found
    for most in STRETCHES:
        many = -(-len(found) // most)
        yield [_sum(found[k:k + many]) if len(found[k:k + many]) > 1 else found[k] for k in range(0, len(found), many)]


def _boxes(every: Sequence[Change], graphs: Graphs) -> Iterator[Box]:
    run: list[Change] = []
    for c in [*every, None]:
        if c is not None and " " in c.name:  # an output
            continue
        if run and (c is None or c.kind != run[0].kind or c.kind == "changed"):
            yield from _of(run, graphs)
            run = []
        if c is not None:
            run.append(c)


def _of(run: Sequence[Change], graphs: Graphs) -> Iterator[Box]:
    """The boxes of steps that follow each other and are of one kind."""
    kind = run[0].kind
    if kind in ("added", "removed"):
        yield from (_block(e, kind) for e in blocks(run, graphs))
    elif kind == "kept" and len(run) > 2:
        yield Box(kind, f"{len(run)} steps are the same", _from_to(run), tuple(run))
    else:
        yield from (_single(c) for c in run)


def _block(e: Entry, kind: Kind) -> Box:
    if len(e.changes) == 1:
        return _single(e.changes[0])
    facts = [c.after or c.before for c in e.changes]
    parameters = sum(f.parameters for f in facts if f)
    shape = facts[-1].shape if facts[-1] else ""
    times = f"  ×{e.times}" if e.times > 1 else ""
    return Box(kind, e.name + times, f"{len(e.changes)} steps, {parameters:,} parameters · {_signs(shape)}", e.changes)


def _single(c: Change) -> Box:
    now = c.after or c.before
    assert now is not None
    below = f"{_name(c)} · {_signs(now.shape)}" + (f" · {now.parameters:,} parameters" if now.parameters else "")
    if c.kind == "changed" and c.before is not None and c.after is not None:
        before, after = (side.split("  ") for side in c.before.against(c.after))
        new = [t for t in after if t not in (now.step, now.shape)]  # which the box says anyway
        below = " · ".join((_name(c), _signs(now.shape), *new, f"was {before[0]}", *before[1:]))
    return Box(c.kind, now.step, below, (c,))


def _shorter(boxes: Sequence[Box]) -> Iterator[Box]:
    """With steps that were changed alike, and what is kept between them, in one box for each part of the network."""
    run: list[Box] = []

    def told(run: Sequence[Box]) -> Iterator[Box]:
        changes = tuple(c for b in run for c in b.changes)
        edits = [edit(c) for c in changes if c.kind == "changed"]
        if len(run) < 3:
            yield from run
        else:
            yield Box("changed", f"{len(edits)} of {len(changes)} steps: {edits[0]}", _from_to(changes), changes)

    for b in boxes:
        edits = {edit(c) for r in (*run, b) for c in r.changes if c.kind == "changed"}
        scopes = {_name(c).split(".")[0] for r in (*run, b) for c in r.changes if "." in _name(c)}
        if run and (b.kind in ("added", "removed") or len(edits) > 1 or "" in edits or len(scopes) > 1):
            yield from told(run)
            run = []
        if b.kind in ("added", "removed"):
            yield b
        else:
            run.append(b)
    yield from told(run)


def _joined(boxes: Sequence[Box], how: object) -> Iterator[Box]:
    """With boxes that follow each other and agree in what is asked of them as one."""
    run: list[Box] = []
    for b in [*boxes, None]:
        if run and (b is None or how(b) is None or how(b) != how(run[-1])):  # type: ignore[operator]
            yield run[0] if len(run) == 1 else _sum(run)
            run = []
        if b is not None:
            run.append(b)


def _part(b: Box) -> str | None:
    """The outermost block that all steps of a box lie in."""
    scopes = {_name(c).split(".")[0] if "." in _name(c) else None for c in b.changes}
    return scopes.pop() if len(scopes) == 1 else None


def _sort(b: Box) -> str:
    return b.kind if b.kind in ("added", "removed") else "both"


def _sum(run: Sequence[Box]) -> Box:
    """Several boxes as one: how many steps of each kind."""
    changes = tuple(c for b in run for c in b.changes)
    numbers = {kind: sum(c.kind == kind for c in changes) for kind in TOLD}
    kinds = [kind for kind, n in numbers.items() if n]
    title = ", ".join(f"{numbers[kind]} {TOLD[kind]}" for kind in kinds)
    part = next(iter({_part(b) for b in run})) if len({_part(b) for b in run}) == 1 else None
    return Box(kinds[0] if len(kinds) == 1 else "changed", f"{part}: {title}" if part else f"{len(changes)} steps: {title}",
               _from_to(changes), changes)


def _from_to(changes: Sequence[Change]) -> str:
    return f"{_name(changes[0])} … {_name(changes[-1])}"


def _name(c: Change) -> str:
    return c.other or c.name


def _signs(shape: str) -> str:
    return shape.replace("x", "×")
