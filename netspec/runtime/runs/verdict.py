"""Whether a training has learnt anything, and what to try where it has not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ... import plain
from ..state import State
from ..train.history import History

SAME = 0.98  # of what guessing costs, or of the first epoch's loss, is no better


def failure(state: State, history: History) -> str | None:
    """Why one has to say that nothing was learnt: the loss is no lower than that of a network that prefers no answer, or than it
    was in the first epoch, or the answers are right as often as by chance. None where something was, in training or on other
    examples, whose numbers are those of the weights that are kept; a first epoch by itself, whose loss is a mean over what the
    network was while it learnt, says nothing."""
    losses = [e["loss"] for e in state.course.record if "loss" in e]
    kept = history.kept_numbers
    judged = kept.get("val_loss")
    if not history.epochs or not losses or (len(losses) == 1 and judged is None):
        return None
    last, first, terms = losses[-1], losses[0], state.recipe.terms
    lowest = min(last, judged) if judged is not None else last
    outputs = dict(state.graph.outputs)
    types = [state.graph.values[outputs[t.output]].type for t in terms]
    guesses = [t.loss.uninformed(type_) for t, type_ in zip(terms, types)]
    if all(g is not None for g in guesses):
        guessing = sum(t.weight * g for t, g in zip(terms, guesses) if g is not None)
        if lowest >= SAME * guessing:
            return f"the loss is {lowest:.4g}, and guessing costs {guessing:.4g}"
    if len(losses) > 1 and lowest > first:
        return f"the loss is {lowest:.4g}, and was {first:.4g} in the first epoch"
    accuracy = max((v for k in ("accuracy", "val_accuracy") if isinstance(v := kept.get(k), float)), default=None)
    classes = next((t.channels for t in types if t.channels), None)
    if isinstance(accuracy, float) and classes and classes > 1 and accuracy * classes <= 1.02:
        return f"the accuracy is {accuracy:.2%}, that of chance among {classes} classes"
    return None


def with_rate(optimiser: Any, lr: float | None = None) -> str:
    """The optimiser's line with this rate, or its own, which stands in it even where it is the default; empty for none."""
    line = str((optimiser or "") if lr is None else replace(optimiser, lr=lr))
    lr = getattr(optimiser, "lr", None) if lr is None else lr
    name, _, rest = line.partition(" ")
    return line if lr is None or " lr=" in line else " ".join(filter(None, (name, f"lr={lr:g}", rest)))


def advice(state: State, spec: str) -> list[str]:
    """What to say instead of what comes next; `spec` is what commands name, as it is pasted."""
    lines = ["what may help:", f"  netspec doctor {spec}"]
    optimiser: Any = state.recipe.optimiser
    lr = getattr(optimiser, "lr", None)
    if isinstance(lr, int | float) and lr > 0:
        for factor in (0.1, 10):
            line = with_rate(optimiser, float(f"{lr * factor:.3g}"))
            lines.append(f"  netspec train {spec} --with {plain.word(line)}")
    if len(state.course.record) < 10:
        lines.append(f"  netspec train {spec} --epochs {max(10, 3 * len(state.course.record))}")
    return lines
