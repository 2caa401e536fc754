"""`netspec predict`: what a trained network says of pictures and arrays."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ....diagnostics import UsageError
from ....plain import shown
from ....terminal import cells, columns, in_a_row
from ... import options
from ...telling import finite, pass_on, say

if TYPE_CHECKING:
    from ....runtime.asking.answer import Answer

ABOUT = "say what is on pictures, or what a trained network makes of arrays"
EXAMPLES = ("netspec predict runs/shapes-1 new/*.jpg", "netspec predict runs/shapes-1 new --format json --top 1",
            "netspec predict runs/shapes-1 runs/shapes-2 cat.jpg   # the mean of both")
ALSO = ("infer", "classify", "run")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("trained", metavar="RUN", help="the folder of a run, or a checkpoint; of several the mean")
    c.add_argument("files", nargs="+", metavar="PICTURE", help="pictures, folders of them, .npy or .npz files of arrays")
    c.add_argument("--format", choices=("text", "json", "csv"), default="text", help="for people (default), or for programs")
    c.add_argument("--top", type=options.whole, default=5, metavar="K",
                   help="how many classes of each, the likeliest first (default 5)")
    c.add_argument("--batch", type=options.whole, default=64, metavar="N", help="how many at a time (default 64)")
    options.views(c)
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")
    c.add_argument("-o", "--output", type=options.file, metavar="FILE",
                   help="all outputs as arrays (.npz); of maps of classes, a folder for pictures of class numbers, as large as what they are of")


def run(args: Namespace) -> int:
    """Print an answer for each example; what cannot be read is said together at the end, and the exit code is then 1."""
    from ....diagnostics import Diagnostic, NetspecError
    from ....runtime.asking.answer import answers
    from ....runtime.asking.answers import speaker
    from ....runtime.asking.examples import batches, listed
    from ....runtime.asking.kept import kept
    from ....waiting import wait
    from ...trained import network, runs_first

    runs, files = runs_first([args.trained, *args.files])
    if not files:
        raise UsageError("nothing is asked: there are only runs", hint=f"netspec predict {shown(runs[0])} picture.jpg")
    nets = [network(r, args.device) for r in runs]
    by = speaker(nets, runs)
    found, wrong = listed(files)
    told: list[Answer] = []
    arrays = any(f.lower().endswith((".npy", ".npz")) for f in found)
    asked = 0
    with kept(args.output, by) as keep, wait("answering example", None if arrays else len(found)) as at:
        for parts in zip(*(batches(n, found, args.batch, wrong if n is nets[0] else list[Diagnostic](), args.ten_crop)
                           for n in nets)):
            at(asked + 1)
            asked += len(parts[0].names)
            out = by.outputs([p.inputs for p in parts], args.batch, args.ten_crop, args.flip)
            now = list(answers(by.reading, parts[0].names, out[by.output], args.top))
            keep(now, out, parts[0].shapes)
            if args.format == "json":
                told += now
            else:
                _print(now, args.format, first=not told)
                told += now[:1]
    if args.format == "json":
        import json

        pass_on(json.dumps([finite(a.data()) for a in told], indent=1, ensure_ascii=False) + "\n")
    if wrong:
        raise NetspecError(*wrong)
    return 0


def _print(answers: list[Answer], form: str, first: bool) -> None:
    if form == "csv":
        _csv(answers, first)
        return
    width, room = min(60, max((cells(a.file) for a in answers), default=0)), columns(sys.stdout)
    for a in answers:
        line = f"{a.file}{' ' * (width - cells(a.file))}  {a}"
        say(line if room is None or cells(line) <= room else in_a_row([a.file, *a.said()], room), flush=True)


def _csv(answers: list[Answer], first: bool) -> None:
    """A line for each class of each example, or one with all its numbers."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for a in answers:
        if first:
            many: Any = a.values
            writer.writerow(["file", "class", "probability"] if a.predictions else ["file", "class", "share"] if a.shares
                            else ["file", *(a.columns or (f"value{k + 1}" for k in range(many.size)))])
            first = False
        if a.predictions or a.shares:
            writer.writerows([a.file, c, p] for c, p in a.predictions or a.shares)
        else:
            values: Any = a.values
            writer.writerow([a.file, *map(float, values.reshape(-1))])
    pass_on(text.getvalue())
