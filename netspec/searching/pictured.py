"""The page of a search, written into its folder."""

from __future__ import annotations

from math import inf
from pathlib import Path

from ..plain import word
from ..runtime.watching.pages import PAGE, put_page
from ..views.report.searched.page import page
from ..views.report.searched.trials import Ranged, Searched, Tried
from .definition import opened
from .halving import ranked
from .results import name


def pictured(folder: Path) -> Searched:
    """What is shown of the search in a folder."""
    search = opened(folder)
    found = ranked(search)
    ranges = tuple(Ranged(d.name, d.low, d.high, d.sort == "log", d.choices) for d in search.definition.space.dimensions)
    trials = tuple(Tried(r.trial, r.parameters, r.state, r.value, r.why, r.epochs, r.best) for r in found)
    watched = next((r.watched for r in found if r.value is not None and r.value < inf), "lowest loss")
    net = search.definition.net or search.origin(search.definition.values(1)).graph().name
    return Searched(folder.name or str(folder.resolve().name), net, watched, search.trials, ranges, trials)


def write_page(folder: Path, place: Path | None = None) -> tuple[Path, Searched]:
    """Write the page of the search in a folder, and return where it is and what it shows. Raises where it cannot be written."""
    shown = pictured(folder)
    path = folder / PAGE if place is None else place
    around = "" if shown.best is None else f"netspec search --around {word(str(folder / name(shown.best.number)))}"
    put_page(path, page(shown, around))
    return path, shown
