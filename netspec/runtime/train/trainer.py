"""Training: epochs over the data, fed batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import Advice
from ...words.dataset import Data
from .. import augmenting, drawing
from ..io import arrays
from ..measured import Measured
from ..misuse import flag, misuse, path_of, whole
from ..sizes import bind
from ..state import AVERAGE, State
from ..tallies import tallies
from .batches import check_statistics, finish_step, learn, settings
from .evaluation import evaluate
from .feed import Feed, pair_of
from .history import History
from .horizon import horizon, to_run
from .lsuv import lsuv
from .preparing import in_order, measure, unmeasured
from .progress import Progress, progress
from .steps import Gathering

Array = NDArray[Any]


@dataclass
class Trainer:
    """One call of `fit`.

    save            writes a checkpoint to a path
    epochs          how many to run now; None: to the horizon, see horizon.py
    shuffle         a new order every epoch, the same for the same seed and epoch
    early_stopping  epochs without a better loss (of the validation, where there is one) after which training stops and
                    the best weights are put back
    checkpoint      a file written after every epoch, from which training goes on exactly
    verbose         0 prints nothing
    """

    state: State
    save: Callable[[str], None]
    epochs: int | None = None
    shuffle: bool = True
    early_stopping: int | None = None
    checkpoint: str | None = None
    verbose: int = 1
    best: tuple[float, int, dict[str, Array], dict[str, Array]] | None = field(default=None, init=False)

    def run(self, x: Any, y: Any = None, validation: Any = None) -> History:
        """Train; the epochs that the network has behind it count as done, and schedules go on from there. `x` may be a data
        set, whose examples for validation are taken where no others are given, or else those for testing.

        Errors: arrays that do not fit, before anything runs; a loss that is no number, at the step where it happens.
        """
        self.check_arguments()
        state, recipe, course = self.state, self.state.recipe, self.state.course
        scaled = isinstance(x, Data)
        if isinstance(x, Data):
            judged = x.validation or x.test
            validation = validation or (judged and pair_of(state, recipe, judged, None))
            x, y = pair_of(state, recipe, x.train, y)
        feed = self.fed(x, y, validation, scaled)
        epochs = to_run(state, self.epochs)
        last = course.epoch + epochs
        if epochs:
            course.pace = -(-feed.batches // recipe.accumulate)
            course.bytes = feed.scaled
        if epochs and not course.step and (missing := unmeasured(state)):
            measure(state, missing, lambda: in_order(feed.inputs, feed.scaled))
        with state.gate.exclusive():
            run = bind(state, feed.inputs)
            if recipe.initialise and not course.step and epochs:
                lsuv(state, feed.beginning(course.epoch))
        history = History(tallies(run.graph, recipe.terms, recipe.metrics))
        with progress(history, self.verbose, course.epoch, last, feed.batches) as show:
            while course.epoch < last and history.stopped is None:
                began = perf_counter()
                numbers = self.one_epoch(feed, show)
                if validation is not None:
                    with state.gate.shared():
                        found = evaluate(state, recipe, validation[0], validation[1], drawing.of_validation(state))
                    numbers |= {f"val_{k}": v for k, v in found.items()}
                numbers |= {"lr": state.rates.now(course.epoch, course.epoch * course.pace, horizon(state), course.pace,
                                                  course.record).get("lr", 0.0)}
                with state.gate.exclusive():
                    course.epoch += 1
                    course.record.append({k: v for k, v in numbers.items() if isinstance(v, int | float)})
                numbers["seconds"] = perf_counter() - began
                history.add(course.epoch, numbers)
                show.epoch(course.epoch, numbers)
                history.stopped = self.tired(numbers)
                if self.checkpoint is not None:
                    self.save(self.checkpoint)
        return history

    def check_arguments(self) -> None:
        """Raises for what is no number of epochs, no path and the like."""
        if self.early_stopping is not None:
            whole("early_stopping, the number of epochs to wait,", self.early_stopping, 1)
        flag("shuffle", self.shuffle)
        whole("verbose", int(self.verbose) if isinstance(self.verbose, bool) else self.verbose)
        if self.checkpoint is not None:
            path_of(self.checkpoint)
        self.state.recipe.need_terms()

    def fed(self, x: Any, y: Any, validation: Any, scaled: bool) -> Feed:
        """The data as they are fed, bytes as pictures where it is said so. Raises for whatever would not fit in the first epoch
        or after it."""
        state, recipe, terms = self.state, self.state.recipe, self.state.recipe.terms
        found = arrays.inputs(state.graph, x)
        with state.gate.exclusive():
            run, n = bind(state, found), arrays.count(found)
        size = min(recipe.batch, n)
        wanted = arrays.targets(run.graph, terms, y, n)
        check_statistics(run, size)
        if n % size and not recipe.drop_last:
            check_statistics(run, n % size, n, recipe.batch)
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise misuse("wrong-type", "validation must be a pair", hint="validation=(xv, yv)")
            arrays.targets(run.graph, terms, validation[1], arrays.count(arrays.inputs(run.graph, validation[0])))
        if recipe.accumulate > 1 and recipe.need_optimiser().host:
            raise misuse("bad-value", f"{recipe.optimiser} asks for loss and gradient of one batch several times",
                         hint=Advice("a larger batch instead of accumulate"))
        self.state.rates  # noqa: B018  errors of optimiser and schedules
        tallies(run.graph, terms, recipe.metrics)
        augmenting.check(run.graph, recipe.augmentation, terms)
        return Feed(found, wanted, size, state.dtype, state.seed, self.shuffle, recipe.drop_last,
                    state.course.bytes or (scaled and arrays.bytes_in(found)), recipe.augmentation,
                    augmenting.labels_of(run.graph, terms))

    def one_epoch(self, feed: Feed, show: Progress) -> dict[str, Any]:
        """Train on every batch of an epoch; the mean loss and the metrics of what each batch saw."""
        state, recipe, epoch = self.state, self.state.recipe, self.state.course.epoch
        with state.gate.exclusive():
            run = bind(state, feed.inputs)
        measured, parts = Measured(run.graph, recipe.terms, recipe.metrics), Gathering()
        with closing(feed.epoch(epoch)) as batches:
            for k, batch in enumerate(batches):
                numbers = settings(state, k // recipe.accumulate)
                notes = (f"epoch {epoch + 1}, batch {k + 1}",
                         *((f"mean loss of the epoch until then: {measured.loss:.4g}",) if k else ()))
                learn(state, run, batch, parts, numbers, measured, notes)
                show.batch(k + 1, measured.loss)
        if parts.batches:
            finish_step(state, run, parts, numbers)
        return measured.numbers

    def tired(self, numbers: dict[str, Any]) -> str | None:
        """Early stopping: None to go on, or why not."""
        if self.early_stopping is None:
            return None
        state, epoch, watched = self.state, self.state.course.epoch, "val_loss" if "val_loss" in numbers else "loss"
        if self.best is None or numbers[watched] < self.best[0]:
            with state.gate.shared():
                self.best = numbers[watched], epoch, state.numbers(), state.slot(AVERAGE) if state.average.taken else {}
        elif epoch - self.best[1] >= self.early_stopping:
            with state.gate.exclusive():
                for name, value in self.best[2].items():
                    state.put(name, value)
                state.fill(AVERAGE, self.best[3])
            return (
                f"stopped after epoch {epoch}: {watched} was best at epoch {self.best[1]} ({self.best[0]:.4f}), whose weights are back")
        return None
