"""One-cycle schedule."""

from __future__ import annotations

from math import cos, pi

from ..words import number, text
from ..words.schedule import Schedule


class OneCycle(Schedule):
    """One cycle over the whole training: half a cosine up from 1/start to 1, then one down to 1/(start*end).

    The optimiser's scalar is the peak. As PyTorch's OneCycleLR; `onecycle of=momentum` is its counterpart, from 1 down to
    `low` while the learning rate rises, and back.
    Paper: Smith and Topin, "Super-Convergence", 2017 (arXiv:1708.07120)
    """

    rise: float = number("part of the training that rises", default=0.3, least=0, most=1)
    start: float = number("peak divided by the first value", default=25.0, least=1)
    end: float = number("first value divided by the last", default=10000.0, least=1)
    low: float = number("lowest factor of a momentum", default=0.85 / 0.95, least=0, most=1)
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        total = max(1, epochs * steps_per_epoch)
        peak, last = max(0.0, self.rise * total - 1), float(total - 1)
        first, top, final = (1.0, self.low, 1.0) if self.of == "momentum" else (1 / self.start, 1.0, 1 / (self.start * self.end))
        if step <= peak and peak > 0:
            return _cosine(first, top, step / peak)
        return _cosine(top, final, min(1.0, (step - peak) / max(last - peak, 1e-9)))


def _cosine(a: float, b: float, part: float) -> float:
    return b + (a - b) / 2 * (1 + cos(pi * part))
