"""One trial: a network trained with its values, as `netspec train` would, in the folder of its lease; then that is moved to its
place, and its result written down. Begun by somebody who died, it goes on from the last checkpoint, to the same bits."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..diagnostics import NetspecError, unwritable
from ..plain import shown
from ..runtime.runs.folder import is_run
from ..runtime.runs.listing import rows
from ..runtime.train.callbacks import Callback
from ..runtime.train.session import train
from .definition import Search
from .lease import Lease, put
from .results import DONE, DROPPED, FAILED, Result, name, write

EXPLODED = 3.0  # times the loss that it began with: more, and a trial is given up, as Stanford's CS231n advises
BEGAN = "trial.json"  # in the run: its values, and the loss of its first step
OURS = ("unwritable-file",)  # errors that are not of a trial's values: they end the search


class Exploded(Exception):
    """The loss of a trial is far above what it began with."""


class Watch(Callback):
    """Gives a trial up whose mean loss of an epoch, at any step of it, is above three times the loss of the first step."""

    def __init__(self, folder: Path, chosen: Mapping[str, str]):
        self.path, self.chosen = folder / BEGAN, dict(chosen)
        self.first: float | None = None

    def on_begin(self, net: Any, last: int) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if net.step:
                self.first = float(json.loads(self.path.read_text(encoding="utf-8"))["loss"])

    def on_step(self, net: Any, step: int, loss: float) -> None:
        if self.first is None:
            self.first = loss
            put(self.path, {"values": self.chosen, "loss": loss})
        elif loss > EXPLODED * self.first > 0:
            raise Exploded(f"the loss is {loss:.4g}, and was {self.first:.4g} at first")


def perform(search: Search, trial: int, rung: int, chosen: Mapping[str, str], lease: Lease) -> bool:
    """Do a trial with these values, up to a rung; whether it was this worker that did it, and not somebody who thought it dead.

    Errors: what is no trial's own, a disk that is full.
    """
    place = search.folder / name(trial)
    folder = lease.folder / name(trial)
    if not folder.exists():
        with contextlib.suppress(OSError):  # it has come to a rung, or whoever moved it there died before its result was written
            os.rename(place, folder)
    try:
        result = _trained(search, trial, rung, folder, chosen)
        if folder.exists():
            _move(folder, place)
        elif result.state != FAILED:
            return False
        if not lease.held:
            return False
        write(search, result)
        return True
    except Exception:
        if lease.held:
            raise
        return False  # the folder was taken while it wrote there


def _move(folder: Path, place: Path) -> None:
    try:
        os.rename(folder, place)
    except OSError as e:
        raise unwritable(place, e) from None


def _trained(search: Search, trial: int, rung: int, folder: Path, chosen: Mapping[str, str]) -> Result:
    d, state, why = search.definition, DONE, ""
    until = d.rungs[rung] if d.rungs[rung + 1 :] else None
    try:
        net = search.network(chosen)
        train(net, epochs=d.epochs, batch=d.batch, data=search.data(net), out=folder, quiet=True,
              resume=folder if is_run(folder) else None, until=until,
              callbacks=(Watch(folder, chosen),))
    except Exploded as e:
        state, why = DROPPED, str(e)
    except MemoryError as e:
        state, why = FAILED, f"there is not the memory: {e}".rstrip(": ")
    except NetspecError as e:
        first = e.diagnostics[0]
        if first.code in OURS:
            raise
        state, why = DROPPED if first.code == "loss-exploded" else FAILED, shown(first.title)
    if state == FAILED and not is_run(folder):
        shutil.rmtree(folder, ignore_errors=True)
    return replace(_result(trial, folder, chosen, state, why), rung=rung)


def _result(trial: int, folder: Path, chosen: Mapping[str, str], state: str, why: str) -> Result:
    """What the log of its run says of it."""
    if not is_run(folder):
        return Result(trial, dict(chosen), state, why)
    row = rows(folder)[0]
    watched = row.watched
    best = {k: v for k, v in row.best.items() if k != "epoch"}
    return Result(trial, dict(chosen), state, why, watched, best.get(watched.partition(" ")[2]), row.best, row.epochs)
