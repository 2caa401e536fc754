"""Findings on standard error: one text, whichever command found them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from ..diagnostics import Diagnostic, render, told


def tell(found: Iterable[Diagnostic]) -> None:
    """Every finding, then how many are errors and where more is said of them. What has no line in a spec speaks for itself."""
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    shown = told(found)
    for d in shown:
        print(render(d, color), end="\n\n", file=sys.stderr)
    errors = [d for d in shown if d.severity == "error"]
    if any(d.span for d in errors):
        print(f"{len(errors)} error{'s' if len(errors) > 1 else ''}; more on each:  netspec explain {min(d.code for d in errors if d.span)}", file=sys.stderr)
