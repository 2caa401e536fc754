"""Layers that stand in the way: first weights, dead units, inputs of another size."""

from __future__ import annotations

from math import isfinite
from statistics import median

from .signs import Signs
from .verdict import Verdict, number, percent

DEAD = 0.5  # of a layer's units
VANISHING = 1e-4  # of the first layer's gradient against the last one's, each by weight
PULL = 0.2  # of a penalty against the gradient of the examples
SATURATED = 0.6  # of a layer's values at the ends of its range
LARGE, SMALL = 20.0, 2e-3  # of inputs: they should have a deviation of about 1
INITIALISE = "what init= says away, so that netspec's own first weights hold;  or a normalisation, bn, after each layer"


def inputs(s: Signs) -> Verdict | None:
    """What the first layer reads is far from mean 0 and deviation 1."""
    if s.input is None:
        return None
    mean, std = s.input
    said = f"the first layer reads numbers of mean {number(mean)} and deviation {number(std)}"
    if std == 0:
        return Verdict("inputs", "Every input is the same", said, "look at the data: the file may hold nothing but zeros")
    poor = not s.fitted or not s.learnt or (s.guess is not None and s.first_loss is not None and s.first_loss > 3 * s.guess)
    if (std > LARGE or abs(mean) > LARGE) and poor:
        return Verdict("inputs", "The inputs are not scaled: they are too large", said,
                       "prepare standardise  in the train section")
    if std < SMALL and poor:
        return Verdict("inputs", "The inputs are not scaled: they hardly vary", said, "prepare standardise  in the train section")
    return None


def not_finite(s: Signs) -> Verdict | None:
    """Examples that hold what is no number, which ended the training."""
    notes = s.story.end.get("notes")
    blame = next((str(n) for n in notes if str(n).startswith(("input ", "target "))), "") if isinstance(notes, list) else ""
    if not blame:
        return None
    return Verdict("inputs", "The data hold numbers that are not finite", f"{blame}; {s.story.end.get('why')}",
                   "clean the data:  np.isfinite(x).all()  must be True")


def same(s: Signs) -> Verdict | None:
    """First weights that are all the same, so that all units of a layer stay the same."""
    flat = [n for n in s.weighted[:-1] if (w := s.layer(0, n)) and "weight" in w
            and abs(w["weight"] - abs(w.get("weight_mean", 0.0))) <= 1e-6 * abs(w["weight"])]
    if not flat or s.fitted:
        return None
    value = s.layer(0, flat[0])["weight_mean"]
    return Verdict("first-weights", "The first weights are all the same",
                   f"those of {flat[0]} are all {number(value)}: its units learn the "
                   "same, or nothing", INITIALISE)


def exploding(s: Signs) -> Verdict | None:
    """A loss before the first step that is many times what guessing costs."""
    if s.guess is None or s.first_loss is None or not s.guess > 0:
        return None
    if isfinite(s.first_loss) and s.first_loss < 4 * s.guess:
        return None
    return Verdict("first-weights", "The first weights are too large",
                   f"before the first step the loss is {number(s.first_loss)}, and guessing "
                   f"costs {number(s.guess)}", INITIALISE)


def vanishing(s: Signs) -> Verdict | None:
    """Gradients that are lost, or signals that are, on their way through the layers, where little is learnt."""
    if len(s.weighted) < 3 or s.fitted or (s.learnt and s.unlearnt < 0.5) or 0 not in s.story.statistics:
        return None
    first, last = s.weighted[0], s.weighted[-1]
    g = [s.layer(0, n).get("gradient", float("nan")) for n in (first, last)]
    if g[1] > 0 and g[0] < VANISHING * (1 if s.learnt else 10) * g[1]:
        return Verdict("first-weights", "Gradients vanish on their way back: the first weights are too small, or their activations flat",
                       f"before the first step a weight of {first} has a gradient of {number(g[0])}, one of {last} of {number(g[1])}",
                       INITIALISE + ";  or relu for sigmoid and tanh")
    quiet = next((n for n in s.weighted[:-1] if s.input and s.layer(0, n).get("std", 1.0) < VANISHING * max(s.input[1], 1e-12)),
                 None)
    if quiet is not None:
        return Verdict("first-weights", "Signals vanish on their way: the first weights are too small",
                       f"before the first step what {quiet} gives has a deviation of {number(s.layer(0, quiet)['std'])}, its input one of "
                       f"{number(s.input[1] if s.input else 0.0)}", INITIALISE)
    return None


def dead_at_first(s: Signs) -> Verdict | None:
    """Rectifiers through which nothing goes from the beginning on."""
    return _dead(s, True)


def dead_later(s: Signs) -> Verdict | None:
    """Rectifiers that have died in training."""
    return _dead(s, False)


def _dead(s: Signs, at_first: bool) -> Verdict | None:
    gone = [d for d in s.dead if d[1] >= DEAD and (d[2] is not None and d[2] >= 0.8 * d[1]) == at_first]
    if not gone or s.fitted:
        return None
    name, share, first = gone[0]
    others = f", and half or more in {len(gone) - 1} other layer{'s' if len(gone) > 2 else ''}" if len(gone) > 1 else ""
    when = "" if first is None else ", as before the first step" if at_first else f", {percent(first)} before the first step"
    return Verdict("dead", "Units are dead: rectifiers (relu) answer nothing to any example",
                   f"{percent(share)} of the units of {name} say the same to every example{when}{others}",
                   "first weights and biases as netspec chooses them, without init= and bias_init=" if at_first
                   else "a smaller learning rate, or  leaky  for  relu")


def saturated(s: Signs) -> Verdict | None:
    """Activations that stand at the ends of their range: all the time, in layers that hardly move, or where little is learnt."""
    if s.latest is None:
        return None
    bounded = [str(one["name"]) for one in s.story.layers[:-1] if one.get("active") and not one.get("rectifies")]
    ends = {n: s.layer(s.latest, n).get("ends", 0.0) for n in bounded}
    full = [n for n in bounded if ends[n] > SATURATED]
    always = [n for n in full if s.layer(0, n).get("ends", 0.0) > SATURATED]
    last = s.weighted[-1] if s.weighted else ""
    stuck = [n for n in always if (a := _moved(s, n)) is not None and (b := _moved(s, last)) is not None and a < 0.1 * b]
    if not (stuck and s.left(s.lowest) > 0.15) and not (full and not (s.learnt and s.fitted)):
        return None
    n = (stuck or full)[0]
    still = f"; a step moves its weights by {_moved(s, n):.1e} of their length, and those of {last} by {_moved(s, last):.1e}" if stuck else ""
    return Verdict("saturated", "Activations are saturated",
                   f"{percent(ends[n])} of what {n} gives stands at the ends of its range, where gradients are nearly zero"
                   + (", as before the first step" if n in always else "") + still, INITIALISE + ";  or a smaller learning rate")


def _moved(s: Signs, name: str) -> float | None:
    """How far a step moves a layer's weights, as a rule."""
    seen = [v for k in s.story.measured if (v := s.layer(k, name).get("ratio")) is not None and isfinite(v)]
    return median(seen) if seen else None


def shrunk(s: Signs) -> Verdict | None:
    """Weights that a penalty has made next to nothing, or that it pulls at as hard as the examples do."""
    if s.latest is None or 0 not in s.story.statistics or s.fitted:
        return None
    pairs = [(n, s.layer(0, n).get("weight", 0.0), s.layer(s.latest, n).get("weight", 0.0)) for n in s.weighted if n not in s.frozen]
    small = [(n, a, b) for n, a, b in pairs if a > 0 and b < 0.2 * a]
    smaller = [(n, a, b) for n, a, b in pairs if a > 0 and b < 0.5 * a]
    pulled = [(n, a, b) for n, a, b in smaller if s.decay * b > PULL * s.layer(s.latest, n).get("gradient", 0.0)]
    found = small if small and len(small) >= 0.5 * len(pairs) else pulled if pulled and len(pulled) >= 0.5 * len(pairs) else []
    if not found:
        return None
    n, a, b = found[0]
    pull = "" if not s.decay else (f"; with a decay of {s.decay:g} the penalty pulls at them with {number(s.decay * b)}, the examples with "
                                   f"{number(s.layer(s.latest, n).get('gradient', 0.0))}")
    return Verdict("regularised", "It is regularised too much: the penalty makes the weights too small",
                   f"the weights of {n} are about {number(b)} (root of the mean square), and were {number(a)}{pull}; the training loss is "
                   f"{number(s.trained_loss)}", _less(s))


def _less(s: Signs) -> str:
    """What says a usual penalty."""
    line = str(s.story.settings.get("optimiser", ""))
    words = [w for w in line.split() if w.startswith("decay=")]
    if words and words[0] != "decay=0":
        return f"less of it:  --with '{line.replace(words[0], 'decay=1e-4')}'"
    kind = "l1" if float(s.story.settings.get("l1") or 0) > float(s.story.settings.get("l2") or 0) else "l2"
    return f"less of it:  regularise {kind} 1e-4"
