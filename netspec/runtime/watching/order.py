"""The order in which a training sees its examples: whether classes are mixed in each batch, and whether the order changes."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Order:
    """What the batches of an epoch hold. `batch` is called for each, `end` after the last.

    The distance of a batch's shares of classes from those of the whole epoch is half the sum of their differences (total
    variation). Of n examples drawn blindly out of N, whose shares are p, it is about
    sum(sqrt(p (1 - p) / (2 pi n))) * sqrt((N - n) / (N - 1)).
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.batches: list[Array] = []
        self.crc = 0

    def batch(self, numbers: Array, labels: Array | None) -> None:
        """`numbers` say which examples they are; `labels` are their classes, where they have one each."""
        self.crc = crc32(np.ascontiguousarray(numbers if labels is None else labels).tobytes(), self.crc)
        if labels is not None:
            self.batches.append(np.bincount(labels))

    def end(self) -> dict[str, Any]:
        """What is said of the epoch; another one may begin."""
        out: dict[str, Any] = {"order": self.crc}
        if self.batches:
            wide = max(map(len, self.batches))
            counts = np.stack([np.pad(b, (0, wide - len(b))) for b in self.batches]).astype(np.float64)
            whole = counts.sum(0)
            shares, n, every = whole / whole.sum(), counts.sum(1), whole.sum()
            distance = 0.5 * np.abs(counts / n[:, None] - shares).sum(1)
            drawn = [sqrt(max(0.0, every - k) / max(1.0, every - 1)) * float(np.sqrt(shares * (1 - shares) / (2 * pi * k)).sum())
                     for k in n]
            out |= {"classes": whole.astype(int).tolist(), "apart": float(distance.mean()), "apart_drawn": float(np.mean(drawn))}
        self.begin()
        return out
