"""How far a step moves the weights of each layer, against their length: about 1e-3 is usual (Karpathy, CS231n, 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..state import State

Array = NDArray[Any]
SAMPLED = 4  # steps of an epoch that are looked at


class Ratios:
    """The steps that are looked at, of an epoch of so many; where nobody knows how many, steps 1, 2, 4, 8, ..."""

    def __init__(self, layers: Mapping[str, Sequence[str]]):
        self.layers = layers  # the names of the weights of each
        self.before: dict[str, Array] = {}
        self.found: dict[str, list[float]] = {}

    def begin(self, state: State, step: int, of: int | None) -> None:
        """Before step `step` of an epoch, from 0: remember the weights, if it is looked at."""
        wanted = step + 1 in {max(1, round(of * k / SAMPLED)) for k in range(1, SAMPLED + 1)} if of else not step & (step + 1)
        if wanted:
            self.before = {p: state.store.get(p) for names in self.layers.values() for p in names}

    def end(self, state: State) -> None:
        """After it."""
        if not self.before:
            return
        for layer, names in self.layers.items():
            moved = sum(_square(state.store.get(p) - self.before[p]) for p in names)
            size = sum(_square(self.before[p]) for p in names)
            self.found.setdefault(layer, []).append(float(np.sqrt(moved / size)) if size
                                                    else (0.0 if not moved else float("inf")))
        self.before = {}

    def means(self) -> dict[str, float]:
        """Of the steps since the last call."""
        out = {layer: float(np.mean(v)) for layer, v in self.found.items()}
        self.found = {}
        return out


def _square(a: Array) -> float:
    return float(np.square(a, dtype=np.float64).sum())
