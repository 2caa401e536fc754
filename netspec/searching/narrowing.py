"""Coarse to fine: a search around one trial of another, in ranges a third as wide, and with its choices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from math import exp, log
from pathlib import Path
from typing import Any

from ..diagnostics import MissingFileError
from ..plain import word
from .definition import Definition, Search, is_search, opened
from .halving import ranked
from .results import DONE
from .space import Dimension

SHARE = 1 / 3  # of a range


def around(place: str | os.PathLike[str], trials: int, **more: Any) -> Search:
    """A search around a trial, by its folder, or around the best of a search, by that of the search; `more` is what it has
    otherwise. It has no folder yet.

    Errors: nothing of the kind is there; no trial is done.
    """
    path = Path(place)
    search = opened(path if is_search(path) or not is_search(path.parent) else path.parent)
    results = {r.trial: r for r in ranked(search)}
    if is_search(path):
        best = next((r for r in results.values() if r.state == DONE), None)
        if best is None:
            raise MissingFileError(f"no trial of {path} is done", f"netspec runs {word(str(path))}")
        values = best.parameters
    else:
        number = path.name.rpartition("-")[2]
        if path.name != f"trial-{number}" or not number.isdecimal() or int(number) not in results:
            raise MissingFileError(f"{path} is no trial that is over", f"--around {word(str(search.folder))}")
        values = results[int(number)].parameters
    try:
        definition = replace(narrowed(search.definition, values), rungs=(), **more)
    except (KeyError, ValueError):  # not the values of what is searched
        raise MissingFileError(f"the results in {search.folder} are damaged", code="no-search") from None
    return Search(Path(), definition, trials, search.spec_folder, tuple(t for t in search.told if t not in more))


def narrowed(definition: Definition, values: Mapping[str, str]) -> Definition:
    """The definition with ranges around these values."""
    found = {d.name: _around(d, values[d.name]) for d in definition.space.dimensions}
    lines, parameters = definition.space.filled(found)
    return replace(definition, lines=tuple(lines), parameters=parameters)


def _around(d: Dimension, value: str) -> str:
    """A range around a value, a third as wide on its own scale and within the one it had; of a choice the value itself."""
    if d.choices:
        return f"[{value}]" if value.startswith("[") else value
    logarithmic = d.sort == "log"
    low, high, at = (log(v) if logarithmic else v for v in (d.low, d.high, float(value)))
    half = (high - low) * SHARE / 2
    first = min(max(low, at - half), high - 2 * half)
    ends = [d.text(exp(v) if logarithmic else v) for v in (first, first + 2 * half)]
    if float(ends[0]) == float(ends[1]):
        return value
    if not d.whole and all(e.lstrip("-").isdigit() for e in ends):
        ends[1] += ".0"  # two whole ends would be a range of whole numbers
    return f"log({ends[0]}..{ends[1]})" if logarithmic else f"{ends[0]}..{ends[1]}"
