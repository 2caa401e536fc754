"""What training shows while it runs: a table of epochs, and on a terminal below it a line that says where it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ...terminal import Line, cells, columns, duration, tell
from ...waiting import Watch
from ..measuring.measured import Measured
from .history import History
from .table import EPOCH, LEFT, MOST, SPEED, TIME, Table

ONCE = ("planning", "loading kernels", "compiling kernel")  # what the epochs after it do not wait for
FORWARD = 1 / 3  # of the time that an example takes in training: what it takes where it is only judged
RUN = "run"  # what several trainings that follow each other are counted as
BAR, SHORT = 40, 8  # columns of a bar at most, and at least


class Progress:
    """Shows nothing."""

    def begin(self, number: int, done: int) -> None:
        """An epoch begins, or goes on behind so many batches."""

    def batch(self, done: int, examples: int, measured: Measured) -> None:
        """After each batch: how many are done in this epoch, what this one held, and what the epoch comes to so far."""

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        """After each epoch, numbered from 1."""


@dataclass(frozen=True)
class Plan:
    """What is known of a training before it begins."""

    judged: int = 0  # examples that validate
    most: bool = False  # whether it may end before its last epoch
    keep: str = ""  # the number that decides which epoch is best, where somebody has said so
    rates: bool = False  # whether the learning rate changes


class Pace:
    """How fast training goes, and how long it will take. Waiting for kernels to be compiled is left out: it happens once."""

    def __init__(self, watch: Watch, batches: int | None, judged: int):
        self.watch, self.batches, self.judged = watch, batches, judged
        self.began = self.latest = self.lost = self.skipped = 0.0
        self.done = self.own = self.seen = 0  # batches of this epoch, those of them that were made here, and their examples
        self.over = False
        self.before = (0.0, 0)  # seconds that the batches of the last epoch took, and how many they were
        self.counted = 0  # batches of the last epoch, those before an interrupt included
        self.judging: float | None = None  # seconds that an epoch takes besides its batches

    @property
    def once(self) -> float:
        """Seconds lost so far to what happens once."""
        return sum(self.watch.took[what] for what in ONCE)

    @property
    def trained(self) -> float:
        """Seconds that the batches of this epoch took."""
        return max(0.0, self.latest - self.began - self.lost)

    @property
    def speed(self) -> float:
        """Examples a second."""
        return self.seen / self.trained if self.trained else 0.0

    def begin(self, done: int) -> None:
        self.began = self.latest = perf_counter()
        self.done, self.own, self.seen, self.lost, self.skipped, self.over = done, 0, 0, 0.0, self.once, False

    def batch(self, done: int, examples: int) -> None:
        self.done, self.own, self.seen = done, self.own + 1, self.seen + examples
        self.latest, self.lost = perf_counter(), self.once - self.skipped

    def end(self) -> None:
        """The epoch is over, its validation too."""
        self.judging = max(0.0, perf_counter() - self.began - (self.once - self.skipped) - self.trained)
        self.before, self.counted, self.over = (self.trained, self.own), self.done, True

    def left(self, epochs: int) -> float | None:
        """Seconds until the end of this epoch, and of so many more; None where nothing is known of how long one is."""
        seconds, made = self.before[0] + self.trained, self.before[1] + self.own
        length = self.batches or self.counted
        if not length or not made:
            return None
        pace, judging = seconds / made, self.judging
        if judging is None:
            judging = FORWARD * self.judged * self.trained / self.seen if self.seen else 0.0
        rest = 0.0 if self.over else max(0, length - self.done) * pace + judging
        return rest + epochs * (length * pace + judging)


class Shown(Progress, Watch):
    """The table and the line, for epochs first+1..last, and the trainings that follow this one."""

    def __init__(self, history: History, line: Line | None, first: int, last: int, follow: int, batches: int | None, plan: Plan):
        super().__init__()
        self.history, self.line, self.first, self.last, self.follow = history, line, first, last, follow
        metric = next(iter(history.metrics), "loss")
        names = (plan.keep, f"val_{metric}", "val_loss", metric)
        self.table = Table(list(dict.fromkeys(name for name in names if name and name != "loss")))
        self.pace, self.most = Pace(self, batches, plan.judged), plan.most
        self.unshown = ("seconds",) if plan.rates else ("seconds", "lr")
        self.number, self.longest = first + 1, 0

    @property
    def name(self) -> str:
        """` 3/15`: the epoch, and of how many."""
        return f"{self.number:>{len(str(self.last))}}/{self.last}"

    @property
    def after(self) -> int:
        """Epochs after this one, those of other trainings included."""
        return self.last - self.number + self.follow * (self.last - self.first)

    def begin(self, number: int, done: int) -> None:
        self.number = number
        self.pace.begin(done)
        if self.line is not None and self.line.due:
            self.line.draw(self.said(self.line.width))

    def batch(self, done: int, examples: int, measured: Measured) -> None:
        self.pace.batch(done, examples)
        if self.line is not None and self.line.due:
            self.line.draw(self.said(self.line.width, measured.loss))

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        self.pace.end()
        row = {EPOCH: self.name} | {k: self.history.shown(k, v) for k, v in numbers.items() if k not in self.unshown}
        row[SPEED] = fast(self.pace.speed)
        row[TIME] = duration(numbers["seconds"])
        left = self.pace.left(self.after)
        row[MOST if self.most else LEFT] = "" if left is None else duration(left)
        for text in self.table.lines(row, columns(sys.stdout)):
            tell(text)

    def changed(self) -> None:
        if self.line is not None and self.line.due and self.waits:
            wait = str(self.waits[-1])
            whole = f"epoch {self.number}/{self.last}  {wait}"
            self.line.draw(whole if cells(whole) <= self.line.width else wait)

    def ended(self) -> None:
        if self.line is not None:
            self.line.clear()

    def said(self, room: int, loss: float | None = None) -> str:
        """Where training is, as much of it as there is room for."""
        name = f"{self.number}/{self.last}"
        pace, of, epoch = self.pace, self.pace.batches, f"epoch {name}"
        done = f"{pace.done:>{len(f'{of:,}')},}/{of:,}" if of else f"batch {pace.done:,}"
        share, seconds = f"{pace.done / of:.0%}" if of else done, pace.left(self.after)
        now = "" if loss is None else f"loss {self.history.shown('loss', loss)}"
        each = "" if loss is None else f"{fast(pace.speed)} samples/s"
        left = "" if seconds is None else f"{duration(seconds)} left"
        few = each.replace(" samples", "")
        forms = ((epoch, done, now, each, f"at most {left}" if left and self.most else left), (epoch, done, now, few, left),
                 (epoch, done, few, left), (epoch, share, few, left), (name, share, left), (name, left), (left,))
        texts = ["  ".join(filter(None, parts)) for parts in forms]
        text = next((t for t in texts if cells(t) <= room), texts[-1])
        self.longest = max(self.longest, cells(text))  # what varies does not move the end of the bar
        bar = min(BAR, room - self.longest - 2)
        return f"{epoch}  {drawn(bar, pace.done, of)}{text[len(epoch):]}" if of and text is texts[0] and bar >= SHORT else text


def drawn(width: int, done: int, of: int) -> str:
    """`[=====>    ]`"""
    full = (width - 2) * done // of
    head = ">" if 0 < full < width - 2 else ""
    return f"[{'=' * (full - len(head))}{head}{' ' * (width - 2 - full)}]"


def fast(speed: float) -> str:
    """Examples a second: `4,790`, or `0.82`."""
    return f"{speed:,.0f}" if speed >= 99.5 else f"{speed:.3g}"
