"""What came of trials: a file for each, written once.

    results/trial-7.json    {"trial": 7, "state": "done", "value": 0.0712, "parameters": {...}, ...}

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

from .definition import RESULTS, Search
from .lease import put

DONE, DROPPED, FAILED = "done", "dropped", "failed"


@dataclass(frozen=True)
class Result:
    """What came of a trial.

    parameters  the values of what is searched, by their names, as the text has them
    state       "done"; "dropped", since its loss became too large; "failed", where it could not be trained
    why         in words, where it is not done
    watched     the number that says which is best, and whether "lowest" or "highest": "lowest val_loss"
    value       that number in its best epoch
    best        all numbers of that epoch
    epochs      how many it was trained
    """

    trial: int
    parameters: dict[str, str] = field(default_factory=dict)
    state: str = DONE
    why: str = ""
    watched: str = "lowest loss"
    value: float | None = None
    best: dict[str, float] = field(default_factory=dict)
    epochs: int = 0

    @property
    def rank(self) -> tuple[Any, ...]:
        """For sorting, the best first."""
        value = self.value if self.value is not None and isfinite(self.value) else None
        way = -1 if self.watched.startswith("highest") else 1
        return (self.state != DONE, inf if value is None else way * value, self.trial)


def name(trial: int) -> str:
    return f"trial-{trial}"


def write(search: Search, result: Result) -> None:
    """Raises OSError."""
    put(search.folder / RESULTS / f"{name(result.trial)}.json", asdict(result))


def is_there(search: Search, trial: int) -> bool:
    return os.path.isfile(search.folder / RESULTS / f"{name(trial)}.json")


def numbers(folder: Path) -> set[int]:
    """The trials whose results there are."""
    try:
        return {int(m[1]) for f in os.listdir(folder / RESULTS) if (m := re.fullmatch(r"trial-(\d{1,9})\.json", f))}
    except OSError:
        return set()


def read(folder: Path, trial: int) -> Result | None:
    """None where it cannot be read."""
    try:
        found = json.loads((folder / RESULTS / f"{name(trial)}.json").read_text(encoding="utf-8"))
        return Result(**{**found, "parameters": dict(found["parameters"]), "best": dict(found["best"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def ranked(folder: Path) -> list[Result]:
    """All of them, the best first."""
    return sorted((r for k in numbers(folder) if (r := read(folder, k)) is not None), key=lambda r: r.rank)
