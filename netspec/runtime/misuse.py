"""How the runtime refuses: one line that says what is wrong, the facts, and what to do instead."""

from __future__ import annotations

from ..diagnostics import Diagnostic, NetspecError, UsageError


class RunError(NetspecError):
    """The data, a file, or a call does not fit the network, or training came to nothing."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str = "run"):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


class UnknownName(RunError, KeyError):
    """A parameter, buffer, input or output of a name that the network does not have."""

    __str__ = RunError.__str__


_KINDS: dict[str, type[RunError] | type[UsageError]] = {"unknown-name": UnknownName, "unknown-device": UsageError, "bad-value": UsageError}


def misuse(code: str, title: str, *notes: str, hint: str = "") -> NetspecError:
    """The error to raise; `code` names the sort of mistake for `netspec explain`."""
    return _KINDS.get(code, RunError)(title, *notes, hint=hint or None, code=code)
