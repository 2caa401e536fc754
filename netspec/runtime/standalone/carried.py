"""What a file that stands alone carries of a trained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...words.preparation import COUNT
from ..state import AVERAGE as VECTOR
from ..state import State
from .network import AVERAGE


@dataclass(frozen=True)
class Weights:
    """What a file has of a trained network."""

    arrays: Mapping[str, Any]  # by the names of parameters; averaged ones as average/NAME
    classes: tuple[str, ...] = ()
    bytes: bool = False  # whether it has learnt from bytes as pictures
    seed: int | None = None
    columns: tuple[str, ...] = ()
    beside: str = ""  # the name of the file that holds the arrays; none: they are in the text


def weights_of(state: State) -> Weights:
    """Those of a network, the average of its parameters included where evaluation mode uses it."""
    arrays = state.numbers()
    if state.average.used:
        arrays |= {AVERAGE + name: value for name, value in state.slot(VECTOR).items()}
    arrays = {name: np.ascontiguousarray(value, "float32") for name, value in arrays.items()}
    return Weights(arrays, state.learnt.classes, state.course.bytes, state.seed, state.learnt.columns)


def measured(weights: Weights | None) -> tuple[str, ...]:
    """The preparations whose numbers come with the weights."""
    return () if weights is None else tuple(k.removesuffix(f".{COUNT}") for k, v in weights.arrays.items()
                                            if k.endswith(f".{COUNT}") and v[0])
