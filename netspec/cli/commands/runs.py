"""`netspec runs`: what was trained, beside each other."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ..telling import finite, pass_on, say

if TYPE_CHECKING:
    from ...runtime.runs.listing import Row

ABOUT = "list the runs of a folder and compare them"
EXAMPLES = ("netspec runs", "netspec runs runs --format csv")
ALSO = ("ls", "list", "history")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("folder", nargs="?", default="runs", metavar="FOLDER", help="where they lie (default runs), or one of them")
    c.add_argument("--format", choices=("text", "json", "csv"), default="text", help="a table (default), or for programs")


def run(args: Namespace) -> int:
    """A line for each run: its net, how far it came, the numbers of its best epoch, the settings that differ between them."""
    from ...runtime.runs.listing import differing, rows

    found = rows(args.folder)
    if args.format == "json":
        import json

        pass_on(json.dumps(finite([r.data() for r in found]), indent=1, ensure_ascii=False) + "\n")
        return 0
    table = _table(found, differing(found))
    if args.format == "csv":
        import csv
        import io

        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        pass_on(text.getvalue())
        return 0
    if not found:
        say(f"{args.folder} holds no runs")
        return 0
    widths = [max(len(str(r[c])) for r in table) for c in range(len(table[0]))]
    for r in table:
        say("  ".join(f"{v!s:<{w}}" for v, w in zip(r, widths)).rstrip())
    return 0


def _table(found: list[Row], settings: list[str]) -> list[list[Any]]:
    numbers = list(dict.fromkeys(k for r in found for k in r.best if k != "epoch"))
    head = ["run", "net", "epochs", "best", *numbers, *settings]

    def shown(v: Any) -> Any:
        return f"{v:.4f}" if isinstance(v, float) else v

    return [head, *([r.run, r.net, f"{r.epochs}/{max(r.planned, r.epochs)}" if r.planned else r.epochs, r.best.get("epoch", ""),
                     *(shown(r.best.get(k, "")) for k in numbers), *(r.settings.get(k, "") for k in settings)] for r in found)]
