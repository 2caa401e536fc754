"""The report of a training that runs: its statistics, and the page that is made of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any

from ...diagnostics import NetspecError
from ...views.report.story import Story
from ...views.report.verdicts.table import verdicts
from ..train.history import History
from . import kept
from .pages import PAGE, write_page
from .recorder import Recorder
from .stories import answered, told, with_filters

BRIEF = 1.0  # seconds within which no second page is written
PAUSE = 10.0  # seconds after which a page that is watched is written anew within an epoch
SOON, LATE = 2, 30  # seconds after which a page that is watched reads itself anew, at least and at most


class Reporter(Recorder):
    """Writes `report.html` into the folder of a run when training ends, however it does; `live` at once and after every epoch as
    well, as a page that reads itself anew."""

    def __init__(self, folder: Path, live: bool = False):
        super().__init__(folder)
        self.shown: Story | None = None  # what the page that was written last is of
        self.live, self.last, self.written, self.pace = live, 0, 0.0, float(SOON)

    @property
    def path(self) -> Path:
        return self.folder / PAGE

    def on_begin(self, net: Any, last: int) -> None:
        self.last = last
        if self.live:
            self.write(net, f"epoch {net.epoch + 1} of {last}")

    def on_step(self, net: Any, step: int, loss: float) -> None:
        super().on_step(net, step, loss)
        if self.live and monotonic() - self.written > PAUSE:
            self.write(net, f"epoch {net.epoch + 1} of {self.last}, step {step:,}, loss {loss:.4g} so far")

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> str | None:
        found = super().on_epoch(net, epoch, numbers)
        self.pace = float(numbers.get("seconds", SOON))
        if self.live and monotonic() - self.written > BRIEF:
            self.write(net, f"epoch {epoch} of {self.last} is over")
        return found

    def on_end(self, net: Any, history: History) -> None:
        super().on_end(net, history)
        story = self.told(net)
        self.end |= {"judged": None if story.judged is None else asdict(story.judged),
                     "filters": None if story.filters is None else asdict(story.filters)}
        kept.note(self.folder, {"end": self.end})
        self.show(replace(story, end={k: v for k, v in self.end.items() if k not in ("judged", "filters")}))

    def on_failure(self, net: Any, error: BaseException) -> None:
        super().on_failure(net, error)
        if net.step and (isinstance(error, NetspecError | KeyboardInterrupt)):
            self.show(self.told(net, judge=False))

    def told(self, net: Any, judge: bool = True) -> Story:
        """All that is known at the end: what the network answers takes a while."""
        story = with_filters(told(self.folder), net.state)
        if judge and self.judging is not None:
            return answered(story, net.state, self.judging, "test" if self.judging.tested else "validation")
        return answered(story, net.state, self.learnt, "training") if judge and self.learnt is not None else story

    def write(self, net: Any, running: str) -> None:
        """The page as things stand, while training goes on."""
        self.show(replace(told(self.folder), running=running))

    @property
    def said(self) -> str:
        """Where the page is, and its verdict."""
        found = "" if self.shown is None or self.shown.running else f": {verdicts(self.shown)[0].title}"
        return f"report {self.path}{found}"

    def show(self, story: Story) -> None:
        self.shown = story
        write_page(self.path, [story], min(LATE, max(SOON, round(self.pace))) if story.running else None)
        self.written = monotonic()
