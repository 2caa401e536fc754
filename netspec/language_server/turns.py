"""Who goes first: answers before checks, and of checks the one of the text as it is now.

Python runs one thread at a time. A check in a thread of its own would take every other moment from the answers, and a long one
would hold up the next. So it asks at each point of its work (`interruptions.py`), waits there while something is being answered,
and ends where the text has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

LONGEST = 0.3  # seconds that a check waits at a point: an answer that takes longer takes its time beside it


class Superseded(Exception):
    """The text is another by now, and nobody wants to know."""


class Turns:
    """The questions under way."""

    def __init__(self) -> None:
        self._under_way: set[object] = set()
        self._none = threading.Event()
        self._none.set()

    def begins(self, question: object) -> None:
        self._under_way.add(question)
        self._none.clear()

    def ends(self, question: object) -> None:
        """It is answered, or waits for a check itself."""
        self._under_way.discard(question)
        if not self._under_way:
            self._none.set()

    def after_answers(self, wanted: Callable[[], bool]) -> Callable[[], None]:
        """What a check asks at its points: waits while something is being answered, and raises Superseded where the check is
        no longer `wanted`."""
        def ask() -> None:
            if not self._none.is_set() and not self._none.wait(LONGEST):
                self._none.set()
            if not wanted():
                raise Superseded
        return ask
