"""Training: epochs over the data, fed batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from time import monotonic, perf_counter
from typing import Any

from numpy.typing import NDArray

from ...backends.executor import Executor
from ...diagnostics import Advice
from ...ir.graph import Graph
from ...words.dataset import Data
from .. import drawing
from ..check.finite import refuse_infinite
from ..distributed.agreeing import agree
from ..distributed.world import Lost, World
from ..feeding import augmenting
from ..feeding.feed import Feed
from ..feeding.given import Given, given, to_judge, to_learn, validating
from ..feeding.parts import Parts
from ..feeding.stream import Stream
from ..io.asked import said_of
from ..measuring.measured import Measured
from ..measuring.tallies import tallies
from ..misuse import Remark, flag, misuse, path_of, remark, whole
from ..state import Inside, State
from . import sharded
from .batches import finish_step, learn, settings
from .callbacks import Hooks
from .display import display
from .evaluation import evaluate
from .held_back import Waiting, held_back
from .history import History
from .horizon import horizon, to_run
from .keeping import Keeper
from .lsuv import lsuv
from .preparing import in_order, measure, unmeasured
from .progress import Plan, Progress
from .steps import Gathering

Array = NDArray[Any]


class PaceWarning(Remark):
    """Schedules do not know yet how long an epoch is."""


class ExhaustedWarning(Remark):
    """Training ends before its last epoch, since its batches do."""


class AnewWarning(Remark):
    """An epoch that was interrupted does not go on to the numbers it would have come to."""


@dataclass
class Trainer:
    """One call of `fit`.

    save            writes a checkpoint to a path
    epochs          how many to run now; None: to the horizon, see horizon.py
    shuffle         a new order every epoch, the same for the same seed and epoch
    early_stopping  epochs without a better loss (of the validation, where there is one) after which training stops and
                    the best weights are put back
    checkpoint      a file written after every epoch, and where training is interrupted: it goes on from there exactly
    verbose         0 prints nothing; 1 a table of epochs and, on a terminal, where training is (a notebook shows curves as well);
                    2 the table alone
    every, minutes  after how many steps, and how many minutes, the file is written besides; unless given, as the recipe says
    keep            which weights are kept, and `best` where the best are written, see keeping.py
    hooks           the callbacks, see callbacks.py
    prefetch        whether another thread reads ahead what somebody else makes batches of, see stream.py
    world           the workers that share each step, where batches are cut into shards, see distributed/
    """

    state: State
    save: Callable[[str], None]
    epochs: int | None = None
    shuffle: bool = True
    early_stopping: int | None = None
    checkpoint: str | None = None
    verbose: int = 1
    every: int | None = None
    minutes: float | None = None
    keep: tuple[str, ...] = ()
    best: str | None = None
    hooks: Hooks = field(default_factory=Hooks)
    prefetch: bool = True
    world: World = field(default_factory=World)
    written: float = field(default=0.0, init=False)  # when, by the clock

    def run(self, x: Any, y: Any = None, validation: Any = None, sample_weight: Any = None, steps: int | None = None) -> History:
        """Train, see `alone`; where the network is shared with other workers, they hear of an error that ends it here."""
        try:
            return self.alone(x, y, validation, sample_weight, steps)
        except BaseException as e:
            self.world.failed(e)
            raise

    def alone(self, x: Any, y: Any, validation: Any, sample_weight: Any, steps: int | None) -> History:
        """Train; the epochs that the network has behind it count as done, and schedules go on from there. What `x`, `y` and
        `validation` may be stands in given.py; a data set's own examples for validation, or else those for testing, are
        taken where no others are given.

        Errors: arrays that do not fit, before anything runs, and batches as they come; a loss that is no number, at the step
        where it happens.
        """
        self.check_arguments()
        state, recipe, course = self.state, self.state.recipe, self.state.course
        asked = given(state, recipe.terms, x, y, sample_weight, steps)
        tests = asked.validation if validation is None else validating(state, recipe.terms, validation)
        asked, tests = replace(asked, prefetch=self.prefetch), tests and replace(tests, prefetch=self.prefetch)
        if isinstance(x, Data):
            state.learnt.classes, state.learnt.columns = x.classes, x.columns
        with said_of(x.name if isinstance(x, Data) else None):
            feed = to_learn(state, asked, self.shuffle)
            judged = self.check(feed, tests)
        epochs = to_run(state, self.epochs)
        last = course.epoch + epochs
        counted = tallies(self.graph, recipe.terms, recipe.metrics)
        history = History(counted, state.learnt.classes)
        keeper = Keeper(state, self.save, self.early_stopping, self.keep, self.best, self.world)
        named = any(name.startswith("val_") for name in self.keep[1:])  # then those for testing are asked to choose
        course.tested = tests is not None and tests.tested and not named
        plan = Plan(judged, self.early_stopping is not None, next(iter(self.keep[1:]), ""), bool(recipe.schedules))
        with display(self.graph.name, history, self.verbose, course.epoch, last, feed.batches, plan) as show:
            if epochs:
                agree(state, feed.kind, self.world)
                self.begin(feed)
            history.stopped = tired = keeper.begin(counted, tests is not None, course.tested)
            if epochs:
                self.hooks.begin(feed, asked, tests, self.shuffle, last)
            self.written = monotonic()
            with held_back(self.checkpoint is not None, self.write) as signals:
                while course.epoch < last and history.stopped is None:
                    began = perf_counter()
                    if history.epochs and isinstance(feed, Stream) and feed.through:
                        history.stopped = self.exhausted(last)
                        break
                    numbers = self.one_epoch(feed, show, signals)
                    with state.gate.shared():
                        refuse_infinite(state, where=(f"epoch {course.epoch + 1}, whose mean loss is {numbers['loss']:.4g}",))
                    if tests is not None:
                        with signals.at_once(self.world.size == 1), state.gate.shared():
                            found = evaluate(state, recipe, tests, drawing.of_validation(state), world=self.world)
                        numbers |= {f"val_{k}": v for k, v in found.items()}
                    numbers |= {"lr": state.rates.now(course.epoch, course.epoch * course.pace, horizon(state), course.pace,
                                                      course.seen).get("lr", 0.0)}
                    with state.gate.exclusive():
                        course.epoch, course.inside = course.epoch + 1, None
                        course.record.append({k: v for k, v in numbers.items() if isinstance(v, int | float)})
                    numbers["seconds"] = perf_counter() - began
                    history.add(course.epoch, numbers)
                    show.epoch(course.epoch, numbers)
                    tired = keeper.epoch(numbers, course.epoch)
                    self.write()
                    ended = self.told(self.hooks.epoch(course.epoch, numbers))  # they hear of the last epoch as well
                    history.stopped = tired or ended
                    self.world.settled()
            if history.epochs or tired:
                history.best = keeper.end(history.stopped is not None and history.stopped == tired)
                history.kept = keeper.said(course.epoch) if history.stopped is None else None
        if history.epochs or tired:
            self.hooks.end(history)
            self.told(None)  # nobody leaves before all is written
        return history

    def told(self, ended: str | None) -> str | None:
        """Why training ends, if a callback of some worker says so. All are done then with what an epoch is followed by."""
        while True:
            with suppress(Lost):
                return next((said for said in self.world.gather(ended) if said), None)

    def check_arguments(self) -> None:
        """Raises for what is no number of epochs, no path and the like."""
        if self.early_stopping is not None:
            whole("early_stopping, the number of epochs to wait,", self.early_stopping, 1)
        flag("shuffle", self.shuffle)
        flag("prefetch", self.prefetch)
        whole("verbose", int(self.verbose) if isinstance(self.verbose, bool) else self.verbose)
        if self.every is not None:
            whole("checkpoint_every, a number of steps,", self.every, 1)
        if self.minutes is not None and not (isinstance(self.minutes, int | float) and 0 < self.minutes < float("inf")):
            raise misuse("bad-value", f"checkpoint_minutes={self.minutes!r} is no number of minutes", hint="checkpoint_minutes=5")
        if self.best is not None:
            path_of(self.best)
        if self.checkpoint is not None:
            path_of(self.checkpoint)
        elif self.every is not None or self.minutes is not None:
            raise misuse("bad-value", "there is no file to write a checkpoint to", hint='checkpoint="run.safetensors"')
        self.state.recipe.need_terms()

    def check(self, feed: Feed | Stream, tests: Given | None) -> int:
        """How many examples validate, where that is known. Raises for what would not fit in the first epoch or after it."""
        state, recipe, terms = self.state, self.state.recipe, self.state.recipe.terms
        judge = to_judge(state, terms, tests, recipe.part) if tests is not None and not tests.streams else None
        if recipe.parts > 1 and recipe.need_optimiser().host:
            raise misuse("bad-value", f"{recipe.optimiser} asks for loss and gradient of one batch several times",
                         hint=Advice(f"a larger batch instead of {'shards' if recipe.shards > 1 else 'accumulate'}"))
        if recipe.batch % recipe.shards:
            raise misuse("bad-shards", f"a batch of {recipe.batch} cannot be cut into {recipe.shards} shards alike",
                         f"{recipe.batch} is no multiple of {recipe.shards}", hint=f"batch={recipe.part * recipe.shards}")
        state.rates  # noqa: B018  errors of optimiser and schedules
        tallies(self.graph, terms, recipe.metrics)
        augmenting.check(self.graph, recipe.augmentation, terms)
        return judge.examples if isinstance(judge, Feed) else 0

    def begin(self, feed: Feed | Stream) -> None:
        """What comes before the first epoch."""
        state, recipe, course = self.state, self.state.recipe, self.state.course
        if feed.batches is not None:
            course.pace = -(-feed.batches // recipe.parts)
        elif not course.epoch and recipe.schedules:
            remark("how many batches an epoch has is not known before its end: in the first one schedules stand where it begins; "
                   "steps_per_epoch= says it", PaceWarning)
        if isinstance(feed, Feed):
            course.bytes = feed.scaled
        if not course.step and (missing := unmeasured(state)):
            if isinstance(feed, Stream):
                measure(state, missing, feed.inputs)
            else:
                measure(state, missing, lambda: in_order(feed.inputs, feed.scaled), feed.examples)
        if recipe.initialise and not course.step:
            first = feed.look(course.epoch)
            with state.gate.exclusive():
                lsuv(state, first)

    def exhausted(self, last: int) -> str:
        """Why training ends where an iterator does."""
        epoch = self.state.course.epoch
        remark(f"the batches are at their end after epoch {epoch} of {last}: an iterator goes once. A function begins it anew: "
               "fit(lambda: batches())", ExhaustedWarning)
        return f"stopped after epoch {epoch}: the batches are at their end"

    def one_epoch(self, feed: Feed | Stream, show: Progress, signals: Waiting) -> dict[str, Any]:
        """Train on every batch of an epoch, or on those that are left; the mean loss and the metrics of what each batch saw."""
        recipe, course = self.state.recipe, self.state.course
        measured = Measured(self.graph, recipe.terms, recipe.metrics)
        first = self.resumed(feed, measured)
        show.begin(course.epoch + 1, first)
        go_through = self.in_shards if recipe.shards > 1 else self.batch_by_batch
        end = go_through(feed, show, signals, measured, first)
        if feed.batches is None or end < feed.batches:
            course.pace = -(-end // recipe.parts)
        return measured.numbers

    def batch_by_batch(self, feed: Feed | Stream, show: Progress, signals: Waiting, measured: Measured, first: int) -> int:
        """Learn from an epoch, from batch `first` on; the number of its batches."""
        state, epoch, parts = self.state, self.state.course.epoch, Gathering()
        end = first
        try:
            with closing(feed.epoch(epoch, first)) as batches:
                for k, batch in enumerate(batches, first):
                    numbers = settings(state, self.within(feed, k))
                    self.hooks.batch(k, batch)
                    learn(state, batch, parts, numbers, measured, Inside(k + 1, feed.kind, {}, feed.iterator),
                          self.notes(f"batch {k + 1}", k, measured))
                    end, state.course.bytes = k + 1, state.course.bytes or feed.scaled
                    show.batch(k + 1, len(batch), measured)
                    if not parts.batches:
                        self.hooks.step(state.course.step, measured.loss)
                        self.between(signals)
        except BaseException:
            if parts.batches:  # a step that is not whole comes to nothing
                with state.gate.exclusive():
                    parts.abandon(self.running)
            raise
        if parts.batches:
            with state.gate.exclusive():
                finish_step(state, self.running, parts, numbers)
                state.course.inside = Inside(end, feed.kind, measured.held, feed.iterator)
        return end

    def in_shards(self, feed: Feed | Stream, show: Progress, signals: Waiting, measured: Measured, first: int) -> int:
        """The same, each step in parts that workers share."""
        state, recipe, epoch, k = self.state, self.state.recipe, self.state.course.epoch, first
        watch = self.hooks.batch if self.hooks.watchers else None
        with closing(Parts(feed, epoch, first, recipe.parts)) as parts:
            while many := parts.begin(k):
                taken = sharded.step(state, parts, many, self.world, measured, settings(state, self.within(feed, k)),
                                     self.notes(f"step {k // recipe.parts + 1}", k, measured), signals.came or 0, watch)
                for part in taken.parts:
                    k += 1
                    measured.take(part["measured"])
                    show.batch(k, part["examples"], measured)
                with state.gate.exclusive():
                    state.course.inside = Inside(k, feed.kind, measured.held, feed.iterator)
                    state.course.bytes = state.course.bytes or feed.scaled
                self.hooks.step(state.course.step, measured.loss)
                signals.came = signals.came or taken.signal or None
                self.between(signals)
        return k

    def within(self, feed: Feed | Stream, batch: int) -> int:
        """The step of an epoch that a batch is part of, as schedules count; 0 where they do not know how long an epoch is."""
        return batch // self.state.recipe.parts if feed.batches is not None or self.state.course.epoch else 0

    def notes(self, where: str, k: int, measured: Measured) -> tuple[str, ...]:
        """Where in an epoch something happened, for messages; `k` batches are behind it."""
        return (f"epoch {self.state.course.epoch + 1}, {where}",
                *((f"mean loss of the epoch until then: {measured.loss:.4g}",) if k else ()))

    @property
    def graph(self) -> Graph:
        """The network, its sizes known where they are."""
        executor = self.state.executor
        return self.state.graph if executor is None else executor.graph

    @property
    def running(self) -> Executor:
        """What runs the steps: there has been one."""
        assert self.state.executor is not None
        return self.state.executor

    def resumed(self, feed: Feed | Stream, measured: Measured) -> int:
        """The batch to begin the epoch with: the first, or the one before which it was interrupted."""
        inside, epoch = self.state.course.inside, self.state.course.epoch + 1
        if inside is None:
            return 0
        if inside.of != feed.kind:
            self.state.course.inside = None
            remark(f"epoch {epoch} was interrupted after batch {inside.batch}, and begins anew: it goes over other examples now, "
                   "or in other batches", AnewWarning)
            return 0
        if missing := measured.resume(inside.measured):
            remark(f"{', '.join(missing)} of epoch {epoch}: of the batches from {inside.batch + 1} on", AnewWarning)
        if isinstance(feed, Stream) and feed.once and feed.iterator == inside.iterator:
            feed.behind = inside.batch
        return inside.batch

    def between(self, signals: Waiting) -> None:
        """Between two steps: write a checkpoint where it is time, or training ends here."""
        signals.deliver()
        every = self.every if self.every is not None else self.state.recipe.checkpoint_every
        minutes = self.minutes if self.minutes is not None else self.state.recipe.checkpoint_minutes
        if (every and self.state.course.step % every == 0) or (minutes and monotonic() - self.written >= 60 * minutes):
            self.write()

    def write(self) -> None:
        """Write a checkpoint, if one is asked for."""
        if self.checkpoint is not None and self.world.first:
            self.save(self.checkpoint)
            self.written = monotonic()
