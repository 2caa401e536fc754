"""Which steps of two networks are the same one: by what they do, their shapes, what they read, and only then by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST = 300_000  # pairs of steps that are all weighed
Pair = tuple[int | None, int | None]


@dataclass(frozen=True)
class Trait:
    """What a step is known by. `reads` is how many steps before it each of its inputs stands."""

    op: str
    text: str  # the layer
    step: str  # with its switches
    shape: str
    reads: tuple[int, ...]
    name: str

    @property
    def exact(self) -> tuple[object, ...]:
        return self.step, self.shape, self.reads


def aligned(first: Sequence[Trait], second: Sequence[Trait]) -> list[Pair]:
    """All steps of both in order, those that belong together paired."""
    head = 0
    while head < min(len(first), len(second)) and first[head] == second[head]:
        head += 1
    tail = 0
    while tail < min(len(first), len(second)) - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    inner = _between(first[head:len(first) - tail], second[head:len(second) - tail])
    ends = [(len(first) - k, len(second) - k) for k in range(tail, 0, -1)]
    return [*((k, k) for k in range(head)), *_moved(inner, head, head), *ends]


def _moved(pairs: list[Pair], i: int, j: int) -> list[Pair]:
    """The same, so many steps on in each network."""
    return [(None if a is None else a + i, None if b is None else b + j) for a, b in pairs]


def _between(first: Sequence[Trait], second: Sequence[Trait]) -> list[Pair]:
    if len(first) * len(second) <= MOST:
        return _weighed(first, second)
    found: list[Pair] = []
    # too many to weigh: what is equal in runs holds the rest together
    equal = SequenceMatcher(None, [t.exact for t in first], [t.exact for t in second], autojunk=False)
    for tag, i, j, k, m in equal.get_opcodes():
        if tag == "equal":
            found += zip(range(i, j), range(k, m))
        elif (j - i) * (m - k) <= MOST:
            found += _moved(_weighed(first[i:j], second[k:m]), i, k)
        else:
            found += [*((a, None) for a in range(i, j)), *((None, b) for b in range(k, m))]
    return found


def _weighed(first: Sequence[Trait], second: Sequence[Trait]) -> list[Pair]:
    """The pairs, in order, that have most in common (Needleman and Wunsch, 1970)."""
    rows = [[0] * (len(second) + 1)]
    for a in first:
        before, row = rows[-1], [0]
        for j, b in enumerate(second):
            row.append(max(before[j] + _common(a, b), before[j + 1], row[j]))
        rows.append(row)
    found: list[Pair] = []
    i, j = len(first), len(second)
    while i or j:
        common = _common(first[i - 1], second[j - 1]) if i and j else 0
        if common and rows[i][j] == rows[i - 1][j - 1] + common:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif j and rows[i][j] == rows[i][j - 1]:
            j -= 1
            found.append((None, j))
        else:
            i -= 1
            found.append((i, None))
    return found[::-1]


def _common(a: Trait, b: Trait) -> int:
    """What two steps have in common; 0 where they are none of a kind."""
    if a.op != b.op:
        return 0
    text, name, shape = a.text == b.text, a.name == b.name, a.shape == b.shape
    if not (text or name or shape):
        return 0
    return 2 + 3 * text + 3 * shape + 2 * (a.step == b.step) + 2 * name + (a.reads == b.reads)
