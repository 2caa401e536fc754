"""Augmentation of batches. What a batch becomes depends on the seed, the epoch, its number and the examples in it, on
nothing else: not on threads, and not on where training was resumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..augmentations import Augmentation
from ..diagnostics import Advice
from ..ir.graph import Graph
from ..passes.objective import Term, target_types
from ..words import WordError
from .initialisers import generator
from .misuse import misuse

Array = NDArray[Any]


def check(graph: Graph, augmentations: Sequence[Augmentation], terms: tuple[Term, ...]) -> None:
    """Refuse what cannot be carried out on this network, before training begins."""
    if not augmentations:
        return
    if len(graph.inputs) > 1:
        raise misuse("not-yet",
                     f"this version of netspec augments networks of one input, and {graph.name} has {len(graph.inputs)}",
                     hint=Advice("take `augment` out of the train section, and augment the arrays before fit"))
    for a in augmentations:
        try:
            a.check_input(graph.inputs[0].type)
        except WordError as w:
            raise misuse(w.code, f"augment {a}: {w.message}", w.label) from None
        if a.moves and (maps := [name for name, t in target_types(graph, terms).items() if t.spatial
                                 and not all(n == 1 for n in t.spatial)]):
            raise misuse("not-yet",
                         f"this version of netspec cannot carry out `augment {a}` here: it moves pixels, and the target `{maps[0].removeprefix('target.')}` is a map, which would have to move along",
                         hint=Advice(
                             "take the line out of the train section, and augment images and targets together before fit"))


def augmented(inputs: dict[str, Array], augmentations: Sequence[Augmentation], seed: int, epoch: int,
              batch: int) -> dict[str, Array]:
    """The batch after every augmentation, in order."""
    if not augmentations:
        return inputs
    (name, images), = inputs.items()
    for k, a in enumerate(augmentations):
        images = a.apply(images, generator(seed, f"augment {k} epoch {epoch} batch {batch}"))
    return {name: np.ascontiguousarray(images)}
