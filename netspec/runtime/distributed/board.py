"""Where the workers of one machine write down that they live, for the others to see: a file in memory that all of them map.

A worker writes the time when it comes to an exchange, and again and again while it waits in one. Who waits looks for one that
has not written for longer than the timeout, and ends it: a process that was stopped, or turns in a circle, cannot say that it
will not come. Then it is dead as any other is. """

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns

import numpy as np

STARTING = 120.0  # seconds that a worker may take at least until its first epoch is over: there are kernels to compile


class Board:
    """The board of this machine. A row for each worker: its process, when it was last heard of, and whether it has an epoch
    behind it."""

    def __init__(self, path: str, row: int):
        self.path, self.row = path, row
        self.rows = np.memmap(path, np.int64, "r+").reshape(-1, 3)
        self.rows[row] = os.getpid(), monotonic_ns(), 0

    @staticmethod
    def make(workers: int) -> str:
        """A new board; its path."""
        handle, path = tempfile.mkstemp(prefix="netspec-workers-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        os.write(handle, bytes(24 * workers))
        os.close(handle)
        return path

    def unlink(self, mine: bool) -> None:
        """All have opened it: it goes with the last of them."""
        if mine:
            os.unlink(self.path)

    def alive(self) -> None:
        """This worker lives."""
        self.rows[self.row, 1] = monotonic_ns()

    def settle(self) -> None:
        """An epoch is behind this worker."""
        self.rows[self.row, 2] = 1

    def keep(self, processes: list[int]) -> None:
        """These are left."""
        for row in self.rows:
            row[0] *= int(row[0]) in processes

    def end_who_hangs(self, timeout: float) -> None:
        """End the workers of this machine that have not been heard of for so many seconds."""
        now = monotonic_ns()
        for process, heard, settled in self.rows.tolist():
            late = (now - heard) / 1e9
            if process and late > timeout and (settled or late > STARTING or stopped(process)):
                with suppress(OSError):  # it is gone already
                    os.kill(process, signal.SIGKILL)
                    print(f"process {process} has not been heard of for {timeout:g} s, and was ended", file=sys.__stderr__, flush=True)


def stopped(process: int) -> bool:
    """Whether somebody has stopped a process, as far as the system says."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    return False
