"""`netspec report`: the page of a training, and of several beside each other."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import UsageError
from ....plain import shown, word
from ....terminal import columns
from ... import options
from ...telling import finite, in_columns, pass_on, say

ABOUT = "write the page of a run, of several, or of a search: what it has come to in words, curves, layers, answers, pictures"
EXAMPLES = ("netspec report runs/digits-1", "netspec report runs/digits-1 runs/digits-2 -o both.html")
ALSO = ("dashboard", "tensorboard", "curves", "plot")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("runs", metavar="RUN", nargs="+", help="the folder of a run, curves of several lie over each other; or that of a search")
    c.add_argument("-o", "--output", type=options.file, metavar="PAGE",
                   help="where to, a name that ends in .html (default: report.html in the run, or in each of several)")
    c.add_argument("--data", metavar="LINE",
                   help="the data, where they are no longer where the run says: 'images \"folder\"', digits, a path")
    c.add_argument("--format", choices=("text", "json"), default="text",
                   help="what is printed: verdicts for people (default), or an object")


def run(args: Namespace) -> int:
    if args.output is not None and Path(args.output).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is written as .html, and not as {args.output}", hint="-o report.html")
    from ....searching.definition import is_search

    if any(map(is_search, args.runs)):
        return _searched(args)
    from ....runtime.watching.again import looked_at
    from ....runtime.watching.pages import PAGE, write_page
    from ....views.report.verdicts.table import verdicts

    folders = [Path(r) for r in args.runs]
    stories = [looked_at(f, args.data) for f in folders]
    places = [Path(args.output)] if args.output is not None else [f / PAGE for f in folders]
    for place in places:
        write_page(place, stories)
    found = [(f, s, verdicts(s)) for f, s in zip(folders, stories)]
    if args.format == "json":
        told = [{"run": str(f), "verdicts": [v.data() for v in vs], "best": s.best, "missing": list(s.missing)} for f, s,
                vs in found]
        pass_on(json.dumps(finite(told), indent=1, ensure_ascii=False) + "\n")
        return 0
    for f, s, vs in found:
        say(in_columns(f"{f}: {vs[0].title} ({vs[0].said})"))
        for v in vs[1:]:
            say(in_columns(f"  also: {v.title} ({v.said})"))
        for m in s.missing:
            say(in_columns(f"  {m}"))
    for place in places:
        say(f"wrote {shown(place)}")
    return 0


def _searched(args: Namespace) -> int:
    """The page of a search: what each value did."""
    from ....searching.pictured import write_page
    from ....searching.table import rows, table

    if len(args.runs) > 1:
        raise UsageError("a search has a page by itself", hint=f"netspec report {word(args.runs[0])}")
    place, shown_ = write_page(Path(args.runs[0]), None if args.output is None else Path(args.output))
    if args.format == "json":
        pass_on(json.dumps(finite(rows(args.runs[0])), indent=1, ensure_ascii=False) + "\n")
        return 0
    say(table(args.runs[0], columns(sys.stdout), 5))
    for r, end in shown_.edges():
        say(in_columns(f"{r.name} is best at the {end} end of its range: better values may lie beyond"))
    say(f"wrote {shown(place)}")
    return 0
