"""What is compared of one step, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["kept", "changed", "removed", "added"]


@dataclass(frozen=True)
class Facts:
    """What is compared of one step."""

    step: str
    reads: tuple[str, ...]
    shape: str
    parameters: int
    macs: int | None

    def __str__(self) -> str:
        numbers = [f"{self.parameters:,} parameters"] if self.parameters else []
        numbers += [f"{self.macs:,} MACs"] if self.macs else []
        return "  ".join((self.step, self.shape, *([", ".join(numbers)] if numbers else [])))

    def against(self, other: Facts) -> tuple[str, str]:
        """This and the other, as far as they differ."""
        sides: tuple[list[str], list[str]] = ([], [])
        for mine, theirs, text in ((self.step, other.step, "{}"), (self.reads, other.reads, "reads {}"),
                                   (self.shape, other.shape, "{}"),
                                   (self.parameters, other.parameters, "{:,} parameters"), (self.macs, other.macs, "{:,} MACs")):
            if mine != theirs:
                for side, value in zip(sides, (mine, theirs)):
                    side.append(text.format(", ".join(value) if isinstance(value, tuple) else 0 if value is None else value))
        return "  ".join(sides[0]), "  ".join(sides[1])


@dataclass(frozen=True)
class Change:
    """One step: `before` is None where only the second network has it, `after` where only the first has. `name` is that of the
    first network that has it, `other` the one that the second has for it."""

    name: str
    before: Facts | None
    after: Facts | None
    other: str = ""

    @property
    def kind(self) -> Kind:
        return "added" if self.before is None else "removed" if self.after is None else \
            "kept" if self.before == self.after else "changed"
