"""Successive halving: all trials are trained a little, the best of them longer, the best of those to the end (Jamieson and
Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016).

A rung is whole when each of its trials has a result; who goes on is decided then and not before, so that it is the same whoever
was first. A search that does not halve has one rung, to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .definition import Search
from .results import DONE, STOPPED, Board, Result
from .sampling import due

Found = Mapping[tuple[int, int], Result]


def rungs(epochs: int, trials: int, share: int) -> tuple[int, ...]:
    """After how many epochs each rung ends, where one of `share` trials goes on each time: 1, 3 and 9 of 9 epochs. The last
    rung has one trial at least."""
    many = 0
    while share ** (many + 1) <= min(epochs, trials):
        many += 1
    return tuple(-(-epochs // share ** (many - k)) for k in range(many + 1))


def left(search: Search, found: Found) -> list[tuple[int, int]]:
    """What can be done now: trials, and up to which rung. Nothing where all is done."""
    alive = list(due(search, found) if search.definition.sampler else range(1, search.trials + 1))
    for rung in range(_many(search)):
        missing = [(t, rung) for t in alive if (t, rung) not in found]
        if missing:
            return missing
        alive = _going_on(search, [found[t, rung] for t in alive])
    return []


def _many(search: Search) -> int:
    return max(1, len(search.definition.rungs))


def _going_on(search: Search, of: list[Result]) -> list[int]:
    """The trials of a whole rung that go on, in their order."""
    best = sorted((r for r in of if r.state == DONE), key=lambda r: r.rank)
    return sorted(r.trial for r in best[: max(1, len(of) // max(1, search.definition.halving))])


def standing(search: Search, found: Found) -> list[Result]:
    """What has become of each trial until now, the best first."""
    last = _many(search) - 1
    alive, out = list(range(1, search.trials + 1)), dict[int, Result]()
    for rung in range(last + 1):
        there = [found[t, rung] for t in alive if (t, rung) in found]
        out |= {r.trial: r for r in there}
        if len(there) < len(alive) or rung == last:
            break
        alive = _going_on(search, there)
        out |= {r.trial: replace(r, state=STOPPED, why=f"after {_epochs(r.epochs)}") for r in there
                if r.trial not in alive and r.state == DONE}
    return sorted(out.values(), key=lambda r: r.rank)


def _epochs(many: int) -> str:
    return f"{many} epoch{'s' if many != 1 else ''}"


def ranked(search: Search) -> list[Result]:
    """What lies in its folder of each trial, the best first."""
    board = Board(search)
    board.look()
    return standing(search, board.found)
