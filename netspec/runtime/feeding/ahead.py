"""Things made ahead of their use by other threads, and handed over in their order."""

from __future__ import annotations

import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

from ...backends.turns import Gate
from ...waiting import Watch, watched

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


def ahead_of(gate: Gate, things: Generator[T]) -> Generator[T]:
    """What a generator gives, in its order; another thread makes the next thing while one is used, so that two exist at most.

    The whole generator runs in that thread, its end and its `close` too. What it raises is raised where its result was due, with
    the traceback it has. Closed early, or interrupted, one waits for the thing under way; a second interrupt does not wait. The
    thread may ask the network of this gate, and not change it: who changes it waits for what this thread makes.
    """
    wanted, made = SimpleQueue[bool](), SimpleQueue[tuple[Any, BaseException | None]]()

    def work() -> None:
        gate.feed()
        with watched(Watch()):  # who watches training does so in its own thread
            while wanted.get():
                made.put(_outcome(lambda: next(things, made)))
            made.put(_outcome(things.close))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="netspec-feed", daemon=True)
    thread.start()
    try:
        wanted.put(True)
        while (thing := _given(*made.get())) is not made:
            wanted.put(True)
            yield thing
    finally:
        wanted.put(False)
        thread.join()
        while not made.empty():
            last = made.get()
        _given(*last)


def _outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What a call gives, or what it raises."""
    try:
        return call(), None
    except BaseException as e:
        return None, e


def _given(thing: Any, error: BaseException | None) -> Any:
    if error is None:
        return thing
    try:
        raise error
    finally:
        del error  # which holds this frame
