"""What is known of a run: all that its page and its verdicts are made of, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any


@dataclass(frozen=True)
class Shot:
    """A picture, as the address of an image, and what is said below it."""

    source: str  # data:image/png;base64,..., or empty where the example is no picture
    said: str
    wrong: bool = False


@dataclass(frozen=True)
class Judged:
    """What the network says of the examples that judge it, or of some of those it has learnt from."""

    part: str  # validation, test, training
    examples: int
    numbers: Mapping[str, float] = field(default_factory=dict)  # loss, accuracy, ...
    confusion: tuple[tuple[int, ...], ...] = ()  # a row for each right class, a column for each answer
    worst: tuple[Shot, ...] = ()
    input: Mapping[str, float] = field(default_factory=dict)  # mean and deviation of what the first layer reads
    all_of_it: bool = True  # whether these are all examples of the part
    explained: float | None = None  # of numbers the share of their variance that answers explain

    @cached_property
    def right(self) -> tuple[int, ...]:
        """Of each class, how many examples it has."""
        return tuple(sum(row) for row in self.confusion)

    @cached_property
    def answered(self) -> tuple[int, ...]:
        """Of each class, how often it is answered."""
        return tuple(sum(column) for column in zip(*self.confusion))

    @property
    def found(self) -> list[float | None]:
        """Of the examples of each class the share that is answered rightly."""
        return [row[k] / n if (n := sum(row)) else None for k, row in enumerate(self.confusion)]

    @property
    def accuracy(self) -> float | None:
        every = sum(self.right)
        return sum(row[k] for k, row in enumerate(self.confusion)) / every if every else None


@dataclass(frozen=True)
class Filters:
    """The first layer's filters, as pictures."""

    layer: str
    first: str  # before training
    last: str
    said: str  # which epoch `last` is of


@dataclass(frozen=True)
class Story:
    """A run. What nobody has measured is empty, and `missing` says why."""

    name: str
    folder: str = ""  # where it lies, as it was named
    facts: Mapping[str, Any] = field(default_factory=dict)  # the first line of its log
    epochs: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # what each has measured, from 1
    best: int | None = None  # the epoch whose weights are kept
    about: Mapping[str, Any] = field(default_factory=dict)  # what the statistics are of
    statistics: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # by epoch, 0 before the first step
    end: Mapping[str, Any] = field(default_factory=dict)  # "how": done, stopped, failed or interrupted, and "why"
    running: str = ""  # where it is, while it runs
    judged: Judged | None = None
    filters: Filters | None = None
    seen: tuple[Shot, ...] = ()  # examples as training has seen them
    plain: tuple[Shot, ...] = ()  # the same before they were augmented
    missing: tuple[str, ...] = ()

    # -- numbers by epoch --------------------------------------------------------------------------------------------
    @cached_property
    def order(self) -> list[int]:
        return sorted(k for k in self.epochs if k > 0)

    def column(self, name: str) -> list[float]:
        """A number of each epoch; nan where it was not measured or is none."""
        return [float(v) if isinstance(v := self.epochs[k].get(name), int | float) else float("nan") for k in self.order]

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """All that are numbers, by name."""
        names = dict.fromkeys(n for k in self.order for n, v in self.epochs[k].items() if isinstance(v, int | float))
        names |= {n: None for n in ("loss", "val_loss") if any(n in self.epochs[k] for k in self.order)}
        first = [n for n in ("loss", "val_loss", "accuracy", "val_accuracy") if n in names]
        return {n: self.column(n) for n in dict.fromkeys([*first, *names])}

    def last(self, name: str) -> float | None:
        """The number of the last epoch that has one."""
        return next((v for v in reversed(self.column(name)) if isfinite(v)), None)

    # -- what was planned --------------------------------------------------------------------------------------------
    @property
    def settings(self) -> Mapping[str, Any]:
        found = self.facts.get("settings")
        return found if isinstance(found, Mapping) else {}

    @property
    def planned(self) -> int | None:
        n = self.settings.get("epochs")
        return n if isinstance(n, int) and n > 0 else None

    @property
    def classes(self) -> list[str]:
        return [str(c) for c in self.facts.get("classes") or ()]

    def called(self, k: int) -> str:
        """A class by its name, or its number."""
        return self.classes[k] if k < len(self.classes) else str(k)

    @property
    def guess(self) -> float | None:
        """What answers cost that prefer nothing."""
        v = self.about.get("guess")
        return float(v) if isinstance(v, int | float) else None

    # -- statistics --------------------------------------------------------------------------------------------------
    @cached_property
    def measured(self) -> list[int]:
        """The epochs that have statistics."""
        return sorted(self.statistics)

    @property
    def layers(self) -> list[Mapping[str, Any]]:
        """Those that are measured, in the net's order."""
        return [one for one in self.about.get("layers") or () if isinstance(one, Mapping)]

    def of_layer(self, name: str, what: str) -> list[tuple[int, float]]:
        """A statistic of a layer by epoch; nan where it is none."""
        found = []
        for k in self.measured:
            numbers = self.statistics[k].get("layers", {}).get(name, {})
            if what in numbers:
                found.append((k, float(v) if isinstance(v := numbers[what], int | float) else float("nan")))
        return found

    def probe(self, what: str) -> list[tuple[int, float]]:
        """A number of the probe by epoch."""
        return [(k, float(v)) for k in self.measured
                if isinstance(v := self.statistics[k].get("probe", {}).get(what), int | float)]
