"""Arguments that a call does not have, and what is meant by them: what an optimiser takes stands in its text, and what other
systems call otherwise has a name here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..diagnostics import Advice, near
from ..optimisers import OPTIMISERS
from ..schedules import SCHEDULES
from ..syntax.habits.names import OPTIONS, OTHERWISE
from ..words import arguments
from .misuse import misuse

if TYPE_CHECKING:
    from .network import Network

SPELLED = {"optimizer": "optimiser", "scheduler": "schedule", "lr_scheduler": "schedule", "regularize": "regularise",
           "regularizer": "regularise", "initialize": "initialise",
           "validation_data": "validation", "clip_norm": "clip", "max_norm": "clip", "clipnorm": "clip", "l1": "regularise",
           "l2": "regularise"}
EXAMPLES = {"optimiser": '"adamw lr=0.001"', "schedule": '"cosine"', "regularise": '"l2 1e-4"', "augment": '"flip"',
            "metrics": '"accuracy"', "loss": '"cross_entropy"',
            "batch": "64", "epochs": "10", "validation": "(xv, yv)", "initialise": '"lsuv"', "average": "0.999",
            "accumulate": "4", "drop_last": "True"}


def refuse(call: str, given: Mapping[str, Any], known: Collection[str], net: Network) -> None:
    """Raise for the first name of `given` that is not among `known`."""
    name = next(k for k in given if k not in known)
    raise misuse("unknown-argument", f"{call} has no argument `{name}`", hint=_instead(name, given[name], known, net))


def _instead(name: str, value: Any, known: Collection[str], net: Network) -> str:
    plain = name.lower()
    option = SPELLED.get(plain) or OTHERWISE.get(plain) or next(iter(OPTIONS.get(plain, ())), plain)
    optimiser = _with(option, net)
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


def _with(option: str, net: Network) -> str:
    """The optimiser that takes this: the network's own, or adamw, or the first that does."""
    own = net.recipe.optimiser.name if net.recipe.optimiser is not None else "adamw"
    takes = {name: {a.name for a in arguments(cls)} for name, cls in OPTIMISERS.items()}
    return next((name for name in (own, "adamw", *takes) if option in takes[name]), "")
