"""One thing that is said of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Sort = Literal["fault", "note", "good"]


@dataclass(frozen=True)
class Verdict:
    """`said` is the evidence, with its numbers; `advice` what to try."""

    name: str  # "overfitting"
    title: str
    said: str
    advice: str = ""
    sort: Sort = "fault"

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"verdict": self.name, "sort": self.sort, "title": self.title, "evidence": self.said, "advice": self.advice}


def number(x: float) -> str:
    """As a sentence has it: three digits."""
    return f"{x:.3g}"


def percent(x: float) -> str:
    return f"{100 * x:.3g} %"
