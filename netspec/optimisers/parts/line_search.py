"""A line search by the strong Wolfe conditions: far enough down, and flat enough.

Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6, in the form PyTorch's LBFGS has.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[Any]
    Point = tuple[float, float, Vector, float]  # length, loss, gradient, slope

DOWN, FLAT, STILL, MOST = 1e-4, 0.9, 1e-9, 25


def cubic(x1: float, f1: float, g1: float, x2: float, f2: float, g2: float, bounds: tuple[float, float] | None = None) -> float:
    """The minimum of the cubic through two points with their slopes, within bounds; the middle, where one is not finite."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    if not isfinite(f1 + f2 + g1 + g2):
        return (low + high) / 2
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2
    d2 = sqrt(square)
    (a, ga), (z, gz) = ((x1, g1), (x2, g2)) if x1 <= x2 else ((x2, g2), (x1, g1))
    under = gz - ga + 2 * d2
    if not under:  # a straight line: as far down as may be gone, or the middle
        return high if bounds is not None else (low + high) / 2
    at = z - (z - a) * ((gz + d2 - d1) / under)
    return min(max(at, low), high)


def strong_wolfe(at: Callable[[float], tuple[float, Vector]], t: float, d: Vector, f: float, g: Vector,
                 slope: float) -> tuple[float, Vector, float, int]:
    """Loss, gradient and length of the step taken along d, and how many times `at` was called. Length 0 has loss f,
    gradient g, and this slope. A loss that is not finite says that a length is too great."""

    def point(t: float) -> Point:
        loss, gradient = at(t)
        return t, loss if isfinite(loss) else inf, gradient, float(gradient @ d)

    size = float(abs(d).max())
    before: Point = (0.0, f, g, slope)
    now = point(t)
    calls, turns = 1, 0
    bracket: list[Point] = []
    found = False
    while turns < MOST:
        if now[1] > f + DOWN * now[0] * slope or (turns > 1 and now[1] >= before[1]):
            bracket = [before, now]
            break
        if abs(now[3]) <= -FLAT * slope:
            bracket, found = [now], True
            break
        if now[3] >= 0:
            bracket = [before, now]
            break
        bounds = (now[0] + 0.01 * (now[0] - before[0]), now[0] * 10)
        t = cubic(before[0], before[1], before[3], now[0], now[1], now[3], bounds)
        before, now = now, point(t)
        calls, turns = calls + 1, turns + 1
    if turns == MOST:
        bracket = [(0.0, f, g, slope), now]
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    stuck = False
    while not found and turns < MOST:
        first, last = bracket
        if abs(last[0] - first[0]) * size < STILL:
            break
        t = cubic(first[0], first[1], first[3], last[0], last[1], last[3])
        left, right = min(first[0], last[0]), max(first[0], last[0])
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = point(t)
        calls, turns = calls + 1, turns + 1
        if not isfinite(new[1]) or new[1] > f + DOWN * t * slope or new[1] >= bracket[low][1]:
            bracket[high] = new
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(new[3]) <= -FLAT * slope:
                found = True
            elif new[3] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low] if len(bracket) > 1 else bracket[0]
    return best[1], best[2], best[0], calls
