"""How a command ends that is told to from outside."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what an interrupt would leave behind is left behind, and the exit code says so."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM is an interrupt, as Ctrl-C is, unless somebody else handles it."""
    number = getattr(signal, "SIGTERM", None)
    ours = number is not None and threading.current_thread() is threading.main_thread() and signal.getsignal(
        number) is signal.SIG_DFL
    try:
        if ours:
            signal.signal(number, _terminated)  # type: ignore[arg-type]
        yield
    finally:
        if ours:
            signal.signal(number, signal.SIG_DFL)  # type: ignore[arg-type]


def _terminated(number: int, frame: Any) -> None:
    raise Terminated
