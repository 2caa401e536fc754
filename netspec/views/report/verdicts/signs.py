"""What rules look at: the numbers of a run, brought into the forms in which they can be compared with thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan, sqrt
from statistics import median

from ..story import Story

LITTLE = 0.05  # of what guessing costs: a loss that is less than this below it has learnt nothing


@dataclass(frozen=True)
class Signs:
    """Of one run. Numbers that nobody has measured are None, or empty."""

    story: Story

    # -- losses and accuracies ---------------------------------------------------------------------------------------
    @cached_property
    def epochs(self) -> list[int]:
        return self.story.order

    @cached_property
    def loss(self) -> list[float]:
        """The running loss of training, by epoch."""
        return self.story.column("loss")

    @cached_property
    def val_loss(self) -> list[float]:
        found = self.story.column("val_loss")
        return found if any(map(isfinite, found)) else []

    @cached_property
    def accuracy(self) -> list[float]:
        found = self.story.column("accuracy")
        return found if any(map(isfinite, found)) else []

    @cached_property
    def val_accuracy(self) -> list[float]:
        found = self.story.column("val_accuracy")
        return found if any(map(isfinite, found)) else []

    @cached_property
    def judging(self) -> list[float]:
        """The loss that says how good the network is: that of the validation, else that of training."""
        return self.val_loss or self.loss

    @cached_property
    def trained_loss(self) -> float:
        """The last loss on training examples: in evaluation mode where that was measured."""
        return next((v for _, v in reversed(self.story.probe("loss"))), self.loss[-1] if self.loss else nan)

    @cached_property
    def trained_accuracy(self) -> float | None:
        found = next((v for _, v in reversed(self.story.probe("accuracy"))), None)
        return found if found is not None else self.accuracy[-1] if self.accuracy else None

    @cached_property
    def first_loss(self) -> float | None:
        """Before the first step, in evaluation mode."""
        return next((v for k, v in self.story.probe("loss") if k == 0), None)

    @cached_property
    def guess(self) -> float | None:
        return self.story.guess

    @cached_property
    def reference(self) -> float:
        """What losses are compared with: what guessing costs, else the loss before the first step, or of the first epoch."""
        found = self.guess if self.guess is not None else self.first_loss
        return found if found is not None and isfinite(found) and found > 0 else next((v for v in self.loss if isfinite(v)), nan)

    @cached_property
    def lowest(self) -> float:
        """The best of the losses that judge."""
        return min((v for v in self.judging if isfinite(v)), default=nan)

    @cached_property
    def lowest_at(self) -> int | None:
        """The place of the epoch with the lowest loss that judges, from 0."""
        seen = [(v, k) for k, v in enumerate(self.judging) if isfinite(v)]
        return min(seen)[1] if seen else None

    @cached_property
    def learnt(self) -> bool:
        """Whether it knows more than nothing about the examples that judge."""
        if self.reference != self.reference or self.lowest != self.lowest:
            return False
        if self.story.judged is not None and self.story.judged.explained is not None:
            return self.story.judged.explained > LITTLE
        if self.above_chance is not None and self.above_chance:
            return True
        fell = self.lowest < (1 - LITTLE) * self.reference
        return fell and (self.above_chance is None or self.above_chance or self.lowest < 0.8 * self.reference)

    @cached_property
    def fitted(self) -> bool:
        """Whether it has learnt the training examples."""
        return self.trained_loss < 0.3 * self.reference

    # -- classes -----------------------------------------------------------------------------------------------------
    @cached_property
    def classes(self) -> int | None:
        n = self.story.about.get("classes")
        judged = self.story.judged
        return n if isinstance(n, int) and n > 1 else len(judged.confusion) or None if judged is not None else None

    @cached_property
    def chance(self) -> float | None:
        """How often an answer is right that is always the commonest class of those that judge."""
        judged = self.story.judged
        if judged is not None and any(judged.right):
            return max(judged.right) / sum(judged.right)
        return 1 / self.classes if self.classes else None

    @cached_property
    def above_chance(self) -> bool | None:
        """Whether the accuracy on the examples that judge is more than chance, by three deviations; None where there is none."""
        seen = [v for v in self.val_accuracy or self.accuracy if isfinite(v)]
        if not seen or self.chance is None:
            return None
        n = self.story.judged.examples if self.story.judged is not None else 100
        return max(seen) > self.chance + 3 * sqrt(self.chance * (1 - self.chance) / max(1, n)) + 0.01

    @cached_property
    def counts(self) -> list[int]:
        """How many training examples each class has."""
        for k in reversed(self.story.measured):
            found = self.story.statistics[k].get("data", {}).get("classes")
            if isinstance(found, Sequence) and not isinstance(found, str):
                return [int(n) for n in found] + [0] * max(0, (self.classes or 0) - len(found))
        found = self.story.about.get("counts")
        return [int(n) for n in found] if isinstance(found, Sequence) and not isinstance(found, str) else []

    # -- layers ------------------------------------------------------------------------------------------------------
    @cached_property
    def ratios(self) -> dict[int, float]:
        """By epoch the median over layers of how far a step moves them."""
        found = {}
        for k in self.story.measured:
            values = [float(v) for layer in self.story.statistics[k]["layers"].values()
                      if isinstance(v := layer.get("ratio"), int | float)]
            if values:
                found[k] = median(values)
        return found

    @cached_property
    def ratio(self) -> float | None:
        """The median of the first half of the epochs, before schedules make steps small."""
        values = list(self.ratios.values())
        return median(values[: max(1, (len(values) + 1) // 2)]) if values else None

    @cached_property
    def longest(self) -> tuple[float, int] | None:
        """The largest of these medians, and its epoch."""
        return max(((v, k) for k, v in self.ratios.items() if isfinite(v)), default=None)

    @cached_property
    def died(self) -> bool:
        """Whether half the units of a layer have died in training."""
        return any(now >= 0.5 and (first is None or first < 0.8 * now) for _, now, first in self.dead)

    def layer(self, epoch: int, name: str) -> Mapping[str, float]:
        found = self.story.statistics.get(epoch, {}).get("layers", {}).get(name, {})
        return {k: float(v) if isinstance(v, int | float) else nan for k, v in found.items()}

    @cached_property
    def weighted(self) -> list[str]:
        """The layers that have weights, in the net's order."""
        return [str(one["name"]) for one in self.story.layers if one.get("weights")]

    @cached_property
    def latest(self) -> int | None:
        """The last epoch that has statistics."""
        return self.story.measured[-1] if self.story.measured else None

    @cached_property
    def dead(self) -> list[tuple[str, float, float | None]]:
        """Of each layer that rectifies the share of its units that say the same to every example, at the end and before the first
        step; the worst first."""
        if self.latest is None:
            return []
        found = []
        for one in self.story.layers[:-1] or self.story.layers:
            name, units = str(one["name"]), one.get("units")
            if one.get("rectifies") and isinstance(units, int) and units and "dead" in (now := self.layer(self.latest, name)):
                first = self.layer(0, name).get("dead") if 0 in self.story.statistics else None
                found.append((name, now["dead"] / units, None if first is None else first / units))
        return sorted(found, key=lambda f: -f[1])

    @cached_property
    def input(self) -> tuple[float, float] | None:
        """Mean and deviation of what the first layer reads."""
        for k in self.story.measured:
            found = self.story.statistics[k].get("input", {})
            if isinstance(found.get("mean"), int | float) and isinstance(found.get("std"), int | float):
                return float(found["mean"]), float(found["std"])
        return None

    @cached_property
    def rises(self) -> float:
        """The share of epochs in which the training loss rose by a tenth or more."""
        pairs = [(a, b) for a, b in zip(self.loss, self.loss[1:]) if isfinite(a) and isfinite(b)]
        return sum(b > 1.1 * a for a, b in pairs) / len(pairs) if pairs else 0.0
