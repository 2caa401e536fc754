"""What training reads: the batches of an epoch in their order, from any place in it on.

What a batch holds depends on the seed, the epoch and its number, on nothing else: not on threads, and not on where training was
resumed. Arrays in memory are cut as they are asked for, in the thread that trains. Where examples are made as they are read
(`Lazy` arrays), or batches are augmented, other threads do it ahead, see ahead.py: a few batches, whatever the size of the data.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...augmentations import Augmentation
from ...diagnostics import at_line
from ...source import Span
from ...words.dataset import Lazy
from ..initialisers import generator
from ..io import arrays
from . import augmenting
from .ahead import ahead

Array = NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """One batch, converted: ready to learn from."""

    inputs: dict[str, Array]
    targets: dict[str, Array]
    numbers: Array  # of the examples in the data
    weights: Array | None = None  # what each counts, where not all count alike; float64
    called: tuple[str, ...] = ()  # what messages call them, where they are files or the like

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Feed:
    """The batches of arrays that are checked: `size` examples each, and fewer in the last one.

    shuffle  a new order every epoch, the same for the same seed and epoch
    scaled   whether bytes are pictures, see io/arrays.py
    """

    inputs: Mapping[str, Any]
    targets: Mapping[str, Any]
    size: int
    dtype: np.dtype[Any]
    seed: int = 0
    shuffle: bool = True
    whole: int = 0  # batches that an epoch has in full or leaves out; 0 leaves nothing out
    scaled: bool = False
    augmentation: tuple[Augmentation, ...] = ()
    labels: Mapping[str, augmenting.Labels] = field(default_factory=dict)  # the targets that hold class numbers
    weights: Array | None = None  # of the examples

    @property
    def examples(self) -> int:
        """Examples of the data."""
        return arrays.count(self.inputs)

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        size, whole = self.size, self.whole
        return self.examples // (size * whole) * whole if whole else -(-self.examples // size)

    @property
    def kind(self) -> tuple[int, ...]:
        """What an epoch goes over, and in which batches: from a place in it one can go on where this is the same."""
        return self.examples, self.size, self.shuffle, bool(self.whole), self.seed

    @property
    def iterator(self) -> int:
        """As `Stream.iterator`: it is none."""
        return 0

    @property
    def line(self) -> Span | None:
        """The line of a spec that names what is read as it is needed."""
        words = (a.word for a in (*self.inputs.values(), *self.targets.values()) if isinstance(a, Lazy) and a.word is not None)
        return next((w.said_at for w in words), None)

    @property
    def slow(self) -> bool:
        """Whether batches are worth making ahead."""
        return bool(self.augmentation) or any(isinstance(a, Lazy) for a in (*self.inputs.values(), *self.targets.values()))

    def epoch(self, number: int, first: int = 0) -> Generator[Examples]:
        """The batches of an epoch from batch `first` on. To be closed: then no thread is left.

        Errors: those of data that are looked at as they are read.
        """
        order, rest = self.order(number), range(first, self.batches)
        if self.slow:
            yield from ahead(lambda k: self.batch(number, k, order), rest)
        else:
            for k in rest:
                yield self.batch(number, k, order)

    def order(self, number: int) -> Array | None:
        """The order of an epoch's examples; None is the one they come in."""
        return generator(self.seed, f"epoch {number}").permutation(self.examples) if self.shuffle else None

    def batch(self, number: int, k: int, order: Array | None) -> Examples:
        """Batch k of an epoch."""
        first, end = k * self.size, min(self.examples, (k + 1) * self.size)
        where: Any = slice(first, end) if order is None else order[first:end]
        numbers = np.arange(first, end) if order is None else order[first:end]
        with at_line(self.line):
            read = Examples(arrays.cut(self.inputs, where, self.dtype, self.scaled),
                            arrays.cut_targets(self.targets, where, self.dtype),
                            numbers, None if self.weights is None else self.weights[where], self._called(numbers))
        return augmented(read, self.augmentation, self.labels, self.seed, number, k)

    def _called(self, numbers: Array) -> tuple[str, ...]:
        """What messages call the examples, where they have other names than their numbers."""
        named = (a for a in self.inputs.values() if isinstance(a, Lazy) and type(a).called is not Lazy.called)
        held = next(named, None)
        return () if held is None else tuple(held.called(int(n)) for n in numbers)

    def look(self, number: int) -> dict[str, Array]:
        """The inputs of an epoch's first batch, before they are augmented."""
        order = self.order(number)
        with at_line(self.line):
            return arrays.cut(self.inputs, slice(0, self.size) if order is None else order[: self.size], self.dtype, self.scaled)


def augmented(batch: Examples, augmentation: tuple[Augmentation, ...], labels: Mapping[str, augmenting.Labels], seed: int,
              number: int, k: int) -> Examples:
    """Batch k of an epoch as training sees it."""
    if not augmentation:
        return batch
    inputs, targets, weights = augmenting.augmented(batch.inputs, batch.targets, augmentation, labels, seed, number, k,
                                                    batch.weights)
    return replace(batch, inputs=inputs, targets=targets, weights=weights)
