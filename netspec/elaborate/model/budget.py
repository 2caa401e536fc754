"""What the nets of a file may cost, all together."""

from __future__ import annotations

from dataclasses import dataclass

from ...limits import EDGES, NODES, STEPS


@dataclass
class Budget:
    """What the nets of a file have cost so far, all together."""

    steps: int = 0
    edges: int = 0
    nodes: int = 0

    @property
    def all(self) -> bool:
        return self.steps > STEPS or self.edges > EDGES or self.nodes > NODES
