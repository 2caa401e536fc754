"""Two rows of units side by side: which of one is which of the other, where order, kind and shape leave no choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .units import Unit, fit


class Aligned(NamedTuple):
    """Pairs of places, and the first unit of the net of which two could be meant, with both."""

    pairs: tuple[tuple[int, int], ...]
    doubt: tuple[int, int, int] | None = None


def align(have: Sequence[Unit], want: Sequence[Unit]) -> Aligned:
    """The longest row of pairs that keeps the order of both sides; it is in doubt where there are several as long."""
    n, m = len(have), len(want)
    if n == m and all(map(fit, have, want)):
        return Aligned(tuple((k, k) for k in range(n)))
    known: dict[tuple[Any, Any], bool] = {}  # many layers are of few shapes
    fits = [[_fit(a, b, known) for b in want] for a in have]
    ahead = _lengths(fits, n, m)
    first = _walk(fits, ahead, n, m)
    if _ways(fits, ahead, n, m) == 1:
        return Aligned(tuple(first))
    back = [[fits[n - 1 - i][m - 1 - j] for j in range(m)] for i in range(n)]
    last = [(n - 1 - i, m - 1 - j) for i, j in _walk(back, _lengths(back, n, m), n, m)][::-1]
    (i, j), (k, _) = next(((a, b) for a, b in zip(first, last) if a != b), (first[0], last[-1]))
    return Aligned(tuple(first), (j, i, k))


def _fit(a: Unit, b: Unit, known: dict[tuple[Any, Any], bool]) -> bool:
    key = (a.signature, b.signature)
    if key not in known:
        known[key] = fit(a, b)
    return known[key]


def _lengths(fits: list[list[bool]], n: int, m: int) -> list[list[int]]:
    """How many pairs there can be from each place on."""
    t = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        row, below, fit_row = t[i], t[i + 1], fits[i]
        for j in range(m - 1, -1, -1):
            row[j] = below[j + 1] + 1 if fit_row[j] else max(below[j], row[j + 1])
            if fit_row[j]:
                row[j] = max(row[j], below[j], row[j + 1])
    return t


def _ways(fits: list[list[bool]], t: list[list[int]], n: int, m: int) -> int:
    """How many sets of pairs are as long as can be."""
    below = [1] * (m + 1)
    for i in range(n - 1, -1, -1):
        row = [1] * (m + 1)
        for j in range(m - 1, -1, -1):
            best = t[i][j]
            ways = below[j + 1] if fits[i][j] and t[i + 1][j + 1] + 1 == best else 0
            ways += below[j] if t[i + 1][j] == best else 0
            ways += row[j + 1] if t[i][j + 1] == best else 0
            row[j] = ways - (below[j + 1] if t[i + 1][j + 1] == best else 0)
        below = row
    return below[0]


def _walk(fits: list[list[bool]], t: list[list[int]], n: int, m: int) -> list[tuple[int, int]]:
    """The pairs of a longest row, each as early as it can be."""
    found, i, j = [], 0, 0
    while i < n and j < m and t[i][j]:
        if fits[i][j] and t[i][j] == t[i + 1][j + 1] + 1:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif t[i + 1][j] == t[i][j]:
            i += 1
        else:
            j += 1
    return found
