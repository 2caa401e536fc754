"""What a network holds must be finite numbers: a step is refused where its loss or a gradient is not, but what it makes of finite
ones may overflow: a weight, a running statistic, what the optimiser keeps, the average. Then training has diverged as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..misuse import misuse
from ..state import AVERAGE, State
from ..train.horizon import horizon
from ..train.steps import packed

Array = NDArray[Any]


def everything(state: State) -> dict[str, Mapping[str, Array]]:
    """Every number that training goes on from, as a checkpoint calls them: by what stands before the names in it."""
    kept = state.optimiser
    return {"": state.numbers(), "average/": state.slot(AVERAGE) if state.average.taken else {},
            "optimiser/": packed(kept.memory)[0], **{f"optimiser/{slot}/": state.slot(slot) for slot in kept.slots}}


def refuse_infinite(state: State, numbers: Mapping[str, Mapping[str, Array]] | None = None, where: tuple[str, ...] = ()) -> None:
    """Raise where a number that is held is not finite; `where` in a run that is."""
    for prefix, arrays in (everything(state) if numbers is None else numbers).items():
        for name, a in arrays.items():
            if not np.isfinite(a).all():
                raise _diverged(state, prefix, name, a, where)


def _diverged(state: State, prefix: str, name: str, a: Array, where: tuple[str, ...]) -> Exception:
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
    p = state.declared.get(name)
    place = next((str(n.spans[0]) for n in state.graph.nodes if n.spans and any(q.name == name for q in n.parameters)), "")
    of = "the average of " if prefix == "average/" else f"{prefix.split('/')[1]} of " if prefix.count("/") == 2 else ""
    what = f"{of}{name}" if p is not None else f"the optimiser's {name}"
    return misuse("loss-exploded", f"training has diverged: {what} holds {a[at]} after step {state.course.step}",
                  *where, *_why(state, prefix, p, place),
                  "nothing is written: a checkpoint of before stays as it is", hint=_hint(state))


def _why(state: State, prefix: str, p: Any, place: str) -> Iterator[str]:
    if place:
        yield f"it is of {place}"
    if prefix.startswith("optimiser/"):
        yield f"{state.optimiser.name} keeps it: gradients, or their squares, went beyond {state.dtype}"
    elif p is not None and p.kind == "buffer":
        yield f"it follows what goes through the net, which went beyond {state.dtype}"
    else:
        yield f"a step led beyond {state.dtype}"


def _hint(state: State) -> str:
    optimiser, course = state.recipe.optimiser, state.course
    if optimiser is None:
        return "load a checkpoint of before, or write finite numbers"
    lr = state.rates.now(course.epoch, course.epoch * course.pace, horizon(state), course.pace, course.seen).get("lr", 0.0)
    return f"try a tenth of the learning rate: {optimiser.name} lr={lr / 10:g}"
