"""One thing that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...terminal import beside

SAID = 27  # the column in which findings are said


@dataclass(frozen=True)
class Finding:
    """`good` is None where it could not be asked, or is for a person to judge."""

    name: str  # "initial loss"
    good: bool | None
    said: str  # in a sentence, with the numbers
    advice: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.lines()

    def lines(self, room: int | None = None) -> str:
        """For a terminal with room for so many columns."""
        mark = {True: "ok", False: "ODD", None: "-"}[self.good]
        said = beside(f"{mark:<5}{self.name}", self.said, SAID, room)
        return said + ("\n" + beside("", self.advice, SAID, room) if self.advice else "")
