"""`netspec runs`: what was trained, beside each other."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ...telling import finite, pass_on, say

if TYPE_CHECKING:
    from ....runtime.runs.listing import Row

ABOUT = "list the runs of a folder and compare them"
EXAMPLES = ("netspec runs", "netspec runs runs --format csv")
ALSO = ("ls", "list", "history")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("folder", nargs="?", default="runs", metavar="FOLDER", help="where they lie (default runs), or one of them")
    c.add_argument("--format", choices=("text", "json", "csv"), default="text", help="a table (default), or for programs")


def run(args: Namespace) -> int:
    """A line for each run, or each trial of a search: its net, how far it came, the numbers of its best epoch, the settings that
    differ between them; on a terminal as many of them as it has room for."""
    from ....runtime.runs.listing import differing, rows
    from ....searching.definition import is_search

    if is_search(args.folder):
        return _searched(args)
    found = rows(args.folder)
    if args.format == "json":
        _print_json([r.data() for r in found])
        return 0
    table = _table(found, differing(found))
    if args.format == "csv":
        _print_csv(table)
        return 0
    if not found:
        say(f"{args.folder} holds no runs")
        return 0
    import sys

    from ....terminal import cells, columns

    texts = [[str(v) for v in r] for r in table]
    widths = [max(cells(r[c]) for r in texts) for c in range(len(texts[0]))]
    chosen = _chosen(texts[0], widths, columns(sys.stdout), differing(found))
    for r in texts:
        say("  ".join(r[c] + " " * (widths[c] - cells(r[c])) for c in chosen).rstrip())
    if len(chosen) < len(widths):
        say(f"({len(widths) - len(chosen)} more columns: --format csv)")
    return 0


def _searched(args: Namespace) -> int:
    """Of the folder of a search: a line for each trial, the best first."""
    import sys

    from ....searching.table import cellular, rows, table
    from ....terminal import columns

    if args.format == "json":
        _print_json(rows(args.folder))
    elif args.format == "csv":
        _print_csv(cellular(args.folder))
    else:
        say(table(args.folder, columns(sys.stdout)))
    return 0


def _print_json(found: list[dict[str, Any]]) -> None:
    import json

    pass_on(json.dumps(finite(found), indent=1, ensure_ascii=False) + "\n")


def _print_csv(table: list[list[Any]]) -> None:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    pass_on(text.getvalue())


def _chosen(heads: list[str], widths: list[int], room: int | None, settings: list[str]) -> list[int]:
    """The columns for which there is room, in order: those that say most come first."""
    order = ["run", "epochs", "best", "val_loss", "val_accuracy", "loss", "accuracy", *map(_setting, settings)]
    taken, used = list[int](), -2
    for c in sorted(range(len(heads)), key=lambda c: order.index(heads[c]) if heads[c] in order else len(order)):
        if room is None or used + 2 + widths[c] <= room or not taken:
            taken.append(c)
            used += 2 + widths[c]
    return sorted(taken)


def _setting(name: str) -> str:
    """The head of a column of settings; `loss` is a number too."""
    return f"{name} line" if name == "loss" else name


def _table(found: list[Row], settings: list[str]) -> list[list[Any]]:
    numbers = list(dict.fromkeys(k for r in found for k in r.best if k != "epoch"))
    head = ["run", "net", "epochs", "best", *numbers, *(_setting(k) for k in settings)]

    def shown(v: Any) -> Any:
        return f"{v:.4f}" if isinstance(v, float) else v

    return [head, *([r.run, r.net, f"{r.epochs}/{max(r.planned, r.epochs)}" if r.planned else r.epochs, r.best.get("epoch", ""),
                     *(shown(r.best.get(k, "")) for k in numbers), *("" if (v := r.settings.get(k)) is None else v for k in settings)] for r in found)]
