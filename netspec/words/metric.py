"""What a metric is: something counted beside the loss, over batches of any size. One class in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..ir.types import TensorType
from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

METRICS: Registry[Metric] = Registry("metric", "netspec.metrics")


class Metric(Word):
    """What it has counted so far is a state: `start` makes one, `add` takes a batch into it, `value` says what it comes to,
    and `shown` how people read that.

    As it stands it is a share of the examples (and of the places, where the output is a map): a subclass of this kind says
    for which of them something `holds`, and no more. One that counts otherwise states all four.

    Scores are N x classes (x places), as the output has them. Labels are class numbers, N x 1 (x places); where the loss
    ignores a label, the places that have it are left out before, and the others come as N x classes and N x 1. With
    `labels = False` the metric reads the targets of a loss that compares numbers instead, of the same shape as the scores.
    """

    labels: ClassVar[bool] = True

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        METRICS.add(cls, name, "metric", abstract)

    def check_output(self, output: TensorType) -> None:
        """Refuse an output that it cannot measure. Raises WordError."""

    def holds(self, scores: Array, labels: Array) -> Array:
        """Yes or no for each of N (x places)."""
        raise NotImplementedError

    def start(self, output: TensorType) -> Any:
        """The state of a metric that has seen nothing, of an output of this type."""
        return 0, 0

    def add(self, state: Any, scores: Array, labels: Array) -> Any:
        """The state after one more batch. The arrays are the network's own: what is kept of them is copied."""
        held = self.holds(scores, labels)
        return state[0] + int(held.sum()), state[1] + held.size

    def value(self, state: Any) -> float | Array:
        """A number, or an array; NaN where there was nothing to count."""
        right, seen = state
        return right / seen if seen else float("nan")

    def shown(self, value: Any) -> str:
        """The value in a line of progress, as short as it can be."""
        return f"{value:.2%}"

    def report(self, value: Any) -> str:
        """More of it, on lines of its own, where training has ended; nothing for most."""
        return ""
