"""`netspec compare`: what several nets cost, in a table and a chart."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....diagnostics import MissingFileError, UsageError
from ....plain import shown
from ... import options
from ...nets import input_shapes, meant
from ...telling import pass_on, say

ABOUT = "what several nets cost: a table, and the chart of work against accuracy or parameters"
EXAMPLES = ("netspec compare specs/resnet.net:resnet18 specs/resnet.net:resnet50 specs/vgg.net:vgg16 -o chart.svg",
            "netspec compare a.net b.net --accuracy a=76.1 --accuracy b=77.4 -o chart.svg")
ALSO = ("chart",)
NAMES, JUDGED = ("net", "name", "model", "network"), ("acc", "top1", "top-1", "top 1")  # heads of a table of accuracies


def arguments(c: ArgumentParser) -> None:
    c.add_argument("nets", metavar="FILE[:NET]", nargs="+", help="nets, runs or checkpoints")
    options.table(c)
    options.picture(c, required=False)
    c.add_argument("--accuracy", action="append", default=[], metavar="NET=76.1|FILE.csv",
                   help="the accuracy of a net in percent, or a table of them: a line each, name and number; 'published' takes those "
                        "that torchvision publishes of nets that come with netspec")
    c.add_argument("--area", choices=("parameters", "memory"),
                   help="what the area of a circle says (default: parameters over accuracy, memory over parameters)")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of the input of all of them: --input 3x224x224")


def run(args: Namespace) -> int:
    from ....views.comparisons.compare import compare
    from ....views.tables.formats import FORMATS

    if args.output:
        options.drawable(args.output, "chart")
    sizes = input_shapes(args)
    found = compare([meant(target, sizes=sizes).graph() for target in args.nets], _accuracies(args.accuracy), args.area,
                    "published" in args.accuracy)
    if args.output == "-":
        pass_on(found.svg(args.theme))
        return 0
    if args.format == "json":
        import json

        say(json.dumps(found.data(), indent=1))
    elif args.format in FORMATS:
        pass_on(FORMATS[args.format](found.table))
    else:
        say(found, end="")
    if args.output:
        found.draw(args.output, args.theme)
        if args.format == "text":
            say(f"drew {shown(args.output)}")
    return 0


def _accuracies(given: list[str]) -> dict[str, float]:
    """`resnet50=76.1`, or a file of names and numbers."""
    found: dict[str, float] = {}
    for text in given:
        name, equals, number = text.rpartition("=")
        if text == "published":
            continue
        if not equals:
            found |= _table(text)
        elif (value := _number(number)) is None or not name:
            raise UsageError(f"--accuracy takes NET=NUMBER or a file, and `{shown(text)}` is neither", hint="--accuracy resnet50=76.1")
        else:
            found[name] = value
    return found


def _table(file: str) -> dict[str, float]:
    """The names and numbers of a CSV file; a first line that says which is which is its heading."""
    import csv

    from ....reading import opened

    try:
        with opened(Path(file)) as f:
            text = f.read(1_000_000).decode("utf-8-sig")
    except (OSError, ValueError) as e:
        raise MissingFileError(f"{file} cannot be read: {getattr(e, 'strerror', None) or 'it is no text'}",
                               hint="--accuracy resnet50=76.1   or   a file with a line each:  resnet50,76.1") from None
    rows = [[c.strip() for c in r] for r in csv.reader(text.splitlines()) if any(c.strip() for c in r)]
    heads = [h.lower() for h in rows[0]] if rows else []
    named = next((k for k, h in enumerate(heads) if h in NAMES), None)
    judged = next((k for k, h in enumerate(heads) if h.startswith(JUDGED)), None)
    if named is None and judged is None:  # no heading
        heads = []
    named, judged = named or 0, 1 if judged is None else judged
    found = {}
    for k, row in enumerate(rows[bool(heads):], 1 + bool(heads)):
        value = _number(row[judged]) if len(row) > max(named, judged) else None
        if value is None:
            raise UsageError(f"{file} has a line that is no name and number: line {k}", hint="resnet50,76.1")
        found[row[named]] = value
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
