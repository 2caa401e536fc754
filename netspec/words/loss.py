"""What a loss is. One class in one file, its meaning in index formulas, as a layer's."""

from __future__ import annotations

from typing import Any

from ..ir.types import TensorType
from .layer import Builder
from .registry import Registry
from .word import Word, WordError

LOSSES: Registry[Loss] = Registry("loss", "netspec.losses")


class Loss(Word):
    """A number that says how far an output is from its target, averaged over the batch.

    `after` names the last operation of an output (`softmax`, `sigmoid`) that the loss computes itself, stably, from that
    operation's input.
    """

    after: str = ""
    log_probabilities: bool = False  # whether it reads them, as `log_softmax` makes them

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        LOSSES.add(cls, name, "loss")

    def target(self, output: TensorType) -> TensorType:
        """The type of the target. An int target is given as N or N x spatial and has one channel here."""
        return output

    def check_output(self, output: TensorType) -> None:
        """Refuse an output this loss cannot judge. Raises WordError."""

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
