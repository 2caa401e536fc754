"""Training: epochs over the data, in an order that the seed and the epoch decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice
from .. import augmenting, drawing
from ..initialisers import generator
from ..io import arrays
from ..judge import MeanLoss
from ..misuse import flag, misuse, path_of, whole
from ..tallies import tallies
from .averaging import AVERAGE
from .evaluation import evaluate
from .history import History
from .horizon import horizon, to_run
from .lsuv import lsuv
from .progress import Progress, progress
from .steps import Gathering

if TYPE_CHECKING:
    from ..network import Network

Array = NDArray[Any]


@dataclass
class Trainer:
    """One call of `fit`.

    epochs          how many to run now; None: to the horizon, see horizon.py
    shuffle         a new order every epoch, the same for the same seed and epoch
    early_stopping  epochs without a better loss (of the validation, where there is one) after which training stops and
                    the best weights are put back
    checkpoint      a file written after every epoch, from which training goes on exactly
    verbose         0 prints nothing
    """

    net: Network
    epochs: int | None = None
    shuffle: bool = True
    early_stopping: int | None = None
    checkpoint: str | None = None
    verbose: int = 1
    best: tuple[float, int, dict[str, Array], dict[str, Array]] | None = field(default=None, init=False)

    def run(self, x: Any, y: Any = None, validation: tuple[Any, Any] | None = None) -> History:
        """Train; the epochs that `net` has behind it count as done, and schedules go on from there.

        Errors: arrays that do not fit, before anything runs; a loss that is no number, at the step where it happens.
        """
        net, recipe = self.net, self.net.recipe
        if self.early_stopping is not None:
            whole("early_stopping, the number of epochs to wait,", self.early_stopping, 1)
        flag("shuffle", self.shuffle)
        whole("verbose", int(self.verbose) if isinstance(self.verbose, bool) else self.verbose)
        if self.checkpoint is not None:
            path_of(self.checkpoint)
        terms = recipe.need_terms()
        found = arrays.inputs(net.graph, x)
        with net.gate.exclusive():
            run, n = net.bind(found), arrays.count(found)
        wanted = arrays.targets(run.graph, terms, y, n)
        size = min(recipe.batch, n)
        net.check_statistics(run, size)
        if n % size and not recipe.drop_last:
            net.check_statistics(run, n % size, last_of=n)
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise misuse("wrong-type", "validation must be a pair", hint="validation=(xv, yv)")
            arrays.targets(run.graph, terms, validation[1], arrays.count(arrays.inputs(run.graph, validation[0])))
        if recipe.accumulate > 1 and recipe.need_optimiser().host:
            raise misuse("bad-value", f"{recipe.optimiser} asks for loss and gradient of one batch several times",
                         hint=Advice("a larger batch instead of accumulate"))
        net.rates  # noqa: B018  errors of optimiser and schedules before the first epoch
        history = History(tallies(run.graph, terms, recipe.metrics))
        augmenting.check(run.graph, recipe.augmentation, terms)
        epochs, batches = to_run(net, self.epochs), self.batches(n, size)
        last = net.epoch + epochs
        if epochs:
            net.pace = -(-batches // recipe.accumulate)
        if recipe.initialise and not net.step and epochs:
            order = self.order(n)
            with net.gate.exclusive():
                lsuv(net, arrays.cut(found, slice(0, size) if order is None else order[:size], net.dtype))
        with progress(history, self.verbose, net.epoch, last, batches) as show:
            while net.epoch < last and history.stopped is None:
                began = perf_counter()
                numbers = self.one_epoch(found, wanted, n, size, show)
                if validation is not None:
                    with net.gate.shared():
                        numbers |= {f"val_{k}": v
                                    for k, v in evaluate(net, recipe, *validation, key=drawing.of_validation(net)).items()}
                numbers |= {"lr": net.rates.now(net.epoch, net.epoch * net.pace, horizon(net), net.pace,
                                                net.record).get("lr", 0.0)}
                with net.gate.exclusive():
                    net.epoch += 1
                    net.record.append({k: v for k, v in numbers.items() if isinstance(v, int | float)})
                numbers["seconds"] = perf_counter() - began
                history.add(net.epoch, numbers)
                show.epoch(net.epoch, numbers)
                history.stopped = self.tired(numbers)
                if self.checkpoint is not None:
                    net.save(self.checkpoint)
        return history

    def one_epoch(self, found: dict[str, Array], wanted: dict[str, Array], n: int, size: int, show: Progress) -> dict[str, Any]:
        net, terms = self.net, self.net.recipe.terms
        with net.gate.exclusive():
            run = net.bind(found)
        order = self.order(n)
        counted = tallies(run.graph, terms, net.recipe.metrics)
        mean, batches, every = MeanLoss(terms), self.batches(n, size), net.recipe.accumulate
        parts = Gathering()
        for k in range(batches):
            where = slice(k * size, min(n, (k + 1) * size)) if order is None else order[k * size : (k + 1) * size]
            inputs, targets = arrays.cut(found, where, net.dtype), arrays.cut_targets(wanted, where, net.dtype)
            inputs = augmenting.augmented(inputs, net.recipe.augmentation, net.seed, net.epoch, k)
            settings = net.settings(k // every)
            notes = (f"epoch {net.epoch + 1}, batch {k + 1}",
                     *((f"mean loss of the epoch until then: {mean.value:.4g}",) if k else ()))
            examples = np.arange(where.start, where.stop) if isinstance(where, slice) else where
            if every == 1:
                out = net.run_step(run, inputs, targets, settings, notes, examples)
            else:
                out = net.run_part(run, inputs, targets, parts, settings, notes, examples)
            mean.add(out.losses, targets, arrays.count(inputs))
            if parts.batches and (parts.batches == every or k == batches - 1):
                net.finish_step(run, parts, settings)
            for tally in counted:
                tally.add(out.outputs, targets)
            show.batch(k + 1, mean.value)
        return {"loss": mean.value} | {t.name: t.value for t in counted}

    def batches(self, n: int, size: int) -> int:
        """Batches of an epoch."""
        return n // size if self.net.recipe.drop_last else -(-n // size)

    def order(self, n: int) -> Array | None:
        """The order of this epoch's examples; None is the one they come in."""
        return generator(self.net.seed, f"epoch {self.net.epoch}").permutation(n) if self.shuffle else None

    def tired(self, numbers: dict[str, Any]) -> str | None:
        """Early stopping: None to go on, or why not."""
        if self.early_stopping is None:
            return None
        net, watched = self.net, "val_loss" if "val_loss" in numbers else "loss"
        if self.best is None or numbers[watched] < self.best[0]:
            values = {**net.parameters, **net.buffers}
            self.best = (numbers[watched], net.epoch, values, net.averages)
        elif net.epoch - self.best[1] >= self.early_stopping:
            with net.gate.exclusive():
                net.set_parameters(self.best[2])
                for name, value in self.best[3].items():
                    net.store.set_state(AVERAGE, name, value)
            return (
                f"stopped after epoch {net.epoch}: {watched} was best at epoch {self.best[1]} ({self.best[0]:.4f}), whose weights are back")
        return None
