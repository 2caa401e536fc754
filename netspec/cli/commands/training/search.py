"""`netspec search`: many trainings of a net, each with other values."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ....diagnostics import UsageError
from ....plain import shown, word
from ....terminal import columns
from ... import options
from ...ending import terminable
from ...nets import input_shapes, meant, settings, trained
from ...telling import in_columns, say

if TYPE_CHECKING:
    from ....searching.definition import Search
    from ....searching.results import Result

ABOUT = "search the values with which a net learns best: many trainings, in one folder"
EXAMPLES = ("netspec search specs/digits.net --with 'adamw lr=log(1e-5..1e-1) decay=log(1e-6..1e-2)' --trials 50",
            "netspec search my.net --set 'width=[0.5, 1, 2]' --with 'batch [32, 64]' --trials 20 --workers 4 --out widths",
            "netspec search --around widths --trials 20 --halving")
ALSO = ("tune", "sweep", "optuna", "hyperopt", "hyperparameters")


def arguments(c: ArgumentParser) -> None:
    c.add_argument("net", metavar="FILE[:NET]", nargs="?", help="a spec, and which of its nets; - is standard input")
    c.add_argument("--with", action="append", default=[], dest="lines", metavar="LINE",
                   help="a line of the train section with ranges in it: --with 'adamw lr=log(1e-5..1e-1)', --with 'batch [32, 64]'")
    c.add_argument("--set", action="append", default=[], dest="settings", metavar="NAME=RANGE",
                   help="a parameter of the net: --set 'width=[0.5, 1, 2]', --set depth=2..5, --set classes=10")
    c.add_argument("--input", action="append", default=[], dest="inputs", metavar="SHAPE",
                   help="the size of the input: --input 3x224x224, or NAME=SHAPE")
    c.add_argument("--trials", type=_trials, default=20, metavar="N", help="how many (default 20)")
    c.add_argument("--workers", type=options.whole, default=1, metavar="N",
                   help="processes on this machine (default 1); the same command on other machines helps in the same folder")
    c.add_argument("--out", type=options.file, metavar="FOLDER", help="where the trials lie (default searches/NET-N); the same "
                   "command again goes on in it")
    c.add_argument("--sampler", default="", metavar="NAME",
                   help="who chooses values: random (default), or by the results before, with netspec-nn[search]: tpe, cmaes")
    c.add_argument("--halving", type=_share, nargs="?", const=3, default=0, metavar="N",
                   help="train all a little, and one of N (default 3) longer each time, the best")
    c.add_argument("--around", type=options.file, metavar="TRIAL",
                   help="the folder of a trial, in the place of a spec: its search in ranges a third as wide around it; or that of "
                   "a search, around its best trial")
    c.add_argument("--data", metavar="DATA", help="what to train on instead of what the train section names")
    c.add_argument("--epochs", type=options.whole, metavar="N", help="of each trial")
    c.add_argument("--batch", type=options.whole, metavar="N", help="samples in a step")
    c.add_argument("--seed", type=options.seed, metavar="N", help="of what is drawn, and of each training (default 0)")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), help="where to run (default cpu)")
    c.add_argument("--threads", type=options.whole, metavar="N", help="CPU threads of each worker (default: its share of the cores)")
    c.add_argument("--dtype", choices=("float32", "float64"), help="of all numbers (default float32)")
    options.precision(c)
    c.add_argument("--lease", type=options.seconds, default=60.0, metavar="SECONDS",
                   help="after how much silence of a worker on another machine its trial is taken over (default 60)")
    c.add_argument("--quiet", action="store_true", help="say nothing but the table at the end")


def run(args: Namespace) -> int:
    """Do what is left of the trials, and say which are best."""
    from ....searching.study import begin
    from ....searching.study import run as searched
    from ....searching.table import table

    with terminable():
        search = begin(_asked(args), args.out)
        tell = _nothing if args.quiet else _told(search)
        if not args.quiet:
            _begin(search, args)
        try:
            found = searched(search, args.workers, args.threads, args.lease, tell)
        except KeyboardInterrupt:
            say(f"\n{search.folder} holds what is done; the same command goes on")
            raise
    say("\n" + table(search.folder, columns(sys.stdout), 10))
    if found.run is None:
        say(in_columns("\nno trial could be trained to its end: what is said of each above is why"))
        return 1
    if found.best is not None and found.best.watched == "lowest loss":
        say(in_columns("\nnone validate: the loss of training says which is best. A share of the examples can:  validation=0.2  in the data line"))
    place, best = word(str(search.folder)), word(str(found.run))
    say(f"\nnext:\n  netspec report {place}\n  netspec evaluate {best}\n  netspec search --around {best} --trials {search.trials}")
    return 0


def _asked(args: Namespace) -> Search:
    """What is to be searched, which has no folder yet."""
    from ....searching.definition import Search, definition_of
    from ....searching.narrowing import around
    from ....searching.sampling import checked

    asked = {"epochs": args.epochs, "batch": args.batch, "seed": args.seed, "dtype": args.dtype, "precision": args.precision,
             "data": args.data, "halving": args.halving, "sampler": checked(args.sampler),
             "device": args.device}
    if args.around is not None:
        if args.net is not None or args.lines or args.settings or args.inputs:
            raise UsageError("a search around a trial has the spec and the ranges of that",
                             hint=f"netspec search --around {word(args.around)} --trials {args.trials}")
        return around(args.around, args.trials, **{k: v for k, v in asked.items() if v})
    if args.net is None:
        raise UsageError("nothing to search is named", hint='netspec search my.net --with "adamw lr=log(1e-5..1e-1)"')
    if trained(args.net) is not None:
        raise UsageError(f"{args.net} is trained, and a search begins with a spec", hint="netspec search my.net")
    spec = meant(args.net)
    module = spec.origin().module
    said = {**asked, "data": args.data or "", "device": args.device or "cpu"}
    definition = definition_of(module, net=spec.net, lines=tuple(line.strip() for line in args.lines), parameters=settings(args),
                               sizes=input_shapes(args), **said)
    return Search(Path(), definition, args.trials, module.source.folder)


def _begin(search: Search, args: Namespace) -> None:
    """What is searched, and where."""
    if search.trials < args.trials:
        say(f"there are {search.trials} different trials, and no more")
    ranges = "  ".join(f"{d.name} {d.written}" for d in search.definition.space.dimensions)
    say(in_columns(f"search {shown(ranges)}"))
    say(f"{search.trials} trials in {shown(search.folder)}" + (f", {args.workers} workers" if args.workers > 1 else ""))


def _told(search: Search) -> Callable[[Result], None]:
    from ....searching.table import line

    best: list[Result] = []

    def tell(result: Result) -> None:
        say(line(result, search.trials, not best or result.rank < best[0].rank), flush=True)
        best[:] = [min([*best, result], key=lambda r: r.rank)]

    return tell


def _nothing(result: Result) -> None:
    """Where the user asked for quiet."""


def _trials(text: str) -> int:
    from ....limits import TRIALS

    n = options.whole(text)
    if n > TRIALS:
        raise ArgumentTypeError(f"{text} is not a whole number from 1 to {TRIALS:,}")
    return n


def _share(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 1000:
        raise ArgumentTypeError(f"{text[:60]!r} is no whole number from 2 to 1000, of which one trial goes on")
    return int(text)
