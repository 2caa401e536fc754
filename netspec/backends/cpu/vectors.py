"""The vectors of a network's numbers on the CPU: flat and aligned, parameters in the layouts that kernels walk, those that are
trained first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...ir.graph import Graph
from ...ir.layout import round_up
from ..vectors import GRADIENTS, WEIGHTS, Array, Vectors
from .engine.memory import aligned
from .plan import stored, target_and_store
from .values import pack, unpack

Words = NDArray[np.generic]


class CpuVectors(Vectors[Words]):
    """`places` says where each parameter lies in a vector, `target` for what machine."""

    def __init__(self, graph: Graph, dtype: str):
        super().__init__(graph, dtype)
        self.target, self.places = target_and_store(graph, self.dtype.name)
        self.size = stored(self.places)
        self.free = max((p.at + round_up(p.size, 16) for n, p in self.places.items() if self.parameters[n].trainable), default=0)
        self.held = {WEIGHTS: self.zeros(), GRADIENTS: self.zeros()}  # every table refers to these

    def zeros(self) -> Words:
        return aligned(self.size, self.dtype)

    def read(self, vector: str, name: str) -> Array:
        return unpack(self[vector], self.places[name], self.parameters[name].shape)

    def write(self, vector: str, name: str, value: Array) -> None:
        pack(self[vector], self.places[name], value)

    def trained(self, vector: str) -> list[Array]:
        return [self[vector][: self.free]]

    def put_trained(self, vector: str, values: list[Array]) -> None:
        self[vector][: self.free] = values[0]

    def share(self, vector: str) -> None:
        self[vector][self.free :] = self[WEIGHTS][self.free :]
