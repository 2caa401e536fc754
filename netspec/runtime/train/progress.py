"""What training shows while it runs: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .history import History


class Progress:
    """Shows nothing."""

    def batch(self, done: int, loss: float) -> None:
        """After each batch, with the mean loss of the epoch so far."""

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        """After each epoch, numbered from 1."""


class Lines(Progress):
    """One line an epoch."""

    def __init__(self, history: History, last: int):
        self.history, self.last = history, last

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        print(line(self.history, number, self.last, numbers), flush=True)


class Bar(Progress):
    """A bar of the batches of this epoch, which the epoch's line replaces."""

    def __init__(self, live: Any, history: History, last: int, batches: int | None, first: int):
        self.live, self.history, self.last, self.batches = live, history, last, batches
        self.task = live.add_task("", total=batches, what=f"epoch {first + 1}/{last}", loss="")

    def batch(self, done: int, loss: float) -> None:
        self.live.update(self.task, completed=done, loss=f"loss {loss:.4f}")

    def epoch(self, number: int, numbers: Mapping[str, Any]) -> None:
        self.live.console.print(line(self.history, number, self.last, numbers), highlight=False, markup=False)
        self.live.update(self.task, completed=0, what=f"epoch {number + 1}/{self.last}", loss="")


def line(history: History, number: int, last: int, numbers: Mapping[str, Any]) -> str:
    """`epoch  3/10  loss 0.1214  accuracy 96.24%  val_loss 0.0988  val_accuracy 97.50%  0.2 s`"""
    parts = [f"{k} {history.shown(k, v)}" for k, v in numbers.items() if k not in ("seconds", "lr")]
    took = [f"{numbers['seconds']:.1f} s"] if "seconds" in numbers else []
    return "  ".join([f"epoch {number:>{len(str(last))}}/{last}", *parts, *took])


@contextmanager
def progress(history: History, verbose: int, first: int, last: int, batches: int | None) -> Iterator[Progress]:
    """The display for epochs first+1..last."""
    if not verbose or first >= last:
        yield Progress()
    elif not sys.stdout.isatty():
        yield Lines(history, last)
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Live

        with Live(TextColumn("{task.fields[what]}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"),
                  TimeRemainingColumn(), transient=True) as live:
            yield Bar(live, history, last, batches, first)
