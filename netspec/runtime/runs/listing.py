"""Runs beside each other: what each was, and how far it came."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...diagnostics import MissingFileError
from ...limits import COUNT
from .folder import RUNS, is_run, read_log


@dataclass(frozen=True)
class Row:
    """One run."""

    run: str
    net: str
    epochs: int
    planned: int | None
    best: dict[str, Any]  # the numbers of its best epoch, and which one that is
    settings: dict[str, Any]
    watched: str = "lowest loss"  # what makes an epoch the best

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"run": self.run, "net": self.net, "epochs": self.epochs, "planned": self.planned, "best": self.best,
                "settings": self.settings}


def rows(folder: str | os.PathLike[str] = RUNS) -> list[Row]:
    """The runs in a folder, and in those below it, or the run that it is. Raises MissingFileError where there is no folder."""
    root = Path(folder)
    if not os.path.isdir(root):
        raise MissingFileError(f"there is no folder {folder}", "netspec train my.net" if str(folder) == RUNS else None)
    found = [root] if is_run(root) else sorted((Path(at) for at, _, _ in os.walk(root) if is_run(at)), key=_in_order)
    return [_row(p) for p in found]


def _in_order(path: Path) -> tuple[Any, ...]:
    """shapes-2 before shapes-10."""
    stem, _, number = str(path).rpartition("-")
    return (stem, int(number), "") if number.isdecimal() else (str(path), 0, "")


def _row(path: Path) -> Row:
    facts, epochs = read_log(path)
    settings = facts.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    planned = settings.get("epochs")
    epochs = {k: numbers for k, numbers in epochs.items() if 0 < k <= COUNT}  # whatever else stands there is no epoch
    planned = planned if isinstance(planned, int) and 0 < planned <= COUNT else None
    watched = _watched(epochs, str(facts.get("best", "")))
    return Row(os.fspath(path), str(facts.get("net", "?")), max(epochs, default=0), planned,
               best_epoch(epochs, watched), {k: v for k, v in settings.items() if k != "epochs"}, watched)


def _watched(epochs: dict[int, dict[str, Any]], said: str) -> str:
    """What a run says makes an epoch the best ("highest val_accuracy"); of one that does not say, or has not measured it, the
    loss of the validation, or of training where there is none."""
    which, _, name = said.partition(" ")
    measured = [n for n in (name, "val_loss", "loss") if _numbers(epochs, n)]
    chosen = next(iter(measured), name or "loss")
    return f"{'highest' if which == 'highest' else 'lowest'} {chosen}"


def _numbers(epochs: dict[int, dict[str, Any]], name: str) -> list[tuple[float, int]]:
    return [(v, k) for k, e in epochs.items() if isinstance(v := e.get(name), int | float)]


def best_epoch(epochs: dict[int, dict[str, Any]], watched: str) -> dict[str, Any]:
    """The numbers of the best epoch, and which one it is."""
    which, _, name = watched.partition(" ")
    seen = _numbers(epochs, name)
    if not seen:
        return {}
    k = max(seen, key=lambda pair: (pair[0], -pair[1]))[1] if which == "highest" else min(seen)[1]
    return {"epoch": k, **{name: v for name, v in epochs[k].items() if isinstance(v, int | float)
                           and name not in ("lr", "seconds")}}


def differing(found: list[Row]) -> list[str]:
    """The settings that are not the same in all runs."""
    names = dict.fromkeys(k for r in found for k in r.settings)
    return [k for k in names if len({str(r.settings.get(k, "")) for r in found}) > 1]


