"""The statistics of a run, in its folder: `statistics.jsonl`, lines of JSON.

    {"about": {"version": 1, "layers": [...], ...}}      what is measured, and of what; before the first step of each sitting
    {"epoch": 0, "layers": {...}, "probe": {...}}        before the first step, and after each epoch
    {"end": {"how": "failed", "why": ...}}               how the sitting ended; "judged" and "filters" have what it came to

What cannot be read of a line that was cut short is left out, as is what a later version has written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ...diagnostics import unwritable
from ..runs.logs import append, plain

NAME, VERSION = "statistics.jsonl", 1
Line = dict[str, Any]


def note(folder: Path, line: Line) -> None:
    """Add a line. Raises where it cannot be written."""
    append(folder / NAME, json.dumps(_plain(line)) + "\n")


def noted(folder: Path) -> tuple[Line, dict[int, Line], Line]:
    """What was measured of what, what of each epoch, and how it ended; each empty where nothing says so."""
    about: Line = {}
    end: Line = {}
    epochs: dict[int, Line] = {}
    try:
        text = (folder / NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return about, epochs, end
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(found, dict):
            continue
        if isinstance(a := found.get("about"), dict) and a.get("version") == VERSION:
            layers = [one for one in _list(a.get("layers")) if isinstance(one, dict) and isinstance(one.get("name"), str)]
            about, end = {**a, "layers": layers, **{k: v for k, v in about.items() if k in ("first", "seen")}}, {}
        elif isinstance(how := found.get("end"), dict):
            end = how
        elif isinstance(n := found.get("epoch"), int) and isinstance(found.get("layers"), dict):
            one: Line = {**found, **{k: _dict(found.get(k)) for k in ("probe", "input", "data")}}
            one["layers"] = {name: v for name, v in found["layers"].items() if isinstance(v, dict)}
            epochs[n] = epochs.get(n, one) if n == 0 else one
    return about, epochs, end


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def go_on(folder: Path, epoch: int) -> None:
    """Leave the epochs that training has behind it where it goes on, and no end."""
    path = folder / NAME
    if not path.is_file():
        return
    try:
        lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if _stays(line, epoch)]
        beside = folder / f".{NAME}.{os.getpid()}"
        beside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        os.replace(beside, path)
    except OSError as e:
        raise unwritable(path, e) from None


def _stays(line: str, epoch: int) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "end" not in found and not (isinstance(n := found.get("epoch"), int) and n > epoch)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return plain(value)
