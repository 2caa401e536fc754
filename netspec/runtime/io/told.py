"""The train section of a network as a checkpoint holds it: with what Python said otherwise than the text, as lines of the text.

    net.configure(optimiser="adam lr=0.002", batch=64)     the section has  `adam lr=0.002`  and  `batch 64`

What no line can say is left out: functions, and words of somebody's script, which the reader of a checkpoint need not have. The
factors of parameters stand beside the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...diagnostics import NetspecError
from ...elaborate.edited import edited
from ...elaborate.train_line import train_line
from ...ir.graph import Graph
from ...syntax.tree import Module
from ...words import spelled
from ..state import State
from ..train.recipe import Recipe, recipe_from, recipe_of

Lines = list[str]


def told(state: State) -> Module | None:
    """The text, which stands alone, with such lines. None for a network without a text."""
    if state.origin is None:
        return None
    if state.told is None or state.told[0] != (state.recipe, state.origin):
        lines, module = lines_of(state.recipe, state.graph), state.origin.module
        if lines:
            new = [line for several in lines.values() for line in several]
            module = edited(module, state.origin.net or state.graph.name, new, set(lines))
        state.told = (state.recipe, state.origin), module
    return state.told[1]


def lines_of(recipe: Recipe, graph: Graph) -> dict[str, Lines]:
    """The lines that say the recipe where the graph's train section says another, by what they are about; no line where nothing
    is to be said of it."""
    said, out = recipe_of(graph), dict[str, Lines]()
    for about, (fields, write) in SETTINGS.items():
        if all(getattr(recipe, f) == getattr(said, f) for f in fields):
            continue
        lines = write(recipe, len(graph.outputs) > 1)
        if _mean(lines, recipe, fields, graph):
            out[about] = lines
    return out


def _mean(lines: Lines, recipe: Recipe, fields: tuple[str, ...], graph: Graph) -> bool:
    """Whether the lines say just this, wherever they are read."""
    for f in fields:
        value = getattr(recipe, f)
        for one in value if isinstance(value, tuple) else (value,):
            word = getattr(one, "loss", getattr(one, "op", one))
            if hasattr(word, "name") and not type(word).__module__.startswith(f"{__name__.partition('.')[0]}."):
                return False
    try:
        read = recipe_from(train_line("\n".join(lines), graph)) if lines else Recipe()
    except NetspecError:
        return False
    return all(getattr(read, f) == getattr(recipe, f) for f in fields)


def _losses(r: Recipe, several: bool) -> Lines:
    return [f"loss {t.loss}" + (f" @{t.output}" if several else "") + (f" weight={spelled(t.weight)}" if t.weight != 1 else "")
            + (f" target={t.target}" if t.target is not None else "") for t in r.terms]


def _metrics(r: Recipe, several: bool) -> Lines:
    return [f"metric {u.op}" + (f" @{u.output}" if several else "") for u in r.metrics or ()]


def _penalties(r: Recipe, several: bool) -> Lines:
    """Decay that spares biases, beside no l2, is an l2 of 0 that does; where l1 spares them too, or there is none, a line without
    a number."""
    if not r.l1 and not r.l2:
        return [] if r.decay_all else ["regularise weights"]
    l1 = [f"regularise l1 {spelled(r.l1)}" + ("" if r.l1_all else " weights")] if r.l1 else []
    l2 = [f"regularise l2 {spelled(r.l2)}" + ("" if r.decay_all else " weights")] if r.l2 or not r.decay_all else []
    return l1 + l2


def _line(word: str, field: str, nothing: Any) -> Callable[[Recipe, bool], Lines]:
    def write(r: Recipe, several: bool) -> Lines:
        value = getattr(r, field)
        return [] if value == nothing else [f"{word} {spelled(value)}"]

    return write


def _each(word: str, field: str) -> Callable[[Recipe, bool], Lines]:
    return lambda r, several: [f"{word} {one}" for one in getattr(r, field)]


# What lines are about -> the fields of a recipe that they say, and how they are written
SETTINGS: dict[str, tuple[tuple[str, ...], Callable[[Recipe, bool], Lines]]] = {
    "loss": (("terms",), _losses),
    "optimiser": (("optimiser",), lambda r, several: [str(r.optimiser)]),
    "schedule": (("schedules",), _each("schedule", "schedules")),
    "regularise": (("l1", "l2", "l1_all", "decay_all"), _penalties),
    "metric": (("metrics",), _metrics),
    "batch": (("batch",), _line("batch", "batch", None)),
    "accumulate": (("accumulate",), _line("accumulate", "accumulate", 1)),
    "shards": (("shards",), _line("shards", "shards", 1)),
    "epochs": (("epochs",), _line("epochs", "epochs", None)),
    "average": (("average",), _line("average", "average", 0.0)),
    "initialise": (("initialise",), _line("initialise", "initialise", "")),
    "augment": (("augmentation",), _each("augment", "augmentation")),
    "drop_last": (("drop_last",), lambda r, several: ["drop_last"] if r.drop_last else []),
    "keep": (("keep",), lambda r, several: [f"keep {' '.join(r.keep)}"] if r.keep else []),
}
