"""Metrics of how far numbers are from their targets: a mean over examples (and places) of each channel, then over channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...ir.types import TensorType
from ...words.metric import Metric, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Errors(Metric, abstract=True):
    """The state is what the examples weigh, and a sum of `error` for each channel, in float64."""

    labels: ClassVar[bool] = False
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    sums = True

    def error(self, differences: Array) -> Array:
        """Of each number, from how far it is off."""
        raise NotImplementedError

    def start(self, output: TensorType) -> Any:
        import numpy as np

        return 0.0, np.zeros(output.channels or 0)

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        import numpy as np

        off, each = self.error(np.subtract(scores, labels, dtype=np.float64)), counted(scores, weights)
        return state[0] + float(each.sum()), state[1] + columns(off * each[:, None]).sum(0)

    def value(self, state: Any) -> float:
        return float((state[1] / state[0]).mean()) if state[0] else float("nan")

    def shown(self, value: Any) -> str:
        return f"{value:.4g}"


def counted(scores: Array, weights: Array | None) -> Array:
    """What each of N (x places) counts."""
    import numpy as np

    return np.ones_like(scores[:, 0], np.float64) if weights is None else spread(weights, scores[:, 0])


def columns(values: Array) -> Array:
    """A row for each example and place, a column for each channel."""
    import numpy as np

    return np.moveaxis(values, 1, -1).reshape(-1, values.shape[1])
