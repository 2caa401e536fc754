"""`netspec check`: every mistake of specs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from ....diagnostics import Diagnostic, NetspecError, strict, told
from ....plain import shown
from ...nets import meant, split, trained
from ...telling import say, tell

if TYPE_CHECKING:
    from ....syntax.tree import Module

ABOUT = "find every mistake in specs, without running anything"
EXAMPLES = ("netspec check specs/*.net", "netspec check --strict --format github my.net")
ALSO = ("lint", "validate")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("files", nargs="+", metavar="FILE[:NET]",
                   help="specs to check, each whole (:NET must be one of its nets); - is standard input")
    c.add_argument("--format", choices=("text", "json", "github"), default="text",
                   help="text for people (default), json, or github annotations")
    c.add_argument("--strict", action="store_true", help="warnings, and pixels that a stride leaves over, are errors")


def run(args: Namespace) -> int:
    """Every mistake of every file; of FILE:NET as well, where the net must be one of its own. JSON and github annotations are
    output; text for people goes to standard error."""
    from ....elaborate.check import check_module
    from ....elaborate.nets import net_of
    from ....runtime.check.foretold import foretold

    found: list[tuple[str, Diagnostic]] = []
    fine = []
    for file in args.files:
        try:
            net = split(file)[1]
            module, mistakes = _read(file)
            # a spec that comes with netspec says which file it is
            file = file if file == "-" or trained(file) else module.source.name
            if net is not None:
                net_of(module, net)
            of_file = check_module(module, mistakes, also=foretold)
        except NetspecError as e:
            of_file = list(e.diagnostics)
        if trained(file) is not None:
            from ....runtime.asking.data import elsewhere

            of_file = [replace(d, hint=elsewhere()) if d.code == "missing-file" else d for d in of_file]
        if args.strict:
            of_file = list(strict(of_file))
        if not any(d.severity == "error" for d in of_file):
            fine.append(file)
        found += [(file, d) for d in of_file]
    errors = any(d.severity == "error" for _, d in found)
    if args.format == "json":
        import json

        say(json.dumps([d.as_json(file) for file, d in found], indent=1))
        return 1 if errors else 0
    if args.format == "github":
        for file, d in found:
            if told([d]):
                say(d.as_github(file))
    else:
        tell(d for _, d in found)
        for file in fine:
            say(f"{shown(file)}: fine")
    return 1 if errors else 0


def _read(target: str) -> tuple[Module, list[Diagnostic]]:
    """The tree of a spec, or of the one that a checkpoint holds, and what could not be read of it."""
    from ....syntax.load import read_source
    from ....syntax.parser import parse_recovering

    if trained(target) is not None:
        return meant(target).module, []
    return parse_recovering(read_source(split(target)[0]))
