"""What a loss is. One class in one file, its meaning in index formulas, as a layer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..ir.types import TensorType
from .faults import WordError
from .layer import Builder
from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

Range = Literal["numbers", "logits", "probabilities", "log-probabilities"]

LOSSES: Registry[Loss] = Registry("loss", "netspec.losses")


class Loss(Word):
    """A number that says how far an output is from its target, averaged over the batch.

    `after` names the last operation of an output (`softmax`, `sigmoid`) that the loss computes itself, stably, from that
    operation's input. `reads` is what the output has to hold, so that `check` can warn of others; `instead` names losses
    that mean the same of an output that holds something else.
    """

    after: str = ""
    reads: ClassVar[Range] = "numbers"
    instead: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        LOSSES.add(cls, name, "loss", abstract)

    def target(self, output: TensorType) -> TensorType:
        """The type of the target. An int target is given as N or N x spatial and has one channel here."""
        return output

    def check_output(self, output: TensorType) -> None:
        """Refuse an output this loss cannot judge. Raises WordError."""

    def check_targets(self, smallest: float, largest: float) -> None:
        """Refuse numbers that this loss cannot be the loss of. Raises WordError, whose message goes on after "the target"."""

    @property
    def ignored(self) -> int | None:
        """The label whose places do not count, in the loss as in metrics; None where all do."""
        return None

    @property
    def softened(self) -> Loss | None:
        """This loss of targets that are shares of all classes, where its own are class numbers; None where there is none."""
        return None

    def share(self, targets: NDArray[Any] | None, examples: int) -> float:
        """What a batch counts for in a mean over batches: its examples, or whatever `forward` divides by. `targets` is None where
        the network's own input is the target."""
        return float(examples)

    def uninformed(self, output: TensorType) -> float | None:
        """What a network loses that prefers no answer, as an untrained one should; None where that depends on the targets."""
        return None

    def least(self, output: TensorType, targets: NDArray[Any], alike: bool) -> float | None:
        """The least that this loss can be for these targets, in float64: by an answer of its own to each example; or, `alike`, by
        the best answer that is the same to all of them. None where nobody has said.

        Of class numbers N x 1 x spatial, or of numbers N x channels x spatial. An answer is one number for each element; of class
        numbers it is alike for all places of a map.
        """
        return None

    def forward(self, b: Builder, z: str, t: str) -> str:
        """The mean loss of the batch, a value of shape (1,)."""
        raise NotImplementedError

    # backward(self, b, dy: float | str, z, t, saved) -> dz, where a closed form is better than the formulas' derivative
    backward: Any = None


def need_channels(name: str, output: TensorType, least: int) -> int:
    """The number of classes, one a channel."""
    c = output.channels
    if c is None or c < least:
        raise WordError(f"{name} needs at least {least} channels, one a class", label=f"the output has {'?' if c is None else c}",
                        advice="use bce for a single number" if least > 1 else "", code="loss-shape")
    return c


def pixels(t: TensorType) -> int:
    """Places of one image, over which a loss is averaged as over the batch."""
    n = t.batch
    for s in t.spatial:
        n *= s or 0
    return n
