"""How well it fits: too well, not well enough, or not for long enough."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, sqrt

from ....plain import word
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
    if rising and gap and s.loss[-1] <= s.loss[at] and not _as_right(s):
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


def _as_right(s: Signs) -> bool:
    """Whether as many are right at the end as ever, and about as many as of the training examples: then the loss rises because of
    a few that are wrong and sure."""
    right, known = [v for v in s.val_accuracy if isfinite(v)], s.trained_accuracy
    return bool(right) and known is not None and max(right[-3:]) >= max(right) and known - max(right[-3:]) < 0.05


def _risen(late: float, best: float, s: Signs) -> bool:
    """By much, or by a third where next to nothing of it is seen in training."""
    much, third = late > 1.1 * best and late - best > 0.08 * s.reference, late > 1.3 * best and late - best > 0.03 * s.reference
    return much or (third and s.trained_loss < 0.15 * late)


def underfitting(s: Signs) -> Verdict | None:
    """Training examples that are not learnt, and no longer getting better, in a net that is small or held back."""
    said = _stays(s)
    if said is None or not (_small(s) or _held(s) or not s.learnt):
        return None
    hard = s.left(s.loss[-1]) > 1.5 * s.unlearnt
    return Verdict("underfitting", "It is underfitting: the training examples are not learnt", said,
                   "less dropout and less augmentation" if hard
                   else "a larger net; less decay and dropout; another learning rate" if _held(s) else "a larger net:  more units, more layers")


def stays(s: Signs) -> Verdict | None:
    """The same in a net that should be large enough: what is left may be noise."""
    said = _stays(s, 0.01)
    if said is None or _small(s) or _held(s) or not s.learnt:
        return None
    return Verdict("stays", "It no longer gets better: what is left may be noise in the examples, or too much for this net", said,
                   "a larger net tells which: where it is noise, the validation gets no better", "note")


def _stays(s: Signs, least: float = 0.03) -> str | None:
    """That the training loss stands still with much left; None where an epoch takes more than the part `least` of it away."""
    seen = [v for v in s.loss if isfinite(v)]
    if len(seen) < 4 or (s.guess is None and s.constant is None) or s.fitted:
        return None
    third = max(1, len(seen) // 3)
    before, since = (s.left(min(part)) for part in (seen[:-third], seen[-third:]))
    fell = 1 - since / before if before > 0 else 0.0
    if fell > least * third or (s.val_loss and s.left(s.lowest) > 1.4 * s.unlearnt):
        return None
    mode = f" ({number(s.trained_loss)} in evaluation mode)" if s.left(seen[-1]) > 1.5 * s.unlearnt else ""
    return (f"the training loss stays at {number(seen[-1])}{mode}, where {_knowing_nothing(s)}; it fell by {percent(max(0.0, fell))} in the last "
            f"{third} epochs")


def _small(s: Signs) -> bool:
    """Whether few numbers pass through it for so many classes, it has few weights for so many examples, or no activation."""
    passed = s.story.about.get("narrow")
    few = isinstance(passed, Mapping) and passed.get("numbers", inf) < 2 * (s.classes or 0)
    weights, examples = s.story.facts.get("parameters"), s.story.about.get("examples")
    light = isinstance(weights, int) and isinstance(examples, int) and weights < 0.1 * examples
    return few or light or passed is None or not any(one.get("active") for one in s.story.layers)


def _held(s: Signs) -> bool:
    """Whether something keeps it from learning all it could."""
    penalty = s.decay > 1e-3 or float(s.story.settings.get("l1") or 0) > 0
    return penalty or bool(s.story.about.get("noise")) or bool(s.story.about.get("augment"))


def nothing(s: Signs) -> Verdict | None:
    """No more is known than before, and no other rule knows why."""
    if s.learnt or s.fitted or not [v for v in s.loss if isfinite(v)]:
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
    many = min(len(seen), max(3, len(seen) // 4))
    fall, sure = _trend(seen[-many:])
    far, whole = s.left(s.lowest), s.reference - s.floor
    if not (sure and far > 0.05 and (fall > 0.1 * far * whole or (far > 0.5 and fall > 0.02 * (many - 1) * whole))):
        return None
    return Verdict("improving", title, f"the {which} loss fell from {number(seen[-many])} to {number(seen[-1])} in the last {many} epochs, steadily",
                   advice, "note")


def _trend(seen: list[float]) -> tuple[float, bool]:
    """By how much the line falls that fits these best, from the first to the last; and whether that is more than they vary about
    it: twice the standard error of its slope, and with two of them a tenth."""
    n = len(seen)
    middle, mean = (n - 1) / 2, sum(seen) / n
    width = sum((k - middle) ** 2 for k in range(n))
    slope = sum((k - middle) * (v - mean) for k, v in enumerate(seen)) / width
    fall = -slope * (n - 1)
    if n < 3:
        return fall, fall > 0.1 * seen[0]
    off = sum((v - mean - slope * (k - middle)) ** 2 for k, v in enumerate(seen))
    return fall, -slope > 2 * sqrt(off / (n - 2) / width)


def few_judge(s: Signs) -> Verdict | None:
    """So few examples judge that the share which is right may be far off: Wilson's interval, 95 %."""
    judged = s.story.judged
    if judged is None or judged.accuracy is None or judged.part == "training" or sum(judged.right) != judged.examples:
        return None
    n, p, z = judged.examples, judged.accuracy, 1.96
    centre, half = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    if half <= 0.1:
        return None
    return Verdict("few-judge", f"Only {n} examples judge it, so that little is certain",
                   f"{percent(p)} of {n} {judged.part} examples are right; of all there are it may be {percent(max(0.0, centre - half))} to "
                   f"{percent(min(1.0, centre + half))}", "more validation examples: 100 at least", "note")


def cut_off(s: Signs) -> Verdict | None:
    """A run that has not come to its end."""
    planned, end = s.story.planned, s.story.end.get("how")
    if s.story.running or s.failed or _of_data(s) or end in ("done", "stopped") or planned is None or max(s.epochs, default=0) >= planned or (end is None
                                                                                                        and s.story.settings.get("early_stopping")):
        return None
    there, on = f"{len(s.epochs)} of {planned} epochs are there", f"netspec train --resume {word(s.story.folder or s.story.name)}"
    if end is None:
        return Verdict("cut-off", "It was cut off, or is not over yet", there, on, "note")
    why = f": {s.story.end.get('why')}" if s.story.end.get("why") else ""
    return Verdict("cut-off", f"It was cut off after epoch {max(s.epochs, default=0)} of {planned}", there + why,
                   on, "note")


def _of_data(s: Signs) -> bool:
    """Whether the data ended it, which they would again."""
    notes = s.story.end.get("notes")
    return isinstance(notes, list) and any(str(n).startswith(("input ", "target ")) for n in notes)


def _knowing_nothing(s: Signs) -> str:
    return f"guessing costs {number(s.guess)}" if s.guess is not None else f"one answer to all examples costs {number(s.constant or 0.0)}"


def dead_besides(s: Signs) -> Verdict | None:
    """Units that have died in a network that has learnt."""
    if not s.fitted or not s.dead or s.dead[0][1] < 0.5:
        return None
    name, share, _ = s.dead[0]
    return Verdict("dead", f"Units of {name} are dead, and the others have learnt without them",
                   f"{percent(share)} of them answer 0 to every example", "leaky  for  relu, or fewer units", "note")


def learning(s: Signs) -> Verdict | None:
    """What it has come to, where nothing is wrong."""
    if not s.learnt:
        return None
    at = s.lowest_at if s.lowest_at is not None else len(s.judging) - 1
    said = f"{'validation' if s.val_loss else 'training'} loss {number(s.lowest)} at epoch {s.epochs[at]}"
    if s.guess is not None:
        said += f", where guessing costs {number(s.guess)}"
        if s.floor > 0.01 * s.guess:
            said += f", and no answer less than {number(s.floor)}"
    shares = s.val_accuracy or s.accuracy
    if shares and isfinite(shares[at]):
        said += f"; {percent(shares[at])} right"
    well = (s.left(s.lowest) < 0.3 or ((s.skill or 0.0) > 0.9 and s.above_chance is True)) and not s.story.running
    if s.story.judged is not None and s.story.judged.explained is not None:
        said += f"; answers explain {percent(s.story.judged.explained)} of the variance"
        well = s.story.judged.explained > 0.7 and not s.story.running
    return Verdict("learning", "It has learnt well" if well else "It is learning", said, "", "good")
