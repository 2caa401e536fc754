"""Tables of kernels: built by a machine, then run.

An emitted module calls a machine once for each operation; the machine lays down a row for each kernel:

    m = Machine(N, {"arena": address, "parameters": address})
    m.row(scale_shift_relu, items=N, words={8: m.address("arena", 4096), ...}, note="relu1")
    m.barrier()                          # later rows read what earlier ones wrote
    table = m.table()
    table.run()                          # all rows, on all threads
    table.interpret()                    # row by row, item by item, from Python: the same bits

Rows between two barriers may overlap in time. No Python runs between rows.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..llvm.cache import Compiled
from ..row import COUNTER, DRIVER, FIRST_WORD, ITEMS, OPCODE, ROW, SAMPLES, SCRATCH, SCRATCH_BYTES
from .memory import LINE, aligned
from .workers import BARRIER, END, KERNEL, MOST_ITEMS, SHARES, get_threads, run

_DRIVER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@dataclass
class Table:
    """Rows ready to run. It holds alive all memory that its rows point to and `keep` names."""

    words: NDArray[np.int64]
    notes: list[str]
    scratch_bytes: int
    keep: list[Any]
    threads: int = 0  # how many the scratch memory serves

    def __len__(self) -> int:
        return len(self.words)

    def __post_init__(self) -> None:
        self.start = int(self.words.ctypes.data)

    def address(self, row: int = 0) -> int:
        return self.start + row * ROW * 8

    def run(self, threads: int | None = None, first: int = 0, last: int | None = None) -> None:
        """Run the rows from `first` until before `last`; when it returns, all their items are done."""
        n = threads or get_threads()
        self.provide(n)
        run(self.address(first), (len(self) if last is None else last) - first, n)

    def provide(self, threads: int) -> None:
        """Counters and scratch memory for so many threads."""
        if threads > self.threads:
            each = LINE * min(threads, SHARES)
            counters, scratch = aligned(len(self) * each), aligned(self.scratch_bytes * threads)
            self.keep += (counters, scratch)  # first, and what was there stays: an interrupt may come between any two lines
            self.words[:, COUNTER] = counters.ctypes.data + each * np.arange(len(self))
            self.words[:, SCRATCH] = scratch.ctypes.data
            self.threads = threads  # last

    def interpret(self, first: int = 0, last: int | None = None) -> None:
        """Call each driver from Python, item after item. Slow, and the meaning of `run`."""
        self.provide(1)
        for row in range(first, len(self) if last is None else last):
            words = self.words[row]
            if words[OPCODE] == END:
                break
            if words[OPCODE] == KERNEL:
                driver, scratch = _DRIVER(int(words[DRIVER])), int(words[SCRATCH])
                for item in range(int(words[ITEMS])):
                    driver(self.address(row), item, scratch)

    def profile(self, repeat: int = 5, threads: int | None = None, first: int = 0) -> list[tuple[str, int, float]]:
        """For each kernel its note, its items, and its best time in seconds, alone between two barriers. Rows run in
        order as in a step, from the `first` on, so whatever a step changes is changed `repeat` times."""
        rows = [r for r in range(first, len(self)) if self.words[r, OPCODE] == KERNEL]
        best = dict.fromkeys(rows, float("inf"))
        for _ in range(repeat):
            for r in rows:
                start = time.perf_counter()
                self.run(threads, r, r + 1)
                best[r] = min(best[r], time.perf_counter() - start)
        return [(self.notes[r], int(self.words[r, ITEMS]), best[r]) for r in rows]


class Machine:
    """Records rows. `spaces` are the memories that rows refer to, by name: an address, or an array, which is kept alive."""

    def __init__(self, samples: int, spaces: Mapping[str, int | NDArray[Any]]) -> None:
        self.samples = samples
        self.keep: list[Any] = []
        self.spaces: dict[str, int] = {}
        for name, space in spaces.items():
            self.spaces[name] = space if isinstance(space, int) else self.data(space)
        self.rows: list[dict[int, int] | NDArray[np.int64]] = []  # the words of a row that are not zero, or all of them
        self.notes: list[str] = []
        self.scratch_bytes = 0

    def __len__(self) -> int:
        """Rows so far, so that a caller can mark where a part begins."""
        return len(self.rows)

    def address(self, space: str, offset: int = 0) -> int:
        """Byte `offset` of a memory."""
        return self.spaces[space] + offset

    def data(self, array: NDArray[Any]) -> int:
        """The address of an array, kept alive as long as the table."""
        self.keep.append(array)
        return int(array.__array_interface__["data"][0])

    def row(self, driver: Compiled | int, items: int, words: Mapping[int, int], scratch: int = 0, note: str = "") -> None:
        """A kernel: `driver(row, item, scratch)` for each of `items`, in any order, on any thread. `words` are its own,
        numbered from 8; `scratch` is how many bytes it needs of its own while it runs an item, 64-byte aligned."""
        assert not words or (min(words) >= FIRST_WORD and max(words)
                             < ROW), f"words {sorted(words)}: a driver's are {FIRST_WORD} to {ROW - 1}"
        assert items < MOST_ITEMS, f"{items} items: let an item do more"
        if items <= 0:
            return
        if isinstance(driver, Compiled):
            note, driver = note or driver.name, driver.address
        self.scratch_bytes = max(self.scratch_bytes, scratch)
        self.rows.append({**words, OPCODE: KERNEL, ITEMS: items, DRIVER: driver, SAMPLES: self.samples})
        self.notes.append(note)

    def barrier(self) -> None:
        """Later rows begin when all earlier ones are finished."""
        if self.rows and self.rows[-1][OPCODE] != BARRIER:
            self.rows.append({OPCODE: BARRIER})
            self.notes.append("")

    def table(self) -> Table:
        """The rows as the engine reads them, with an END."""
        words = aligned((len(self.rows) + 1) * ROW, np.int64).reshape(-1, ROW)
        for into, row in zip(words, self.rows):
            if isinstance(row, dict):
                into[list(row)] = list(row.values())
            else:
                into[:] = row
        per_thread = -(-self.scratch_bytes // 128) * 128  # two threads never share a pair of lines
        words[:, SCRATCH_BYTES] = per_thread
        return Table(words, [*self.notes, ""], per_thread, list(self.keep))
