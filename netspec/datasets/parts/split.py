"""Which examples sit training out, to validate or to test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...words.dataset import Data, DataError, Lazy, Request

Array = NDArray[Any]
EXACT = 1e-9  # what a product may lack of the number that it would be: 0.29 * 100
KEPT = 1 << 28  # bytes of an array of which a share is copied; of a larger one the examples are taken as they are wanted


class Chosen(Lazy):
    """Some examples of an array that stays where it is, by their numbers."""

    def __init__(self, held: Any, numbers: Array):
        self.held, self.numbers = held, numbers
        self.shape, self.dtype = (len(numbers), *held.shape[1:]), held.dtype

    def __getitem__(self, where: Any) -> Array:
        return np.asarray(self.held[self.numbers[where]])

    def called(self, number: int) -> str:
        k = int(self.numbers[number])
        return str(self.held.called(k)) if isinstance(self.held, Lazy) else f"example {k}"

    def example(self, number: int) -> Array:
        return np.asarray(self.held[self.numbers[number]])


def shared(data: Data, validation: float, test: float, request: Request) -> Data:
    """Data whose training examples give a share of theirs to validate and to test. Errors: see `split`."""
    if not validation and not test:
        return data
    x, y = data.train
    first = next(iter(x.values())) if isinstance(x, Mapping) else x
    numbers = split(None if request.wants == "numbers" else _labels(y), len(first), validation, test, request.seed, data.name)
    train, validates, tests = ((_taken(x, n), _taken(y, n)) if len(n) else None for n in numbers)
    return replace(data, train=train or data.train, validation=validates or data.validation, test=tests or data.test)


def _taken(a: Any, numbers: Array) -> Any:
    if isinstance(a, Mapping):
        return {k: _taken(v, numbers) for k, v in a.items()}
    if a is None:
        return None
    return Chosen(a, numbers) if isinstance(a, Lazy) or a.nbytes > KEPT else np.asarray(a[numbers])


def _labels(y: Any) -> Array | None:
    """The class of each example, where targets are such: whole numbers, of which each stands for several examples."""
    if isinstance(y, Mapping) and len(y) == 1:
        y = next(iter(y.values()))
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iu" or y.size != len(y):
        return None
    y = y.reshape(-1)
    return y if 2 * len(np.unique(y)) <= len(y) else None


def split(labels: Array | None, examples: int, validation: float, test: float, seed: int,
          what: str) -> tuple[Array, Array, Array]:
    """The numbers of the examples that train, validate and test, each in order: fractions of all, drawn by the seed.

    With `labels`, one class number an example, each class gives its own share, and one example at least, unless none were left
    to train; see `shares_of`. Those that test do not depend on how many validate.

    Errors: so few examples that a part would be empty; `what` is what messages call the data.
    """
    groups: list[tuple[int, Array]] = [(0, np.arange(examples))] if labels is None else _by_class(labels)
    sizes = np.array([len(group) for _, group in groups])
    tested = shares_of(sizes, test, sizes - 1)  # one at least trains
    validated = shares_of(sizes, validation, sizes - 1 - tested)
    chosen: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for (k, group), tests, validates in zip(groups, tested, validated):
        drawn = group[np.random.default_rng([seed % 2**64, k % 2**32]).permutation(len(group))]
        for part, numbers in zip(chosen, (drawn[tests + validates :], drawn[tests : tests + validates], drawn[:tests])):
            part.append(numbers)
    train, validating, testing = (np.sort(np.concatenate(part)) for part in chosen)
    for name, share, found in (("validate", validation, validating), ("test", test, testing)):
        if share and not len(found):
            raise DataError(f"{what} has too few examples to {name} with some of them",
                            f"{examples} in all{'' if labels is None else f', of {len(groups)} classes'}")
    return train, validating, testing


def shares_of(sizes: Array, share: float, most: Array) -> Array:
    """How many examples groups of these sizes give, so that together they give a share of all, rounded: each the whole part of
    its own share, and one more those with the largest remainders (Hamilton's method). Each gives one at least, which may make
    more of them, and no more than `most`."""
    if not share:
        return np.zeros_like(sizes)
    own = sizes * share
    given = np.minimum(np.maximum(1, np.floor(own + EXACT)), most).astype(sizes.dtype)
    lacking = int(sizes.sum() * share + 0.5 + EXACT) - int(given.sum())
    while lacking > 0 and (room := given < most).any():
        order = np.argsort(np.where(room, given - own, np.inf), kind="stable")[: min(lacking, int(room.sum()))]
        given[order] += 1
        lacking -= len(order)
    return given


def _by_class(labels: Array) -> list[tuple[int, Array]]:
    """Every class number there is, with the numbers of its examples."""
    classes, counts = np.unique(labels, return_counts=True)
    return list(zip(map(int, classes), np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])))
