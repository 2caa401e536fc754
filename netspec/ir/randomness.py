"""Random numbers without state: a number is a function of a key and an index, so that every backend, in any order and
on any number of threads, draws the same dropout mask. NumPy here is the definition; backends emit the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORD = (1 << 64) - 1
CALL, EPOCH = -1, -2  # a key of (seed, CALL, number) is none of (seed, step)


def random_key(seed: int, *parts: int) -> int:
    """A 64-bit key, as a signed integer, from a seed and whatever tells uses apart: the step, the number of the layer.
    Each is stirred in, so that keys of neighbouring steps have nothing in common."""
    key = 0
    for part in (seed, *parts):
        key = stir(key, part)
    return key


def stir(key: int, part: int) -> int:
    """One more part of a key: random_key(a, b) == stir(random_key(a), b). (splitmix64's mixer.)"""
    x = (key + part + 0x9E3779B97F4A7C15) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    x ^= x >> 31
    return x - (1 << 64) if x >> 63 else x


def uniform(key: int, index: NDArray[np.int64] | int) -> NDArray[np.float32]:
    """Uniform numbers in [0, 1), multiples of 2**-24, of a 64-bit key and 64-bit indices."""
    wide = np.atleast_1d(np.asarray(index, np.int64)).view(np.uint64)
    low, high = wide.astype(np.uint32), (wide >> np.uint64(32)).astype(np.uint32)
    x = _mix(low ^ np.uint32(key & 0xFFFFFFFF))
    x = _mix(x ^ np.uint32(key >> 32 & 0xFFFFFFFF) ^ (high * np.uint32(0x9E3779B9)))
    drawn = (x >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return drawn.reshape(np.shape(index))


def _mix(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """C. Wellons' lowbias32: a bijection of 32 bits in which every input bit moves every output bit."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
