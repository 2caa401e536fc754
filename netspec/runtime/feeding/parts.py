"""The parts of an epoch's steps: who shares the steps with others reads those that are its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import islice
from typing import Any

from ..distributed.dealing import share
from .ahead import ahead
from .feed import Examples, Feed
from .stream import Stream


class Parts:
    """An epoch, from batch `first` of its feed on, in steps of `every` batches, which are the parts of a step. To be closed.

    Of arrays, and of data that are read as they are needed, a worker reads its own parts, ahead where that is slow. Batches that
    somebody else makes come one after the other, so every worker has all of them.
    """

    def __init__(self, feed: Feed | Stream, number: int, first: int, every: int):
        self.feed, self.number, self.every, self.first = feed, number, every, first
        self.order = feed.order(number) if isinstance(feed, Feed) else None
        self.coming: Generator[Examples] | None = feed.epoch(number, first) if isinstance(feed, Stream) else None
        self.mine: Iterator[int] = iter(())  # the batches that are read ahead, in their order
        self.asked: tuple[int, int] | None = None  # for which of how many workers
        self.held: list[Examples] = []  # those of this step that have been read
        self.free: list[Any] = []  # memory of what the parts of a step came to, for those of the next

    def begin(self, first: int) -> int:
        """A step begins with batch `first`; how many parts it has, none where the epoch is over."""
        self.first, self.held = first, []
        if isinstance(self.feed, Feed):
            return max(0, min(self.every, self.feed.batches - first))
        assert self.coming is not None
        self.held = list(islice(self.coming, self.every))
        return len(self.held)

    def before(self, part: int) -> int:
        """How many examples of the step come before a part."""
        return part * self.feed.size if isinstance(self.feed, Feed) else sum(map(len, self.held[:part]))

    def read(self, parts: range, rank: int, size: int) -> Generator[tuple[int, Examples]]:
        """Some parts of the step, with their numbers: those of worker `rank` of `size`."""
        for k in parts:
            yield k, self.part(k, rank, size)

    def part(self, k: int, rank: int, size: int) -> Examples:
        if not isinstance(self.feed, Feed):
            return self.held[k]
        if not self.feed.slow:
            return self.feed.batch(self.number, self.first + k, self.order)
        if self.asked != (rank, size):
            self.close()
            self.asked = rank, size
            numbers = list(self.own(self.feed, rank, size))
            self.mine, self.coming = iter(numbers), ahead(self.made(self.feed), numbers)
        assert self.coming is not None
        return next(self.coming) if next(self.mine, -1) == self.first + k else self.made(self.feed)(self.first + k)

    def own(self, feed: Feed, rank: int, size: int) -> Iterator[int]:
        """The batches of a worker, from this step on."""
        for first in range(self.first, feed.batches, self.every):
            for k in share(min(self.every, feed.batches - first), rank, size):
                yield first + k

    def made(self, feed: Feed) -> Callable[[int], Examples]:
        return lambda k: feed.batch(self.number, k, self.order)

    def close(self) -> None:
        """No thread is left that reads."""
        if self.coming is not None:
            self.coming.close()
        self.coming = None


def outline(batch: Examples) -> dict[str, Any]:
    """Which examples a batch holds, and their classes, where each has one: what is said of it to other workers."""
    return {"numbers": batch.numbers, "targets": {k: t for k, t in batch.targets.items() if t.dtype.kind in "iu"
                                                  and t.size == len(batch)}}
