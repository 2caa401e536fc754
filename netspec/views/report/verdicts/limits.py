"""What keeps a net from learning more: frozen layers, numbers dropped or examples changed too much, too few numbers."""

from __future__ import annotations

from math import prod

from .signs import Signs
from .verdict import Verdict, number, percent

DROPPED = 0.7  # a rate above which little comes through
THROUGH = 0.1  # of what passes through all of them
APART = 0.25  # of what there is to learn: how much more is left in training mode than in evaluation mode
LONG = 3e-2  # steps above this explain by themselves that nothing is learnt


def frozen(s: Signs) -> Verdict | None:
    """Layers that do not move, where what the others can do is not enough."""
    if not s.frozen or s.fitted:
        return None
    held = s.story.about.get("frozen") or {}
    share = float(held.get("share") or 0.0) if isinstance(held, dict) else 0.0
    many = f", {percent(share)} of all weights," if share else ""
    moving = [n for n in s.weighted if n not in s.frozen]
    return Verdict("frozen", "Layers are frozen, and what the others learn is not enough",
                   f"the weights of {_names(s.frozen)}{many} do not move (frozen:, or lr=0); the training loss is "
                   f"{number(s.trained_loss)}" + (f", with {_names(moving)} learning" if moving else ""),
                   f"without frozen: and lr=0 at {s.frozen[-1]};  or weights that were trained:  weights=\"FILE\"")


def dropping(s: Signs) -> Verdict | None:
    """So many numbers dropped in training that too little comes through."""
    layers = [one for one in s.story.about.get("noise") or () if isinstance(one, dict) and one.get("rate")]
    if not layers or s.fitted:
        return None
    worst = max(layers, key=lambda one: float(one["rate"]))
    gap = s.left(s.training_mode) - s.unlearnt if s.training_mode is not None else 0.0
    through = prod(1 - float(one["rate"]) for one in layers)
    much = (float(worst["rate"]) >= DROPPED or through <= THROUGH) and s.unlearnt > 0.3
    if not (much or (gap > APART and s.unlearnt > 0.3)):
        return None
    said = f"{worst['name']} ({worst['step']}) drops {percent(float(worst['rate']))} of what it reads"
    if len(layers) > 1:
        said += f", and all {len(layers)} of them let {percent(through)} through"
    if s.training_mode is not None:
        said += (f"; the same training examples cost {number(s.training_mode)} with it, and {number(s.trained_loss)} in evaluation "
                 "mode")
    return Verdict("dropout", "Too much is dropped: training examples are not learnt", said,
                   f"{str(worst['step']).split(' ')[0]} {min(0.3, float(worst['rate']) / 2):.2g}   in the place of  {worst['step']}")


def augmented(s: Signs) -> Verdict | None:
    """Examples changed so much that they cannot be learnt."""
    changes = str(s.story.about.get("augment") or s.story.settings.get("augment") or "")
    if not changes or s.fitted or not s.loss or (s.longest is not None and s.longest[0] > LONG):
        return None
    gap = s.left(s.loss[-1]) - s.left(s.training_mode if s.training_mode is not None else s.trained_loss)
    if not (not s.learnt or (gap > APART and s.unlearnt > 0.3)):
        return None
    return Verdict("augmentation", "Augmentation is too strong: the examples cannot be told apart any more",
                   f"the training loss is {number(s.loss[-1])} on examples as they are changed ({changes}), and "
                   f"{number(s.trained_loss)} as they are", "without  augment;  or less of it: look at the data seen, below")


def narrow(s: Signs) -> Verdict | None:
    """So few numbers on the way from the input to the output that they cannot tell the classes apart."""
    held = s.story.about.get("narrow")
    if not isinstance(held, dict) or not isinstance(held.get("numbers"), int) or s.fitted or not s.classes or not s.steady:
        return None
    few = held["numbers"]
    if few >= s.classes / 2 or not s.unlearnt > 0.3:
        return None
    return Verdict("underfitting", "It is underfitting: the net is too small",
                   f"{held['name']} hands on {few} number{'s' if few > 1 else ''} of each example, of which {s.classes} classes are to be told; "
                   f"the training loss stays at {number(s.trained_loss)}"
                   + (f", where guessing costs {number(s.guess)}" if s.guess else ""),
                   f"more units in {held['name']}, or less pooling")


def linear(s: Signs) -> Verdict | None:
    """A net without an activation, of examples that no line tells apart."""
    if not s.story.layers or any(one.get("active") for one in s.story.layers) or s.learnt or s.fitted or not s.steady or len(s.loss) < 4:
        return None
    return Verdict("underfitting", "It is underfitting: the net is linear",
                   f"no layer has an activation, so that it answers with a sum of what it reads; the training loss stays at "
                   f"{number(s.trained_loss)}, where answers that know nothing cost {number(s.reference)}",
                   "a layer before the last one:  fc 32 relu")


def _names(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
