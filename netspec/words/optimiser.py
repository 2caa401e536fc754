"""What an optimiser and a schedule are.

An optimiser is an update rule in element-wise formulas over one flat vector of parameters: new weights from weights,
gradients and state. What changes from step to step (learning rate, bias correction) is a scalar in memory, computed by
`scalars` in float64, so that nothing is compiled twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..ir.training import ALSO, SETTINGS
from .layer import Builder
from .registry import Registry
from .word import Word, number

OPTIMISERS: Registry[Optimiser] = Registry("optimiser", "netspec.optimisers", taken=(*SETTINGS, *ALSO))


@dataclass(frozen=True)
class Optimiser(Word):
    """An update rule. `state` names the vectors it keeps for every parameter, zero at first.

    `clip` is the runtime's to do, as it needs the whole gradient: where its norm over all parameters is larger, the
    gradient is multiplied by clip / norm before the update.
    """

    state: ClassVar[Any] = ()
    host: ClassVar[bool] = False  # driven from outside, as it asks for the loss several times a step: see lbfgs

    clip: float = number("largest norm of the whole gradient; 0 is no limit", default=0.0, least=0)
    clip_value: float = number("largest element of the gradient; 0 is no limit", default=0.0, least=0)

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        OPTIMISERS.add(cls, name, "optimiser", abstract)

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        """The numbers the formulas read at step 1, 2, ...; `settings` holds this group's arguments (lr, decay, momentum
        ...) after schedules and per-parameter factors."""
        return settings

    def limited(self, b: Builder, g: str) -> str:
        """The gradient, each element at most `clip_value`."""
        k = float(self.clip_value)
        return str(b(f"limited[i] = where(g[i] > {k!r}, {k!r}, where(g[i] < {-k!r}, {-k!r}, g[i]))", g=g)) if k else g

    def decayed(self, b: Builder, w: str, g: str) -> str:
        """The gradient within its limit, plus `decay` times the weight: L2 regularisation."""
        return str(b("d[i] = g[i] + decay[0] * w[i]", g=self.limited(b, g), decay=b.scalar("decay"), w=w))

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        """The new weights and the new state. Formulas over one index i; a zero weight with a zero gradient stays zero."""
        raise NotImplementedError
