"""What is shown of a search: what was searched, and what came of each trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, log

EDGE = 0.1  # of a range, at either end: a best value there says that better ones may lie beyond
FEW = 5  # trials with a number, below which nothing is said of edges


@dataclass(frozen=True)
class Ranged:
    """One thing that was searched: numbers from `low` to `high`, evenly or in the logarithm; or one of `choices`."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[str, ...] = ()

    def share(self, value: str) -> float | None:
        """How far between the ends a value lies, from 0 to 1; None for what is none."""
        if self.choices:
            return (self.choices.index(value) + 0.5) / len(self.choices) if value in self.choices else None
        try:
            v, low, high = (log(x) if self.log else x for x in (float(value), self.low, self.high))
        except ValueError:
            return None
        return min(1.0, max(0.0, (v - low) / (high - low)))


@dataclass(frozen=True)
class Tried:
    """One trial: its values by name, what became of it ("done", "stopped", "dropped", "failed"), the number that judges it."""

    number: int
    values: Mapping[str, str]
    state: str = "done"
    value: float | None = None
    why: str = ""
    epochs: int = 0
    best: Mapping[str, float] = field(default_factory=dict)

    @property
    def judged(self) -> bool:
        """Whether its number can be drawn."""
        return self.value is not None and isfinite(self.value) and self.state in ("done", "stopped")


@dataclass(frozen=True)
class Searched:
    """A search: `trials` are those that have a result, the best first, of `planned`; `watched` is what is best, as
    "lowest val_loss"."""

    name: str
    net: str
    watched: str
    planned: int
    ranges: tuple[Ranged, ...]
    trials: tuple[Tried, ...]

    @property
    def number(self) -> str:
        """The name of the number that judges."""
        return self.watched.partition(" ")[2]

    @property
    def best(self) -> Tried | None:
        return next((t for t in self.trials if t.state == "done" and t.judged), None)

    @property
    def judged(self) -> tuple[Tried, ...]:
        return tuple(t for t in self.trials if t.judged)

    def edges(self) -> list[tuple[Ranged, str]]:
        """Ranges at whose lower or upper end the best trial lies."""
        best = self.best
        if best is None or len(self.judged) < FEW:
            return []
        found = [(r, r.share(best.values.get(r.name, ""))) for r in self.ranges if not r.choices]
        return [(r, "lower" if s < EDGE else "upper") for r, s in found if s is not None and not EDGE <= s <= 1 - EDGE]
