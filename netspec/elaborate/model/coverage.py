"""Which lines of a file were run, so that `check` can look at the others by themselves."""

from __future__ import annotations

from typing import Any

from .files import Context


class Coverage:
    """Bodies by their identity: a tree is not changed while it is elaborated."""

    def __init__(self) -> None:
        self.entered: set[int] = set()  # definitions whose body was run
        self.taken: set[int] = set()  # bodies that a condition let run
        self.over: dict[int, tuple[Any, Context]] = {}  # bodies and conditions that one passed over
        self.looking = False  # at what no net runs: one turn of a loop is enough, and no call goes round in a circle
        self.cut = False  # whether turns were left out
        self.maybe: set[str] = set()  # names that lines which could not be read, or decided, may have defined

    def turns(self, count: int) -> int:
        """How many turns of a loop are run."""
        if not self.looking or count < 2:
            return count
        self.cut = True
        return 1

    def passed_over(self, body: Any, c: Context) -> None:
        """Remember a body, or a condition, that did not run."""
        if body is not None:
            self.over.setdefault(id(body), (body, c))

    def add(self, other: Coverage) -> None:
        """What the run of another net of the file has covered."""
        self.entered |= other.entered
        self.taken |= other.taken
        self.over |= other.over
