"""What the loss reads and what it compares with: an output that cannot answer, targets of another size, numbers in the place of
classes."""

from __future__ import annotations

from collections.abc import Mapping

from .signs import Signs
from .verdict import Verdict, number, percent

LARGE, SMALL = 20.0, 2e-3  # of targets: the deviation, or how many deviations the mean is away from 0, as of inputs
LOGITS = ("cross_entropy", "bce", "hinge")
ENDS = 0.5  # of the answers
POOR_FIT = 0.3  # of what there is to learn: more than this is left


def warned(s: Signs) -> Verdict | None:
    """What `check` warns of."""
    for one in s.story.about.get("warnings") or ():
        if isinstance(one, Mapping) and one.get("title"):
            spoils = str(one.get("code")).startswith("not-")
            return Verdict("output" if spoils else "unconnected", f"netspec check warns: {one['title']}",
                           f"{one.get('said')}; the training loss is {number(s.trained_loss)}", str(one.get("advice") or
                           "netspec check  says where"), "fault" if spoils or not s.fitted else "note")
    return None


def rectified(s: Signs) -> Verdict | None:
    """A rectifier behind the last layer: answers below 0 are lost, and their gradients."""
    last = s.story.layers[-1] if s.story.layers else None
    if last is None or s.latest is None or not last.get("active"):
        return None
    units, now = int(last.get("units") or 1), s.layer(s.latest, str(last["name"]))
    if not last.get("rectifies"):
        return _bounded(s, last, now.get("ends", 0.0))
    if not (s.silent or not s.fitted or s.unlearnt > 0.15):
        return None
    held = s.story.about.get("targets")
    below = isinstance(held, Mapping) and float(held.get("low") or 0.0) < 0
    if not s.silent and s.loss_word not in LOGITS and not (below and now.get("zeros", 0.0) > 0.1):
        return None
    dead = round(now.get("dead", 0.0))
    said = f"{percent(now.get('zeros', 0.0))} of what {last['name']} answers ({last.get('step')}) are zeros" + (
        f", and {dead} of its {units} units answer nothing else" if dead and units > 1 else ", to all examples" if s.silent else "")
    return Verdict("output", "The last layer rectifies (relu), so that answers below 0 are lost, and their gradients", said,
                   str(last.get("step", "")).replace(" relu", "") + "   without relu as the last line")


def _bounded(s: Signs, last: Mapping[str, object], ends: float) -> Verdict | None:
    """An activation with two ends before a loss that reads logits: no answer can be surer than they are."""
    step = str(last.get("step", ""))
    if s.loss_word not in LOGITS or ends < ENDS or "softmax" in step or "sigmoid" in step or not s.unlearnt > 0.15:
        return None
    return Verdict("output", "The last layer's activation bounds its answers, so that none can be sure",
                   f"{percent(ends)} of what {last.get('name')} answers ({step}) stands at the ends of its range; the training loss stays at "
                   f"{number(s.trained_loss)}", f"{' '.join(step.split()[:-1])}   without {step.split()[-1]} as the last line")


def targets(s: Signs) -> Verdict | None:
    """Numbers to be answered that are far from 0, or far apart."""
    held = s.story.about.get("targets")
    if not isinstance(held, Mapping) or (not s.failed and (s.fitted or not s.unlearnt > POOR_FIT)):
        return None
    mean, std = float(held.get("mean") or 0.0), float(held.get("std") or 0.0)
    small = 0 < std < SMALL and abs(mean) < LARGE
    if not small and std <= LARGE and abs(mean) <= LARGE * max(std, 1.0):
        return None
    return Verdict("targets", f"The targets are not scaled: {'they hardly vary' if small else 'their numbers are too large'}",
                   f"they have mean {number(mean)} and deviation {number(std)}, where about 0 and 1 are learnt well; the training "
                   f"loss is {number(s.trained_loss)}", "y = (y - y.mean()) / y.std()   before training, and back after it")


def numbered(s: Signs) -> Verdict | None:
    """A loss of numbers on what look like the numbers of classes, where it is not learnt."""
    held = s.story.about.get("targets")
    if not isinstance(held, Mapping) or not held.get("whole") or (not s.failed and (s.fitted or not s.unlearnt > POOR_FIT)):
        return None
    return Verdict("class-numbers", f"The targets look like classes, and {s.loss_word} takes them for amounts",
                   f"all of them are whole numbers, few different ones, with mean {number(float(held['mean']))}",
                   "loss cross_entropy   and as many units in the last layer as there are classes")
