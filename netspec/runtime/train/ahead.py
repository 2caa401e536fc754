"""Things made ahead of their use by other threads, and handed over in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
MOST_THREADS = 8


def threads() -> int:
    """How many make things ahead: as many as cores that this process may use, up to MOST_THREADS."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def ahead(make: Callable[[int], T], numbers: Iterable[int], workers: int | None = None) -> Generator[T]:
    """`make(k)` for each number in order. Each worker is one ahead of what is asked for, and one more waits: so many things
    exist at most.

    What a `make` raises is raised where its result was due. Closed early, or interrupted, it makes no more, and waits for the
    threads to finish what they are at: none outlives it.
    """
    workers = threads() if workers is None else workers
    pool = ThreadPoolExecutor(workers, thread_name_prefix="netspec-feed")
    waiting: deque[Future[T]] = deque()
    try:
        for k in numbers:
            waiting.append(pool.submit(make, k))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        try:
            pool.shutdown(cancel_futures=True)
        except BaseException:  # a second interrupt
            pool.shutdown(cancel_futures=True)
            raise
