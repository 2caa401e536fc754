"""What came of trials: a file for each, written once.

    results/trial-7.json           {"trial": 7, "state": "done", "value": 0.0712, "parameters": {...}, ...}
    results/trial-7-rung-1.json    the same, of a search that halves: after the epochs of its rung

Nothing in them depends on who has done it, or on how long it took.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from ..limits import COUNT
from .definition import RESULTS, Search
from .lease import put

DONE, STOPPED, DROPPED, FAILED = STATES = ("done", "stopped", "dropped", "failed")  # the best first


@dataclass(frozen=True)
class Result:
    """What came of a trial.

    parameters  the values of what is searched, by their names, as the text has them
    state       "done"; "stopped", since others were better after as many epochs; "dropped", since its loss became too large;
                "failed", where it could not be trained
    why         in words, where it is not done
    watched     the number that says which is best, and whether "lowest" or "highest": "lowest val_loss"
    value       that number in its best epoch
    best        all numbers of that epoch
    epochs      how many it was trained
    rung        after which rung of a search that halves, from 0
    """

    trial: int
    parameters: dict[str, str] = field(default_factory=dict)
    state: str = DONE
    why: str = ""
    watched: str = "lowest loss"
    value: float | None = None
    best: dict[str, float] = field(default_factory=dict)
    epochs: int = 0
    rung: int = 0

    @property
    def rank(self) -> tuple[Any, ...]:
        """For sorting, the best first."""
        value = self.value if self.value is not None and isfinite(self.value) else None
        way = -1 if self.watched.startswith("highest") else 1
        return (STATES.index(self.state), -self.rung, inf if value is None else way * value, self.trial)


class Board:
    """The results of a search, as far as they have been seen; each is read once."""

    def __init__(self, search: Search):
        self.search = search
        self.found: dict[tuple[int, int], Result] = {}  # by the number of the trial, and the rung

    def look(self) -> list[Result]:
        """Read what is new, and return it, in the order of the trials. What cannot be read is read at the next look."""
        new = []
        for key, path in files(self.search.folder).items():
            if key not in self.found and key[0] <= self.search.trials and (result := _read(path)) is not None and (
                    result.trial, result.rung) == key:
                self.found[key] = result
                new.append(result)
        return sorted(new, key=lambda r: (r.rung, r.trial))


def name(trial: int) -> str:
    return f"trial-{trial}"


def files(folder: Path) -> dict[tuple[int, int], Path]:
    """The files of results, by trial and rung."""
    place = folder / RESULTS
    lying = os.listdir(place) if place.is_dir() else ()
    found = {f: re.fullmatch(r"trial-(\d{1,9})(?:-rung-(\d{1,3}))?\.json", f) for f in lying}
    return {(int(m[1]), int(m[2] or 0)): place / f for f, m in found.items() if m}


def file(search: Search, trial: int, rung: int) -> Path:
    """The file of a result."""
    return search.folder / RESULTS / (f"{name(trial)}-rung-{rung}.json" if search.definition.rungs else f"{name(trial)}.json")


def write(search: Search, result: Result) -> None:
    """Raises MissingFileError where it cannot be written."""
    put(file(search, result.trial, result.rung), asdict(result))


def is_there(search: Search, trial: int, rung: int) -> bool:
    return os.path.isfile(file(search, trial, rung))


def _read(path: Path) -> Result | None:
    """None where it cannot be read, or is no result."""
    try:
        r = Result(**json.loads(path.read_text(encoding="utf-8")))
        numbers = [*r.best.values(), *(() if r.value is None else (r.value,))]
        texts = [r.state, r.why, r.watched, *r.best, *r.parameters, *r.parameters.values()]
        whole = all(type(n) is int and 0 <= n <= COUNT for n in (r.trial, r.epochs, r.rung))
        sound = whole and all(type(n) in (int, float) for n in numbers) and all(isinstance(t, str) for t in texts)
        return r if sound and r.state in STATES else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
