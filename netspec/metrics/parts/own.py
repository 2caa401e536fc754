"""A function of a program's own as a metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from ...ir.types import TensorType
from ...words import WordError
from ...words.metric import Metric, Targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Own(Metric, abstract=True):
    """It is called once, `function(scores, targets)`, with the outputs of the whole set and its targets: class numbers as N
    (x places), others as the output has them. So they are kept until then. One that takes `weights` is given what each example
    counts, or None; one that does not is refused where examples have weights."""

    targets: ClassVar[tuple[Targets, ...]] = ("classes", "marks", "numbers")

    function: Callable[..., Any]
    name: str

    @property
    def written_in(self) -> Any:
        return self.function

    @property
    def weighs(self) -> bool:
        """Whether it can be told what each example counts."""
        try:
            return "weights" in inspect.signature(self.function).parameters
        except ValueError:  # one of C that does not say
            return False

    def start(self, output: TensorType) -> Any:
        return []

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        targets = labels if labels.shape == scores.shape else labels[:, 0]
        state.append((scores.copy(), targets.copy(), weights))
        return state

    def value(self, state: Any) -> Any:
        import numpy as np

        if not state:
            return float("nan")
        scores, targets = (np.concatenate([part[k] for part in state]) for k in (0, 1))
        weights = None if state[0][2] is None else np.concatenate([part[2] for part in state])
        found = np.asarray(self.function(scores, targets, weights=weights) if self.weighs else self.function(scores, targets))
        if found.dtype.kind not in "biuf":
            raise WordError(f"{self.name} gives {found.dtype}, and a metric is a number or an array of numbers",
                            advice="return a float", code="wrong-type")
        return found if found.ndim else found.item()

    def shown(self, value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, int | float) else f"{value.min():.4g} to {value.max():.4g}"
