"""Examples that are in the wrong order, have the wrong labels, are too few of a class, or differ from those that judge."""

from __future__ import annotations

from math import sqrt
from statistics import median

from .signs import Signs
from .verdict import Verdict, number, percent

RARE = 10  # times fewer examples of a class than of the commonest


def not_shuffled(s: Signs) -> Verdict | None:
    """Classes that come one after the other, or the same order in every epoch."""
    data = [d for k in s.story.measured if (d := s.story.statistics[k].get("data"))]
    if not data or s.story.about.get("batches") == 1:
        return None
    apart, drawn = (median(d.get(k) or 0.0 for d in data) for k in ("apart", "apart_drawn"))
    if apart > 0.25 and apart > 1.8 * drawn + 0.05:
        return Verdict("not-shuffled", "The data are not shuffled: classes come one after the other",
                       f"the shares of the classes in a batch are {percent(apart)} away "
                       f"from those of all examples, where a shuffled order has {percent(drawn)}",
                       "leave shuffle=False out; batches of your own are to be mixed before training")
    orders = [d.get("order") for d in data]
    if len(orders) > 1 and len(set(orders)) == 1:
        return Verdict("not-shuffled", "The data are not shuffled: every epoch has the same order",
                       f"the order is the same in {len(orders)} epochs",
                       "leave shuffle=False out; batches of your own are to be mixed anew for each epoch")
    return None


def labels(s: Signs) -> Verdict | None:
    """Nothing that is learnt holds for other examples, from the first epoch on."""
    if not _only_chance(s) or s.chance is None:
        return None
    first = s.accuracy[0] if s.accuracy else None
    n = int(s.story.about.get("examples") or sum(s.counts) or 100)
    chance = max(s.chance, max(s.counts) / sum(s.counts) if any(s.counts) else 0.0)
    if first is not None and first > chance + 4 * sqrt(chance * (1 - chance) / n) + 0.05:
        return None
    heart = s.trained_accuracy is not None and s.trained_accuracy > chance + 0.2
    some = s.trained_accuracy is not None and s.trained_accuracy > chance + 0.06
    healthy = some and (s.ratio is None or 1e-4 < s.ratio < 3e-2)
    if not (heart or healthy):
        return None
    right = max(s.val_accuracy)
    said = f"of the examples that judge {percent(right)} are right, as by chance ({percent(s.chance)})" + (
        f", though {percent(s.trained_accuracy or 0)} of the training examples are learnt by heart" if heart else
        f", and of those that are learnt from {percent(s.trained_accuracy or 0)}, though the weights move")
    return Verdict("labels", "The labels are wrong: they have nothing to do with the examples (shuffled, or shifted)", said,
                   "look at the examples below with their labels: is the order of both files the same?")


def _only_chance(s: Signs) -> bool:
    """Whether the answers on the examples that judge are right as often as by chance, and never better."""
    return bool(s.val_accuracy) and s.above_chance is False and (s.guess is None or s.lowest > 0.9 * s.guess)


def differs(s: Signs) -> Verdict | None:
    """Training and validation examples that are not of the same kind."""
    judged = s.story.judged
    if judged is None or not s.val_loss or (s.trained_accuracy is None and s.trained_loss > 0.7 * s.lowest):
        return None
    title, advice = "Training and validation data differ", "both parts from one source, prepared in the same way:  data ... validation=0.2"
    good, right = s.trained_accuracy, judged.accuracy
    if right is not None and good is not None and good < right + 0.1 and s.lowest < 1.5 * s.trained_loss:
        return None
    if s.input is not None and "mean" in judged.input and s.input[1] > 0:
        (m, d), (vm, vd) = s.input, (judged.input["mean"], judged.input["std"])
        if abs(m - vm) > 0.5 * max(d, min(vd, 2 * d)) or not 0.5 < (vd / d if d else 1) < 2:
            return Verdict("differs", title,
                           f"the first layer reads numbers of mean {number(m)} and deviation {number(d)} in training, and of {number(vm)} and {number(vd)} "
                           f"in the {judged.part}", advice)
    if right is None or good is None or not judged.confusion or good < right + 0.1:
        return None
    swapped = _best_match(judged.confusion)
    if swapped > right + 0.25 and swapped > 1.5 * right and right < 0.7:
        a, b = max(((i, j) for i in range(len(judged.confusion)) for j in range(len(judged.confusion)) if i != j),
                   key=lambda ij: judged.confusion[ij[0]][ij[1]])
        return Verdict("differs", title + ": their classes have other numbers",
                       f"{s.story.called(a)} is answered {s.story.called(b)} {judged.confusion[a][b]} times; with the "
                       f"classes renamed {percent(swapped)} would be right, and {percent(right)} are",
                       "the same order of the classes in both parts")
    early = s.accuracy[0] if s.accuracy else 0.0
    chance = s.chance or 0.0
    mixed = s.story.about.get("shuffled") is not False
    if _only_chance(s) and early > chance + 0.2 and mixed:
        return Verdict("differs", title,
                       f"in the first epoch {percent(early)} of the training examples are right before they are learnt from, and of the {judged.part} "
                       f"never more than {percent(max(s.val_accuracy))}", advice)
    return None


def _best_match(confusion: tuple[tuple[int, ...], ...]) -> float:
    """The share that is right where each class is taken for the one that is answered most, each once."""
    every = sum(map(sum, confusion))
    pairs = sorted(((n, i, j) for i, row in enumerate(confusion) for j, n in enumerate(row)), reverse=True)
    rows, columns, found = set[int](), set[int](), 0
    for n, i, j in pairs:
        if i not in rows and j not in columns:
            rows.add(i)
            columns.add(j)
            found += n
    return found / every if every else 0.0


def missing(s: Signs) -> Verdict | None:
    """Classes that judge and are never learnt."""
    judged = s.story.judged
    if judged is None or not s.counts:
        return None
    never = [k for k, n in enumerate(judged.right) if n and (k >= len(s.counts) or not s.counts[k])]
    if not never:
        return None
    return Verdict("differs", "Training and validation data differ: classes are missing in training",
                   f"no training example is of {', '.join(map(s.story.called, never[:5]))}, "
                   f"and {sum(judged.right[k] for k in never)} of the {judged.part} are", "examples of every class in both parts")


def imbalance(s: Signs) -> Verdict | None:
    """Classes so rare that they are not learnt."""
    judged, counts = s.story.judged, s.counts
    if judged is None or not judged.confusion or not counts or (max(counts) < RARE * max(1, min(counts))
                                                                and max(counts) < 0.75 * sum(counts)):
        return None
    most = max(counts)
    rare = [k for k, n in enumerate(counts[: len(judged.confusion)]) if n * RARE <= most or (len(counts) == 2 and n < most)]
    found = judged.found
    seen = [k for k in rare if found[k] is not None]
    if not seen:
        return None
    worst = min(seen, key=lambda k: found[k] or 0.0)
    common = [f for k, f in enumerate(found) if k not in rare and f is not None]
    if (found[worst] or 0.0) > 0.7 * (sum(common) / len(common) if common else 1.0):
        return None
    top = counts.index(most)
    return Verdict("imbalance", "The classes are imbalanced: rare ones are not learnt",
                   f"{s.story.called(top)} has {most:,} training examples, {s.story.called(worst)} "
                   f"{counts[worst]:,}, of which {percent(found[worst] or 0)} are found in the {judged.part}",
                   "weigh the classes:  loss cross_entropy weights=[...];  more examples of the rare ones; and  metric f1  beside the accuracy")


def one_class(s: Signs) -> Verdict | None:
    """The same answer to everything."""
    judged = s.story.judged
    if judged is None or not any(judged.answered):
        return None
    k = max(range(len(judged.answered)), key=judged.answered.__getitem__)
    share, right = judged.answered[k] / sum(judged.answered), judged.right[k] / sum(judged.right)
    if share < 0.95 or right > 0.9 or share - right < 0.1:
        return None
    return Verdict("one-class", "One class is always answered",
                   f"{percent(share)} of the answers are {s.story.called(k)}, and {percent(right)} of the {judged.part} are",
                   "a smaller learning rate, or classes of the same size")


def modes(s: Signs) -> Verdict | None:
    """Training examples that are right while they are learnt, and wrong in evaluation mode."""
    if s.trained_accuracy is None or not s.accuracy or not s.story.probe("accuracy"):
        return None
    if s.accuracy[-1] < s.trained_accuracy + 0.2:
        return None
    return Verdict("modes", "Training examples are right in training, and wrong in evaluation mode",
                   f"{percent(s.accuracy[-1])} of them in the last epoch, and {percent(s.trained_accuracy)} after it",
                   "larger batches for batch norm, or examples in another order")
