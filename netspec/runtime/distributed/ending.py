"""How a worker ends by an error, in what others hear of it."""

from __future__ import annotations

from typing import Any

from ...diagnostics import NetspecError
from ..misuse import RunError, misuse


class Elsewhere(RunError):
    """Another worker has ended by an error."""


def said(error: BaseException) -> dict[str, Any]:
    """An error as the other workers hear of it."""
    if isinstance(error, KeyboardInterrupt):
        return {"interrupt": True}
    known = error if isinstance(error, NetspecError) else misuse("worker-failed", f"{type(error).__name__}: {error}")
    d = known.diagnostics[0]
    return {"title": d.title, "notes": [str(n) for n in d.notes], "hint": d.hint and str(d.hint), "code": d.code}


def heard(name: str, error: dict[str, Any]) -> BaseException:
    """What a worker raises that hears of it."""
    if "interrupt" in error:
        return KeyboardInterrupt()
    return Elsewhere(error["title"], f"this came from {name}", *error["notes"], hint=error["hint"], code=error["code"])
