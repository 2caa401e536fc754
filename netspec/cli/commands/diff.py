"""`netspec diff`: what two nets differ in."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..nets import meant
from ..telling import say

ABOUT = "what two nets differ in; the exit code is 1 where they do"
EXAMPLES = ("netspec diff specs/resnet.net:resnet18 specs/resnet.net:resnet34", "netspec diff old.net new.net")
ALSO = ("compare",)


def arguments(c: ArgumentParser) -> None:
    c.add_argument("first", metavar="FILE[:NET]", help="a net")
    c.add_argument("second", metavar="FILE[:NET]", help="another")
    c.add_argument("--format", choices=("text", "json"), default="text", help="a report (default) or json")


def run(args: Namespace) -> int:
    """What two nets differ in; 1 where they do, as `diff` has it."""
    import json

    from ...views.differences.diff import diff as compare

    first, second = (meant(target).graph() for target in (args.first, args.second))
    found = compare(first, second)
    say(json.dumps(found.data(), indent=1) if args.format == "json" else found, end="\n" if args.format == "json" else "")
    return 1 if found else 0
