"""Augmentation of batches: images, and the targets that go along.

What a batch becomes depends on the seed, the epoch, its number and the examples in it, on nothing else: not on threads, and not
on where training was resumed. What is drawn for an example is the same for every input a line is of, so that two views of a
scene stay two views of it (noise is drawn for each). Targets that are maps move along where a line moves pixels: labels are never
mixed, and what was not in the image has the label that the loss ignores, or that of the edge. Where examples are mixed, so are
their targets, where a class becomes shares of classes, and what each counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...augmentations import Augmentation, Mixing
from ...diagnostics import Advice
from ...ir.graph import Graph
from ...ir.types import TensorType, shape_text
from ...passes.objective import Term, target_types
from ...words import WordError
from ..initialisers import generator
from ..misuse import misuse

Array = NDArray[Any]


@dataclass(frozen=True)
class Labels:
    """What is known of a target that holds class numbers."""

    classes: int
    ignored: int | None = None


def labels_of(graph: Graph, terms: Sequence[Term]) -> dict[str, Labels]:
    """The targets that hold class numbers, by `Term.source`."""
    types = {public: graph.values[v].type for public, v in graph.outputs}
    return {t.source: Labels(types[t.output].channels or 0, t.loss.ignored) for t in terms
            if t.target != "input" and t.loss.target(types[t.output]).element == "int"}


def check(graph: Graph, augmentations: Sequence[Augmentation], terms: tuple[Term, ...]) -> None:
    """Refuse what cannot be carried out on this network, before training begins."""
    maps = {name: t for name, t in target_types(graph, terms).items() if t.spatial and not all(n == 1 for n in t.spatial)}
    for a in augmentations:
        inputs = [n for n in graph.inputs if not a.inputs or n.name in a.inputs]
        for n in inputs:
            try:
                a.check_input(n.type)
            except WordError as w:
                several = f" @{n.name}" if len(graph.inputs) > 1 else ""
                raise misuse(w.code, f"augment {a}: {w.message}", *([w.label + several] if w.label else []), *w.notes) from None
        apart = [n.name for n in graph.inputs if n not in inputs and n.type.spatial]
        if isinstance(a, Mixing):
            _check_mixing(graph, a, terms, len(inputs))
        for name, t in maps.items() if a.moves else ():
            if apart:
                raise misuse(
                    "not-yet", f"`augment {a}` would move @{inputs[0].name} and not @{apart[0]}, and the target `{_of(name)}` is a map, which would have to move along with both",
                    hint=Advice(f"the line without names moves all:  augment {a.name}"))
            _check_map(a, name, t, inputs[0].type)


def _check_map(a: Augmentation, name: str, target: TensorType, images: TensorType) -> None:
    """Refuse a map that cannot move along with the images."""
    if a.move is None:
        raise misuse("not-yet",
                     f"`augment {a}` moves pixels, and does not say how the target `{_of(name)}`, a map, would move along",
                     hint=Advice("the class of the augmentation needs a method `move`; or take the line out of the train section"))
    if not a.any_size and target.spatial != images.spatial:
        raise misuse("not-yet",
                     f"this version of netspec cannot carry out `augment {a}` here: it moves pixels, and the target `{_of(name)}` is a map of other places, which would have to move along",
                     f"the images are {shape_text(images.spatial)}, the map is {shape_text(target.spatial)}",
                     hint=Advice("take the line out of the train section, and augment images and targets together before fit"))


def _check_mixing(graph: Graph, a: Mixing, terms: tuple[Term, ...], inputs: int) -> None:
    """Refuse to mix a part of an example, or targets that nothing can be a share of."""
    if inputs < len(graph.inputs):
        raise misuse("bad-value", f"`augment {a}` makes one example of two, so it is of all inputs", hint=f"augment {a.name}")
    hard = next((t for t in terms if t.source in labels_of(graph, terms) and t.loss.softened is None), None)
    if hard is not None:
        raise misuse("bad-value",
                     f"`augment {a}` makes targets that are shares of two classes, which loss {hard.loss.name} does not read",
                     hint="loss cross_entropy")


def _of(source: str) -> str:
    return source.removeprefix("target.")


def augmented(inputs: dict[str, Array], targets: dict[str, Array], augmentations: Sequence[Augmentation],
              labels: Mapping[str, Labels], seed: int, epoch: int, batch: int,
              weights: Array | None = None) -> tuple[dict[str, Array], dict[str, Array], Array | None]:
    """The inputs and targets of a batch after every augmentation, in order, and what each example counts, where that is said.
    `labels` are the targets that hold class numbers."""
    inputs, targets = dict(inputs), dict(targets)
    for k, a in enumerate(augmentations):
        name = f"augment {k} epoch {epoch} batch {batch}"
        changed = [n for n in inputs if not a.inputs or n in a.inputs]
        first = inputs[changed[0]]
        if isinstance(a, Mixing):
            other, share = a.shares(first, generator(seed, name))
            targets = {n: _mixed(t, other, share, labels.get(n), first.dtype) for n, t in targets.items()}
            weights = None if weights is None else _mixed(weights, other, share, None, first.dtype)
        elif a.moves:
            targets = {n: t if t.ndim < 3 or t[0, 0].size == 1 else
                       a.move(t, generator(seed, name), labels[n].ignored) if t.dtype.kind == "i" else
                       a.apply(t, generator(seed, name)) for n, t in targets.items()}
        for n in changed:
            inputs[n] = a.apply(inputs[n], generator(seed, name if n == changed[0] or not a.apart else f"{name} input {n}"))
    inputs, targets = ({n: np.ascontiguousarray(v) for n, v in arrays.items()} for arrays in (inputs, targets))
    return inputs, targets, weights


def _mixed(target: Array, other: Array, share: Array, labels: Labels | None, dtype: Any) -> Array:
    """A target of mixed examples; class numbers become shares, none where the label is ignored."""
    if labels is not None and target.dtype.kind == "i":
        classes = np.arange(labels.classes).reshape(1, -1, *(1,) * (target.ndim - 2))
        counts = True if labels.ignored is None else target != labels.ignored
        target = ((target == classes) & counts).astype(dtype)
    own = share.astype(target.dtype).reshape(-1, *(1,) * (target.ndim - 1))
    made: Array = target * own + target[other] * (1 - own)
    return made
