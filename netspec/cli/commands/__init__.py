"""The commands, a file each, called as the command is.

    ABOUT                 a line of `netspec --help`
    EXAMPLES              what the help of the command shows
    ALSO                  (where there are any) names that other tools have for it: "did you mean"
    arguments(c)          adds its arguments to a parser, those that several commands share from cli/options.py
    run(args)             does it; returns the exit code

A file is found by where it lies. All are imported for `--help`, so what is heavy is imported by `run`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

# the order of the help
FIRST = ("check", "summary", "diff", "compare", "draw", "field", "backprop", "train", "predict", "evaluate", "runs", "report", "doctor", "bench", "verify",
         "show", "emit", "import", "export", "weights", "fmt", "explain")


def commands() -> dict[str, Any]:
    """Every command's module by its name, the usual ones first."""
    found = [m.name for m in pkgutil.iter_modules(__path__)]
    order = [*(n for n in FIRST if n in found), *sorted(set(found) - set(FIRST))]
    return {name: import_module(f"{__name__}.{name}") for name in order}
