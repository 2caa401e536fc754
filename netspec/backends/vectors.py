"""The numbers of a network as vectors, each over all its parameters and buffers: the weights themselves, their gradients, and
whatever an optimiser keeps for each weight, by the name of its slot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..ir.graph import Graph
from .turns import Turn

Array = NDArray[Any]
WEIGHTS, GRADIENTS = "weights", "gradients"
V = TypeVar("V")  # how a backend holds one vector


class Vectors(ABC, Generic[V]):
    """A vector is made, all zero, when it is first asked for. Values of single parameters come and go in canonical form."""

    def __init__(self, graph: Graph, dtype: Any) -> None:
        self.parameters, self.dtype = {p.name: p for p in graph.parameters}, np.dtype(dtype)
        self.held: dict[str, V] = {}
        self.turn = Turn()
        self._complete: dict[str, int] = {}  # vectors that parameters are read from -> the version of what is not trained in them

    def __getitem__(self, vector: str) -> V:
        found = self.held.get(vector)
        return self.held.setdefault(vector, self.zeros()) if found is None else found

    @abstractmethod
    def zeros(self) -> V:
        """A new vector."""

    @abstractmethod
    def read(self, vector: str, name: str) -> Array:
        """A copy of the numbers of one parameter."""

    @abstractmethod
    def write(self, vector: str, name: str, value: Array) -> None:
        """Put numbers of the parameter's own shape and of this dtype there."""

    @abstractmethod
    def trained(self, vector: str) -> list[Array]:
        """The numbers of all trainable parameters as they lie, in one order. To read; they may be copies."""

    @abstractmethod
    def put_trained(self, vector: str, values: list[Array]) -> None:
        """Put such arrays back."""

    @abstractmethod
    def share(self, vector: str) -> None:
        """Give a vector the numbers that the weights have where nothing is trained."""

    def complete(self, vector: str, version: int) -> None:
        """A vector that parameters are read from instead of the weights needs those that are not trained as well; `version` is
        that of the weights."""
        if vector == WEIGHTS:
            return
        with self.turn.lock:
            if self._complete.get(vector) != version:
                self.share(vector)
                self._complete[vector] = version


Groups = dict[tuple[tuple[str, float], ...], list[str]]


def alike(settings: Mapping[str, Mapping[str, float]]) -> Groups:
    """Parameters by what an update rule reads for them: those with equal numbers are updated in one go."""
    # parameters of a group usually share one dict
    keys = {id(s): tuple(s.items()) for s in {id(s): s for s in settings.values()}.values()}
    if len(keys) == 1:
        return {next(iter(keys.values())): list(settings)}
    equal: Groups = {}
    for name, s in settings.items():
        equal.setdefault(keys[id(s)], []).append(name)
    return equal


def stretches(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places in a vector, as start and size with padding, as few stretches that hold these and nothing else."""
    out: list[tuple[int, int]] = []
    for at, size in sorted(places):
        if out and out[-1][0] + out[-1][1] == at:
            out[-1] = (out[-1][0], out[-1][1] + size)
        else:
            out.append((at, size))
    return out
