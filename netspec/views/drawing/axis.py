"""An axis of a chart: from numbers to places, and the numbers that are written beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

MOST = 1e300


@dataclass(frozen=True)
class Axis:
    """`start` is where `low` stands on the sheet, `end` where `high` does; `log` counts in factors of ten."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False  # numbers beside it are whole ones
    most: int = 7  # so many numbers beside it

    def at(self, value: float) -> float:
        """Where a number stands; beyond the ends at the nearer one."""
        a, b, v = (log10(x) if self.log else x for x in (self.low, self.high, min(max(value, self.low), self.high)))
        return self.start + (v - a) / (b - a) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def ticks(self) -> list[float]:
        return self._decades() if self.log else self._steps()

    def _decades(self) -> list[float]:
        powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        places = (1, 2, 5) if self.high / self.low < 200 else (1,)
        found = [v for d in powers for m in places if self.low * 0.999 <= (v := m * 10.0 ** d) <= self.high * 1.001]
        return found[::max(1, ceil(len(found) / self.most))]

    def _steps(self) -> list[float]:
        wide = (self.high - self.low) / (self.most - 1)
        size = 10.0 ** floor(log10(wide))
        step = next(m * size for m in (1, 2, 5, 10) if m * size >= wide * 0.999)
        step = max(1.0, round(step)) if self.whole else step
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def fitted(values: Iterable[float], start: float, end: float, log: bool = False, zero: bool = False,
           whole: bool = False) -> Axis:
    """The axis on which these lie, with a little room beyond them; what is not finite, or has no logarithm, is left out. `zero`
    begins it at 0 where that is near."""
    seen = [v for v in values if isfinite(v) and abs(v) < MOST and (v > 0 or not log)]
    low, high = min(seen, default=0.0 if not log else 1e-3), max(seen, default=1.0)
    if log:
        low, high = (low / 2, high * 2) if high / low < 4 else (low / 1.3, high * 1.3)
        return Axis(low, high, start, end, True)
    if whole:
        return Axis(low, high if high > low else low + 1, start, end, whole=True)
    if zero and 0 < low < 0.6 * high:
        low = 0.0
    room = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
    return Axis(low if zero and low == 0 else low - room, high + room, start, end)


def written(value: float) -> str:
    """A number beside an axis, short: 0.002, 1e-5, 20 k."""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e6):
        return f"{float(f'{value:.3g}'):g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
    if size >= 1e4:
        return f"{value / 1e3:g} k".replace("-", "−")
    return f"{float(f'{value:.4g}'):g}".replace("-", "−")
