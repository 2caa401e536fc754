"""The threads that walk a table of kernels, and the walk.

A table is rows of 128 int64 words; `table.py` builds it. All threads walk the same rows. A KERNEL row's items are cut
into as many shares as there are threads (16 at most), and a thread takes items of its own share first, of the others'
when that is empty. So a thread meets the same images in every row and finds them in its cache: number items with the
image slowest. At a BARRIER each waits until every item of every earlier row is *finished*, not until every thread has
arrived. So a thread that is late, parked, or waiting for a core holds nobody up: the others take its
share, and it finds the rows behind it empty. That makes any number of threads legal on any number of cores, and since
what an item computes does not depend on who runs it, the bits are the same.

The caller is thread 0. Workers are Python threads inside one compiled loop with the interpreter's lock released: they
watch a ticket, first spinning, then yielding, then sleeping for longer and longer, and after about a second they
return to Python and park on a semaphore. A hot start costs three microseconds, an idle pool nothing.

The ticket is odd while a run is open. A worker counts itself in (`active`), looks again that the run is still open,
walks, and counts itself out; the caller closes the run and waits for the count to be 0 before anything may be freed.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..llvm.cache import compiled
from ..llvm.lanes import at, call, put_i64
from ..llvm.machine_code import inlined
from ..row import COUNTER, DRIVER, ITEMS, OPCODE, ROW, SCRATCH, SCRATCH_BYTES
from .atomics import atomic_add, atomic_change, atomic_load, atomic_store, atomic_swap, pause
from .memory import LINE, aligned

END, KERNEL, BARRIER = range(3)

# The control block: bytes from its start. What different threads write lies on different cache lines.
_TICKET, _ACTIVE, _RUN, _FINISHED, _PASSED, _SYSTEM, _ALLOWED, _WORKERS = 0, 128, 256, 384, 512, 640, 768, 1024
_WORKER = 256  # of a worker: word 0 is 1 while it is parked, word 1 asks Python to wake it, word 2 is its core; a mask
_MASK = 128  # bytes of a set of cores
MOST = 256
_BITS = 24  # of a counter that count items; the rest is the ticket
_TAKEN = (1 << _BITS) - 1
MOST_ITEMS = _TAKEN
SHARES = 16  # counters of a row

SPINS, YIELDS, NAPS, LONG_NAPS = 2000, 10000, 1000, 1000  # about 0.1 ms, then 4 ms, 0.1 s, and a second
_PATIENCE = 1000  # looks at a barrier before giving the core away


@inlined
def _wait_step(control: int, looked: int) -> None:
    """One look at something that another thread will do."""
    if looked < _PATIENCE:
        pause()
    else:
        call(at(control + _SYSTEM, 0))


@inlined
def _take(counter: int, ticket: int, items: int) -> int:
    """The next of a share's items, or -1. A counter holds the ticket of the run it was last used in, and is 0 for any
    other, so that no run begins by clearing counters."""
    seen = atomic_load(counter)
    while True:
        taken = seen & _TAKEN if seen >> _BITS == ticket else 0
        if taken >= items:
            return -1
        found = atomic_change(counter, seen, ticket << _BITS | (taken + 1))
        if found == seen:
            return taken
        seen = found


@compiled("int64(int64, int64, int64)", loops=False)
def walk(control: int, tid: int, ticket: int) -> int:
    """Take part in the open run."""
    table, rows, shares = at(control + _RUN, 0), at(control + _RUN, 1), at(control + _RUN, 3)
    passed = atomic_load(control + _PASSED)  # the last barrier that thread 0 saw, and the items before it
    i, expected, mine = passed & 0xFFFFF, passed >> 20, 0
    while True:
        row = table + i * (8 * ROW)
        what = at(row, OPCODE) if i < rows else END
        i += 1
        if what == KERNEL:
            counter, items, driver = at(row, COUNTER), at(row, ITEMS), at(row, DRIVER)
            scratch = at(row, SCRATCH) + tid * at(row, SCRATCH_BYTES)
            expected += items
            for k in range(shares):
                if k == 1 and atomic_load(control + _FINISHED) + mine == expected:
                    break  # the last to finish need not look for others' items
                share = (tid + k) % shares
                start = items * share // shares
                size = items * (share + 1) // shares - start
                item = _take(counter + share * LINE, ticket, size) if size else -1
                while item >= 0:
                    call(driver, row, start + item, scratch)
                    mine += 1
                    item = _take(counter + share * LINE, ticket, size)
        else:
            finished = atomic_add(control + _FINISHED, mine) + mine if mine else atomic_load(control + _FINISHED)
            mine = looked = 0
            while finished < expected:
                _wait_step(control, looked)
                looked += 1
                finished = atomic_load(control + _FINISHED)
            if what == END:
                return 0
            if tid == 0:
                atomic_store(control + _PASSED, i | expected << 20)


@compiled("int64(int64, int64, int64, int64, int64)", loops=False)
def step(control: int, table: int, rows: int, threads: int, opened: int) -> int:
    """Run a table as thread 0. Returns the number of workers that Python must wake before it calls again with `opened`."""
    if not opened:
        put_i64(control + _RUN, table)
        put_i64(control + _RUN + 8, rows)
        put_i64(control + _RUN + 16, threads)
        put_i64(control + _RUN + 24, min(threads, SHARES))
        put_i64(control + _FINISHED, 0)
        put_i64(control + _PASSED, 0)
        if at(control + _SYSTEM, 5):
            put_i64(control + _WORKERS + 16, call(at(control + _SYSTEM, 5)) & 0xFFFFFFFF)
        atomic_add(control + _TICKET, 1)
        asleep = 0
        for tid in range(1, threads):
            worker = control + _WORKERS + tid * _WORKER
            if atomic_load(worker) and atomic_swap(worker, 0):
                put_i64(worker + 8, 1)
                asleep += 1
        if asleep:
            return asleep
    call(at(control + _SYSTEM, 4), control, 0, atomic_load(control + _TICKET))
    atomic_add(control + _TICKET, 1)
    looked = 0
    while atomic_load(control + _ACTIVE):
        _wait_step(control, looked)
        looked += 1
    return 0


@compiled("int64(int64, int64)", loops=False)
def step_alone(table: int, rows: int) -> int:
    """Run a table on the calling thread, without counters."""
    for i in range(rows):
        row = table + i * (8 * ROW)
        if at(row, OPCODE) == KERNEL:
            driver, scratch = at(row, DRIVER), at(row, SCRATCH)
            for item in range(at(row, ITEMS)):
                call(driver, row, item, scratch)
        elif at(row, OPCODE) == END:
            break
    return 0


@inlined
def _find_core(control: int, tid: int) -> None:
    """Leave a core that the caller or a lower worker runs on: the system often wakes a thread where its waker runs, and
    takes milliseconds to see that two share a core while another is idle."""
    get, mine = at(control + _SYSTEM, 5), control + _WORKERS + tid * _WORKER
    if get == 0:
        return
    core = call(get) & 0xFFFFFFFF
    put_i64(mine + 16, core)
    shared = 0
    for other in range(tid):
        if at(control + _WORKERS + other * _WORKER, 2) == core:
            shared = 1
    if shared == 0 or at(control + _RUN, 2) > at(control + _SYSTEM, 7):
        return
    for k in range(_MASK // 8):
        put_i64(mine + _MASK + 8 * k, at(control + _ALLOWED, k))
    for other in range(tid):
        core = at(control + _WORKERS + other * _WORKER, 2)
        if core < 8 * _MASK:
            word = mine + _MASK + core // 64 * 8
            put_i64(word, at(word, 0) & ~(1 << core % 64))
    call(at(control + _SYSTEM, 6), 0, _MASK, mine + _MASK)  # moves this thread at once; with an empty set it does nothing
    call(at(control + _SYSTEM, 6), 0, _MASK, control + _ALLOWED)
    put_i64(mine + 16, call(get) & 0xFFFFFFFF)


@compiled("int64(int64, int64, int64)", loops=False)
def serve(control: int, tid: int, seen: int) -> int:
    """A worker's life until it has been idle for long, or is told to stop (-1). Returns the last ticket it saw."""
    idle = 0
    worker = control + _WORKERS + tid * _WORKER
    while True:
        ticket = atomic_load(control + _TICKET)
        if ticket != seen:
            seen = ticket
            if ticket & 1:
                atomic_add(control + _ACTIVE, 1)
                if atomic_load(control + _TICKET) == ticket and tid < at(control + _RUN, 2):
                    _find_core(control, tid)
                    call(at(control + _SYSTEM, 4), control, tid, ticket)
                    idle = 0
                atomic_add(control + _ACTIVE, -1)
        elif atomic_load(control + _SYSTEM + 24):
            return -1
        elif idle < SPINS:
            idle += 1
            pause()
        elif idle < SPINS + YIELDS:
            idle += 1
            call(at(control + _SYSTEM, 0))
        elif idle < SPINS + YIELDS + NAPS + LONG_NAPS:
            idle += 1
            call(at(control + _SYSTEM, 1), at(control + _SYSTEM, 2) * (1 if idle < SPINS + YIELDS + NAPS else 20))
        else:
            atomic_swap(worker, 1)
            # A run may have opened just now: whoever takes the 1 back decides. If the caller did, a permit is coming.
            if atomic_load(control + _TICKET) != seen and atomic_swap(worker, 0):
                continue
            return seen


class Pool:
    """The workers of a process. One run at a time; others wait for it."""

    def __init__(self, ticket: int = 0) -> None:
        self.lock = threading.Lock()
        self.block = aligned(_WORKERS + (MOST + 1) * _WORKER)
        self.control = int(self.block.ctypes.data)
        self.words = self.block.view(np.int64)
        self.words[_SYSTEM // 8 : _SYSTEM // 8 + 3] = _system()
        self._know_cores()
        self.words[_SYSTEM // 8 + 4] = walk.address  # by address, so that its two callers do not compile it twice
        self.words[0] = ticket
        self.threads: list[threading.Thread] = []
        self.permits: list[threading.Lock] = []

    def _know_cores(self) -> None:
        """Where the system lets threads choose their core: the functions, and the cores allowed."""
        libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
        if libc is None or not hasattr(libc, "sched_getcpu"):
            return
        allowed = [c for c in os.sched_getaffinity(0) if c < 8 * _MASK]
        self.words[_SYSTEM // 8 + 5 : _SYSTEM // 8
                   + 8] = _address(libc.sched_getcpu), _address(libc.sched_setaffinity), len(allowed)
        for core in allowed:
            self.block[_ALLOWED + core // 8] |= 1 << core % 8

    def grow(self, workers: int) -> None:
        """Start workers until there are this many, numbered from 1."""
        while len(self.threads) < workers:
            permit, tid = threading.Lock(), len(self.threads) + 1
            permit.acquire()
            thread = threading.Thread(target=_work, args=(self.control, tid, permit, self.block), name=f"netspec-{tid}",
                                      daemon=True)
            self.permits.append(permit)
            self.threads.append(thread)  # before it starts: an interrupt must not leave one that the next is numbered like
            try:
                thread.start()
            except RuntimeError:  # the system grants no more, or the interpreter is ending: a run needs no worker
                self.threads.pop()
                self.permits.pop()
                return

    def run(self, table: int, rows: int, threads: int) -> None:
        with self.lock:
            if len(self.threads) < threads - 1:
                self.grow(threads - 1)
            try:
                if step(self.control, table, rows, threads, 0):
                    self._wake(threads)
            finally:  # whatever interrupts the waking, an open run must be walked and closed
                try:
                    self._close(table, rows, threads)
                except BaseException:
                    self._close(table, rows, threads)
                    raise

    def _close(self, table: int, rows: int, threads: int) -> None:
        if int(self.words[_TICKET]) & 1:
            step(self.control, table, rows, threads, 1)

    def _wake(self, threads: int) -> None:
        for tid in range(1, threads):
            asked = (_WORKERS + tid * _WORKER) // 8 + 1
            if self.words[asked]:
                self.words[asked] = 0
                if self.permits[tid - 1].locked():
                    self.permits[tid - 1].release()

    @property
    def parked(self) -> int:
        """Workers that wait in Python."""
        return int(sum(self.words[(_WORKERS + tid * _WORKER) // 8] for tid in range(1, len(self.threads) + 1)))

    def stop(self) -> None:
        """End the workers, between runs."""
        with self.lock:
            self.words[_SYSTEM // 8 + 3] = 1
            for permit in self.permits:
                if permit.locked():
                    permit.release()
            for thread in self.threads:
                if thread.is_alive():
                    thread.join(5)
            self.threads, self.permits = [], []
            self.words[_SYSTEM // 8 + 3] = 0


def _work(control: int, tid: int, permit: threading.Lock, block: Any) -> None:
    """What a worker thread runs; it holds the control block alive."""
    seen = 0
    while True:
        seen = serve(control, tid, seen)
        if seen < 0:
            return
        permit.acquire()


def _system() -> tuple[int, int, int]:
    """Addresses of the functions that give the core away and that sleep, and the unit of the latter in 50 us."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        return _address(kernel.SwitchToThread), _address(kernel.Sleep), 1
    libc = ctypes.CDLL(None)
    return _address(libc.sched_yield), _address(libc.usleep), 50


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


# ---- the process's pool --------------------------------------------------------------------------------------------------------
_pool: Pool | None = None
_first_ticket = 0
_threads: int | None = None
_making = threading.Lock()


def run(table: int, rows: int, threads: int | None = None) -> None:
    """Run the rows of a table at an address."""
    n = get_threads() if threads is None else max(1, min(int(threads), MOST))
    if n == 1:
        step_alone(table, rows)
    else:
        pool().run(table, rows, n)


def ready() -> None:
    """Ask for the addresses of what runs tables."""
    for f in (step, walk, serve) if get_threads() > 1 else (step_alone,):
        _ = f.address


def pool() -> Pool:
    global _pool
    if _pool is None:
        with _making:
            if _pool is None:
                _pool = Pool(_first_ticket)
    return _pool


def get_threads() -> int:
    """How many threads a run uses: what `set_threads` said, else NETSPEC_THREADS, else the cores this process may use."""
    global _threads
    if _threads is None:
        asked = os.environ.get("NETSPEC_THREADS", "")
        _threads = max(1, min(int(asked) if asked.strip().isdigit() else cores(), MOST))
    return _threads


def set_threads(n: int | None) -> None:
    """Use n threads from the next run on; None returns to the default."""
    global _threads
    if n is not None and n < 1:
        raise ValueError(f"{n} threads: at least 1 is needed")
    _threads = None if n is None else min(n, MOST)


def cores() -> int:
    """Physical cores that this process may use: its affinity, less the siblings of a core, within a container's quota."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    groups = {_read(f"/sys/devices/system/cpu/cpu{c}/topology/thread_siblings_list") or str(c) for c in allowed}
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    share = -(-int(quota) // int(period)) if quota.isdigit() and period.isdigit() and int(period) else len(groups)
    return max(1, min(len(groups), share))


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _after_fork() -> None:
    """A child has none of its parent's threads, and its parent's pool may have been in use. Tickets go on from the
    parent's, since they are in the counters of tables."""
    global _pool, _making, _first_ticket
    if _pool is not None:
        _first_ticket = (int(_pool.words[0]) | 1) + 1
    _pool, _making = None, threading.Lock()


def _at_exit() -> None:
    if _pool is not None:
        _pool.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
