"""`netspec train`: a net trained as its train section says."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ....diagnostics import MissingFileError, UsageError
from ....plain import shown, word
from ....terminal import columns, folded
from ... import options
from ...ending import terminable
from ...nets import input_shapes, meant, settings, trained
from ...telling import say

if TYPE_CHECKING:
    from ....runtime.distributed.world import World
    from ....runtime.network import Network

ABOUT = "train a net as its `train` section says"
EXAMPLES = ("netspec train specs/digits.net", "netspec train specs/digits.net --with 'adam lr=1e-3' --epochs 3 --out digits",
            "netspec train specs/digits.net --seeds 0..2 --epochs 3", "netspec train --resume runs/digits-1")
ALSO = ("fit",)


def arguments(c: ArgumentParser) -> None:
    options.net(c, optional=True)
    c.add_argument("--data", metavar="DATA",
                   help="what to train on instead of what the train section names, wherever it lies: digits, a path, 'images \"folder\"'")
    c.add_argument("--with", action="append", default=[], dest="lines", metavar="LINE",
                   help="a line of the train section, instead of those that begin with its word: --with 'adamw lr=3e-4'; repeatable")
    c.add_argument("--epochs", type=options.whole, metavar="N",
                   help="how often to go through the data in all; schedules end there")
    group = c.add_mutually_exclusive_group()
    group.add_argument("--batch", type=options.whole, metavar="N", help="samples in a step")
    group.add_argument("--memory", metavar="SIZE", help="the largest batch that trains in so much: --memory 8GB")
    how = c.add_mutually_exclusive_group()
    how.add_argument("--seed", type=options.seed, metavar="N",
                     help="of the first weights, dropout and the order of the data (default 0; with --resume, that of the run)")
    how.add_argument("--seeds", type=options.seeds, metavar="0..4",
                     help="train once with each, and say the mean and the deviation of each number")
    c.add_argument("--folds", type=options.folds, metavar="K",
                   help="cross-validation: train K times, each time a K-th of the data validates")
    c.add_argument("--device", choices=("cpu", "cuda", "reference"), default="cpu", help="where to run (default cpu)")
    c.add_argument("--threads", type=options.whole, metavar="N", help="CPU threads; results do not depend on it")
    c.add_argument("--workers", type=options.whole, metavar="N",
                   help="share each step among so many processes, to the same bits: the `shards` of its batch")
    c.add_argument("--hosts", metavar="A,B", help="the machines that the workers run on, where they are not this one")
    c.add_argument("--timeout", type=options.seconds, metavar="SECONDS",
                   help="a worker that the others wait for so long counts as dead (default: never)")
    c.add_argument("--dtype", choices=("float32", "float64"), help="of all numbers (default float32)")
    options.precision(c)
    c.add_argument("--out", type=options.file, metavar="PLACE",
                   help="the folder of the run (default runs/NET-N); or FILE.safetensors, for the last weights alone")
    c.add_argument("--resume", type=options.file, metavar="RUN",
                   help="go on with a run, or from a checkpoint, exactly as if there had been no pause")
    told = c.add_mutually_exclusive_group()
    told.add_argument("--report", action="store_true",
                      help="write report.html into the run: what it has come to in words, curves, layers, answers")
    told.add_argument("--live", action="store_true", help="the same, written anew after every epoch, to watch in a browser")
    c.add_argument("--quiet", action="store_true", help="no progress display")


def run(args: Namespace) -> int:
    """Compile a net and train it as its `train` section says; the command line's own numbers win."""
    from ....runtime.distributed.launching import done, launched, on

    workers = _workers(args)
    if workers is None:
        return launched(args.words, args.workers, on(args.hosts))
    try:
        code = _trained(args, workers)
        done()
        return code
    except BaseException as e:
        workers.failed(e)
        raise


def _trained(args: Namespace, workers: World) -> int:
    from ....elaborate.tree_to_graph import read_module
    from ....runtime.misuse import Remark
    from ....runtime.network import made
    from ....runtime.runs.several import folded, seeded
    from ....runtime.train.session import train

    with terminable(), warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        warnings.showwarning = _show
        target = _target(args)
        dtype = args.dtype or _dtype(trained(target) if args.resume is None else args.resume)
        spec = meant(target, settings(args), input_shapes(args), args.precision)
        said = args.data is not None or any(line.split()[:1] == ["data"] for line in args.lines)
        if args.net is None and trained(target) is None:  # the spec in the folder of a run: its data lie where they lay
            spec = replace(spec, module=read_module(replace(spec.module.source, folder=os.getcwd())))
        origin = spec.origin(args.lines)

        def one(seed: int | None) -> Network:
            net = made(origin, args.device, dtype, seed).configure(factors=spec.factors)
            net.state.learnt.data = "" if said else spec.data
            return net

        how = {"epochs": args.epochs, "batch": args.batch, "memory": args.memory, "threads": args.threads, "quiet": args.quiet,
               "workers": workers, "report": "live" if args.live else "end" if args.report else "",
               "spec": None if _said(args) else args.net or args.resume, "data": args.data}
        if args.resume is not None and (args.seeds or args.folds):
            raise UsageError("a run that goes on has its seed and its examples", hint="--resume RUN alone")
        if args.seeds or args.folds:
            sessions = folded(one, args.folds, args.seeds or (args.seed,), args.out, **how) if args.folds else \
                seeded(one, args.seeds, args.out, **how)
            say(sessions.lines(columns(sys.stdout), args.out))
            return 0
        train(one(args.seed), out=args.out, resume=args.resume, seed=args.seed, **how)
    return 0


def _workers(args: Namespace) -> World | None:
    """The workers that this process is one of; None where they are still to be started."""
    from ....runtime.distributed.joining import joined, started
    from ....runtime.distributed.world import ALONE

    if args.hosts and not args.workers:
        raise UsageError("--hosts are those of workers", hint=f"--workers 4 --hosts {args.hosts}")
    if args.workers and started() and args.workers != started():
        raise UsageError(f"{started()} workers were started, and --workers asks for {args.workers}", hint="without --workers")
    if not started():
        return ALONE if (args.workers or 1) == 1 and not args.hosts else None
    found = joined(args.timeout)
    if found.size > 1:
        from ...streams import when

        sys.stdout, sys.stderr = when(sys.stdout, lambda: found.first), when(sys.stderr, lambda: found.first)
    return found


def _said(args: Namespace) -> bool:
    """Whether the command line says of the training what its spec does not."""
    return bool(args.settings or args.inputs or args.lines or args.epochs or args.batch or args.memory or args.data
                or args.precision or args.dtype)


def _target(args: Namespace) -> str:
    """FILE[:NET]; of a run that goes on, its own spec where no other is named."""
    if args.net is not None:
        return str(args.net)
    if args.resume is None:
        raise UsageError("nothing to train is named", hint="netspec train my.net")
    from ....runtime.runs.folder import SPEC, read_log, to_resume

    checkpoint, run = to_resume(args.resume)
    if checkpoint is not None:
        return str(checkpoint)
    folder = run.folder if run is not None else Path(args.resume)
    if not (folder / SPEC).is_file():
        raise MissingFileError(f"{folder} holds neither a checkpoint nor a spec to begin anew from",
                               f"netspec train my.net --resume {word(str(folder))}")
    net = read_log(folder)[0].get("net")
    return f"{folder / SPEC}" + (f":{net}" if net else "")


def _dtype(resume: str | None) -> str | None:
    """That of the training that goes on."""
    from ....runtime.io.checkpoint import checked
    from ....runtime.runs.folder import to_resume

    before = to_resume(resume)[0] if resume is not None else None
    return str(checked(before)["dtype"]) or None if before is not None else None


def _show(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
          line: str | None = None) -> None:
    """Our own remarks in one line for people, others as Python shows them."""
    from ....runtime.misuse import Remark

    text = (folded(f"warning: {shown(message, lines=True)}", columns(sys.stderr)) + "\n" if issubclass(category, Remark)
            else warnings.formatwarning(message, category, filename, lineno, line))
    print(text, end="", file=file or sys.stderr, flush=True)
