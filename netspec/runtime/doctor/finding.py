"""One thing that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """`good` is None where it could not be asked, or is for a person to judge."""

    name: str  # "initial loss"
    good: bool | None
    said: str  # in a sentence, with the numbers
    advice: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        mark = {True: "ok", False: "ODD", None: "-"}[self.good]
        return f"{mark:<5}{self.name:<22}{self.said}" + (f"\n{'':27}{self.advice}" if self.advice else "")
