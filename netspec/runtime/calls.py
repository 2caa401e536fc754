"""What a network computes when it is asked: predictions, gradients, an update. See `Network` for what each call promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor, Outcome
from ..backends.turns import changes, reads
from ..diagnostics import Advice
from ..passes.objective import Term
from . import drawing, inner
from .feeding.feed import Feed
from .feeding.statistics import check_statistics
from .feeding.stream import Stream, is_stream
from .io import arrays
from .means.views import Views
from .misuse import by_name, flag, misuse, whole
from .sizes import bind
from .state import Mode, State
from .train import batches, steps
from .train.preparing import check_prepared
from .values import Values, checked

Array = NDArray[Any]


@reads
def predict(state: State, x: Any, batch: int | None, draw: int | None, views: Views | None = None) -> Any:
    """Outputs in evaluation mode, of several views of each example where some are asked for."""
    return public(in_batches(state, x, batch, draw, lambda run, weights, some: run.predict(some, weights=weights), views))


@reads
def activations(state: State, x: Any, names: Sequence[str], batch: int | None, draw: int | None) -> dict[str, Array]:
    """Values inside the network in evaluation mode, by these names; of every step without any."""
    meant = inner.meant(bind(state, arrays.inputs(state.graph, x)).graph, names)
    wanted = tuple(dict.fromkeys(meant.values()))
    found = in_batches(state, x, batch, draw, lambda run, weights, some: run.values(some, wanted, weights=weights))
    return {name: found[value] for name, value in meant.items()}


Run = Callable[[Executor, str, dict[str, Array]], dict[str, Array]]  # arrays by name, of the vector of the weights and a batch


def in_batches(state: State, x: Any, batch: int | None, draw: int | None, of: Run,
               views: Views | None = None) -> dict[str, Array]:
    """What is made of each batch, put together again."""
    views = views or Views(state.graph)
    size, key = 256 if batch is None else whole("batch", batch, 1), drawing.of_call(state, draw)
    feed: Feed | Stream
    if not isinstance(x, Sequence) and is_stream(x):
        feed, state.last.call = Stream(x, state, ()), None
    else:
        found = views.inputs(x)
        feed = Feed(found, {}, size, state.dtype, shuffle=False, scaled=state.course.bytes)
        state.last.call = None if views else (found, "eval", key)
    parts, seen = list[dict[str, Array]](), 0
    with closing(feed.epoch(0)) as read:
        for some in read:
            drawing.begin(run := bind(state, some.inputs), key, seen)
            parts.append(views.said(some.inputs, partial(of, run, state.vector("eval")), state.recipe.terms))
            seen += len(some)
    return {name: parts[0][name] if len(parts) == 1 else np.concatenate([p[name] for p in parts]) for name in parts[0]}


@changes
def forward(state: State, x: Any, draw: int | None) -> Any:
    """Outputs in training mode."""
    found = arrays.inputs(state.graph, x)
    run, n = bind(state, found), arrays.count(found)
    check_statistics(run.graph, n)
    key = drawing.of_call(state, draw)
    state.last.call = (found, "train", key)
    drawing.begin(run, key)
    return public(run.forward(state.cut(found)))


@changes
def loss_and_gradients(state: State, x: Any, y: Any, terms: tuple[Term, ...], mode: Mode, inputs: bool,
                       draw: int | None) -> tuple[Any, ...]:
    """The weighted loss, and its gradients: by parameter name, and by input name where they are asked for."""
    run, found, wanted = batches.ready(state, x, y, terms, training=mode == "train")
    key = (drawing.of_gradients if mode == "train" else drawing.of_call)(state, draw)
    state.last.call = (found, mode, key)
    drawing.begin(run, key)
    out = run.gradients(found, wanted, terms, training=mode == "train", inputs_too=inputs, weights=state.vector(mode))
    grads = _gradients(state, run)
    return (total(terms, out), grads, out.input_gradients) if inputs else (total(terms, out), grads)


@changes
def backward(state: State, output_gradients: Any, x: Any, mode: Mode | None, inputs: bool, draw: int | None) -> dict[str, Array]:
    """Gradients for given gradients of the outputs, of `x` or of this thread's last call."""
    inputs, last = flag("inputs", inputs), state.last
    if mode is not None:
        check_mode(mode)
    if x is not None:
        last.call = (arrays.inputs(state.graph, x), mode or "train", drawing.of_call(state, draw))
    elif draw is not None and last.call is not None:
        last.call = (*last.call[:2], drawing.of_call(state, draw))
    if last.call is None:
        raise misuse("no-forward", "there is nothing to go back through yet",
                     hint=Advice("call forward(x) first, or give x: backward(gradients, x)"))
    found, ran, key = last.call
    mode = mode or ran
    run, n = bind(state, found), arrays.count(found)
    if mode == "train":
        check_statistics(run.graph, n)
    given = arrays.cotangents(run.graph, output_gradients, n)
    drawing.begin(run, key)
    out = run.backward(state.cut(found), arrays.cut(given, slice(None), state.dtype),
                       training=mode == "train", inputs_too=inputs, weights=state.vector(mode))
    return _gradients(state, run) | out.input_gradients


@changes
def update(state: State, parameters: Values, gradients: Mapping[str, Any]) -> None:
    """One optimiser step from the gradients as they lie, or from those that are given."""
    check_prepared(state)
    run, free = state.executor, [name for name, p in state.declared.items() if p.trainable]
    inputs = {n.name for n in state.graph.inputs}
    given = {k: g for k, g in by_name("gradients", gradients).items() if k not in inputs}
    for name in given:
        if not parameters.known(name).trainable:
            raise misuse("nothing-to-train", f"{name} is frozen, and has no gradient")
    if run is None or not (state.differentiated or all(k in given for k in free)):
        raise misuse("no-forward", "there are no gradients yet", hint=Advice("call loss_and_gradients or backward first"))
    for name, g in given.items():
        run.set_gradient(name, checked(state.declared[name], g, state.dtype))
    if not run.finite_gradients():
        name = next(k for k in free if not np.isfinite(run.gradient(k)).all())
        raise misuse("loss-exploded", f"the gradient of {name} is not finite, so there is no step from it",
                     hint="np.isfinite(gradient).all()  must be True")
    steps.update(run, state.recipe.need_optimiser(), batches.settings(state))
    batches.count(state, run)


@changes
def train_step(state: State, x: Any, y: Any, batch: int | None, of: int | None) -> float:
    """One optimiser step on one batch, the `batch`-th `of` so many in an epoch; the loss before it."""
    terms, k = state.recipe.need_terms(), 0
    check_prepared(state)
    if of is not None or batch is not None:
        pace = whole("batches, the steps of an epoch,", state.course.pace if of is None else of, 1)
        k = whole("batch", 0 if batch is None else batch, 0)
        if k >= pace:
            raise misuse("bad-value", f"batch {k} of {pace}: batches of an epoch count from 0",
                         hint="train_step(x, y, batch=k, batches=n)")
        state.course.pace = pace
    run, found, wanted = batches.ready(state, x, y, terms, training=True)
    state.last.call = (found, "train", drawing.of_step(state))
    return total(terms, batches.run_step(state, run, found, wanted, batches.settings(state, k)))


def check_mode(mode: object) -> None:
    """Raises for what is neither of the two."""
    if not isinstance(mode, str) or mode not in ("train", "eval"):
        raise misuse("bad-value", f"there is no mode `{mode}`", hint='mode="train"   or   mode="eval"')


def total(terms: tuple[Term, ...], out: Outcome) -> float:
    """The losses, weighted and summed."""
    return float(sum(t.weight * v for t, v in zip(terms, out.losses)))


def _gradients(state: State, run: Executor) -> dict[str, Array]:
    state.differentiated = True
    return {p.name: run.gradient(p.name) for p in run.graph.parameters if p.trainable}


def public(outputs: dict[str, Array]) -> Any:
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs
