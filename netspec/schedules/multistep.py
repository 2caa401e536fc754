"""Multi-step schedule."""

from __future__ import annotations

from typing import Any, ClassVar

from ..words import WordError, listing, number, text, word
from ..words.schedule import Schedule


class MultiStep(Schedule):
    """The scalar is multiplied by `factor` at each of the given epochs (or batches): `multistep [60, 120, 160] factor=0.2`."""

    endless: ClassVar[bool] = True

    at: Any = listing("when", position=0)
    factor_: float = number("what the scalar is multiplied by", default=0.1, least=0)
    unit: str = word("what time is counted in", default="epochs", words=("epochs", "batches"))
    of: str = text("the optimiser's scalar it steers", default="lr")

    def check(self) -> None:
        if not all(isinstance(k, int) and k >= 0 for k in self.at) or list(self.at) != sorted(self.at):
            raise WordError("the steps come one after the other", label=f"{list(self.at)}",
                            advice="for example:  multistep [30, 60, 80]", code="bad-value",
                            swap=((f"{list(self.at)}", f"{sorted(abs(int(k)) for k in self.at)}"),))

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        now = epoch if self.unit == "epochs" else step
        return float(self.factor_ ** sum(now >= k for k in self.at))
