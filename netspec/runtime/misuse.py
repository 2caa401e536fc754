"""How the runtime refuses: one line that says what is wrong, the facts, and what to do instead."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..diagnostics import Diagnostic, NetspecError, UsageError
from ..plain import shown


class RunError(NetspecError):
    """The data, a file, or a call does not fit the network, or training came to nothing."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


class UnknownName(RunError, KeyError):
    """A parameter, buffer, input or output of a name that the network does not have."""

    __str__ = RunError.__str__


class UnknownArgument(UsageError, TypeError):
    """A call was given an argument that it does not have."""


class Remark(UserWarning):
    """Something went on, though perhaps not as it was meant."""


def remark(text: str, kind: type[Remark]) -> None:
    """Warn, at the line outside netspec that called it."""
    package, frame, level = f"{__name__.partition('.')[0]}.", sys._getframe(1), 2
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(package):
        frame, level = frame.f_back, level + 1
    warnings.warn(shown(text, lines=True), kind, stacklevel=level)


_KINDS: dict[str, type[RunError] | type[UsageError]] = {"unknown-name": UnknownName, "unknown-argument": UnknownArgument,
                                                        "unknown-device": UsageError, "bad-value": UsageError}


def whole(name: str, value: Any, least: int | None = None) -> int:
    """A whole number that was given as an argument. Raises for anything else, True and 1.0 among them."""
    if isinstance(value, (bool, str)) or not hasattr(value, "__index__"):
        raise misuse("bad-value", f"{name} is a whole number, not {' '.join(repr(value).split())[:60]}")
    try:
        n = index(value)
    except TypeError:  # an array of many
        raise misuse("bad-value", f"{name} is a whole number, not a {type(value).__name__}") from None
    if least is not None and n < least:
        raise misuse("bad-value", f"{name} is at least {least}", f"this is {n}")
    return n


def flag(name: str, value: Any) -> bool:
    """Yes or no, given as an argument."""
    if not isinstance(value, (bool, np.bool_)):
        raise misuse("bad-value", f"{name} is True or False, not {' '.join(repr(value).split())[:60]}")
    return bool(value)


def path_of(value: Any) -> Path:
    """A path that was given as an argument. Raises for what is none."""
    if not isinstance(value, (str, PathLike)):
        raise misuse("wrong-type", f"a path is a text or a Path, not a {type(value).__name__}")
    if not os.fspath(value):
        raise misuse("missing-file", "the name of the file is empty", hint="net.safetensors")
    return Path(value)


def by_name(what: str, value: Any) -> Mapping[str, Any]:
    """Values by name that were given as an argument. Raises for what is no dict."""
    if not isinstance(value, Mapping):
        raise misuse("wrong-type", f"{what} are values by name, not a {type(value).__name__}", hint='{"conv1.weight": ...}')
    return value


def misuse(code: str, title: str, *notes: str, hint: str = "") -> NetspecError:
    """The error to raise; `code` names the sort of mistake for `netspec explain`."""
    return _KINDS.get(code, RunError)(title, *notes, hint=hint or None, code=code)
