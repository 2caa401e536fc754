"""Examples that stay in memory once they are made, as many as a bounded room holds: later epochs need not decode them again."""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words.dataset import Lazy

Array = NDArray[Any]
ROOM = 1 << 29  # bytes


class Remembered(Lazy):
    """An array whose examples are made when they are first asked for. Those whose numbers come first stay, as many as there is
    `room` for: how many does not depend on what is asked for. They hold what they held then, whatever becomes of a file."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, room: int = ROOM):
        self.shape, self.dtype = shape, np.dtype(dtype)
        most = min(shape[0], room // max(1, prod(shape[1:]) * self.dtype.itemsize))
        self.kept, self.known = np.empty((most, *shape[1:]), self.dtype), np.zeros(most, bool)  # what nobody writes takes nothing

    @abstractmethod
    def make(self, number: int) -> Array:
        """One example, of `shape[1:]`. Raises DataError: where it lies, why it cannot be read, what mends it."""

    def example(self, number: int) -> Array:
        if number >= len(self.known):
            return self.make(number)
        if not self.known[number]:  # another thread may be at it too: both write the same
            self.kept[number] = self.make(number)
            self.known[number] = True
        return np.array(self.kept[number])
