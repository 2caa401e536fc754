"""Steps that are too long or too short."""

from __future__ import annotations

import itertools
from math import isfinite, log10

from .signs import Signs
from .verdict import Verdict, number, percent

LONG, SHORT = 3e-2, 1e-4  # of steps against weights: usual is 1e-3, ten times more or less is no fault yet
FEW = 50  # steps
STILL = 0.05  # of what is left: a loss that falls by less stands still
HEAVY = 0.99  # of momentum: a step adds up a hundred gradients
TENTH = "a tenth of the learning rate:  --with '{}';  or  clip=1  of the optimiser"


def optimiser(s: Signs, factor: float) -> str:
    """The optimiser's line with another learning rate."""
    line = str(s.story.settings.get("optimiser", "")) or "sgd"
    words = line.split()
    old = next((w for w in words if w.startswith("lr=")), "")
    try:
        new = f"lr={float(old[3:]) * factor:.2g}"
    except ValueError:
        return f"{words[0]} lr=..."
    return " ".join(new if w == old else w for w in words)


def moved(s: Signs, most: tuple[float, int] | None = None) -> str:
    """How far steps move weights: in the epoch in which they were longest, or as a rule."""
    if most is not None:
        return f"; a step of epoch {most[1]} moved weights by {most[0]:.1e} of their length, where 1e-3 is usual"
    return "" if s.ratio is None else f"; a step moves weights by {s.ratio:.1e} of their length, where 1e-3 is usual"


def diverged(s: Signs) -> Verdict | None:
    """Losses without end: an error said so, or a loss is many times what it was."""
    end, seen = s.story.end, [v for v in s.loss if isfinite(v)]
    failed = s.failed
    infinite = any(not isfinite(v) for v in s.loss)
    high = max(s.reference, seen[0]) if seen else s.reference
    grown = bool(seen) and seen[-1] > 10 * min(seen) and seen[-1] > 3 * high
    if not (failed or infinite or grown):
        return None
    said = f"{end.get('why')}, in step {end.get('step')} of epoch {end.get('epoch')}" if failed else \
        "a loss is no finite number" if infinite else f"the training loss is {number(seen[-1])}, and was {number(min(seen))}"
    return Verdict("diverged", "It has diverged: the learning rate is too high", said + moved(s, s.longest),
                   TENTH.format(optimiser(s, 0.1)))


def too_high(s: Signs) -> Verdict | None:
    """Nothing is learnt in long steps, or the loss goes up and down."""
    seen = [v for v in s.loss if isfinite(v)]
    if not seen:
        return None
    most = s.longest[0] if s.longest is not None else 0.0
    restless = s.rises >= 0.2 or s.astray > 0.97
    long = most > 3 * LONG or (most > LONG and restless) or (s.died and most > 0.3 * LONG)
    blind = s.longest is None and s.died and s.astray > 0.97  # nobody has measured steps
    thrown = s.guess is not None and max(seen) > 2 * s.guess and (s.first_loss is None or max(seen) > 1.5 * s.first_loss)
    poor = s.astray > 0.5 and not s.fitted
    jumps = s.rises >= 0.33 and len(seen) >= 6 and s.astray > 0.15
    said = ""
    if poor and (long or thrown or blind):
        said = f"the training loss is {number(seen[-1])}" + (f", where guessing costs {number(s.guess)}" if s.guess else "") + (
            f", and was {number(max(seen))}" if thrown and max(seen) > seen[-1] else "")
    elif s.died and not s.fitted and (most > 0.3 * LONG or s.longest is None):
        said = f"units have died, {percent(s.dead[0][1])} of those of {s.dead[0][0]}"
    elif jumps and (not most or most > LONG):
        said = f"the training loss goes up by a tenth or more in {round(s.rises * (len(seen) - 1))} of {len(seen) - 1} epochs"
    return Verdict("rate-high", "The learning rate is too high", said + moved(s, s.longest),
                   TENTH.format(optimiser(s, 0.1))) if said else None


def too_low(s: Signs) -> Verdict | None:
    """Steps so short that the loss has hardly begun to fall, or is still on its way down in a straight line."""
    seen = [v for v in s.loss if isfinite(v)]
    if not seen or s.fitted or s.silent:
        return None
    still = s.ratio is not None and s.ratio < SHORT
    down = all(b <= a * 1.002 for a, b in itertools.pairwise(seen)) and len(seen) >= 3
    fell = (seen[0] - seen[-1]) / seen[0]
    straight = down and fell > 1e-5 and (seen[-2] - seen[-1]) > 0.4 * (seen[0] - seen[-1]) / (len(seen) - 1)
    straight = straight and not (s.val_loss and s.val_loss[-1] > 1.01 * s.val_loss[0])
    slow = straight and fell < 0.35 and s.unlearnt > 0.5 and (s.ratio is None or s.ratio < 4 * SHORT)
    if not (still or slow):
        return None
    said = f"after {len(seen)} epoch{'s' if len(seen) > 1 else ''} the training loss is {number(seen[-1])}, and was {number(seen[0])} in the first"
    return Verdict("rate-low", "The learning rate is too low", said + moved(s),
                   f"a larger learning rate:  --with '{optimiser(s, _raised(s))}';  ten times that if it is still slow")


def _raised(s: Signs) -> float:
    """Times how much the rate makes steps of 3e-3 at first, which is usual; a power of ten."""
    if s.ratio is None or not s.ratio > 0:
        return 10.0
    return float(min(1e4, max(10.0, 10.0 ** round(log10(3e-3 / s.ratio)))))


def few_steps(s: Signs) -> Verdict | None:
    """Hardly a step has been made."""
    steps, epochs = s.of("steps"), len(s.loss)
    if not steps or not s.loss or s.fitted or not s.unlearnt > 0.3 or s.story.running:
        return None
    if steps * epochs >= FEW or not s.loss[-1] < s.loss[0]:
        return None
    batch = s.story.settings.get("batch")
    return Verdict("few-steps", "It has made too few steps to learn",
                   f"the weights were changed {round(steps * epochs)} times, {round(steps)} in each of {epochs} epochs; the training loss is "
                   f"{number(s.loss[-1])}, was {number(s.loss[0])}, and is still falling",
                   f"--epochs {10 * max(1, epochs)}" + (f";  or smaller batches:  --with 'batch {max(1, min(32, batch // 8))}'"
                                                if isinstance(batch, int) and batch > 8 and steps < 10 else ""))


def momentum(s: Signs) -> Verdict | None:
    """Steps that add up so many gradients that they overshoot."""
    line = str(s.story.settings.get("optimiser", ""))
    word = next((w for w in line.split() if w.startswith("momentum=")), "")
    try:
        m = float(word.removeprefix("momentum="))
    except ValueError:
        return None
    if not m >= HEAVY or not (s.failed or not s.fitted or (s.rises >= 0.33 and s.left(s.judging[-1]) > 0.15)):
        return None
    lr = next((v for v in s.story.column("lr") if isfinite(v)), None)
    add = "1 / (1 - momentum)" if m >= 1 else f"1 / (1 - {m:g}) = {1 / (1 - m):,.0f} gradients"
    rate = f", so that lr={lr:g} moves as far as lr={lr / (1 - m):.3g} does without" if lr and m < 1 else ""
    return Verdict("momentum", "The momentum is too large", f"with {word} a step adds up {add}{rate}; the training loss is "
                   f"{number(s.trained_loss)}" + moved(s, s.longest), f"--with '{line.replace(word, 'momentum=0.9')}'")


def lagging(s: Signs) -> Verdict | None:
    """An average of the weights that still holds those of the beginning, which is what is judged."""
    try:
        keeps = float(s.story.settings.get("average") or 0)
    except (TypeError, ValueError):
        return None
    steps = (s.of("steps") or 0) * len(s.loss)
    share = keeps**steps if steps else 0.0
    if not 0 < keeps < 1 or share < 0.05 or not s.val_loss or not s.left(s.lowest) > max(0.3, 1.5 * s.unlearnt):
        return None
    good = round(1 - 3 / steps, 3) if steps > 3 else 0.9
    return Verdict("average", "The average of the weights still holds the first ones",
                   f"with average {keeps:g} the weights before the first step are {percent(share)} of the average after {round(steps):,} steps; it costs "
                   f"{number(s.lowest)} on the validation, and the weights themselves {number(s.trained_loss)} on training examples",
                   f"--with 'average {min(keeps, max(0.5, good)):g}',  or without it")


def ends_early(s: Signs) -> Verdict | None:
    """A schedule that stops the steps while there is something left to learn."""
    rates = [v for v in s.story.column("lr") if isfinite(v)]
    if len(rates) < 4 or not s.unlearnt > 0.05 or not max(rates) > 0:
        return None
    gone = next((k for k, v in enumerate(rates) if v < 0.01 * max(rates)), len(rates))
    if gone > len(rates) / 2:
        return None
    after = [v for v in s.loss[gone:] if isfinite(v)]
    if not s.unlearnt > 0.3 and (len(after) < 2 or s.left(after[0]) - s.left(after[-1]) > STILL * s.left(after[0])):
        return None
    return Verdict("rate-low", "The schedule makes the learning rate too low, too early",
                   f"it is below a hundredth of {number(max(rates))} from epoch {s.epochs[gone]} of {s.epochs[-1]} on, and the training "
                   f"loss stays at {number(s.trained_loss)}", "a schedule that ends later:  --with 'schedule cosine'")
