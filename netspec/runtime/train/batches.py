"""One batch of training: checked, learnt from as a step or as a part of one, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Executor, Outcome
from ...backends.turns import changes
from ...passes.objective import Term
from .. import drawing
from ..check.blame import Batch, check, refused
from ..feeding.feed import Examples
from ..feeding.statistics import check_statistics
from ..io import arrays
from ..measuring.judge import by_example, share
from ..measuring.measured import Measured
from ..sizes import bind
from ..state import Inside, State
from . import steps
from .averaging import take
from .horizon import horizon, remark_beyond

Array = NDArray[Any]
Numbers = dict[str, dict[str, float]]  # what the update rule reads for each parameter


def ready(state: State, x: Any, y: Any, terms: tuple[Term, ...], *, training: bool) -> tuple[Executor, dict[str, Array],
                                                                                             dict[str, Array]]:
    """One batch, checked and converted, and the executor that takes it."""
    found = arrays.inputs(state.graph, x)
    run, n = bind(state, found), arrays.count(found)
    wanted = arrays.targets(run.graph, terms, y, n)
    if training:
        check_statistics(run.graph, n)
    return run, state.cut(found), arrays.cut_targets(wanted, slice(None), state.dtype)


def settings(state: State, batch: int = 0) -> Numbers:
    """The update's scalars in step `batch` of this epoch's `pace`."""
    remark_beyond(state)
    course = state.course
    return state.rates.at(state.optimiser.updates + 1, course.epoch, course.epoch * course.pace + batch, horizon(state),
                          course.pace, record=course.seen)


@changes
def learn(state: State, batch: Examples, parts: steps.Gathering, numbers: Numbers, measured: Measured,
          after: Inside, notes: tuple[str, ...]) -> None:
    """One batch of `fit`: a step, or a part of one, which the last of them finishes. What the batch saw is measured; `after` is
    where the epoch stands if that ends a step."""
    run, every = bind(state, batch.inputs), state.recipe.accumulate
    if every == 1:
        out = run_step(state, run, batch.inputs, batch.targets, numbers, notes, batch.called or batch.numbers, batch.weights)
    else:
        out = run_part(state, run, batch, parts, numbers, notes)
    measured.add(out, batch.targets, len(batch), batch.weights)
    if parts.batches == every:
        finish_step(state, run, parts, numbers)
    if not parts.batches:
        after.measured = measured.held
        state.course.inside = after


@changes
def run_step(state: State, run: Executor, found: dict[str, Array], wanted: dict[str, Array], numbers: Numbers,
             notes: tuple[str, ...] = (), examples: Array | Sequence[str] | None = None, weights: Array | None = None) -> Outcome:
    """One batch, one step. `weights` is what each example counts. Losses whose labels it all ignores are NaN and teach nothing;
    without others there is no step. `notes` and `examples` (their numbers in the data, or their names) are for the message where
    a number is not finite: then nothing changes."""
    drawing.begin(run, drawing.of_step(state))
    state.differentiated = True
    live, batch = _batch(state, found, wanted, numbers, notes, examples, weights)
    if not live:
        return _ignored(state, run, batch)
    out = steps.step(run, found, dict(batch.targets), batch.terms, state.recipe.need_optimiser(), numbers, state.optimiser.memory,
                     partial(check, run, batch))
    count(state, run)
    return _spread(out, live, state.recipe.terms)


@changes
def run_part(state: State, run: Executor, batch: Examples, parts: steps.Gathering, numbers: Numbers,
             notes: tuple[str, ...] = ()) -> Outcome:
    """One batch of several that make a step: running statistics move, parameters do not yet. Where a number is not finite,
    the whole step comes to nothing."""
    parts.begin(run)
    try:
        out, weight = part_of(state, run, batch, parts.examples, numbers, notes)
    except BaseException:
        parts.abandon(run)
        raise
    parts.add(run, weight, len(batch))
    return out


def part_of(state: State, run: Executor, batch: Examples, before: int, numbers: Numbers,
            notes: tuple[str, ...]) -> tuple[Outcome, float]:
    """Gradients of a part of a step, and what it counts for. `before` it the step has so many examples."""
    drawing.begin(run, drawing.of_step(state), before)
    terms = state.recipe.terms
    live, asked = _batch(state, batch.inputs, batch.targets, numbers, notes, batch.called or batch.numbers, batch.weights)
    out = run.gradients(batch.inputs, dict(asked.targets), asked.terms, training=True, effects=True,
                        check=partial(check, run, asked)) if live else _ignored(state, run, asked)
    return _spread(out, live or terms, terms), counts_for(live or terms, batch.targets, len(batch), batch.weights)


def counts_for(terms: tuple[Term, ...], targets: Mapping[str, Array], examples: int, weights: Array | None = None) -> float:
    """What a part of a step counts for: its examples, or its labels where the loss ignores or weighs some, so that the mean is
    that of one large batch; where several losses would disagree, its examples."""
    shares = {share(t, targets, examples, weights) for t in terms}
    return float(shares.pop() if len(shares) == 1 else examples if weights is None else weights.sum())


@changes
def finish_step(state: State, run: Executor, parts: steps.Gathering, numbers: Numbers) -> None:
    """The step whose parts are all gathered."""
    parts.finish(run)
    steps.update(run, state.recipe.need_optimiser(), numbers)
    count(state, run)


def count(state: State, run: Executor) -> None:
    """A step has been taken."""
    take(state, run)
    optimiser, kept = state.recipe.need_optimiser(), state.optimiser
    state.course.step += 1
    kept.name, kept.slots, kept.updates = optimiser.name, tuple(optimiser.state), kept.updates + 1


def _batch(state: State, found: Mapping[str, Array], wanted: Mapping[str, Array], numbers: Numbers, notes: tuple[str, ...],
           examples: Array | Sequence[str] | None, weights: Array | None) -> tuple[tuple[Term, ...], Batch]:
    """The losses that some label of the batch counts for, and the batch with them as they are computed."""
    live = terms = tuple(t for t in state.recipe.terms if share(t, wanted, arrays.count(found), weights))
    lr = next(iter(numbers.values())).get("lr", 0.0)
    if weights is not None:
        terms, wanted = by_example(live, wanted, weights, arrays.count(found), state.dtype)
    return live, Batch(found, wanted, terms, state.course.step + 1, lr, state.recipe.need_optimiser().name, notes, examples)


def _ignored(state: State, run: Executor, batch: Batch) -> Outcome:
    """A batch without labels: its running statistics move, unless one would not be finite."""
    before = steps.buffers(run)
    out = run.gradients(batch.inputs, batch.targets, state.recipe.terms, training=True, effects=True)
    if not all(np.isfinite(v).all() for v in steps.buffers(run).values()):
        steps.put_back(run, before)
        raise refused(run, batch, f"a running statistic is not finite after the batch of step {batch.step}")
    return out


def _spread(out: Outcome, live: tuple[Term, ...], terms: tuple[Term, ...]) -> Outcome:
    """The outcome with a loss for every term."""
    if len(live) == len(terms):
        return out
    held = dict(zip(live, out.losses))
    return replace(out, losses=tuple(held.get(t, float("nan")) for t in terms))
