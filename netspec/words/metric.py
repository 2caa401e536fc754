"""What a metric is: something counted beside the loss, over batches of any size. One class in one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..ir.types import TensorType
from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

METRICS: Registry[Metric] = Registry("metric", "netspec.metrics")


Targets = Literal["classes", "marks", "numbers"]


class Metric(Word):
    """What it has counted so far is a state: `start` makes one, `add` takes a batch into it, `value` says what it comes to,
    and `shown` how people read that.

    As it stands it is a share of the examples (and of the places, where the output is a map): a subclass of this kind says
    for which of them something `holds`, and no more. One that counts otherwise states all four.

    Scores are N x classes (x places), as the output has them. There are three sorts of targets:

    classes  class numbers, N x 1 (x places). Where the loss ignores a label, the places that have it are left out before, and
             the others come as N x classes and N x 1
    marks    a yes or no, 1 or 0, for each channel, of the shape of the scores: those of a loss that compares probabilities or
             logits with numbers (bce)
    numbers  of the shape of the scores: those of any other loss that compares numbers (mse)

    `targets` names those that a metric reads. Without it they are class numbers, or with `labels = False` marks and numbers.
    `probabilities` names those beside which it needs scores that are probabilities: where the output holds logits they have
    gone through the softmax or sigmoid of its loss.

    `sums` says that `add` adds what a batch comes to onto the state, number by number: then workers that share an epoch need not
    send each other scores and labels. A class that states its own `add` says so itself.

    `better` says which values are better, for those who compare epochs.
    """

    labels: ClassVar[bool] = True
    targets: ClassVar[tuple[Targets, ...]] = ()
    probabilities: ClassVar[tuple[Targets, ...]] = ()
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    sums: ClassVar[bool] = True

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        if "add" in vars(cls) and "sums" not in vars(cls):
            cls.sums = False
        METRICS.add(cls, name, "metric", abstract)

    @property
    def reads(self) -> tuple[Targets, ...]:
        """The sorts of targets that it can measure."""
        return self.targets or (("classes",) if self.labels else ("numbers", "marks"))

    def check_output(self, output: TensorType) -> None:
        """Refuse an output that it cannot measure. Raises WordError."""

    def holds(self, scores: Array, labels: Array) -> Array:
        """Yes or no for each of N (x places)."""
        raise NotImplementedError

    def start(self, output: TensorType) -> Any:
        """The state of a metric that has seen nothing, of an output of this type."""
        return 0, 0

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        """The state after one more batch. The arrays are the network's own: what is kept of them is copied. `weights` has what
        each of N counts, where they do not count alike; a metric whose `add` takes none is refused there."""
        held = self.holds(scores, labels)
        if weights is None:
            return state[0] + int(held.sum()), state[1] + held.size
        each = spread(weights, held)
        return state[0] + float(each[held].sum()), state[1] + float(each.sum())

    def value(self, state: Any) -> float | Array:
        """A number, or an array; NaN where there was nothing to count."""
        right, seen = state
        return right / seen if seen else float("nan")

    def shown(self, value: Any) -> str:
        """The value in a line of progress, as short as it can be."""
        return f"{value:.2%}"

    def named(self, value: Any, classes: Sequence[str] = ()) -> str:
        """The same, where it speaks of classes by their names; `classes` are these by number, where the data have some."""
        return self.shown(value)

    def report(self, value: Any, classes: Sequence[str] = ()) -> str:
        """More of it, on lines of its own, where training has ended; nothing for most. `classes` are names by number, where
        the data have some."""
        return ""


def spread(weights: Array, over: Array) -> Array:
    """The weights of N, for each element of an array of N x ... ."""
    import numpy as np

    return np.broadcast_to(weights.reshape(-1, *(1,) * (over.ndim - 1)), over.shape)
