"""A few fixed training examples, and what the network makes of them: activations and gradients, layer by layer.

They are the first examples of the first epoch, as they are before they are augmented; of batches that somebody else makes, the
first batch. Measuring leaves the network as it is: it reads weights, in evaluation mode, and gradients in training mode
without effects; what it draws has a key of its own. So training goes on to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.graph import Graph
from ...ir.randomness import CALL, random_key
from ...layers import Layer
from ...views.reading.steps import Step, steps
from .. import drawing
from ..feeding.feed import Examples, Feed
from ..measuring.judge import by_example
from ..measuring.measured import Measured
from ..sizes import bind
from ..state import State

Array = NDArray[Any]
MANY, BATCHES = 128, 4  # examples at most, and batches that they come in
ROOM = 1 << 28  # bytes of values of all layers that are looked at together


@dataclass(frozen=True)
class Seen:
    """A layer that is measured."""

    name: str
    step: str  # as the spec has it
    value: str  # what it hands on
    weights: tuple[str, ...]  # the names of its trained weights
    rectifies: bool
    active: bool  # whether an activation is in it
    units: int
    reads: str  # the value that it reads

    def data(self) -> dict[str, Any]:
        return {"name": self.name, "step": self.step, "weights": list(self.weights), "rectifies": self.rectifies,
                "active": self.active, "units": self.units}


def layers(graph: Graph) -> list[Seen]:
    """The steps that have trained weights, or are activations."""
    return [s for s in map(_seen, steps(graph)) if s is not None]


def _seen(step: Step) -> Seen | None:
    weights = tuple(p.name for n in step.nodes for p in n.parameters if p.trainable and p.kind in ("weight", "length", "slope"))
    active = [n for n in step.nodes if isinstance(n.op, Layer) and n.op.category == "activation"]
    if not (weights or active) or not step.head.inputs:
        return None
    return Seen(step.name, str(step), step.last.name, weights, any(getattr(n.op, "rectifies", False) for n in active),
                bool(active), step.last.type.channels or 1, step.head.inputs[0])


@dataclass
class Probe:
    """The examples, in batches."""

    batches: Sequence[Examples]
    key: int = field(default=0)

    def measure(self, state: State) -> dict[str, Any]:
        """All that is measured of an epoch: of each layer, and of the whole."""
        graph = bind(state, self.batches[0].inputs).graph
        seen = layers(graph)
        with state.gate.exclusive(), np.errstate(all="ignore"):
            self.key = random_key(state.seed, CALL)
            total, gradients, learning = self.gradients(state)
            judged = self.judged(state)
            values = self.values(state, seen)
        out: dict[str, dict[str, Any]] = {}
        for s in seen:
            out[s.name] = values[s.value].numbers()
            if s.weights:
                w = np.concatenate([state.store.get(p).ravel() for p in s.weights]).astype(np.float64)
                g = np.concatenate([gradients[p].ravel() for p in s.weights])
                out[s.name] |= {"weight": _rms(w), "weight_mean": float(w.mean()), "gradient": _rms(g),
                                "gradient_mean": float(g.mean()),
                                "gradient_largest": float(np.abs(g).max())}
        read = values[seen[0].reads].numbers() if seen else {}
        return {"layers": out, "probe": {**judged, **learning, "gradient": total},
                "input": {k: read[k] for k in ("mean", "std", "low", "high") if k in read}}

    def gradients(self, state: State) -> tuple[float, dict[str, Array], dict[str, float]]:
        """Of the loss on these examples, in training mode: the length of the whole, and each parameter's own, in float64; and
        what loss and metrics are in that mode, with what is dropped in it, where all examples count alike."""
        sums: dict[str, Array] = {}
        many = sum(map(len, self.batches))
        measured = Measured(state.graph, state.recipe.terms, state.recipe.metrics)
        alike = not any(b.weights is not None and b.weights.any() for b in self.batches)
        for first, b in zip(_starts(self.batches), self.batches):
            run = bind(state, b.inputs)
            drawing.begin(run, self.key, first)
            terms, targets = state.recipe.need_terms(), b.targets
            if b.weights is not None and b.weights.any():
                terms, targets = by_example(terms, targets, b.weights, len(b), state.dtype)
            out = run.gradients(b.inputs, dict(targets), terms, training=True, effects=False)
            state.differentiated = True
            if alike:
                measured.add(out, b.targets, len(b))
            for p in run.graph.parameters:
                if p.trainable:
                    part = run.gradient(p.name).astype(np.float64) * (len(b) / many)
                    sums[p.name] = sums[p.name] + part if p.name in sums else part
        said = {f"training_{k}": float(v) for k, v in measured.numbers.items() if isinstance(v, int | float)} if alike else {}
        return float(np.sqrt(sum(float(np.square(g).sum()) for g in sums.values()))), sums, said

    def judged(self, state: State) -> dict[str, float]:
        """Loss and metrics on these examples, in evaluation mode, of the weights that are trained."""
        measured = Measured(state.graph, state.recipe.terms, state.recipe.metrics)
        for first, b in zip(_starts(self.batches), self.batches):
            run = bind(state, b.inputs)
            drawing.begin(run, self.key, first)
            measured.add(run.losses(b.inputs, b.targets, state.recipe.terms), b.targets, len(b))
        return {k: float(v) for k, v in measured.numbers.items() if isinstance(v, int | float)}

    def values(self, state: State, seen: Sequence[Seen]) -> dict[str, Summed]:
        """What is said of each value, in evaluation mode."""
        names = tuple(dict.fromkeys(v for s in seen for v in (s.value, *([s.reads] if s is seen[0] else []))))
        out = {name: Summed() for name in names}
        for first, b in zip(_starts(self.batches), self.batches):
            run = bind(state, b.inputs)
            wide = sum(run.graph.values[n].type.size or 1 for n in names) * state.dtype.itemsize
            size = max(1, min(len(b), ROOM // max(1, wide)))
            drawing.begin(run, self.key, first)
            if not names:
                break
            part = {k: v[: size * (len(v) // len(b))] for k, v in b.inputs.items()}
            for name, value in run.values(part, names).items():
                out[name].add(value)
        return out


class Summed:
    """The numbers of a value over several batches: moments, and which channels say the same to all."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares, self.zeros = 0, 0.0, 0.0, 0
        self.low: Array | None = None
        self.high: Array | None = None
        self.parts: list[Array] = []

    def add(self, value: Array) -> None:
        channels = np.moveaxis(value, 1, 0).reshape(value.shape[1], -1) if value.ndim > 1 else value[None]
        self.count += value.size
        self.sum += float(value.sum(dtype=np.float64))
        self.squares += float(np.square(value, dtype=np.float64).sum())
        self.zeros += int((value == 0).sum())
        low, high = channels.min(1), channels.max(1)
        self.low = low if self.low is None else np.minimum(low, self.low)
        self.high = high if self.high is None else np.maximum(high, self.high)
        flat = value.ravel()
        self.parts.append(flat[:: max(1, flat.size // 5000)].astype(np.float64))

    def numbers(self) -> dict[str, Any]:
        if not self.count or self.low is None or self.high is None:
            return {}
        mean = self.sum / self.count
        some = np.concatenate(self.parts)
        wide = float(some.max() - some.min())
        ends = float((np.minimum(some - some.min(), some.max() - some) < 0.01 * wide).mean()) if wide > 0 else 1.0
        low, middle, high = np.percentile(some, (5, 50, 95)) if np.isfinite(some).all() else (float("nan"),) * 3
        return {"mean": mean, "std": float(np.sqrt(max(0.0, self.squares / self.count - mean * mean))),
                "zeros": self.zeros / self.count,
                "dead": int((self.low == self.high).sum()), "ends": ends, "low": float(low), "middle": float(middle),
                "high": float(high)}


def of_feed(feed: Feed) -> Probe:
    """The first examples of the first epoch, without augmentation."""
    bare, found = replace(feed, augmentation=()), list[Examples]()
    order = bare.order(0)
    while sum(map(len, found)) < MANY and len(found) < min(BATCHES, bare.batches):
        found.append(bare.batch(0, len(found), order))
    return Probe(found)


def _starts(batches: Sequence[Examples]) -> list[int]:
    return [int(n) for n in np.cumsum([0, *map(len, batches)])[:-1]]


def _rms(a: Array) -> float:
    return float(np.sqrt(np.square(a).mean())) if a.size else 0.0
