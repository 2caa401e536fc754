"""Which weights a training keeps, and when it stops for want of better ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import Advice, near
from ..misuse import misuse
from ..state import AVERAGE, State
from ..tallies import Tally

Array = NDArray[Any]


@dataclass
class Keeper:
    """What one call of `fit` keeps.

    patience  epochs without a better number after which training stops, and the best weights are put back; None: never
    keep      what the recipe says: ("best", NAME) puts the best weights back at the end, whatever ends it; ("last",) none
    path      where the best weights are written as soon as they are, from where they are put back at the end; a run that goes
              on finds them there
    """

    state: State
    save: Callable[[str], None]
    patience: int | None = None
    keep: tuple[str, ...] = ()
    path: str | None = None
    watched: str = "loss"
    lower: bool = True
    best: tuple[float, int] | None = None  # the number, and its epoch
    held: tuple[dict[str, Array], dict[str, Array]] | None = field(default=None, repr=False)

    @property
    def idle(self) -> bool:
        """Whether nothing is kept."""
        return self.patience is None and self.keep[:1] != ("best",) and (self.path is None or self.keep == ("last",))

    def begin(self, counted: Iterable[Tally], validated: bool) -> str | None:
        """Before the first epoch: what is watched, and the best that a run that goes on has had. None to begin, or why
        not: it had stopped for want of better numbers.

        Errors: a name that is nothing that is measured.
        """
        metrics = {t.name: t.metric for t in counted}
        names = [prefix + k for prefix in ("val_", "")[not validated :] for k in ("loss", *metrics)]
        self.watched = self.keep[1] if len(self.keep) > 1 else names[0]
        plain = self.watched.removeprefix("val_")
        if self.watched not in names and not (plain.endswith(".loss") and self.watched.startswith("val_") <= validated):
            alike = near(self.watched, names)
            raise misuse("unknown-name", f"`{self.watched}` is not measured, so nothing can be best by it",
                         f"what is measured: {', '.join(names)}", hint=f"keep best {alike}" if alike else Advice("one of them"))
        metric = metrics.get(plain)
        self.lower = metric.better == "lower" if metric is not None else True
        if self.path is not None and os.path.isfile(self.path):
            for epoch, numbers in enumerate(self.state.course.record, 1):
                if self.watched in numbers and self.better(numbers[self.watched]):
                    self.best = numbers[self.watched], epoch
        return self.tired(self.state.course.epoch)

    def tired(self, epoch: int) -> str | None:
        """Why training stops after an epoch that is not the best, if it does."""
        if self.patience is None or self.best is None or epoch - self.best[1] < self.patience:
            return None
        return (f"stopped after epoch {epoch}: {self.watched} was best at epoch {self.best[1]} ({self.best[0]:.4f}), "
                "whose weights are back")

    def better(self, value: float) -> bool:
        """Whether a number is better than the best."""
        if isnan(value):
            return False
        return self.best is None or (value < self.best[0] if self.lower else value > self.best[0])

    def epoch(self, numbers: Mapping[str, Any], epoch: int) -> str | None:
        """After an epoch: None to go on, or why not."""
        if self.idle:
            return None
        value = float(numbers[self.watched])
        if self.best is None or self.better(value):
            self.best = value, epoch
            if self.path is not None:
                self.save(self.path)
            else:
                with self.state.gate.shared():
                    self.held = self.state.numbers(), self.state.slot(AVERAGE) if self.state.average.taken else {}
            return None
        return self.tired(epoch)

    def end(self, stopped: bool) -> int | None:
        """The best weights are put back where training stopped for want of better ones, or they are what is kept: then their
        epoch is returned."""
        if self.best is None or not (stopped or self.keep[:1] == ("best",) or self.path is not None):
            return None
        if self.path is not None:
            from ..io.tensors import Tensors

            there = Tensors(self.path)
            self.held = ({k: there[k] for k in self.state.declared},
                         {k.removeprefix("average/"): there[k] for k in there if k.startswith("average/")})
        if self.held is None:
            return None
        with self.state.gate.exclusive():
            for name, value in self.held[0].items():
                self.state.put(name, value)
            self.state.fill(AVERAGE, self.held[1])
        return self.best[1]

    def said(self, last: int) -> str | None:
        """Which weights the network has, where they are not those of the last epoch."""
        if self.idle or self.best is None or self.best[1] == last or not (self.keep[:1] == ("best",) or self.path is not None):
            return None
        return f"best   epoch {self.best[1]}, by {self.watched} ({self.best[0]:.4f})"
