"""What a person waits for: whoever does something long says how far it is, and whoever watches decides what is shown of it.

    for file in each("looking at picture", files):            "looking at picture 3 of 1,024"
        ...
    with wait("compiling kernel", 57) as at:                  at(1), at(2) and so on, when each begins
        ...

Nobody watches unless a command or a display of training does, and then only in the thread that does the work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Wait:
    """Something long: what is done, which of how many it is at, and how long the waits within it took."""

    what: str
    of: int | None
    began: float
    at: int = 0
    within: float = 0.0

    def __str__(self) -> str:
        return self.what + (f" {self.at:,}" if self.at else "") + (f" of {self.of:,}" if self.at and self.of else "")


class Watch:
    """Who watches: the waits that go on, the inner ones last, and the seconds that each sort took by itself."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.took: defaultdict[str, float] = defaultdict(float)

    def changed(self) -> None:
        """Called when a wait begins, or is at the next; shows it."""

    def ended(self) -> None:
        """Called when a wait is over."""


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


def watcher() -> Watch | None:
    """Who watches now."""
    return _watch.get()


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Whoever watched before sees nothing of what happens inside."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def wait(what: str, of: int | None = None) -> Iterator[Callable[[int], None]]:
    """While something long is done. What it gives is told the number of what begins, from 1."""
    watch = _watch.get()
    if watch is None:
        yield lambda number: None
        return
    one = Wait(what, of, perf_counter())

    def at(number: int) -> None:
        one.at = number
        watch.changed()

    watch.waits.append(one)
    if of is None:  # else it soon says where it is
        watch.changed()
    try:
        yield at
    finally:
        watch.waits.remove(one)
        seconds = perf_counter() - one.began
        watch.took[what] += seconds - one.within
        if watch.waits:
            watch.waits[-1].within += seconds
        watch.ended()


def each(what: str, items: Iterable[T], of: int | None = None) -> Iterator[T]:
    """The items, said one after the other."""
    with wait(what, len(items) if of is None and isinstance(items, Sized) else of) as at:
        for number, item in enumerate(items, 1):
            at(number)
            yield item
