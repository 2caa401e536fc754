"""The values of a trial: its number and the seed decide them, and nothing else does.

Ranges are drawn at random, evenly or evenly in the logarithm (Bergstra and Bengio, Random Search for Hyper-Parameter
Optimization, JMLR 2012). Where everything can be counted, no trial is like another before all are done: they are gone through in
a random order.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, floor, log

from ..runtime.initialisers import generator
from .space import Dimension, Space

COUNTED = 100_000  # different trials that are gone through in order; of more, two are seldom the same


def values(space: Space, seed: int, trial: int) -> dict[str, str]:
    """What trial 1, 2, ... is trained with, as texts by the names of the dimensions."""
    many = space.many
    if many is None or many > COUNTED:
        return {d.name: _drawn(d, generator(seed, f"search {trial} {d.name} {d.written}").random()) for d in space.dimensions}
    at = _order(seed, many)[(trial - 1) % many]
    found = {}
    for d in space.dimensions:
        at, k = divmod(at, d.many or 1)
        found[d.name] = d.choices[k] if d.choices else str(int(d.low) + k)
    return found


@lru_cache(8)
def _order(seed: int, many: int) -> tuple[int, ...]:
    return tuple(map(int, generator(seed, "search").permutation(many)))


def _drawn(d: Dimension, share: float) -> str:
    """The value that lies so far between the ends, from 0 to 1."""
    if d.choices:
        return d.choices[min(len(d.choices) - 1, floor(share * len(d.choices)))]
    low, high = (d.low - 0.5, d.high + 0.5) if d.whole else (d.low, d.high)  # so that the ends are drawn as often as others
    return d.text(exp(log(low) + share * (log(high) - log(low))) if d.sort == "log" else low + share * (high - low))
