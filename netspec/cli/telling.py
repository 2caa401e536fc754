"""What commands print: results on standard output, findings on standard error, whichever command found them. No character
of a spec or a file name reaches the terminal as an order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from math import isfinite
from typing import Any

from ..diagnostics import Diagnostic, render, told
from ..plain import shown
from ..terminal import columns, folded, in_a_row


def say(*text: object, end: str = "\n", flush: bool = False) -> None:
    """Print results."""
    print(shown(" ".join(map(str, text)), lines=True), end=end, flush=flush)


def pass_on(text: str) -> None:
    """Print a text for a program to read: to the letter, unless a person is watching."""
    print(shown(text, lines=True) if sys.stdout.isatty() else text, end="")


def tell(found: Iterable[Diagnostic]) -> None:
    """Every finding, then how many are errors and where more is said of them. What has no line in a spec speaks for itself."""
    color, room = sys.stderr.isatty() and "NO_COLOR" not in os.environ, columns(sys.stderr)
    of_them = told(found)
    for d in of_them:
        print(render(d, color, room), end="\n\n", file=sys.stderr)
    errors = [d for d in of_them if d.severity == "error"]
    if any(d.span for d in errors):
        many = f"{len(errors)} error{'s' if len(errors) > 1 else ''}; more on each:"
        print(in_a_row([many, f"netspec explain {min(d.code for d in errors if d.span)}"], room), file=sys.stderr)


def in_columns(text: str) -> str:
    """Prose as wide as the lines of standard output may be."""
    return folded(text, columns(sys.stdout))


def finite(value: Any) -> Any:
    """A value as JSON has it: what is no number, or is infinite, is null."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value
