"""How well it fits: too well, not well enough, or not for long enough."""

from __future__ import annotations

from math import isfinite

from .signs import Signs
from .verdict import Verdict, number, percent


def overfitting(s: Signs) -> Verdict | None:
    """The loss of the validation rises while that of training falls, or training is known by heart and the rest is not."""
    if not s.val_loss or s.lowest_at is None or not s.loss:
        return None
    last, best, at = s.val_loss[-1], s.lowest, s.lowest_at
    if not isfinite(last):
        return None
    gap = last > 2 * s.trained_loss
    late = [v for v in s.val_loss[-3:] if isfinite(v)]
    advice = "more examples, or  augment;  decay=1e-3,  dropout;  a smaller net;  early_stopping 5"
    rising = at <= len(s.val_loss) - 1 - len(late) and _risen(min(late), best, s)
    if rising and gap and s.loss[-1] <= s.loss[at]:
        return Verdict("overfitting", "It is overfitting",
                       f"training loss {number(s.trained_loss)}, validation {number(last)} and rising since epoch {s.epochs[at]} "
                       f"({number(best)})", advice)
    right, known = (max(v for v in s.val_accuracy if isfinite(v)) if s.val_accuracy else None), s.trained_accuracy
    apart = right is None or known is None or known - right >= 0.1
    if best > 0.2 * s.reference and s.trained_loss < 0.25 * best and apart:
        shares = f"; {percent(known)} of the training examples are right, and {percent(right)} of the others" if right is not None and known is not None else ""
        return Verdict("overfitting", "It is overfitting",
                       f"training loss {number(s.trained_loss)}, validation {number(last)}, {number(best)} at best{shares}",
                       advice)
    return None


def _risen(late: float, best: float, s: Signs) -> bool:
    """By much, or by a third where next to nothing of it is seen in training."""
    much, third = late > 1.1 * best and late - best > 0.08 * s.reference, late > 1.3 * best and late - best > 0.03 * s.reference
    return much or (third and s.trained_loss < 0.15 * late)


def underfitting(s: Signs) -> Verdict | None:
    """Training examples that are not learnt, and no longer getting better."""
    seen = [v for v in s.loss if isfinite(v)]
    if len(seen) < 4 or s.guess is None or s.trained_loss < 0.3 * s.guess:
        return None
    third = max(1, len(seen) // 3)
    fell = 1 - min(seen[-third:]) / min(seen[:-third])
    if fell > 0.03 * third or (s.val_loss and s.lowest > 1.4 * s.trained_loss):
        return None
    hard = seen[-1] > 1.5 * s.trained_loss
    return Verdict("underfitting", "It is underfitting: the training examples are not learnt",
                   f"the training loss stays at {number(seen[-1])}"
                   + (f" ({number(s.trained_loss)} in evaluation mode)" if hard else "")
                   + f", where guessing costs {number(s.guess)}; it fell by {percent(max(0.0, fell))} in the last {third} epochs",
                   "less dropout and less augmentation" if hard
                   else "a larger net; less decay and dropout; another learning rate")


def nothing(s: Signs) -> Verdict | None:
    """No more is known than before, and no other rule knows why."""
    if s.learnt or not [v for v in s.loss if isfinite(v)]:
        return None
    if s.guess is not None:
        said = f"the lowest loss is {number(s.lowest)}, and guessing costs {number(s.guess)}"
        if s.chance and s.above_chance is False:
            said += f"; no more are right than were all answers the commonest class, {percent(s.chance)}"
    else:
        said = f"the lowest loss is {number(s.lowest)}, and the first was {number(s.reference)}"
        if s.story.judged is not None and s.story.judged.explained is not None:
            said += f"; answers explain {percent(max(0.0, s.story.judged.explained))} of the variance of the {s.story.judged.part}"
    return Verdict("not-learning", "It is not learning", said, "netspec doctor  looks at the net and its data")


def improving(s: Signs) -> Verdict | None:
    """The best epoch is the last one, and it is better by a tenth or more than what was best a quarter of the epochs before; or
    there is but one, and much is left to learn."""
    seen, which = s.judging, "validation" if s.val_loss else "training"
    if not seen or s.lowest_at is None or s.lowest_at < len(seen) - 1 or s.lowest < 0.05 * s.reference or not s.learnt:
        return None
    title, advice = "It was still improving at the end: train longer", f"more epochs:  --epochs {max(5, 2 * len(seen))}"
    if len(seen) == 1:
        said = f"the {which} loss is {number(s.lowest)} after one epoch"
        return Verdict("improving", title, said, advice, "note") if s.lowest > 0.2 * s.reference else None
    quarter = max(1, len(seen) // 4)
    before = min((v for v in seen[:-quarter] if isfinite(v)), default=float("nan"))
    fell = 1 - s.lowest / before if before > 0 else 0.0
    if not fell > 0.1:
        return None
    many = f"{quarter} epochs" if quarter > 1 else "epoch"
    return Verdict("improving", title, f"the {which} loss fell by {percent(fell)} in the last {many}, to {number(s.lowest)}",
                   advice, "note")


def cut_off(s: Signs) -> Verdict | None:
    """A run that has not come to its end."""
    planned, end = s.story.planned, s.story.end.get("how")
    if s.story.running or end in ("done", "stopped") or planned is None or len(s.epochs) >= planned or (end is None
                                                                                                        and s.story.settings.get("early_stopping")):
        return None
    there = f"{len(s.epochs)} of {planned} epochs are there"
    if end is None:
        return Verdict("cut-off", "It was cut off, or is not over yet", there, "netspec train --resume RUN", "note")
    why = f": {s.story.end.get('why')}" if s.story.end.get("why") else ""
    return Verdict("cut-off", f"It was cut off after epoch {max(s.epochs, default=0)} of {planned}", there + why,
                   "netspec train --resume RUN", "note")


def learning(s: Signs) -> Verdict | None:
    """What it has come to, where nothing is wrong."""
    if not s.learnt:
        return None
    at = s.lowest_at if s.lowest_at is not None else len(s.judging) - 1
    said = f"{'validation' if s.val_loss else 'training'} loss {number(s.lowest)} at epoch {s.epochs[at]}"
    if s.guess is not None:
        said += f", where guessing costs {number(s.guess)}"
    shares = s.val_accuracy or s.accuracy
    if shares and isfinite(shares[at]):
        said += f"; {percent(shares[at])} right"
    well = s.lowest < 0.3 * s.reference and not s.story.running
    if s.story.judged is not None and s.story.judged.explained is not None:
        said += f"; answers explain {percent(s.story.judged.explained)} of the variance"
        well = s.story.judged.explained > 0.7 and not s.story.running
    return Verdict("learning", "It has learnt well" if well else "It is learning", said, "", "good")
