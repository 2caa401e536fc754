"""The vectors of a network's numbers on a CUDA device: flat, in the order of the places, those that are trained first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ir.graph import Graph
from ...ir.layout import round_up
from ..vectors import GRADIENTS, WEIGHTS, Array, Vectors
from .body import THREADS
from .device import Device
from .places import ALIGNED
from .plan import store_places

FINITE = """\
def finite(gradients, found, count, threads):
    item = cuda.grid(1)
    held = F(0.0)
    for i in range(item, count, threads):
        held = held + (gradients[i] - gradients[i])
    found[item] = held
"""  # g - g is 0, or NaN where g is NaN or infinite


class CudaVectors(Vectors[Any]):
    """`places` says where each parameter lies; `on` is the device, for one thread at a time: whose turn it is."""

    def __init__(self, graph: Graph, dtype: str, on: Device):
        super().__init__(graph, dtype)
        self.on = on
        self.places, self.size = store_places(graph)
        self.free = sum(round_up(p.size, ALIGNED) for p in graph.parameters if p.trainable)

    def zeros(self) -> Any:
        return self.on.zeros(self.size, self.dtype)

    def read(self, vector: str, name: str) -> Array:
        p = self.parameters[name]
        with self.turn.lock:
            return self.on.read(self[vector], self.places[name].at, p.size).reshape(p.shape)

    def write(self, vector: str, name: str, value: Array) -> None:
        with self.turn.lock:
            self.on.write(self[vector], self.places[name].at, value)

    def trained(self, vector: str) -> list[Array]:
        with self.turn.lock:
            return [self.on.read(self[vector], 0, self.free)]

    def put_trained(self, vector: str, values: list[Array]) -> None:
        with self.turn.lock:
            self.on.write(self[vector], 0, values[0])

    def share(self, vector: str) -> None:
        self.on.write(self[vector], self.free, self.on.read(self[WEIGHTS], self.free, self.size - self.free))

    def finite_gradients(self) -> bool:
        """A number for each thread of a few blocks comes back, not the gradients."""
        blocks = min(64, -(-self.free // THREADS))
        found = self.on.empty(blocks * THREADS, self.dtype)
        with self.turn.lock:
            self.on.launch(FINITE, "finite", self.dtype, blocks, THREADS, (self[GRADIENTS], found, self.free, blocks * THREADS))
            return bool(np.isfinite(self.on.read(found, 0, blocks * THREADS)).all())
