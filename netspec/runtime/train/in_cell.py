"""Training as a notebook shows it: one piece of HTML below the cell, drawn again and again; nothing is printed."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from ...cell import Place
from ...terminal import duration
from ...views.report import live
from .history import History
from .progress import Plan, Shown

PAUSE = 0.25  # seconds between two drawings at least,
DEAR = 25  # and so many times as long as one takes
ROOM = 100  # columns of what is said
WHOLE = 0.999  # of the bar, where nobody knows how long the last epoch takes


class InCell(Shown):
    """The same numbers as on a terminal."""

    def __init__(self, place: Place, title: str, history: History, first: int, last: int, follow: int, batches: int | None,
                 plan: Plan):
        super().__init__(history, None, first, last, follow, batches, plan)
        self.place, self.title, self.again, self.began = place, title, 0.0, monotonic()
        self.loss: float | None = None
        self.drawn, self.curves = -1, ""  # of how many epochs the curves are
        self.show()

    def begin(self, number: int, done: int) -> None:
        super().begin(number, done)
        self.loss = None
        self.due()

    def batch(self, done: int, examples: int, measured: Any) -> None:
        super().batch(done, examples, measured)
        if monotonic() >= self.again:
            self.loss = measured.loss
            self.show()

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        self.pace.end()
        self.due()

    def changed(self) -> None:
        self.due()

    def due(self) -> None:
        if monotonic() >= self.again:
            self.show()

    def over(self, error: BaseException | None = None) -> None:
        """The last drawing, which a notebook keeps."""
        many, history = len(self.history.epochs), self.history
        said = f"{many:,} epoch{'s' if many != 1 else ''} in {duration(monotonic() - self.began)}"
        if error is not None:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else "ended by an error"
            said = f"{why} in epoch {self.name.strip()}, {said}"
        self.draw(live.Moment(self.title, said, below=tuple(filter(None, (history.stopped, history.kept)))))

    def show(self) -> None:
        """Where it is now."""
        waits = f"epoch {self.name.strip()}  {self.waits[-1]}" if self.waits else self.said(ROOM, self.loss)
        self.draw(live.Moment(self.title, waits, self.share))

    @property
    def share(self) -> float:
        """How much of these epochs is done."""
        inside = 1.0 if self.pace.over else self.pace.done / self.pace.batches if self.pace.batches else 0.0
        return min(WHOLE, (self.number - 1 - self.first + inside) / (self.last - self.first))

    def draw(self, moment: live.Moment) -> None:
        before, history = monotonic(), self.history
        if self.drawn != len(history.epochs) or history.best is not None:
            self.drawn = len(history.epochs)
            self.curves = live.charts(history, history.epochs, history.best)
        self.place.show(live.live(moment, self.curves, live.table(["epoch", *history], history.rows)), moment.text)
        now = monotonic()
        self.again = now + max(PAUSE, DEAR * (now - before))
