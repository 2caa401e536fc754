"""Values that optuna's samplers choose by what earlier trials came to (extra `search`).

Trials are chosen eight at a time, by the results of all before them, so that who was first decides nothing. Whoever comes first
to eight new ones writes their values down, and all others read them:

    proposals/2/values.json    what trials 9 to 16 are trained with

A sampler has a state: it is asked again what it was asked before, and told what came of it.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping
from typing import Any

from ..diagnostics import Diagnostic, NetspecError, UsageError, near, unwritable
from ..runtime.initialisers import generator
from .definition import Search
from .lease import put
from .results import DONE, FAILED, Result
from .space import Dimension

TOGETHER = 8  # trials whose values are chosen at once
PROPOSALS, FILE = "proposals", "values.json"
SAMPLERS = ("tpe", "cmaes")
RANDOM = "random"
Found = Mapping[tuple[int, int], Result]


def checked(sampler: str) -> str:
    """The name of a sampler, "" where values are drawn at random.

    Errors: there is none of this name; optuna, or what the sampler needs, is not installed.
    """
    if sampler in ("", RANDOM):
        return ""
    if sampler not in SAMPLERS:
        alike = near(sampler, [RANDOM, *SAMPLERS])
        raise UsageError(f"there is no sampler `{sampler}`: {', '.join([RANDOM, *SAMPLERS])}",
                         hint=f"did you mean `{alike}`?" if alike else "--sampler tpe")
    _study(sampler, 0, False)
    return sampler


def due(search: Search, found: Found) -> range:
    """The trials that can be begun: the first eight of which some have no result."""
    first = next((k for k in range(1, search.trials + 1) if (k, 0) not in found), search.trials + 1)
    first -= (first - 1) % TOGETHER
    return range(first, min(search.trials + 1, first + TOGETHER))


def values(search: Search, trial: int, found: Found) -> dict[str, str]:
    """What a trial is trained with, where a sampler chooses; `found` has the results of all trials before its eight."""
    of = (trial - 1) // TOGETHER
    mine = proposed(search, of)
    if mine is None:
        _write(search, of, _chosen(search, of, found))
        mine = proposed(search, of)
    if mine is None:
        raise NetspecError(Diagnostic("no-search", f"{search.folder / PROPOSALS / str(of + 1)} cannot be read"))
    return mine[(trial - 1) % TOGETHER]


def proposed(search: Search, of: int) -> list[dict[str, str]] | None:
    """What was chosen for eight trials, if it was."""
    try:
        read = json.loads((search.folder / PROPOSALS / str(of + 1) / FILE).read_text(encoding="utf-8"))["values"]
        return [{str(k): str(v) for k, v in one.items()} for one in read] if len(read) == TOGETHER else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(search: Search, of: int, chosen: list[dict[str, str]]) -> None:
    """Write values down, unless somebody else has: the folder comes to its place whole, and to one of those who try."""
    place = search.folder / PROPOSALS / str(of + 1)
    beside = place.with_name(f".{of + 1}.{os.getpid()}")
    try:
        beside.mkdir(parents=True, exist_ok=True)
        put(beside / FILE, {"values": chosen})
    except OSError as e:
        raise unwritable(place, e) from None
    try:
        os.rename(beside, place)
    except OSError:  # another one is there
        shutil.rmtree(beside, ignore_errors=True)


def _chosen(search: Search, of: int, found: Found) -> list[dict[str, str]]:
    """Ask the sampler, as it has been asked before."""
    d = search.definition
    dimensions = d.space.dimensions
    highest = any(r.watched.startswith("highest") for r in found.values())
    seed = int(generator(d.seed or 0, f"sampler {d.sampler}").integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is experimental in optuna
        study, library = _study(d.sampler, seed, highest)
        spans = {x.name: _span(x, library) for x in dimensions}
        asked: list[Any] = []
        for k in range(of + 1):
            asked = [study.ask(spans) for _ in range(TOGETHER)]
            if k < of:
                for number, trial in enumerate(asked, k * TOGETHER + 1):
                    _tell(study, library, trial, found[number, 0])
                if [_texts(dimensions, t) for t in asked] != proposed(search, k):
                    raise UsageError(f"what was chosen in {search.folder} is not what this optuna ({library.__version__}) chooses",
                                     "a search goes on with the version that began it", hint="--out another-folder")
    return [_texts(dimensions, t) for t in asked]


def _tell(study: Any, library: Any, trial: Any, result: Result) -> None:
    state = library.trial.TrialState
    if result.state == DONE and result.value is not None and result.rank[2] < float("inf"):
        study.tell(trial, result.value)
    else:
        study.tell(trial, state=state.FAIL if result.state == FAILED else state.PRUNED)


def _texts(dimensions: tuple[Dimension, ...], trial: Any) -> dict[str, str]:
    return {d.name: str(trial.params[d.name]) if d.choices else d.text(trial.params[d.name]) for d in dimensions}


def _span(d: Dimension, library: Any) -> Any:
    """A dimension as optuna has it."""
    if d.choices:
        return library.distributions.CategoricalDistribution(d.choices)
    if d.whole:
        return library.distributions.IntDistribution(int(d.low), int(d.high), log=d.sort == "log")
    return library.distributions.FloatDistribution(d.low, d.high, log=d.sort == "log")


def _study(sampler: str, seed: int, highest: bool) -> tuple[Any, Any]:
    """A study of optuna that knows nothing yet, and the library. Raises NetspecError where it is not installed."""
    try:
        import optuna
        if sampler == "cmaes":
            import cmaes  # noqa: F401  optuna imports it late
    except ImportError as e:
        raise NetspecError(Diagnostic("missing-extra", f"the sampler {sampler} needs the package {e.name}, which is not installed",
                                      hint="pip install 'netspec-nn[search]'")) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is experimental
        made = (optuna.samplers.TPESampler(seed=seed, n_startup_trials=TOGETHER, constant_liar=True) if sampler == "tpe"
                else optuna.samplers.CmaEsSampler(seed=seed, popsize=TOGETHER, warn_independent_sampling=False))
    return optuna.create_study(sampler=made, direction="maximize" if highest else "minimize"), optuna
