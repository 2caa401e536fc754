"""What a network says of the examples that judge it: which classes it takes for which, and where it is most wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Executor
from ...ir.randomness import CALL, random_key
from ...views.report.story import Judged, Shot
from ...waiting import wait
from .. import drawing
from ..feeding.feed import Examples, Feed
from ..feeding.given import Given, to_judge
from ..measuring.measured import Measured
from ..measuring.tallies import judged as judged_outputs
from ..measuring.tallies import making
from ..sizes import bind
from ..state import State
from .probe import Summed, layers
from .tiles import tile

Array = NDArray[Any]
MOST, WORST, CLASSES, FEW = 10_000, 24, 1000, 64  # examples, the worst of them, classes of a matrix, numbers of an answer


@dataclass
class _Held:
    """What is gathered over the batches."""

    measured: Measured
    confusion: Array | None
    worst: list[tuple[float, int, Shot]] = field(default_factory=list)
    seen: int = 0
    read: Summed = field(default_factory=Summed)
    numbers: list[tuple[Array, Array]] = field(default_factory=list)  # answers and targets, where they are numbers

    @property
    def explained(self) -> float | None:
        """1 - sum of squared errors / sum of squared distances from the mean of each channel."""
        if not self.numbers:
            return None
        said, wanted = (np.concatenate([pair[k] for pair in self.numbers]) for k in (0, 1))
        apart = float(np.square(wanted - wanted.mean(0)).sum())
        return 1 - float(np.square(said - wanted).sum()) / apart if apart > 0 else None


def judge(state: State, given: Given, part: str) -> Judged:
    """Of these examples; of the first ten thousand where they are more. The weights are those that the network has.

    Errors: examples that cannot be read, or do not fit.
    """
    terms = state.recipe.need_terms()
    feed = to_judge(state, terms, given, state.recipe.part)
    every = feed.examples if isinstance(feed, Feed) else None
    held: _Held | None = None
    whole = True
    with closing(feed.epoch(0)) as batches, wait("looking at the answer to example", min(every, MOST) if every else None) as at:
        for b in batches:
            at((held.seen if held else 0) + 1)
            run = bind(state, b.inputs)
            held = held or _Held(Measured(run.graph, terms, state.recipe.metrics), _matrix(state))
            drawing.begin(run, random_key(state.seed, CALL), held.seen)
            _look(state, run, b, held, feed)
            if held.seen >= MOST:
                whole = every is not None and held.seen >= every
                break
    if held is None:
        return Judged(part, 0)
    numbers = {k: float(v) for k, v in held.measured.numbers.items() if isinstance(v, int | float)}
    matrix = () if held.confusion is None else tuple(tuple(map(int, row)) for row in held.confusion)
    read = held.read.numbers()
    return Judged(part, held.seen, numbers, matrix if any(map(any, matrix)) else (),
                  tuple(s for _, _, s in sorted(held.worst, key=lambda w: -w[0])),
                  {k: read[k] for k in ("mean", "std") if k in read}, whole, held.explained)


def _matrix(state: State) -> Array | None:
    """Room for what is taken for what, where the first judged output has classes."""
    for several in judged_outputs(state.graph, state.recipe.terms).values():
        for one in several:
            if one.kind == "classes" and one.type.channels and one.type.channels <= CLASSES:
                return np.zeros((one.type.channels, one.type.channels), np.int64)
    return None


def _look(state: State, run: Executor, b: Examples, held: _Held, feed: Any) -> None:
    """One batch."""
    out = run.losses(b.inputs, b.targets, state.recipe.terms, weights=state.vector("eval"))
    held.measured.add(out, b.targets, len(b), b.weights)
    seen = layers(run.graph)
    if seen and not held.seen:
        held.read.add(run.values(b.inputs, (seen[0].reads,), weights=state.vector("eval"))[seen[0].reads])
    for name, several in judged_outputs(run.graph, state.recipe.terms).items():
        one = next((m for m in several if m.kind == "classes"), several[0])
        labels = b.targets.get(one.term.source)
        if labels is None or len(out.outputs[name]) != len(b):
            continue
        make = making(run.graph, state.recipe.terms, name)
        scores = out.outputs[name] if make is None else make(out.outputs[name].astype(np.float64))
        if one.kind == "classes" and labels.dtype.kind in "iu":
            _classes(state, b, held, scores, labels, one.term.loss.ignored)
        else:
            _numbers(b, held, scores, labels, one.kind == "numbers")
        break
    held.seen += len(b)


def _classes(state: State, b: Examples, held: _Held, scores: Array, labels: Array, ignored: int | None) -> None:
    """Count what is answered, and keep the examples whose right class is thought least likely."""
    n, c = scores.shape[:2]
    flat, right = scores.reshape(n, c, -1), labels.reshape(n, -1)
    answers = flat.argmax(1)
    counts = np.ones_like(right, bool) if ignored is None else right != ignored
    if held.confusion is not None:
        inside = counts & (right >= 0) & (right < c)
        np.add.at(held.confusion, (right[inside], answers[inside]), 1)
    names = state.learnt.classes

    def called(k: int) -> str:
        return names[k] if k < len(names) else str(k)

    def shot(k: int) -> Shot:
        if flat.shape[2] > 1:
            share = float((answers[k] == right[k])[counts[k]].mean()) if counts[k].any() else 1.0
            return Shot(tile(b.inputs, k), f"{_name(b, k)}\n{100 * share:.1f} % of its places right", share < 1)
        y, a, p = int(right[k, 0]), int(answers[k, 0]), flat[k, :, 0]
        sure = f"{_name(b, k)}\nsays {called(a)}, {100 * p[a]:.1f} %"
        return Shot(tile(b.inputs, k), sure + (f"\nis {called(y)}, {100 * p[y]:.1f} %" if a != y else "\nand is right"), a != y)

    if flat.shape[2] > 1:
        bad = 1 - np.array([float((answers[k] == right[k])[counts[k]].mean()) if counts[k].any() else 1.0 for k in range(n)])
    else:
        y = np.clip(right[:, 0], 0, c - 1)
        bad = np.where(counts[:, 0], flat.max(1)[:, 0] - flat[np.arange(n), y, 0], -1.0)
        bad = np.where(answers[:, 0] == right[:, 0], -1.0 - flat.max(1)[:, 0], bad)  # the right ones last, the least sure first
    _keep(held, bad, shot)


def _numbers(b: Examples, held: _Held, values: Array, wanted: Array, explains: bool) -> None:
    """Keep the examples whose numbers are furthest off."""
    n = len(values)
    off = np.sqrt(np.square(values.reshape(n, -1).astype(np.float64) - wanted.reshape(n, -1)).mean(1))

    def few(a: Array) -> str:
        return ", ".join(f"{v:.3g}" for v in a.reshape(-1)[:4]) + (" ..." if a.size > 4 else "")

    if explains and values[0].size <= FEW:
        held.numbers.append((values.reshape(n, -1).astype(np.float64), wanted.reshape(n, -1).astype(np.float64)))
    _keep(held, off, lambda k: Shot(tile(b.inputs, k), f"{_name(b, k)}\nsays {few(values[k])}\nis {few(wanted[k])}", True))


def _keep(held: _Held, bad: Array, shot: Any) -> None:
    least = held.worst[-1][0] if len(held.worst) >= WORST else -np.inf
    order = [int(k) for k in np.argsort(-bad, kind="stable")[:WORST] if bad[k] > least]
    found = [*held.worst, *((float(bad[k]), held.seen + k, shot(k)) for k in order)]
    held.worst = nlargest(WORST, found, key=lambda w: (w[0], -w[1]))


def _name(b: Examples, k: int) -> str:
    """What an example is called: a file without the folder it lies in, or its number."""
    return os.path.basename(b.called[k]) if b.called else f"example {int(b.numbers[k])}"


def sizes(feed: Any) -> Sequence[int]:
    """How many examples of each class are learnt from, where each has one."""
    for target in getattr(feed, "targets", {}).values():
        a = np.asarray(target[:]) if hasattr(target, "__getitem__") else None
        if a is not None and a.dtype.kind in "iu" and a.size == len(a) and a.size and int(a.min()) >= 0:
            return [int(n) for n in np.bincount(a.reshape(-1))]
    return []

