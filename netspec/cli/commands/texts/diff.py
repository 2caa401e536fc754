"""`netspec diff`: what two nets differ in."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ....diagnostics import UsageError
from ....plain import shown
from ... import options
from ...nets import meant
from ...telling import pass_on, say

ABOUT = "what two nets differ in; the exit code is 1 where they do"
EXAMPLES = ("netspec diff specs/resnet.net:resnet18 specs/resnet.net:resnet34", "netspec diff old.net new.net -o diff.svg",
            "netspec diff --git  # what git is told:  git config diff.netspec.command 'netspec diff --git'")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("nets", metavar="FILE[:NET]", nargs="+", help="two nets")
    c.add_argument("--format", choices=("text", "json"), default="text", help="a report (default) or json")
    options.picture(c, required=False)
    c.add_argument("--git", action="store_true",
                   help="as git calls a driver for *.net: path, old file, hex and mode, new file, hex and mode (see docs/tables.md)")


def run(args: Namespace) -> int:
    """What two nets differ in; 1 where they do, as `diff` has it."""
    if args.git:
        return _git(args.nets)
    if len(args.nets) != 2:
        raise UsageError(f"two nets differ, and {'one is' if len(args.nets) == 1 else f'{len(args.nets)} are'} given",
                         hint="netspec diff old.net new.net" if len(args.nets) == 1 else "netspec compare a.net b.net c.net")
    import json

    from ....views.differences.diff import diff as compare

    if args.output:
        options.drawable(args.output, "diff")
    found = compare(*(meant(target).graph() for target in args.nets))
    if args.output == "-":
        pass_on(found.svg(args.theme))
        return 1 if found else 0
    say(json.dumps(found.data(), indent=1) if args.format == "json" else found, end="\n" if args.format == "json" else "")
    if args.output:
        found.draw(args.output, args.theme)
        if args.format == "text":
            say(f"drew {shown(args.output)}")
    return 1 if found else 0


def _git(words: list[str]) -> int:
    """git's external diff (git help git, GIT_EXTERNAL_DIFF). It stops where the exit code is another than 0."""
    from ....diagnostics import NetspecError
    from ....views.differences.git import changed

    if len(words) == 1:  # a merge is not over
        say(f"* {words[0]} has conflicts")
        return 0
    if len(words) not in (7, 9):
        raise UsageError(f"git calls a driver with seven arguments, and these are {len(words)}",
                         hint="git config diff.netspec.command 'netspec diff --git'")
    try:
        say(changed(words[0], words[1], words[4], words[7] if len(words) == 9 else None), end="")
    except NetspecError as e:
        say(f"netspec diff a/{words[0]} b/{words[0]}\n  {e.diagnostics[0].title}")
    return 0
