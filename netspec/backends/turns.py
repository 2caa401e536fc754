"""Whose turn it is: what lets any number of threads use one network.

    with gate.shared(): ...        # many threads at once, none of which changes anything
    with gate.exclusive(): ...     # one thread, and nobody else
    with gate.training(): ...      # one thread that will be exclusive again and again; between its turns others may read

A thread that is inside may go in again. Who waits to be exclusive lets nobody past; when it is done, all who came meanwhile
go in before the next one does, so that neither a stream of readers nor a run of training keeps the others out. An interrupt
leaves a lock as if its owner had left: leaving twice is leaving once, and where an interrupt comes in between one leaves again.
(That is written out wherever one leaves. A function for it could be interrupted before its first line, and nobody would leave.)
After a fork the child has none of its parent's other threads: what these held is free there.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import get_ident
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
W = TypeVar("W")

_all: WeakSet[Any] = WeakSet()  # what a child must renew


def _after_fork() -> None:
    for one in list(_all):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Turn:
    """One thread at a time: `with turn.lock:`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _all.add(self)

    def renew(self) -> None:
        if not _mine(self.lock):
            self.lock = threading.RLock()


def _mine(lock: Any) -> bool:
    return bool(lock._is_owned())


class _Visit:
    """One call that reads or writes, on its way in or inside. Who must wait acquires the door, and whoever lets it in
    releases it. (A `threading.Condition` takes its lock again after waiting, and is left in pieces by an interrupt that
    comes then.)"""

    __slots__ = ("door", "inside", "thread")

    def __init__(self) -> None:
        self.thread, self.inside = get_ident(), False
        self.door: Any = None

    def close(self) -> None:
        self.door = threading.Lock()
        self.door.acquire()

    def let_in(self) -> None:
        if not self.inside:
            self.inside = True
            if self.door is not None:
                self.door.release()


class Gate:
    """Readers or one writer. `refusal` makes the error for a thread that reads and, in the midst of it, wants to write: two of
    them would wait for each other."""

    def __init__(self, refusal: Callable[[str], Exception] = RuntimeError) -> None:
        self.refusal = refusal
        self._writers = Turn()  # of those that write, and of training
        self._feeds = threading.local()  # `.yes` in a thread that training waits for
        self._lock = threading.Lock()
        self._readers: list[_Visit] = []
        self._writer: _Visit | None = None
        _all.add(self)

    def renew(self) -> None:
        me, self._lock = get_ident(), threading.Lock()
        self._readers = [v for v in self._readers if v.thread == me and v.inside]
        self._writer = self._writer if self.owned else None

    @property
    def owned(self) -> bool:
        """Whether this thread is exclusive."""
        writer = self._writer
        return writer is not None and writer.inside and writer.thread == get_ident()

    def beside(self, call: Callable[P, V], /, *args: P.args, **named: P.kwargs) -> V:
        """Call something that changes nothing, while nothing changes."""
        if self.owned:
            return call(*args, **named)
        visit = _Visit()
        try:
            self._enter(visit)
            return call(*args, **named)
        finally:
            try:
                self._leave(visit)
            except BaseException:
                self._leave(visit)
                raise

    def alone(self, call: Callable[P, V], /, *args: P.args, **named: P.kwargs) -> V:
        """Call something that may change everything, while nobody else is inside."""
        if self.owned:
            return call(*args, **named)
        self._check_reads()
        with self._writers.lock:
            try:
                self._close()
                return call(*args, **named)
            finally:
                try:
                    self._open()
                except BaseException:
                    self._open()
                    raise

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Nothing changes inside."""
        if self.owned:
            yield
            return
        visit = _Visit()
        try:
            self._enter(visit)
            yield
        finally:
            try:
                self._leave(visit)
            except BaseException:
                self._leave(visit)
                raise

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else is inside."""
        if self.owned:
            yield
            return
        with self.training():
            try:
                self._close()
                yield
            finally:
                try:
                    self._open()
                except BaseException:
                    self._open()
                    raise

    @contextmanager
    def training(self) -> Iterator[None]:
        """No other thread changes anything, here or between the times when this one is exclusive."""
        self._check_reads()
        with self._writers.lock:
            yield

    def feed(self) -> None:
        """This thread makes what training waits for, so it would wait for ever where it wanted to write."""
        self._feeds.yes = True

    def _check_reads(self) -> None:
        if getattr(self._feeds, "yes", False):
            raise self.refusal("a network cannot be changed by what makes its batches ahead, but for prefetch=False")
        if self._reads(get_ident()):
            raise self.refusal("a network cannot be changed from within its own prediction")

    def _reads(self, thread: int) -> bool:
        return any(v.inside and v.thread == thread for v in tuple(self._readers))

    def _enter(self, visit: _Visit) -> None:
        with self._lock:
            visit.inside = self._writer is None or self._reads(visit.thread)
            if not visit.inside:
                visit.close()
            self._readers.append(visit)
        if visit.door is not None:
            visit.door.acquire()

    def _leave(self, visit: _Visit) -> None:
        with self._lock:
            if visit in self._readers:
                self._readers.remove(visit)
            self._let_writer_in()

    def _close(self) -> None:
        """Let no more readers in, and wait until those inside have left."""
        visit = _Visit()
        with self._lock:
            if any(v.inside for v in self._readers):
                visit.close()
            self._writer = visit
            self._let_writer_in()
        if visit.door is not None:
            visit.door.acquire()

    def _let_writer_in(self) -> None:
        if self._writer is not None and not any(v.inside for v in self._readers):
            self._writer.let_in()

    def _open(self) -> None:
        """Let everybody in who came in the meantime."""
        with self._lock:
            self._writer = None
            for v in self._readers:
                v.let_in()


class Gated(Protocol):
    """What has a gate."""

    @property
    def gate(self) -> Gate: ...


G = TypeVar("G", bound=Gated)


def changes(function: Callable[Concatenate[G, P], V]) -> Callable[Concatenate[G, P], V]:
    """A function of what it changes, gradients included: no other thread is in one meanwhile."""
    @wraps(function)
    def alone(gated: G, /, *args: P.args, **named: P.kwargs) -> V:
        return gated.gate.alone(function, gated, *args, **named)

    return alone


def reads(function: Callable[Concatenate[G, P], V]) -> Callable[Concatenate[G, P], V]:
    """A function of what it only reads: any number of threads may be in one, and nothing changes meanwhile."""
    @wraps(function)
    def beside(gated: G, /, *args: P.args, **named: P.kwargs) -> V:
        return gated.gate.beside(function, gated, *args, **named)

    return beside


class Lanes(Generic[V]):
    """A few equal things, each used by one thread at a time: `lanes.lend(call, more)` is `call(lane, more)`. The first that is
    free is taken, a new one made where none is, and `most` there are; who finds them all taken waits for the next that is given
    back."""

    def __init__(self, make: Callable[[int], V], most: int) -> None:
        self.make, self.most = make, most
        self.made: dict[int, V] = {}
        self._taken: dict[int, _Visit] = {}
        self._waiting: list[_Visit] = []
        self._lock = threading.Lock()
        _all.add(self)

    def renew(self) -> None:
        self._taken = {k: visit for k, visit in self._taken.items() if visit.thread == get_ident()}
        self._waiting, self._lock = [], threading.Lock()

    @property
    def first(self) -> V:
        """The one that a single thread uses."""
        return self._number(0)

    def lend(self, call: Callable[Concatenate[V, P], W], /, *args: P.args, **named: P.kwargs) -> W:
        """Call something with one of them."""
        visit = _Visit()
        try:
            return call(self._number(self._take(visit)), *args, **named)
        finally:
            try:
                self._give(visit)
            except BaseException:
                self._give(visit)
                raise

    def _number(self, k: int) -> V:
        if k not in self.made:
            with self._lock:
                self.made.setdefault(k, self.make(k))
        return self.made[k]

    def _take(self, visit: _Visit) -> int:
        with self._lock:
            for k in range(self.most):
                if k not in self._taken:
                    self._taken[k] = visit
                    return k
            visit.close()
            self._waiting.append(visit)
        visit.door.acquire()
        return next(k for k, holder in tuple(self._taken.items()) if holder is visit)

    def _give(self, visit: _Visit) -> None:
        with self._lock:
            if visit in self._waiting:
                self._waiting.remove(visit)
            for k in [k for k, holder in self._taken.items() if holder is visit]:
                del self._taken[k]
                if self._waiting:
                    self._taken[k] = self._waiting.pop(0)
                    self._taken[k].let_in()


class Recent(Generic[K, V]):
    """A mapping that keeps the `most` things used last."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[K, V] = OrderedDict()
        self._latest: V | None = None  # stands last already: a key of many parts is hashed once

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[K]:
        return iter(tuple(self._held))

    def get(self, key: K) -> V | None:
        found = self._held.get(key)
        if found is not None and found is not self._latest:
            self._held.move_to_end(key)
            self._latest = found
        return found

    def put(self, key: K, value: V) -> V:
        self._held[key] = value
        self._held.move_to_end(key)
        self._latest = value
        while len(self._held) > self.most:
            self._held.popitem(last=False)
        return value

    def values(self) -> tuple[V, ...]:
        return tuple(self._held.values())
