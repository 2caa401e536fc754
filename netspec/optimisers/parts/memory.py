"""What an optimiser keeps that is no vector for each parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[Any]


@dataclass
class Memory:
    """What L-BFGS knows from one step to the next: pairs of moves and changes of the gradient, and where it stood."""

    moves: list[Vector] = field(default_factory=list)
    changes: list[Vector] = field(default_factory=list)
    scale: float = 1.0
    direction: Vector | None = None
    gradient: Vector | None = None
    length: float = 0.0
    iterations: int = 0
