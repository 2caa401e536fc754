"""Arguments that a call does not have, and what is meant by them: what an optimiser takes stands in its text, and what other
systems call otherwise has a name here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ..cell import without_ours
from ..diagnostics import Advice, near
from ..optimisers import OPTIMISERS
from ..schedules import SCHEDULES
from ..syntax.habits.names import OPTIONS, OTHERWISE
from ..words import arguments
from .misuse import misuse
from .train.recipe import Recipe

P = ParamSpec("P")
T = TypeVar("T")

SPELLED = {"optimizer": "optimiser", "scheduler": "schedule", "lr_scheduler": "schedule", "regularize": "regularise",
           "regularizer": "regularise", "initialize": "initialise",
           "validation_data": "validation", "clip_norm": "clip", "max_norm": "clip", "clipnorm": "clip", "l1": "regularise",
           "l2": "regularise"}
EXAMPLES = {"optimiser": '"adamw lr=0.001"', "schedule": '"cosine"', "regularise": '"l2 1e-4"', "augment": '"flip"',
            "metrics": '"accuracy"', "loss": '"cross_entropy"',
            "batch": "64", "epochs": "10", "validation": "(xv, yv)", "initialise": '"lsuv"', "average": "0.999",
            "accumulate": "4", "shards": "8", "drop_last": "True", "checkpoint": '"run.safetensors"', "checkpoint_every": "500"}


class Trained(Protocol):
    """What has a recipe."""

    @property
    def recipe(self) -> Recipe: ...


N = TypeVar("N", bound=Trained)


def asked(method: Callable[Concatenate[N, P], T]) -> Callable[Concatenate[N, P], T]:
    """A method that says what is meant by an argument it does not have. In a notebook, an error of a function that it was given
    has no frames of netspec."""
    known = tuple(inspect.signature(method).parameters)[1:]

    @wraps(method)
    def told(net: N, /, *args: P.args, **named: P.kwargs) -> T:
        for name in named:
            if name not in known:
                raise misuse("unknown-argument", f"{method.__name__} has no argument `{name}`",
                             hint=_instead(name, named[name], known, net.recipe))
        try:
            return method(net, *args, **named)
        except Exception as e:
            without_ours(e)
            raise

    return told


def _instead(name: str, value: Any, known: Collection[str], recipe: Recipe) -> str:
    plain = name.lower()
    option = SPELLED.get(plain) or OTHERWISE.get(plain) or next(iter(OPTIONS.get(plain, ())), plain)
    optimiser = _with(option, recipe)
    if optimiser:
        written = f"{optimiser} {option}={value:g}" if isinstance(value, (int, float)) else optimiser
        return f'optimiser="{written}"' if "optimiser" in known else f'net.configure(optimiser="{written}")'
    if option in SCHEDULES and "schedule" in known:
        return f'schedule="{option}"'
    settings = (*known, *EXAMPLES)
    meant = option if option in settings else near(plain, settings)
    if not meant:
        return Advice(f"the arguments are: {', '.join(known)}")
    shown = f"{meant}={EXAMPLES.get(meant, '...')}"
    return shown if meant in known else f"net.configure({shown})"


def _with(option: str, recipe: Recipe) -> str:
    """The optimiser that takes this: the network's own, or adamw, or the first that does."""
    own = recipe.optimiser.name if recipe.optimiser is not None else "adamw"
    takes = {name: {a.name for a in arguments(cls)} for name, cls in OPTIMISERS.sound().items()}
    return next((name for name in (own, "adamw", *takes) if option in takes[name]), "")
