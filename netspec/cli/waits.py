"""What a person who waits for a command sees of it: how far the longest things are, on a line of the terminal that is gone when
they are done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..terminal import Line, live
from ..waiting import Watch, watched


class Waits(Watch):
    """Shows the innermost wait. The terminal is not looked for before there is one."""

    def __init__(self, until: ExitStack):
        super().__init__()
        self.until, self.looked = until, False
        self.line: Line | None = None

    def changed(self) -> None:
        if not self.looked:
            self.looked, self.line = True, self.until.enter_context(live())
        if self.line is not None and self.line.due and self.waits:
            self.line.draw(str(self.waits[-1]))

    def ended(self) -> None:
        if self.line is not None:
            self.line.clear()


@contextmanager
def waits_shown() -> Iterator[None]:
    """While a command runs."""
    with ExitStack() as until, watched(Waits(until)):
        yield
