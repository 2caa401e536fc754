"""The commands, a file each, called as the command is. They lie in rooms, under whose titles `netspec --help` lists them.

    ABOUT                 a line of `netspec --help`
    EXAMPLES              what the help of the command shows
    ALSO                  (where there are any) names that other tools have for it: "did you mean"
    arguments(c)          adds its arguments to a parser, those that several commands share from cli/options.py
    run(args)             does it; returns the exit code

A file is found by where it lies, in a room or beside the rooms. All are imported for `--help`, so what is heavy is imported
by `run`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

# the order of the help: rooms and in each the usual commands first
ROOMS = {
    "texts": ("check", "summary", "diff", "compare", "show", "fmt", "explain", "lsp"),
    "pictures": ("draw", "field", "backprop", "look", "dream", "style"),
    "training": ("train", "search", "predict", "evaluate", "runs", "report", "doctor", "bench", "verify"),
    "exchange": ("emit", "import", "export", "weights"),
}


def rooms() -> dict[str, dict[str, Any]]:
    """The modules of the commands by their names, by the title of their room; "" of those beside the rooms."""
    out: dict[str, dict[str, Any]] = {}
    for room, first in ROOMS.items():
        package: Any = import_module(f"{__name__}.{room}")
        names = [m.name for m in pkgutil.iter_modules(package.__path__)]
        order = [*(n for n in first if n in names), *sorted(set(names) - set(first))]
        out[package.__doc__] = {name: import_module(f"{package.__name__}.{name}") for name in order}
    return {**out, "": {m.name: import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if not m.ispkg}}


def commands() -> dict[str, Any]:
    """Every command's module by its name, in the order of the help."""
    return {name: command for room in rooms().values() for name, command in room.items()}

