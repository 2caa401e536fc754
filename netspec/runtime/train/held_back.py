"""Interrupts that wait until a step is whole: Ctrl-C, and whatever else a handler of the program turns into an exception.

Between two steps a checkpoint can be written that training goes on from; in the middle of one there is nothing to write. A second
signal of the same kind does not wait.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM")


class Waiting:
    """The signals that came, and who would have handled them."""

    def __init__(self, first: Callable[[], object]) -> None:
        self.first = first  # what is done before a signal takes effect
        self.handlers: dict[int, Any] = {}
        self.came: int | None = None
        self.free = False  # whether nothing has to become whole first

    def note(self, number: int, frame: Any) -> None:
        """A signal has come."""
        again, self.came = self.came == number, number
        if again:
            self.handlers[number](number, frame)
        elif self.free:
            self.deliver()

    def deliver(self) -> None:
        """Between two steps: if a signal has come, it takes effect."""
        if self.came is not None:
            self.first()
            number, self.came = self.came, None
            self.handlers.get(number, signal.default_int_handler)(number, None)  # another worker may have been the one it came to

    @contextmanager
    def at_once(self, anywhere: bool = True) -> Iterator[None]:
        """What can be interrupted anywhere, unless it is said not to be."""
        self.deliver()
        self.free = anywhere
        try:
            yield
        finally:
            self.free = False


@contextmanager
def held_back(wanted: bool, first: Callable[[], object]) -> Iterator[Waiting]:
    """Hold signals back that a handler in Python stands for, if that is `wanted`; only the main thread can. What is left at the
    end takes effect then. `first` is what is done before."""
    waiting = Waiting(first)
    try:
        if wanted and threading.current_thread() is threading.main_thread():
            for name in SIGNALS:
                number = getattr(signal, name, None)
                handler = signal.getsignal(number) if number is not None else None
                if number is not None and callable(handler):
                    waiting.handlers[number] = handler
                    signal.signal(number, waiting.note)
        yield waiting
    finally:
        for number, handler in waiting.handlers.items():
            signal.signal(number, handler)
    waiting.deliver()
