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

    With `labels`, one class number an example, each class gives its own share, rounded, and one example at least, unless none
    were left to train. Those that test do not depend on how many validate.

    Errors: so few examples that a part would be empty; `what` is what messages call the data.
    """
    groups: list[tuple[int, Array]] = [(0, np.arange(examples))] if labels is None else _by_class(labels)
    chosen: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for k, group in groups:
        drawn = group[np.random.default_rng([seed, k % 2**32]).permutation(len(group))]
        tests, validates = (max(1, int(len(group) * share + 0.5)) if share else 0 for share in (test, validation))
        tests = min(tests, len(group) - 1)  # one at least trains
        validates = min(validates, len(group) - 1 - tests)
        for part, numbers in zip(chosen, (drawn[tests + validates :], drawn[tests : tests + validates], drawn[:tests])):
            part.append(numbers)
    train, validating, testing = (np.sort(np.concatenate(part)) for part in chosen)
    for name, share, found in (("validate", validation, validating), ("test", test, testing)):
        if share and not len(found):
            raise DataError(f"{what} has too few examples to {name} with some of them",
                            f"{examples} in all{'' if labels is None else f', of {len(groups)} classes'}")
    return train, validating, testing


def _by_class(labels: Array) -> list[tuple[int, Array]]:
    """Every class number there is, with the numbers of its examples."""
    classes, counts = np.unique(labels, return_counts=True)
    return list(zip(map(int, classes), np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])))
