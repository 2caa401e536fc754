"""Examples that are in the wrong order, have the wrong labels, are too few of a class, or differ from those that judge."""

from __future__ import annotations

from math import isfinite, sqrt
from statistics import median

from .signs import Signs
from .verdict import Verdict, number, percent

WRONG = "The labels have nothing to do with the examples"
DIFFER = "Training and validation data differ"
ALIKE = "examples of both parts from one source, prepared in the same way"
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
    """Nothing that is learnt holds for other examples, from the first epoch on, though something is learnt."""
    if s.chance is None:
        return _targets(s)
    if not s.val_accuracy or not s.steady or not s.left(s.lowest) > 0.95:
        return None
    if s.val_loss[-1] < min(s.val_loss[0], 0.99 * s.reference):  # it falls with that of training, if slowly
        return None
    first, last = (s.accuracy[0], _late(s.accuracy)) if s.accuracy else (None, None)
    n, probe, v = (int(k or 100) for k in (s.story.about.get("examples") or sum(s.counts), s.story.about.get("probe"),
                                           s.story.judged.examples if s.story.judged is not None else 0))
    chance = max(s.chance, s.usual or 0.0)
    apart = sqrt(chance * (1 - chance))
    if _late(s.val_accuracy) > chance + max(0.06, 2 * apart / sqrt(v)):
        return None
    if first is not None and first > chance + 4 * apart / sqrt(n) + 0.05:
        return None
    known = s.trained_accuracy
    heart = known is not None and known > chance + 0.2
    some = known is not None and known > chance + max(0.06, 3 * apart / sqrt(probe))
    begun = (last is not None and len(s.loss) >= 4 and last > chance + 3 * apart / sqrt(n) and s.left(s.loss[-1]) < 0.995
             and s.val_loss[-1] > s.val_loss[0])
    if not (heart or some or begun):
        return None
    right = max(s.val_accuracy)
    said = f"of the {_part(s)} {percent(right)} are right, as by chance ({percent(s.chance)})" + (
        f", though {percent(known or 0)} of the training examples are learnt by heart" if heart else
        f", though the training examples begin to be learnt ({percent(max(known or 0, last or 0))}, and the loss falls)")
    return Verdict("labels", WRONG + " (shuffled, or shifted)", said,
                   "look at the examples below with their labels: is the order of both files the same?")


def _late(values: list[float]) -> float:
    """The mean of the last three."""
    return sum(values[-3:]) / len(values[-3:])


def _targets(s: Signs) -> Verdict | None:
    """The same of numbers: answers are never better than one that is the same to all, though training examples are learnt."""
    judged = s.story.judged
    if judged is None or judged.explained is None or s.constant is None or judged.part == "training" or s.silent:
        return None
    if judged.explained > 0.03 or s.left(s.lowest) < 0.95 or not s.unlearnt < 0.8 or not s.steady:
        return None
    return Verdict("labels", WRONG + " (shuffled, or shifted)",
                   f"the loss of the {_part(s)} is never below {number(s.lowest)}, and one answer to all examples costs {number(s.constant)}; "
                   f"the training examples are learnt to {number(s.trained_loss)}",
                   "look at the examples below with their numbers: is the order of both files the same?")


def unrelated(s: Signs) -> Verdict | None:
    """Nothing is learnt, and nothing in the network or its steps explains it."""
    steps = (s.of("steps") or 0) * len(s.loss)
    known = s.chance is not None or s.constant is not None
    if s.learnt or s.fitted or not s.steady or s.silent or not known or len(s.loss) < 4 or steps < 100:
        return None
    if not 0.9 <= s.unlearnt < 1.1:
        return None
    return Verdict("labels", "Nothing is learnt, though weights move as they should: " + WRONG[0].lower() + WRONG[1:],
                   f"after {round(steps):,} steps the training loss is {number(s.trained_loss)}, and answers that know nothing cost "
                   f"{number(s.reference)}", "look at the examples below with their labels: is the order of both files the same?  netspec doctor  "
                   "looks at the data")


def noisy(s: Signs) -> Verdict | None:
    """Other examples that are answered better than those that are learnt from, as they are: labels of these must be wrong."""
    if not s.val_accuracy or not s.accuracy or not s.learnt or not s.story.probe("accuracy") or len(s.loss) < 3:
        return None
    right, known, running = s.val_accuracy[-1], s.trained_accuracy or 0.0, s.accuracy[-1]
    if not isfinite(right) or s.story.about.get("noise") or s.story.about.get("augment"):
        running = known
    n = [int(s.story.about.get(k) or 100) for k in ("probe", "probe" if running == known else "examples")]
    v = s.story.judged.examples if s.story.judged is not None else 100

    def far(a: float, many: int, times: float) -> bool:
        """Whether a share of so many is further below `right` than chance explains."""
        return right - a > max(0.1, times * sqrt(a * (1 - a) / many + right * (1 - right) / max(1, v)))

    if not (far(known, n[0], 2) and far(running, n[1], 4)):
        return None
    return _other_inputs(s) or Verdict("label-noise", "Some of the training labels are wrong",
                   f"{percent(known)} of the training examples are right, and {percent(right)} of the {_part(s)}, which are not learnt from: "
                   "the network knows better than some of its labels",
                   "look at the training examples that it gets wrong, and correct their labels;  loss cross_entropy smoothing=0.1")


def _part(s: Signs) -> str:
    """What the examples are called that judge it."""
    return f"{s.story.judged.part if s.story.judged is not None else 'validation'} examples"


def _only_chance(s: Signs) -> bool:
    """Whether the answers on the examples that judge are right as often as by chance, and never better."""
    return bool(s.val_accuracy) and s.above_chance is False and (s.guess is None or s.left(s.lowest) > 0.9)


def differs(s: Signs) -> Verdict | None:
    """Training and validation examples that are not of the same kind."""
    judged = s.story.judged
    if judged is None or not s.val_loss or (s.trained_accuracy is None and s.trained_loss > 0.7 * s.lowest):
        return None
    good, right = s.trained_accuracy, judged.accuracy
    if right is not None and good is not None and good < right + 0.1 and s.lowest < 1.5 * s.trained_loss:
        return None
    other = _other_inputs(s)
    if other is not None:
        return other
    if right is None or good is None or not judged.confusion or good < right + 0.1:
        return None
    swapped = _best_match(judged.confusion)
    if swapped > right + 0.25 and swapped > 1.5 * right and right < 0.7:
        a, b = max(((i, j) for i in range(len(judged.confusion)) for j in range(len(judged.confusion)) if i != j),
                   key=lambda ij: judged.confusion[ij[0]][ij[1]])
        return Verdict("differs", DIFFER + ": their classes have other numbers",
                       f"examples of class {s.story.called(a)} are taken for class {s.story.called(b)}, {judged.confusion[a][b]} of "
                       f"{judged.right[a]}; were the classes renamed, {percent(swapped)} would be right, and {percent(right)} are",
                       "the same order of the classes in both parts")
    early = s.accuracy[0] if s.accuracy else 0.0
    chance = s.chance or 0.0
    mixed = s.story.about.get("shuffled") is not False
    if _only_chance(s) and early > chance + 0.2 and mixed:
        return Verdict("differs", DIFFER,
                       f"in the first epoch {percent(early)} of the training examples are right before they are learnt from, and of the {judged.part} examples "
                       f"never more than {percent(max(s.val_accuracy))}", ALIKE)
    return None


def _other_inputs(s: Signs) -> Verdict | None:
    """Inputs whose mean is half a deviation away, or whose deviation is half or twice."""
    judged = s.story.judged
    if judged is None or s.input is None or "mean" not in judged.input or not s.input[1] > 0:
        return None
    (m, d), (vm, vd) = s.input, (judged.input["mean"], judged.input["std"])
    if abs(m - vm) <= 0.5 * max(d, min(vd, 2 * d)) and 0.5 < vd / d < 2:
        return None
    return Verdict("differs", DIFFER,
                   f"the first layer reads numbers of mean {number(m)} and deviation {number(d)} in training, and of {number(vm)} and {number(vd)} "
                   f"in the {judged.part} examples", ALIKE)


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
                   f"and {sum(judged.right[k] for k in never)} of the {judged.part} examples are", "examples of every class in both parts")


def imbalance(s: Signs) -> Verdict | None:
    """Classes so rare that they are not learnt."""
    judged, counts = s.story.judged, s.counts
    if judged is None or not judged.confusion or not counts or (max(counts) < RARE * max(1, min(counts))
                                                                and max(counts) < 0.75 * sum(counts)):
        return None
    if s.astray > 0.97:  # not even the shares of the classes are known
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
                   f"{counts[worst]:,}, of which {percent(found[worst] or 0)} are found in the {judged.part} examples",
                   f"weigh the classes:{_weighed(s)}  more examples of the rare ones; and  metric f1  beside the accuracy")


def _weighed(s: Signs) -> str:
    """The loss with weights that make rare classes count as much as the commonest, up to a hundred times."""
    most = max(s.counts)
    if s.loss_word not in ("cross_entropy", "nll") or len(s.counts) > 12:
        return ""
    weights = ",".join(f"{min(100.0, most / max(1, n)):.2g}" for n in s.counts)
    return f"  --with 'loss {s.loss_word} weights=[{weights}]';"


def one_class(s: Signs) -> Verdict | None:
    """The same answer to everything."""
    judged = s.story.judged
    if judged is None or not any(judged.answered) or s.left(s.lowest) < 0.97:
        return None
    k = max(range(len(judged.answered)), key=judged.answered.__getitem__)
    share, right = judged.answered[k] / sum(judged.answered), judged.right[k] / sum(judged.right)
    if share < 0.95 or right > 0.9 or share - right < 0.1:
        return None
    return Verdict("one-class", "One class is always answered",
                   f"{percent(share)} of the answers are {s.story.called(k)}, and {percent(right)} of the {judged.part} examples are",
                   "a smaller learning rate, or classes of the same size")


def modes(s: Signs) -> Verdict | None:
    """Training examples that are right while they are learnt, and wrong in evaluation mode."""
    if s.trained_accuracy is None or not s.accuracy or not s.story.probe("accuracy"):
        return None
    if s.accuracy[-1] < s.trained_accuracy + 0.2:
        return None
    return Verdict("modes", "Training examples are right while they are learnt from, and wrong in evaluation mode",
                   f"{percent(s.accuracy[-1])} of them in the last epoch, and {percent(s.trained_accuracy)} after it",
                   "larger batches for batch norm, or examples in another order")
