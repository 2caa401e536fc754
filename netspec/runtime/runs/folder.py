"""The folder of a run: `runs/shapes-1` with

    spec.net            what is trained, with the lines that the command line put in
    last.safetensors    the checkpoint of the last epoch, from which training goes on
    best.safetensors    that of the best epoch
    log.jsonl           a line of facts, then a line for each epoch
    ...                 statistics.jsonl and report.html, log.csv, TensorBoard's events, where they are asked for

A folder belongs to the process that made it, or that made its log: nothing that is there is overwritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...diagnostics import MissingFileError, UsageError, unwritable
from ...reading import BEST, LAST, weights_of
from ..io.checkpoint import checked
from ..train.callbacks import Callback
from ..watching import kept
from .logs import Events, Lines, Table, append, plain

RUNS, LOG, CSV, SPEC = "runs", "log.jsonl", "log.csv", "spec.net"
WATCHED = (kept.NAME, "report.html")
PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


class Run:
    """A run in its folder; `own` where the folder was made for it."""

    def __init__(self, folder: Path, own: bool = False):
        self.folder, self.own = folder, own

    @property
    def last(self) -> Path:
        return self.folder / LAST

    @property
    def best(self) -> Path:
        return self.folder / BEST

    def begin(self, spec: str, facts: dict[str, Any]) -> None:
        """Write the spec, and the facts as the first line of the log."""
        append(self.folder / LOG, json.dumps(plain_facts(facts)) + "\n")
        try:
            (self.folder / SPEC).write_text(spec, encoding="utf-8")
        except OSError as e:
            raise unwritable(self.folder / SPEC, e) from None

    def abandon(self) -> None:
        """Give the folder up, where nothing came of the run that was begun in it: it may be named again."""
        for path in (*(self.folder / name for name in (LAST, SPEC, LOG, CSV, *WATCHED)), *self.folder.glob(f"events.out.tfevents.*.{os.getpid()}")):
            with contextlib.suppress(OSError):
                path.unlink()
        if self.own:
            with contextlib.suppress(OSError):  # it holds something else
                self.folder.rmdir()

    def go_on(self, record: Sequence[dict[str, Any]]) -> None:
        """Leave in the log and the statistics the epochs that training has behind it where it goes on, and no others."""
        kept.go_on(self.folder, len(record))
        facts, epochs = read_log(self.folder)
        lines = [facts, *({"epoch": k, **epochs.get(k, numbers)} for k, numbers in enumerate(record, 1))]
        beside = self.folder / f".{LOG}.{os.getpid()}"
        try:
            beside.write_text("".join(json.dumps(plain_facts(line)) + "\n" for line in lines), encoding="utf-8")
            os.replace(beside, self.folder / LOG)
        except OSError as e:
            raise unwritable(self.folder / LOG, e) from None

    def logs(self, kinds: Sequence[str]) -> tuple[Callback, ...]:
        """What writes its numbers."""
        also = {"csv": Table(self.folder / CSV), "tensorboard": Events(self.folder)}
        return (Lines(self.folder / LOG), *(also[k] for k in kinds if k in also))


def plain_facts(facts: dict[str, Any]) -> dict[str, Any]:
    return {k: plain(v) for k, v in facts.items()}


def claimed(name: str, root: str | os.PathLike[str] = RUNS) -> Run:
    """A new folder, runs/NAME-1 or the next number, this process's alone."""
    folder = Path(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        n = 1 + max((int(m[1]) for p in os.listdir(folder) if (m := re.fullmatch(re.escape(name) + r"-(\d{1,9})", p))), default=0)
        while True:
            try:
                (folder / f"{name}-{n}").mkdir()
                return Run(folder / f"{name}-{n}", own=True)
            except FileExistsError:
                n += 1
    except OSError as e:
        raise unwritable(folder / f"{name}-1", e) from None


def named(folder: str | os.PathLike[str]) -> Run:
    """The folder that the user names for a new run. Raises UsageError where a run lies in it."""
    path = Path(folder)
    if _holds_pictures(path):
        raise UsageError(f"{path} holds pictures, among which a run would lie", hint=f"--out {path.with_name(path.name + '-run')}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / LOG, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)  # this process's from now on
        os.close(handle)
    except FileExistsError:
        handle = -1
    except OSError as e:
        raise unwritable(path, e) from None
    if handle < 0 or is_run(path, log=False):
        if handle >= 0:
            with contextlib.suppress(OSError):
                os.unlink(path / LOG)
        raise UsageError(f"{path} holds a run, which stays as it is", hint=f"--resume {path}   or   --out another-folder")
    return Run(path)


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder looks like data: it holds pictures, or nothing but folders of them."""
    def some(place: Path, files: list[str]) -> bool:
        return any(Path(f).suffix.lower() in PICTURES for f in files)

    try:
        _, folders, files = next(os.walk(folder))
        return some(folder, files) or (not files and bool(folders) and all(some(folder / f, next(os.walk(folder / f))[2])
                                                                       for f in folders if not f.startswith(".")))
    except StopIteration:  # it is not there yet
        return False


def is_run(folder: str | os.PathLike[str], log: bool = True) -> bool:
    """Whether a folder holds a run, one that was killed before its first checkpoint included."""
    return any(os.path.isfile(os.path.join(folder, name)) for name in (BEST, LAST, *((LOG,) if log else ())))


def untrained(path: str | os.PathLike[str]) -> Path | None:
    """The folder of the run that a checkpoint lies in, where that is all that came of it: what it begins with."""
    found = weights_of(path)
    mine = found is not None and found.name == LAST and os.path.isfile(found.parent / LOG)
    return found.parent if found is not None and mine and not checked(found)["step"] else None


def to_resume(path: str | os.PathLike[str]) -> tuple[Path | None, Run | None]:
    """The checkpoint to go on from, and the run that goes on. No checkpoint: it was killed before its first one, and begins
    anew. No run: a checkpoint that lies alone, or is not a run's last.

    Errors: nothing of the kind is there.
    """
    place = Path(path)
    if os.path.isdir(place):
        if not is_run(place):
            raise MissingFileError(f"{path} is a folder, and holds no run", f"netspec runs {place.parent}")
        return (place / LAST if os.path.isfile(place / LAST) else None), Run(place)
    if place.name == LAST and is_run(place.parent) and os.path.isfile(place):
        return place, Run(place.parent)
    return place, None


def read_log(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """The facts of a run, and what each epoch measured; what cannot be read of a line that was cut short is left out."""
    facts: dict[str, Any] = {}
    epochs: dict[int, dict[str, Any]] = {}
    try:
        text = (Path(folder) / LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return facts, epochs
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(epoch := found.pop("epoch", None), int):
            epochs[epoch] = found
        elif isinstance(found, dict) and not facts:
            facts = found
    return facts, epochs
