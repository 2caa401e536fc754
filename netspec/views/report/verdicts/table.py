"""The rules in their order: what stands first is the verdict. A rule whose finding explains others hides them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..story import Story
from . import examples, fit, inside, limits, output, rates
from .signs import Signs
from .verdict import Verdict

POOR = ("rate-high", "rate-low", "dead", "saturated", "one-class", "modes", "labels", "differs", "overfitting", "underfitting",
        "not-learning", "regularised", "first-weights", "few-steps", "augmentation")
CAUSED = tuple(code for code in POOR if code != "dead")  # what long steps lead to; that units die is said besides
LITTLE = ("underfitting", "not-learning", "one-class", "dead", "saturated", "labels", "few-steps", "modes", "first-weights")


@dataclass(frozen=True)
class Rule:
    """`hides` are codes of what follows from it."""

    asks: Callable[[Signs], Verdict | None]
    hides: tuple[str, ...] = ()


RULES = (
    Rule(examples.not_shuffled, ("one-class", "modes", "overfitting", "differs", "labels", "not-learning", "underfitting",
                                 "rate-high", "imbalance", "dead")),
    Rule(inside.not_finite, ("diverged", *POOR)),
    Rule(inside.inputs, ("diverged", "output", *POOR)),
    Rule(output.targets, ("diverged", "class-numbers", *POOR)),
    Rule(output.numbered, ("diverged", *POOR)),
    Rule(inside.same, POOR),
    Rule(inside.exploding, ("diverged", *POOR)),
    Rule(inside.dead_at_first, POOR),
    Rule(output.warned, ("output", *LITTLE)),
    Rule(output.rectified, ("rate-low", *LITTLE)),
    Rule(limits.frozen, ("regularised", "augmentation", *LITTLE)),
    Rule(rates.momentum, ("diverged", *POOR)),
    Rule(limits.dropping, ("diverged", "label-noise", *POOR)),
    Rule(rates.diverged, CAUSED),
    Rule(rates.lagging, ("differs", "overfitting", "labels", "modes", "not-learning", "one-class", "underfitting")),
    Rule(inside.vanishing, POOR),
    Rule(inside.shrunk, POOR),
    Rule(limits.augmented, ("label-noise", *POOR)),
    Rule(examples.missing, ("differs", "imbalance", "overfitting", "one-class", "not-learning")),
    Rule(examples.imbalance, ("one-class", "underfitting", "overfitting", "not-learning", "labels", "few-steps", "differs")),
    Rule(examples.differs, ("labels", "overfitting", "one-class", "not-learning")),
    Rule(examples.labels, ("rate-high", "dead", "overfitting", "one-class", "not-learning", "underfitting")),
    Rule(limits.narrow, ("rate-high", "dead", "one-class", "not-learning", "underfitting", "labels")),
    Rule(rates.too_high, CAUSED),
    Rule(inside.dead_later, POOR),
    Rule(inside.saturated, POOR),
    Rule(rates.few_steps, POOR),
    Rule(rates.too_low, POOR),
    Rule(rates.ends_early, POOR),
    Rule(limits.linear, ("one-class", "not-learning", "labels")),
    Rule(examples.noisy, ("underfitting", "not-learning")),
    Rule(examples.unrelated, ("one-class", "not-learning", "underfitting")),
    Rule(examples.one_class, ("not-learning", "underfitting")),
    Rule(fit.overfitting, ("modes", "not-learning")),
    Rule(examples.modes),
    Rule(fit.underfitting, ("not-learning",)),
    Rule(fit.nothing),
)
NOTES = (fit.stays, fit.dead_besides, fit.few_judge, fit.cut_off, fit.improving)


def verdicts(story: Story) -> list[Verdict]:
    """What is said of a run: faults first, the cause before what follows from it; where there are none, that it learns."""
    signs = Signs(story)
    found: list[Verdict] = []
    hidden = set[str]()
    for rule in RULES:
        one = rule.asks(signs)
        if one is not None and one.name not in hidden:
            found.append(one)
            hidden |= {one.name, *rule.hides}
    good = fit.learning(signs) if not found else None
    notes = [n for ask in NOTES if (n := ask(signs)) is not None]
    if any(v.name not in ("overfitting", "rate-low", "underfitting") for v in found):
        notes = [n for n in notes if n.name != "improving"]
    if found:
        notes = [n for n in notes if n.name != "stays"]
    if not (found or good or notes):
        return [Verdict("too-early", "Nothing can be said yet", "no epoch is over", "", "note")]
    return [*found, *([good] if good else []), *notes]
