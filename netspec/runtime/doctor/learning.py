"""A few steps: whether twenty examples can be learnt by heart, and how far a step moves the weights."""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...waiting import each
from ..misuse import RunError
from ..network import Network
from .finding import Finding
from .sample import plain_copy

Array = NDArray[Any]
HEART, TRIES, ENOUGH = 20, 300, 0.1  # examples, steps, and the part of the first loss that counts as learnt
SLOW, FAST = 1e-5, 1e-1  # of steps relative to weights, around the usual 1e-3


def by_heart(net: Network, x: Any, y: Any, seconds: float) -> Finding:
    """Train a copy on so few examples that every network of use can learn them."""
    name, copy, ends = "20 examples by heart", plain_copy(net), monotonic() + seconds
    losses: list[float] = []
    try:
        for _ in each("learning by heart, step", range(TRIES)):
            losses.append(copy.train_step(x, y))
            if not losses[-1] > ENOUGH * losses[0] or (len(losses) > 1 and monotonic() >= ends):
                break
    except RunError as e:
        return Finding(name, False, f"{e.diagnostics[0].title} at step {len(losses) + 1}", "a smaller learning rate",
                       {"losses": losses})
    first, last = losses[0], losses[-1]
    said = f"loss {first:.4g} -> {last:.4g} in {len(losses)} steps"
    if last <= ENOUGH * first:
        return Finding(name, True, said, "", {"losses": losses})
    if len(losses) < TRIES:
        return Finding(name, None, f"{said}, which is as far as {seconds:g} s went", "--seconds 300  gives it more time",
                       {"losses": losses})
    return Finding(name, False, said, "the learning rate is too high: a tenth of it" if last > first
                   else "a larger learning rate, other first weights; labels that do not belong to their examples; or a net too small",
                   {"losses": losses})


def steps(net: Network, x: Any, y: Any) -> tuple[Network, Finding]:
    """Ten steps as the train section says; and the length of the last one against that of each weight it moves."""
    copy, size = plain_copy(net), net.recipe.batch
    names = [p.name for p in net.graph.parameters if p.trainable and p.kind == "weight"]
    n, before, taken = _count(x), {}, 0
    try:
        for k in range(10):
            before = {name: copy.parameters[name].copy() for name in names}
            where = np.arange(k * size, (k + 1) * size) % n if size < n else np.arange(n)
            copy.train_step(_rows(x, where), _rows(y, where))
            taken += 1
    except RunError as e:
        return copy, Finding("steps", False, f"{e.diagnostics[0].title} at step {taken + 1} of 10", "a smaller learning rate, or  clip=1  of the optimiser")
    ratios = {name: _length(copy.parameters[name] - before[name]) / (_length(before[name]) or 1.0) for name in names}
    if not ratios:
        return copy, Finding("steps", None, "nothing is trained")
    middle = float(np.median(list(ratios.values())))
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    said = f"a step moves weights by {middle:.1e} of their length ({low} {ratios[low]:.0e}, {high} {ratios[high]:.0e}); usual is 1e-3"
    good = SLOW <= middle <= FAST
    advice = "" if good else f"a {'larger' if middle < SLOW else 'smaller'} learning rate: about {_usual(net, middle)}"
    return copy, Finding("steps", good, said, advice, {"median": middle, "ratios": ratios})


def _usual(net: Network, ratio: float) -> str:
    lr = float(getattr(net.recipe.need_optimiser(), "lr", 0.1))
    return f"lr={lr * 1e-3 / max(ratio, 1e-12):.1g}"


def _length(a: Array) -> float:
    return float(np.sqrt(np.square(a, dtype=np.float64).sum()))


def _count(x: Any) -> int:
    return len(next(iter(x.values())) if isinstance(x, dict) else x)


def _rows(x: Any, where: Array) -> Any:
    return None if x is None else {k: v[where] for k, v in x.items()} if isinstance(x, dict) else x[where]
