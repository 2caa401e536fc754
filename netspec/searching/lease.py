"""Who does what in a folder that any number of processes share, on any number of machines.

    workers/OWNER.json           who a worker is, written anew while it lives: its heartbeat
    working/trial-7/OWNER/...    the lease: this worker does trial 7, in this folder

A lease is taken by moving a folder: one that is made beside goes to where there is none, or that of a dead worker changes its
owner's name. Both happen at once or not at all, and to one of those who try. A worker that was thought dead, and lives, finds its
folder gone: whatever it writes fails, and it has lost nothing but time.

A worker is dead where its file is gone (it ended, or let go), where its process is gone (asked of the same machine alone), or
where its heartbeat has not changed for some time by the clock of whoever waits for it, so that no two clocks are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from ..diagnostics import NetspecError, unwritable

WORKERS, WORKING = "workers", "working"
SILENCE = 60.0  # seconds without a heartbeat after which a worker on another machine counts as dead
BEATS = 6  # heartbeats in that time


@dataclass(frozen=True)
class Lease:
    """A folder that is this worker's alone as long as it is there."""

    name: str
    folder: Path

    @property
    def held(self) -> bool:
        return self.folder.is_dir()


class Worker:
    """A process that takes leases in a folder; `with` it lives, and lets go of everything at the end."""

    def __init__(self, folder: Path, silence: float = SILENCE, clock: Callable[[], float] = monotonic):
        self.folder, self.silence, self.clock = folder, silence, clock
        host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:40] or "host"
        self.token = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
        self.seen: dict[str, tuple[Any, float]] = {}  # of others: the last heartbeat, and when it was first seen
        self.beats = 0
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def __enter__(self) -> Worker:
        try:
            for part in (WORKERS, WORKING):
                (self.folder / part).mkdir(exist_ok=True)
            self._beat()
        except OSError as e:
            raise unwritable(self.folder, e) from None
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._heart.join()
        with contextlib.suppress(OSError):
            self._file(self.token).unlink()

    def _live(self) -> None:
        while not self._over.wait(self.silence / BEATS):
            with contextlib.suppress(NetspecError):  # a disk that is full, or away for a moment
                self._beat()

    def _beat(self) -> None:
        self.beats += 1
        put(self._file(self.token), {"beat": self.beats, "pid": os.getpid(), "place": place(), "born": born(os.getpid())})

    def _file(self, token: str) -> Path:
        return self.folder / WORKERS / f"{token}.json"

    def claim(self, name: str) -> Lease | None:
        """The lease of this name, if nobody has it who lives."""
        there = self.folder / WORKING / name
        lease = Lease(name, there / self.token)
        beside = self.folder / WORKING / f".{name}.{self.token}"
        try:
            (beside / self.token).mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise unwritable(beside, e) from None
        try:
            os.rename(beside, there)  # fails where somebody's lease lies in it
            return lease
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
        for other in _tokens(there):
            if other != self.token and self.dead(other):
                with contextlib.suppress(OSError):  # somebody else was faster
                    os.rename(there / other, lease.folder)
                    self._bury(other)
                    return lease
        return None

    def _bury(self, other: str) -> None:
        """Remove what else is left of a worker whose lease was taken over: it had one at a time."""
        with contextlib.suppress(OSError):
            self._file(other).unlink()  # one that lives writes it again
        for beside in (self.folder / WORKING).glob(f".*.{other}"):
            shutil.rmtree(beside, ignore_errors=True)

    def release(self, lease: Lease) -> None:
        """Give up a lease whose work is done, or was not to be done."""
        shutil.rmtree(lease.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            lease.folder.parent.rmdir()

    def dead(self, token: str) -> bool:
        """Whether a worker counts as dead, for all that is known here."""
        try:
            found = json.loads(self._file(token).read_text(encoding="utf-8"))
            beat, pid, where, since = (found[k] for k in ("beat", "pid", "place", "born"))
        except FileNotFoundError:
            return True
        except (OSError, ValueError, TypeError, KeyError):  # it cannot be read now: silence decides
            beat, pid, where, since = None, 0, "", None
        if where and where == place() and gone(pid, since):
            return True
        now = self.clock()
        before, first = self.seen.setdefault(token, (beat, now))
        if before != beat:
            self.seen[token] = (beat, now)
            return False
        return now - first > self.silence


def _tokens(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def put(path: Path, facts: dict[str, Any]) -> None:
    """A file of JSON, whole at every moment. Raises MissingFileError where it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        beside.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, path)
    except OSError as e:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise unwritable(path, e) from None


def place() -> str:
    """The machine since it was started, and within it the room in which numbers of processes mean the same; empty where the
    system does not say: then processes are not asked after."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def born(pid: int) -> str | None:
    """When a process began, in the system's own measure: its number may be another's by now. Empty where it is dead and nobody
    has buried it; None where the system does not say."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return "" if state in "ZX" else rest[18]


def gone(pid: int, since: str | None) -> bool:
    """Whether a process of this machine has ended, which began at `since`."""
    try:
        os.kill(pid, 0)  # asks, and does nothing
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        pass
    now = born(pid)
    return now is not None and since is not None and now != since
