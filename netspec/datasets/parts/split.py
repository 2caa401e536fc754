"""Which examples sit training out, to validate or to test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words.dataset import DataError

Array = NDArray[Any]


def split(labels: Array | None, examples: int, validation: float, test: float, seed: int,
          what: str) -> tuple[Array, Array, Array]:
    """The numbers of the examples that train, validate and test, each in order: fractions of all, drawn by the seed.

    With `labels`, one class number an example, each class gives its own share, rounded, and one at least of each part, so
    that none is missing anywhere. Those that test do not depend on how many validate.

    Errors: a class with too few examples to be in every part; `what` is what messages call the data.
    """
    groups = [(0, np.arange(examples))] if labels is None else _by_class(labels)
    chosen: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for k, group in groups:
        drawn = group[np.random.default_rng([seed, k % 2**32]).permutation(len(group))]
        tests, validates = (max(1, int(len(group) * share + 0.5)) if share else 0 for share in (test, validation))
        if tests + validates >= len(group):
            raise DataError(f"{what}: nothing is left to train" + ("" if labels is None else f" of class {k}"),
                            f"{len(group)} example{'s' if len(group) > 1 else ''}, of which {validates} would validate and {tests} test")
        for part, numbers in zip(chosen, (drawn[tests + validates :], drawn[tests : tests + validates], drawn[:tests])):
            part.append(numbers)
    train, validating, testing = (np.sort(np.concatenate(part)) for part in chosen)
    return train, validating, testing


def _by_class(labels: Array) -> list[tuple[int, Array]]:
    """Every class number there is, with the numbers of its examples."""
    classes, counts = np.unique(labels, return_counts=True)
    return list(zip(map(int, classes), np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])))
