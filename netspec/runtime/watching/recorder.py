"""What a training writes down of itself for its report, while it runs."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import NetspecError
from ...views.report.story import Shot
from ..feeding.feed import Examples, Feed
from ..feeding.given import Given
from ..io.told import told
from ..state import State
from ..train.callbacks import Watcher
from ..train.history import History
from . import kept
from .about import about, warned
from .order import Order
from .probe import Probe, layers, of_feed
from .ratios import Ratios
from .tiles import tile

Array = NDArray[Any]
SHOTS = 32  # examples that are shown as training has seen them


class Ending(Watcher):
    """Writes down why a training failed, and else nothing."""

    def __init__(self, folder: Path):
        self.folder = folder

    def on_failure(self, net: Any, error: BaseException) -> None:
        if net.step and isinstance(error, NetspecError):
            kept.note(self.folder, {"end": ending(net, error)})


def ending(net: Any, error: BaseException) -> dict[str, Any]:
    """How it ended, in words."""
    at = {"epoch": net.epoch + 1, "step": net.step}
    if isinstance(error, NetspecError):
        d = error.diagnostics[0]
        return {"how": "failed", "code": d.code, "why": d.title, "notes": list(map(str, d.notes)), **at}
    if isinstance(error, KeyboardInterrupt):
        return {"how": "interrupted", "why": "interrupted", **at}
    return {"how": "failed", "code": "", "why": f"{type(error).__name__}: {error}", **at}


class Recorder(Ending):
    """Statistics before the first step and after each epoch, into the folder of the run."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.probe: Probe | None = None
        self.judging: Given | None = None
        self.learnt: Given | None = None  # the training examples, where they lie in arrays
        self.ratios = Ratios({})
        self.order = Order()
        self.shots: list[Shot] = []
        self.plain: list[Shot] = []
        self.about: dict[str, Any] = {}
        self.steps: int | None = None
        self.measuring = 0.0
        self.end: dict[str, Any] = {}

    def on_data(self, net: Any, feed: Any, learnt: Given, judging: Given | None, shuffle: bool) -> None:
        state: State = net.state
        self.judging = judging if judging is None or not judging.streams else None
        self.learnt = None if learnt.streams else learnt
        graph = state.graph if state.executor is None else state.executor.graph
        self.ratios = Ratios({s.name: s.weights for s in layers(graph) if s.weights})
        batches = feed.batches
        self.steps = None if batches is None else -(-batches // state.recipe.parts)
        self.probe = of_feed(feed) if isinstance(feed, Feed) else None
        self.about = {"version": kept.VERSION, "shuffled": shuffle if isinstance(feed, Feed) else None,
                      "examples": feed.examples if isinstance(feed, Feed) else None, "batches": batches, "steps": self.steps,
                      "warnings": warned(told(state), graph.name)}

    def on_batch(self, net: Any, number: int, batch: Examples) -> None:
        state: State = net.state
        if self.about:
            self.begin(state, batch)
        self.order.batch(batch.numbers, labels(batch))
        if number % state.recipe.parts == 0:
            self.ratios.begin(state, number // state.recipe.parts, self.steps)

    def begin(self, state: State, batch: Examples) -> None:
        """Before the first batch is learnt from."""
        self.probe = self.probe or Probe([batch])
        self.shots = shots(state, [batch])
        if state.recipe.augmentation and self.probe is not None:
            self.plain = shots(state, self.probe.batches)[: len(self.shots)]
        graph = state.graph if state.executor is None else state.executor.graph
        kept.note(self.folder, {"about": {**self.about, **about(state, graph, self.probe), "probe": sum(map(len, self.probe.batches)),
                                          "seen": [[s.source, s.said] for s in self.shots],
                                          "plain": [[s.source, s.said] for s in self.plain]}})
        self.about = {}
        if not state.course.step:
            self.note(state, 0, {})

    def on_step(self, net: Any, step: int, loss: float) -> None:
        self.ratios.end(net.state)

    def on_epoch(self, net: Any, epoch: int, numbers: dict[str, Any]) -> str | None:
        self.note(net.state, epoch, {"ratios": self.ratios.means(),
                                     **({"data": self.order.end()} if self.order.crc or self.order.batches else {})})
        return None

    def note(self, state: State, epoch: int, more: dict[str, Any]) -> None:
        """Measure, and write it down."""
        began = perf_counter()
        if self.probe is None:
            return
        line = self.probe.measure(state)
        for name, ratio in more.pop("ratios", {}).items():
            line["layers"].setdefault(name, {})["ratio"] = ratio
        self.measuring = perf_counter() - began
        kept.note(self.folder, {"epoch": epoch, **line, **more, "seconds": self.measuring})

    def on_end(self, net: Any, history: History) -> None:
        how = {"how": "stopped", "why": history.stopped} if history.stopped else {"how": "done"}
        self.end = {**how, "epoch": net.epoch, "step": net.step}

    def on_failure(self, net: Any, error: BaseException) -> None:
        if net.step:
            kept.note(self.folder, {"end": ending(net, error)})


def labels(batch: Examples) -> Array | None:
    """The classes of a batch's examples, where each has one."""
    for t in batch.targets.values():
        if t.dtype.kind in "iu" and t.size == len(batch) and t.size and int(t.min()) >= 0:
            return t.reshape(-1)
    return None


def shots(state: State, batches: Any) -> list[Shot]:
    """The first examples of some batches, and their classes."""
    found: list[Shot] = []
    for b in batches:
        marks, names = labels(b), state.learnt.classes
        for k in range(min(len(b), SHOTS - len(found))):
            source = tile(b.inputs, k)
            if not source:
                return found
            said = "" if marks is None else names[marks[k]] if marks[k] < len(names) else str(int(marks[k]))
            found.append(Shot(source, said))
    return found
