"""The trials of a search beside each other, the best first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..terminal import cells
from .definition import Search, opened
from .halving import ranked
from .lease import WORKING
from .results import DONE, Result, name
from .sampling import TOGETHER, proposed


def rows(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """What programs read: a row for each trial, the best first; then those that are worked on."""
    path, search = Path(folder), opened(folder)
    found = ranked(search)
    mine = [{"trial": r.trial, "run": os.fspath(path / name(r.trial)), "state": r.state, "why": r.why, "value": r.value,
             "watched": r.watched, "best": r.best, "epochs": r.epochs, "parameters": r.parameters} for r in found]
    there = {r.trial for r in found}
    return mine + [{"trial": k, "run": os.fspath(place), "state": "begun", "why": "", "value": None, "watched": "", "best": {},
                    "epochs": 0, "parameters": _values(search, k)} for k, place in _begun(path) if k not in there]


def _begun(folder: Path) -> list[tuple[int, Path]]:
    """Trials that somebody works on, or has left."""
    found = [(p.name.rpartition("-")[2], p) for p in (folder / WORKING).glob("trial-*/*/trial-*")]
    return sorted((int(k), p) for k, p in found if k.isdecimal())


def _values(search: Search, trial: int) -> dict[str, str]:
    """What a trial that is begun is trained with."""
    if not search.definition.sampler:
        return search.definition.values(trial)
    of, k = divmod(trial - 1, TOGETHER)
    return (proposed(search, of) or [{}] * TOGETHER)[k]


def cellular(folder: str | os.PathLike[str]) -> list[list[str]]:
    """The table as texts, its head first."""
    found = rows(folder)
    names = list(dict.fromkeys(k for r in found for k in r["parameters"]))
    measured = list(dict.fromkeys(k for r in found for k in r["best"] if k != "epoch"))
    watched = next((r["watched"].partition(" ")[2] for r in found if r["value"] is not None), None)
    measured.sort(key=lambda k: (k != watched, not k.startswith("val_")))
    head = ["trial", *measured, "epoch", *names, "state"]
    out = [head]
    for r in found:
        best = r["best"]
        said = "" if r["state"] == DONE else r["state"] + (f": {r['why']}" if r["why"] else "")
        out.append([str(r["trial"]), *(f"{best[k]:.4f}" if k in best else "" for k in measured), str(best.get("epoch", "")),
                    *(str(r["parameters"].get(k, "")) for k in names), said])
    return out


def table(folder: str | os.PathLike[str], room: int | None = None, most: int | None = None) -> str:
    """The table for people; at most so many trials of it, and as many columns as there is room for."""
    texts = cellular(folder)
    if len(texts) == 1:
        return f"{folder} holds a search, and no trial is done"
    shown = texts[: 1 + (most or len(texts))]
    widths = [max(cells(r[c]) for r in shown) for c in range(len(shown[0]))]
    chosen = list(range(len(widths)))
    while room is not None and sum(widths[c] for c in chosen) + 2 * (len(chosen) - 1) > room and len(chosen) > 2:
        chosen.remove(_least(shown[0], chosen))
    last = len(widths) - 1  # words, and no number
    lines = ["  ".join((" " * (widths[c] - cells(r[c])) if c != last else "") + r[c] for c in chosen).rstrip() for r in shown]
    more = [f"and {len(texts) - len(shown)} more: netspec runs {folder}"] if len(shown) < len(texts) else []
    left = [f"({len(widths) - len(chosen)} more columns: --format csv)"] if len(chosen) < len(widths) else []
    return "\n".join([*lines, *more, *left])


def _least(head: list[str], chosen: list[int]) -> int:
    """The column that is left out first: what was measured besides, from the last on; then the state."""
    besides = [c for c in chosen if 1 < c < head.index("epoch")]
    return besides[-1] if besides else chosen[-1]


def line(result: Result, of: int, first: bool) -> str:
    """What is said of a trial when it is over."""
    values = "  ".join(f"{k}={v}" for k, v in result.parameters.items())
    head = f"trial {result.trial:>{len(str(of))}} of {of}"
    if result.state != DONE:
        return f"{head}  {result.state}: {result.why}  {values}"
    measured = "  ".join(f"{k} {v:.4f}" for k, v in result.best.items() if k.startswith("val_")) or "  ".join(
        f"{k} {v:.4f}" for k, v in result.best.items() if k != "epoch")
    at = f"epoch {result.best.get('epoch', 0):g} of {result.epochs}"
    return f"{head}  {measured}  {values}  {at}" + ("  the best so far" if first else "")
