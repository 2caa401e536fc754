"""What rules look at: the numbers of a run, brought into the forms in which they can be compared with thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log, nan, sqrt
from statistics import median

from ..story import Story

FEW = 8  # units: of fewer half may be dead by chance
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
    def floor(self) -> float:
        """The least that the loss can be on the training examples: above 0 where labels are smoothed, or targets are shares."""
        return self.of("floor") or 0.0

    @cached_property
    def constant(self) -> float | None:
        """What the best answer costs that is the same to all examples: of numbers under a squared error their variance."""
        found = self.of("constant")
        judged = self.story.judged
        loss = 0.0 if judged is None else judged.numbers.get("loss", 0.0)
        if found is None and judged is not None and judged.explained is not None and judged.explained < 1 and loss:
            return loss / (1 - judged.explained) if self.loss_word == "mse" else None
        return found

    @cached_property
    def reference(self) -> float:
        """What losses are compared with: what an answer costs that prefers nothing, or the best one that is the same to all
        examples where that is clearly less; else the loss before the first step, or of the first epoch."""
        best, guess = self.constant, self.guess
        found = guess if guess is not None and (best is None or best > 0.9 * guess) else best
        found = found if found is not None else self.first_loss
        return found if found is not None and isfinite(found) and found > 0 else next((v for v in self.loss if isfinite(v)), nan)

    def left(self, loss: float) -> float:
        """Of what there is to learn the share that is not learnt where the loss is this: 0 at the floor, 1 at the reference."""
        return (loss - self.floor) / (self.reference - self.floor) if self.reference > self.floor else nan

    @cached_property
    def unlearnt(self) -> float:
        """The same of the training examples, in evaluation mode where that was measured."""
        return self.left(self.trained_loss)

    @cached_property
    def astray(self) -> float:
        """The same against guessing, where that is known: what steps that are too long come to."""
        most = self.guess if self.guess is not None else self.reference
        return (self.trained_loss - self.floor) / (most - self.floor) if most > self.floor else nan

    @cached_property
    def skill(self) -> float | None:
        """How much more of the training examples are right than by chance, 1 being all of them."""
        chance, right = self.usual, self.trained_accuracy
        return None if right is None or chance is None or chance >= 1 else (right - chance) / (1 - chance)

    @cached_property
    def training_mode(self) -> float | None:
        """The last loss on the same examples in training mode: with what is dropped in it, without augmentation."""
        return next((v for _, v in reversed(self.story.probe("training_loss"))), None)

    @cached_property
    def failed(self) -> bool:
        """Whether an error ended it, because its numbers were not finite."""
        end = self.story.end
        return end.get("how") == "failed" and (end.get("code") == "loss-exploded" or "not finite" in str(end.get("why")))

    @cached_property
    def steady(self) -> bool:
        """Whether its steps are as they should be, and neither too long nor too short to learn."""
        return self.ratio is None or (1e-4 < self.ratio < 3e-2 and (self.longest is None or self.longest[0] < 0.1))

    @cached_property
    def usual(self) -> float | None:
        """How often an answer is right in training that is always the commonest class."""
        counts = self.counts
        return max(counts) / sum(counts) if any(counts) else 1 / self.classes if self.classes else None

    def of(self, name: str) -> float | None:
        """A number that was recorded of the run as a whole."""
        found = self.story.about.get(name)
        return float(found) if isinstance(found, int | float) and isfinite(found) else None

    @cached_property
    def decay(self) -> float:
        """What the optimiser's decay and `regularise l2` are together."""
        words = str(self.story.settings.get("optimiser", "")).split()
        values = [w.removeprefix("decay=") for w in words if w.startswith("decay=")] + [str(self.story.settings.get("l2") or 0)]
        try:
            return sum(map(float, values))
        except ValueError:
            return 0.0

    @cached_property
    def loss_word(self) -> str:
        return str(self.story.settings.get("loss", "")).split(" ")[0].rstrip(",")

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
        return self.left(self.lowest) < (1 - LITTLE if self.above_chance is None else 1 - 1.4 * LITTLE)

    @cached_property
    def fitted(self) -> bool:
        """Whether it has learnt the training examples: little is left of the loss, or nearly all are right."""
        return self.unlearnt < 0.3 or (self.skill is not None and self.skill > 0.9)

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
        """Whether the best accuracy on the examples that judge is more than chance: by three deviations, and more where it is
        the best of many epochs; None where there is none."""
        seen = [v for v in self.val_accuracy or self.accuracy if isfinite(v)]
        if not seen or self.chance is None:
            return None
        n = self.story.judged.examples if self.story.judged is not None else 100
        return max(seen) > self.chance + sqrt((9 + 2 * log(len(seen))) * self.chance * (1 - self.chance) / max(1, n)) + 0.01

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
        """By epoch the median over layers of how far a step moves them, against their length then, or at first where that was
        more: weights that are pulled towards 0 move far against what they are."""
        found = {}
        for k in self.story.measured:
            values = [float(v) * self._shrunk(k, name) for name, layer in self.story.statistics[k]["layers"].items()
                      if isinstance(v := layer.get("ratio"), int | float) and name not in self.frozen]
            if values:
                found[k] = median(values)
        return found

    def _shrunk(self, epoch: int, name: str) -> float:
        """Of its first length what a layer's weights have kept, 1 at most."""
        first, now = self.layer(0, name).get("weight", 0.0), self.layer(epoch, name).get("weight", 0.0)
        return min(1.0, now / first) if first > 0 and now > 0 else 1.0

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
    def frozen(self) -> list[str]:
        """The layers whose weights do not move because they are frozen, or their learning rate is 0: where nobody has said, those
        with gradients and without steps."""
        found = self.story.about.get("frozen")
        if isinstance(found, Mapping) and isinstance(found.get("layers"), Sequence):
            return [str(n) for n in found["layers"]]
        steps = {n: [(v, g) for k in self.story.measured if (v := self.layer(k, n).get("ratio")) is not None
                     and (g := self.layer(k, n).get("gradient")) is not None] for n in self.weighted}
        return [n for n, seen in steps.items() if seen and all(v == 0 for v, _ in seen) and all(g > 0 for _, g in seen)]

    @cached_property
    def died(self) -> bool:
        """Whether half the units of a layer have died in training; of very few, all."""
        return any(now >= 0.5 and (first is None or first < 0.8 * now) for _, now, first in self.dead)

    @cached_property
    def silent(self) -> bool:
        """Whether the layer that answers rectifies, and says the same to all examples in all its units."""
        last = self.story.layers[-1] if self.story.layers else {}
        now = self.layer(self.latest or 0, str(last.get("name")))
        return bool(last.get("rectifies")) and now.get("dead", 0.0) >= (last.get("units") or 1)

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
        step; the worst first. Of a layer of very few units all must be."""
        if self.latest is None:
            return []
        found = []
        for one in self.story.layers[:-1] or self.story.layers:
            name, units = str(one["name"]), one.get("units")
            if one.get("rectifies") and isinstance(units, int) and units and "dead" in (now := self.layer(self.latest, name)):
                first = self.layer(0, name).get("dead") if 0 in self.story.statistics else None
                if units < FEW and now["dead"] < units:
                    continue
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
