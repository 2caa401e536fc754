"""Examples to look at, and a network to try things on."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words.dataset import Arrays, Pair
from ..initialisers import generator
from ..network import Network

Array = NDArray[Any]


def examples(pair: Pair) -> int:
    x = pair[0]
    return len(next(iter(x.values())) if isinstance(x, Mapping) else x)


def rows(part: Arrays, where: Array) -> Any:
    """The examples of these numbers, in memory."""
    if part is None:
        return None
    return {k: rows(v, where) for k, v in part.items()} if isinstance(part, Mapping) else np.asarray(part[where])


def drawn(pair: Pair, n: int, seed: int) -> tuple[Any, Any]:
    """At most `n` examples, drawn by the seed."""
    chosen = np.sort(generator(seed, "doctor").permutation(examples(pair))[:n])
    return rows(pair[0], chosen), rows(pair[1], chosen)


def plain_copy(net: Network) -> Network:
    """The same network, to be trained by its optimiser alone: nothing is augmented, averaged, scheduled or penalised."""
    copy = deepcopy(net)
    return copy.configure(augment="none", average=0, accumulate=1, shards=1, schedule="none", regularise="none")
